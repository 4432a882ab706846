"""The fast way: one warm process, each notebook in a fork of it."""

from __future__ import annotations

from .notebook import Document
from .stock import start

__all__ = ["ForkEngine", "is_safe", "start"]


class ForkEngine:
    """The papermill engine `deploybook`."""


def is_safe(document: Document) -> bool:
    """Whether this notebook can run in a fork here."""
    return False

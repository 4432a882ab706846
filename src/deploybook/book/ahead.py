"""
A report's judging, once: in the notebook's process before any cell ran, from the files.

The book that the first cell opens has these facts already, and the command gets the same ones for the page's documents.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

from ..facts import Facts
from . import Book, judged

__all__ = ["judge", "read"]


def judge(parameters: Mapping[str, Any]) -> bytes:
    """The facts of the report with these parameters, kept for the cell that opens it."""
    book = Book.open(parameters["deployment"], parameters["after"])
    told = pickle.dumps(book.facts)
    judged[book.workspace.root, parameters["deployment"], parameters["after"]] = book
    return told


def read(told: bytes) -> Facts:
    """told: from `judge`, sealed before a cell could write it."""
    facts: Facts = pickle.loads(told)
    return facts

"""How a finding is told: what is only worth noting, and what raises the page to Watch."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ..model import Finding

Labels = tuple[tuple[str, str], ...]


def note(
    kind: str,
    text: str,
    metric: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    labels: Labels = (),
) -> Finding:
    return Finding(kind=kind, severity="info", text=text, metric=metric, start=start, end=end, labels=labels)


def warn(*said: Any, **more: Any) -> Finding:
    """As a note, but it raises the page."""
    return replace(note(*said, **more), severity="warn")

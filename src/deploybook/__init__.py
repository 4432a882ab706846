"""
deploybook: the runbook says what to do, the deploybook shows what happened.

In a notebook: `from deploybook import Book`. Importing the package imports nothing else; names are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .book import Book
    from .book.day import Day
    from .charts.figures import figure_defaults

__all__ = ["Book", "Day", "__version__", "figure_defaults"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "Book":
        from .book import Book

        return Book
    if name == "Day":
        from .book.day import Day

        return Day
    if name == "figure_defaults":
        from .charts.figures import figure_defaults

        return figure_defaults
    raise AttributeError(f"module 'deploybook' has no attribute {name!r}")

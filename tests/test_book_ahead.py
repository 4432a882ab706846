"""A report is judged once: the cell that opens the book has the facts which the command was told."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploybook import Book
from deploybook.book import ahead

SLUG = "2025-01-22-telemetry-step2"


@pytest.mark.parametrize("after", [None, "24h", "closing"])
def test_the_first_cell_opens_the_book_that_was_judged(
    root: Path, monkeypatch: pytest.MonkeyPatch, after: str | None
) -> None:
    monkeypatch.setenv("DEPLOYBOOK_WORKSPACE", str(root))

    told = ahead.judge({"deployment": SLUG, "after": after})
    first, second = Book.open(SLUG, after=after), Book.open(SLUG, after=after)

    assert "facts" in first.__dict__
    assert "facts" not in second.__dict__
    assert ahead.read(told) == first.facts == second.facts


def test_a_book_of_another_time_is_judged_for_itself(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYBOOK_WORKSPACE", str(root))

    ahead.judge({"deployment": SLUG, "after": None})

    assert "facts" not in Book.open(SLUG, as_of=None).__dict__
    assert "facts" in Book.open(SLUG).__dict__

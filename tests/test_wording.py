"""Numbers with their unit, as a reader sees them."""

from __future__ import annotations

import pytest
from build import metric

from deploybook.model import Delta
from deploybook.wording import delta_text, plural, singular, value_text, with_unit

FAILURES = metric("counter", "parser_failure_total", better="lower", delta="absolute")


def test_one_event_is_one_and_any_other_number_is_many() -> None:
    assert [value_text(FAILURES, count) for count in (0.0, 1.0, 2.0)] == ["0 errors", "1 error", "2 errors"]
    assert [delta_text(FAILURES, Delta(absolute=by)) for by in (1.0, -1.0, 3.0)] == [
        "+1 error",
        "−1 error",
        "+3 errors",
    ]
    assert with_unit("1.0", "errors") == "1.0 errors"


@pytest.mark.parametrize(
    ("many", "one"),
    [("requests", "request"), ("retries", "retry"), ("batches", "batch"), ("ms", "ms"), ("rps", "rps")],
)
def test_only_a_plain_word_has_a_singular(many: str, one: str) -> None:
    assert singular(many) == one
    assert singular("celsius") == "celsius"


def test_a_count_has_all_its_digits() -> None:
    assert plural(1, "row") == "1 row"
    assert plural(1_234_567, "row has", "rows have") == "1234567 rows have"
    assert plural(2.0, "run") == "2 runs"

"""Parameters are checked before any kernel starts; what would change in silence keeps its text."""

from __future__ import annotations

import datetime

import pytest

from deploybook.errors import UsageProblem
from deploybook.run import parameters
from deploybook.run.parameters import check, code, declarations


def given(source: str, **values: object) -> dict[str, object]:
    return check(declarations(source), values)


def typed(source: str, text: str) -> object:
    """What `-p x text` gives for a parameter x declared by source."""
    return given(source, x=text)["x"]


def test_declarations_of_every_form_are_read() -> None:
    found = declarations('deployment, after = "2025-01-22-telemetry-step2", None\nx: int = 3\na = b = 1\nneeded: str\n')

    assert list(found) == ["deployment", "after", "x", "a", "b", "needed"]
    assert found["deployment"].default == "2025-01-22-telemetry-step2"
    assert found["after"].default is None
    assert (found["x"].annotation, found["x"].default) == ("int", 3)
    assert found["needed"].required


def test_imports_and_computed_defaults_are_left_alone() -> None:
    found = declarations("from datetime import date\nday = date.today()\nleft, right = pair()\n")

    assert list(found) == ["day", "left", "right"]
    assert not any(one.required for one in found.values())


def test_an_unknown_name_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageProblem, match="'aftr' is not declared; did you mean 'after'"):
        given("after = None", aftr="24h")


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(UsageProblem) as caught:
        given("x: int = 3\nneeded: str", x="three", wrong=1)

    text = str(caught.value)
    assert "'x' (int): 'three' does not fit" in text
    assert "'wrong' is not declared" in text
    assert "'needed' has no value and no default" in text


@pytest.mark.parametrize(
    "name", ["x=1;import os;os.system('touch PWNED');y", "X-1", "1x", "x y", "x\n", "", "é", "_" * 65, "x;"]
)
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageProblem, match="is no parameter name"):
        check(declarations("x = 1"), {name: 1})


@pytest.mark.parametrize(
    "text", ["1.10", "007", "1e5", "14:00", "nan", "inf", "1_000", "6e2", "true", " 1", "+1", "-0"]
)
def test_text_that_would_change_keeps_its_text(text: str) -> None:
    assert typed("x = None", text) == text


def test_a_default_that_is_text_keeps_text() -> None:
    assert typed('x = "0.9"', "1.5") == "1.5"


def test_the_word_false_is_not_true() -> None:
    assert typed("x = True", "false") is False
    with pytest.raises(UsageProblem, match="neither true nor false"):
        typed("x = True", "no")


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        ("int", "007", 7),
        ("float", "1e5", 100000.0),
        ("str", "1.10", "1.10"),
        ("str", "None", "None"),
        ("bool", "false", False),
        ("int | None", "None", None),
        ("'int | None'", "5", 5),
        ("Optional[int]", "5", 5),
        ("str | int", "5", "5"),
        ("Literal['a', 2]", "2", 2),
        ("list[int]", "[1, 2]", [1, 2]),
        ("Duration", "5 min", "5 min"),
    ],
)
def test_an_annotation_decides_the_type(annotation: str, text: str, value: object) -> None:
    assert typed(f"x: {annotation} = 1", text) == value


@pytest.mark.parametrize(
    ("annotation", "value"),
    [("int", 1.5), ("int", "1.0"), ("int", True), ("float", "nan"), ("str", 5), ("Literal['a']", "b"), ("list", "os")],
)
def test_an_ill_typed_value_is_refused(annotation: str, value: object) -> None:
    with pytest.raises(UsageProblem, match="does not fit"):
        given(f"x: {annotation}", x=value)


def test_a_date_is_a_date_in_the_notebook() -> None:
    values = given("import datetime as dt\nday: dt.date", day="2025-01-22")

    scope = {"dt": datetime}
    exec(code(values), scope)
    assert scope["day"] == datetime.date(2025, 1, 22)


@pytest.mark.parametrize(
    "value",
    ['a"b', "back\\slash", "line\nbreak", "é£\U0001f600", "'", '"""', 1.5, -3, None, True, [1, "a"], {"k": [2.5]}],
)
def test_the_injected_cell_reads_back_as_the_value(value: object) -> None:
    scope: dict[str, object] = {}
    exec(code({"x": value}), scope)

    assert scope["x"] == value


@pytest.mark.slow
def test_the_injected_cell_is_the_one_of_papermill() -> None:
    translators = pytest.importorskip("papermill.translators")
    values = {"a": 'q"\\\n', "b": 1, "c": 1.5, "d": None, "e": True, "f": ["x", {"k": 1}], "g": float("inf")}

    assert code(values) == translators.PythonTranslator.codify(values)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(UsageProblem, match="cannot be written"):
        given("x = None", x=object())


def test_a_huge_value_is_refused() -> None:
    with pytest.raises(UsageProblem, match="longer than"):
        given("x = None", x="a" * parameters.LARGEST_CELL)


def test_a_cell_that_is_not_python_is_refused() -> None:
    with pytest.raises(UsageProblem, match="line 2"):
        declarations("x = 1\ny ==")

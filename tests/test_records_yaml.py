"""YAML as people mean it: text stays text, lines are kept, traps are mistakes with a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploybook.records.yaml import MAX_BYTES, parse_yaml, read_yaml


def complaints(text: str) -> list[str]:
    return [str(problem) for problem in parse_yaml(text, "f.yml").problems]


@pytest.mark.parametrize(
    "text", ["14:00", "no", "on", "1.10", "0x1F", "2025-01-22", "1e3", "007", "1_000", "NA", "0b1", ".inf", "'65'"]
)
def test_a_scalar_is_its_text(text: str) -> None:
    assert parse_yaml(f"a: {text}", "f.yml").value == {"a": text.strip("'")}


def test_a_key_is_its_text() -> None:
    assert parse_yaml("on: a\nno: b\n14:00: c\n1: d", "f.yml").value == {"on": "a", "no": "b", "14:00": "c", "1": "d"}


def test_an_empty_value_is_none_and_an_empty_text_is_text() -> None:
    assert parse_yaml("a:\nb: ''", "f.yml").value == {"a": None, "b": ""}


def test_every_node_has_its_line() -> None:
    tree = parse_yaml("a: 1\nb:\n  - x\n  - {c: 2}\n\nd: |\n  text\n", "f.yml")

    lines = {way: line for way, (_, line) in tree.places.items()}
    assert lines == {("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4, ("d",): 6}
    assert tree.place(("b", 1, "unknown")) == ("f.yml", 4)


def test_a_key_twice_names_the_first_line_and_keeps_its_value() -> None:
    tree = parse_yaml("a: 1\nm:\n  p: 2\n  p: 3\na: 4\n", "f.yml")

    assert tree.value == {"a": "1", "m": {"p": "2"}}
    assert [str(problem) for problem in tree.problems] == [
        "f.yml:4: m > p: stands twice, first in line 3; keep one",
        "f.yml:5: a: stands twice, first in line 1; keep one",
    ]


def test_the_second_of_a_mapping_that_stands_twice_is_not_mixed_into_the_first() -> None:
    tree = parse_yaml("m:\n  p: {x: 1}\n  p: {y: 2}\n", "f.yml")

    assert tree.value == {"m": {"p": {"x": "1"}}}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: &x 1\nb: *x", 1, "an anchor ('x') is not read here"),
        ("a: 1\nb: *x", 2, "an alias ('x') is not read here"),
        ("a: 1\nb: !!python/object:os.system x", 2, "a tag ('tag:yaml.org,2002:python/object:os.system')"),
        ("a:\n\tb: 1", 2, "a tab at the beginning of the line; indent with spaces"),
        ("a: 1\n---\nb: 2", 2, "a second document begins here"),
        ("a: 1\n? [x]\n: 2", 2, "a list or mapping cannot be a key"),
        ("a: 1\ntarget: >= 90 %", 2, "write 'at least 90 %'"),
        ("a: 1\nt: b: c", 2, "a second ': ' in one line"),
        ("a: 1\nb: [1, 2\nc: 3", 2, "is not closed"),
        ("a: 1\nb: 'x\nc: 3", 2, "is not closed"),
        ("a: 1\nb\nc: 3", 2, "has no ': ' behind its key"),
        ("a: 1\n- b", 2, "is not readable as YAML"),
        ("a: 1\nb: x\x07y", 2, "control character"),
    ],
)
def test_a_trap_is_one_clear_line(text: str, line: int, words: str) -> None:
    problems = complaints(text)

    assert len(problems) == (2 if "&x" in text else 1)
    assert problems[0].startswith(f"f.yml:{line}: ")
    assert words in problems[0]


def test_merge_keys_and_alias_bombs_expand_to_nothing() -> None:
    bomb = "a: &a [x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(9)
    )

    tree = parse_yaml(bomb, "f.yml")

    assert tree.value["j"] == [None, None]
    assert len(tree.problems) > 9


def test_deep_nesting_is_refused_before_it_costs_anything() -> None:
    assert "nested too deeply" in complaints("a: " + "[" * 100_000)[0]


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_text("# x\n" * (MAX_BYTES // 4 + 1))

    assert "larger than 1000 kB" in str(read_yaml(path, "f.yml").problems[0])


def test_other_encodings_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes("a: 1\nb: für".encode("latin-1"))

    assert str(read_yaml(path, "f.yml").problems[0]).startswith("f.yml:2: file: byte 0xfc is not UTF-8")


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes("\ufefftitle: für".encode())

    assert read_yaml(path, "f.yml").value == {"title": "für"}

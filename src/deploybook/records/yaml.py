"""
YAML as people mean it: every scalar stays its text, every node keeps its line.

`14:00`, `no`, `1.10` and dates are what was typed. Duplicate keys, anchors, aliases, tags, tabs, deep nesting and more
than one document are mistakes with a line, not surprises. An empty value is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Problem

Way = tuple[str | int, ...]
MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 20_000
UNREADABLE = (
    (re.compile(r"^ *\t\s*\S"), "a tab at the beginning of the line; indent with spaces"),
    (re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]"), "a control character is in the text; remove it"),
)
NOT_CLOSED = "a bracket or a quote that begins here is not closed, or a comma is missing; close it"


@dataclass(kw_only=True)
class Tree:
    """A file as read. places: the way to a node -> (path, line); of a mapping's value the line is its key's.

    broken: not to be read from some line on; what stands there is not missing.
    """

    path: str
    value: Any = None
    places: dict[Way, tuple[str, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False

    def place(self, way: Way) -> tuple[str, int]:
        """Path and line of the node, or of the nearest one above it that was written."""
        while way and way not in self.places:
            way = way[:-1]
        return self.places.get(way, (self.path, 1))

    def at(self, way: Way) -> Any:
        """The value there; None where nothing was written."""
        value = self.value
        for step in way:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def problem(self, way: Way, text: str) -> Problem:
        path, line = self.place(way)
        return Problem(path=path, line=line, where=tuple(self.words(way)), text=text)

    def words(self, way: Way) -> Iterator[str]:
        """The way in the reader's words: an item of a list by its id or name, otherwise by its number from 1."""
        for depth, step in enumerate(way, 1):
            item = self.at(way[:depth])
            name = item.get("id") or item.get("name") if isinstance(item, dict) and isinstance(step, int) else None
            yield name if isinstance(name, str) else str(step + 1) if isinstance(step, int) else step


def read_yaml(path: Path, shown: str) -> Tree:
    """The file as a Tree; shown is its path as the user would type it. What cannot be read is a problem of the tree."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return refused(shown, 1, f"is larger than {MAX_BYTES // 1000} kB; this is no hand-written file")
        data = path.read_bytes()
    except OSError as error:
        return refused(shown, 1, f"cannot be read: {error.strerror}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return refused(shown, line, f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8")
    return parse_yaml(text, shown)


def parse_yaml(text: str, shown: str) -> Tree:
    """The text as a Tree; all mistakes that do not hide the rest are collected."""
    found = [
        Problem(path=shown, line=number, text=said)
        for number, line in enumerate(text.split("\n"), 1)
        for pattern, said in UNREADABLE
        if pattern.search(line)
    ]
    if found:
        return Tree(path=shown, problems=found)
    return Builder(shown).build(text)


def refused(shown: str, line: int, text: str) -> Tree:
    return Tree(path=shown, problems=[Problem(path=shown, line=line, text=text)])


class Builder:
    """Turns parser events into a Tree without recursion, so that depth is bounded before it costs anything."""

    def __init__(self, shown: str) -> None:
        self.tree = Tree(path=shown)
        self.stack: list[tuple[Any, Way]] = []  # open mappings and lists, with their ways
        self.key: list[str | None] = []  # the key waiting for its value, one per open collection

    def build(self, text: str) -> Tree:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            documents = 0
            for event in yaml.parse(text, Loader=loader):
                documents += isinstance(event, yaml.DocumentStartEvent)
                if documents > 1:
                    self.wrong(event, "a second document begins here; one file, one document")
                    break
                if len(self.tree.places) > MAX_NODES:
                    self.wrong(event, f"more than {MAX_NODES} values; this is no hand-written file")
                    break
                if self.take(event, yaml) is False:
                    break
        except yaml.MarkedYAMLError as error:
            opened = error.context_mark if re.search("flow|quoted", error.context or "") else None
            key = error.context_mark if "simple key" in (error.context or "") else None
            mark = opened or key or error.problem_mark or error.context_mark
            line = mark.line if mark else 0
            self.tree.broken = True
            self.problem(line + 1, NOT_CLOSED if opened else syntax(error.problem or "", text.split("\n")[line:][:1]))
        except yaml.YAMLError as error:
            self.problem(1, f"is not readable as YAML: {str(error).splitlines()[0]}")
        return self.tree

    def take(self, event: Any, yaml: Any) -> bool:
        if isinstance(event, yaml.NodeEvent):
            if event.anchor is not None:
                sign = "an alias" if isinstance(event, yaml.AliasEvent) else "an anchor"
                self.wrong(
                    event, f"{sign} ('{event.anchor}') is not read here; write the value out, or put it in quotes"
                )
            if (tag := getattr(event, "tag", None)) and tag != "!":
                self.wrong(event, f"a tag ('{tag}') is not read here; leave it out, or put the value in quotes")
        if isinstance(event, yaml.ScalarEvent):
            empty = event.value == "" and not event.style
            if self.wants_key():
                self.begin_key(event, event.value)
            else:
                self.put(event, None if empty else event.value)
        elif isinstance(event, yaml.AliasEvent):
            self.begin_key(event, f"*{event.anchor}") if self.wants_key() else self.put(event, None)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if self.wants_key() or len(self.stack) >= MAX_DEPTH:
                what = "nested too deeply" if len(self.stack) >= MAX_DEPTH else "a list or mapping cannot be a key"
                self.wrong(event, f"{what}; write 'key: value' lines")
                return False
            self.open(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()
            self.key.pop()
        return True

    def wants_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1][0], dict) and self.key[-1] is None

    def begin_key(self, event: Any, key: str) -> None:
        container, way = self.stack[-1]
        self.key[-1] = key
        if key in container:
            first = self.tree.places[(*way, key)][1]
            self.problem(line_of(event), f"stands twice, first in line {first}; keep one", (*way, key))
        else:
            self.tree.places[(*way, key)] = (self.tree.path, line_of(event))

    def put(self, event: Any, value: Any) -> Way:
        """Puts a value under the waiting key, at the end of the list, or at the top; of a key twice the first stays."""
        if not self.stack:
            self.tree.value = value
            return ()
        container, way = self.stack[-1]
        if isinstance(container, list):
            container.append(value)
            way = (*way, len(container) - 1)
            self.tree.places[way] = (self.tree.path, line_of(event))
            return way
        key, self.key[-1] = self.key[-1], None
        container.setdefault(key, value)
        return (*way, str(key))

    def open(self, event: Any, value: Any) -> None:
        self.stack.append((value, self.put(event, value)))
        self.key.append(None)

    def wrong(self, event: Any, text: str) -> None:
        way = self.stack[-1][1] if self.stack else ()
        waiting = self.key[-1] if self.key else None
        self.problem(line_of(event), text, (*way, waiting) if waiting is not None else way)

    def problem(self, line: int, text: str, way: Way = ()) -> None:
        where = tuple(self.tree.words(way))
        self.tree.problems.append(Problem(path=self.tree.path, line=line, where=where, text=text))


def line_of(event: Any) -> int:
    return int(event.start_mark.line) + 1


def syntax(problem: str, lines: list[str]) -> str:
    """What the parser stumbled over, with what to write instead where the cause is a common one."""
    written = "".join(lines).strip()
    if found := re.match(r"[\w.-]+:\s*([<>]=?)\s*(.*)", written):
        words = {"<": "below", "<=": "at most", ">": "above", ">=": "at least"}
        return f"a value cannot begin with '{found[1]}' here; write '{words[found[1]]} {found[2]}'"
    if "mapping values are not allowed" in problem:
        return f"a second ': ' in one line, or a wrong indent: {written!r}; put the value in quotes, or align it with the lines above"
    if "could not find expected ':'" in problem:
        return f"{written!r} has no ': ' behind its key; write 'key: value'"
    return f"is not readable as YAML ({problem or 'syntax'}): {written!r}; put text with special signs in quotes"

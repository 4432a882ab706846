"""
YAML as people mean it: every scalar stays its text, every node keeps its line.

`14:00`, `no`, `1.10` and dates are what was typed. Duplicate keys, anchors, aliases, tags, tabs, deep nesting and more
than one document are mistakes with a line, not surprises. An empty value is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from ..errors import FileProblems, Problem, text_of

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

    def problem(self, way: Way, text: str, at: Way | None = None) -> Problem:
        """A mistake of the node, shown at the line of `at` where that is another."""
        path, line = self.place(way if at is None else at)
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
        with path.open("rb") as file:
            return parse_yaml(text_of(file.read(MAX_BYTES + 1), shown, MAX_BYTES), shown)
    except OSError as error:
        return Tree(path=shown, problems=[Problem(path=shown, line=1, text=f"cannot be read: {error.strerror}")])
    except FileProblems as error:
        return Tree(path=shown, problems=[*error.problems])


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
    return Reader(shown).read(text)


class Stop(Exception):
    """What follows is not read; why has been noted."""


class Reader:
    """Turns parser events into a Tree, no deeper than MAX_DEPTH, so that depth is bounded before it costs anything."""

    def __init__(self, shown: str) -> None:
        self.tree = Tree(path=shown)

    def read(self, text: str) -> Tree:
        import yaml

        self.yaml: Any = yaml
        self.events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        try:
            self.document()
        except Stop:
            pass
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

    def document(self) -> None:
        documents = 0
        for event in self.events:
            documents += isinstance(event, self.yaml.DocumentStartEvent)
            if documents > 1:
                self.stop(event, "a second document begins here; one file, one document")
            if isinstance(event, self.yaml.NodeEvent):
                self.node(event, (), lambda value: setattr(self.tree, "value", value))

    def node(self, event: Any, way: Way, keep: Callable[[Any], object]) -> None:
        """Reads one node; a list or mapping is kept before what is in it, so that all before a mistake stays."""
        yaml = self.yaml
        self.check(event, way)
        if isinstance(event, yaml.ScalarEvent):
            if UNREADABLE[1][0].search(event.value):  # written as an escape, such as "\e[31m"
                self.problem(line_of(event), UNREADABLE[1][1], way)
            keep(event.value if event.value or event.style else None)
        elif isinstance(event, yaml.AliasEvent):
            keep(None)
        elif len(way) >= MAX_DEPTH:
            self.stop(event, "nested too deeply; write 'key: value' lines", way)
        elif isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            keep(items)
            while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
                inner = (*way, len(items))
                self.tree.places[inner] = (self.tree.path, line_of(event))
                self.node(event, inner, items.append)
        else:
            found: dict[str, Any] = {}
            keep(found)
            while not isinstance(event := next(self.events), yaml.MappingEndEvent):
                key = self.key(event, way, found)  # of a key that stands twice the first value stays
                self.node(next(self.events), (*way, key), partial(found.setdefault, key))

    def key(self, event: Any, way: Way, found: dict[str, Any]) -> str:
        self.check(event, way)
        if isinstance(event, self.yaml.CollectionStartEvent):
            self.stop(event, "a list or mapping cannot be a key; write 'key: value' lines", way)
        key = f"*{event.anchor}" if isinstance(event, self.yaml.AliasEvent) else str(event.value)
        first = self.tree.places.setdefault((*way, key), (self.tree.path, line_of(event)))[1]
        if key in found:
            self.problem(line_of(event), f"stands twice, first in line {first}; keep one", (*way, key))
        return key

    def check(self, event: Any, way: Way) -> None:
        """Notes what YAML can do and a hand-written file must not."""
        if len(self.tree.places) > MAX_NODES:
            self.stop(event, f"more than {MAX_NODES} values; this is no hand-written file", way)
        if event.anchor is not None:
            sign = "an alias" if isinstance(event, self.yaml.AliasEvent) else "an anchor"
            remedy = "write the value out, or put it in quotes"
            self.problem(line_of(event), f"{sign} ('{event.anchor}') is not read here; {remedy}", way)
        if (tag := getattr(event, "tag", None)) and tag != "!":
            text = f"a tag ('{tag}') is not read here; leave it out, or put the value in quotes"
            self.problem(line_of(event), text, way)

    def stop(self, event: Any, text: str, way: Way = ()) -> NoReturn:
        self.problem(line_of(event), text, way)
        raise Stop

    def problem(self, line: int, text: str, way: Way = ()) -> None:
        self.tree.problems.append(Problem(path=self.tree.path, line=line, where=tuple(self.tree.words(way)), text=text))


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

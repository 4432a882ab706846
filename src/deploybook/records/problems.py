"""Validation errors as lines that a person can act on, with the place in the file and a suggestion."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator

from ..errors import Problem
from .yaml import Tree, Way

KINDS = ("histogram", "counter", "ratio", "gauge", "query")  # of metrics
FOUND: dict[Any, str] = {list: "a list", dict: "'key: value' lines"}
NOTHING = (None, "null", "~")


class Strict(BaseModel):
    """A mapping with known keys only. `null` and an empty value count as not written."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    also: ClassVar[Mapping[str, str]] = {}  # another name of a key -> the key
    beside: ClassVar[Mapping[str, str]] = {}  # key -> what to say where it stands here by mistake

    @model_validator(mode="before")
    @classmethod
    def known_keys(cls, value: Any, info: ValidationInfo) -> Any:
        """Takes unknown keys out and notes them, so that they hide no other mistake."""
        if not isinstance(value, dict):
            return value
        known = cls.key_names()
        unknown = [key for key in value if key not in (*known, *cls.also) and cls.refuses(key, known)]
        for key in unknown[:100]:
            text = cls.beside.get(key) or f"'{key}' is not a key here; {suggestion(key, known, 'keys are')}"
            (info.context or {}).setdefault("unknown", []).append((id(value), key, meant(key, known), text))
        named = ((cls.also.get(key, key), item) for key, item in value.items() if key not in unknown)
        return {key: item for key, item in named if item not in NOTHING}

    @classmethod
    def key_names(cls) -> list[str]:
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def refuses(cls, key: str, known: list[str]) -> bool:
        return True


class Free(Strict):
    """A mapping with known keys, in which further facts of any name are kept in order; near misses are mistakes."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def refuses(cls, key: str, known: list[str]) -> bool:
        return bool(difflib.get_close_matches(key, known, 1, 0.88))

    @property
    def further(self) -> list[tuple[str, Any]]:
        return list((self.model_extra or {}).items())


Shape = TypeVar("Shape", bound=BaseModel)


def meant(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, '' where none is near."""
    return next(iter(difflib.get_close_matches(word[:80], known, 1, 0.6)), "")


def suggestion(word: str, known: Iterable[str], otherwise: str) -> str:
    """ "did you mean 'statistic'?", or the list of what is allowed."""
    known = list(known)
    if near := meant(word, known):
        return f"did you mean '{near}'?"
    return f"{otherwise} {', '.join(known[:30])}" if known else "there is none yet"


def read_shape(kind: type[Shape], tree: Tree, context: dict[str, Any]) -> tuple[Shape, list[Problem]]:
    """
    The tree as `kind`, and all its mistakes.

    What is wrong is left out of the value that comes back, so that checks across keys still run on the rest; every
    field at the top of `kind` has a default for this.
    """
    ways = {id(node): way for way, node in mappings(tree.value)}
    problems: list[Problem] = []
    value, told = tree.value, set[Way]()
    for _ in range(20):
        context["unknown"] = []
        try:
            shape = kind.model_validate({} if value is None else value, context=context)
            break
        except ValidationError as error:
            mistakes = [(way_of(item["loc"], tree), dict(item)) for item in error.errors(include_url=False)]
            typed = {(*ways.get(node, ()), near) for node, _, near, _ in context["unknown"]}
            fresh = [
                (way, item)
                for way, item in mistakes
                if way not in told  # otherwise it follows from a mistake that has been told
                and not (item["type"] == "missing" and way in typed)
            ]
            problems += [tree.problem(*describe(way, item, tree)) for way, item in fresh]
            problems += noted(context, ways, tree)
            wrong = {way[:-1] if item["type"] == "missing" else way for way, item in mistakes}
            told |= above(way for way, _ in mistakes)
            value = without(value, wrong, above(wrong), ways)
    else:
        shape = kind.model_validate({}, context=context)
    return shape, problems + noted(context, ways, tree)


def noted(context: dict[str, Any], ways: dict[int, Way], tree: Tree) -> list[Problem]:
    """Unknown keys, each at its own line with the way to its parent."""
    placed = ((ways[node], key, text) for node, key, _, text in context["unknown"] if node in ways)
    return [tree.problem(way, text, at=(*way, key)) for way, key, text in placed]


def mappings(value: Any, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    if isinstance(value, dict):
        yield way, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from mappings(item, (*way, step))


def above(ways: Iterable[Way]) -> set[Way]:
    """The ways themselves and those of all nodes above them."""
    return {way[:depth] for way in ways for depth in range(len(way) + 1)}


def without(value: Any, wrong: set[Way], touched: set[Way], known: dict[int, Way], at: Way = ()) -> Any:
    """A copy of the value without the nodes at those ways; an unchanged mapping stays the same object."""
    if at not in touched or at in wrong:
        return None if at in wrong else value
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    kept = [
        (step, without(item, wrong, touched, known, (*at, step))) for step, item in steps if (*at, step) not in wrong
    ]
    if isinstance(value, list):
        return [item for _, item in kept]
    copy = dict(kept)
    known[id(copy)] = at
    return copy


def way_of(loc: tuple[str | int, ...], tree: Tree) -> Way:
    """The way in the file of a pydantic location: names of union members ('<histogram>') and of wrappers fall out."""
    way: Way = ()
    for number, step in enumerate(loc, 1):
        node = tree.at(way)
        written = step in node if isinstance(node, dict) else isinstance(node, list) and isinstance(step, int)
        if written or (number == len(loc) and not str(step).startswith("<") and isinstance(node, dict)):
            way = (*way, step)
    return way


def describe(way: Way, item: dict[str, Any], tree: Tree) -> tuple[Way, str]:
    """Where the mistake is shown, and what is wrong with what to write."""
    kind, found, context = item["type"], item.get("input"), item.get("ctx") or {}
    quoted = repr(found) if isinstance(found, str) else FOUND.get(type(found), "nothing")
    if kind == "missing":
        if way in tree.places:
            return way, "has no value; write one behind the colon"
        return way[:-1], f"'{way[-1]}' is missing; write '{way[-1]}: {EXAMPLES.get(str(way[-1]), '…')}'"
    if kind == "no_kind" and (typed := next(((key, near) for key in found or () if (near := meant(key, KINDS))), None)):
        return (*way, typed[0]), f"is no kind of metric; did you mean '{typed[1]}'?"
    if kind == "value_error":
        return way, str(context["error"])
    if kind == "literal_error":
        allowed = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        if len(allowed) == 1:
            return way, f"{quoted} does not fit here; leave it out"
        near = meant(str(found), allowed)
        remedy = f"did you mean '{near}'?" if near else f"write {allowed[0]}"
        return way, f"{quoted} is not one of {', '.join(allowed)}; {remedy}"
    said = next((text for start, text in SAID.items() if kind.startswith(start)), "")
    return way, said.format(quoted) if said else str(item["msg"])


# What is wrong, by the beginning of pydantic's name for it.
MAPPING, LIST = "expected 'key: value' lines, found {}", "expected a list, such as lines that begin with '- ', found {}"
RANGE = "{} is out of range; write a number from 0 to 9"
SAID = {
    "model_": MAPPING,
    "dict_type": MAPPING,
    "list_type": LIST,
    "tuple_type": LIST,
    "bool": "{} is neither true nor false",
    "int": "{} is not a whole number; write 0, 1, 2, …",
    "less_than_equal": RANGE,
    "greater_than_equal": RANGE,
}
EXAMPLES = {
    "statistic": "p95",
    "good": "{result: success}",
    "metric": "parser_p50",
    "at": "14:01",
    "window": "1m",
    "within": "3 %",
    "after": "4h",
    "every": "15m",
    "who": "Queenie",
    "what": "QA spot check",
    "kind": "prometheus",
    "id": "R-4",
    "name": "Oliver",
    "url": "env:PROMETHEUS_URL",
}

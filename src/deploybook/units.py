"""Values with a unit, limits in words ("at most 65 ms"), tolerances ("5 % or 3 ms"), and which units compare."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .errors import UnitMismatch

Comparison = Literal["at most", "below", "at least", "above", "within"]
Side = Literal["upper", "lower", "both"]
# The side that a comparison bounds, its sign, and whether a value is on the good side of a limit.
COMPARISONS: dict[Comparison, tuple[Side, str, Callable[[float, float], bool]]] = {
    "at most": ("upper", "≤", lambda value, limit: value <= limit),
    "below": ("upper", "<", lambda value, limit: value < limit),
    "at least": ("lower", "≥", lambda value, limit: value >= limit),
    "above": ("lower", ">", lambda value, limit: value > limit),
    "within": ("both", "±", lambda value, limit: abs(value) <= limit),
}

# Factor to the base unit of each dimension. Words that stand nowhere here are counts ("errors", "runs").
TIME = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
BYTES = {
    "B": 1.0,
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "KiB": 2.0**10,
    "MiB": 2.0**20,
    "GiB": 2.0**30,
    "TiB": 2.0**40,
}
SHARE = {"1": 1.0, "%": 0.01}
PER = {"s": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "day": 86400.0}
SUFFIXES = (
    ("_nanoseconds", "ns"),
    ("_microseconds", "us"),
    ("_milliseconds", "ms"),
    ("_ms", "ms"),
    ("_seconds", "s"),
    ("_bytes", "B"),
    ("_ratio", "1"),
    ("_percent", "%"),
)
NUMBER = r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?"
UNIT = r"[^\W\d_][\w%/µ]*|%|1"
PLURALS = {"points": "points", "point": "points", "pts": "points", "pp": "points"}


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number with its unit. unit is '' where none was written; per is 'hour' in '3 errors/hour', otherwise ''."""

    value: float
    unit: str
    per: str = ""

    def __str__(self) -> str:
        unit = self.unit + (f"/{self.per}" if self.per else "")
        return f"{self.value:g}" if unit in ("", "1") else f"{self.value:g} {unit}"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """
    A target, a watch line or a success criterion, as written: 'at most 65 ms', 'below 3 errors/hour', 'within 5 %'.

    'within' bounds a change either way. text is what the reader sees.
    """

    comparison: Comparison
    value: float
    unit: str
    per: str = ""
    text: str

    @property
    def side(self) -> Side:
        return COMPARISONS[self.comparison][0]

    @property
    def sign(self) -> str:
        return COMPARISONS[self.comparison][1]

    def holds(self, value: float) -> bool:
        """True where value, in the limit's unit, is on the good side. Strict for 'below' and 'above'."""
        return COMPARISONS[self.comparison][2](value, self.value)


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """
    How far a value may be from its baseline, either way; the larger of the parts that are written.

    relative: a fraction (0.05 for '5 %'). absolute: in `unit` ('points' for a ratio in percent).
    Both None: no tolerance ('none'), the comparison is shown and decides nothing.
    """

    relative: float | None = None
    absolute: float | None = None
    unit: str = ""
    text: str = "none"


def parse_quantity(text: str) -> Quantity:
    """'65 ms', '3 errors/hour', '90 %' as a Quantity; ValueError says what to write."""
    found = re.fullmatch(rf"\s*({NUMBER})\s*((?:{UNIT})?)\s*", text)
    if not found:
        raise ValueError(f"{text!r} is not a number with a unit; write '65 ms', '90 %' or '3 errors/hour'")
    number, unit = found[1], found[2]
    if "," in number:
        raise ValueError(f"{text!r} has a decimal comma; write {number.replace(',', '.')!r}")
    unit, _, per = unit.partition("/")
    if per and per not in PER:
        raise ValueError(f"{text!r}: '/{per}' is not a time here; write '/hour', '/minute', '/s' or '/day'")
    return Quantity(value=float(number), unit=PLURALS.get(unit, unit), per={"h": "hour", "min": "minute"}.get(per, per))


def parse_limit(text: str) -> Limit:
    """'at most 65 ms' as a Limit. A comparison and a unit are required; ValueError says what to write."""
    found = re.fullmatch(r"\s*(at most|at least|below|above|within|less than|more than)\s+(.+?)\s*", text)
    if not found:
        wish = text.strip()
        for sign, word in (("<=", "at most"), (">=", "at least"), ("<", "below"), (">", "above"), ("±", "within")):
            if wish.startswith(sign):
                raise ValueError(f"{text!r} is written with a sign; write '{word} {wish[len(sign) :].strip()}'")
        raise ValueError(f"{text!r} has no comparison; write 'at most {wish}' or 'at least {wish}'")
    comparison = {"less than": "below", "more than": "above"}.get(found[1], found[1])
    quantity = parse_quantity(found[2])
    if not quantity.unit:
        raise ValueError(f"{text!r} has no unit; write '{found[1]} {quantity.value:g} ms' (or %, s, errors/hour)")
    return Limit(
        comparison=comparison,  # type: ignore[arg-type]
        value=quantity.value,
        unit=quantity.unit,
        per=quantity.per,
        text=f"{comparison} {quantity}",
    )


def parse_tolerance(text: str) -> Tolerance:
    """'5 %', '2 points', '3 errors', '5 % or 3 ms' (the larger), 'none' as a Tolerance."""
    if text.strip() == "none":
        return Tolerance()
    relative = absolute = None
    unit = ""
    parts = re.split(r"\s+or\s+", text.strip().removeprefix("within ").removeprefix("±").strip())
    for part in parts:
        quantity = parse_quantity(part)
        if quantity.value < 0:
            raise ValueError(f"{text!r}: a tolerance holds either way; write it without a sign")
        if not quantity.unit:
            raise ValueError(f"{text!r} has no unit; write '{quantity.value:g} %' or '{quantity.value:g} ms'")
        if quantity.unit == "%":
            relative = quantity.value / 100
        else:
            absolute, unit = quantity.value, quantity.unit
    return Tolerance(
        relative=relative, absolute=absolute, unit=unit, text=" or ".join(str(parse_quantity(p)) for p in parts)
    )


def dimension(unit: str) -> str:
    """The dimension of a unit: 'time', 'bytes', 'share', or 'count' for a word such as errors."""
    for name, table in (("time", TIME), ("bytes", BYTES), ("share", SHARE)):
        if unit in table:
            return name
    return "points" if unit == "points" else "count"


def factor(source: str, target: str) -> float:
    """What to multiply a value in `source` with to have it in `target`; UnitMismatch where they do not compare."""
    if source == target or not source or not target:
        return 1.0
    for table in (TIME, BYTES, SHARE):
        if source in table and target in table:
            return ratio(table[source], table[target])
    if dimension(source) == dimension(target) == "count":
        return 1.0
    raise UnitMismatch(f"{source!r} does not compare with {target!r}; write the value in {source!r}")


def ratio(source: float, target: float) -> float:
    """source / target, as a whole number or its exact reciprocal where that is meant: s to ms is 1000, not 999.9999."""
    value = source / target
    if value >= 1 and abs(value - round(value)) < 1e-9 * value:
        return float(round(value))
    return 1 / ratio(target, source) if value < 1 else value


def unit_of_name(name: str) -> str:
    """The unit that a metric's name says by its ending (`_seconds`, `_ms`, `_bytes`), '' where it says none."""
    stem = re.sub(r"_(?:total|bucket|sum|count)$", "", name)
    return next((unit for suffix, unit in SUFFIXES if stem.endswith(suffix)), "")


def hours_per(per: str) -> float:
    """Length of the time after the stroke, in hours: 1.0 for 'hour', 24.0 for 'day'."""
    return PER[per] / 3600

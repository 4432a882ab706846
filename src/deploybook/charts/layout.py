"""
Where labels go, so that no two print over each other. Units of the drawing, y downwards, y of a text is its baseline.

Widths are estimated from the advance widths of Helvetica with some room: the reader's font is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shapes import Numbers

NARROW = frozenset("iljtfrI.,:;'|!()[]·-− ")
BROAD = frozenset("mwMW%@—…≥≤")
SHARED = 32  # longest text that several flags share
NEAR = 40  # units within which two flags of one text may share it
SEARCH = 2000  # seats tried for one set of flags before two of them share a text


@lru_cache(maxsize=1024)
def width_of(text: str, size: float, bold: bool = False) -> float:
    """The estimated width of the text."""
    ems = (
        1.0 if ord(c) > 0x2E80 else 0.31 if c in NARROW else 0.88 if c in BROAD else 0.7 if c.isupper() else 0.56
        for c in text
    )
    return sum(ems) * size * (1.07 if bold else 1.0)


@dataclass(frozen=True, kw_only=True)
class Box:
    x0: float
    y0: float
    x1: float
    y1: float

    def overlap(self, other: Box) -> float:
        """The area both cover."""
        wide = min(self.x1, other.x1) - max(self.x0, other.x0)
        high = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, wide) * max(0.0, high)

    def outside(self, frame: Box) -> float:
        """How far it sticks out of the frame."""
        sides = (frame.x0 - self.x0, frame.y0 - self.y0, self.x1 - frame.x1, self.y1 - frame.y1)
        return sum(max(0.0, side) for side in sides)

    def holds(self, points: Numbers) -> int:
        """How many of the points (n x 2) lie inside."""
        x, y = points[:, 0], points[:, 1]
        return int(((x > self.x0) & (x < self.x1) & (y > self.y0) & (y < self.y1)).sum())


@dataclass(frozen=True, kw_only=True)
class Label:
    """A text with its place: `anchor` says which end of it stands at x."""

    text: str
    x: float
    y: float
    color: str = "text"
    anchor: str = "start"
    size: float = 11
    bold: bool = False

    def box(self) -> Box:
        wide = width_of(self.text, self.size, self.bold)
        left = self.x - {"start": 0.0, "middle": wide / 2, "end": wide}[self.anchor]
        return Box(x0=left - 1, y0=self.y - self.size * 0.85, x1=left + wide + 1, y1=self.y + self.size * 0.3)


def place(candidates: Sequence[Label], taken: Sequence[Box], points: Numbers, frame: Box) -> Label:
    """The candidate that covers least of what is there: other labels first, then drawn lines; the earlier wins a tie."""

    def cost(ranked: tuple[int, Label]) -> float:
        box = ranked[1].box()
        covered = sum(box.overlap(other) for other in taken)
        return covered * 10 + box.outside(frame) * 200 + box.holds(points) * 12 + ranked[0]

    return min(enumerate(candidates), key=cost)[1]


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A label above the plot with a line (for a `span` a shade from x0 to x1) leading up to it from its moment."""

    x0: float
    x1: float
    text: str
    style: str
    row: int = 0
    anchor: str = "start"

    def label(self, base: float, row_height: float, size: float) -> Label:
        """The text of the flag; `base` is the baseline of row 0."""
        x = self.x0 + 3 if self.anchor == "start" else self.x1 - 3
        y = base - self.row * row_height
        return Label(text=self.text, x=x, y=y, color="event", anchor=self.anchor, size=size, bold=True)


def stack(flags: Sequence[Flag], rows: int, size: float, left: float, right: float) -> list[Flag]:
    """
    The flags in at most `rows` rows: no text over a text, no leader through a text.

    Where that cannot be, two near ones of the same text, else the two nearest, share one; every flag keeps its line (its text then empty).
    """
    groups = [[flag] for flag in sorted(flags, key=lambda flag: (flag.x0, flag.x1))]
    while True:
        joined = [_join(group, size, left, right) for group in groups]
        seated = _seat(joined, [], rows, size, left, right, [SEARCH])
        if seated is not None or len(groups) == 1:
            pairs = zip(seated or joined, groups, strict=True)
            return [member for flag, group in pairs for member in _spread(flag, group)]
        nearest = min(range(len(groups) - 1), key=lambda i: _distance(groups[i], groups[i + 1]))
        groups[nearest : nearest + 2] = [groups[nearest] + groups[nearest + 1]]


def _distance(group: Sequence[Flag], following: Sequence[Flag]) -> tuple[bool, float]:
    """Of two near pairs the one that says the same comes first."""
    space = following[0].x0 - group[-1].x0
    return space > NEAR or group[-1].text != following[0].text, space


def _join(group: Sequence[Flag], size: float, left: float, right: float) -> Flag:
    """One flag for the group: the texts together where they are short, else the first and how many more."""
    style = "span" if all(flag.style == "span" for flag in group) else "event"
    first = replace(group[0], x1=max(flag.x1 for flag in group), style=style)
    texts = list(dict.fromkeys(flag.text for flag in group if flag.text))
    text = " · ".join(texts)
    if len(text) > SHARED and len(texts) > 1:
        text = f"{texts[0]} +{len(texts) - 1}"
    room = max(right - first.x0, first.x1 - left) - 8
    while width_of(text, size, True) > room and len(text) > 1:
        text = text[:-2].rstrip() + "…"
    return replace(first, text=text)


def _spread(flag: Flag, group: Sequence[Flag]) -> list[Flag]:
    """The members of a group: the text at the first, or at the one that ends last where it runs to the left."""
    holder = 0 if flag.anchor == "start" else [member.x1 for member in group].index(flag.x1)
    return [
        replace(member, text=flag.text if i == holder else "", row=flag.row, anchor=flag.anchor)
        for i, member in enumerate(group)
    ]


def _seat(
    flags: Sequence[Flag], seated: list[Flag], rows: int, size: float, left: float, right: float, tries: list[int]
) -> list[Flag] | None:
    """Seats for the flags, from the last on, going back where one finds none; None when there are none, or too late."""
    if not flags:
        return seated
    for side in ("start", "end"):
        for row in range(rows):
            flag = replace(flags[-1], row=row, anchor=side)
            tries[0] -= 1
            if tries[0] > 0 and _fits(flag, seated, size, left, right):
                found = _seat(flags[:-1], [flag, *seated], rows, size, left, right, tries)
                if found is not None:
                    return found
                if side == "start":  # a higher seat would only stand in the way of more of those to the left
                    break
    return None


def _fits(flag: Flag, seated: Sequence[Flag], size: float, left: float, right: float) -> bool:
    box = flag.label(0, 0, size).box()
    if box.x0 < left or box.x1 > right:
        return False
    for other in seated:
        their = other.label(0, 0, size).box()
        if other.row == flag.row and box.x0 - 4 < their.x1 and their.x0 - 4 < box.x1:
            return False
        if (other.row >= flag.row and _crosses(other, box)) or (flag.row >= other.row and _crosses(flag, their)):
            return False
    return True


def _crosses(flag: Flag, text: Box) -> bool:
    """Whether the leader runs through the text; a shade behind a text does no harm."""
    return flag.style != "span" and flag.x0 < text.x1 + 1 and flag.x1 > text.x0 - 1


def ticks(low: float, high: float, most: int, whole: bool = False) -> tuple[float, list[float]]:
    """A round step (1, 2, 2.5 or 5 times a power of ten) and its multiples from low to high, at most about `most`."""
    rough = max((high - low) / most, 1.0 if whole else 0.0)
    power = 10.0 ** math.floor(math.log10(rough))
    factors = (1.0, 2.0, 5.0, 10.0) if whole else (1.0, 2.0, 2.5, 5.0, 10.0)
    step = next(factor * power for factor in factors if factor * power >= rough * 0.999)
    return step, [n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]

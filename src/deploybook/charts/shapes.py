"""
What a chart is made of: plain values in, one drawing out.

Times are integer milliseconds UTC; a chart carries its zone and prints local times. Missing is NaN, never 0.
Labels come from people: they are cleaned and cut here, and escaped where they are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from ..times import from_ms, local_day, zone_name
from ..wording import day_text, how_long, rounded, signed, with_unit
from ..wording import local as local_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[Any]

MINUTE = 60_000
LONGEST_LABEL = 60


@dataclass(frozen=True, kw_only=True)
class Line:
    """
    Samples of one series: `times_ms` ascending, `values` in the unit of the chart, one sample expected a step.

    Each stands at the end of the stretch it tells of; in a history at any one time of its day.
    """

    label: str
    times_ms: Numbers
    values: Numbers
    step_ms: int


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A dashed line. `upper`: values above it are outside; otherwise values below it are."""

    value: float
    label: str
    upper: bool = True
    kind: Literal["limit", "watch"] = "limit"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened at one moment: a step of the flag is solid, a decision dotted."""

    at_ms: int
    label: str
    kind: Literal["event", "decision"] = "event"


@dataclass(frozen=True, kw_only=True)
class Span:
    """An interval worth shading, such as a restart."""

    start_ms: int
    end_ms: int
    label: str


@dataclass(frozen=True, kw_only=True)
class Gap(Span):
    """An interval without samples; the label says how long or why."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A judged moment: `verdict` is the word printed ("Pass", "Watch"), `value` None where there is none."""

    at_ms: int
    label: str
    value: float | None
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """
    One chart over time.

    kind: `overview` (the whole window) and `zoom` (around the ramp) have a wide and a narrow rendering; `panel` and
    `history` (one sample a day) have one small one; `variance` shows a change in %, with its zero line and checkpoints.
    start_ms, end_ms: the axis. since_ms, until_ms: where values can begin and do end, when that is later and earlier:
    what lies before since_ms is no gap, what lies after until_ms reads "not yet measured".
    baseline: already shifted onto the axis of `now`. baseline_value: the figure the band lies around; its median if None.
    tolerance: a fraction: of the baseline value, or of 1 for `variance` (0.05 draws +5 % and -5 %). watch: a fraction of 1,
    for `variance` alone; elsewhere a watch line is a Limit of that kind.
    gaps: None finds them in `now`.
    """

    id: str
    kind: Literal["overview", "zoom", "panel", "history", "variance"]
    title: str
    unit: str
    zone: ZoneInfo
    start_ms: int
    end_ms: int
    now: Line
    decimals: int = 1
    subtitle: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    baseline: Line | None = None
    baseline_value: float | None = None
    tolerance: float | None = None
    watch: float | None = None
    limits: tuple[Limit, ...] = ()
    marks: tuple[Mark, ...] = ()
    spans: tuple[Span, ...] = ()
    gaps: tuple[Gap, ...] | None = None
    checkpoints: tuple[Checkpoint, ...] = ()

    def __post_init__(self) -> None:
        if self.end_ms <= self.start_ms:
            raise ValueError(f"{self.id}: a chart ends after it starts")

    @property
    def is_wide(self) -> bool:
        return self.kind in ("overview", "zoom", "variance")


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Shares (0 to 1) of the buckets of a histogram in two windows; `edges` are the upper bounds, one a share."""

    id: str
    title: str
    unit: str
    edges: tuple[float, ...]
    now: tuple[float, ...]
    baseline: tuple[float, ...]
    now_label: str
    baseline_label: str
    subtitle: str = ""
    is_wide: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """The values behind a drawing, as printed."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """
    A finished chart: `svg` is one line of markup; `narrow` a second one for phones, "" where the first serves both.

    A page shows one of the two, in boxes of the classes `db-wide` and `db-narrow`.
    """

    id: str
    title: str
    subtitle: str
    description: str
    svg: str
    narrow: str = ""
    table: Table

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.svg


def clean(text: str, most: int = LONGEST_LABEL) -> str:
    """The text on one line, without characters XML cannot hold, at most `most` characters."""
    words = "".join(c if c.isprintable() else " " for c in text).split()
    line = " ".join(words)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def clean_id(id: str) -> str:
    """The id with nothing in it that could end an attribute or a url()."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in id)


def print_number(value: float, decimals: int, sign: bool = False) -> str:
    """The number as a reader sees it; in powers of ten where its digits would fill the page."""
    if abs(value) >= 1e12:
        return f"{value:+.3g}".replace("-", "−") if sign else f"{value:.3g}".replace("-", "−")
    return signed(float(value), decimals) if sign else rounded(float(value), decimals)


def print_value(value: float, unit: str, decimals: int, sign: bool = False) -> str:
    """The number with its unit."""
    return with_unit(print_number(value, decimals, sign), clean(unit, 16))


def print_length(ms: float) -> str:
    """'105 s' below three minutes unless these are whole, else whole minutes: '23 min', '2 h 10 min'."""
    seconds = round(ms / 1000)
    return f"{seconds} s" if seconds < 180 and seconds % 60 else how_long(timedelta(minutes=round(seconds / 60)))


def print_clock(ms: int, zone: ZoneInfo) -> str:
    return local_time(from_ms(ms), zone)


def print_day(ms: int, zone: ZoneInfo) -> str:
    return day_text(local_day(from_ms(ms), zone))


def print_zone(chart: Chart) -> str:
    return zone_name(chart.zone, from_ms(chart.start_ms))


def covers_days(chart: Chart) -> bool:
    """Whether the axis touches more than one local day."""
    return print_day(chart.start_ms, chart.zone) != print_day(chart.end_ms - 1, chart.zone)


def print_time(chart: Chart, ms: int) -> str:
    """The local time, with its day where the chart covers more than one; the day alone in a history."""
    if chart.kind == "history":
        return print_day(ms, chart.zone)
    clock = print_clock(ms, chart.zone)
    return f"{print_day(ms, chart.zone)} {clock}" if covers_days(chart) else clock

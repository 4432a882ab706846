"""
A chart drawn with matplotlib, on one axes that covers the whole figure.

All positions are in units of the drawing (one unit is one point of matplotlib and one unit of the SVG), y downwards, so
that the scales, the labels and the picture share one space. Nothing here asks matplotlib how wide a text is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..times import from_ms
from .layout import Box, Flag, Label, place, stack, ticks, width_of
from .shapes import (
    MINUTE,
    Chart,
    Distribution,
    Line,
    clean,
    covers_days,
    print_clock,
    print_day,
    print_number,
    print_value,
    print_zone,
)
from .thin import find_gaps, find_samples, thin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .shapes import Numbers

# Light values; the SVG carries each as var(--ch-NAME, value), so they must differ from each other.
PALETTE = {
    "value": "#0b57b0",
    "baseline": "#545f6c",
    "band": "#dfe4ea",
    "limit": "#a82c0a",
    "event": "#2e1065",
    "restart": "#e8e1f4",
    "good": "#005a39",
    "watch": "#6a4500",
    "text": "#45515f",
    "grid": "#e3e7ec",
    "paper": "#ffffff",
    "gap": "#545f6d",
}
HOUR = 60 * MINUTE
DAY = 24 * HOUR
STEPS = tuple(n * MINUTE for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 4320, 10080))
MARKER = {"Pass": ("o", "good"), "Watch": ("^", "watch"), "Breach": ("X", "limit"), "Unclear": ("D", "watch")}
DASHES: dict[str, tuple[float, ...]] = {"baseline": (1.2, 2.2), "limit": (7, 3.5), "watch": (7, 2.5, 1.5, 2.5)}


@dataclass(frozen=True, kw_only=True)
class Size:
    """Width and height in units, text size, rows of flags above the plot."""

    width: float
    height: float
    font: float
    rows: int


PANEL = Size(width=364, height=205, font=11, rows=2)
NARROW = Size(width=364, height=245, font=11, rows=6)
WIDE = Size(width=820, height=265, font=12, rows=5)


class Sheet:
    """A figure with one axes in units, and what is already on it: boxes of labels, points of lines."""

    def __init__(self, size: Size) -> None:
        from matplotlib.figure import Figure

        self.size = size
        self.figure: Figure = Figure(figsize=(size.width / 72, size.height / 72), dpi=72)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set(xlim=(0, size.width), ylim=(size.height, 0))
        self.taken: list[Box] = []
        self.points: list[tuple[float, float]] = []
        self.texts: list[tuple[Label, str]] = []
        self.order = 1  # later on top, lines and boxes alike

    def line(self, xs: Any, ys: Any, color: str, width: float = 1, **style: Any) -> None:
        self.order += 1
        self.axes.plot(xs, ys, color=PALETTE[color], linewidth=width, clip_on=False, zorder=self.order, **style)

    def box(self, x0: float, y0: float, x1: float, y1: float, color: str, **style: Any) -> None:
        from matplotlib.patches import Rectangle

        self.order += 1
        fill: dict[str, Any] = {"facecolor": PALETTE[color], "linewidth": 0, "zorder": self.order} | style
        self.axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, clip_on=False, **fill))

    def hatch(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.box(x0, y0, x1, y1, "gap", facecolor="none", edgecolor=PALETTE["gap"], hatch="///")

    def text(self, label: Label, color: str) -> None:
        """Note the label for the writer, which sets it on top of all, and keep its place free."""
        self.taken.append(label.box())
        self.texts.append((label, color))

    def set_texts(self) -> None:
        """The labels in matplotlib's own font, with a halo: for a picture of dots. It runs wider than a page's font."""
        from matplotlib.patheffects import withStroke

        ends = {"start": "left", "middle": "center", "end": "right"}
        for label, color in self.texts:
            weight = "bold" if label.bold else "normal"
            text = self.axes.text(label.x, label.y, label.text, fontsize=label.size * 0.9, color=PALETTE[color])
            text.set(ha=ends[label.anchor], va="baseline", fontweight=weight, parse_math=False, zorder=1000)
            text.set_path_effects([withStroke(linewidth=3, foreground=PALETTE["paper"])])

    def put(self, candidates: list[Label], color: str, frame: Box) -> None:
        import numpy as np

        points = np.array(self.points or [(-1.0, -1.0)])
        self.text(place(candidates, self.taken, points, frame), color)


class Plot:
    """One chart on one sheet; the methods draw from the ground up, labels last."""

    def __init__(self, chart: Chart, size: Size) -> None:
        self.chart, self.size = chart, size
        self.signed = chart.kind == "variance"
        self.now = find_samples(chart.now, chart.start_ms, chart.end_ms)
        self.baseline = find_samples(chart.baseline, chart.start_ms, chart.end_ms) if chart.baseline else None
        self.gaps = find_gaps(chart)
        self.band = find_band(chart)
        self.low, self.high = find_range(chart, self.now[1], self.baseline)
        self.ticks = self._value_ticks()
        self.left = max(38.0, 8 + max(width_of(text, size.font) for _, text in self.ticks))
        self.right = size.width - (22 if self.signed else 16)
        self.flags = stack(self._flags(), size.rows, size.font, self.left, size.width - 2)
        rows = max((flag.row + 1 for flag in self.flags), default=0)
        self.row_height = size.font + 4
        self.top = 8 + max(rows * self.row_height, size.font + 2)
        self.bottom = size.height - (size.font * 2 + 12 if self._two_lines() else size.font + 12)
        self.frame = Box(x0=self.left, y0=self.top - 2, x1=self.right + 6, y1=self.bottom)
        self.sheet = Sheet(size)

    def x(self, ms: Any) -> Any:
        return self.left + (ms - self.chart.start_ms) / (self.chart.end_ms - self.chart.start_ms) * (
            self.right - self.left
        )

    def y(self, value: Any) -> Any:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def draw(self) -> Sheet:
        self._draw_ground()
        self._draw_axes()
        self._draw_gaps()
        self._draw_limits()
        self._draw_flags()
        self._draw_lines()
        self._draw_checkpoints()
        self._write_labels()
        return self.sheet

    # the ground

    def _draw_ground(self) -> None:
        if self.band:
            low, high = self.band
            self.sheet.box(self.left, self.y(high), self.right, self.y(low), "band")
            if self.signed and self.chart.watch:
                inner = 100 * self.chart.watch
                self.sheet.box(self.left, self.y(inner), self.right, self.y(-inner), "paper", alpha=0.5)
        for flag in self.flags:
            if flag.style == "span":
                top = self.top - 2 - flag.row * self.row_height
                self.sheet.box(flag.x0, top, max(flag.x1, flag.x0 + 1.5), self.bottom, "restart", alpha=0.75)

    def _draw_axes(self) -> None:
        font = self.size.font
        for value, text in self.ticks:
            y = self.y(value)
            color, width = ("baseline", 1.2) if self.signed and value == 0 else ("grid", 1)
            self.sheet.line([self.left, self.right], [y, y], color, width)
            self.sheet.text(Label(text=text, x=self.left - 5, y=y + font * 0.36, anchor="end", size=font), "text")
        unit = clean(self.chart.unit, 12)
        if unit and not self.signed:
            at = Label(text=unit, x=self.left - 5, y=self.top - 7, anchor="end", size=font)
            if at.box().x0 >= 0:
                self.sheet.text(at, "text")
        self.sheet.line([self.left, self.right], [self.bottom, self.bottom], "grid")
        for x, first, second in self._time_ticks():
            self.sheet.line([x, x], [self.bottom, self.bottom + 4], "text")
            self._tick_text(x, self.bottom + font + 6, first)
            if second:
                self._tick_text(x, self.bottom + font * 2 + 8, second)

    def _tick_text(self, x: float, y: float, text: str) -> None:
        half = width_of(text, self.size.font) / 2
        x = min(max(x, half + 1), self.size.width - half - 1)
        self.sheet.text(Label(text=text, x=x, y=y, anchor="middle", size=self.size.font), "text")

    def _value_ticks(self) -> list[tuple[float, str]]:
        """Places and texts of the value axis; the two sides of the tolerance for a variance."""
        chart = self.chart
        most = max(3, int(self.size.height / 48))
        whole = chart.decimals == 0 or (self.signed and self.high - self.low > 4)
        step, places = ticks(self.low, self.high, most, whole=whole)
        kept = [v for v in places if not (self._is_share() and v > 100) and not (v < 0 and self._is_positive())]
        decimals = next((n for n in range(7) if abs(round(step, n) - step) < step * 1e-6), 7)
        end = " %" if self.signed else ""
        return [(v, print_number(v, decimals, self.signed) + end if v else "0") for v in kept]

    def _is_share(self) -> bool:
        return self.chart.unit.strip() == "%" and not self.signed and all(self.now[1] <= 100)

    def _is_positive(self) -> bool:
        return not self.signed and all(self.now[1] >= 0)

    def _two_lines(self) -> bool:
        return self.signed or (self.chart.kind != "history" and covers_days(self.chart))

    def _time_ticks(self) -> list[tuple[float, str, str]]:
        """x, text, and a second line (the day) for each tick of the time axis."""
        chart, zone = self.chart, self.chart.zone
        length = chart.end_ms - chart.start_ms
        most = (self.right - self.left) / (self.size.font * 5)
        step = next((s for s in STEPS if length / s <= most), STEPS[-1] * max(1, round(length / STEPS[-1] / most)))
        if self.signed:
            return self._offset_ticks(max(step, HOUR))
        if chart.kind == "history":
            return self._day_ticks(max(step // DAY, 1))
        found: list[tuple[float, str, str]] = []
        last = ""
        grid = MINUTE if step < 15 * MINUTE else 15 * MINUTE  # every zone is whole quarters of an hour off
        for ms in range(-(-chart.start_ms // grid) * grid, chart.end_ms + 1, grid):
            if _wall(ms, zone) % step:
                continue
            day = print_day(ms, zone) if self._two_lines() else ""
            name = "" if found else f" {print_zone(chart)}"
            found.append((self.x(ms), print_clock(ms, zone) + name, day if day != last else ""))
            last = day
        return found

    def _day_ticks(self, every: int) -> list[tuple[float, str, str]]:
        times = [int(ms) for ms in self.chart.now.times_ms][::every]
        days = [print_day(ms, self.chart.zone) for ms in times]
        months = ["", *(day.split()[1] for day in days)]
        return [
            (self.x(ms), day if day.split()[1] != months[i] else day.split()[0], "")
            for i, (ms, day) in enumerate(zip(times, days, strict=True))
        ]

    def _offset_ticks(self, step: int) -> list[tuple[float, str, str]]:
        """Hours since the start, as the checkpoints are named; the clock at the start, the day at both ends."""
        chart = self.chart
        hours = range(step, chart.end_ms - chart.start_ms + 1, step)
        later = [(self.x(chart.start_ms + ms), f"+{ms // HOUR}h", "") for ms in hours]
        if later and later[-1][0] >= self.right - 1:
            later[-1] = (later[-1][0], later[-1][1], print_day(chart.end_ms, chart.zone))
        first = f"{print_clock(chart.start_ms, chart.zone)} {print_zone(chart)}"
        return [(self.left, first, print_day(chart.start_ms, chart.zone)), *later]

    # what was measured

    def _draw_gaps(self) -> None:
        chart, font = self.chart, self.size.font
        spans = [(gap.start_ms, gap.end_ms, clean(gap.label)) for gap in self.gaps]
        if chart.until_ms is not None and chart.until_ms < chart.end_ms:
            spans.append((chart.until_ms, chart.end_ms, "not yet measured"))
        for start, end, _ in spans:
            self.sheet.hatch(self.x(max(start, chart.start_ms)), self.top, self.x(min(end, chart.end_ms)), self.bottom)
        self._gap_labels = [
            [
                Label(text=text, x=x, y=self.top + part * (self.bottom - self.top), anchor="middle", size=font)
                for part in (0.42, 0.62, 0.8, 0.25, 0.95)
                for x in self._kept_inside((self.x(start) + self.x(end)) / 2, text)
            ]
            for start, end, text in spans
        ]

    def _kept_inside(self, x: float, text: str) -> list[float]:
        half = width_of(text, self.size.font) / 2
        return [min(max(x, self.left + half), self.right - half)]

    def _draw_limits(self) -> None:
        for limit in self.chart.limits:
            self._draw_level(limit.value, limit.kind)
        if self.signed and self.chart.tolerance:
            self._draw_level(100 * self.chart.tolerance, "limit")
            self._draw_level(-100 * self.chart.tolerance, "limit")

    def _draw_level(self, value: float, kind: str) -> None:
        y = self.y(value)
        self.sheet.line([self.left, self.right], [y, y], kind, 1.6, dashes=DASHES[kind])
        self.sheet.points += [(x, y) for x in range(int(self.left), int(self.right), 5)]

    def _flags(self) -> list[Flag]:
        chart = self.chart
        marks = [(m.at_ms, m.at_ms, m.label, m.kind) for m in chart.marks]
        spans = [(s.start_ms, s.end_ms, s.label, "span") for s in chart.spans]
        return [
            Flag(
                x0=self.x(max(start, chart.start_ms)),
                x1=self.x(min(end, chart.end_ms)),
                text=clean(label, 40),
                style=style,
            )
            for start, end, label, style in marks + spans
            if end >= chart.start_ms and start <= chart.end_ms
        ]

    def _draw_flags(self) -> None:
        base = self.top - 6
        for flag in self.flags:
            if flag.style != "span":
                top = base - flag.row * self.row_height - (self.size.font * 0.75 if flag.text else -2)
                style = {"dashes": (2, 2)} if flag.style == "decision" else {}
                self.sheet.line([flag.x0, flag.x0], [top, self.bottom], "event", 1.1, **style)
                self.sheet.points += [(flag.x0, y) for y in range(int(self.top), int(self.bottom), 5)]
            if flag.text:
                self.sheet.text(flag.label(base, self.row_height, self.size.font), "event")

    def _draw_lines(self) -> None:
        chart = self.chart
        if self.baseline is not None and chart.baseline is not None:
            self._draw_line(self.baseline, chart.baseline, "baseline", 1.3, dashes=DASHES["baseline"])
        extra = {"marker": "o", "markersize": 4, "markeredgewidth": 0} if chart.kind == "history" else {}
        self._draw_line(self.now, chart.now, "value", 2, solid_capstyle="round", solid_joinstyle="round", **extra)

    def _draw_line(self, samples: tuple[Numbers, Numbers], line: Line, color: str, width: float, **style: Any) -> None:
        import numpy as np

        times, values = samples
        if len(times) == 0:
            return
        drawn_times, drawn_values = thin(times, values, line.step_ms)
        self.sheet.line(self.x(drawn_times), self.y(drawn_values), color, width, **style)
        xs = np.arange(self.x(times[0]), self.x(times[-1]) + 1, 4)
        self.sheet.points += zip(xs, np.interp(xs, self.x(times), self.y(values)), strict=True)

    def _draw_checkpoints(self) -> None:
        for point in self.chart.checkpoints:
            if point.value is None or point.verdict not in MARKER:
                continue
            shape, color = MARKER[point.verdict]
            x, y = self.x(point.at_ms), self.y(point.value)
            self.sheet.line(
                [x],
                [y],
                color,
                0,
                marker=shape,
                markersize=9,
                markerfacecolor=PALETTE["paper"],
                markeredgecolor=PALETTE[color],
                markeredgewidth=2,
            )
            self.sheet.taken.append(Box(x0=x - 6, y0=y - 6, x1=x + 6, y1=y + 6))

    # labels on what was drawn

    def _write_labels(self) -> None:
        chart, font = self.chart, self.size.font
        for text, color, candidates in self._checkpoint_labels():
            self.sheet.put([Label(text=text, bold=True, size=font, **c) for c in candidates], color, self.frame)
        for value, text, above, kind in self._level_labels():
            self.sheet.put(self._beside(value, text, above), kind, self.frame)
        for labels in self._gap_labels:
            self.sheet.put(labels, "text", self.frame)
        if not self.signed:
            self._write_name(self.now, chart.now, "value")
        if self.baseline is not None and chart.baseline is not None:
            self._write_name(self.baseline, chart.baseline, "baseline")

    def _checkpoint_labels(self) -> list[tuple[str, str, list[dict[str, Any]]]]:
        found = []
        for point in self.chart.checkpoints:
            x = self.x(point.at_ms)
            if point.value is None or point.verdict not in MARKER:
                if point.verdict != "Pending":
                    text, at = clean(f"{point.label} {point.verdict}", 40), self.bottom - 5
                    found.append((text, "text", [{"x": x, "y": at, "anchor": a} for a in ("middle", "start", "end")]))
                continue
            text = f"{print_value(point.value, self.chart.unit, self.chart.decimals, self.signed)} {point.verdict}"
            y = self.y(point.value)
            around = [
                {"x": x + dx, "y": y + dy, "anchor": anchor}
                for dx, anchor in ((0, "middle"), (9, "start"), (-9, "end"))
                for dy in (-10, 18, -22, 30)
            ]
            sides = [{"x": x + 10, "y": y + 4, "anchor": "start"}, {"x": x - 10, "y": y + 4, "anchor": "end"}]
            found.append((clean(text), MARKER[point.verdict][1], around + sides))
        return found

    def _level_labels(self) -> list[tuple[float, str, bool, str]]:
        chart = self.chart
        found: list[tuple[float, str, bool, str]] = [
            (limit.value, clean(limit.label, 40), not limit.upper, limit.kind) for limit in chart.limits
        ]
        if self.signed and chart.tolerance:
            for side in (100 * chart.tolerance, -100 * chart.tolerance):
                found.append((side, f"tolerance {print_value(side, '%', _digits(side), True)}", side > 0, "limit"))
        return found

    def _beside(self, value: float, text: str, above: bool) -> list[Label]:
        """Places for the label of a level: at its right end first; `above` says which side is tried first."""
        y, font = self.y(value), self.size.font
        offsets = (-4.0, font + 2) if above else (font + 2, -4.0)
        middle = (self.left + self.right) / 2
        places = ((self.right, "end"), (self.left + 4, "start"), (middle, "middle"))
        return [
            Label(text=text, x=x, y=y + dy, anchor=anchor, size=font, bold=True)
            for dy in offsets
            for x, anchor in places
        ]

    def _write_name(self, samples: tuple[Numbers, Numbers], line: Line, color: str) -> None:
        """The label of a line just above or below a stretch of it, at the right end where there is room."""
        import numpy as np

        times, values = samples
        text, font = clean(line.label, 30), self.size.font
        if len(times) == 0 or not text:
            return
        wide = width_of(text, font, color == "value")
        xs, ys = self.x(times), self.y(values)
        candidates = []
        for end in np.linspace(xs[-1], min(xs[-1], xs[0] + wide), 9):
            under = ys[(xs >= end - wide) & (xs <= end)]
            if len(under):
                for y in (under.min() - 5, under.max() + font + 2):
                    candidates.append(
                        Label(text=text, x=float(end), y=float(y), anchor="end", size=font, bold=color == "value")
                    )
        self.sheet.put(candidates or self._beside(float(values[-1]), text, True), color, self.frame)


def find_band(chart: Chart) -> tuple[float, float] | None:
    """The lowest and highest value inside the tolerance."""
    import numpy as np

    if chart.tolerance is None:
        return None
    if chart.kind == "variance":
        return -100 * chart.tolerance, 100 * chart.tolerance
    middle = chart.baseline_value
    if middle is None and chart.baseline is not None:
        _, values = find_samples(chart.baseline, chart.start_ms, chart.end_ms)
        middle = float(np.median(values)) if len(values) else None
    if middle is None:
        return None
    return middle - abs(middle) * chart.tolerance, middle + abs(middle) * chart.tolerance


def find_range(chart: Chart, values: Numbers, baseline: tuple[Numbers, Numbers] | None) -> tuple[float, float]:
    """
    Lowest and highest value of the axis: every sample, the band, every limit and checkpoint, and some room.

    At least a fifth of the typical value is spanned, so that noise does not look like movement; an axis that comes near
    zero starts there.
    """
    import numpy as np

    seen = [*values.tolist(), *(baseline[1].tolist() if baseline else []), *(limit.value for limit in chart.limits)]
    seen += [point.value for point in chart.checkpoints if point.value is not None]
    seen += find_band(chart) or ()
    low, high = (min(seen), max(seen)) if seen else (0.0, 1.0)
    typical = abs(float(np.median(values))) if len(values) else 0.0
    short = max(0.2 * typical, 1e-9 * max(abs(low), abs(high)), 1e-6 if low != high else 1.0) - (high - low)
    if short > 0:
        low, high = low - short / 2, high + short / 2
    if min(seen, default=0.0) >= 0 and low < 0.35 * high:
        low = 0.0
    room = 0.08 * (high - low)
    return low - room, high + room


def draw_distribution(chart: Distribution, size: Size) -> Sheet:
    """Bars of both windows side by side, a bucket a pair: `now` filled, the baseline an outline."""
    sheet = Sheet(size)
    font, left, right, top = size.font, 40.0, size.width - 8, size.font + 14
    bottom = size.height - font * 2 - 14
    most = max((*chart.now, *chart.baseline, 0.01))
    step, places = ticks(0, most * 100, 4)
    places = [*places, places[-1] + step] if places[-1] < most * 100 else places
    for share in places:
        y = bottom - share / places[-1] * (bottom - top)
        sheet.line([left, right], [y, y], "grid")
        text = f"{print_number(share, 0 if step >= 1 else 1)} %"
        sheet.text(Label(text=text, x=left - 5, y=y + font * 0.36, anchor="end", size=font), "text")
    slot = (right - left) / max(1, len(chart.edges))
    texts = [_edge_text(edge) for edge in chart.edges]
    every = max(1, int(max(width_of(t, font) for t in texts) * 1.25 // slot) + 1) if texts else 1
    for i, (now, before) in enumerate(zip(chart.now, chart.baseline, strict=True)):
        x = left + i * slot
        heights = [bottom - share * 100 / places[-1] * (bottom - top) for share in (before, now)]
        outline = {"facecolor": PALETTE["paper"], "edgecolor": PALETTE["baseline"], "linewidth": 1.2}
        sheet.box(x + slot * 0.1, heights[0], x + slot * 0.46, bottom, "paper", linestyle=(0, (1.5, 1.5)), **outline)
        sheet.box(x + slot * 0.5, heights[1], x + slot * 0.9, bottom, "value")
        if i % every == 0:
            sheet.text(Label(text=texts[i], x=x + slot / 2, y=bottom + font + 4, anchor="middle", size=font), "text")
    sheet.line([left, right], [bottom, bottom], "baseline")
    unit = f"bucket up to, {clean(chart.unit, 12)}"
    sheet.text(Label(text=unit, x=right, y=bottom + font * 2 + 8, anchor="end", size=font), "text")
    _write_bar_names(sheet, chart, Box(x0=left, y0=0, x1=right, y1=bottom), top)
    return sheet


def _write_bar_names(sheet: Sheet, chart: Distribution, frame: Box, top: float) -> None:
    """Names in the form of the bars they stand for: a filled and a dotted sample before each."""
    font, x = sheet.size.font, frame.x0 + 4
    for color, name in (("baseline", chart.baseline_label), ("value", chart.now_label)):
        y = top - 14
        style: dict[str, Any] = {"facecolor": PALETTE["paper"], "edgecolor": PALETTE["baseline"], "linewidth": 1.2}
        sheet.box(x, y, x + 8, y + 9, color, **(style | {"linestyle": (0, (1.5, 1.5))} if color == "baseline" else {}))
        label = Label(text=clean(name, 30), x=x + 12, y=y + 8.5, size=font, bold=color == "value")
        sheet.text(label, color)
        x = label.box().x1 + 14


def _edge_text(edge: float) -> str:
    return "more" if edge == float("inf") else f"{edge:g}"


def _digits(value: float) -> int:
    return 0 if abs(value - round(value)) < 1e-9 else 1


def _wall(ms: int, zone: ZoneInfo) -> int:
    """Milliseconds since the epoch as the clock on the wall counts them."""
    return ms + (from_ms(ms).astimezone(zone).utcoffset() or timedelta()) // timedelta(milliseconds=1)

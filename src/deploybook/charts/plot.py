"""A chart over time, drawn from the ground up: bands and shades, axes, gaps, limits, events, lines, then labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .axis import find_band, find_levels, find_range, tick_times, tick_values
from .layout import Box, Flag, Label, stack, width_of
from .shapes import Chart, Limit, Line, clean, print_value
from .sheet import PALETTE, Sheet, Size
from .thin import MOST_POINTS, find_gaps, find_samples, thin

if TYPE_CHECKING:
    from .shapes import Numbers

MARKER = {"Pass": ("o", "good"), "Watch": ("^", "watch"), "Breach": ("X", "limit"), "Unclear": ("D", "watch")}
ROUND = {"solid_capstyle": "round", "solid_joinstyle": "round"}
DASHES: dict[str, tuple[float, ...]] = {"baseline": (1.2, 2.2), "limit": (7, 3.5), "watch": (7, 2.5, 1.5, 2.5)}


def plot(chart: Chart, size: Size) -> Sheet:
    """The chart on a sheet of that size."""
    drawing = _Plot(chart, size)
    drawing.ground()
    drawing.value_axis()
    drawing.time_axis()
    drawing.gaps()
    drawing.levels()
    drawing.flags()
    drawing.lines()
    drawing.checkpoints()
    drawing.labels()
    return drawing.sheet


class _Plot:
    """Where things of one chart stand on one sheet."""

    def __init__(self, chart: Chart, size: Size) -> None:
        self.chart, self.size, self.sheet = chart, size, Sheet(size)
        self.signed = chart.kind == "variance"
        self.now = find_samples(chart.now, chart.start_ms, chart.end_ms)
        self.baseline = find_samples(chart.baseline or chart.now, chart.start_ms, chart.end_ms)
        self.low, self.high = find_range(chart, self.now[1], self.baseline[1])
        self.ticks = tick_values(chart, self.now[1], self.low, self.high, max(3, int(size.height / 48)))
        self.left = max([38.0, *(8 + width_of(text, size.font) for _, text in self.ticks)])
        self.right = size.width - (22 if self.signed else 16)
        self.row = size.font + 4
        self.stack = stack(self._find_flags(), size.rows, size.font, self.left, size.width - 2)
        self.top = 8 + self.row * max([1, *(flag.row + 1 for flag in self.stack)])
        self.times = tick_times(chart, (self.right - self.left) / (size.font * 5))
        rows = 2 if any(second for _, _, second in self.times) else 1
        self.bottom = size.height - 10 - rows * (size.font + 2)
        self.frame = Box(x0=self.left, y0=self.top - 2, x1=self.right + 6, y1=self.bottom)

    def x(self, ms: Any) -> Any:
        share = (ms - self.chart.start_ms) / (self.chart.end_ms - self.chart.start_ms)
        return self.left + share * (self.right - self.left)

    def y(self, value: Any) -> Any:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def _find_flags(self) -> list[Flag]:
        begin, end = self.chart.start_ms, self.chart.end_ms
        given: list[tuple[int, int, str, str]] = [(m.at_ms, m.at_ms, m.label, m.kind) for m in self.chart.marks]
        given += [(s.start_ms, s.end_ms, s.label, "span") for s in self.chart.spans]
        return [
            Flag(x0=self.x(max(start, begin)), x1=self.x(min(stop, end)), text=clean(label, 40), style=style)
            for start, stop, label, style in given
            if stop >= begin and start <= end
        ]

    def ground(self) -> None:
        band = find_band(self.chart)
        if band:
            self.sheet.box(self.left, self.y(band[1]), self.right, self.y(band[0]), "band")
        if self.signed and self.chart.watch:
            inner = 100 * self.chart.watch
            self.sheet.box(self.left, self.y(inner), self.right, self.y(-inner), "paper", alpha=0.5)
        for flag in self.stack:
            if flag.style == "span":
                top = self.top - 2 - flag.row * self.row
                self.sheet.box(flag.x0, top, max(flag.x1, flag.x0 + 1.5), self.bottom, "restart", alpha=0.75)

    def value_axis(self) -> None:
        font = self.size.font
        for value, text in self.ticks:
            y, zero = self.y(value), self.signed and not value
            self.sheet.line([self.left, self.right], [y, y], "baseline" if zero else "grid")
            self.sheet.points += [(x, y) for x in range(int(self.left), int(self.right), 5) if zero]
            self.sheet.write(self.sheet.label(text, self.left - 5, y + font * 0.36, "text", "end"))
        if self.signed or self.chart.unit in ("", "1"):
            return
        unit = self.sheet.label(clean(self.chart.unit, 16), self.left - 5, self.top - 7, "text", "end")
        if unit.box().x0 < 0:
            unit = replace(unit, x=1, anchor="start")
        flags = [flag.label(self.top - 6, self.row, font).box() for flag in self.stack]
        if not any(unit.box().overlap(flag) for flag in flags):
            self.sheet.write(unit)

    def time_axis(self) -> None:
        font, bottom = self.size.font, self.bottom
        self.sheet.line([self.left, self.right], [bottom, bottom], "grid")
        for ms, *texts in self.times:
            x = self.x(ms)
            self.sheet.line([x, x], [bottom, bottom + 4], "text")
            for row, text in enumerate(filter(None, texts), 1):
                half = width_of(text, font) / 2 + 1
                inside = min(max(x, half), self.size.width - half)
                self.sheet.write(self.sheet.label(text, inside, bottom + row * (font + 2) + 4, "text", "middle"))

    def gaps(self) -> None:
        for start, end, _ in self._find_gaps():
            style = {"facecolor": "none", "edgecolor": PALETTE["gap"], "hatch": "///"}
            self.sheet.box(start, self.top, end, self.bottom, "gap", **style)

    def _find_gaps(self) -> list[tuple[float, float, str]]:
        begin, end, until = self.chart.start_ms, self.chart.end_ms, self.chart.until_ms
        found = [(gap.start_ms, gap.end_ms, gap.label) for gap in find_gaps(self.chart)]
        if until is not None and until < end:
            found.append((until, end, "not yet measured"))
        return [(self.x(max(start, begin)), self.x(min(stop, end)), label) for start, stop, label in found]

    def levels(self) -> None:
        for level in find_levels(self.chart):
            y = self.y(level.value)
            self.sheet.line([self.left, self.right], [y, y], level.kind, 1.6, dashes=DASHES[level.kind])
            self.sheet.points += [(x, y) for x in range(int(self.left), int(self.right), 5)]

    def flags(self) -> None:
        base = self.top - 6
        for flag in self.stack:
            if flag.style != "span":
                top = base - flag.row * self.row - (self.size.font * 0.75 if flag.text else -2)
                style = {"dashes": (2, 2)} if flag.style == "decision" else {}
                self.sheet.line([flag.x0, flag.x0], [top, self.bottom], "event", 1.1, **style)
                self.sheet.points += [(flag.x0, y) for y in range(int(self.top), int(self.bottom), 5)]
            if flag.text:
                self.sheet.write(flag.label(base, self.row, self.size.font))

    def lines(self) -> None:
        chart = self.chart
        if chart.baseline is not None:
            self._line(self.baseline, chart.baseline, "baseline", 1.3, dashes=DASHES["baseline"])
        self._line(self.now, chart.now, "value", 2, **ROUND)
        if chart.kind == "history" and len(self.now[0]):
            self._dots(*self.now)

    def _line(self, samples: tuple[Numbers, Numbers], line: Line, color: str, width: float, **style: Any) -> None:
        import numpy as np

        times, values = samples
        if len(times):
            most = min(MOST_POINTS, int(self.right - self.left))
            drawn_times, drawn_values = thin(times, values, line.step_ms, most)
            self.sheet.line(self.x(drawn_times), self.y(drawn_values), color, width, **style)
            xs = np.arange(self.x(times[0]), self.x(times[-1]) + 1, 4)
            self.sheet.points += zip(xs, np.interp(xs, self.x(times), self.y(values)), strict=True)

    def _dots(self, times: Numbers, values: Numbers) -> None:
        """A dot a sample, as a line of no length: far shorter than as many markers."""
        import numpy as np

        there_and_back = np.stack((values, values, np.full(len(values), np.nan)), axis=1).ravel()
        self.sheet.line(self.x(np.repeat(times, 3)), self.y(there_and_back), "value", 5, **ROUND)

    def checkpoints(self) -> None:
        """Markers first, so that no label covers one."""
        labels = []
        for point in self.chart.checkpoints:
            x, label = self.x(point.at_ms), self.sheet.label
            if point.verdict == "Pending":
                continue
            if point.value is None or point.verdict not in MARKER:
                text = clean(f"{point.label} {point.verdict}", 40)
                ys = (self.bottom - 5, *((self.y(0) - 6, self.y(0) + 16) if self.signed else (self.top + 12,)))
                labels.append([label(text, x, y, "text", a) for y in ys for a in ("middle", "start", "end")])
                continue
            y, (shape, color) = self.y(point.value), MARKER[point.verdict]
            self.sheet.line([x], [y], color, 0, marker=shape, ms=9, mfc=PALETTE["paper"], mew=2)
            self.sheet.taken.append(Box(x0=x - 6, y0=y - 6, x1=x + 6, y1=y + 6))
            text = f"{print_value(point.value, self.chart.unit, self.chart.decimals, self.signed)} {point.verdict}"
            places = [(dx, dy, a) for dx, a in ((0, "middle"), (9, "start"), (-9, "end")) for dy in (-10, 18, -22, 30)]
            places += [(10, 4, "start"), (-10, 4, "end")]
            labels.append([label(text, x + dx, y + dy, color, anchor, True) for dx, dy, anchor in places])
        for candidates in labels:
            self.sheet.write_best(candidates, self.frame)

    def labels(self) -> None:
        for level in find_levels(self.chart):
            self.sheet.write_best(self._beside(level), self.frame)
        height = self.bottom - self.top
        for start, end, text in self._find_gaps():
            half = width_of(text, self.size.font) / 2
            x = min(max((start + end) / 2, self.left + half), self.right - half)
            ys = [self.top + part * height for part in (0.42, 0.62, 0.8, 0.25, 0.95)]
            self.sheet.write_best([self.sheet.label(text, x, y, "text", "middle") for y in ys], self.frame)
        if not self.signed:
            self._name(self.now, self.chart.now, "value")
        if self.chart.baseline is not None:
            self._name(self.baseline, self.chart.baseline, "baseline")

    def _beside(self, level: Limit) -> list[Label]:
        """Places for the label of a level, at its right end first; inside of what it allows, of a variance outside."""
        offsets = [-4.0, self.size.font + 2]
        if level.upper != self.signed:
            offsets.reverse()
        ends = ((self.right, "end"), (self.left + 4, "start"), ((self.left + self.right) / 2, "middle"))
        text, y = clean(level.label, 40), self.y(level.value)
        return [self.sheet.label(text, x, y + dy, level.kind, end, True) for dy in offsets for x, end in ends]

    def _name(self, samples: tuple[Numbers, Numbers], line: Line, color: str) -> None:
        """The label of a line just above or below a stretch of it, at the right end where there is room."""
        import numpy as np

        text, bold = clean(line.label, 30), color == "value"
        if len(samples[0]) == 0 or not text:
            return
        wide = width_of(text, self.size.font, bold)
        xs, ys = self.x(samples[0]), self.y(samples[1])
        candidates: list[Label] = []
        for end in np.linspace(xs[-1], min(xs[-1], xs[0] + wide), 9):
            under: Sequence[float] = ys[(xs >= end - wide) & (xs <= end)]
            if len(under):
                edges = (min(under) - 5, max(under) + self.size.font + 2)
                candidates += [self.sheet.label(text, end, y, color, "end", bold) for y in edges]
        self.sheet.write_best(candidates, self.frame)

"""The distribution of a histogram's buckets in two windows, side by side."""

from __future__ import annotations

from typing import Any

from .layout import ticks, width_of
from .shapes import Distribution, Table, clean, print_number
from .sheet import PALETTE, Sheet, Size


def plot_bars(chart: Distribution, size: Size) -> Sheet:
    """A bucket a pair of bars: the baseline a dotted outline, `now` filled; both named in their own form."""
    sheet = Sheet(size)
    font, left, right, top, bottom = size.font, 40.0, size.width - 8, size.font + 14, size.height - size.font * 2 - 14
    most = 100 * max((*chart.now, *chart.baseline, 0.01))
    step, places = ticks(0, most, 4)
    ceiling = step * -(-most // step)
    for share in [*places, ceiling] if places[-1] < ceiling else places:
        y = bottom - share / ceiling * (bottom - top)
        sheet.line([left, right], [y, y], "grid" if share else "baseline")
        text = f"{print_number(share, 0 if step >= 1 else 1)} %"
        sheet.write(sheet.label(text, left - 5, y + font * 0.36, "text", "end"))
    slot = (right - left) / max(1, len(chart.edges))
    every = int(max((width_of(print_edge(edge), font) for edge in chart.edges), default=0) * 1.25 // slot) + 1
    for i, (edge, now, before) in enumerate(zip(chart.edges, chart.now, chart.baseline, strict=True)):
        x = left + i * slot
        _bar(sheet, x + slot * 0.1, bottom - 100 * before / ceiling * (bottom - top), slot * 0.36, bottom, "baseline")
        _bar(sheet, x + slot * 0.5, bottom - 100 * now / ceiling * (bottom - top), slot * 0.4, bottom, "value")
        if i % every == 0:
            sheet.write(sheet.label(print_edge(edge), x + slot / 2, bottom + font + 4, "text", "middle"))
    unit = f"bucket up to, {clean(chart.unit, 12)}"
    sheet.write(sheet.label(unit, right, bottom + font * 2 + 8, "text", "end"))
    x = left + 4
    for color, name in (("baseline", chart.baseline_label), ("value", chart.now_label)):
        _bar(sheet, x, top - 14, 8, top - 5, color)
        label = sheet.label(clean(name, 30), x + 12, top - 5.5, color, bold=color == "value")
        sheet.write(label)
        x = label.box().x1 + 14
    return sheet


def _bar(sheet: Sheet, x: float, y: float, wide: float, bottom: float, color: str) -> None:
    dotted: dict[str, Any] = {"facecolor": PALETTE["paper"], "edgecolor": PALETTE["baseline"]}
    dotted |= {"linewidth": 1.2, "linestyle": (0, (1.5, 1.5))}
    sheet.box(x, y, x + wide, bottom, color, **(dotted if color == "baseline" else {}))


def print_edge(edge: float) -> str:
    return "more" if edge == float("inf") else f"{edge:g}"


def describe_bars(chart: Distribution) -> str:
    """The fullest bucket of both windows."""
    parts = [f"Shares of {len(chart.edges)} buckets, upper edges in {clean(chart.unit, 16)}."]
    for label, shares in ((chart.now_label, chart.now), (chart.baseline_label, chart.baseline)):
        if not any(shares):
            parts.append(f"{clean(label)}: no data, 0 samples.")
            continue
        top = max(range(len(shares)), key=shares.__getitem__)
        share = print_number(100 * shares[top], 1)
        parts.append(f"{clean(label)}: fullest bucket up to {print_edge(chart.edges[top])} with {share} %.")
    return " ".join(parts)


def tabulate_bars(chart: Distribution) -> Table:
    """One row a bucket."""
    rows = tuple(
        (print_edge(edge), *(f"{print_number(100 * share, 1)} %" for share in shares))
        for edge, *shares in zip(chart.edges, chart.now, chart.baseline, strict=True)
    )
    columns = (f"Up to ({clean(chart.unit, 16)})", clean(chart.now_label), clean(chart.baseline_label))
    return Table(caption=clean(chart.title), columns=columns, rows=rows)

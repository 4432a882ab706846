"""Pictures simple enough to write by hand, without matplotlib: the sparkline of a table row, the strip of hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from .shapes import Drawing, Strip, Table, clean, clean_id, print_value
from .sheet import NARROW, VARIABLE, WIDE, Size
from .svg import open_svg, short
from .thin import thin

if TYPE_CHECKING:
    from .shapes import Numbers

# Shape of each word in a square of 10 units around 0,0; the same shapes as the status marks of the pages.
SHAPES = {
    "Pass": ("good", '<circle r="4.2"/><path d="M-2 .2l1.4 1.5 2.6-3.2"/>'),
    "Watch": ("watch", '<path d="M0-4.6l4.8 8.6h-9.6z"/><path d="M0-1.6v2.4M0 2.3v.4"/>'),
    "Breach": (
        "limit",
        '<path d="M-2-4.6h4l2.6 2.6v4l-2.6 2.6h-4l-2.6-2.6v-4z"/><path d="M-1.7-1.7l3.4 3.4M1.7-1.7l-3.4 3.4"/>',
    ),
    "Unclear": (
        "watch",
        '<path d="M0-4.9l4.9 4.9-4.9 4.9-4.9-4.9z"/><path d="M-1.2-1.2q1.2-1.6 2.3 0-.1.8-1.1 1.2v.4M0 2v.4"/>',
    ),
    "No data": ("gap", '<circle r="4.2" stroke-dasharray="1.6 1.4"/><path d="M-1.8 0h3.6"/>'),
    "Pending": ("gap", '<circle r="4.2"/><path d="M0-2.4v2.4l1.7 1"/>'),
    "Not produced": ("gap", '<path d="M-4-4h8v8h-8z"/><path d="M-2.2 2.2l4.4-4.4"/>'),
    "Not applicable": ("gap", '<circle r="4.2"/><path d="M-2.6 2.6l5.2-5.2"/>'),
}


def draw_sparkline(
    values: Numbers | Sequence[float],
    *,
    label: str,
    unit: str,
    decimals: int = 1,
    baseline: float | None = None,
    limit: float | None = None,
    width: int = 120,
    height: int = 28,
) -> str:
    """
    A line of about 1 kB for a table cell, with its limit (dashed) and baseline (dotted); NaN breaks the line.

    values: evenly spaced. At most one point a unit of width is drawn, lowest and highest kept.
    The accessible name says first, lowest, highest and last; without a sample it says "no data" and draws no line.
    """
    import numpy as np

    samples = np.asarray(values, dtype=np.float64)
    at = np.flatnonzero(np.abs(samples) < 1e100)
    if len(at) == 0:
        rule = _rule(f"{height / 2:g}", width, "gap", "1 5")
        return _write_spark(f"{clean(label)}: no data", rule, width, height)
    found = samples[at]
    told = {"first": found[0], "lowest": found.min(), "highest": found.max(), "last": found[-1]}
    said = ", ".join(f"{word} {print_value(float(value), unit, decimals)}" for word, value in told.items())
    seen = [told["lowest"], told["highest"], *(level for level in (baseline, limit) if level is not None)]
    room = max(0.0, 0.1 * abs(float(np.median(found))) - (max(seen) - min(seen))) / 2
    bottom, top = min(seen) - room, max(seen) + room

    def y(value: float) -> str:
        return f"{height - 3 - (value - bottom) / ((top - bottom) or 1) * (height - 6):.1f}"

    body = "" if baseline is None else _rule(y(baseline), width, "baseline", "1 2")
    body += "" if limit is None else _rule(y(limit), width, "limit", "4 2")
    xs, ys = thin(at, found, 1, most=width)
    xs = 3 + xs / max(1, len(samples) - 1) * (width - 6)
    starts = np.isnan(np.concatenate(([np.nan], ys[:-1])))
    points = zip(xs, ys, starts, strict=True)
    path = "".join(f"{'M' if start else 'L'}{px:.1f} {y(py)}" for px, py, start in points if not np.isnan(py))
    round_ends = 'stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"'
    body += f'<path d="{path}" stroke="{VARIABLE["value"]}" {round_ends}/>'
    return _write_spark(f"{clean(label)}: {said}", body, width, height)


def _rule(y: str, width: int, color: str, dashes: str) -> str:
    return f'<path d="M2 {y}h{width - 4}" stroke="{VARIABLE[color]}" stroke-dasharray="{dashes}"/>'


def _write_spark(said: str, body: str, width: int, height: int) -> str:
    return (
        f'<svg class="db-spark" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" fill="none" role="img" aria-label="{escape(said)}">{body}</svg>'
    )


def draw_strip(strip: Strip) -> Drawing:
    """The windows as shapes in a row; the narrow picture breaks it into rows of 12. Counts of each word stand above."""
    rows = tuple((clean(cell.label, 30), clean(cell.verdict, 20), clean(cell.value, 20)) for cell in strip.cells)
    counts = sorted(Counter(verdict for _, verdict, _ in rows).items(), key=lambda item: (-item[1], item[0]))
    summary = " · ".join(f"{count} {word}" for word, count in counts)
    odd = "; ".join(" ".join(row).rstrip() for row in rows if row[1] not in ("Pass", "Pending"))
    description = f"{len(rows)} windows: {summary}." + (f" {odd}." if odd else "")
    return Drawing(
        id=clean_id(strip.id),
        title=clean(strip.title),
        subtitle=clean(strip.subtitle),
        description=description,
        svg=_write_strip(strip, summary, description, "", 24, WIDE),
        narrow=_write_strip(strip, summary, description, "-n", 12, NARROW),
        table=Table(caption=clean(strip.title), columns=("Window", "Status", "Value"), rows=rows),
    )


def _write_strip(strip: Strip, summary: str, description: str, end: str, a_row: int, size: Size) -> str:
    font, slot, row = size.font, (size.width - 8) / a_row, size.font + 26
    height = font + 12 + row * -(-len(strip.cells) // a_row)
    texts = [f'<text x="4" y="{font}" font-weight="700">{escape(summary)}</text>']
    shapes = []
    for i, cell in enumerate(strip.cells):
        x, y = short(4 + slot * (i % a_row + 0.5)), font + 18 + row * (i // a_row)
        color, shape = SHAPES.get(cell.verdict, SHAPES["Unclear"])
        shapes.append(f'<g transform="translate({x} {y}) scale(1.3)" stroke="{VARIABLE[color]}">{shape}</g>')
        if (i + 1) % strip.every == 0 or i % a_row == 0:
            texts.append(f'<text x="{x}" y="{y + font + 9}" text-anchor="middle">{escape(clean(cell.label, 8))}</text>')
    return (
        open_svg(clean_id(strip.id) + end, clean(strip.title), description, f"{size.width} {height}")
        + f'<g fill="none" stroke-width="1.2" stroke-linejoin="round" stroke-linecap="round">{"".join(shapes)}</g>'
        + f'<g font-size="{font}" fill="{VARIABLE["text"]}">{"".join(texts)}</g></svg>'
    )

"""Pictures simple enough to write by hand, without matplotlib: the sparkline of a table row, the strip of hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

from .shapes import Drawing, Strip, Table, clean, clean_id, print_number

if TYPE_CHECKING:
    from .shapes import Numbers

COLORS = {
    "value": "var(--ch-value,#0b57b0)",
    "baseline": "var(--ch-baseline,#545f6c)",
    "limit": "var(--ch-limit,#a82c0a)",
    "good": "var(--ch-good,#005a39)",
    "watch": "var(--ch-watch,#6a4500)",
    "text": "var(--ch-text,#45515f)",
    "gap": "var(--ch-gap,#545f6d)",
    "paper": "var(--ch-paper,#ffffff)",
}
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
    found = samples[np.isfinite(samples)]
    name = clean(label)
    if len(found) == 0:
        said = f"{name}: no data"
        body = f'<path d="M2 {height / 2:g}h{width - 4}" stroke="{COLORS["gap"]}" stroke-dasharray="1 5"/>'
        return _open_spark(said, width, height) + body + "</svg>"
    end = f" {clean(unit, 16)}".rstrip()
    first, low, high, last = (print_number(float(v), decimals) for v in (found[0], found.min(), found.max(), found[-1]))
    said = f"{name}: first {first}{end}, lowest {low}{end}, highest {high}{end}, last {last}{end}"
    levels = [v for v in (baseline, limit) if v is not None]
    bottom, top = min([found.min(), *levels]), max([found.max(), *levels])
    short = 0.1 * abs(float(np.median(found))) - (top - bottom)
    if short > 0:
        bottom, top = bottom - short / 2, top + short / 2

    def y(value: float) -> str:
        return f"{height - 3 - (value - bottom) / ((top - bottom) or 1) * (height - 6):.1f}"

    body = ""
    if baseline is not None:
        body += f'<path d="M2 {y(baseline)}h{width - 4}" stroke="{COLORS["baseline"]}" stroke-dasharray="1 2"/>'
    if limit is not None:
        body += f'<path d="M2 {y(limit)}h{width - 4}" stroke="{COLORS["limit"]}" stroke-dasharray="4 2"/>'
    xs = np.linspace(3, width - 3, len(samples)) if len(samples) > 1 else np.array([width / 2])
    path = _trace(xs, samples, y, width)
    body += f'<path d="{path}" stroke="{COLORS["value"]}" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/>'
    return _open_spark(said, width, height) + body + "</svg>"


def _open_spark(said: str, width: int, height: int) -> str:
    return (
        f'<svg class="db-spark" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" fill="none" role="img" aria-label="{escape(said)}">'
    )


def _trace(xs: Numbers, values: Numbers, y: Callable[[float], str], width: int) -> str:
    """Path data: `M` starts a run, `L` goes on; a run of one sample becomes a dot."""
    import numpy as np

    kept = np.arange(len(values))
    if len(values) > width:
        slices = np.array_split(kept, width // 2)
        ends = [
            i
            for s in slices
            if np.isfinite(values[s]).any()
            for i in (s[np.nanargmin(values[s])], s[np.nanargmax(values[s])])
        ]
        holes = np.flatnonzero(~np.isfinite(values))
        kept = np.unique(np.concatenate((ends, holes, [0, len(values) - 1]))).astype(int)
    out, open_run = "", False
    for i in kept:
        if not np.isfinite(values[i]):
            open_run = False
            continue
        point = f"{xs[i]:.1f} {y(float(values[i]))}"
        out += f"L{point}" if open_run else f"M{point}h0"
        open_run = True
    return out


def draw_strip(strip: Strip) -> Drawing:
    """The windows as shapes in a row; the narrow picture breaks it into rows of 12. Counts of each word stand above."""
    counts = Counter(clean(cell.verdict, 20) for cell in strip.cells)
    summary = " · ".join(f"{n} {word}" for word, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    odd = [
        f"{clean(c.label, 30)} {clean(c.verdict, 20)} {clean(c.value, 20)}".rstrip()
        for c in strip.cells
        if c.verdict not in ("Pass", "Pending")
    ]
    description = f"{len(strip.cells)} windows: {summary}." + (" " + "; ".join(odd[:60]) + "." if odd else "")
    svg = _write_strip(strip, summary, description, "", 24, 820, 12)
    narrow = _write_strip(strip, summary, description, "-n", 12, 364, 11)
    rows = tuple((clean(c.label, 30), clean(c.verdict, 20), clean(c.value, 20)) for c in strip.cells)
    table = Table(caption=clean(strip.title), columns=("Window", "Status", "Value"), rows=rows)
    return Drawing(
        id=clean_id(strip.id),
        title=clean(strip.title),
        subtitle=clean(strip.subtitle),
        description=description,
        svg=svg,
        narrow=narrow,
        table=table,
    )


def _write_strip(strip: Strip, summary: str, description: str, which: str, a_row: int, width: int, font: int) -> str:
    from .svg import open_svg

    slot, row_height, top = (width - 8) / a_row, font + 26, font + 8
    rows = -(-len(strip.cells) // a_row)
    out = [
        open_svg(
            f"{clean_id(strip.id)}{which}", clean(strip.title), description, f"{width} {top + rows * row_height + 4}"
        )
    ]
    out.append('<g fill="none" stroke-width="1.2" stroke-linejoin="round" stroke-linecap="round">')
    labels = [f'<text x="4" y="{font}" font-weight="700">{escape(summary)}</text>']
    for i, cell in enumerate(strip.cells):
        x, y = 4 + slot * (i % a_row + 0.5), top + row_height * (i // a_row) + 10
        color, shape = SHAPES.get(cell.verdict, SHAPES["Unclear"])
        scale = 1.4 if slot > 28 else 1.2
        out.append(f'<g transform="translate({x:.1f} {y}) scale({scale})" stroke="{COLORS[color]}">{shape}</g>')
        if (i + 1) % strip.every == 0 or (i % a_row == 0):
            labels.append(
                f'<text x="{x:.1f}" y="{y + font + 9}" text-anchor="middle">{escape(clean(cell.label, 8))}</text>'
            )
    return "".join(out) + f'</g><g font-size="{font}" fill="{COLORS["text"]}">{"".join(labels)}</g></svg>'

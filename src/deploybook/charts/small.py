"""The sparkline of a table row, simple enough to write by hand, without matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from .shapes import clean, print_value
from .sheet import VARIABLE
from .thin import thin

if TYPE_CHECKING:
    from .shapes import Numbers


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

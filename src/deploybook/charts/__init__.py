"""
Charts of a deployment: plain values in, one line of inline SVG out, with its description and its table of values.

Drawn for a page in two palettes: every colour is a CSS variable (`--ch-value`, `--ch-limit`, ...) with a light fallback.
Value solid, baseline dotted, limit dashed, events thin vertical lines, restarts shaded, gaps hatched; each labelled on
the line. Same values, same bytes. matplotlib is imported here and nowhere else in the package.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .shapes import (
    Chart,
    Checkpoint,
    Distribution,
    Drawing,
    Gap,
    Limit,
    Line,
    Mark,
    Span,
    Table,
    clean,
    clean_id,
)
from .small import draw_sparkline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sheet import Sheet, Size

__all__ = [
    "Chart",
    "Checkpoint",
    "Distribution",
    "Drawing",
    "Gap",
    "Limit",
    "Line",
    "Mark",
    "Span",
    "Table",
    "draw",
    "draw_png",
    "draw_sparkline",
]


def draw(chart: Chart | Distribution) -> Drawing:
    """The chart as markup, with its description and its values; a wide kind has a second, narrow picture."""
    from .bars import describe_bars, tabulate_bars
    from .describe import describe, tabulate
    from .sheet import NARROW
    from .svg import write_svg

    if isinstance(chart, Distribution):
        description, table = describe_bars(chart), tabulate_bars(chart)
    else:
        description, table = describe(chart), tabulate(chart)
    id, title, narrow = clean_id(chart.id), clean(chart.title, 100), ""
    with _own_style(chart.id):
        svg = write_svg(_paint(chart), id, title, description)
        if chart.is_wide:
            narrow = write_svg(_paint(chart, NARROW), f"{id}-n", title, description)
    subtitle = clean(chart.subtitle, 120)
    return Drawing(id=id, title=title, subtitle=subtitle, description=description, svg=svg, narrow=narrow, table=table)


def draw_png(chart: Chart | Distribution, scale: float = 2) -> bytes:
    """The chart in the light palette as a PNG, for mail; `scale` 2 is sharp on a dense screen."""
    import io
    import warnings

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    out = io.BytesIO()
    with _own_style(chart.id), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a name in a script that matplotlib's font lacks
        sheet = _paint(chart)
        sheet.set_texts()
        sheet.figure.set_dpi(72 * scale)
        FigureCanvasAgg(sheet.figure).print_png(out, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return out.getvalue()


def _paint(chart: Chart | Distribution, size: Size | None = None) -> Sheet:
    from .bars import plot_bars
    from .plot import plot
    from .sheet import PANEL, WIDE

    size = size or (WIDE if chart.is_wide else PANEL)
    return plot_bars(chart, size) if isinstance(chart, Distribution) else plot(chart, size)


@contextmanager
def _own_style(salt: str) -> Iterator[None]:
    """matplotlib as shipped, whatever the notebook around has set, and without what differs between two runs."""
    from matplotlib import rc_context, rcParams, rcParamsDefault

    own = rcParamsDefault | {"svg.hashsalt": salt, "path.simplify": False}
    # Only to look at the backend imports pyplot and starts one.
    other = {key: value for key, value in own.items() if not key.startswith("backend") and rcParams[key] != value}
    with rc_context(other):  # only what differs: setting a parameter is what costs
        yield

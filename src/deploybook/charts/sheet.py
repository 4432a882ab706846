"""
The paper a chart is drawn on: a matplotlib figure, without axes, which cost more than all they would hold.

One unit is one point of matplotlib and one unit of the SVG, y downwards, so that scales, labels and picture share one
space. Labels are only noted here: the writer of the format sets them, and nobody asks matplotlib how wide a text is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .layout import Box, Label, place
from .shapes import clean

if TYPE_CHECKING:
    from matplotlib.artist import Artist

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
VARIABLE = {name: f"var(--ch-{name},{value})" for name, value in PALETTE.items()}


@dataclass(frozen=True, kw_only=True)
class Size:
    """Width and height in units, size of its text, rows of flags above the plot."""

    width: float
    height: float
    font: float
    rows: int


# 356 units in the 358 px a phone leaves: text of 11 units is 11 px there
PANEL = Size(width=356, height=205, font=11, rows=2)
NARROW = Size(width=356, height=250, font=11, rows=6)
WIDE = Size(width=820, height=280, font=12, rows=6)


class Sheet:
    """What is drawn, and what a label must not cover: the boxes of other labels, the points of lines."""

    def __init__(self, size: Size) -> None:
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        self.size = size
        self.figure = Figure(figsize=(size.width / 72, size.height / 72), dpi=72)
        self.units = Affine2D().scale(1 / 72, -1 / 72).translate(0, size.height / 72) + self.figure.dpi_scale_trans
        self.texts: list[Label] = []
        self.taken: list[Box] = []
        self.points: list[tuple[float, float]] = []
        self.order = 1  # later on top, lines and boxes alike

    def line(self, xs: Sequence[float], ys: Sequence[float], color: str, width: float = 1, **style: Any) -> None:
        from matplotlib.lines import Line2D

        look: dict[str, Any] = {"color": PALETTE[color], "linewidth": width} | style
        self._add(Line2D(xs, ys, **look))

    def box(self, x0: float, y0: float, x1: float, y1: float, color: str, **style: Any) -> None:
        from matplotlib.patches import Rectangle

        look: dict[str, Any] = {"facecolor": PALETTE[color], "linewidth": 0} | style
        self._add(Rectangle((x0, y0), x1 - x0, y1 - y0, **look))

    def _add(self, artist: Artist) -> None:
        self.order += 1
        artist.set(transform=self.units, zorder=self.order)
        self.figure.add_artist(artist)

    def label(self, text: str, x: float, y: float, color: str, anchor: str = "start", bold: bool = False) -> Label:
        """A label that is not written yet."""
        return Label(text=clean(text), x=x, y=y, color=color, anchor=anchor, bold=bold, size=self.size.font)

    def write(self, label: Label) -> None:
        """The label on top of all that is drawn; its place is taken."""
        self.taken.append(label.box())
        self.texts.append(label)

    def write_best(self, candidates: Sequence[Label], frame: Box) -> None:
        """The candidate that covers least."""
        import numpy as np

        self.write(place(candidates, self.taken, np.array(self.points or [(-1.0, -1.0)]), frame))

    def set_texts(self) -> None:
        """The labels in matplotlib's own font, which runs wider than a page's, with a halo: for a picture of dots."""
        from matplotlib.patheffects import withStroke

        ends = {"start": "left", "middle": "center", "end": "right"}
        for label in self.texts:
            text = self.figure.text(label.x, label.y, label.text, fontsize=label.size * 0.9, transform=self.units)
            text.set(
                color=PALETTE[label.color],
                ha=ends[label.anchor],
                va="baseline",
                fontweight="bold" if label.bold else "normal",
            )
            text.set(parse_math=False, zorder=1000)
            text.set_path_effects([withStroke(linewidth=3, foreground=PALETTE["paper"])])

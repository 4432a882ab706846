"""How a notebook shows the matplotlib figures of its own."""

from __future__ import annotations

__all__ = ["figure_defaults"]


def figure_defaults() -> None:
    """
    From here on figures are shown as SVG, drawn once, their text as text, with the same bytes in each run.

    Jupyter draws a figure twice to cut its empty margins away; here they are small from the start. A title stands right
    above its axes: matplotlib measures all around it to see whether it has to make room for ticks at the top. A notebook
    calls this before its first figure, and may set anything otherwise after it.
    """
    from IPython.core.getipython import get_ipython
    from matplotlib import rcParams

    rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "deploybook", "axes.titley": 1.0})
    rcParams.update({"figure.subplot.left": 0.09, "figure.subplot.right": 0.98})  # shares of the figure
    rcParams.update({"figure.subplot.bottom": 0.17, "figure.subplot.top": 0.9})
    if shell := get_ipython():
        saved = {"bbox_inches": None, "metadata": {"Date": None}}
        shell.run_line_magic("config", f"InlineBackend.print_figure_kwargs = {saved}")
        shell.run_line_magic("config", "InlineBackend.figure_formats = ['svg']")

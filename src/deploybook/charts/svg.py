"""
matplotlib's SVG made fit for a page: one line, colours as CSS variables, no ids of its own, no fonts, short numbers.

The input is what matplotlib wrote, shapes only, so it is parsed as trusted. Texts are written here, by our own layout, on
top of the shapes: matplotlib would measure them in a font the reader does not have.
"""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from .plot import PALETTE

if TYPE_CHECKING:
    from .layout import Label
    from .plot import Sheet

VARIABLE = {value: f"var(--ch-{name},{value})" for name, value in PALETTE.items()}
KEPT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "fill-opacity", "opacity")
DEFAULT = {"stroke-width": "1", "stroke": "none", "fill-opacity": "1", "opacity": "1", "stroke-linecap": "butt"}
HALO = f'stroke="{VARIABLE[PALETTE["paper"]]}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?|[A-Za-z]")


def write_svg(sheet: Sheet, id: str, title: str, description: str) -> str:
    """The sheet as one `<svg>` element on one line, with its title and description."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    FigureCanvasSVG(sheet.figure).print_svg(out, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})  # type: ignore[no-untyped-call]
    root = ElementTree.fromstring(out.getvalue())
    writer = _Writer(id, root)
    body = "".join(writer.write(child) for child in root)
    width, height = (short(v) for v in root.get("viewBox", "").split()[2:])
    texts = f'<g {HALO} font-size="{short(sheet.size.font)}">{"".join(_write_text(*text) for text in sheet.texts)}</g>'
    return open_svg(id, title, description, f"{width} {height}") + writer.defs + body + texts + "</svg>"


def open_svg(id: str, title: str, description: str, size: str) -> str:
    """The opening tag with what a reader who cannot see the picture is told."""
    return (
        f'<svg class="db-chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img" '
        f'aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{escape(title)}</title>'
        f'<desc id="{id}-d">{escape(description)}</desc>'
    )


def short(number: str | float) -> str:
    """At most one decimal, no trailing zero."""
    text = f"{float(number):.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def shorten_path(path: str) -> str:
    """A path of M, L and closing Z in steps from point to point (counted between rounded points: no drift)."""
    parts = NUMBER.findall(path)
    out, x, y, at = [], 0.0, 0.0, 0
    while at < len(parts):
        command = parts[at]
        if command not in "ML":
            out.append("z" if command in "zZ" else command)
            at += 1
            if command in "CQ":
                count = 6 if command == "C" else 4
                out.append(" ".join(short(v) for v in parts[at : at + count]))
                x, y = (round(float(v), 1) for v in parts[at + count - 2 : at + count])
                at += count
            continue
        to_x, to_y = (round(float(v), 1) for v in parts[at + 1 : at + 3])
        out.append(f"M{short(to_x)} {short(to_y)}" if command == "M" else f"l{short(to_x - x)} {short(to_y - y)}")
        x, y, at = to_x, to_y, at + 3
    return "".join(out).replace(" -", "-")


class _Writer:
    """Walks matplotlib's tree; groups dissolve."""

    def __init__(self, id: str, root: ElementTree.Element) -> None:
        self.id = id
        self.defs = ""
        self.shapes: dict[str, str] = {}
        for element in root.iter():
            name = _name(element)
            if name == "pattern":
                self.defs = (
                    f'<defs><pattern id="{id}-h" patternUnits="userSpaceOnUse" width="7" height="7" '
                    f'patternTransform="rotate(45)"><path d="M0 0V7" stroke="{VARIABLE[PALETTE["gap"]]}" '
                    f'stroke-width="1" opacity=".55"/></pattern></defs>'
                )
            elif name == "path" and element.get("id"):
                self.shapes[element.get("id", "")] = element.get("d", "")

    def write(self, element: ElementTree.Element) -> str:
        name = _name(element)
        if name == "g":
            return "".join(self.write(child) for child in element)
        if name == "path":
            return f'<path d="{shorten_path(element.get("d", ""))}"{self._style(element)}/>'
        if name == "use":
            return self._write_marker(element)
        return ""

    def _write_marker(self, element: ElementTree.Element) -> str:
        href = next(value for key, value in element.items() if key.endswith("href"))
        place = f"translate({short(element.get('x', 0))} {short(element.get('y', 0))})"
        return f'<path transform="{place}" d="{shorten_path(self.shapes[href[1:]])}"{self._style(element)}/>'

    def _style(self, element: ElementTree.Element) -> str:
        style = _styles(element)
        if style.get("stroke", "none") == "none":
            style = {k: v for k, v in style.items() if not k.startswith("stroke")}
        out = ""
        for key in KEPT:
            value = style.get(key)
            if value is None or value == DEFAULT.get(key):
                continue
            if value.startswith("url("):
                value = f"url(#{self.id}-h)"
            elif key in ("fill", "stroke"):
                value = VARIABLE.get(value, value)
            elif key == "stroke-dasharray":
                value = " ".join(short(v) for v in value.split(","))
            out += f' {key}="{value}"'
        return out


def _write_text(label: Label, color: str) -> str:
    anchor = "" if label.anchor == "start" else f' text-anchor="{label.anchor}"'
    bold = ' font-weight="700"' if label.bold else ""
    fill = VARIABLE[PALETTE[color]]
    return f'<text x="{short(label.x)}" y="{short(label.y)}"{anchor}{bold} fill="{fill}">{escape(label.text)}</text>'


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _styles(element: ElementTree.Element) -> dict[str, str]:
    pairs = (part.partition(":") for part in element.get("style", "").split(";") if ":" in part)
    return {key.strip(): value.strip() for key, _, value in pairs}

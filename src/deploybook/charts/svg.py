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

from .sheet import PALETTE, VARIABLE, Sheet

if TYPE_CHECKING:
    from .layout import Label

INSTEAD = {value: VARIABLE[name] for name, value in PALETTE.items()}
# What is kept of a style, and the value that need not be said.
KEPT = {
    "fill": "",
    "stroke": "none",
    "stroke-width": "1",
    "stroke-dasharray": "",
    "stroke-linecap": "butt",
    "fill-opacity": "1",
    "opacity": "1",
}
HALO = f'stroke="{VARIABLE["paper"]}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
HATCH = (
    '<defs><pattern id="{}" patternUnits="userSpaceOnUse" width="7" height="7" patternTransform="rotate(45)">'
    f'<path d="M0 0V7" stroke="{VARIABLE["gap"]}" opacity=".55"/></pattern></defs>'
)


def write_svg(sheet: Sheet, id: str, title: str, description: str) -> str:
    """The sheet as one `<svg>` element on one line, with its title and description."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(sheet.figure).print_svg(out, metadata=nothing)  # type: ignore[no-untyped-call]
    root = ElementTree.fromstring(out.getvalue())
    shapes = {f"#{e.get('id')}": e.get("d", "") for e in root.iter() if _name(e) == "path" and e.get("id")}
    body = "".join(_write_shape(element, shapes, f"{id}-h") for element in root)
    hatch = HATCH.format(f"{id}-h") if f"{id}-h" in body else ""
    texts = "".join(_write_text(label) for label in sheet.texts)
    size = f"{short(sheet.size.width)} {short(sheet.size.height)}"
    end = f'<g {HALO} font-size="{short(sheet.size.font)}">{texts}</g></svg>'
    return open_svg(id, title, description, size) + hatch + body + end


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
    """The path in steps from point to point, counted between rounded points so that nothing drifts."""
    out, x, y = "", 0.0, 0.0
    for command, numbers in re.findall(r"([MLCQZz])([^A-Za-z]*)", path):
        values = [round(float(number), 1) for number in numbers.split()]
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if command == "M":
            out += f"M{short(values[0])} {short(values[1])}"
        else:
            out += command.lower() + " ".join(f"{short(px - x)} {short(py - y)}" for px, py in pairs)
        x, y = pairs[-1] if pairs else (x, y)
    return out.replace(" -", "-")


def _write_shape(element: ElementTree.Element, shapes: dict[str, str], hatch: str) -> str:
    """Groups dissolve; a reuse of a marker becomes its path, moved."""
    name = _name(element)
    if name == "g":
        return "".join(_write_shape(child, shapes, hatch) for child in element)
    if name == "path":
        return f'<path d="{shorten_path(element.get("d", ""))}"{_write_style(element, hatch)}/>'
    if name != "use":
        return ""
    marker = next(shapes[value] for key, value in element.items() if key.endswith("href"))
    place = f"translate({short(element.get('x', 0))} {short(element.get('y', 0))})"
    return f'<path transform="{place}" d="{shorten_path(marker)}"{_write_style(element, hatch)}/>'


def _write_style(element: ElementTree.Element, hatch: str) -> str:
    pairs = (part.partition(":") for part in element.get("style", "").split(";"))
    style = {key.strip(): value.strip() for key, _, value in pairs}
    stroked = style.get("stroke", "none") != "none"
    out = ""
    for key, silent in KEPT.items():
        value = style.get(key, silent)
        if value != silent and (stroked or not key.startswith("stroke")):
            value = f"url(#{hatch})" if value.startswith("url(") else INSTEAD.get(value, value)
            out += f' {key}="{value.replace(",", " ") if key == "stroke-dasharray" else value}"'
    return out


def _write_text(label: Label) -> str:
    anchor = "" if label.anchor == "start" else f' text-anchor="{label.anchor}"'
    bold = ' font-weight="700"' if label.bold else ""
    fill = VARIABLE[label.color]
    return f'<text x="{short(label.x)}" y="{short(label.y)}"{anchor}{bold} fill="{fill}">{escape(label.text)}</text>'


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]

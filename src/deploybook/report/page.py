"""From the executed notebook to its pages: what our sections show passes, whatever else a cell shows is cleaned."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import wording
from ..evidence import Gate
from ..facts import Facts, Provenance
from ..model import Verdict
from ..sections import MIME, render
from ..sections.markup import callout, crumbs, link, preformatted
from ..sections.page import PageFacts
from ..sections.text import Html, cleaned, fill, front_matter, inert, written

DROP = {"remove-cell", "remove_cell"}
DROP_OUTPUT = {"remove-output", "remove_output"}
FOLD = {"hide-output", "hide_output", "hide-cell", "hide_cell"}
IMAGES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/svg+xml": "svg"}
WAY = [("Today", "../../../index.html"), ("Reports", "../../../archive/index.html")]
LONGEST = 20_000  # characters of plain text a cell may put on a page


@dataclass(frozen=True, kw_only=True)
class Head:
    """The evidence log's state that an earlier version of a page printed."""

    size: int
    root: str
    signed: bool
    revision: int = 1
    corrects: str = ""


def body_of(cells: Sequence[Mapping[str, Any]], code: bool = False) -> str:
    """
    The Markdown of all cells' outputs, in order; Markdown cells of the notebook are prose of the report.

    code: for the notebook's own page, each cell's code before what it shows, and nothing left out.
    """
    return "\n\n".join(part for cell in cells for part in shown(cell, code) if part.strip())


def shown(cell: Mapping[str, Any], code: bool = False) -> Iterator[str]:
    tags = set() if code else set(cell.get("metadata", {}).get("tags", ()))
    if code and cell["cell_type"] == "code" and text_of(cell["source"]).strip():
        yield source_of(cell)
    if tags & DROP:
        return
    if cell["cell_type"] == "markdown":
        yield str(written(text_of(cell["source"])))
        return
    if cell["cell_type"] != "code" or tags & DROP_OUTPUT:
        return
    parts = [str(part) for output in cell.get("outputs", ()) if (part := output_of(output, code)).strip()]
    if tags & FOLD and parts:
        yield str(callout("Output", Html("\n".join(parts)), folded=True))
    else:
        yield from parts


def source_of(cell: Mapping[str, Any]) -> str:
    """The code of a cell under its number and name."""
    name = f"In [{cell.get('execution_count') or ' '}] {cell.get('id', '')}".strip()
    code = preformatted(text_of(cell["source"])[:LONGEST])
    return fill('<div class="db-cell"><p>{name}</p>\n{code}\n</div>', name=name, code=code)


def output_of(output: Mapping[str, Any], code: bool = False) -> str:
    """One output as Markdown. Our own blocks pass; HTML of others is cleaned, scripts never; text is shown as text."""
    kind = output["output_type"]
    if kind == "stream":
        return str(preformatted(text_of(output["text"])[:LONGEST])) if code or output.get("name") == "stdout" else ""
    if kind == "error" and code:
        return str(preformatted(f"{output['ename']}: {output['evalue']}"[:LONGEST]))
    if kind not in ("display_data", "execute_result"):
        return ""
    data = output["data"]
    if MIME in data:
        return text_of(data.get("text/markdown", ""))
    if "text/html" in data:
        return str(cleaned(text_of(data["text/html"])))
    for media in IMAGES:
        if media in data:
            return picture(media, data[media], text_of(data.get("text/plain", "figure")))
    if "text/markdown" in data:
        return str(written(text_of(data["text/markdown"])))
    return str(preformatted(text_of(data.get("text/plain", ""))[:LONGEST])) if data.get("text/plain") else ""


def picture(media: str, content: Any, alternative: str) -> str:
    """A foreign picture only ever as an image, where nothing in it can run."""
    raw = text_of(content)
    data = base64.b64encode(raw.encode()).decode() if media == "image/svg+xml" else "".join(raw.split())
    alt = inert(alternative[:120])
    return f'<p><img class="db-foreign" alt="{alt}" src="data:{media};base64,{data}"></p>'


def text_of(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def lead_chart(cells: Sequence[Mapping[str, Any]]) -> str:
    """The figure that the home page shows: the change over time if there is one, otherwise the first figure."""
    figures = [
        (output["data"][MIME]["name"], text_of(output["data"]["text/markdown"]))
        for cell in cells
        if cell["cell_type"] == "code"
        for output in cell.get("outputs", ())
        if MIME in output.get("data", {}) and str(output["data"][MIME].get("name", "")).startswith("fig-")
    ]
    for wanted in ("fig-course", "fig-variance", "fig-zoom", "fig-"):
        for name, markup in figures:
            if name.startswith(wanted):
                return markup
    return ""


def compose(facts: Facts, said: PageFacts, body: str) -> str:
    """The page as Markdown: front matter, the way home, title, the notebook's body, how it was made."""
    parts = [revised(facts.provenance), lateness(facts), body, str(render("made", facts))]
    return framed(said, said.title, way_of(facts), *parts)


def way_of(facts: Facts) -> list[tuple[str, str]]:
    return WAY if facts.after is None else [*WAY, (facts.deployment.title, "index.html")]


def notebook_page(said: PageFacts, way: Sequence[tuple[str, str]], notebook: str, name: str) -> str:
    """
    The page of an executed notebook, which search leaves out. way: to it, the report last; name: its file's, without
    ending.
    """
    file = link(f"{name}.ipynb", f"{name}.ipynb")
    body = fill("<p>As it was executed; to download: {file}.</p>", file=file)
    code = body_of(json.loads(notebook)["cells"], code=True)
    return framed(said, f"Notebook: {said.title}", way, str(body), code, search={"exclude": True})


def framed(said: PageFacts, title: str, way: Sequence[tuple[str, str]], *parts: str, **keys: object) -> str:
    head = front_matter(title, f"{said.word}: {said.sentence}", hide=["navigation"], **keys)
    parts = (head, str(crumbs(way)), f"# {inert(title)}", *parts)
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def revised(made: Provenance) -> str:
    """That the page replaces one that was published; '' for a first version."""
    if not made.corrects:
        return ""
    text = f"It replaces the published page with sha256 {made.corrects}. The evidence log holds both, the difference, and why."
    return str(callout(f"Revision {made.revision}", text))


def lateness(facts: Facts) -> str:
    """That the report was made after its time, and whether anything was left to observe by then; '' for one on time."""
    if not facts.late or not (late := wording.late_text(facts.late)):
        return ""
    if facts.verdict is Verdict.NO_DATA:
        text = "No longer observable: when this report was made, its source had too few samples of its time left."
    else:
        text = (
            f"It shows what it would have shown at its time, {wording.local_full(facts.as_of, facts.deployment.zone)}."
        )
    return str(callout(f"Made {late}", text))


def provenance_before(place: Path) -> Head | None:
    """What the page that is there printed of the log; None for a first report."""
    path = place.with_name(f"{place.name}.page.json")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["failure"]:
            return None
        return Head(
            size=int(said["log_size"]),
            root=str(said["log_root"]),
            signed=bool(said["signed"]),
            revision=int(said.get("revision", 1)),
            corrects=str(said.get("corrects", "")),
        )
    except (OSError, ValueError, KeyError):
        return None


def changed(files: Mapping[Path, str]) -> bool:
    return any(not path.is_file() or path.read_bytes() != text.encode() for path, text in files.items())


def write(files: Mapping[Path, str], gate: Gate = Gate()) -> None:  # noqa: B008 (frozen)
    """Each file by a temporary name and a rename, where its text is new; none where the gate stops one."""
    for path, text in files.items():
        gate.check(text.encode(), f"{path.parent.name}/{path.name}")
    for path, text in files.items():
        content = text.encode()
        if path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), 0o644)
        Path(name).replace(path)

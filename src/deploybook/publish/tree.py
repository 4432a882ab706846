"""Writing the generated pages: only what changed, each whole or not at all; what is no longer made is removed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

MANIFEST = ".generated.json"
ASSETS = ("deploybook.css", "deploybook.js")
# What the theme asks for when a page is opened from a disk, where its search cannot run; deploybook.js takes it away.
UNSEARCHED = ("search/search_index.js", b'var __index = {"config": {"lang": ["en"], "separator": " "}, "docs": []};\n')


def write_pages(reports: Path, pages: Mapping[str, str], *, all_of_them: bool = True) -> tuple[str, ...]:
    """
    Writes the pages (paths from reports/), our style sheet and script. Gives the paths that changed or went away.

    A file of an earlier publication that is no longer made is removed, unless the pages are not all of them; any other
    file is left alone.
    """
    wanted = {path: text.encode() for path, text in pages.items()}
    wanted |= {f"assets/{name}": (files("deploybook") / "assets" / name).read_bytes() for name in ASSETS}
    wanted |= [UNSEARCHED]
    changed = [path for path, content in sorted(wanted.items()) if write_whole(reports / path, content)]
    before = read_manifest(reports)
    gone = (
        [path for path in before if path not in wanted and not is_report(reports, path) and remove(reports, path)]
        if all_of_them
        else []
    )
    kept = wanted.keys() if all_of_them else {*wanted, *before}
    write_whole(reports / MANIFEST, (json.dumps(sorted(kept), indent=0) + "\n").encode())
    return (*changed, *gone)


def is_report(reports: Path, path: str) -> bool:
    """True for the page of a report: where it was not produced we made one in its place, but it is no page of ours."""
    return path.endswith(".md") and (reports / f"{path.removesuffix('.md')}.page.json").is_file()


def write_whole(path: Path, content: bytes) -> bool:
    """Writes through a temporary file beside it and a rename; False where the file already holds this."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_bytes(content)
    beside.replace(path)
    return True


def read_manifest(reports: Path) -> list[str]:
    try:
        listed = json.loads((reports / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [path for path in listed if isinstance(path, str)] if isinstance(listed, list) else []


def remove(reports: Path, path: str) -> bool:
    """Removes a file we made earlier; a path that would lead outside reports/ is ignored."""
    target = (reports / path).resolve()
    if not target.is_relative_to(reports.resolve()) or not target.is_file():
        return False
    target.unlink()
    return True

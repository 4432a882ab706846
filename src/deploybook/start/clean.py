"""
A notebook as it belongs into a repository: no outputs, no counts, no injected cells, no times, no machine paths.

Git's clean filter: `python -m deploybook.start.clean < notebook > cleaned`; with a path as git's textconv calls it;
with `--in-place` before the path the file itself is cleaned.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

INJECTED = {"injected-parameters", "papermill-error-cell-tag"}
OF_RUNS = ("papermill", "execution", "deploybook")  # metadata that a run leaves


def cleaned(text: str) -> str:
    """The notebook without what a run left in it; a text that is no notebook comes back as it is."""
    try:
        document = json.loads(text)
        cells = [cell for cell in document["cells"] if not INJECTED & set(cell.get("metadata", {}).get("tags", ()))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
    for part in (document, *cells):
        for key in OF_RUNS:
            part.get("metadata", {}).pop(key, None)
    for cell in cells:
        if cell.get("cell_type") == "code":
            cell |= {"outputs": [], "execution_count": None}
    document["cells"] = cells
    return json.dumps(document, ensure_ascii=False, indent=indent_of(text)) + "\n"


def indent_of(text: str) -> int:
    """As the file is written, so that a clean one stays the same bytes."""
    line = text.partition("\n")[2]
    return len(line) - len(line.lstrip(" ")) or 1


def left_by_runs(document: Any) -> list[str]:
    """What a run left in a notebook, in words; [] for one that is clean."""
    cells = document.get("cells", ())
    found = {
        "outputs": any(cell.get("outputs") for cell in cells),
        "injected cells": any(INJECTED & set(cell.get("metadata", {}).get("tags", ())) for cell in cells),
        "paths and times of a run": any(key in document.get("metadata", {}) for key in OF_RUNS),
    }
    return [name for name, there in found.items() if there]


if __name__ == "__main__":
    *options, path = ["", *sys.argv[1:]][-2:] if len(sys.argv) > 1 else ["", ""]
    given = Path(path).read_bytes() if path else sys.stdin.buffer.read()
    made = cleaned(given.decode("utf-8")).encode()
    Path(path).write_bytes(made) if "--in-place" in options else sys.stdout.buffer.write(made)

"""
Notebooks as bytes and JSON: read once, given their parameters, stored so that the same run gives the same bytes.

Plain `json`, not nbformat: what is executed is exactly what was hashed, and no command pays nbformat's import.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploybook.errors import UsageProblem

from . import parameters

__all__ = [
    "MARK",
    "Document",
    "adopt",
    "first_line",
    "language",
    "prepare",
    "read",
    "runnable",
    "store",
    "tags",
    "write",
]

Document = dict[str, Any]
MARK = "papermill-error-cell-tag"  # papermill's own tag for its error cells: it removes them at the next run


def read(path: Path) -> tuple[Document, str]:
    """The notebook without outputs and counts, every cell with an id, and the SHA-256 of the bytes it was read from."""
    try:
        content = path.read_bytes()
        document = json.loads(content)
        if document["nbformat"] != 4:
            raise UsageProblem(
                f"{path}: notebook format {document['nbformat']} is not read; save it with a new Jupyter"
            )
        return adopt(document), hashlib.sha256(content).hexdigest()
    except FileNotFoundError:
        raise UsageProblem(f"{path}: there is no such notebook") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageProblem(f"{path}: not a notebook ({type(error).__name__}: {error})") from None


def adopt(document: Mapping[str, Any]) -> Document:
    """A notebook's JSON without what an earlier run left, sources as one text, every cell with an id."""
    cells = [cell for cell in map(_clean, document["cells"]) if MARK not in tags(cell)]
    for number, cell in enumerate(cells):
        cell.setdefault("id", hashlib.sha256(f"{number}\n{cell['source']}".encode()).hexdigest()[:8])
    metadata = {key: value for key, value in document.get("metadata", {}).items() if key != "papermill"}
    return {
        **document,
        "cells": cells,
        "metadata": metadata,
        "nbformat_minor": max(5, document.get("nbformat_minor", 0)),
    }


def _clean(cell: Mapping[str, Any]) -> dict[str, Any]:
    source = cell["source"]
    metadata = {key: value for key, value in cell.get("metadata", {}).items() if key not in ("papermill", "execution")}
    clean = {**cell, "source": source if isinstance(source, str) else "".join(source), "metadata": metadata}
    if cell["cell_type"] == "code":
        clean.update(outputs=[], execution_count=None)
    return clean


def tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def may_fail(cell: Mapping[str, Any]) -> bool:
    return "raises-exception" in tags(cell)


def language(document: Document) -> str:
    metadata = document["metadata"]
    return str(
        metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name") or "python"
    )


def prepare(document: Document, given: Mapping[str, Any], digest: str, *, name: str = "notebook") -> Document:
    """
    The notebook with the injected cell where papermill puts it, and the parameters in its metadata.

    Raises UsageProblem with all that is wrong with the given parameters. name: of the notebook, for it.
    """
    cells, is_python = list(document["cells"]), language(document) == "python"
    if given and not is_python:
        raise UsageProblem(f"{name}: parameters are checked in Python notebooks only; set them in the notebook")
    place = _tagged(cells, "parameters")
    declared = cells[place]["source"] if place is not None and is_python else ""
    values = parameters.check(parameters.declarations(declared), given, notebook=name)
    if values and place is not None:
        new: dict[str, Any] = {"cell_type": "code", "execution_count": None, "id": "injected-parameters", "outputs": []}
        new.update(metadata={"tags": ["injected-parameters"]}, source=parameters.code(values))
        before = _tagged(cells, "injected-parameters")
        if before is None:
            cells.insert(place + 1, new)
        else:
            cells[before] = new
    shown = {key: _shown(value) for key, value in values.items()}
    about = {"papermill": {"parameters": shown}, "deploybook": {"notebook": f"sha256:{digest}", "status": "running"}}
    return {**document, "cells": cells, "metadata": {**document["metadata"], **about}}


def _tagged(cells: list[dict[str, Any]], tag: str) -> int | None:
    return next((place for place, cell in enumerate(cells) if tag in tags(cell)), None)


def _shown(value: Any) -> Any:
    return value.value.isoformat() if isinstance(value, parameters.Moment) else value


def runnable(document: Document) -> list[int]:
    """The places of the cells that must run: code, not empty, not tagged `skip-execution`."""
    return [
        place
        for place, cell in enumerate(document["cells"])
        if cell["cell_type"] == "code" and cell["source"].strip() and "skip-execution" not in tags(cell)
    ]


def first_line(cell: Mapping[str, Any]) -> str:
    """The first line of a cell that is no comment; 80 characters at most."""
    lines = [line.strip() for line in cell["source"].splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith("#")), lines[0] if lines else "")[:80]


def write(document: Document, path: Path) -> None:
    """Stores the notebook, a cell a line: json.dump with an indent is ten times slower."""
    cells = [json.dumps(cell, ensure_ascii=False, sort_keys=True) for cell in document["cells"]]
    rest = {key: value for key, value in document.items() if key != "cells"}
    more = json.dumps(rest, ensure_ascii=False, sort_keys=True)
    text = '{"cells": [\n' + ",\n".join(cells) + "\n],\n" + more.removeprefix("{") + "\n"
    store(text.encode(errors="backslashreplace"), path)  # a lone surrogate becomes \udc80


def store(content: bytes, path: Path) -> None:
    """By a temporary file and a rename: a reader sees the old or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        os.replace(name, path)  # noqa: PTH105  a symlink at path is replaced, not followed
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

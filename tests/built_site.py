"""A workspace with the reference deployment, reported and published without a kernel: the notebooks' cells run here."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploybook.book import Book
from deploybook.cli.report import pull
from deploybook.publish import publish
from deploybook.records import read_workspace
from deploybook.report import kind_of, outputs, page, page_path

ROOT = Path(__file__).parents[1]
SLUG = "2025-01-22-telemetry-step2"
AFTER = (None, "1h", "12h", "24h", "48h", "closing")


def workspace(root: Path) -> Path:
    """The reference deployment with its originals, in a workspace of its own."""
    for name in ("deploybook.yml", "mkdocs.yml"):
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    ignored = shutil.ignore_patterns("*.parquet", "manifest.json")
    shutil.copytree(ROOT / "deployments" / SLUG, root / "deployments" / SLUG, ignore=ignored)
    return root


def run_cells(notebook: Path, namespace: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each cell with what its last expression shows, as a kernel would keep it. namespace: the book, opened already."""
    for count, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"], 1):
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or cell["id"] in ("parameters", "open"):
            yield cell
            continue
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, str(notebook), "exec"), namespace)
        value = eval(compile(ast.Expression(last.value), str(notebook), "eval"), namespace) if last else None
        data = value._repr_mimebundle_() if hasattr(value, "_repr_mimebundle_") else None
        shown = (
            [{"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": count}] if data else []
        )
        yield {**cell, "execution_count": count, "outputs": shown}


def write_report(book: Book) -> None:
    """The files of one report, as `deploybook report` writes them."""
    root = book.workspace.root
    cells = list(run_cells(root / "notebooks" / f"{kind_of(book)}.ipynb", {"book": book}))
    executed = root / "executed.ipynb"
    executed.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1))
    page.write(outputs(book, book.facts, page.body_of(cells), page.lead_chart(cells), page_path(book), executed))
    executed.unlink()


def reference_site(root: Path) -> Path:
    """Every report of the reference deployment, published. Gives the folder of the workspace."""
    place = read_workspace(workspace(root))
    pull(place, SLUG, datetime(2025, 1, 25, tzinfo=UTC))
    data = None
    for after in AFTER:
        book = Book.open(SLUG, after, workspace=root, data=data)
        data = book.data
        write_report(book)
    publish(root)
    return root

"""A workspace with the reference deployment, reported and published without a kernel: the notebooks' cells run here."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploybook.book import Book
from deploybook.book.day import Day
from deploybook.cli.report import pull
from deploybook.publish import publish
from deploybook.records import read_workspace
from deploybook.report import daily, kind_of, outputs, page, page_path
from deploybook.sections.page import Failure, page_facts, write_page_facts

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


def write_report(book: Book, more: Sequence[dict[str, Any]] = ()) -> None:
    """The files of one report, as `deploybook report` writes them. more: cells at its end."""
    root = book.workspace.root
    cells = list(run_cells(root / "notebooks" / f"{kind_of(book)}.ipynb", {"book": book})) + list(more)
    executed = root / "executed.ipynb"
    executed.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1))
    page.write(outputs(book, book.facts, page.body_of(cells), page.lead_chart(cells), page_path(book), executed))
    executed.unlink()


def write_day(root: Path, day: str) -> None:
    """The daily report, as `deploybook report --day` writes it."""
    today = Day.open(day, workspace=root)
    cells = list(run_cells(root / "notebooks" / "daily.ipynb", {"today": today}))
    page.write(daily.outputs(today, page.body_of(cells), daily.page_path(today)))


MISSING = """title: Parser pool
ticket: CHG-2025-0122
timezone: America/Los_Angeles
lead: Avery
windows: {baseline: 2025-01-21 14:00 to 15:30, deployment: 2025-01-22 14:00 to 15:30, observation: 48h}
sources:
  exports: {kind: files, paths: ["../%s/exports/original/*/up.csv*"]}
metrics:
  lag: {gauge: parser_lag_seconds, statistic: mean, unit: s, better: lower, target: at most 2 s}
"""


def missing_and_failed(root: Path) -> None:
    """A deployment without data, and one whose notebook stopped."""
    (root / "deployments" / "missing").mkdir()
    (root / "deployments" / "missing" / "deployment.yml").write_text(MISSING % SLUG)
    book = Book.open("missing", workspace=root)
    write_report(book)
    why = Failure(
        sentence="This report was not produced: a cell of the notebook raised an error.",
        missing="all 5 checks",
        remains="The exports and the log are kept.",
        reason="The export has no rows after 14:10 PT.",
        owner="Avery",
        next_try="at the next run",
        stopped_at="cell 9",
        error="ValueError: no rows",
    )
    said = page_facts(book.facts, "outcome", "Parser queue deployment outcomes")
    said = replace(said, deployment="broken", name="Parser queue", ticket="", word="Not produced", failure=why)
    place = page_path(book)
    page.write({place.parents[1] / "broken" / "index.page.json": write_page_facts(said)})


def reference_site(root: Path) -> Path:
    """Every page kind: the reports of the reference deployment, a day, missing data, a failed run; published."""
    place = read_workspace(workspace(root))
    pull(place, SLUG, datetime(2025, 1, 25, tzinfo=UTC))
    data = None
    for after in AFTER:
        book = Book.open(SLUG, after, workspace=root, data=data)
        data = book.data
        write_report(book)
    write_day(root, "2025-01-22")
    missing_and_failed(root)
    publish(root)
    return root

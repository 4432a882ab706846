"""Two reports side by side: what differs is told, what is the same is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploybook.cli import cli
from deploybook.errors import UsageProblem
from deploybook.publish.compare import compare, lines, read_report

SLUG = "2025-01-22-telemetry-step2"
P50 = {"id": "parser_p50", "verdict": "pass", "unit": "ms", "value": 58.4, "baseline": 57.31, "target": "at most 65 ms"}


def write(
    root: Path,
    stem: str,
    *metrics: dict[str, Any],
    text: str = "<p>All pass.</p>",
    code: str = "book",
    **parameters: Any,
) -> None:
    folder = root / "reports" / "2025" / "01" / SLUG
    folder.mkdir(parents=True, exist_ok=True)
    cells = [
        {"cell_type": "code", "id": "open", "source": [code]},
        {"cell_type": "code", "id": "injected-parameters", "source": "x"},
    ]
    notebook = {"cells": cells, "metadata": {"papermill": {"parameters": parameters}}}
    (folder / f"{stem}.json").write_text(json.dumps({"verdict": "pass", "metrics": metrics}))
    (folder / f"{stem}.ipynb").write_text(json.dumps(notebook))
    (folder / ("index.md" if stem == "outcome" else f"{stem}.md")).write_text(f"---\ntitle: x\n---\n\n{text}\n")


def compared(root: Path) -> dict[str, Any]:
    return compare(read_report(root / "reports", SLUG), read_report(root / "reports", SLUG, "24h"))


def test_equal_reports_differ_in_nothing(tmp_path: Path) -> None:
    write(tmp_path, "outcome", P50)
    write(tmp_path, "checkpoint-24h", P50)

    assert compared(tmp_path)["same"]


def test_a_figure_that_moved_is_told_with_its_step(tmp_path: Path) -> None:
    write(tmp_path, "outcome", P50)
    write(tmp_path, "checkpoint-24h", P50 | {"value": 73.0, "verdict": "fail"})
    found = compared(tmp_path)
    (moved,) = found["metrics"]

    assert not found["same"]
    assert moved["verdict"] == ("pass", "fail")
    assert moved["step"]["absolute"] == pytest.approx(14.6)
    assert moved["step"]["relative"] == pytest.approx(0.25)


def test_a_metric_of_one_side_alone_has_no_step(tmp_path: Path) -> None:
    write(tmp_path, "outcome", P50)
    write(tmp_path, "checkpoint-24h")
    (moved,) = compared(tmp_path)["metrics"]

    assert moved["value"] == (58.4, None)
    assert moved["step"] == {"absolute": None, "relative": None}


def test_a_limit_a_parameter_a_line_and_a_cell_that_changed_are_told(tmp_path: Path) -> None:
    write(tmp_path, "outcome", P50, after=None)
    write(
        tmp_path,
        "checkpoint-24h",
        P50 | {"target": "at most 60 ms"},
        text="<p>One &lt; two.</p>",
        code="book.ramp()",
        after="24h",
    )
    found = compared(tmp_path)

    assert found["metrics"][0]["settings"] == {"target": ("at most 65 ms", "at most 60 ms")}
    assert found["parameters"] == {"after": (None, "24h")}
    assert found["text"] == ["-All pass.", "+One < two."]
    assert found["code"] == {"open": ["-book", "+book.ramp()"]}


def test_pictures_and_notes_are_no_text() -> None:
    page = '<p><data><a>58.4 ms</a><span class="db-tip"><i>58.398</i></span></data></p><svg><text>14:00</text></svg>'

    assert list(lines(page)) == ["58.4 ms"]


def test_a_report_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    write(tmp_path, "outcome", P50)

    with pytest.raises(UsageProblem, match=r"@24h: has no report .* there are outcome"):
        read_report(tmp_path / "reports", SLUG, "24h")


def test_the_command_prints_a_table_and_a_document(tmp_path: Path) -> None:
    (tmp_path / "deploybook.yml").write_text("")
    (tmp_path / "deployments" / SLUG).mkdir(parents=True)
    (tmp_path / "deployments" / SLUG / "deployment.yml").write_text("")
    write(tmp_path, "outcome", P50)
    write(tmp_path, "checkpoint-24h", P50 | {"value": 60.0})
    call = ["-C", str(tmp_path), "compare", SLUG, f"{SLUG}@24h"]
    table = CliRunner().invoke(cli, call).output
    document = json.loads(CliRunner().invoke(cli, [*call, "--json"]).stdout)

    assert "parser_p50  58.4 ms  60 ms  +2.7 %  Pass" in " ".join(table.split("\n")).replace("   ", "  ")
    assert document["schema"] == "deploybook.comparison/1"
    assert document["metrics"][0]["value"] == [58.4, 60.0]

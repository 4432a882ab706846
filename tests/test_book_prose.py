"""Numbers and phrases that people typed, held against what was measured: hints where they differ, silence where not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from build import counter, data, deployment, gauge, metric, series

from deploybook.book import Book, Workspace, prose
from deploybook.book.check import check_deployment
from deploybook.model import Approval, Closing, Records
from deploybook.units import parse_limit

SLUG = "2025-01-22-telemetry-step2"
LATENCY = metric("gauge", "parser_latency", id="parser_latency", title="Parser latency", unit="ms", decimals=1)
FAILURES = metric("counter", "parser_failure_total", id="parser_failures", title="Parser failures", delta="absolute")
CHANGE = metric("gauge", "parser_latency", id="variance", title="Telemetry variance", unit="ms", show_change=True)
# 50 ms until 14:15, then 60: 58.3 over the window (50 * 15 + 60 * 75) / 90. The day before 50 all day: +16.7 %, later +20 %.
# Two failures at 14:30.
LEVELS = gauge(
    series(np.where(np.arange(360) < 60, 50.0, 60.0)), series(np.full(360, 50.0), start=-86400), name="parser_latency"
)
FAILED = counter(series(np.where(np.arange(361) < 120, 0.0, 2.0)))


def said(tmp_path: Path, journal: str = "", note: str = "", **more: Any) -> list[str]:
    """What the hints say of a journal and a note, without the place."""
    return [problem.text for problem in prose.hints(book(tmp_path, journal, note, **more))]


def book(tmp_path: Path, journal: str = "", note: str = "", **more: Any) -> Book:
    folder = tmp_path / "deployments" / SLUG
    (folder / "notes").mkdir(parents=True, exist_ok=True)
    (folder / "journal.md").write_text(f"# 2025-01-22\n{journal}\n")
    (folder / "notes" / "lessons.md").write_text(note)
    usual: dict[str, Any] = {"metrics": (LATENCY, FAILURES, CHANGE)}
    change = deployment(SLUG, **(usual | more))
    return Book(Workspace(root=tmp_path), change, data=data(LEVELS, FAILED), as_of=change.end)


@pytest.mark.parametrize(
    "line",
    [
        "14:15 Parser latency at 50 ms",
        "14:30 Parser latency at 60.0 ms over the last check-in",
        "14:30 Latency of the parser 55 ms so far",
        "15:30 parser_latency 58.3 ms in the whole window",
        "14:30 parser latency about 57 ms",
        "14:30 parser latency below 61 ms, at least 55 ms",
        "14:30 parser latency fine, limit 65 ms",
        "14:30 parser latency 10 ms slower",
        "14:30 parser latency was 54 ms from 14:00 to 14:25",
        "14:30 Rollback of the parser took 142 ms",
        "14:30 parser latency `99 ms` and {parser_latency 14:00 to 14:05}",
        "14:30 variance 20 %",
        "14:30 variance +10 % so far",
        "14:40 Flag set to 75 %, CPU 42 %",
        "13:50 parser latency 12 ms before anything was measured",
    ],
)
def test_what_was_measured_then_is_no_hint(tmp_path: Path, line: str) -> None:
    assert said(tmp_path, line) == []


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (
            "14:30 Parser latency at 52 ms",
            "'52 ms' is not what was measured: Parser latency was 60.0 ms from 14:15 to 14:30 PT, "
            "55.0 ms from 14:00 to 14:30 PT",
        ),
        ("14:30 parser latency about 70 ms", "'70 ms' is not what was measured"),
        ("14:30 parser latency below 50 ms", "'50 ms' is not what was measured"),
        ("14:30 variance -20 %", "'-20 %' is not what was measured: Telemetry variance was +20.0 %"),
        ("14:45 parser failures at 5 errors", "'5 errors' is not what was measured: Parser failures was 0 errors"),
        ("14:45 variance 20 %, parser latency 20 ms", "'20 ms' is not what was measured: Parser latency was"),
    ],
)
def test_a_number_that_differs_is_told_with_what_was_measured(tmp_path: Path, line: str, hint: str) -> None:
    (told,) = said(tmp_path, line)

    assert told.startswith(hint)


def test_a_note_speaks_of_the_window_or_any_check_in(tmp_path: Path) -> None:
    note = "# Lessons, 99 ms of parser latency\n- parser latency was 58.3 ms\n- at first parser latency 50 ms\n"
    assert said(tmp_path, note=note) == []

    (hint,) = prose.hints(book(tmp_path, note=f"{note}- parser latency never above 48 ms, on the whole 47 ms\n"))

    assert (hint.path, hint.line) == (f"deployments/{SLUG}/notes/lessons.md", 4)
    assert hint.text.startswith("'47 ms' is not what was measured: Parser latency was 58.3 ms over the window")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("14:20 no errors in the log", None),
        ("14:20 Parser failures still zero", None),
        ("14:45 no parser failures", "'no parser failures' is contradicted: Parser failures was 2 errors by then"),
        ("14:45 failures are still zero", "'failures are still zero' is contradicted"),
        ("14:10 no alerts", None),
        ("14:50 zero alerts", "'zero alerts' is contradicted: Alert CPU"),
        ("15:00 all within tolerance", "'within tolerance' is contradicted: Parser latency is "),
        ("15:00 failures within their limits", None),
        ("15:00 not within tolerance", None),
        ("15:00 everything green", "'everything green' is contradicted: Parser latency is "),
        ("15:00 no rollback was needed", None),
    ],
)
def test_a_phrase_is_held_against_verdicts_and_events(tmp_path: Path, line: str, hint: str | None) -> None:
    judged = (replace(LATENCY, target=parse_limit("at most 55 ms")), replace(FAILURES, title="Failures"))
    journal = f"14:40 Alert CPU #alert\n{line} #note" if line > "14:40" else f"{line} #note\n14:40 Alert CPU #alert"
    metrics = judged if "limits" in line else (judged[0], FAILURES)

    told = said(tmp_path, journal, metrics=metrics)

    assert told == [] if hint is None else told[0].startswith(hint), told


def test_after_a_rollback_nobody_writes_that_there_was_none(tmp_path: Path) -> None:
    closing = Closing(outcome="rolled_back", reason="latency")

    (told,) = said(tmp_path, note="It went through without a rollback.\n", closing=closing)

    assert told == "'without a rollback' is contradicted: it was rolled back"


def test_every_phrase_stands_in_the_manual(root: Path) -> None:
    manual = (root / "docs" / "reference" / "evidence-format.md").read_text()

    for words in ("within tolerance", "all green", "no errors", "failures are zero", "no alerts", "no rollback"):
        assert f"`{words}`" in manual
    assert len(prose.PHRASES) == 6


@pytest.mark.parametrize(
    ("by", "count"), [(("Oliver",), 1), (("oliver", "Oliver"), 1), (("Oliver", "Avery"), 0), (("Avery",), 0), ((), 0)]
)
def test_an_approval_by_the_lead_alone_is_told(by: tuple[str, ...], count: int) -> None:
    known = Records(approvals=(Approval(what="Go/no-go", by=by),))

    assert len(prose.approved_by_lead_alone(deployment(), known)) == count
    assert prose.approved_by_lead_alone(deployment(lead=""), known) == []


def test_a_reference_that_prints_nothing_is_told_with_its_place(tmp_path: Path) -> None:
    """In the journal, the notes and the records alike: a name that is none, and a window that is none."""
    folder = tmp_path / "deployments" / SLUG
    (folder / "notes").mkdir(parents=True)
    (tmp_path / "deploybook.yml").write_text("timezone: America/Los_Angeles\n")
    (folder / "deployment.yml").write_text(
        "title: Telemetry Step 2\nticket: CHG-2025-0121\nversion: 6f2bb3c\nwindow: 2025-01-22 14:00 to 15:30\n"
        "source: {kind: files, paths: ['*.csv']}\n"
        "metrics: {parser: {gauge: parser_latency, statistic: mean, unit: ms, target: at most 65 ms}}\n"
    )
    (folder / "journal.md").write_text("# 2025-01-22\n14:10 {parser 14:00 to 14:08} and {parsr}\n")
    (folder / "notes/lessons.md").write_text("{parser change 14:00-14:08}\n")
    (folder / "records.yml").write_text("programme: {title: 'Telemetry', aim: '{parser 14:30 to 14:00}'}\n")

    checked = check_deployment(Workspace(root=tmp_path), SLUG)
    told = [one for one in checked.hints if "stays as it is" in one.text]

    assert checked.problems == ()
    assert [(one.path.removeprefix(f"deployments/{SLUG}/"), one.line, one.text) for one in told] == [
        ("journal.md", 2, "{parsr} stays as it is: 'parsr' is not a metric here; did you mean 'parser'?"),
        (
            "notes/lessons.md",
            1,
            "{parser change 14:00-14:08} stays as it is: '14:00-14:08' is not a window; write '2025-01-22 14:00 to 15:30'",
        ),
        (
            "records.yml",
            1,
            "{parser 14:30 to 14:00} stays as it is: '14:30 to 14:00' ends before it starts; "
            "write the day of the end too if it is the next one",
        ),
    ]


def test_the_reference_gives_no_hint(root: Path, tmp_path: Path) -> None:
    """Of its numbers none differs: '142 ms' of a rollback, '42 %' of a CPU and '75 %' of a flag are no figures of a metric."""
    for name in ("deploybook.yml", "deployments"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, tmp_path / name)
    workspace, journal = Workspace(root=tmp_path), tmp_path / "deployments" / SLUG / "journal.md"
    assert check_deployment(workspace, SLUG).hints == ()

    text = journal.read_text()
    journal.write_text(text.replace("CLI p95 at {cli_p95 14:15 to 14:30}", "CLI p95 at 150 ms"))
    (hint,) = check_deployment(workspace, SLUG).hints
    assert "CLI command latency p95 was 186 ms from 14:15 to 14:30 PT" in hint.text

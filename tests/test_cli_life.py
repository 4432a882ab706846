"""A deployment's daily life by its commands: status, run, close, schedule, judge --wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploybook import cli
from deploybook.evidence import Log, statement

SLUG = "2025-01-22-telemetry-step2"
END = datetime(2025, 1, 22, 23, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIGEST = "0" * 64
YAML = """\
title: {title}
ticket: CHG-2025-0121
timezone: America/Los_Angeles
lead: Oliver
window: {window}
source: exports/original/*.csv
metrics:
  failures: {{counter: parser_failure_total, target: at most 3 errors/hour}}
"""


class Place:
    """A small workspace and what the command says in it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys
        self.write("deploybook.yml", "")

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def new(self, slug: str = SLUG, *, title: str = "Telemetry Step 2", window: str = "", more: str = "") -> Path:
        text = YAML.format(title=title, window=window or "2025-01-22 14:00 to 15:30") + more
        return self.write(f"deployments/{slug}/deployment.yml", text)

    def records(self, text: str, slug: str = SLUG) -> Path:
        return self.write(f"deployments/{slug}/records.yml", text)

    @property
    def log(self) -> Log:
        return Log.open(self.root / "evidence", origin="example.org/ops")

    def made(self, scope: str, at: datetime, verdict: str = "pass", slug: str = SLUG, **more: Any) -> None:
        about = {"ticket": "CHG-2025-0121", "actor": "deploybook", "configuration": DIGEST, "metrics": {}, **more}
        subject = {f"{scope}.json": self.log.put(f"{slug} {scope} {verdict}".encode(), "json")}
        self.log.append([statement.verdict(subject, deployment=slug, scope=scope, verdict=verdict, **about)], at)

    def say(self, *words: str, now: datetime | None = None) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        time = ["--now", now.isoformat()] if now else []
        with pytest.raises(SystemExit) as stopped:
            cli.main(["-C", str(self.root), *time, *words])
        out, err = self.capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Every file with its time of change and its bytes."""
        return {
            path.relative_to(self.root).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DEPLOYBOOK_WORKSPACE", raising=False)
    return Place(tmp_path / "workspace", capsys)


# --- status


def test_status_shows_what_is_done_due_missed_and_next(place: Place) -> None:
    place.new()
    place.made("window", END)
    place.made("after-1h", END + 4 * HOUR + timedelta(minutes=10), "warn")
    before = place.files()

    code, out, err = place.say("status", now=END + 13 * HOUR)

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "23 Jan 2025 04:30 PT",
        "",
        "Telemetry Step 2 · CHG-2025-0121 · Oliver",
        "  Window     22 Jan 15:30 PT        done           Pass",
        "  +1h        22 Jan 16:30 PT        done           Watch, late by 3 h 10 min",
        "  +12h       23 Jan 03:30 PT        due            late by 1 h",
        "  +24h       23 Jan 15:30 PT        next           in 11 h",
        "  +48h       24 Jan 15:30 PT        next           in 35 h",
        "  Closing    24 Jan 15:30 PT        next           in 35 h",
        "",
        "Due now: 1 report; 'deploybook run' makes it",
    ]
    assert place.files() == before


def test_status_of_many_shows_what_is_still_open_first(place: Place) -> None:
    place.write("deploybook.yml", "catch_up: none\n")
    place.new()
    place.new("later", title="Parser cache", window="2025-01-23 09:00 to 10:00")
    for scope in ("window", "after-1h", "after-12h", "after-24h", "after-48h", "closing"):
        place.made(scope, END + 48 * HOUR)

    code, out, _ = place.say("status", now=END + 49 * HOUR)

    assert code == 0
    assert "Telemetry Step 2" not in out
    assert "  +1h        23 Jan 11:00 PT        missed         nothing is caught up" in out
    assert "1 deployment with nothing left to do (--all shows it)" in out
    assert "Telemetry Step 2" in place.say("status", "--all", now=END + 49 * HOUR)[1]
    assert "Parser cache" not in place.say("status", "-d", SLUG, now=END + 49 * HOUR)[1]


def test_status_as_json_is_the_document_alone(place: Place) -> None:
    place.new()
    place.made("window", END)

    _, out, _ = place.say("status", "--json", now=END + 10 * timedelta(minutes=1))

    said = json.loads(out)
    assert (said["schema"], said["as_of"], said["next"]) == (
        "deploybook.status/1",
        "2025-01-22T23:40:00Z",
        "2025-01-23T00:30:00Z",
    )
    assert [(each["scope"], each["state"]) for each in said["reports"]][:2] == [
        ("window", "done"),
        ("after-1h", "next"),
    ]


def test_a_broken_deployment_holds_up_no_other(place: Place) -> None:
    place.new()
    place.write("deployments/broken/deployment.yml", "title: x\nwindw: 14:00\n")

    code, out, err = place.say("status", now=END)

    assert code == 2
    assert "Telemetry Step 2" in out
    assert "deployments/broken/deployment.yml:2: file: 'windw' is not a key here" in err


def test_the_handover_names_open_windows_what_comes_and_the_way_back(place: Place) -> None:
    place.new(more="checkpoints: {people: [{after: 4h, who: Queenie, what: QA spot check}]}\n")
    place.new("parser-cache", title="Parser cache", window="2025-01-22 15:00 to 16:00")
    place.new("tomorrow", title="CLI cache", window="2025-01-23 02:00 to 03:00")
    place.records("rollback: {script: scripts/revert_step2.sh, dry_run_at: 13:10}\n")
    place.made("window", END, "warn", metrics={"failures": "pass", "cli_p95": "warn"})

    _, out, _ = place.say("status", "--handover", now=END + timedelta(minutes=50))

    assert out.splitlines() == [
        "Handover, 22 Jan 2025 16:20 PT",
        "",
        "Open windows",
        "  Parser cache · CHG-2025-0121 · Oliver",
        "    stands at   nothing reported yet",
        "    lead        Oliver",
        "    roll back   not on record; write 'rollback: {script: …}' in records.yml",
        "    overlaps    Telemetry Step 2",
        "  Telemetry Step 2 · CHG-2025-0121 · Oliver",
        "    stands at   Watch for the window: cli_p95 Watch",
        "    lead        Oliver",
        "    roll back   scripts/revert_step2.sh, tried 22 Jan 13:10 PT",
        "    overlaps    Parser cache",
        "",
        "Next 12 hours",
        "  22 Jan 16:00 PT  Outcome report of Parser cache, late by 20 min",
        "  22 Jan 16:30 PT  +1h checkpoint of Telemetry Step 2",
        "  22 Jan 17:00 PT  +1h checkpoint of Parser cache",
        "  22 Jan 19:30 PT  Queenie: QA spot check (Telemetry Step 2)",
        "  23 Jan 02:00 PT  Window of CLI cache opens",
        "  23 Jan 03:00 PT  Outcome report of CLI cache",
        "  23 Jan 03:30 PT  +12h checkpoint of Telemetry Step 2",
        "  23 Jan 04:00 PT  +12h checkpoint of Parser cache",
        "  23 Jan 04:00 PT  +1h checkpoint of CLI cache",
    ]

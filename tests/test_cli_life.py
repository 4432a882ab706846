"""A deployment's daily life by its commands: status, run, close, schedule, judge --wait."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
import yaml
from build import at, window
from servers import free_port
from test_notify import mail_server, webhook

from deploybook import cli
from deploybook.cli.common import CODES
from deploybook.cli.judge import Look, look_at, waited
from deploybook.cli.run import Made, Work, make_report, run
from deploybook.due import Item
from deploybook.errors import DeploybookError, EvidenceBroken, SourceUnreachable
from deploybook.evidence import Log, statement
from deploybook.notify import channels_of
from deploybook.records import Workspace, read_deployment, read_settings, read_workspace
from deploybook.records.closing import time_text
from deploybook.report.restore import restore
from deploybook.times import iso

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

    def counter(self, start: datetime, end: datetime, slug: str = SLUG, every: int = 60) -> Path:
        """A counter of one target that never counts, with `up` beside it."""
        rows = []
        for step in range(int((end - start).total_seconds()) // every + 1):
            at = (start + timedelta(seconds=step * every)).strftime("%Y-%m-%dT%H:%M:%SZ")
            rows.append(f"{at},parser_failure_total,parser-1,0")
        path = self.root / f"deployments/{slug}/exports/original/parser_failure_total.csv"
        text = "timestamp,metric,pod,value\n" + "\n".join(rows) + "\n"
        return self.write(path.relative_to(self.root).as_posix(), text)

    def records(self, text: str, slug: str = SLUG) -> Path:
        return self.write(f"deployments/{slug}/records.yml", text)

    @property
    def log(self) -> Log:
        return Log.open(self.root / "evidence", origin="example.org/ops")

    @property
    def workspace(self) -> Workspace:
        return read_workspace(self.root)

    def made(self, scope: str, at: datetime, verdict: str = "pass", slug: str = SLUG, **more: Any) -> None:
        about = {"ticket": "CHG-2025-0121", "actor": "deploybook", "configuration": DIGEST, "metrics": {}, **more}
        subject = {f"{scope}.json": self.log.put(f"{slug} {scope} {verdict}".encode(), "json")}
        self.log.append([statement.verdict(subject, deployment=slug, scope=scope, verdict=verdict, **about)], at)

    def ran(self, scope: str, files: dict[str, bytes]) -> None:
        held = {name: self.log.put(content, "txt") for name, content in files.items()}
        digests = {"notebook": DIGEST, "parameters": DIGEST, "environment": DIGEST}
        said = statement.run(held, deployment=SLUG, ticket="", actor="deploybook", scope=scope, **digests)
        self.log.append([said], END)

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
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
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
    assert "1 deployment with no report left to make (--all shows it)" in out
    assert "Telemetry Step 2" in place.say("status", "--all", now=END + 49 * HOUR)[1]
    assert "Parser cache" not in place.say("status", "-d", SLUG, now=END + 49 * HOUR)[1]


def test_status_shows_the_daily_reports_behind_the_deployments(place: Place) -> None:
    place.write("deploybook.yml", "daily: 17:00\n")
    place.new()
    place.new("later", title="Parser cache", window="2025-01-24 09:00 to 10:00")

    out = place.say("status", now=END)[1]

    heads = [line.split(" · ")[0] for line in out.splitlines()[1:] if line[:1].strip()]
    assert heads[:3] == ["Telemetry Step 2", "Parser cache", "Daily reports"]


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


REGISTERS = """\
actions:
  - {id: AI-1, text: Lessons, owner: Oliver, due: 2025-01-22 15:00}
  - {id: AI-2, text: Summary, due: 2025-01-22 15:00, status: Done}
  - {id: AI-3, text: Hand over, owner: Bob, waits_on: +1h}
  - {id: AI-4, text: Report, due: 2025-01-22}
  - {id: AI-5, text: Clean up, due: 2025-01-22 18:00, waits_on: +48h}
"""


def test_status_names_what_is_overdue_due_today_and_opened(place: Place) -> None:
    place.new()
    place.records(REGISTERS)
    place.made("window", END)
    now = END + 70 * timedelta(minutes=1)  # 16:40

    assert "Opened" not in place.say("status", now=now)[1]
    place.made("after-1h", END + HOUR)
    out = place.say("status", now=now)[1].splitlines()

    assert out[out.index(next(line for line in out if "Overdue" in line)) :][:3] == [
        "  Overdue    22 Jan 15:00 PT        AI-1 Lessons, Oliver",
        "  Due today  22 Jan                 AI-4 Report",
        "  Opened                            AI-3 Hand over, Bob",
    ]
    said = json.loads(place.say("status", "--json", now=now)[1])["registers"]
    assert [(each["deployment"], each["id"], each["state"]) for each in said] == [
        (SLUG, "AI-1", "overdue"),
        (SLUG, "AI-2", "closed"),
        (SLUG, "AI-3", "opened"),
        (SLUG, "AI-4", "due_today"),
        (SLUG, "AI-5", "waiting"),
    ]


def test_the_handover_tells_what_is_overdue_once(place: Place) -> None:
    place.new()
    place.records(REGISTERS)
    place.made("window", END)

    out = place.say("status", "--handover", now=END + HOUR / 2)[1]
    needs, coming = out.split("Needs a person")[1].split("Next 12 hours")

    assert needs.split("\n")[1:] == ["  Overdue    22 Jan 15:00 PT        AI-1 Lessons, Oliver", "", ""]
    assert "  22 Jan  nobody: AI-4 Report (Telemetry Step 2)" in coming
    assert "  22 Jan 18:00 PT  nobody: AI-5 Clean up (Telemetry Step 2, waits on +48h)" in coming
    assert "AI-2" not in out


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
        "  Telemetry Step 2 · CHG-2025-0121 · Oliver",
        "    stands at   Watch for the window: cli_p95 Watch",
        "    lead        Oliver",
        "    roll back   scripts/revert_step2.sh, tried 22 Jan 13:10 PT",
        "  Overlap: Telemetry Step 2, Parser cache",
        "",
        "Next 12 hours",
        "  22 Jan 16:00 PT  Outcome report of Parser cache, late by 20 min",
        "  22 Jan 16:30 PT  +1h checkpoint of Telemetry Step 2",
        "  22 Jan 17:00 PT  +1h checkpoint of Parser cache",
        "  22 Jan 19:30 PT  Queenie: +4h QA spot check (Telemetry Step 2)",
        "  23 Jan 02:00 PT  Window of CLI cache opens",
        "  23 Jan 03:00 PT  Outcome report of CLI cache",
        "  23 Jan 03:30 PT  +12h checkpoint of Telemetry Step 2",
        "  23 Jan 04:00 PT  +12h checkpoint of Parser cache",
        "  23 Jan 04:00 PT  +1h checkpoint of CLI cache",
    ]


def test_a_handover_names_each_group_of_overlapping_windows_once(place: Place) -> None:
    for name, day, hours in (("a", 20, 3), ("b", 20, 3), ("c", 21, 3), ("d", 22, 10), ("e", 22, 11)):
        more = f"checkpoints: {{after: [1h]}}\nobservation: {26 if name == 'b' else 2}h\n"
        place.new(f"change-{name}", title=name.upper(), window=f"2025-01-{day} {hours}:00 to {hours + 1}:00", more=more)

    _, out, _ = place.say("status", "--handover", now=END)

    assert [line for line in out.splitlines() if "verlap" in line] == ["  Overlap: A, B, C", "  Overlap: D, E"]


# --- run


class Maker:
    """Makes no report but its verdict in the log; remembers for what it was asked."""

    def __init__(self, **verdicts: str) -> None:
        self.verdicts, self.asked = verdicts, []
        self.asked: list[tuple[str, str, datetime]]

    def __call__(self, work: Work, item: Item) -> Made:
        slot = item.slot
        self.asked.append((slot.deployment, slot.scope, slot.at))
        verdict = self.verdicts.get(slot.deployment.replace("-", "_"), "pass")
        if verdict == "crash":
            raise ZeroDivisionError("division by zero")
        if verdict == "refuse":
            raise DeploybookError("notebooks/outcome.ipynb is missing")
        said = statement.verdict(
            {f"{slot.scope}.json": work.log.put(f"{slot.deployment} {slot.scope}".encode(), "json")},
            deployment=slot.deployment,
            ticket="",
            actor="deploybook",
            scope=slot.scope,
            verdict=verdict,
            metrics={},
            configuration=DIGEST,
            late_seconds=round(item.late.total_seconds()),
            revision=sum(entry.deployment == slot.deployment for entry in work.log.entries("outcome")) or None,
        )
        work.log.append([said], work.now)
        return Made(item=item, state="made", verdict=verdict)


def test_run_makes_what_is_due_once_each_for_its_own_time(place: Place) -> None:
    place.new()
    maker = Maker()

    codes = [run(place.workspace, END + 13 * HOUR + timedelta(minutes=n), do=maker, quiet=True) for n in range(3)]

    assert codes == [0, 0, 0]
    assert maker.asked == [
        (SLUG, "window", END),
        (SLUG, "after-1h", END + HOUR),
        (SLUG, "after-12h", END + 12 * HOUR),
    ]
    assert [entry.predicate["lateSeconds"] for entry in place.log.entries("verdict")] == [46800, 43200, 3600]


def test_run_with_nothing_due_changes_no_file(place: Place) -> None:
    place.new()
    before = place.files()

    first = place.say("run", now=END - HOUR)
    second = place.say("run", now=END - timedelta(minutes=59))

    assert first == second == (0, "nothing is due before 22 Jan 2025 15:30 PT\n", "")
    assert place.files() == before
    assert place.say("run", "--quiet", now=END - HOUR) == (0, "", "")


def test_run_with_nothing_due_costs_less_than_a_third_of_a_second(place: Place) -> None:
    for number in range(30):
        place.new(f"change-{number:02d}", window="2035-01-22 14:00 to 15:30")
    words = [sys.executable, "-m", "deploybook", "-C", str(place.root), "run", "--quiet"]
    subprocess.run(words, check=True)

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    cost = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"run with nothing due, 30 deployments: {cost:.2f} s of CPU")
    assert cost < 0.3


def test_a_changed_file_makes_the_plan_anew(place: Place) -> None:
    place.new()
    place.say("run", now=END - HOUR)
    place.new("sooner", window="2025-01-22 13:00 to 14:00")

    code, out, _ = place.say("run", "--dry-run", now=END - HOUR)

    assert (code, "would make: Outcome report of Telemetry Step 2" in out) == (0, True)
    assert place.say("run", now=END - 2 * HOUR)[1] == "nothing is due before 22 Jan 2025 14:00 PT\n"


def test_a_dry_run_says_what_is_due_and_writes_nothing(place: Place) -> None:
    place.new()
    before = place.files()

    _, out, _ = place.say("run", "--dry-run", now=END + HOUR)

    assert "would make: Outcome report of Telemetry Step 2" in out
    assert "would make: +1h checkpoint of Telemetry Step 2" in out
    assert place.files() == before


HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from deploybook.duty.lock import alone

with alone(Path(sys.argv[1]), datetime(2025, 1, 22, 23, 30, tzinfo=UTC)) as other:
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_caller_says_who_runs_and_a_killed_one_leaves_no_lock(place: Place) -> None:
    place.new()
    lock = place.root / ".deploybook" / "run.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        maker = Maker()

        code = run(place.workspace, END, do=maker)
        out, _ = place.capsys.readouterr()

        assert (code, maker.asked) == (0, [])
        assert f"process {other.pid} runs since 2025-01-22T23:30:00Z" in out
        os.kill(other.pid, signal.SIGKILL)
        other.wait()

    assert run(place.workspace, END, do=maker) == 0
    assert [scope for _, scope, _ in maker.asked] == ["window"]


FORK = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from deploybook.duty.lock import alone

with alone(Path(sys.argv[1]), datetime(2025, 1, 22, 23, 30, tzinfo=UTC)) as other:
    if os.fork() == 0:
        print("forked", flush=True)
        sys.stdin.read()
        os._exit(0)
    os._exit(9)
"""


def test_the_lock_is_not_held_by_what_is_forked_under_it(place: Place) -> None:
    """A notebook process that outlives a killed run must not keep the next one out."""
    place.new()
    lock = place.root / ".deploybook" / "run.lock"
    with subprocess.Popen(
        [sys.executable, "-c", FORK, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "forked\n"
        assert other.wait() == 9
        maker = Maker()

        run(place.workspace, END, do=maker)

    assert [scope for _, scope, _ in maker.asked] == ["window"]


def test_one_report_that_fails_holds_up_no_other(place: Place) -> None:
    for slug in ("crash", "refuse", "sound"):
        place.new(slug, title=slug.capitalize())
    maker = Maker(crash="crash", refuse="refuse")

    code = run(place.workspace, END, do=maker)

    assert code == 1
    assert [slug for slug, _, _ in maker.asked] == ["crash", "refuse", "sound"]
    health = json.loads((place.root / ".deploybook" / "status.json").read_text())
    assert health["failures"] == [
        "Outcome report of Crash: ZeroDivisionError: division by zero",
        "Outcome report of Refuse: notebooks/outcome.ipynb is missing",
    ]
    assert health["next_due"] == "2025-01-22T23:35:00Z"
    assert (health["due"], health["made"]) == (2, 1)


@pytest.mark.parametrize(
    ("verdict", "code"), [("pass", 0), ("warn", 0), ("fail", 3), ("inconclusive", 4), ("no_data", 5)]
)
def test_the_exit_code_is_the_worst_of_what_was_made(place: Place, verdict: str, code: int) -> None:
    place.new("one")
    place.new("two")

    assert run(place.workspace, END, do=Maker(one=verdict)) == code


def test_run_leaves_numbers_for_a_watcher(place: Place) -> None:
    place.new()
    textfile = place.root / "deploybook.prom"

    run(place.workspace, END + HOUR, do=Maker(), textfile=textfile)

    lines = textfile.read_text().splitlines()
    assert "deploybook_last_run_timestamp_seconds 1737592200" in lines
    assert "deploybook_next_due_timestamp_seconds 1737631800" in lines  # +12h
    assert "deploybook_made 2" in lines
    assert "deploybook_evidence_entries 3" in lines  # two verdicts after the line that names the key
    assert [line.split()[2] for line in lines if line.startswith("# TYPE")] == [
        line.split()[0] for line in lines if not line.startswith("#")
    ]
    assert (place.root / ".deploybook" / ".gitignore").read_text() == "*\n"


def test_a_deployment_that_was_added_moves_what_the_watcher_expects_next(place: Place) -> None:
    place.new()
    run(place.workspace, END, do=Maker())
    place.new("second", window="2025-01-22 15:00 to 16:00")

    run(place.workspace, END + timedelta(minutes=1), do=Maker())

    health = json.loads((place.root / ".deploybook" / "status.json").read_text())
    assert health["next_due"] == "2025-01-23T00:00:00Z"


def test_run_as_json_and_as_log_lines(place: Place) -> None:
    place.new()
    place.write("notebooks/readme.txt", "no notebook here")

    code, out, err = place.say("run", "--json", "--log-format", "json", now=END)

    said = json.loads(out)
    assert (code, said["schema"], said["as_of"]) == (1, "deploybook.run/1", "2025-01-22T23:30:00Z")
    assert [(each["scope"], each["state"]) for each in said["reports"]] == [("window", "failed")]
    events = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert [(event["time"], event["level"], event["event"], event["scope"]) for event in events] == [
        ("2025-01-22T23:30:00Z", "error", "failed", "window")
    ]


def test_a_report_waits_an_hour_for_a_source_that_does_not_answer(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.new()
    work = Work(workspace=place.workspace, log=place.log, now=END)
    work.unreached[SLUG] = [SourceUnreachable("live: connection refused")]
    from deploybook.due import plan
    from deploybook.records import read_deployment

    deployment = read_deployment(place.workspace, SLUG)
    first = plan([deployment], [], END + timedelta(minutes=59))[0]

    made = make_report(work, first)

    assert (made.state, made.why) == ("waits", "live: connection refused")
    assert list(place.log.entries()) == []


def test_reports_that_are_gone_come_back_from_the_log(place: Place) -> None:
    place.new()
    deployment = read_deployment(place.workspace, SLUG)
    folder = place.root / "reports/2025/01" / SLUG
    pages = {name: f"{name} as recorded".encode() for name in ("index.md", "index.page.json", "outcome.json")}
    pages["../../../escaped.md"] = b"out"
    place.ran("window", pages)
    place.ran("after-1h", {"checkpoint-1h.md": b"new", "checkpoint-1h.page.json": b"new"})
    place.write(f"reports/2025/01/{SLUG}/checkpoint-1h.page.json", "what is there")

    restored = restore(place.workspace, [deployment], place.log)

    assert restored == (f"reports/2025/01/{SLUG}/index",)
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "index.md": "index.md as recorded",
        "index.page.json": "index.page.json as recorded",
        "outcome.json": "outcome.json as recorded",
        "checkpoint-1h.page.json": "what is there",
    }
    assert not list(place.root.rglob("escaped.md"))


def test_a_page_that_is_not_what_was_recorded_does_not_come_back(place: Place) -> None:
    place.new()
    place.ran("window", {"index.md": b"good", "index.page.json": b"good too"})
    (entry,) = place.log.entries("run")
    (place.root / "evidence" / entry.paths["index.md"]).chmod(0o644)
    (place.root / "evidence" / entry.paths["index.md"]).write_bytes(b"evil")

    with pytest.raises(EvidenceBroken, match=r"not what the log says of index\.md"):
        restore(place.workspace, [read_deployment(place.workspace, SLUG)], place.log)


# --- run, telling people


def notifications(place: Place) -> list[tuple[str, str, bool]]:
    return [
        (entry.predicate["channel"], entry.predicate["message"].split(" #")[0], entry.predicate["delivered"])
        for entry in place.log.entries("notification")
    ]


def test_a_change_of_state_is_told_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", "url: https://reports.example.org\nchannels: {ops: 'env:SLACK_URL'}\n")
    place.new()
    with webhook() as (url, received):
        monkeypatch.setenv("SLACK_URL", url)
        for hours in (0, 1, 12):
            run(place.workspace, END + hours * HOUR, do=Maker(), quiet=True)
            run(place.workspace, END + hours * HOUR + timedelta(minutes=1), do=Maker(), quiet=True)

    assert len(received) == 1
    assert "Outcome report: Telemetry Step 2 (CHG-2025-0121)" in received[0]["text"]
    assert "https://reports.example.org/2025/01/2025-01-22-telemetry-step2/index.html" in received[0]["text"]
    assert notifications(place) == [("ops", "window pass", True)]
    health = json.loads((place.root / ".deploybook" / "status.json").read_text())
    assert (health["untold"], health["failures"]) == ([], [])


def test_nobody_is_told_out_of_a_page_that_was_changed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", "channels: {ops: 'env:SLACK_URL'}\n")
    place.new()
    place.ran("window", {"index.page.json": b'{"word": "Breach"}'})
    place.made("window", END, "fail")
    (entry,) = place.log.entries("run")
    kept = place.root / "evidence" / entry.paths["index.page.json"]
    kept.chmod(0o644)
    kept.write_bytes(b'{"word": "Pass"}')
    with webhook() as (url, received):
        monkeypatch.setenv("SLACK_URL", url)
        with pytest.raises(EvidenceBroken, match=r"not what the log says of index\.page\.json"):
            run(place.workspace, END, do=Maker(), quiet=True)

    assert received == []


def test_a_postponed_deployment_tells_its_new_window_with_the_reason_and_then_its_verdict(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("deploybook.yml", "url: https://reports.example.org\nchannels: {ops: 'env:SLACK_URL'}\n")
    place.new()
    with webhook() as (url, received):
        monkeypatch.setenv("SLACK_URL", url)
        to = ["--outcome", "postponed", "--to", "2025-01-23 14:00 to 15:30", "--reason", "no go from Paris"]
        place.say("close", *to, now=END - 3 * HOUR)
        for moment in (END - 2 * HOUR, END + 24 * HOUR):
            run(place.workspace, moment, do=Maker(), quiet=True)

    first, second = (each["text"].splitlines() for each in received)
    assert first[:4] == [
        "Postponed: Telemetry Step 2 (CHG-2025-0121)",
        "Now planned for: 23 Jan 2025, 14:00 to 15:30 PT",
        "Because: no go from Paris",
        "Lead: Oliver",
    ]
    assert first[4].startswith("Evidence log: ")  # no link: there is no report yet
    assert second[0] == "Pass: Outcome report: Telemetry Step 2 (CHG-2025-0121)"


def test_a_channel_that_fails_loses_no_report_and_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", "channels: {ops: 'env:SLACK_URL'}\n")
    place.new()
    monkeypatch.setenv("SLACK_URL", f"http://127.0.0.1:{free_port()}/services/s3cret")
    maker = Maker()

    codes = [run(place.workspace, END + timedelta(minutes=n), do=maker, quiet=True) for n in (0, 6, 12)]
    _, err = place.capsys.readouterr()
    waiting = place.say("status", now=END + timedelta(minutes=13))[1]
    health = json.loads((place.root / ".deploybook" / "status.json").read_text())
    with webhook() as (url, received):
        monkeypatch.setenv("SLACK_URL", url)
        last = run(place.workspace, END + timedelta(minutes=20), do=maker, quiet=True)

    assert codes == [1, 1, 1]
    assert [scope for _, scope, _ in maker.asked] == ["window"]
    assert "channel ops: no answer (ConnectError)" in err
    assert "s3cret" not in err + json.dumps(health)
    assert (
        "ops was not told yet: Outcome report: Telemetry Step 2 (CHG-2025-0121), Pass, 22 Jan 15:30 PT; "
        "the channel did not take it, 'deploybook run' tries again"
    ) in waiting
    assert len(health["untold"]) == 1
    assert (last, len(received)) == (0, 1)
    assert notifications(place) == [("ops", "window pass", False), ("ops", "window pass", True)]
    assert "not told" not in place.say("status", now=END + timedelta(minutes=30))[1]


def test_status_says_in_plain_words_who_was_not_told_what(place: Place) -> None:
    place.write("deploybook.yml", "channels: {ops: {url: 'env:SLACK_URL', on: every}}\n")
    place.new()
    place.made("after-1h", END + HOUR, "no_data")
    place.made("daily-2025-01-22", END + HOUR, "warn", slug="")
    place.made("window", END + HOUR, "fail", slug="gone")

    out = place.say("status", now=END + HOUR)[1]

    assert [line for line in out.splitlines() if "told" in line] == [
        f"ops was not told yet: {what}, 22 Jan 16:30 PT; 'deploybook run' tells it"
        for what in (
            "+1h checkpoint: Telemetry Step 2 (CHG-2025-0121), No data",
            "Daily report of 2025-01-22, Watch",
            "Outcome report: gone, Breach",
        )
    ]


def test_a_channel_written_wrongly_stops_no_report(place: Place) -> None:
    place.write("deploybook.yml", "channels: {ops: {url: 'env:SLACK_URL', onn: every}}\n")
    place.new()
    maker = Maker()

    code = run(place.workspace, END, do=maker)

    assert (code, len(maker.asked)) == (1, 1)
    assert "deploybook.yml: channels > ops: 'onn' is not a key here" in place.capsys.readouterr()[1]


def test_check_says_which_files_are_not_there_yet(place: Place) -> None:
    """A deployment made from another one names files beside the other."""
    place.new()

    code, _, err = place.say("check")

    at = f"deployments/{SLUG}/deployment.yml:6"
    assert (code, err) == (
        0,
        f"{at}: hint: no file at 'exports/original/*.csv' yet, seen from the deployment's folder\n",
    )


def test_check_finds_what_is_wrong_with_a_channel(place: Place) -> None:
    place.write("deploybook.yml", "# ours\nchannels:\n  ops: {url: 'env:SLACK_URL', onn: every}\n")

    code, _, err = place.say("check")

    assert code == 2
    assert err == "deploybook.yml:3: channels > ops: 'onn' is not a key here; keys are url, on, to, from\n"


def test_a_rollback_is_told_with_its_reason(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", "channels: {ops: 'env:SLACK_URL'}\n")
    place.new()
    with webhook() as (url, received):
        monkeypatch.setenv("SLACK_URL", url)
        run(place.workspace, END, do=Maker(), quiet=True)
        place.say("close", "--outcome", "rolled_back", "--reason", "p95 too slow", now=END + HOUR)
        run(place.workspace, END + HOUR, do=Maker(), quiet=True)

    assert [each["text"].splitlines()[0].split(":")[0] for each in received] == ["Pass", "Rolled back"]
    assert "Because: p95 too slow" in received[1]["text"]


def test_a_dry_run_writes_each_message_to_a_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    channels = "channels: {ops: 'env:SLACK_URL', mail: {url: 'env:SMTP_URL', to: a@example.org, on: every}}\n"
    place.write("deploybook.yml", channels)
    place.new(more="checkpoints: {after: [1h]}\nobservation: 1h\n")
    place.counter(END - 3 * HOUR, END + 2 * HOUR)
    monkeypatch.setenv("SLACK_URL", "https://hooks.example.org/s3cret")

    code, out, err = place.say("run", "--dry-run", now=END + HOUR)

    folder = place.root / ".deploybook" / "messages"
    assert (code, len(out.splitlines())) == (0, 3)
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{SLUG}-after-1h-mail.eml",
        f"{SLUG}-closing-mail.eml",
        f"{SLUG}-window-mail.eml",
        f"{SLUG}-window-ops.json",
    ]
    assert err.count("would send: .deploybook/messages/") == 4
    assert "Outcome report of Telemetry Step 2" in (folder / f"{SLUG}-window-ops.json").read_text()
    assert list(place.log.entries()) == []


@pytest.mark.slow
def test_a_run_makes_tells_and_feeds_the_reference_way(
    place: Place, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notebooks, site, mail with a chart, feed: everything but the fake maker."""
    more = "title: Ops\nurl: https://reports.example.org\nchannels: {mail: {url: 'env:SMTP_URL', to: a@example.org}}\n"
    place.write("deploybook.yml", more)
    place.new(more="checkpoints: {after: [1h]}\nobservation: 1h\n")
    place.counter(END - 27 * HOUR, END + 2 * HOUR)
    shutil.copytree(root / "notebooks", place.root / "notebooks")
    shutil.copy(root / "mkdocs.yml", place.root / "mkdocs.yml")

    with mail_server() as (port, received):
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        code = run(place.workspace, END + 70 * timedelta(minutes=1))
        again = run(place.workspace, END + 71 * timedelta(minutes=1))

    assert (code, again) == (0, 0)
    (letter,) = received
    assert letter["Subject"].startswith("[Pass] Telemetry Step 2 deployment outcomes (CHG-2025-0121)")
    images = [part for part in letter.walk() if part.get_content_type() == "image/png"]
    assert [part.get_content()[:4] for part in images] == [b"\x89PNG"]
    feed = (place.root / "site" / "feed.xml").read_text()
    assert "Pass: Telemetry Step 2 deployment outcomes" in feed
    page = place.root / "site/2025/01" / SLUG / "checkpoint-1h.html"
    assert "Made late by 10 min" in page.read_text()


# --- close

LONG = """\
# Telemetry, second step\r
title: Telemetry Step 2   # as announced\r
ticket: CHG-2025-0121\r
timezone: America/Los_Angeles\r
windows:\r
  baseline: 2025-01-21 14:00 to 15:30    # the day before\r
  deployment: "2025-01-22 14:00 to 15:30"\r
metrics:\r
  failures: {counter: parser_failure_total, target: at most 3 errors/hour}"""


def test_close_adds_its_keys_and_leaves_every_other_byte(place: Place) -> None:
    path = place.write(f"deployments/{SLUG}/deployment.yml", "")
    path.write_bytes(LONG.encode())

    words = ["close", "--outcome", "rolled_back", "--at", "15:21", "--actual", "14:00 to 14:21", "--by", "Avery"]
    code, out, err = place.say(*words, "--reason", 'p95: "too slow" #1\nsecond line', now=END + 2 * HOUR)

    assert (code, err.startswith("made a key")) == (0, True)
    assert out == (
        "Telemetry Step 2: rolled back at 22 Jan 15:21 PT; +1h, +12h, +24h, +48h no longer apply; it really ran "
        "22 Jan, 14:00 to 14:21 PT; measured stays the window, 22 Jan, 14:00 to 15:30 PT; 'deploybook run' brings the reports up to date\n"
    )
    assert path.read_bytes().decode() == LONG + (
        "\r\noutcome: rolled_back\r\nactual: 2025-01-22 14:00 to 14:21\r\nclosed: 2025-01-22 15:21\r\n"
        'closed_by: "Avery"\r\nreason: "p95: \\"too slow\\" #1 second line"\r\n'
    )
    closing = read_deployment(place.workspace, SLUG).closing
    assert closing is not None
    assert (closing.outcome, closing.by, closing.reason) == ("rolled_back", "Avery", 'p95: "too slow" #1 second line')
    assert (closing.at, closing.actual) == (at(4860), window(0, 1260))


def test_close_is_recorded_with_the_file_before_and_after(place: Place) -> None:
    path = place.new()
    before = path.read_bytes()

    words = ["--outcome", "succeeded", "--by", "Oliver", "--reason", "all green"]
    place.say("close", *words, now=END + 48 * HOUR)

    (entry,) = place.log.entries("outcome")
    assert {name: (place.root / "evidence" / held).read_bytes() for name, held in entry.paths.items()} == {
        "deployment.yml": path.read_bytes(),
        "deployment.yml before": before,
        "reason.txt": b"all green",
    }
    assert {key: entry.predicate[key] for key in ("outcome", "by", "end", "deployment")} == {
        "outcome": "succeeded",
        "by": "Oliver",
        "end": "2025-01-24T23:30:00Z",
        "deployment": SLUG,
    }


def test_closing_again_replaces_what_was_said(place: Place) -> None:
    more = "outcome: aborted  # by phone\nreason: >\n  a long\n  story\nclosed: 2025-01-22 15:00\nnotify: []\n"
    path = place.new(more=more)

    place.say("close", "--outcome", "succeeded", "--at", "2025-01-22 15:40", now=END + HOUR)

    assert path.read_text().endswith("outcome: succeeded  # by phone\nclosed: 2025-01-22 15:40\nnotify: []\n")


def test_a_rollback_ends_the_watch_and_renews_the_report(place: Place) -> None:
    place.new()
    maker = Maker()
    run(place.workspace, END + HOUR, do=maker)
    place.say("close", "--outcome", "rolled_back", "--at", "17:30", now=END + 2 * HOUR)

    run(place.workspace, END + 2 * HOUR, do=maker)
    run(place.workspace, END + 60 * HOUR, do=maker)

    assert "  Window     22 Jan 15:30 PT        done           Rolled back" in place.say("status", "--all", now=END)[1]
    assert [(scope, at - END) for _, scope, at in maker.asked] == [
        ("window", timedelta()),
        ("after-1h", HOUR),
        ("window", timedelta()),
        ("closing", 3 * HOUR),
    ]


@pytest.mark.parametrize(
    ("written", "moved"),
    [
        ("window: 2025-01-22 14:00 to 15:30", "window: 2025-01-29 10:00 to 11:30"),
        (
            "windows: {deployment: '2025-01-22 14:00 to 15:30', baseline: 2025-01-21 14:00 to 15:30}",
            "windows: {deployment: 2025-01-29 10:00 to 11:30, baseline: 2025-01-28 10:00 to 11:30}",
        ),
        (
            "windows:\n  deployment: 2025-01-22 14:00 to 15:30 # as agreed\n  baseline: 2025-01-15",
            "windows:\n  {comment}deployment: 2025-01-29 10:00 to 11:30 # as agreed\n  baseline: 2025-01-22",
        ),
        (
            "window: 2025-01-22 14:00 to 15:30\nbaseline: none\noutcome: postponed\nclosed: 2025-01-22 09:00",
            "window: 2025-01-29 10:00 to 11:30\nbaseline: none",
        ),
    ],
)
def test_postponed_moves_the_windows_and_keeps_the_history(place: Place, written: str, moved: str) -> None:
    path = place.new()
    head, _, tail = path.read_text().partition("window: 2025-01-22 14:00 to 15:30")
    path.write_text(f"{head}{written}{tail}")
    comment = "# postponed on 2025-01-22 13:40 by Oliver (no go): was 2025-01-22 14:00 to 15:30\n"

    words = ["--outcome", "postponed", "--to", "2025-01-29 10:00 to 11:30", "--by", "Oliver", "--reason", "no go"]
    code, out, _ = place.say("close", *words, now=END - 110 * timedelta(minutes=1))

    assert (code, out) == (0, "Telemetry Step 2: postponed to 29 Jan 2025, 10:00 to 11:30 PT\n")
    expected = moved.replace("{comment}", comment + "  ") if "{comment}" in moved else comment + moved
    assert path.read_text() == f"{head}{expected}{tail}"
    assert "next" in place.say("status", now=END)[1]
    assert [entry.predicate["outcome"] for entry in place.log.entries("outcome")] == ["postponed"]


def test_postponed_without_a_new_window_leaves_nothing_to_do(place: Place) -> None:
    place.new()

    place.say("close", "--outcome", "postponed", now=END - 2 * HOUR)

    assert run(place.workspace, END + 50 * HOUR, do=Maker(), quiet=True) == 0
    assert list(place.log.entries("verdict")) == []


def test_a_change_may_be_aborted_before_its_window(place: Place) -> None:
    path = place.new()

    code, out, _ = place.say("close", "--outcome", "aborted", "--at", "13:40", now=END)

    assert (code, out.startswith("Telemetry Step 2: aborted at 22 Jan 13:40 PT; +1h")) == (0, True)
    assert "closed: 2025-01-22 13:40" in path.read_text()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--outcome", "succeeded", "--at", "2025-02-01 10:00"], "--at: '2025-02-01 10:00' is still to come"),
        (["--outcome", "succeeded", "--at", "2 pm"], "--at: '2 pm' is not a time"),
        (["--outcome", "succeeded", "--actual", "14:00"], "--actual: '14:00' is not a window"),
        (["--outcome", "aborted", "--to", "2025-01-29 14:00 to 15:30"], "--to: only what is postponed"),
        (["--outcome", "postponed", "--to", "2025-01-22 10:00 to 11:00"], "is not after the moment"),
        (["--outcome", "finished"], "'finished' is not one of"),
        (
            ["--outcome", "succeeded", "--at", "13:40"],
            "22 Jan 2025 13:40 PT is before the window, which starts 22 Jan 14:00",
        ),
    ],
)
def test_what_close_refuses_changes_nothing(place: Place, words: list[str], problem: str) -> None:
    path = place.new()
    before = path.read_bytes()

    code, _, err = place.say("close", *words, now=END)

    assert (code, path.read_bytes()) == (2, before)
    assert problem in err
    assert list(place.log.entries()) == []


def test_a_file_that_cannot_be_edited_stays_as_it_was(place: Place) -> None:
    text = (
        "{title: T, ticket: none, timezone: UTC, window: 2025-01-22 14:00 to 15:30, "
        "metrics: {failures: {counter: parser_failure_total, target: at most 3 errors/hour}}}\n"
    )
    path = place.write(f"deployments/{SLUG}/deployment.yml", text)

    code, _, err = place.say("close", "--outcome", "succeeded", now=END)

    assert (code, path.read_text()) == (2, text)
    assert f"Nothing was changed; write it into deployments/{SLUG}/deployment.yml by hand." in err


def test_the_hour_that_comes_twice_is_written_with_its_offset() -> None:
    """Clocks of Los Angeles went back at 02:00 on 2 November 2025: 09:30 UTC is the second 01:30."""
    zone = ZoneInfo("America/Los_Angeles")

    assert time_text(datetime(2025, 11, 2, 9, 30, tzinfo=UTC), zone) == "2025-11-02T01:30:00-08:00"
    assert time_text(datetime(2025, 11, 2, 10, 30, tzinfo=UTC), zone) == "2025-11-02 02:30"


# --- note


@pytest.mark.parametrize(
    ("at", "now", "day"),
    [
        ("14:03", END, "22 Jan 2025"),
        ("14:03", END + 24 * HOUR, "23 Jan 2025"),
        ("16:03", END + 24 * HOUR, "22 Jan 2025"),  # of the 23rd it is still to come
        ("14:03", END + 49 * HOUR, "22 Jan 2025"),  # the watch is over
        ("2025-01-23 14:03", END + 49 * HOUR, "23 Jan 2025"),
    ],
)
def test_a_note_goes_under_the_day_of_its_time(place: Place, at: str, now: datetime, day: str) -> None:
    place.new()

    code, out, _ = place.say("note", "Flag on for everyone", "--at", at, now=now)

    assert (code, out) == (0, f"deployments/{SLUG}/journal.md, {day}: {at[-5:]} Flag on for everyone\n")
    assert (place.root / f"deployments/{SLUG}/journal.md").read_text().startswith(f"# 2025-01-{day[:2]}\n")


# --- schedule


def test_schedule_names_the_secrets_and_knows_the_place(place: Place) -> None:
    place.write(
        "deploybook.yml", "channels: {ops: 'env:SLACK_URL', mail: {url: 'env:SMTP_URL', to: [a@example.org]}}\n"
    )
    place.new(more="sources: {live: {kind: prometheus, url: 'env:PROMETHEUS_URL', token: 'env:PROM_TOKEN'}}\n")

    _, out, _ = place.say("schedule", "--for", "cron")

    assert "# It needs PROMETHEUS_URL, PROM_TOKEN, SLACK_URL, SMTP_URL; write it into .deploybook/environment" in out
    assert out.splitlines()[-1] == (
        f"* * * * * cd {place.root} && if [ -r .deploybook/environment ]; then set -a; . ./.deploybook/environment; "
        f"set +a; fi && {sys.executable} -m deploybook run --quiet"
    )


@pytest.mark.parametrize("every", ["0", "-3", "60"])
def test_schedule_refuses_what_no_timetable_can_say(place: Place, every: str) -> None:
    code, out, err = place.say("schedule", "--for", "cron", "--every", every)

    assert (code, out) == (2, "")
    assert "'--every'" in err


def test_schedule_writes_files_and_overwrites_nothing(place: Place) -> None:
    into = place.root / "units"

    _, out, _ = place.say("schedule", "--for", "systemd", "--into", str(into))
    again = place.say("schedule", "--for", "systemd", "--into", str(into))
    (into / "deploybook-workspace.timer").write_text("mine")
    code, _, err = place.say("schedule", "--for", "systemd", "--into", str(into))

    assert out.splitlines() == [str(into / f"deploybook-workspace.{end}") for end in ("service", "timer")]
    assert again == (0, out, "")
    assert (code, "is there already and says something else" in err) == (2, True)


@pytest.mark.parametrize("name", ["it's 100% ours", "with space"])
def test_the_cron_line_runs_in_a_folder_of_any_name(tmp_path: Path, capsys: Any, monkeypatch: Any, name: str) -> None:
    """The line as cron hands it to the shell: what stands behind an unescaped % would be its standard input."""
    place = Place(tmp_path / name, capsys)
    place.new(window="2035-01-22 14:00 to 15:30")
    place.write(".deploybook/environment", f"XDG_CACHE_HOME={tmp_path}/cache\n")
    line = place.say("schedule", "--for", "cron")[1].splitlines()[-1]
    command = line.removeprefix("* * * * * ")
    assert re.search(r"(?<!\\)%", command) is None

    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("\\%", "%").replace(" --quiet", "")],
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "nothing is due before 22 Jan 2035 15:30 PT\n"
    assert list((tmp_path / "cache").rglob("next-*.json"))


@pytest.mark.slow
def test_systemd_accepts_the_units(place: Place) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not here")
    place.say("schedule", "--for", "systemd", "--into", str(place.root))

    units = [str(place.root / f"deploybook-workspace.{end}") for end in ("service", "timer")]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "deploybook" in line]
    calendar = subprocess.run(["systemd-analyze", "calendar", "*:0/1"], capture_output=True, text=True)

    assert (said, calendar.returncode) == ([], 0)


@pytest.mark.slow
def test_the_github_workflow_meets_its_schema(place: Place) -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema brings the schema of workflows")
    place.new(more="sources: {live: {kind: prometheus, url: 'env:PROMETHEUS_URL'}}\n")
    path = place.write("deploybook-workflow.yml", place.say("schedule", "--for", "github")[1])

    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(words, capture_output=True, text=True)

    assert (done.returncode, "PROMETHEUS_URL: ${{ secrets.PROMETHEUS_URL }}" in path.read_text()) == (0, True), (
        done.stdout
    )


@pytest.mark.slow
def test_the_cron_job_meets_the_schema_of_kubernetes(place: Place) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate brings the schemas")
    text = place.say("schedule", "--for", "kubernetes", "--image", "registry.example.org/deploybook:0.1.0")[1]

    validate.validate(yaml.safe_load(text), validate.latest_version(), strict=True)


@pytest.mark.slow
def test_real_cron_makes_a_checkpoint_unattended(place: Place, tmp_path: Path, root: Path) -> None:
    """Debian's cron with the line as printed; it calls at the next full minute."""
    if shutil.which("cron") is None or os.geteuid() != 0:
        pytest.skip("cron is not here, or not ours to start")
    place.write(".deploybook/environment", f"XDG_DATA_HOME={tmp_path}/home\nXDG_CACHE_HOME={tmp_path}/cache\n")
    place.new(more="checkpoints: {after: [1h]}\nobservation: 1h\n")
    place.counter(END - 3 * HOUR, END + 2 * HOUR)
    shutil.copytree(root / "notebooks", place.root / "notebooks")
    page = place.root / f"reports/2025/01/{SLUG}/checkpoint-1h.md"
    table = place.write("crontab", place.say("schedule", "--for", "cron")[1])

    with own_cron(table):
        wait_for(lambda: page.is_file() and len(list(place.log.entries("verdict"))) == 3, 150)

    scopes = [entry.predicate["scope"] for entry in place.log.entries("verdict")]
    assert scopes == ["window", "after-1h", "closing"]
    assert "Made late by" in page.read_text()


@contextmanager
def own_cron(table: Path) -> Iterator[None]:
    """Cron with this table as root's; the table that was there comes back."""
    before = subprocess.run(["crontab", "-l"], capture_output=True, text=True)
    subprocess.run(["crontab", str(table)], check=True)
    daemon = subprocess.Popen(["cron", "-f"])
    try:
        yield
    finally:
        daemon.terminate()
        daemon.wait()
        if before.returncode == 0:
            subprocess.run(["crontab", "-"], input=before.stdout, text=True, check=True)
        else:
            subprocess.run(["crontab", "-r"], check=True)


def wait_for(ready: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, f"not ready after {seconds:g} s"
        threading.Event().wait(0.2)


# --- judge --wait


class Clock:
    """A clock that only a pause moves."""

    def __init__(self) -> None:
        self.time, self.pauses = 0.0, []
        self.pauses: list[float]

    def __call__(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


def test_a_gate_waits_until_the_verdict_can_be_told(place: Place) -> None:
    """Only the baseline is there at first; the samples of the window arrive while the gate waits."""
    place.new()
    place.counter(END - 27 * HOUR, END - 25 * HOUR + 30 * timedelta(minutes=1))
    clock, arrived = Clock(), []

    def look() -> Look:
        if len(clock.pauses) == 2 and not arrived:
            arrived.append(place.counter(END - 27 * HOUR, END))
        return look_at(place.workspace, SLUG, None, END + timedelta(minutes=1), ask=True)

    before = place.files()
    found = waited(look, 900, clock=clock, pause=clock.pause)

    assert found.told
    assert found.facts.verdict.value == "pass"
    assert clock.pauses == [15.0, 15.0]
    changed = {path for path, held in place.files().items() if before.get(path) != held}
    assert changed == {f"deployments/{SLUG}/exports/original/parser_failure_total.csv"}


def test_a_gate_gives_up_when_its_time_is_up(place: Place) -> None:
    place.new()
    clock = Clock()

    def look() -> Look:
        return look_at(place.workspace, SLUG, None, END - HOUR, ask=True)

    found = waited(look, 40, clock=clock, pause=clock.pause)

    assert not found.told
    assert clock.pauses == [15.0, 15.0, 10.0]


@pytest.mark.parametrize(("words", "due"), [([], END), (["--after", "24h"], END + 24 * HOUR)])
def test_asked_before_it_is_due_the_document_says_when(place: Place, words: list[str], due: datetime) -> None:
    place.new()

    code, out, _ = place.say("judge", *words, "--json", now=END - HOUR)

    said = json.loads(out)
    assert (code, said["schema"], said["verdict"], said["metrics"]) == (4, "deploybook.report/1", "pending", [])
    assert (said["as_of"], said["reason"]) == (iso(due), f"not due before {iso(due)}; nothing to judge yet")
    assert {each["after"]: (each["due"], each["verdict"]) for each in said["checkpoints"]} == (
        {} if words else {f"{n}h": (iso(END + n * HOUR), "pending") for n in (1, 12, 24, 48)}
    )


def test_the_gate_by_its_command(place: Place) -> None:
    place.new()
    place.counter(END - 27 * HOUR, END + HOUR)
    before = place.files()

    code, out, _ = place.say("judge", "--wait", "15m", "--json", now=END + timedelta(minutes=1))

    assert (code, json.loads(out)["verdict"]) == (0, "pass")
    assert place.files() == before
    assert place.say("judge", "--wait", "soon")[0] == 2


def test_a_gate_whose_source_does_not_answer_is_our_own_failure(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", f"http://127.0.0.1:{free_port()}")
    path = place.new()
    path.write_text(path.read_text().replace("exports/original/*.csv", "env:PROMETHEUS_URL"))

    found = look_at(place.workspace, SLUG, None, END + timedelta(minutes=1), ask=True)

    assert not found.told
    assert [type(error).__name__ for error in found.failed] == ["SourceUnreachable"]


# --- the how-to pages

HOW_TO = Path(__file__).parents[1] / "docs" / "how-to"
PAGES = ("schedule.md", "notify.md", "drafts.md", "gate.md", "close-a-change.md")
FENCE = re.compile(r"^( *)```(\w+)(?: title=\"[^\"]+\")?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, kind: str) -> list[str]:
    text = (HOW_TO / page).read_text(encoding="utf-8")
    return [body for _, language, body in FENCE.findall(text) if language == kind]


@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_the_how_to_pages_can_be_parsed(page: str) -> None:
    commands = [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]
    assert commands

    for line in commands:
        words = shlex.split(re.split(r"\s+[|>#] ?", line)[0])
        command = cli.cli.get_command(click.Context(cli.cli), words[1])
        assert words[0] == "deploybook" and command is not None, line
        command.make_context(words[1], words[2:])


@pytest.mark.parametrize("page", ["schedule.md", "notify.md", "gate.md"])
def test_each_yaml_of_the_how_to_pages_can_be_read(page: str) -> None:
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block), block


def test_the_settings_of_the_how_to_pages_are_accepted(place: Place) -> None:
    for page in ("schedule.md", "notify.md"):
        place.write("deploybook.yml", "timezone: UTC\n" + blocks(page, "yaml")[0])

        settings = read_settings(place.workspace)
        channels_of(settings.channels)

    assert settings.notify == ("ops", "team")


def test_the_status_that_the_manual_shows_is_the_one_printed(place: Place) -> None:
    place.new()
    place.made("window", END)
    place.made("after-1h", END + 4 * HOUR + timedelta(minutes=10), "warn")

    shown = next(block for block in blocks("schedule.md", "console") if "deploybook status" in block)

    assert shown.split("\n", 1)[1] == place.say("status", now=END + 13 * HOUR)[1]


def test_the_document_that_gates_read_has_the_fields_of_the_manual(place: Place) -> None:
    place.new()
    place.counter(END - 27 * HOUR, END + HOUR)
    (example,) = blocks("gate.md", "json")

    said = json.loads(place.say("judge", "--json", now=END + timedelta(minutes=1))[1])

    def missing(wanted: Any, found: Any, way: str = "") -> Iterator[str]:
        if isinstance(wanted, dict):
            for key, value in wanted.items():
                if found is not None and key not in found:
                    yield f"{way}.{key}"
                elif found is not None:
                    yield from missing(value, found[key], f"{way}.{key}")
        elif isinstance(wanted, list):
            yield from missing(wanted[0], found[0], f"{way}[0]")

    assert list(missing(json.loads(example), said)) == []
    assert said["schema"] == json.loads(example)["schema"]


def test_the_exit_codes_of_the_manual_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (\d) \| (.+) \|$", (HOW_TO / "gate.md").read_text(encoding="utf-8"), re.MULTILINE)
    words = {"pass": "pass", "warn": "warn", "fail": "fail", "inconclusive": "inconclusive", "no_data": "no data"}

    for verdict, code in CODES.items():
        if verdict in words:
            assert words[verdict] in dict(rows)[str(code)]

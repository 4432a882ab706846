"""Registers from one daily report to the next: the evidence log is all that is remembered."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

from deploybook import cli
from deploybook.book.day import Day
from deploybook.book.memory import remember
from deploybook.evidence import Log, statement
from deploybook.report import daily

SLUG = "2025-01-22-telemetry-step2"
END = datetime(2025, 1, 22, 23, 30, tzinfo=UTC)
YAML = """\
title: {title}
ticket: CHG-2025-0121
timezone: America/Los_Angeles
window: {day} 14:00 to 15:30
source: exports/original/*.csv
metrics:
  failures: {{counter: parser_failure_total, target: at most 3 errors/hour}}
checkpoints:
  people: [{{after: 4h, who: Queenie, what: QA spot check}}]
"""


class Place:
    """A workspace whose daily reports are recorded as `report --day` records them, without a notebook."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("deploybook.yml", "timezone: America/Los_Angeles\ndaily: 18:00\n")
        self.new(SLUG)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def new(self, slug: str, day: str = "2025-01-22", title: str = "Telemetry Step 2") -> None:
        self.write(f"deployments/{slug}/deployment.yml", YAML.format(title=title, day=day))
        first = datetime.fromisoformat(f"{day}T22:00:00+00:00") - timedelta(hours=25)
        times = [first + timedelta(minutes=n) for n in range(75 * 60)]
        rows = "".join(f"{time:%Y-%m-%dT%H:%M:%SZ},parser_failure_total,parser-1,0\n" for time in times)
        self.write(f"deployments/{slug}/exports/original/f.csv", f"timestamp,metric,pod,value\n{rows}")

    def actions(self, *lines: str, slug: str = SLUG) -> None:
        self.write(f"deployments/{slug}/records.yml", "actions:\n" + "".join(f"  - {{{line}}}\n" for line in lines))

    def day(self, day: str) -> Day:
        return Day.open(day, workspace=self.root)

    def record(self, day: str, files: dict[str, str] | None = None) -> Day:
        today = self.day(day)
        written = files or {path.name: text for path, text in daily.outputs(today, "", daily.page_path(today)).items()}
        log = Log.open(self.root / "evidence", origin="example.org/ops")
        subjects = {name: log.put(text.encode(), name.rpartition(".")[2]) for name, text in written.items()}
        about = {"deployment": "", "ticket": "", "actor": "deploybook", "configuration": "0" * 64}
        said = statement.verdict(subjects, scope=f"daily-{day}", verdict="pass", metrics={}, **about)
        log.append([said], END)
        return today

    def told(self, after: str, verdict: str) -> None:
        log = Log.open(self.root / "evidence", origin="example.org/ops")
        about = {"deployment": SLUG, "ticket": "", "actor": "deploybook", "configuration": "0" * 64}
        held = {"x.json": log.put(after.encode(), "json")}
        log.append([statement.verdict(held, scope=f"after-{after}", verdict=verdict, metrics={}, **about)], END)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def text_of(block: object) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<svg.*?</svg>", "", str(block)))).split())


def registers(day: Day) -> str:
    return text_of(day["registers"].markdown)


def test_a_first_report_says_so_and_calls_nothing_new(place: Place) -> None:
    place.actions("id: A-1, text: Lessons, status: In progress")
    shown = registers(place.day("2025-01-22"))

    assert "First report: no earlier daily report is on record to compare with." in shown
    assert "A-1 Lessons" in shown
    assert "New" not in shown


def test_how_a_deployment_ended_is_its_word_of_the_day(place: Place) -> None:
    file = place.root / f"deployments/{SLUG}/deployment.yml"
    file.write_text(f"{file.read_text()}outcome: rolled_back\nclosed: 2025-01-22 15:00\nreason: errors\n")
    today = place.day("2025-01-22")

    assert today.sentence == "1 deployment: 1 Rolled back."
    assert "Rolled back: errors Rolled back" in text_of(today["verdicts"].markdown)


def test_the_next_day_says_what_became_of_each_line(place: Place) -> None:
    place.actions(
        "id: A-1, text: Lessons, owner: Oliver, status: Outline drafted, due: 2025-01-24",
        "id: A-2, text: Summary, status: In progress",
        "id: A-3, text: Agenda, status: Invited",
        "id: A-4, text: Old, status: Done",
    )
    place.record("2025-01-22")
    place.actions(
        "id: A-1, text: Lessons, owner: Bob, status: Outline drafted, due: 2025-01-25 12:00",
        'id: A-2, text: Summary, status: "Done, sent"',
        "id: A-4, text: Old, status: Done",
        "id: A-5, text: Hand over",
    )
    shown = registers(place.day("2025-01-23"))

    assert "Since the daily report of Wednesday 22 Jan 2025: 1 new, 1 changed, 1 closed, 1 no longer listed." in shown
    assert "A-1 Lessons Bob 25 Jan 12:00 PT Changed owner was Oliver; due was 24 Jan" in shown
    assert "A-2 Summary Closed status was In progress" in shown
    assert "A-3 Agenda No longer listed" in shown
    assert "A-4" not in shown  # it was closed the day before already
    assert "A-5 Hand over New" in shown


def test_what_was_told_to_be_listed_no_more_is_not_told_again(place: Place) -> None:
    place.actions("id: A-1, text: Lessons", "id: A-2, text: Summary")
    place.record("2025-01-22")
    place.actions("id: A-1, text: Lessons")

    assert "1 no longer listed" in registers(place.record("2025-01-23"))
    assert "nothing changed" in registers(place.day("2025-01-24"))


def test_a_day_is_compared_with_the_last_version_of_an_earlier_day(place: Place) -> None:
    place.actions("id: A-1, text: Lessons, status: a")
    place.record("2025-01-22")
    place.actions("id: A-1, text: Lessons, status: b")
    place.record("2025-01-22")
    place.record("2025-01-24")

    assert "Since the daily report of Wednesday 22 Jan 2025: nothing changed." in registers(place.day("2025-01-23"))
    assert "First report" in registers(place.day("2025-01-22"))


def test_the_report_of_a_day_gives_the_same_again(place: Place) -> None:
    place.actions("id: A-1, text: Lessons")
    place.record("2025-01-22")
    place.actions("id: A-1, text: Lessons, status: Done")
    first = daily.outputs(place.record("2025-01-23"), "", Path("x"))

    assert daily.outputs(place.day("2025-01-23"), "", Path("x")) == first


def test_a_report_that_is_not_kept_as_recorded_is_no_memory(place: Place) -> None:
    place.actions("id: A-1, text: Lessons")
    place.record("2025-01-21")
    place.record("2025-01-22")
    assert remember(place.root / "evidence", date(2025, 1, 23)).day == date(2025, 1, 22)

    entry = [*Log.open(place.root / "evidence").entries("verdict")][-1]
    kept = place.root / "evidence" / entry.paths["2025-01-22.page.json"]
    kept.chmod(0o644)
    kept.write_text(kept.read_text().replace("Lessons", "Nothing"))

    assert remember(place.root / "evidence", date(2025, 1, 23)).day == date(2025, 1, 21)


def test_a_report_from_before_there_was_a_memory_is_none(place: Place) -> None:
    place.record("2025-01-22", {"2025-01-22.page.json": '{"kind": "daily"}'})

    assert remember(place.root / "evidence", date(2025, 1, 23)).day is None


def test_an_item_opens_the_day_its_checkpoint_passed(place: Place) -> None:
    place.actions("id: A-1, text: Hand over, waits_on: +24h")
    before = place.record("2025-01-22")
    after = place.day("2025-01-23")

    assert "A-1 Hand over Waits on +24h" in registers(before)
    assert "A-1 Hand over Opened Opened" in registers(after)
    assert "Opened A-1 Hand over" in text_of(after["needs"].markdown)


def test_a_deployment_stays_until_its_last_line_is_closed(place: Place) -> None:
    place.actions("id: A-1, text: Hand over, waits_on: +48h, due: 2025-01-27")
    place.write(
        f"deployments/{SLUG}/deployment.yml",
        YAML.format(title="Telemetry Step 2", day="2025-01-22").partition("checkpoints")[0],
    )
    place.record("2025-01-24")
    late = place.record("2025-01-25")  # its observation ended on the 24th
    assert not late.facts
    assert "A-1 Hand over 27 Jan Waits on +48h: not told yet" in registers(late)

    place.told("48h", "pass")
    assert "A-1 Hand over 27 Jan Opened" in registers(place.record("2025-01-26"))
    assert "27 Jan A-1 Hand over" in text_of(place.day("2025-01-26")["tomorrow"].markdown)

    place.actions("id: A-1, text: Hand over, waits_on: +48h, due: 2025-01-27, status: Done")
    assert "1 closed" in registers(place.record("2025-01-27"))
    assert registers(place.day("2025-01-28")) == ""


def test_records_that_cannot_be_read_keep_their_lines(place: Place) -> None:
    place.actions("id: A-1, text: Hand over")
    place.record("2025-01-24")
    place.write(f"deployments/{SLUG}/records.yml", "actions: 1")

    assert "A-1 Hand over" in registers(place.day("2025-01-25"))
    place.write(f"deployments/{SLUG}/deployment.yml", "titel: x")
    assert "A-1 Hand over" in registers(place.day("2025-01-25"))


def test_a_deployment_that_is_gone_takes_its_lines_along_in_words(place: Place) -> None:
    place.actions("id: A-1, text: Hand over", "id: A-2, text: Summary, status: Done")
    place.record("2025-01-24")
    shutil.rmtree(place.root / "deployments" / SLUG)
    shown = registers(place.record("2025-01-25"))

    assert "2 no longer listed" in shown  # A-1, and the check by Queenie
    assert "A-1 Hand over No longer listed" in shown
    assert registers(place.day("2025-01-26")) == ""


def test_a_deployment_that_comes_in_between_is_listed_first_not_new(place: Place) -> None:
    place.actions("id: A-1, text: Lessons")
    place.record("2025-01-22")
    place.new("next", "2025-01-23", "Parser cache")
    place.actions("id: A-1, text: Benchmark", slug="next")
    shown = registers(place.day("2025-01-23"))

    assert "nothing changed. First listed: Parser cache." in shown
    assert "New" not in shown


def test_a_check_by_a_person_is_overdue_until_it_is_done(place: Place) -> None:
    place.record("2025-01-22")  # as of 18:00, the check is due at 19:30
    assert "Due today +4h QA spot check 22 Jan 19:30 PT · Queenie" in text_of(place.day("2025-01-22")["needs"].markdown)
    assert "Overdue +4h QA spot check" in text_of(place.day("2025-01-23")["needs"].markdown)

    place.write(f"deployments/{SLUG}/records.yml", "checks: [{id: +4h, status: Done, note: clean}]")
    assert "+4h QA spot check Queenie 22 Jan 19:30 PT Closed status was empty; note was empty" in registers(
        place.day("2025-01-23")
    )


@pytest.mark.slow
def test_two_daily_reports_by_the_command(place: Place, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(place.root / "home"))
    shutil.copytree(root / "notebooks", place.root / "notebooks")
    place.actions("id: A-1, text: Lessons, status: In progress", "id: A-2, text: Summary")
    said = {}
    for day in ("2025-01-22", "2025-01-23"):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["-C", str(place.root), "--now", "2025-01-25T00:00:00Z", "report", "--day", day])
        assert stopped.value.code == 0
        said[day] = json.loads((place.root / f"reports/2025/01/daily/{day}.page.json").read_text())["registers"][SLUG]
        place.actions("id: A-1, text: Lessons, status: Done", "id: A-2, text: All of it", "id: A-3, text: Hand over")

    assert [(each["id"], each["state"], each["change"]) for each in said["2025-01-22"]] == [
        ("A-1", "open", ""),
        ("A-2", "open", ""),
        ("+4h", "due_today", ""),
    ]
    assert [(each["id"], each["state"], each["change"], each["fields"]) for each in said["2025-01-23"]] == [
        ("A-1", "closed", "closed", ["status"]),
        ("A-2", "open", "changed", ["text"]),
        ("A-3", "open", "new", []),
        ("+4h", "overdue", "", []),
    ]
    page = (place.root / "reports/2025/01/daily/2025-01-23.md").read_text()
    assert "1 new, 1 changed, 1 closed" in text_of(page)

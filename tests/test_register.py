"""Registers with memory: states by local time, what waits on a checkpoint, what became of a line."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deploybook.model import Action, CheckDone, Checkpoints, Closing, Deployment, PeopleCheck, Records, Verdict
from deploybook.register import RegisterLine, compare, document, lines, pressing, state, state_text, when_text
from deploybook.times import UTC, Window

PT = ZoneInfo("America/Los_Angeles")
BERLIN = ZoneInfo("Europe/Berlin")
END = datetime(2025, 1, 22, 23, 30, tzinfo=UTC)  # 15:30 PT
HOUR = timedelta(hours=1)
QA = PeopleCheck(after=4 * HOUR, who="Queenie", what="QA spot check", id="+4h")
CHECKPOINTS = Checkpoints(people=(QA, replace(QA, after=28 * HOUR, id="+28h")))
STEP2 = Deployment(
    slug="2025-01-22-telemetry-step2",
    title="Telemetry Step 2",
    ticket="CHG-2025-0121",
    zone=PT,
    window=Window(start=END - 1.5 * HOUR, end=END),
    baseline=None,
    checkpoints=CHECKPOINTS,
)
WAITING = Records(actions=(Action(id="A-1", text="Hand over", waits_on=48 * HOUR),))


def line(id: str = "A-1", **more: Any) -> RegisterLine:
    return RegisterLine(**{"register": "actions", "id": id, "text": "Write it down", **more})


def of(records: Records, words: dict[timedelta, Verdict] | None = None, now: datetime = END, **more: Any) -> list[str]:
    """Every line as 'id status waits'."""
    found = lines(replace(STEP2, **more), records, words or {}, now)
    return [" ".join(part for part in (each.id, each.status, each.waits) if part) for each in found]


# -- how a line stands


def test_a_line_is_overdue_once_its_local_time_has_passed() -> None:
    due = datetime(2025, 1, 23, 2, 0, tzinfo=UTC)  # 22 January, 18:00 PT: in UTC it is another day

    assert state(line(when=due), due - HOUR, PT) == "due_today"
    assert state(line(when=due), due, PT) == "due_today"
    assert state(line(when=due), due + timedelta(seconds=1), PT) == "overdue"
    assert state(line(when=due), due - 20 * HOUR, PT) == "open"  # 21 January, 22:00 PT


def test_due_today_is_a_local_day_of_25_hours_too() -> None:
    # In Berlin 26 October 2025 runs from 22:00 UTC of the 25th to 23:00 UTC of the 26th.
    evening = line(when=datetime(2025, 10, 26, 22, 30, tzinfo=UTC))  # 23:30 CET

    assert state(evening, datetime(2025, 10, 25, 21, 59, tzinfo=UTC), BERLIN) == "open"
    assert state(evening, datetime(2025, 10, 25, 22, 0, tzinfo=UTC), BERLIN) == "due_today"
    assert state(evening, datetime(2025, 10, 26, 22, 59, tzinfo=UTC), BERLIN) == "overdue"


@pytest.mark.parametrize(
    ("status", "closed"),
    [
        ("Done", True),
        ("CLOSED", True),
        ("Done, sent 10:05", True),
        ("Resolved: ADR-012 is in", True),
        ("Cancelled (no longer wanted)", True),
        ("completed", True),
        ("Done by Friday", False),
        ("Half done", False),
        ("", False),
    ],
)
def test_what_is_closed_is_told_by_its_status(status: str, closed: bool) -> None:
    assert line(status=status).closed is closed
    assert (state(line(status=status, when=END), END + HOUR, PT) == "closed") is closed


@pytest.mark.parametrize(
    ("word", "hours", "waits"),
    [
        (None, 47, "waits on +48h"),
        (Verdict.PASS, 47, "waits on +48h"),  # told of another window: its time has not come
        (Verdict.PENDING, 48, "waits on +48h: not told yet"),
        (None, 49, "waits on +48h: not told yet"),
        (Verdict.FAIL, 49, "waits on +48h: Breach"),
        (Verdict.INCONCLUSIVE, 49, "waits on +48h: Unclear"),
        (Verdict.NO_DATA, 49, "waits on +48h: No data"),
        (Verdict.ERROR, 49, "waits on +48h: Not produced"),
        (Verdict.NOT_APPLICABLE, 49, "waits on +48h: Not applicable"),
        (Verdict.WARN, 48, ""),
        (Verdict.PASS, 49, ""),
    ],
)
def test_an_item_opens_when_its_checkpoint_passed(word: Verdict | None, hours: int, waits: str) -> None:
    now = END + hours * HOUR
    [item, *_] = lines(STEP2, WAITING, {} if word is None else {48 * HOUR: word}, now)

    assert (item.waits_on, item.waits) == ("+48h", waits)
    assert state_text(item, now, PT) == (f"W{waits[1:]}" if waits else "Opened")


def test_what_waits_is_not_overdue_and_what_opened_can_be() -> None:
    item = line(when=END, waits_on="+48h", waits="waits on +48h")

    assert state(item, END + HOUR, PT) == "waiting"
    assert state(replace(item, waits=""), END + HOUR, PT) == "overdue"
    assert state(replace(item, waits="", when=None), END + HOUR, PT) == "opened"


def test_all_registers_are_lines_with_the_ids_of_their_files() -> None:
    records = Records(
        risks=(Action(id="R-4", text="Stability", due=END, note="Watch"),),
        actions=(Action(id="AI-1", text="Lessons", status="Done"),),
        priorities=(Action(id="", text="Keep going"),),
        checks=(CheckDone(id="+4h", status="Done", note="clean"),),
    )
    found = lines(STEP2, records, {}, END)

    assert [each.key for each in found] == [
        ("risks", "R-4"),
        ("actions", "AI-1"),
        ("priorities", "Keep going"),
        ("checks", "+4h"),
        ("checks", "+28h"),
    ]
    assert (found[0].when, found[0].note) == (END, "Watch")
    assert (found[3].owner, found[3].when, found[3].status, found[3].note) == (
        "Queenie",
        END + 4 * HOUR,
        "Done",
        "clean",
    )


def test_checks_after_a_rollback_are_not_applicable() -> None:
    closing = Closing(outcome="rolled_back", at=END + 5 * HOUR)

    assert of(Records(), closing=closing) == ["+4h", "+28h Not applicable: rolled back"]
    assert of(Records(), closing=replace(closing, outcome="succeeded")) == ["+4h", "+28h"]


def test_what_asks_for_a_person_stands_first_things_first() -> None:
    now = END + 2 * HOUR
    found = [
        line("open"),
        line("opened", waits_on="+1h"),
        line("today", when=now + HOUR),
        line("late", when=now - HOUR),
        line("later", when=now - 2 * HOUR),
        line("done", when=now - HOUR, status="Done"),
        line("waiting", when=now - HOUR, waits_on="+48h", waits="waits on +48h"),
    ]

    assert [each.id for each in pressing(found, now, PT)] == ["later", "late", "today", "opened"]


# -- what became of it


def became(before: list[RegisterLine] | None, after: list[RegisterLine]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.line.id, one.change, one.fields) for one in compare(before, after)]


def test_nothing_is_new_in_a_first_report() -> None:
    assert became(None, [line()]) == [("A-1", "", ())]
    assert became([], [line()]) == [("A-1", "new", ())]


def test_a_change_lists_its_fields() -> None:
    old = line(owner="Oliver", status="Outline drafted", when=END)

    assert became([old], [replace(old, owner="Bob", when=END + HOUR)]) == [("A-1", "changed", ("owner", "when"))]
    assert became([old], [old]) == [("A-1", "", ())]


def test_closed_and_reopened() -> None:
    old, done = line(status="In progress"), line(status="Done, sent")

    assert became([old], [done]) == [("A-1", "closed", ("status",))]
    assert became([done], [old]) == [("A-1", "reopened", ("status",))]
    assert became([done], [done]) == [("A-1", "", ())]


def test_opened_since_is_no_change_of_its_fields() -> None:
    waiting = line(waits_on="+48h", waits="waits on +48h")

    assert became([waiting], [replace(waiting, waits="")]) == [("A-1", "opened", ())]
    assert became([waiting], [replace(waiting, waits="waits on +48h: Breach")]) == [("A-1", "", ())]
    assert became([waiting], [line()]) == [("A-1", "changed", ("waits_on",))]
    opened = replace(waiting, waits="")
    assert became([opened], [opened]) == [("A-1", "", ())]  # it opened before that


def test_what_is_listed_no_more_without_being_closed_is_told() -> None:
    [kept, gone] = compare([line("A-1"), line("A-2"), line("A-3", status="Done")], [line("A-1")])

    assert (kept.line.id, kept.change) == ("A-1", "")
    assert (gone.line.id, gone.change, gone.was) == ("A-2", "removed", line("A-2"))


def test_the_same_id_in_two_registers_is_two_lines() -> None:
    assert became([line("1")], [line("1"), line("1", register="risks")]) == [("1", "", ()), ("1", "new", ())]


# -- as it is shown


def test_a_day_alone_is_shown_as_a_day() -> None:
    last_second = datetime(2025, 1, 24, 7, 59, 59, tzinfo=UTC)

    assert when_text(last_second, PT) == "23 Jan"
    assert when_text(last_second, PT, [("Day 4", datetime(2025, 1, 23).date())]) == "Day 4"
    assert when_text(last_second - timedelta(seconds=59), PT) == "23 Jan 23:59 PT"


def test_the_document_carries_the_state() -> None:
    said = document(line(when=END, owner="Bob"), END + HOUR, PT)

    assert (said["id"], said["when"], said["state"], said["owner"]) == (
        "A-1",
        "2025-01-22T23:30:00Z",
        "overdue",
        "Bob",
    )

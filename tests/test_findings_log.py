"""The journal beside what other systems recorded: joined where both tell the same, few and honest findings where not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from build import at, window

from deploybook.book import Book
from deploybook.findings import from_log, joined
from deploybook.model import Entry
from deploybook.times import parse_zone

PT = parse_zone("America/Los_Angeles")
WINDOW = window(0, 5400)  # 14:00 to 15:30 PT


def line(clock: str, text: str, kind: str = "flag", **more: Any) -> Entry:
    """A line of the journal; its number is its minute of the day, which no other has."""
    hour, minute = (int(part) for part in clock.split(":"))
    return Entry(at=at((hour - 14) * 3600 + minute * 60), text=text, kind=kind, line=hour * 60 + minute, **more)


def event(clock: str, text: str, kind: str = "flag", origin: str = "flags") -> Entry:
    return Entry(at=line(clock, text).at, text=text, kind=kind, origin=origin, evidence="d1")


def ramp(clock: str, before: int, after: int, flag: str = "telemetry.v2") -> Entry:
    """As LaunchDarkly's audit log is read."""
    return event(clock, f"Flag {flag}: Rollout from `{before} %` to `{after} %` (LD-88{after})")


JOURNAL = (
    line("14:00", "Feature flag set to 5 % by Oliver"),
    line("14:20", "Flag up to 25 %"),
    line("14:40", "Flag at 50 %, CPU at 42 %"),
    line("15:00", "CPU at 42 % and steady", "check"),
)
AUDIT = (ramp("14:00", 0, 5), ramp("14:20", 5, 25), ramp("14:40", 25, 50))


def told(journal: Sequence[Entry], events: Sequence[Entry] = (), **more: Any) -> list[tuple[str, str, str]]:
    found = from_log(joined(journal, events), WINDOW, PT, **more)
    return [(one.kind, one.severity, one.text) for one in found]


# ── joined ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def note(seconds: int, text: str, kind: str = "flag", origin: str = "journal") -> Entry:
    evidence = "" if origin == "journal" else "d1"
    return Entry(at=at(seconds), text=text, kind=kind, origin=origin, evidence=evidence)


def test_what_a_person_also_wrote_down_is_one_entry_with_evidence() -> None:
    journal = [note(20, "Flag to 25 %, LD-88721"), note(60, "Flag set to 75 %"), note(300, "Drain begins", "note")]
    events = [
        note(0, "Flag telemetry.v2: rollout to 25 % (LD-88721)", origin="ld"),
        note(61, "Flag telemetry.v2: rollout to 75%", origin="ld"),
        note(310, "Alert ParserDown: down", "alert", origin="am"),
    ]

    both = joined(journal, events)

    assert [(one.text, one.origin, one.evidence) for one in both] == [
        ("Flag to 25 %, LD-88721", "journal", "d1"),
        ("Flag set to 75 %", "journal", "d1"),
        ("Drain begins", "journal", ""),
        ("Alert ParserDown: down", "am", "d1"),
    ]
    assert [one.twin for one in both] == [*events[:2], None, None]


def test_what_lies_further_apart_stays_two_entries() -> None:
    assert len(joined([note(0, "Flag to 25 %")], [note(120, "Flag to 25 %", origin="ld")])) == 2


def test_a_change_that_starts_from_a_share_is_not_one_to_it() -> None:
    assert len(joined([note(0, "Flag to 25 %")], [note(30, "Flag a: from `25 %` to `75 %`", origin="ld")])) == 2


# ── held against each other ────────────────────────────────────────────────────────────────────────────────────────


def test_a_journal_and_a_source_that_agree_are_no_finding() -> None:
    assert told(JOURNAL, AUDIT) == []


def test_a_time_that_the_source_does_not_confirm_is_told_with_its_line() -> None:
    late = (*JOURNAL[:2], line("15:10", "Flag at 50 %"), JOURNAL[3])

    assert told(late, AUDIT) == [
        (
            "log_order",
            "warn",
            "journal.md:910 has the flag at 50 % at 22 Jan 15:10 PT, flags recorded it at 14:40, 30 min earlier; "
            "correct the line, or say in it which clock was wrong.",
        )
    ]


def test_a_share_that_was_set_twice_says_nothing_about_times() -> None:
    back = (*AUDIT, ramp("14:50", 50, 25), ramp("14:55", 25, 50))
    journal = (*JOURNAL[:2], line("15:10", "Flag at 50 %"), JOURNAL[3])

    assert [kind for kind, _, _ in told(journal, back) if kind == "log_order"] == []


def test_a_step_that_the_source_lacks_is_missing_between_two_shares() -> None:
    assert told((JOURNAL[0], *JOURNAL[2:]), (AUDIT[0], AUDIT[2])) == [
        (
            "log_gap",
            "warn",
            "flags: telemetry.v2 was set to 5 % at 22 Jan 14:00 PT, and its change at 14:40 starts from 25 %; "
            "a step between them is missing, pull again or look in the source.",
        )
    ]


def test_a_step_that_the_journal_lacks_is_told_and_other_flags_are_not() -> None:
    others = [ramp("14:10", 0, 100, flag="billing.dark"), ramp("14:30", 100, 0, flag="billing.dark")]

    assert told((JOURNAL[0], *JOURNAL[2:]), (*AUDIT, *others)) == [
        (
            "log_gap",
            "warn",
            "flags recorded what the journal does not have: telemetry.v2 to 25 % at 22 Jan 14:20 PT; add a line.",
        )
    ]


def test_a_step_that_the_source_does_not_know_is_told_where_it_told_all() -> None:
    journal = (*JOURNAL, line("15:20", "Flag at 100 %"))

    found = told(journal, AUDIT)

    assert found == [
        (
            "log_gap",
            "warn",
            "journal.md:920 has the flag at 100 % at 22 Jan 15:20 PT, and flags recorded no such change; "
            "correct the line, or look in the source.",
        )
    ]
    assert told(journal, AUDIT, partial={"flags"}) == []


def test_flags_that_the_journal_never_names_are_not_this_changes() -> None:
    journal = [line(f"14:{minute}", "all is calm", "check") for minute in (10, 20, 30)]

    assert told(journal, AUDIT) == []


def test_a_private_line_is_never_quoted() -> None:
    private = line("15:10", "Flag at 50 %", private=True)

    assert not any("journal.md:910" in text for _, _, text in told((*JOURNAL[:2], private, JOURNAL[3]), AUDIT))


def test_an_alert_that_nobody_mentions_is_noted_once() -> None:
    alerts = [
        event(clock, f"Alert ParserDown{end}: down", "alert", "am")
        for clock, end in (("14:30", ""), ("14:35", " ended"))
    ]

    assert told(JOURNAL, alerts) == [
        (
            "log_gap",
            "info",
            "am told 2 alert events that the journal does not mention, at 22 Jan 14:30 PT first: Alert ParserDown: down; "
            "add a line, or say whose they are.",
        )
    ]


@pytest.mark.parametrize("text", ["Queenie sees the alert, a known one", "ParserDown is down for the restart"])
def test_an_alert_that_a_line_behind_it_speaks_of_is_no_news(text: str) -> None:
    assert (
        told((*JOURNAL, line("14:32", text, "check")), [event("14:30", "Alert ParserDown: down", "alert", "am")]) == []
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Rolled back the parser", True),
        ("Rollback started by Oliver", True),
        ("Rehearsed: rolled back the CLI in 142 ms", False),
        ("Rollback commands ready", False),
    ],
)
def test_a_rollback_before_the_start_is_told_where_there_was_one(text: str, found: bool) -> None:
    early = (line("13:40", text, "note"), *JOURNAL)

    assert [kind for kind, _, _ in told(early, rolled_back=True)] == ["log_order"] * found
    assert told(early) == []
    assert told((*early, line("15:20", "Rolled back", "note")), rolled_back=True) == []


def every(minutes: int, *ranges: range) -> list[Entry]:
    return [
        line(f"{14 + at // 60}:{at % 60:02}", "calm", "check") for part in ranges for at in part if at % minutes == 0
    ]


def test_a_journal_that_falls_silent_is_noted_by_its_own_rhythm() -> None:
    assert told(every(2, range(31), range(72, 91))) == [
        (
            "log_gap",
            "info",
            "The journal is silent for 42 min from 22 Jan 14:30 PT, where nine of ten pauses last at most 2 min; "
            "write what was seen then, or that nobody looked.",
        )
    ]
    assert told(every(2, range(40))) == [
        (
            "log_gap",
            "info",
            "The journal is silent for 52 min from 22 Jan 14:38 PT, where nine of ten pauses last at most 2 min; "
            "write what was seen then, or that nobody looked.",
        )
    ]


@pytest.mark.parametrize(
    "lines",
    [
        every(15, range(91)),  # a line at each check-in is a rhythm of its own
        every(2, range(31), range(48, 91)),  # 18 min
        [*every(1, range(20)), *every(10, range(20, 91))],  # busy at first, then steady
        every(10, range(30)),  # too few for a rhythm
        [],
    ],
)
def test_a_pause_within_the_rhythm_is_no_finding(lines: list[Entry]) -> None:
    assert told(lines) == []


def test_the_reference_journal_is_no_finding(root: Path) -> None:
    book = Book.open("2025-01-22-telemetry-step2", workspace=root)

    assert [one.kind for one in book.facts.findings if one.kind.startswith("log_")] == []


def test_the_reference_journal_agrees_with_its_audit_log(root: Path) -> None:
    """Its three steps to the second, and the flags of others beside them."""
    entries = Book.open("2025-01-22-telemetry-step2", workspace=root).entries
    steps = [ramp("14:00", 0, 25), ramp("14:01", 25, 75), ramp("14:02", 75, 100)]
    others = [ramp("14:10", 0, 100, flag="billing.dark"), ramp("14:30", 50, 25, flag="search.beta")]

    both = joined(entries, [*steps, *others])

    assert [one.twin for one in both if one.twin] == steps
    assert list(from_log(both, WINDOW, PT)) == []

"""What is due: the windows and offsets of a deployment against what the evidence log holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from build import T0, at, deployment, window

from deploybook import due
from deploybook.due import Item, plan, wake
from deploybook.evidence import Entry
from deploybook.model import Checkpoints, Closing, Deployment
from deploybook.times import iso
from deploybook.wording import late_text

HOUR = timedelta(hours=1)
END = at(5400)  # 15:30 PT
SLUG = "2025-01-22-telemetry-step2"


def entry(kind: str, at: datetime, *, slug: str = SLUG, **said: Any) -> Entry:
    return Entry(
        index=0, kind=kind, recorded_at=iso(at), artifacts={}, paths={}, predicate={"deployment": slug, **said}
    )


def verdict(scope: str, at: datetime, word: str = "pass", **said: Any) -> Entry:
    return entry("verdict", at, scope=scope, verdict=word, **said)


def states(items: tuple[Item, ...]) -> dict[str, str]:
    return {item.slot.scope: item.state for item in items}


def only(items: tuple[Item, ...], scope: str) -> Item:
    (item,) = [item for item in items if item.slot.scope == scope]
    return item


def test_a_deployment_has_its_outcome_its_checkpoints_and_a_closing_report() -> None:
    items = plan([deployment()], [], END - HOUR)

    assert [(item.slot.scope, item.slot.at - END) for item in items] == [
        ("window", timedelta()),
        ("after-1h", HOUR),
        ("after-12h", 12 * HOUR),
        ("after-24h", 24 * HOUR),
        ("after-48h", 48 * HOUR),
        ("closing", 48 * HOUR),
    ]
    assert {item.state for item in items} == {"next"}


def test_what_the_log_holds_is_done_and_the_rest_is_due_by_its_time() -> None:
    log = [verdict("window", END), verdict("after-1h", END + 4 * HOUR, lateSeconds=11_400)]

    items = plan([deployment()], log, END + 12 * HOUR + timedelta(minutes=3))

    assert states(items) == {
        "window": "done",
        "after-1h": "done",
        "after-12h": "due",
        "after-24h": "next",
        "after-48h": "next",
        "closing": "next",
    }
    assert late_text(only(items, "after-1h").late) == "late by 3 h 10 min"
    assert late_text(only(items, "after-12h").late) == ""


def test_the_log_of_another_deployment_or_scope_counts_for_nothing() -> None:
    log = [verdict("window", END, slug="other"), verdict("after-2h", END)]

    assert only(plan([deployment()], log, END), "window").state == "due"


def test_each_missed_checkpoint_keeps_its_own_time() -> None:
    items = plan([deployment()], [verdict("window", END)], END + 25 * HOUR)

    due_now = [item for item in items if item.ready(END + 25 * HOUR)]
    assert [(item.slot.at, item.late) for item in due_now] == [
        (END + HOUR, 24 * HOUR),
        (END + 12 * HOUR, 13 * HOUR),
        (END + 24 * HOUR, HOUR),
    ]


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("all", ["due", "due", "due"]),
        ("latest", ["missed", "missed", "due"]),
        ("none", ["missed", "missed", "due"]),
    ],
)
def test_catching_up_by_rule(catch_up: str, expected: list[str]) -> None:
    items = plan([deployment()], [], END + 24.5 * HOUR, catch_up=catch_up)

    assert [states(items)[f"after-{name}"] for name in ("1h", "12h", "24h")] == expected
    assert states(items)["window"] == "due"  # the outcome is always made


def test_with_none_what_is_older_than_an_hour_is_missed() -> None:
    items = plan([deployment()], [], END + 26 * HOUR, catch_up="none")

    assert only(items, "after-24h").state == "missed"


def test_latest_leaves_out_what_is_older_than_one_that_was_made() -> None:
    items = plan([deployment()], [verdict("after-12h", END + 12 * HOUR)], END + 13 * HOUR, catch_up="latest")

    assert only(items, "after-1h").state == "missed"


def test_nothing_older_than_the_maximum_age_is_made() -> None:
    items = plan([deployment()], [], END + 13 * HOUR, max_age=6 * HOUR)

    assert states(items) | {"after-24h": "", "after-48h": "", "closing": ""} == {
        "window": "missed",
        "after-1h": "missed",
        "after-12h": "due",
        "after-24h": "",
        "after-48h": "",
        "closing": "",
    }
    assert only(items, "after-1h").why == "older than 6 h"


def closed(outcome: str, after_end: timedelta) -> Deployment:
    return deployment(closing=Closing(outcome=outcome, at=END + after_end))  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", ["rolled_back", "aborted"])
def test_after_a_rollback_the_rest_is_not_applicable_and_the_closing_report_is_due(outcome: str) -> None:
    items = plan([closed(outcome, 2 * HOUR)], [verdict("window", END), verdict("after-1h", END + HOUR)], END + 3 * HOUR)

    assert states(items) == {
        "window": "done",
        "after-1h": "done",
        "after-12h": "not_applicable",
        "after-24h": "not_applicable",
        "after-48h": "not_applicable",
        "closing": "due",
    }
    # After a rollback the closing report waits for one more hour: is all as it was before?
    assert only(items, "closing").slot.at == END + (3 if outcome == "rolled_back" else 2) * HOUR


def test_after_a_rollback_inside_the_window_the_closing_report_waits_for_its_end() -> None:
    assert [closed("rolled_back", -minutes * HOUR / 60).closes - END for minutes in (69, 30)] == [0 * HOUR, HOUR / 2]


def test_a_deployment_that_succeeded_is_watched_to_the_end() -> None:
    items = plan([closed("succeeded", 2 * HOUR)], [], END + 3 * HOUR)

    assert only(items, "after-48h").state == "next"


def test_a_deployment_postponed_before_its_window_leaves_nothing_to_do() -> None:
    items = plan([closed("postponed", -3 * HOUR)], [], END - 2 * HOUR)

    assert {item.state for item in items} == {"not_applicable"}


def test_how_it_ended_makes_the_report_of_the_window_due_once_more() -> None:
    log = [verdict("window", END), entry("outcome", END + 2 * HOUR, outcome="rolled_back")]

    before = only(plan([closed("rolled_back", 2 * HOUR)], log, END + 3 * HOUR), "window")
    after = only(
        plan([closed("rolled_back", 2 * HOUR)], [*log, verdict("window", END + 3 * HOUR)], END + 3 * HOUR), "window"
    )

    assert (before.state, before.slot.at, before.late) == ("due", END, timedelta())
    assert after.state == "done"


def test_a_revision_is_made_whatever_its_age() -> None:
    log = [verdict("window", END), entry("outcome", END + 99 * HOUR, outcome="succeeded")]

    items = plan([closed("succeeded", 99 * HOUR)], log, END + 99 * HOUR, max_age=HOUR)

    assert only(items, "window").state == "due"


def test_what_was_made_of_a_postponed_window_does_not_stand_for_the_new_one() -> None:
    log = [verdict("window", END), entry("outcome", END, outcome="postponed")]
    moved = deployment(window=window(7 * 86400, 7 * 86400 + 5400))

    items = plan([moved], log, END + HOUR)

    assert {item.state for item in items} == {"next"}


def test_a_failed_run_is_tried_again_after_a_growing_while() -> None:
    log = [entry("run", END + timedelta(minutes=n), scope="window", result="timeout") for n in (0, 1, 3)]

    item = only(plan([deployment()], log, END + timedelta(minutes=4)), "window")

    assert (item.state, item.why, item.retry_at) == ("due", "failed 3 times", END + timedelta(minutes=7))
    assert not item.ready(END + timedelta(minutes=6))
    assert item.ready(END + timedelta(minutes=7))


def test_a_failed_daily_report_waits_too() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    at = datetime(2025, 1, 23, 1, tzinfo=UTC)
    log = [entry("run", at, slug="daily", scope="daily-2025-01-22", result="died")]

    item = only(plan([deployment()], log, at, daily="17:00", zone=zone), "daily-2025-01-22")

    assert (item.why, item.retry_at) == ("failed once", at + timedelta(minutes=1))


def test_a_run_that_failed_a_hundred_times_is_tried_hourly() -> None:
    log = [entry("run", END, scope="window", result="timeout")] * 100

    assert only(plan([deployment()], log, END), "window").retry_at == END + HOUR


def test_what_was_made_and_then_failed_is_due_again_until_it_runs() -> None:
    done = [entry("run", END, scope="window"), entry("verdict", END, scope="window", verdict="pass")]
    failed = entry("run", END + timedelta(days=1), scope="window", result="timeout")
    well = entry("run", END + timedelta(days=2), scope="window", attempt=2)
    (before, *_), (item, *_), (after, *_) = (
        plan([deployment()], entries, END + timedelta(days=3), catch_up="none")
        for entries in (done, [*done, failed], [*done, failed, well])
    )

    assert (before.state, after.state) == ("done", "done")
    assert (item.state, item.verdict, item.why, item.late) == ("due", "pass", "failed once", timedelta())
    assert item.retry_at == END + timedelta(days=1, minutes=1)


def test_a_later_success_ends_the_failures() -> None:
    log = [entry("run", END, scope="window", result="timeout"), verdict("window", END + HOUR)]

    item = only(plan([deployment()], log, END + HOUR), "window")

    assert (item.state, item.late) == ("done", HOUR)


def test_daily_reports_are_off_by_default_and_on_for_each_day_of_the_watch() -> None:
    assert not [item for item in plan([deployment()], [], END) if item.slot.kind == "daily"]

    items = plan([deployment()], [], END, daily="17:00", zone=ZoneInfo("America/Los_Angeles"))
    days = [(item.slot.day, item.slot.at) for item in items if item.slot.kind == "daily"]

    assert days == [
        (date(2025, 1, 22), datetime(2025, 1, 23, 1, tzinfo=UTC)),
        (date(2025, 1, 23), datetime(2025, 1, 24, 1, tzinfo=UTC)),
        (date(2025, 1, 24), datetime(2025, 1, 25, 1, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("zone", "clock", "day", "instant"),
    [
        # Clocks of Berlin go from 02:00 to 03:00 on 30 March 2025, back from 03:00 to 02:00 on 26 October.
        ("Europe/Berlin", "02:30", date(2025, 3, 30), datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),
        ("Europe/Berlin", "02:30", date(2025, 10, 26), datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        # Lord Howe moves by half an hour: 02:00 (+11) became 01:30 (+10:30) on 6 April 2025.
        ("Australia/Lord_Howe", "01:45", date(2025, 4, 6), datetime(2025, 4, 5, 14, 45, tzinfo=UTC)),
    ],
)
def test_a_daily_report_comes_once_on_the_day_of_a_clock_change(
    zone: str, clock: str, day: date, instant: datetime
) -> None:
    place = ZoneInfo(zone)
    one = deployment(zone=place, window=window(*(seconds_to(instant) - 86400 + s for s in (0, 3600))))

    items = [item for item in plan([one], [], instant, daily=clock, zone=place) if item.slot.day == day]

    assert [item.slot.at for item in items] == [instant]


def seconds_to(moment: datetime) -> float:
    return (moment - T0).total_seconds()


def test_offsets_are_elapsed_time_across_a_clock_change() -> None:
    """Berlin, 29 March 2025 15:30 (+01:00): +24h is 16:30 on the local clock of 30 March."""
    start = seconds_to(datetime(2025, 3, 29, 13, 0, tzinfo=UTC))
    one = deployment(zone=ZoneInfo("Europe/Berlin"), window=window(start, start + 5400))

    item = only(plan([one], [], T0), "after-24h")

    assert item.slot.at.astimezone(ZoneInfo("Europe/Berlin")).isoformat() == "2025-03-30T16:30:00+02:00"


def test_any_list_of_checkpoints() -> None:
    one = deployment(checkpoints=Checkpoints(after=(timedelta(minutes=90), timedelta(days=7))))

    assert [item.slot.scope for item in plan([one], [], END)] == ["window", "after-90m", "after-168h", "closing"]


def test_wake_is_the_next_thing_to_do() -> None:
    one = [deployment()]

    assert wake(plan(one, [], END - HOUR), END - HOUR) == END
    assert wake(plan(one, [], END), END) == END
    failed = [entry("run", END, scope="window", result="timeout")]
    assert wake(plan(one, failed, END), END) == END + timedelta(minutes=1)
    everything = [verdict(item.slot.scope, END + 48 * HOUR) for item in plan(one, [], END)]
    assert wake(plan(one, everything, END + 48 * HOUR), END + 48 * HOUR) is None


@pytest.mark.parametrize(
    ("late", "text"),
    [
        (timedelta(minutes=4), ""),
        (timedelta(minutes=5), "late by 5 min"),
        (timedelta(hours=3, minutes=10, seconds=42), "late by 3 h 10 min"),
        (timedelta(days=12, hours=3), "late by 12 days"),
    ],
)
def test_lateness_in_words(late: timedelta, text: str) -> None:
    assert late_text(late) == text


def test_the_plan_depends_on_nothing_but_its_arguments() -> None:
    log = [verdict("window", END)]

    assert plan([deployment()], log, END + HOUR) == plan([deployment()], iter(log), END + HOUR)
    assert next(due.document(item) for item in plan([deployment()], log, END)) == {
        "deployment": SLUG,
        "kind": "outcome",
        "after": None,
        "day": None,
        "scope": "window",
        "due": "2025-01-22T23:30:00Z",
        "state": "done",
        "verdict": "pass",
        "recorded_at": "2025-01-22T23:30:00Z",
        "late_seconds": 0,
        "retry_at": None,
        "why": "",
    }

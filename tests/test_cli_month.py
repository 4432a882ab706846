"""
A month of daily life: 30 deployments in zones whose clocks change both ways, a machine that is off for hours at random,
two callers at once, and callers that are killed. Each report exactly once, for its own window, as late as it was.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import warnings
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from deploybook.cli.run import Made, Work, run
from deploybook.due import Item, plan
from deploybook.evidence import Log, statement
from deploybook.records import read_deployment, read_settings, read_workspace, slugs

# In this month clocks go forward in Berlin (30 March) and back in Sydney and on Lord Howe (6 April 2025, there by 30 min).
START = datetime(2025, 3, 14, tzinfo=UTC)
END = START + timedelta(days=31)
ZONES = ("Europe/Berlin", "Australia/Sydney", "Australia/Lord_Howe", "America/Los_Angeles", "Asia/Kathmandu")
MINUTE = timedelta(minutes=1)
DIGEST = "0" * 64


def workspace(root: Path, luck: random.Random) -> None:
    """30 deployments whose watch lies in the month; some over the hours in which clocks change."""
    for number in range(30):
        zone = ZoneInfo(ZONES[number % len(ZONES)])
        start = START + timedelta(minutes=luck.randrange(0, 28 * 24 * 60, 5))
        if number < 6:  # the window itself, or a checkpoint, meets the change
            start = datetime(2025, 3, 29, 12, tzinfo=UTC) + timedelta(hours=luck.randrange(12))
        elif number < 12:
            start = datetime(2025, 4, 5, 1, tzinfo=UTC) + timedelta(hours=luck.randrange(12))
        window = " to ".join((start + timedelta(minutes=n)).isoformat() for n in (0, 90))
        folder = root / "deployments" / f"change-{number:02d}"
        folder.mkdir(parents=True)
        (folder / "deployment.yml").write_text(
            f"title: Change {number}\nticket: CHG-{number}\ntimezone: {zone.key}\nwindow: {window}\nbaseline: none\n"
            "source: exports/original/*.csv\n"
            "metrics: {failures: {counter: parser_failure_total, target: at most 3 errors/hour}}\n"
        )
    (root / "deploybook.yml").write_text("timezone: Europe/Berlin\ndaily: 02:30\n")


def verdict_of(work: Work, item: Item) -> Made:
    """Instead of a report: its verdict in the log, as the report layer writes it."""
    slot = item.slot
    said = statement.verdict(
        {f"{slot.scope}.json": work.log.put(f"{slot.deployment} {slot.at.isoformat()}".encode(), "json")},
        deployment=slot.deployment,
        ticket="",
        actor="deploybook",
        scope=slot.scope,
        verdict="pass",
        metrics={},
        configuration=DIGEST,
        late_seconds=round(item.late.total_seconds()),
    )
    work.log.append([said], work.now)
    return Made(item=item, state="made", verdict="pass")


def wakes(luck: random.Random) -> list[datetime]:
    """When the machine is up and calls, every half hour; it is off for up to 20 hours at a time."""
    times, now = [], START
    while now < END:
        for _ in range(luck.randrange(2, 33)):
            times.append(now)
            now += 30 * MINUTE
        now += luck.randrange(0, 1200) * MINUTE
    return [*times, END]


@pytest.mark.slow
def test_a_month_of_thirty_deployments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    luck, root = random.Random(8), tmp_path / "workspace"
    root.mkdir()
    workspace(root, luck)
    place = read_workspace(root)
    times = wakes(luck)
    calls = kills = 0

    for now in times:
        if luck.random() < 0.3:  # a caller that is killed in the middle of its work, if it has any
            kills += killed(root, now, luck.randrange(0, 3))
        run(place, now, do=verdict_of, quiet=True)
        calls += 1

    log = Log.open(root / "evidence")
    made = {(e.deployment, str(e.predicate["scope"])): e for e in log.entries("verdict")}
    counted = Counter((e.deployment, e.predicate["scope"]) for e in log.entries("verdict"))
    deployments = [read_deployment(place, slug) for slug in slugs(place)]
    settings = read_settings(place)
    wanted = [
        item.slot
        for item in plan(deployments, [], END, daily=settings.daily, zone=settings.zone)
        if item.slot.at <= END
    ]

    assert set(counted.values()) == {1}
    assert set(counted) == {(slot.deployment, slot.scope) for slot in wanted}
    for slot in wanted:
        entry = made[slot.deployment, slot.scope]
        first = min(time for time in times if time >= slot.at)  # when the machine was up again
        assert entry.predicate["lateSeconds"] == (first - slot.at).total_seconds(), slot
        assert log_text(root, entry.paths) == f"{slot.deployment} {slot.at.isoformat()}"
    late = [int(entry.predicate["lateSeconds"]) for entry in made.values()]
    print(
        f"{len(wanted)} reports of 30 deployments in 31 days, {calls} calls, {kills} of them killed: each once, "
        f"{sum(seconds >= 1800 for seconds in late)} late, at most {max(late) / 3600:.1f} h"
    )
    assert len(wanted) > 200
    assert kills > 10
    assert sum(seconds >= 1800 for seconds in late) > 30


def log_text(root: Path, paths: object) -> str:
    (path,) = dict(paths).values()  # type: ignore[call-overload]
    return (root / "evidence" / path).read_text()


def killed(root: Path, now: datetime, after: int) -> int:
    """A caller in its own process that dies after so many reports, or in the middle of the next; 1 where it got so far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which the child does not use
        child = os.fork()
    if child == 0:
        left = [after]

        def until_killed(work: Work, item: Item) -> Made:
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)
            return verdict_of(work, item)

        try:
            run(read_workspace(root), now, do=until_killed, quiet=True)
        finally:
            os._exit(0)
    return int(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9)


CALLER = """
import sys
from datetime import datetime
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_cli_month import verdict_of
from deploybook.cli.run import run
from deploybook.records import read_workspace

print("ready", flush=True)
sys.stdin.readline()
sys.exit(run(read_workspace(Path(sys.argv[2])), datetime.fromisoformat(sys.argv[3]), do=verdict_of, quiet=True))
"""


@pytest.mark.slow
def test_callers_at_once_make_each_report_once(tmp_path: Path) -> None:
    """Four processes, started together three times over; some find the work done, some find who does it."""
    root = tmp_path / "workspace"
    root.mkdir()
    workspace(root, random.Random(8))
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    for day in (10, 20, 31):
        words = [
            sys.executable,
            "-c",
            CALLER,
            str(Path(__file__).parent),
            str(root),
            (START + timedelta(days=day)).isoformat(),
        ]
        callers = [
            subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
            for _ in range(4)
        ]
        for caller in callers:
            assert caller.stdout is not None and caller.stdout.readline() == "ready\n"
        for caller in callers:
            caller.communicate("go\n")
        assert [caller.returncode for caller in callers] == [0] * 4

    counted = Counter((e.deployment, e.predicate["scope"]) for e in Log.open(root / "evidence").entries("verdict"))
    print(f"{len(counted)} reports by four callers at once, each once")
    assert set(counted.values()) == {1}
    assert len(counted) > 200

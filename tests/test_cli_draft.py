"""Drafts for stakeholders, and messages that wait on a condition: what is printed, sent, held and kept as evidence."""

from __future__ import annotations

import json
import random
import re
import shutil
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import test_cli_life
from build import at
from servers import FakeServer, free_port, reply
from test_cli_life import END, HOUR, SLUG, Maker, Place
from test_notify import mail_server, webhook

from deploybook.cli.run import run
from deploybook.evidence import Log
from deploybook.model import Entry
from deploybook.notify import incidents
from deploybook.records import read_deployment
from deploybook.times import iso

place = test_cli_life.place  # the fixture
QUARTER = timedelta(minutes=15)
CHANNELS = "channels: {team: 'env:SLACK_URL', mail: {url: 'env:SMTP_URL', to: stakeholders@example.org}}\n"
MESSAGE = "messages:\n  - {at: '15:45', channel: team, if: no incident}\n"


def sent(place: Place) -> list[tuple[str, str, bool]]:
    """Channel, name and whether it was taken, of each message that is planned or drafted."""
    found = [entry.predicate for entry in place.log.entries("notification")]
    names = ("draft", "planned", "held", "lapsed")
    return [(e["channel"], e["message"], e["delivered"]) for e in found if e["message"].startswith(names)]


def kept(place: Place, name: str) -> bytes:
    """What the newest notification keeps under that name."""
    *_, entry = place.log.entries("notification")
    return (place.root / "evidence" / entry.paths[name]).read_bytes()


def page(place: Place) -> list[str]:
    """The lines of the minute log that came from our own messages."""
    from deploybook import Book

    return [each.text for each in Book.open(SLUG, workspace=place.root).entries if each.origin == "messages"]


# --- drafts


def test_a_draft_prints_the_figures_of_the_report(place: Place, root: Path) -> None:
    """The figures of the reference deployment, as its report prints them, each with its evidence."""
    shutil.copytree(root / "deployments" / SLUG, place.root / "deployments" / SLUG)

    _, out, _ = place.say("draft", "status", now=END + QUARTER)

    lines = out.splitlines()
    assert lines[0] == "Subject: [Pass so far] Status of Telemetry Step 2 (CHG-2025-0121)"
    assert [line.rpartition(" [E-")[0] for line in lines if "baseline" in line] == [
        "Parser latency p50: 58.4 ms, baseline 57.3 ms, +1.9 %, ≤ 65 ms, tolerance ±5 %, Pass",
        "Parser failures: 0 errors in the worst hour, baseline 0 errors, 0, ≤ 3 errors/hour, Pass",
        "CLI command latency p95: 187 ms, baseline 189 ms, −1.1 %, ≤ 210 ms, tolerance ±5 %, Pass",
        "CI/CD success ratio: 96.8 %, baseline 93.2 %, +3.6 pts, ≥ 90 %, Pass",
        "Telemetry variance, 14:00 to 14:15 PT: +2.3 %, baseline 63.3 ms, ±5 %, Pass",
    ]
    assert "+1h: Pending, due 22 Jan 16:30 PT" in lines
    assert "Lead: Oliver" in lines
    assert lines[-1].startswith("Evidence log: ")


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("status", []),
        (
            "broadcast",
            [
                "cause, effect on customers and time of recovery, unless a line above tells",
                "the way back: no rollback is on record",
            ],
        ),
        ("recap", ["how it ended: nobody has recorded it"]),
    ],
)
def test_a_draft_says_what_is_not_known(place: Place, kind: str, known: list[str]) -> None:
    place.new()

    _, out, _ = place.say("draft", kind, now=END + QUARTER)

    assert out.splitlines()[2].startswith("No data: ")
    assert "parser_failure_total: no data" in out
    assert [line.removeprefix("Not known: ") for line in out.splitlines() if line.startswith("Not known")] == [
        "whether an incident was opened elsewhere: no source of alerts is configured",
        "what the metrics are: no data were pulled",
        *known,
    ]


def test_before_the_window_ends_nothing_is_judged(place: Place) -> None:
    place.new(more="checkins: {every: 15m, metrics: [failures]}\n")
    place.counter(END - 27 * HOUR, END - HOUR)

    _, out, _ = place.say("draft", "status", now=END - HOUR)

    assert out.splitlines()[2:4] == [
        "Pending: Status of Telemetry Step 2 (CHG-2025-0121)",
        "The deployment window is open until 22 Jan 15:30 PT; it is judged at its end.",
    ]
    assert "parser_failure_total at 14:15: 0 errors, Pass" in out
    assert ("14:45" in out, "No data" in out) == (False, False)


def test_a_recap_is_as_of_its_report(place: Place) -> None:
    place.new(more="outcome: succeeded\nclosed: 2025-01-24 15:40\nclosed_by: Oliver\n")
    place.counter(END - 27 * HOUR, END + 50 * HOUR)
    place.records("actions: [{id: A-1, text: Write it down, owner: Oliver}, {id: A-2, text: Tidy up, status: Done}]\n")
    place.write(
        f"deployments/{SLUG}/journal.md", "# 2025-01-22\n14:00 Ramp starts, {failures} so far #key\n15:50 Later\n"
    )

    _, out, _ = place.say("draft", "recap", "--at", "24h", now=END + 60 * HOUR)
    early = place.say("draft", "recap", "--at", "24h", now=END + HOUR)

    assert "As of: 23 Jan 2025 15:30 PT\nOutcome: Succeeded, 24 Jan 2025 15:40 PT, by Oliver" in out
    assert "22 Jan 14:00 PT: Ramp starts, 0 errors so far" in out
    assert ("Action A-1: Write it down, Oliver" in out, "A-2" in out) == (True, False)
    assert early[::2] == (2, "--at: 24h is not due before 2025-01-23T23:30Z\n")


def test_after_a_rollback_nothing_is_pending(place: Place) -> None:
    place.new(more="outcome: rolled_back\nclosed: 2025-01-22 15:40\nreason: p95 too slow\n")
    place.counter(END - 27 * HOUR, END + HOUR)

    _, out, _ = place.say("draft", "recap", now=END + HOUR)

    assert out.startswith("Subject: [Rolled back] Recap of Telemetry Step 2 (CHG-2025-0121)\n")
    assert "Outcome: Rolled back, 22 Jan 2025 15:40 PT, p95 too slow" in out
    assert [line for line in out.splitlines() if line.startswith("+")] == [
        f"+{after}: Not applicable" for after in ("1h", "12h", "24h", "48h")
    ]


def test_a_draft_as_document_and_as_markdown(place: Place) -> None:
    place.new(title="Telemetry *Step* 2")
    place.counter(END - 27 * HOUR, END + HOUR)

    said = json.loads(place.say("draft", "status", "--json", now=END + QUARTER)[1])
    _, marked, _ = place.say("draft", "status", "--markdown", now=END + QUARTER)

    assert (said["schema"], said["kind"], said["as_of"]) == ("deploybook.draft/1", "status", "2025-01-22T23:45:00Z")
    assert [(each["display"], each["evidence"]) for each in said["figures"]][:1] == [("0 errors", "E-01")]
    assert said["markdown"] == marked.split("\n\n", 1)[1]
    assert "**Pass so far: Status of Telemetry \\*Step\\* 2 (CHG-2025-0121)**" in marked
    assert "- **Lead:** Oliver" in marked


def test_a_note_of_a_person_prints_figures_and_refuses_unknown_ones(place: Place) -> None:
    place.new()
    place.counter(END - 27 * HOUR, END + HOUR)

    _, out, _ = place.say("draft", "status", "--note", "{failures 14:00 to 14:30} at first.", now=END + QUARTER)
    code, _, err = place.say("draft", "status", "--note", "{failure}", now=END + QUARTER)

    assert "Note: 0 errors at first." in out
    assert (code, err) == (2, "{failure}: 'failure' is not a metric here; did you mean 'failures'?\n")


# --- sending one


def test_what_was_sent_is_kept_byte_by_byte_and_stands_in_the_log(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("deploybook.yml", CHANNELS)
    place.new()
    place.counter(END - 27 * HOUR, END + HOUR)
    with webhook() as (url, received), mail_server() as (port, letters):
        monkeypatch.setenv("SLACK_URL", url)
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        first = place.say("draft", "status", "--send", "team", "--by", "Paris", now=END + QUARTER)
        slack = kept(place, "sent.json")
        second = place.say("draft", "recap", "--send", "mail", now=END + HOUR)
        mail, text = kept(place, "sent.eml"), kept(place, "message.txt").decode()

    assert (first[0], second[0]) == (0, 0)
    assert [json.loads(slack)] == received
    (letter,) = letters
    held = message_from_bytes(mail, policy=policy.default)
    assert {name: letter[name] for name in ("Subject", "Message-ID", "To", "Date")} == {
        name: held[name] for name in ("Subject", "Message-ID", "To", "Date")
    }
    assert letter["Subject"] == "[Pass so far] Recap of Telemetry Step 2 (CHG-2025-0121)"
    assert second[1] == f"Subject: {letter['Subject']}\n\n{text}"
    assert [(channel, name.split(" #")[0], taken) for channel, name, taken in sent(place)] == [
        ("team", "draft status", True),
        ("mail", "draft recap", True),
    ]
    assert [entry.predicate.get("actor") for entry in place.log.entries("notification")] == ["Paris", None]
    assert page(place) == [
        "Sent to team: Pass so far: Status of Telemetry Step 2 (CHG-2025-0121)",
        "Sent to mail: Pass so far: Recap of Telemetry Step 2 (CHG-2025-0121)",
    ]
    everything = b"".join(content for _, content in place.files().values())
    assert b"s3cret" not in everything


def test_a_message_is_evidence_of_the_report_behind_all_that_was_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbers of what was there before stay: the message that went out names them."""
    from deploybook import Book
    from deploybook.sections.record import named

    place.write("deploybook.yml", CHANNELS)
    place.new()
    place.counter(END - 27 * HOUR, END + HOUR)
    before = [item.number for item in Book.open(SLUG, workspace=place.root).facts.evidence]
    with webhook() as (url, _):
        monkeypatch.setenv("SLACK_URL", url)
        place.say("draft", "status", "--send", "team", now=END + QUARTER)

    *old, message = Book.open(SLUG, workspace=place.root).facts.evidence
    of_checkpoint = Book.open(SLUG, "1h", workspace=place.root).facts.evidence

    assert [item.number for item in old] == [item.number for item in of_checkpoint] == before
    assert (message.kind, message.name) == (
        "message",
        "Sent to team: Pass so far: Status of Telemetry Step 2 (CHG-2025-0121)",
    )
    assert (place.root / "deployments" / SLUG / message.path).resolve().read_bytes() == kept(place, "sent.json")
    assert "<small>kept in the evidence log</small>" in str(named(message))  # a digest as a path is too long a line


def test_a_dry_run_prints_and_neither_sends_nor_writes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", CHANNELS)
    place.new()
    before = place.files()
    with webhook() as (url, received):
        monkeypatch.setenv("SLACK_URL", url)
        code, out, err = place.say("draft", "status", "--send", "team", "--dry-run", now=END + QUARTER)

    assert (code, received, err) == (0, [], "would send to team\n")
    assert out.startswith("Subject: ")
    assert place.files() == before


def test_a_draft_that_is_not_taken_is_told_and_recorded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", CHANNELS)
    place.new()
    monkeypatch.setenv("SLACK_URL", f"http://127.0.0.1:{free_port()}/services/s3cret")

    code, _, err = place.say("draft", "status", "--send", "team", now=END + QUARTER)
    unknown = place.say("draft", "status", "--send", "tem", now=END + QUARTER)

    assert (code, "not sent: channel team: no answer (ConnectError)" in err, "s3cret" in err) == (1, True, False)
    assert [taken for _, _, taken in sent(place)] == [False]
    assert page(place) == []
    assert unknown[::2] == (2, "--send: deploybook.yml has no channel 'tem'; channels are team, mail\n")


def test_a_draft_with_a_credential_does_not_leave(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", CHANNELS + "sources: {live: {kind: prometheus, url: 'env:P', token: 'env:TOKEN'}}\n")
    place.new()
    monkeypatch.setenv("TOKEN", "s3cret-token-value")
    with webhook() as (url, received):
        monkeypatch.setenv("SLACK_URL", url)
        words = ["draft", "status", "--send", "team", "--note", "try s3cret-token-value"]
        code, _, err = place.say(*words, now=END + QUARTER)

    assert (code, received, sent(place)) == (1, [], [])
    assert "holds the credential of env:TOKEN" in err


# --- messages that wait


def minutes(place: Place, *lines: str) -> None:
    place.write(f"deployments/{SLUG}/journal.md", "\n".join(["# 2025-01-22", *lines, ""]))


def test_a_planned_message_goes_out_once_at_its_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    place.new(more=MESSAGE)
    place.counter(END - 27 * HOUR, END + 13 * HOUR)
    with webhook() as (url, received), mail_server() as (port, _):
        monkeypatch.setenv("SLACK_URL", url)
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        counts = []
        for number in range(20):  # every five minutes from 15:30 on
            run(place.workspace, END + number * timedelta(minutes=5), do=Maker(), quiet=True)
            counts.append(len(received))
    print(f"sent by {len(counts)} runs: {counts}")

    assert counts == [0, 0, 0, *[1] * 17]
    assert received[0]["text"].startswith("Pass so far: Status of Telemetry Step 2 (CHG-2025-0121)\n")
    assert sent(place) == [("team", "planned status 2025-01-22T23:45:00Z", True)]
    assert page(place) == ["Sent to team: Pass so far: Status of Telemetry Step 2 (CHG-2025-0121)"]


def test_a_planned_message_wakes_the_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    place.new(more=MESSAGE)
    with mail_server() as (port, _):
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        run(place.workspace, END, do=Maker(), quiet=True)

    assert place.say("run", now=END + timedelta(minutes=1))[1] == "nothing is due before 22 Jan 2025 15:45 PT\n"


def test_a_message_is_held_while_an_incident_is_open_and_goes_out_when_it_is_over(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    place.new(more=MESSAGE)
    place.counter(END - 27 * HOUR, END + 13 * HOUR)
    minutes(place, "15:20 Parser down in eu #alert")
    with webhook() as (url, received), mail_server() as (port, _):
        monkeypatch.setenv("SLACK_URL", url)
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        for number in range(6):
            run(place.workspace, END + number * timedelta(minutes=5), do=Maker(), quiet=True)
        held, status = list(received), place.say("status", now=END + 2 * QUARTER)[1]
        said = json.loads(place.say("status", "--json", now=END + 2 * QUARTER)[1])["messages"]
        rehearsed = place.say("run", "--dry-run", now=END + 2 * QUARTER)[2]
        minutes(place, "15:20 Parser down in eu #alert", "15:58 Resolved: parser down in eu #alert")
        for number in range(6, 12):
            run(place.workspace, END + number * timedelta(minutes=5), do=Maker(), quiet=True)

    why = "incident open since 22 Jan 15:20 PT: Parser down in eu"
    name = "status of Telemetry Step 2 to team, planned for 22 Jan 15:45 PT if no incident"
    assert held == []
    assert f"Message: {name}; held: {why}" in status
    assert (said[0]["state"], said[0]["why"]) == ("held", why)
    assert f"would hold: {name}; held: {why}" in rehearsed
    assert len(received) == 1
    assert "Incident: 22 Jan 15:20 PT, over 22 Jan 15:58 PT: Parser down in eu" in received[0]["text"]
    assert sent(place) == [
        ("team", "held status 2025-01-22T23:45:00Z", False),
        ("team", "planned status 2025-01-22T23:45:00Z", True),
    ]
    assert page(place) == [
        f"Held: {name}: {why}",
        "Sent to team: Pass so far: Status of Telemetry Step 2 (CHG-2025-0121)",
    ]


def test_that_a_held_message_lapsed_is_recorded_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    place.new(more=MESSAGE)
    minutes(place, "15:20 Parser down in eu #alert")
    with mail_server() as (port, _):
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        for hours in (1, 25, 26, 27):
            run(place.workspace, END + hours * HOUR, do=Maker(), quiet=True)
    status = place.say("status", now=END + 27 * HOUR)[1]

    name = "status of Telemetry Step 2 to team, planned for 22 Jan 15:45 PT if no incident"
    why = "not sent, for it could not go out within a day"
    assert f"Message: {name}; lapsed: {why}" in status
    assert sent(place) == [
        ("team", "held status 2025-01-22T23:45:00Z", False),
        ("team", "lapsed status 2025-01-22T23:45:00Z", False),
    ]
    assert page(place) == [
        f"Held: {name}: incident open since 22 Jan 15:20 PT: Parser down in eu",
        f"Lapsed: {name}: {why}",
    ]


@pytest.mark.slow
def test_each_message_goes_out_once_at_the_first_call_at_which_it_may(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve deployments, incidents of random length, a machine that is off for hours at random."""
    luck = random.Random(8)
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    calls, now = [END], END
    while now < END + 60 * HOUR:
        now += timedelta(minutes=luck.choice([15, 30, 30, 60, 60, 900]))
        calls.append(now)
    expected = {}
    for number in range(12):
        slug, start = f"change-{number:02d}", END - HOUR + number * 2 * HOUR
        window = f"{start:%Y-%m-%dT%H:%M}Z to {start + HOUR:%Y-%m-%dT%H:%M}Z"
        due = start + timedelta(minutes=75)
        message = f"messages: [{{at: '{due:%Y-%m-%dT%H:%M}Z', channel: team, if: no incident}}]\n"
        place.new(slug, title=f"Change {number}", window=window, more=message)
        begin, hours = due - HOUR, luck.choice([0, 0, 1, 3, 40])
        alerts = [begin] * (hours > 0) + [begin + hours * HOUR] * (hours > 0)
        lines = [f"{at:%Y-%m-%dT%H:%M:%SZ} Parser down{', resolved' * n} #alert" for n, at in enumerate(alerts)]
        place.write(f"deployments/{slug}/journal.md", "\n".join(["# 2025-01-22", *lines, ""]))
        free = [at for at in calls if due <= at <= due + 24 * HOUR and not (hours and begin <= at < alerts[1])]
        expected[slug] = [iso(free[0])] if free else []
    with webhook() as (url, received), mail_server() as (port, _):
        monkeypatch.setenv("SLACK_URL", url)
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        for at in calls:
            run(place.workspace, at, do=Maker(), quiet=True)

    found: dict[str, list[str]] = {slug: [] for slug in expected}
    for entry in place.log.entries("notification"):
        if entry.predicate["message"].startswith("planned"):
            found[entry.deployment].append(entry.recorded_at)
    never = sum(not times for times in expected.values())
    print(f"{len(calls)} calls, {len(received)} messages sent, each once; {never} not sent within their day")
    assert found == expected
    assert len(received) == 12 - never
    assert never


@pytest.mark.slow
def test_the_site_says_what_was_held_and_what_was_sent(
    place: Place, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notebooks and site: the report with the minute log is made again by the run that sends or holds."""
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    place.new(more=MESSAGE + "checkpoints: {after: [1h]}\nobservation: 1h\n")
    place.counter(END - 27 * HOUR, END + 2 * HOUR)
    shutil.copytree(root / "notebooks", place.root / "notebooks")
    shutil.copy(root / "mkdocs.yml", place.root / "mkdocs.yml")
    page = place.root / "site/2025/01" / SLUG / "index.html"
    minutes(place, "15:20 Parser down in eu #alert")
    shown = []
    with webhook() as (url, received), mail_server() as (port, _):
        monkeypatch.setenv("SLACK_URL", url)
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        for late in (0, 15, 20):
            run(place.workspace, END + late * timedelta(minutes=1), quiet=True)
            shown.append(page.read_text())
        minutes(place, "15:20 Parser down in eu #alert", "15:52 Resolved: parser down in eu #alert")
        run(place.workspace, END + 25 * timedelta(minutes=1), quiet=True)
        shown.append(page.read_text())

    before, held, same, sent = shown
    assert ("Held: status of" in before, "Held: status of" in held, held == same) == (False, True, True)
    assert "incident open since 22 Jan 15:20 PT: Parser down in eu" in held
    assert "Sent to team: Pass" in sent
    assert len(received) == 1


def test_silence_of_the_pager_is_no_all_clear(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    pager = f"sources: {{pager: {{kind: pagerduty, url: 'http://127.0.0.1:{free_port()}', token: 'env:TOKEN', timeout: 1s}}}}\n"
    path = place.new(more=MESSAGE + pager)
    path.write_text(path.read_text().replace("source: exports/original/*.csv\n", ""))
    monkeypatch.setenv("TOKEN", "t0ken-of-the-pager")
    with webhook() as (url, received), mail_server() as (port, _):
        monkeypatch.setenv("SLACK_URL", url)
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        run(place.workspace, END + QUARTER, do=Maker(), quiet=True)

    assert received == []
    assert "whether there is an incident cannot be told: pager: " in page(place)[0]


def test_half_of_what_the_pager_knows_is_no_all_clear(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    path = place.new(more=MESSAGE)
    monkeypatch.setenv("TOKEN", "t0ken-of-the-pager")
    first = reply({"incidents": [], "more": True, "limit": 100})
    with webhook() as (url, received), mail_server() as (port, _), FakeServer(first, reply({}, status=403)) as pager:
        options = f"{{kind: pagerduty, url: '{pager.url}', token: 'env:TOKEN'}}"
        path.write_text(path.read_text().replace("source: exports/original/*.csv", f"sources: {{pager: {options}}}"))
        monkeypatch.setenv("SLACK_URL", url)
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        run(place.workspace, END + QUARTER, do=Maker(), quiet=True)

    assert received == []
    assert "whether there is an incident cannot be told: pager: " in page(place)[0]


@pytest.mark.parametrize(
    ("condition", "verdicts", "why"),
    [
        ("verdict pass", {"window": "pass"}, ""),
        ("verdict pass", {"window": "warn"}, "the newest verdict is Watch"),
        ("verdict pass", {"window": "fail", "after-1h": "pass"}, ""),
        ("verdict pass", {}, "Outcome report of Telemetry Step 2 is not made yet"),
        ("+1h passed", {"window": "pass"}, "the +1h checkpoint is not on record yet"),
        ("+1h passed", {"window": "warn", "after-1h": "pass"}, ""),
        ("no incident and +1h passed", {"window": "pass", "after-1h": "fail"}, "the +1h checkpoint is Breach"),
    ],
)
def test_what_a_message_may_wait_on(place: Place, condition: str, verdicts: dict[str, str], why: str) -> None:
    place.write("deploybook.yml", CHANNELS)
    place.new(more=f"messages:\n  - {{at: '15:45', channel: team, if: {condition}}}\n")
    for scope, verdict in verdicts.items():
        place.made(scope, END, verdict)

    said = json.loads(place.say("status", "--json", now=END + QUARTER)[1])["messages"]

    assert [(each["state"], each["why"]) for each in said] == [("held" if why else "due", why)]


@pytest.mark.parametrize(
    ("more", "now", "state", "why"),
    [
        ("", END, "next", ""),
        ("", END + 26 * HOUR, "lapsed", "not sent, for it could not go out within a day"),
        ("outcome: postponed\nclosed: 2025-01-22 13:00\n", END + QUARTER, "held", "the deployment was postponed"),
        ("", END - 2 * HOUR, "next", ""),
    ],
)
def test_a_message_that_is_early_or_too_late_stays(
    place: Place, more: str, now: datetime, state: str, why: str
) -> None:
    place.write("deploybook.yml", CHANNELS)
    place.new(more=MESSAGE + more)

    said = json.loads(place.say("status", "--json", now=now)[1])["messages"]

    assert [(each["state"], each["why"]) for each in said] == [(state, why)]


def test_a_run_that_is_killed_after_sending_sends_the_same_message_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with every message: sent, then recorded. A mail program sees by its Message-ID that it is one."""
    place.write("deploybook.yml", CHANNELS + "notify: [team]\n")
    place.new(more=MESSAGE.replace("team", "mail"))
    monkeypatch.setenv("SLACK_URL", f"http://127.0.0.1:{free_port()}")
    append = Log.append

    def killed(log: Log, said: Any, now: datetime) -> Any:
        if "planned status 2025-01-22T23:45:00Z" in json.dumps(said):
            raise KeyboardInterrupt
        return append(log, said, now)

    with mail_server() as (port, received):
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Log, "append", killed)
            run(place.workspace, END + QUARTER, do=Maker(), quiet=True)
        for number in range(3):
            run(place.workspace, END + QUARTER + number * timedelta(minutes=5), do=Maker(), quiet=True)

    assert len(received) == 2
    assert len({letter["Message-ID"] for letter in received}) == 1
    assert sent(place) == [("mail", "planned status 2025-01-22T23:45:00Z", True)]


def test_a_planned_message_whose_channel_fails_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    place.new(more=MESSAGE)
    monkeypatch.setenv("SLACK_URL", f"http://127.0.0.1:{free_port()}/services/s3cret")
    with mail_server() as (port, _):
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        codes = [run(place.workspace, END + QUARTER + n * timedelta(minutes=6), do=Maker(), quiet=True) for n in (0, 1)]
        with webhook() as (url, received):
            monkeypatch.setenv("SLACK_URL", url)
            codes.append(run(place.workspace, END + HOUR - QUARTER, do=Maker(), quiet=True))

    assert (codes, len(received)) == ([1, 1, 0], 1)
    assert [taken for _, _, taken in sent(place)] == [False, True]


def test_a_dry_run_writes_the_planned_message_to_a_file(place: Place) -> None:
    place.write("deploybook.yml", CHANNELS + "notify: [mail]\n")
    place.new(more=MESSAGE)
    place.counter(END - 27 * HOUR, END + HOUR)

    _, _, err = place.say("run", "--dry-run", now=END + QUARTER)
    early = place.say("run", "--dry-run", now=END)[2]

    name = f".deploybook/messages/{SLUG}-planned-status-2025-01-22T23-45-00Z-team.json"
    assert f"would send: {name}" in err
    assert "Status of Telemetry Step 2" in (place.root / name).read_text()
    assert (
        "would hold: status of Telemetry Step 2 to team, planned for 22 Jan 15:45 PT if no incident; to come" in early
    )
    assert sent(place) == []


# --- check


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("if: calm", "messages > 1 > if: 'calm' is no condition; write 'no incident', 'verdict pass' or '+24h passed'"),
        ("if: +23h passed", "messages > 1 > if: '+23h passed': there is no such checkpoint; write one of +1h passed"),
        (
            "if: no incident and +48h passed",
            "messages > 1 > if: '+48h passed' cannot hold in time: a message is held for a day at most; write a time from 2025-01-24 15:30 on",
        ),
        ("draft: memo", "messages > 1 > draft: 'memo' is not one of status, broadcast, recap; write status"),
        (
            "text: '{failure}'",
            "messages > 1 > text: {failure}: 'failure' is not a metric here; did you mean 'failures'?",
        ),
    ],
)
def test_check_names_what_is_wrong_with_a_planned_message(place: Place, written: str, problem: str) -> None:
    place.write("deploybook.yml", CHANNELS)
    place.new(more=f"messages:\n  - {{at: '15:45', channel: team, {written}}}\n")

    code, _, err = place.say("check")

    assert code == 2
    assert f"deployments/{SLUG}/deployment.yml:10: {problem}" in err


def test_check_names_a_planned_message_that_is_too_early_or_stands_twice(place: Place) -> None:
    place.write("deploybook.yml", CHANNELS)
    early, twice = "  - {at: 2025-01-21 13:00, channel: team}\n", "  - {at: '15:45', channel: team}\n"
    place.new(more=f"messages:\n{early}{twice}{twice}")

    code, _, err = place.say("check")

    assert (code, err.splitlines()) == (
        2,
        [
            f"deployments/{SLUG}/deployment.yml:10: messages > 1 > at: nothing goes out before the window: a message is held for a day at most; write a time from 2025-01-22 14:00 on",
            f"deployments/{SLUG}/deployment.yml:12: messages > 3 > at: the channel 'team' gets this draft at this time already; keep one, or write another time",
        ],
    )


def test_check_names_a_channel_that_there_is_not(place: Place) -> None:
    place.write("deploybook.yml", CHANNELS)
    place.new(more=MESSAGE.replace("team", "tem") + "notify: [mial]\n")

    code, _, err = place.say("check")

    assert (code, err.splitlines()) == (
        2,
        [
            f"deployments/{SLUG}/deployment.yml:10: messages > 1 > channel: 'tem' is no channel; channels of deploybook.yml are team, mail",
            f"deployments/{SLUG}/deployment.yml:11: notify > 1: 'mial' is no channel; channels of deploybook.yml are team, mail",
        ],
    )


def test_check_names_mail_that_is_for_nobody(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", "channels:\n  mail: env:SMTP_URL\n")
    place.new()
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:2525")

    code, _, err = place.say("check")

    assert code == 0
    assert (
        "deploybook.yml:2: hint: channel mail: nobody to send to; write 'to: [team@example.org]'; nothing can be sent from here"
        in err
    )


def test_check_names_the_reference_that_leads_nowhere_here(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("deploybook.yml", "channels:\n  team: env:SLACK_URL\n  mail: {url: 'file:smtp', to: a@example.org}\n")
    place.new()
    place.counter(END - HOUR, END)
    monkeypatch.delenv("SLACK_URL", raising=False)

    code, _, err = place.say("check")

    assert (code, err.splitlines()) == (
        0,
        [
            "deploybook.yml:2: hint: channel team: the environment variable SLACK_URL is not set; nothing can be sent from here",
            "deploybook.yml:3: hint: channel mail: smtp cannot be read (No such file or directory); nothing can be sent from here",
        ],
    )


def test_check_names_a_message_that_cannot_be_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(
        "deploybook.yml", 'channels:\n  mail: {url: "env:SMTP_URL", to: ["a@example.org\\nBcc: b@example.org"]}\n'
    )
    place.new()
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1")

    code, _, err = place.say("check")

    assert code == 2
    assert (
        "deploybook.yml:2: channels > mail: the message 'window pass' cannot be written (ValueError: Header values"
        in err
    )


# --- the how-to page


def test_the_draft_that_the_manual_shows_is_the_one_printed(place: Place, root: Path) -> None:
    shutil.copytree(root / "deployments" / SLUG, place.root / "deployments" / SLUG)
    shown = test_cli_life.blocks("drafts.md", "console")[0]

    said = place.say("draft", "status", now=END + QUARTER)[1]
    rows = re.compile(r"\[E-\d+\]")  # their numbers hang on what was pulled
    assert rows.sub("[E]", shown) == rows.sub("[E]", f"$ deploybook draft status\n{said}")


def test_the_messages_of_the_manual_are_accepted(place: Place) -> None:
    place.write("deploybook.yml", "channels: {stakeholders: 'https://chat.example.org/hook'}\n")
    text = test_cli_life.blocks("drafts.md", "yaml")[0].replace("parser_p50", "failures")
    place.new(more=text)
    place.counter(END - HOUR, END)

    assert place.say("check")[::2] == (0, "")
    assert [each.conditions for each in read_deployment(place.workspace, SLUG).messages] == [
        ("no incident",),
        ("+24h passed", "verdict pass"),
    ]


# --- incidents


def alert(seconds: float, text: str, origin: str = "journal") -> Entry:
    return Entry(at=at(seconds), text=text, kind="alert", origin=origin)


@pytest.mark.parametrize(
    ("entries", "still", "over"),
    [
        ([], [], []),
        ([alert(0, "Parser down")], ["Parser down"], []),
        ([alert(0, "Parser down"), alert(9, "Parser down, resolved")], [], ["Parser down"]),
        ([alert(0, "Parser down"), alert(9, "Resolved")], [], ["Parser down"]),
        ([alert(0, "Parser down"), alert(9, "Resolved: CLI slow")], ["Parser down"], []),
        ([alert(0, "DNS not resolved")], ["DNS not resolved"], []),
        (
            [
                alert(0, "PagerDuty incident #4 DNS not resolved (cli)", "pager"),
                alert(9, "PagerDuty incident resolved: #4 DNS not resolved (cli)", "pager"),
            ],
            [],
            ["PagerDuty incident #4 DNS not resolved (cli)"],
        ),
        ([alert(0, "PagerDuty incident resolved: #3 of yesterday", "pager")], [], []),
        (
            [
                alert(0, "Alert Slow: p95", "am"),
                alert(1, "Alert Down: up", "am"),
                alert(9, "Alert Slow ended: p95", "am"),
            ],
            ["Alert Down: up"],
            ["Alert Slow: p95"],
        ),
        ([alert(99_999, "Later")], [], []),
        ([Entry(at=at(0), text="Incidents still at zero")], [], []),
    ],
)
def test_which_incidents_are_open(entries: list[Entry], still: list[str], over: list[str]) -> None:
    found, ended = incidents(entries, at(60))

    assert ([each.text for each in found], [each.text for each, _ in ended]) == (still, over)
    assert {end for _, end in ended} <= {at(9)}

"""Events of other systems: each becomes an entry with its source and evidence, and joins what people wrote."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from servers import FakeServer, Script, alertmanager, damaged, raw, reply

from deploybook import exports, sources
from deploybook.errors import QueryRejected, SourceError
from deploybook.model import Pulled, Source
from deploybook.sources import Request
from deploybook.sources.events import pull
from deploybook.times import Window

START = datetime(2025, 1, 22, 22, tzinfo=UTC)  # 14:00 PT
START_MS = int(START.timestamp() * 1000)
WINDOW = Window(start=START, end=START + timedelta(minutes=90))

LAUNCHDARKLY = {
    "items": [
        {
            "_id": "LD-88721",
            "date": START_MS,
            "kind": "flag",
            "name": "telemetry.v2.parser_cli",
            "titleVerb": "changed the rollout of",
            "description": "* Rollout from `0 %` to `25 %`",
            "member": {"firstName": "Oliver", "email": "oliver@example.com"},
        }
    ]
}
PAGERDUTY = {
    "incidents": [
        {
            "incident_number": 4711,
            "title": "Synthetic page",
            "status": "resolved",
            "created_at": "2025-01-22T22:20:00Z",
            "resolved_at": "2025-01-22T22:23:00Z",
            "service": {"summary": "parser"},
        }
    ]
}
ALERTS = [
    {
        "labels": {"alertname": "ParserDown", "severity": "page", "pod": "parser-us-1"},
        "annotations": {"summary": "parser-us-1 is down"},
        "startsAt": "2025-01-22T22:03:00.000Z",
        "endsAt": "2025-01-22T22:05:00.000Z",
        "status": {"state": "suppressed"},
    }
]
GRAFANA = [
    {"time": START_MS + 124_000, "text": "<b>Restart</b> of the parser", "tags": ["restart", "p0"], "login": "avery"}
]
GITHUB = [
    {
        "sha": "6f2bb3c0ffee",
        "ref": "main",
        "environment": "production",
        "description": "Step 2",
        "created_at": "2025-01-22T21:58:00Z",
        "creator": {"login": "oliver"},
    }
]
GITLAB = [
    {
        "sha": "6f2bb3c0ffee",
        "ref": "main",
        "status": "success",
        "created_at": "2025-01-22T21:58:00.000Z",
        "environment": {"name": "production"},
        "user": {"name": "Oliver"},
        "deployable": {"finished_at": "2025-01-22T22:04:00.000Z"},
    }
]
SLACK = [
    {
        "type": "message",
        "ts": "1737583380.000100",
        "user": "U1",
        "user_profile": {"display_name": "Queenie"},
        "text": "p50 is <https://g.example/x|59 ms> &amp; steady",
    },
    {"type": "message", "subtype": "channel_join", "ts": "1737583381.0", "text": "joined"},
]


def read(folder: Path, kind: str, content: object, name: str = "events.json", **more: Any) -> Pulled:
    (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    source = Source(name="s", kind=kind, options={"paths": [name]}, zone=more.pop("zone", None))
    return pull(Request(source=source, folder=folder, **more))


def told(pulled: Pulled) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(one.at.strftime("%H:%M:%S"), one.kind, one.text, one.people) for one in pulled.events]


@pytest.mark.parametrize(
    ("kind", "content", "entries"),
    [
        (
            "launchdarkly",
            LAUNCHDARKLY,
            [
                (
                    "22:00:00",
                    "flag",
                    "Flag telemetry.v2.parser_cli: Rollout from `0 %` to `25 %` (LD-88721)",
                    ("Oliver",),
                )
            ],
        ),
        (
            "pagerduty",
            PAGERDUTY,
            [
                ("22:20:00", "alert", "PagerDuty incident #4711 Synthetic page (parser)", ()),
                ("22:23:00", "alert", "PagerDuty incident resolved: #4711 Synthetic page (parser)", ()),
            ],
        ),
        (
            "alertmanager",
            ALERTS,
            [
                ("22:03:00", "alert", "Alert ParserDown: parser-us-1 is down", ()),
                ("22:05:00", "alert", "Alert ParserDown ended: parser-us-1 is down", ()),
            ],
        ),
        ("grafana", GRAFANA, [("22:02:04", "restart", "Restart of the parser (p0)", ("avery",))]),
        ("github", GITHUB, [("21:58:00", "note", "Deployment of 6f2bb3c (main) to production: Step 2", ("oliver",))]),
        (
            "gitlab",
            GITLAB,
            [
                ("21:58:00", "note", "Deployment of 6f2bb3c (main) to production", ("Oliver",)),
                ("22:04:00", "note", "Deployment of 6f2bb3c (main) to production: success", ()),
            ],
        ),
        ("slack", SLACK, [("22:03:00", "comms", "p50 is 59 ms & steady", ("Queenie",))]),
    ],
)
def test_each_system_is_read(tmp_path: Path, kind: str, content: object, entries: list[Any]) -> None:
    pulled = read(tmp_path, kind, content)

    assert told(pulled) == entries
    assert pulled.notes == ()
    digest = hashlib.sha256((tmp_path / "events.json").read_bytes()).hexdigest()
    assert {(one.origin, one.evidence) for one in pulled.events} == {("s", digest)}
    assert [(one.path, one.digest, one.rows) for one in pulled.originals] == [("events.json", digest, len(entries))]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param(
            b"Avery  [2:03 PM]\nsays the drain\nis done\nQueenie 14:04\nlooks fine\n2025-01-23\nAvery  [9:00 AM]\nstill fine\n",
            [
                ("22:03:00", "comms", "says the drain is done", ("Avery",)),
                ("22:04:00", "comms", "looks fine", ("Queenie",)),
                ("17:00:00", "comms", "still fine", ("Avery",)),
            ],
            id="below the name",
        ),
        pytest.param(
            b"[2:03 PM] Avery: drain: done\nall of it\n[12:07 AM] Queenie: looks fine\n[14:10:30] Bob: still fine\n",
            [
                ("08:07:00", "comms", "looks fine", ("Queenie",)),
                ("22:03:00", "comms", "drain: done all of it", ("Avery",)),
                ("22:10:30", "comms", "still fine", ("Bob",)),
            ],
            id="behind the name",
        ),
    ],
)
def test_pasted_chat_is_read_in_the_zone_of_its_people(tmp_path: Path, text: bytes, lines: list[Any]) -> None:
    pulled = read(tmp_path, "slack", text, "2025-01-22-deploy.txt", zone=ZoneInfo("America/Los_Angeles"))

    assert told(pulled) == lines


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (b"Avery  [1:30 AM]\nFlag on\n", "2025-11-02.txt", "cannot be read in line 1: 2025-11-02 1:30 happened twice"),
        (b"Avery  [1:30 AM]\nFlag on\n", "2025-02-30.txt", "is no chat that can be read"),
        (b"Avery, at 2:03 PM: Flag on\n", "2025-01-22.txt", "is no chat that can be read"),
    ],
    ids=["twice", "no day", "other form"],
)
def test_pasted_chat_without_a_time_is_told(tmp_path: Path, text: bytes, name: str, words: str) -> None:
    pulled = read(tmp_path, "slack", text, name, zone=ZoneInfo("America/Los_Angeles"))

    assert (pulled.events, [note.kind for note in pulled.notes]) == ((), ["unreadable"])
    assert words in pulled.notes[0].text


def test_a_clock_that_none_shows_is_a_word_of_the_chat(tmp_path: Path) -> None:
    pulled = read(tmp_path, "slack", b"Avery 14:03\nratio\nis 99:99\n", "2025-01-22.txt", zone=UTC)

    assert told(pulled) == [("14:03:00", "comms", "ratio is 99:99", ("Avery",))]


def test_a_packed_file_that_breaks_off_is_told(tmp_path: Path) -> None:
    pulled = read(tmp_path, "grafana", gzip.compress(json.dumps(GRAFANA).encode())[:-9], "events.json.gz")

    assert [note.text for note in pulled.notes] == ["events.json.gz is cut off: its gzip data break off"]


@pytest.mark.parametrize("content", [b"<html>", b'{"message": "not found"}', b"[" * 100_000, b"42"])
def test_what_is_no_list_of_events_is_told(tmp_path: Path, content: bytes) -> None:
    pulled = read(tmp_path, "grafana", content)

    assert (pulled.events, [note.kind for note in pulled.notes]) == ((), ["unreadable"])


@pytest.mark.parametrize(
    "item", [{}, 7, {"time": "soon", "text": "x"}, {"time": 1e300, "text": "x"}, {"time": START_MS, "text": ""}]
)
def test_an_item_without_time_or_words_is_counted(tmp_path: Path, item: Any) -> None:
    pulled = read(tmp_path, "grafana", [item, *GRAFANA])

    assert len(pulled.events) == 1
    assert [(note.kind, note.count) for note in pulled.notes] == [("refused", 1)]


def test_hostile_words_become_one_plain_line(tmp_path: Path) -> None:
    text = "a\x1b[31m\x00\n<script>alert(1)</script>\u202e" + "b" * 10_000

    (event,) = read(tmp_path, "grafana", [{"time": START_MS, "text": text}]).events

    assert event.text.startswith("a [31m alert(1) b")
    assert len(event.text) == 500
    assert event.text.isprintable()


def test_only_events_near_the_windows_are_kept(tmp_path: Path) -> None:
    many = [{"time": START_MS + hours * 3_600_000, "text": f"at {hours}"} for hours in range(-3, 4)]

    pulled = read(tmp_path, "grafana", many, windows=(WINDOW,))

    assert [one.text for one in pulled.events] == ["at 0", "at 1"]


def test_git_tags_are_read(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        names = {
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
        }
        dates = {"GIT_AUTHOR_DATE": "2025-01-22T21:50:00Z", "GIT_COMMITTER_DATE": "2025-01-22T21:50:00Z"}
        plain = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True, env=names | dates | plain)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "Step 2")
    git("tag", "-a", "v2.1.0", "-m", "Telemetry Step 2")

    pulled = pull(Request(source=Source(name="tags", kind="git"), folder=tmp_path))

    assert [
        (one.at.strftime("%H:%M"), one.text.split(" at ")[0], one.text.split(": ")[1]) for one in pulled.events
    ] == [("21:50", "Tag v2.1.0", "Telemetry Step 2")]
    with pytest.raises(SourceError, match="no git repository"):
        pull(Request(source=Source(name="tags", kind="git", options={"path": "nowhere"}), folder=tmp_path))


def live(kind: str, url: str, **options: Any) -> Request:
    source = Source(name="s", kind=kind, options={"url": url, **options})
    return Request(
        source=source,
        windows=(WINDOW,),
        now=START + timedelta(days=1),
        environ={"TOKEN": "canary"},
        sleep=lambda _: None,
    )


@pytest.mark.parametrize(
    ("kind", "content", "options", "asked", "header"),
    [
        (
            "grafana",
            GRAFANA,
            {},
            f"/api/annotations?from={START_MS - 900_000}&to={START_MS + 6_300_000}&limit=100",
            "bearer canary",
        ),
        ("launchdarkly", LAUNCHDARKLY, {}, f"/api/v2/auditlog?after={START_MS - 900_000}", "authorization: canary"),
        (
            "pagerduty",
            PAGERDUTY,
            {},
            "/incidents?since=2025-01-22T21%3A45%3A00Z&until=2025-01-22T23%3A45%3A00Z",
            "token token=canary",
        ),
        (
            "github",
            GITHUB,
            {"repository": "oliver/telemetry", "environment": "production"},
            "/repos/oliver/telemetry/deployments?per_page=100&environment=production",
            "bearer canary",
        ),
        (
            "gitlab",
            GITLAB,
            {"project": "team/telemetry"},
            "/api/v4/projects/team%2Ftelemetry/deployments?updated_after=",
            "bearer canary",
        ),
    ],
)
def test_a_live_system_is_asked_for_the_windows(
    kind: str, content: object, options: dict[str, Any], asked: str, header: str
) -> None:
    with FakeServer(reply(json.dumps(content).encode())) as fake:
        pulled = pull(live(kind, fake.url, token="env:TOKEN", **options))

    assert pulled.events
    assert fake.requests[0].decode().startswith(f"GET {asked}")
    assert header in fake.requests[0].decode().lower()
    assert "canary" not in repr(pulled)
    assert pulled.originals[0].query.startswith("GET /")


def flags(*numbers: int, **links: Any) -> dict[str, Any]:
    items = [{"_id": f"LD-{n}", "date": START_MS + n * 1000, "name": "telemetry", "titleVerb": "set"} for n in numbers]
    return {"items": items, **links}


def incidents(*numbers: int, more: bool) -> dict[str, Any]:
    items = [{"incident_number": n, "title": "page", "created_at": "2025-01-22T22:20:00Z"} for n in numbers]
    return {"incidents": items, "more": more}


def notes_at(*seconds: int) -> list[dict[str, Any]]:
    """As Grafana orders them, by their end; it writes no end, or 0, for a point."""
    return [{"time": START_MS + at * 1000, "timeEnd": 0, "text": f"at {at}"} for at in seconds]


def shipped(*numbers: int) -> list[dict[str, Any]]:
    """GitHub's newest first, one a minute."""
    return [GITHUB[0] | {"sha": f"{n:07}", "created_at": f"2025-01-22T22:{n:02}:00Z"} for n in numbers]


def linked(content: object, url: str) -> Script:
    return reply(json.dumps(content).encode(), link=f'<{url}>; rel="next", <{url}>; rel="last"')


@pytest.mark.parametrize(
    ("kind", "options", "answers", "asked", "events"),
    [
        pytest.param(
            "launchdarkly",
            {},
            [flags(9, 8, _links={"next": {"href": "/api/v2/auditlog?before=77&limit=2"}}), flags(7)],
            [{"before": str(START_MS + 6_300_000), "limit": "20"}, {"before": "77", "limit": "2"}],
            3,
            id="next link in the body",
        ),
        pytest.param(
            "launchdarkly",
            {},
            [flags(*range(60, 40, -1)), flags(*range(41, 30, -1))],
            [{"limit": "20"}, {"before": str(START_MS + 41_001)}],
            30,
            id="from the oldest on",
        ),
        pytest.param(
            "pagerduty",
            {},
            [incidents(1, 2, more=True), incidents(3, more=True), incidents(4, more=False)],
            [{"limit": "100"}, {"offset": "100"}, {"offset": "200"}],
            4,
            id="offset and more",
        ),
        pytest.param(
            "pagerduty", {}, [incidents(*range(100), more=False)], [{"limit": "100"}], 100, id="full and no more"
        ),
        pytest.param(
            "grafana",
            {},
            [notes_at(*range(200, 100, -1)), notes_at(*range(101, 1, -1)), notes_at(2, 1)],
            [{"limit": "100"}, {"to": str(START_MS + 101_001)}, {"to": str(START_MS + 2_001)}],
            200,
            id="annotations by time",
        ),
        pytest.param(
            "github",
            {"repository": "oliver/telemetry"},
            [
                linked(shipped(9, 8), "https://other.example/repositories/7/deployments?per_page=2&page=2"),
                linked(shipped(8, 7), "https://other.example/repositories/7/deployments?per_page=2&page=3"),
                reply(json.dumps(shipped(6)).encode()),
            ],
            [{"per_page": "100"}, {"page": "2"}, {"page": "3"}],
            4,
            id="Link header, one deployment on two pages",
        ),
        pytest.param(
            "gitlab",
            {"project": "7"},
            [reply(json.dumps([GITLAB[0] | {"sha": f"{n:07}"} for n in range(100)]).encode()), reply(b"[]")],
            [{"order_by": "updated_at"}, {"page": "2"}],
            200,
            id="a full page without a link",
        ),
    ],
)
def test_every_page_is_asked_for(
    kind: str, options: dict[str, Any], answers: list[Any], asked: list[dict[str, str]], events: int
) -> None:
    scripts = [
        one if callable(one) else reply(one if isinstance(one, bytes) else json.dumps(one).encode()) for one in answers
    ]
    with FakeServer(*scripts) as fake:
        pulled = pull(live(kind, fake.url, token="env:TOKEN", **options))
    lines = [urlsplit(one.decode().split(" ")[1]) for one in fake.requests]
    queries = [dict(parse_qsl(line.query)) for line in lines]

    assert [{key: query.get(key) for key in want} for query, want in zip(queries, asked, strict=True)] == asked
    assert len({line.path for line in lines}) == 1
    assert len({one.text for one in pulled.events}) == len(pulled.events) == events
    assert (pulled.notes, pulled.failure) == ((), "")
    assert len(pulled.originals) == len(answers)
    assert {one.evidence for one in pulled.events} <= {one.digest for one in pulled.originals}


def test_pages_older_than_the_windows_are_not_asked_for() -> None:
    old = [GITHUB[0] | {"created_at": "2025-01-22T21:44:59Z"}]
    with FakeServer(linked(shipped(9) + old, "https://api.github.com/x?page=2")) as fake:
        pulled = pull(live("github", fake.url, repository="oliver/telemetry"))

    assert (len(fake.requests), len(pulled.events), pulled.failure) == (1, 1, "")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(reply(b"{}", 500, "text/plain"), "answered 500", id="5xx"),
        pytest.param(reply(b"{}", 403), "answered 403; see 'token'", id="refused"),
        pytest.param(reply(b"{}", 404), "answered 404; is the path of 'url' right?", id="elsewhere"),
        pytest.param(reply(b"<html>login</html>", kind="text/html"), "is no JSON; is 'url' right?", id="login page"),
        pytest.param(reply(b'{"message": "gone"}'), "holds no list of grafana events", id="no list"),
        pytest.param(
            reply(b"", 302, location="https://else.example/?page=2"), "sends on to else.example", id="redirect"
        ),
        pytest.param(raw(b"HTTP/1.1 200 X\r\ncontent-length: 999\r\n\r\n[{"), "broke off its answer", id="cut off"),
        pytest.param(reply(json.dumps(notes_at(*range(99, -1, -1))).encode()), "lead back to one", id="in a circle"),
        pytest.param(
            reply(json.dumps([{"time": START_MS, "text": "x" * 2_000_000}]).encode()),
            "larger than 1 MiB",
            id="too large",
        ),
    ],
)
def test_a_page_that_fails_leaves_a_part_and_never_all(script: Script, words: str) -> None:
    first = reply(json.dumps(notes_at(*range(199, 99, -1))).encode())
    with FakeServer(first, script) as fake:
        pulled = pull(live("grafana", fake.url, max_bytes=1 << 20))

    assert len(pulled.events) >= 100
    assert words in pulled.failure
    assert [(note.kind, note.text.startswith("only part of its events came: s: ")) for note in pulled.notes] == [
        ("failed", True)
    ]
    with FakeServer(script) as fake:
        if words != "lead back to one":
            with pytest.raises(SourceError, match=re.escape(words)):
                pull(live("grafana", fake.url, max_bytes=1 << 20))


def test_pages_without_end_are_cut_off_by_bytes_and_by_time() -> None:
    def endless(conn: Any, asked: bytes) -> None:
        number = int(dict(parse_qsl(asked.decode().split(" ")[1].partition("?")[2])).get("page", 1))
        linked([GITLAB[0] | {"sha": f"{number:07}", "more": "x" * 300_000}], f"https://x/?page={number + 1}")(
            conn, asked
        )

    with FakeServer(endless) as fake:
        pulled = pull(live("gitlab", fake.url, project="7", max_bytes=1 << 20))
        seconds = iter(range(1000))
        late = pull(replace(live("gitlab", fake.url, project="7", timeout=20), clock=lambda: next(seconds)))

    assert (len(pulled.originals), "more than 1 MiB of pages" in pulled.failure) == (4, True)
    assert "longer than its 'timeout'" in late.failure
    assert 0 < len(late.originals) < 20


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_is_told(status: int) -> None:
    with FakeServer(reply(b"{}", status)) as fake, pytest.raises(QueryRejected, match=f"answered {status}"):
        pull(live("grafana", fake.url))


def test_an_endless_answer_is_cut_off() -> None:
    with (
        FakeServer(raw(b"HTTP/1.1 200 X\r\n\r\n" + b"[" * 5_000_000)) as fake,
        pytest.raises(QueryRejected, match="larger than 1 MiB"),
    ):
        pull(live("grafana", fake.url, max_bytes=1 << 20))


def test_a_real_alertmanager_says_what_fires_and_that_nothing_does(tmp_path: Path) -> None:
    with alertmanager(tmp_path) as url:
        quiet = pull(live("alertmanager", url))
        alert = {
            "labels": {"alertname": "ParserDown"},
            "annotations": {"summary": "down"},
            "startsAt": "2025-01-22T22:03:00Z",
        }
        body = json.dumps([alert]).encode()
        post = urllib.request.Request(f"{url}/api/v2/alerts", body, {"content-type": "application/json"})
        urllib.request.urlopen(post, timeout=5).close()
        firing = pull(live("alertmanager", url))

    exports.store(tmp_path / "exports", [quiet])
    exports.store(tmp_path / "exports", [quiet])
    (kept,) = exports.inputs(tmp_path / "exports")

    assert (quiet.events, [one.rows for one in quiet.originals], quiet.notes) == ((), [0], ())
    assert (kept["rows"], kept["source"], kept["inputs"][0]["query"]) == (0, "s", "GET /api/v2/alerts {}")
    assert told(firing) == [("22:03:00", "alert", "Alert ParserDown: down", ())]


def test_every_event_source_is_known_by_its_kind() -> None:
    assert set(sources.EVENTS) <= set(sources.kinds())


def test_any_damage_ends_in_entries_or_is_counted(tmp_path: Path) -> None:
    whole = {"launchdarkly": LAUNCHDARKLY, "pagerduty": PAGERDUTY, "alertmanager": ALERTS, "grafana": GRAFANA}
    whole |= {"github": GITHUB, "gitlab": GITLAB, "slack": SLACK}
    for seed in range(50):
        for kind, content in whole.items():
            read(tmp_path, kind, damaged(content, Random(seed)))


def test_a_second_pull_adds_only_the_events_that_are_new(tmp_path: Path) -> None:
    answers = [reply(json.dumps(notes_at(*range(last, -1, -1))).encode()) for last in (1, 2)]
    with FakeServer(*answers) as fake:
        first, second = pull(live("grafana", fake.url)), pull(live("grafana", fake.url))
    exports.store(tmp_path, [first])
    exports.store(tmp_path, [second])

    kept = exports.events(tmp_path)

    assert [one.text for one in kept] == ["at 0", "at 1", "at 2"]
    assert [one.evidence == first.originals[0].digest for one in kept] == [True, True, False]


def test_a_pull_that_brings_all_settles_what_one_before_could_not(tmp_path: Path) -> None:
    first = reply(json.dumps(notes_at(*range(199, 99, -1))).encode())
    with FakeServer(first, reply(b"{}", 403)) as fake:
        part = pull(live("grafana", fake.url))
    with FakeServer(first, reply(json.dumps(notes_at(5, 4)).encode())) as fake:
        whole = pull(live("grafana", fake.url))

    exports.store(tmp_path, [part])
    assert [note.kind for note in exports.load(tmp_path).notes] == ["failed"]
    exports.store(tmp_path, [whole])
    assert exports.load(tmp_path).notes == ()
    assert len(exports.events(tmp_path)) == 102

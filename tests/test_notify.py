"""Telling people: real servers on the loopback, hostile text in every field, and no report that waits for a message."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from build import deployment
from servers import free_port

from deploybook import notify
from deploybook.errors import UsageProblem
from deploybook.evidence import Entry
from deploybook.facts import Facts
from deploybook.model import Action, Closing, Records, Rehearsal, Verdict
from deploybook.model import Entry as Line
from deploybook.notify import (
    Channel,
    Event,
    Message,
    NotDelivered,
    Picture,
    channels_of,
    compose,
    draft,
    events_of,
    feed,
    key_of,
    told_to,
    untold,
    written,
)
from deploybook.notify.draft import KINDS
from deploybook.notify.inert import JOINER, chat, plain, slack
from deploybook.sections.page import Ask, CheckpointLine, MetricLine, PageFacts
from deploybook.times import iso

NOW = datetime(2025, 1, 23, 23, 31, tzinfo=UTC)
SLUG = "2025-01-22-telemetry-step2"
HOSTILE = (
    "<!channel> @here @everyone <@U123> <script>alert(1)</script> [pay](https://evil.example/) `code` *bold* "
    '&amp; "quoted"\r\nBcc: all@example.org\x00\x1b[31m\u202egnp.exe ' + "x" * 10_000
)


def entry(index: int, kind: str, at: datetime = NOW, *, slug: str = SLUG, page: str = "", **said: Any) -> Entry:
    paths = {"index.page.json": page} if page else {}
    return Entry(
        index=index, kind=kind, recorded_at=iso(at), artifacts={}, paths=paths, predicate={"deployment": slug, **said}
    )


def verdict(index: int, scope: str, word: str, at: datetime = NOW, slug: str = SLUG) -> Entry:
    return entry(index, "verdict", at, slug=slug, scope=scope, verdict=word)


def an_event(state: str = "warn", **more: Any) -> Event:
    return Event(**{"index": 41, "deployment": SLUG, "scope": "after-24h", "state": state, "at": NOW, **more})


def line(title: str = "CLI command latency p95", word: str = "Watch", **more: Any) -> MetricLine:
    usual = {"shown": "203 ms", "baseline": "189 ms", "delta": "+7.4 %", "limit_text": "≤ 210 ms"}
    usual["tolerance"] = "±5 %"
    return MetricLine(id="cli_p95", title=title, unit="ms", word=word, **{**usual, **more})


def a_page(**more: Any) -> PageFacts:
    usual: dict[str, Any] = {
        "kind": "checkpoint",
        "title": "+24h checkpoint: Telemetry Step 2",
        "deployment": SLUG,
        "name": "Telemetry Step 2",
        "ticket": "CHG-2025-0121",
        "zone": "America/Los_Angeles",
        "start": NOW,
        "end": NOW,
        "observed_until": NOW,
        "as_of": NOW,
        "word": "Watch",
        "sentence": "CLI command latency p95 is 7.4 % above its baseline, inside its limit.",
        "metrics": (line("Parser latency p50", "Pass", shown="58.4 ms"), line()),
        "asks": (Ask(word="Watch", text="CLI command latency p95"), Ask(word="Watch", text="Unplanned restart")),
        "late": "late by 3 h 10 min",
    }
    return PageFacts(**{**usual, **more})


def a_message(page: PageFacts | None = None, event: Event | None = None, **more: Any) -> Message:
    usual = {"url": "https://reports.example.org/", "path": "2025/01/x/checkpoint-24h.html", "log": (42, "r00t=")}
    return compose(event or an_event(before="pass"), page or a_page(), deployment(), **{**usual, **more})


# --- what there is to tell


def told(entries: list[Entry]) -> list[tuple[str, str, bool]]:
    return [(event.scope, event.state, event.changed) for event in events_of(entries)]


def test_only_the_first_of_equal_verdicts_is_a_change() -> None:
    log = [verdict(1, "window", "pass"), verdict(2, "after-1h", "pass"), verdict(3, "after-12h", "warn")]

    assert told([*log, verdict(4, "window", "fail", slug="other")]) == [
        ("window", "pass", True),
        ("after-1h", "pass", False),
        ("after-12h", "warn", True),
        ("window", "fail", True),
    ]


def test_a_rollback_is_told_and_then_stays_the_state() -> None:
    log = [verdict(1, "window", "fail"), entry(2, "outcome", outcome="rolled_back"), verdict(3, "window", "fail")]

    assert told(log) == [("window", "fail", True), ("outcome", "rolled_back", True), ("window", "rolled_back", False)]


def test_a_deployment_that_was_closed_well_keeps_its_verdict() -> None:
    log = [verdict(1, "window", "pass"), entry(2, "outcome", outcome="succeeded"), verdict(3, "window", "pass")]

    assert told(log)[1:] == [("outcome", "succeeded", True), ("window", "pass", False)]


def test_a_breach_after_a_deployment_was_postponed_is_told_as_any_other() -> None:
    log = [verdict(1, "window", "pass"), entry(2, "outcome", outcome="postponed"), verdict(3, "window", "fail")]

    assert told(log)[1:] == [("outcome", "postponed", True), ("window", "fail", True)]


def test_an_end_that_is_said_again_replaces_what_was_said() -> None:
    log = [
        entry(1, "outcome", outcome="aborted"),
        entry(2, "outcome", outcome="succeeded"),
        verdict(3, "window", "fail"),
    ]

    assert told(log)[1:] == [("outcome", "succeeded", True), ("window", "fail", True)]


def test_a_failing_run_is_told_once_however_often_it_is_tried() -> None:
    log = [entry(n, "run", scope="window", result="timeout", attempt=n) for n in (1, 2, 3)]

    assert told([*log, verdict(4, "window", "pass")]) == [("window", "error", True), ("window", "pass", True)]


def test_a_daily_report_changes_no_state() -> None:
    assert told([verdict(1, "daily-2025-01-22", "fail", slug="")]) == [("daily-2025-01-22", "fail", False)]


def test_a_daily_report_brings_its_page() -> None:
    log = [
        entry(1, "run", slug="daily", scope="daily-2025-01-22", result="completed", page="sha256/ab/cd.json"),
        verdict(2, "daily-2025-01-22", "pass", slug=""),
    ]

    assert [event.page for event in events_of(log)] == log[:1]


def test_an_event_knows_the_page_that_was_recorded_with_it() -> None:
    log = [entry(1, "run", scope="window", result="completed", page="sha256/ab/cd.json"), verdict(2, "window", "pass")]

    assert [event.page for event in events_of(log)] == log[:1]


# --- who is told


def test_channels_as_people_write_them() -> None:
    found = channels_of(
        {
            "ops": "env:SLACK_URL",
            "mail": {
                "url": "env:SMTP_URL",
                "to": "a@example.org, b@example.org",
                "on": "every",
                "from": "c@example.org",
            },
            "page": {"url": "file:pagerduty", "on": ["fail", "no_data"]},
        }
    )

    assert found["ops"] == Channel(name="ops", url="env:SLACK_URL")
    assert (found["mail"].to, found["mail"].on) == (("a@example.org", "b@example.org"), "every")
    assert found["page"].on == ("fail", "no_data")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"to": "a@example.org"}, "channels > ops: has no address; write 'ops: env:SLACK_URL'"),
        ({"url": "env:X", "onn": "every"}, "'onn' is not a key here; keys are url, on, to, from"),
        ({"url": "env:X", "on": "breach"}, "on: 'breach' is none of change, every, pass, warn"),
    ],
)
def test_a_channel_that_cannot_be_meant_is_refused(said: Any, problem: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        channels_of({"ops": said})

    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("on", "wanted"),
    [
        ("change", [("pass", True), ("fail", True)]),
        ("every", [("pass", True), ("pass", False), ("fail", True), ("fail", False)]),
        (("fail",), [("fail", True)]),
    ],
)
def test_what_a_channel_wants(on: Any, wanted: list[tuple[str, bool]]) -> None:
    channel = Channel(name="ops", url="env:X", on=on)
    cases = [(state, changed) for state in ("pass", "fail") for changed in (True, False)]

    assert [case for case in cases if channel.wants(*case)] == wanted


def test_the_nearest_choice_of_channels_counts() -> None:
    channels = {name: Channel(name=name, url="env:X") for name in ("ops", "mail", "page")}

    def names(one: Any, notify: tuple[str, ...] = ()) -> list[str]:
        return [channel.name for channel in told_to(one, notify, channels)]

    assert names(deployment(notify=("page", "gone")), ("mail",)) == ["page"]
    assert names(deployment(), ("mail",)) == ["mail"]
    assert names(deployment()) == ["ops", "mail", "page"]


def test_what_was_delivered_is_told_no_more_and_what_was_not_is_tried_again() -> None:
    ops = Channel(name="ops", url="env:X")
    log = [verdict(1, "window", "pass"), verdict(2, "after-1h", "warn")]
    waits = untold(log, lambda slug: [ops], NOW)
    first = {"channel": "ops", "message": key_of(waits[0][0]), "delivered": True}
    second = {"channel": "ops", "message": key_of(waits[1][0]), "delivered": False}

    log += [entry(3, "notification", **first), entry(4, "notification", **second)]
    left = untold(log, lambda slug: [ops], NOW + timedelta(days=2))

    assert [event.scope for event, _, _ in waits] == ["window", "after-1h"]
    assert [(event.scope, tried) for event, _, tried in left] == [("after-1h", True)]
    log.append(entry(5, "notification", **{**second, "delivered": True}))
    assert untold(log, lambda slug: [ops], NOW) == []


def test_a_new_channel_hears_no_old_news() -> None:
    log = [verdict(1, "window", "pass", NOW - timedelta(days=30)), verdict(2, "after-1h", "warn", NOW)]

    waits = untold(log, lambda slug: [Channel(name="new", url="env:X")], NOW)

    assert [event.scope for event, _, _ in waits] == ["after-1h"]


# --- text of others


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("two\r\nlines\tand  more", "two lines and more"),
        ("bell\x07 and \u202eright to left", "bell and right to left"),
        ("a" * 301, "a" * 300 + " … [cut, 301 characters]"),
        ("58.4 ms, +1.9 %, ≤ 65 ms", "58.4 ms, +1.9 %, ≤ 65 ms"),
    ],
)
def test_plain_text_is_one_visible_line(text: str, clean: str) -> None:
    assert plain(text) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("@here", f"@{JOINER}here"),
        ("<@U1>", f"<{JOINER}@{JOINER}U1>"),
        ("<!channel>", f"<{JOINER}!channel>"),
        ("[a](b)", f"[a]{JOINER}(b)"),
        ("https://x", f"https:{JOINER}//x"),
        ("at 14:00 < 65 ms", "at 14:00 < 65 ms"),
    ],
)
def test_nothing_in_a_chat_mentions_or_links(text: str, clean: str) -> None:
    assert chat(text) == clean
    assert slack(text) == clean.replace("<", "&lt;").replace(">", "&gt;")


# --- one message


def test_a_message_says_what_decided_it_and_where_to_read_on() -> None:
    assert a_message().text().splitlines() == [
        "Watch: +24h checkpoint: Telemetry Step 2 (CHG-2025-0121)",
        "CLI command latency p95 is 7.4 % above its baseline, inside its limit.",
        "Decided by: CLI command latency p95, Watch: 203 ms, baseline 189 ms, +7.4 %, ≤ 210 ms, tolerance ±5 %",
        "Watch: Unplanned restart",
        "Late: by 3 h 10 min",
        "Before: Pass",
        "Lead: Oliver",
        "Report: https://reports.example.org/2025/01/x/checkpoint-24h.html",
        "Evidence log: 42 entries, root r00t=",
    ]


def test_where_all_pass_the_closest_to_its_limit_is_named() -> None:
    page = a_page(metrics=(line(word="Pass"),), asks=(), word="Pass", detail="Closest to its limit: CLI p95.", late="")

    assert "Detail: Closest to its limit: CLI p95." in a_message(page, an_event("pass")).text()


def test_a_metric_without_a_target_names_no_limit() -> None:
    page = a_page(metrics=(line(limit_text="—"),))

    assert "203 ms, baseline 189 ms, +7.4 %, tolerance ±5 %" in a_message(page).text()


def test_a_message_says_nothing_twice() -> None:
    other = "Checkout 2.4 of the same service was deployed in the window."
    page = a_page(metrics=(line(word="Pass"),), sentence=other, detail="1 more below.", late="")
    message = a_message(replace(page, asks=(Ask(word="Watch", text=other), Ask(word="Watch", text="A restart"))))

    assert message.text().splitlines()[1:4] == [other, "Watch: A restart", "Before: Pass"]


def test_a_run_that_failed_and_an_end_are_told_without_a_page() -> None:
    failed = compose(an_event("error"), None, deployment(), reason="timeout")
    ended = compose(an_event("rolled_back", scope="outcome", before="fail"), None, deployment(), reason="p95 too slow")

    gone = compose(an_event("aborted", scope="outcome"), None, None)

    assert gone.text() == f"Aborted: {SLUG}\n"  # its folder is gone, or its file has a mistake
    assert failed.text().splitlines()[:2] == [
        "Not produced: +24h checkpoint: Telemetry Step 2 (CHG-2025-0121)",
        "Because: timeout",
    ]
    assert ended.text().splitlines()[:3] == [
        "Rolled back: Telemetry Step 2 (CHG-2025-0121)",
        "Because: p95 too slow",
        "Before: Breach",
    ]


def hostile() -> Message:
    """Hostile text in every field that people or files fill."""
    page = a_page(
        **dict.fromkeys(("title", "ticket", "sentence", "detail", "late", "name"), HOSTILE),
        metrics=(line(HOSTILE, shown=HOSTILE, baseline=HOSTILE, delta=HOSTILE, limit_text=HOSTILE),),
        asks=(Ask(word="Watch", text=HOSTILE),),
    )
    one = replace(deployment(), title=HOSTILE, lead=HOSTILE, ticket=HOSTILE)
    return compose(
        an_event(), page, one, reason=HOSTILE, log=(42, "r00t="), url="https://reports.example.org", path="x.html"
    )


def hostile_draft(kind: str) -> Message:
    """Hostile text in every field that a draft is made from, and more of each sort than it shows."""
    page = a_page(
        **dict.fromkeys(("title", "ticket", "sentence", "name"), HOSTILE),
        metrics=tuple(line(HOSTILE, shown=HOSTILE, baseline=HOSTILE, delta=HOSTILE) for _ in range(20)),
        asks=tuple(Ask(word="Watch", text=HOSTILE, note=HOSTILE) for _ in range(20)),
        checkpoints=(CheckpointLine(after=HOSTILE, due=NOW, word="Watch", note=HOSTILE),),
    )
    entries = tuple(
        Line(at=NOW, text=f"{number} {HOSTILE}", kind=sort, key=True, people=(HOSTILE,))
        for number, sort in enumerate(["alert", "alert", "note"] * 20)
    )
    closing = Closing(outcome="succeeded", at=NOW, reason=HOSTILE, by=HOSTILE)
    one = replace(deployment(), title=HOSTILE, lead=HOSTILE, ticket=HOSTILE, version=HOSTILE, closing=closing)
    records = Records(
        rehearsal=Rehearsal(script=HOSTILE), actions=(Action(id=HOSTILE, text=HOSTILE, owner=HOSTILE, status=HOSTILE),)
    )
    facts = Facts(deployment=one, as_of=NOW, verdict=Verdict.WARN, sentence=HOSTILE, entries=entries, records=records)
    link = "https://reports.example.org/x.html"
    return draft(kind, facts, page, at=NOW, text=HOSTILE, link=link, log=(42, "r00t="))


def every_hostile() -> list[Message]:
    return [hostile(), *map(hostile_draft, KINDS)]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(one)


@pytest.mark.parametrize("message", every_hostile())
def test_hostile_text_is_inert_in_slack_form(message: Message) -> None:
    payload = message.slack()

    for text in strings(payload):
        assert "\x00" not in text
        assert "\u202e" not in text
        assert "@here" not in text
        assert "<!" not in text.replace(f"<{JOINER}!", "")
    assert "<script>" not in payload["text"]
    assert "[cut, 10," in payload["text"]
    assert payload["text"].count("<") == 1  # our own link
    header, *sections, foot = payload["blocks"]
    assert [each["text"]["type"] for each in (header, *sections)] == ["plain_text"] * (1 + len(sections))
    assert len(header["text"]["text"]) <= 150
    assert all(len(each["text"]["text"]) <= 3000 for each in sections)  # what Slack takes in a block
    assert len(payload["blocks"]) <= 50
    assert foot["elements"][0]["text"].startswith("<https://reports.example.org/x.html|Open the report>")
    shown = "".join(each["text"]["text"] for each in sections)
    assert shown.count("[cut, 10,") == payload["text"].count("[cut, 10,")  # the blocks hold each line whole


@pytest.mark.parametrize("message", every_hostile())
def test_hostile_text_is_inert_in_markdown(message: Message) -> None:
    from markdown import Markdown

    found = Tags(Markdown().convert(message.markdown()))

    assert set(found.tags) <= {"p", "strong", "ul", "li", "a"}
    assert found.links == ["https://reports.example.org/x.html"]
    assert "@here" not in message.markdown()
    assert "[cut, 10," in message.markdown().replace("\\", "")


def test_a_draft_says_how_much_it_leaves_out() -> None:
    text = hostile_draft("status").text()

    assert text.count("And: 8 more like these, in the report\n") == 2  # of 20 metrics, of 20 things to look at
    assert "And: 28 more like these, in the report\n" in text  # of 40 incidents


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src") or name.startswith("on")]


@pytest.mark.parametrize("message", every_hostile())
def test_hostile_text_is_inert_in_html(message: Message) -> None:
    message = replace(message, pictures=(Picture(name="cli_p95", alt=HOSTILE, content=b"png"),))

    found = Tags(message.html())

    ours = {
        "html",
        "head",
        "meta",
        "title",
        "body",
        "h1",
        "span",
        "br",
        "p",
        "b",
        "a",
        "table",
        "tr",
        "th",
        "td",
        "img",
    }
    assert set(found.tags) <= ours
    assert found.links == ["https://reports.example.org/x.html", "cid:cli_p95"]
    assert len(message.html()) < 100_000


# --- real servers


@contextmanager
def mail_server() -> Iterator[tuple[int, list[EmailMessage]]]:
    """aiosmtpd on the loopback, and what it received."""
    controllers = pytest.importorskip("aiosmtpd.controller")
    received: list[EmailMessage] = []

    class Inbox:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            letter = message_from_bytes(envelope.content, policy=policy.default)
            letter["X-Rcpt"] = ",".join(envelope.rcpt_tos)
            received.append(letter)
            return "250 OK"

    controller = controllers.Controller(Inbox(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port, received
    finally:
        controller.stop()


@contextmanager
def webhook(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver of JSON on the loopback, and what it received."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/services/T0/B0/s3cret", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def deliver(channel: Channel, message: Message, folder: Path, **environ: str) -> None:
    _, content = written(channel, message, environ=environ, folder=folder, now=NOW)
    notify.deliver(channel, message, content, environ=environ, folder=folder)


def test_mail_arrives_as_text_and_html_with_its_picture(tmp_path: Path) -> None:
    picture = Picture(name="cli_p95", alt="CLI p95 over the hour, median 203 ms", content=b"\x89PNG fake")
    channel = Channel(name="mail", url="env:SMTP_URL", to=("a@example.org", "b@example.org"), sender="c@example.org")

    with mail_server() as (port, received):
        deliver(channel, a_message(pictures=(picture,)), tmp_path, SMTP_URL=f"smtp://127.0.0.1:{port}")

    (letter,) = received
    assert letter["Subject"] == "[Watch] +24h checkpoint: Telemetry Step 2 (CHG-2025-0121)"
    assert (letter["From"], letter["X-Rcpt"]) == ("c@example.org", "a@example.org,b@example.org")
    assert letter["Message-ID"] == f"<41.after-24h.{SLUG}@deploybook>"
    text, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert text is not None and html is not None
    assert text.get_content().replace("\r\n", "\n") == a_message().text()
    assert "CLI command latency p95</th>" in html.get_content()
    assert Tags(html.get_content()).links[-1] == "cid:cli_p95"
    images = [part for part in letter.walk() if part.get_content_type() == "image/png"]
    assert [(part["Content-ID"], part.get_content()) for part in images] == [("<cli_p95>", b"\x89PNG fake")]


@pytest.mark.parametrize("message", every_hostile())
def test_hostile_mail_adds_no_header_and_no_recipient(tmp_path: Path, message: Message) -> None:
    channel = Channel(name="mail", url="env:SMTP_URL", to=("a@example.org",))

    with mail_server() as (port, received):
        deliver(channel, message, tmp_path, SMTP_URL=f"smtp://127.0.0.1:{port}")

    (letter,) = received
    assert (letter["Bcc"], letter["X-Rcpt"]) == (None, "a@example.org")
    assert len(letter["Subject"]) < 250
    assert len(letter.as_bytes()) < 300_000


@pytest.mark.parametrize("message", [a_message(), *every_hostile()])
def test_a_webhook_in_slack_form_gets_the_message(tmp_path: Path, message: Message) -> None:
    with webhook() as (url, received):
        deliver(Channel(name="ops", url="env:SLACK_URL"), message, tmp_path, SLACK_URL=url)

    assert received == [message.slack()]


def test_apprise_reaches_the_others(tmp_path: Path) -> None:
    pytest.importorskip("apprise")

    with webhook() as (url, received):
        address = url.replace("http://", "json://")
        deliver(Channel(name="ops", url="env:ANY_URL"), hostile(), tmp_path, ANY_URL=address)

    (said,) = received
    assert said["title"].startswith(f"Watch: <{JOINER}!channel> @{JOINER}here")
    assert "Evidence log: 42 entries, root r00t=" in said["message"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:PORT/services/T0/B0/s3cret", "channel ops: no answer (ConnectError)"),
        ("smtp://user:s3cret@127.0.0.1:PORT", "channel ops: mail not taken (ConnectionRefusedError)"),
        ("nosuch://s3cret", "channel ops: not an address that Apprise knows"),
    ],
)
def test_a_channel_that_fails_says_why_and_never_its_address(tmp_path: Path, url: str, why: str) -> None:
    if url.startswith("nosuch"):
        pytest.importorskip("apprise")
    channel = Channel(name="ops", url="env:OPS_URL", to=("a@example.org",))

    with pytest.raises(NotDelivered) as caught:
        deliver(channel, a_message(), tmp_path, OPS_URL=url.replace("PORT", str(free_port())))

    assert str(caught.value) == why
    assert caught.value.__cause__ is None


def test_an_answer_that_is_no_success_is_told(tmp_path: Path) -> None:
    with webhook(status=500) as (url, _), pytest.raises(NotDelivered, match="channel ops: answered 500"):
        deliver(Channel(name="ops", url="env:OPS_URL"), a_message(), tmp_path, OPS_URL=url)


def test_a_secret_that_is_not_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotDelivered, match="the environment variable OPS_URL is not set"):
        deliver(Channel(name="ops", url="env:OPS_URL"), a_message(), tmp_path)


def test_no_password_goes_to_a_mail_server_without_tls(tmp_path: Path) -> None:
    with mail_server() as (port, received), pytest.raises(NotDelivered, match="offers no TLS, so no password is sent"):
        url = f"smtp://user:s3cret@127.0.0.1:{port}"
        deliver(Channel(name="mail", url="env:U", to=("a@example.org",)), a_message(), tmp_path, U=url)

    assert received == []


@pytest.mark.parametrize(
    ("channel", "url", "ending"),
    [
        (Channel(name="m", url="env:U", to=("a@example.org",)), "smtp://127.0.0.1", "eml"),
        (Channel(name="m", url="env:U", to=("a@example.org",)), "", "eml"),
        (Channel(name="s", url="env:U"), "https://hooks.example/s3cret", "json"),
        (Channel(name="p", url="env:U"), "pagerduty://s3cret@x", "txt"),
    ],
)
def test_a_message_can_be_read_before_it_is_sent(tmp_path: Path, channel: Channel, url: str, ending: str) -> None:
    end, content = written(channel, a_message(), environ={"U": url}, folder=tmp_path, now=NOW)

    assert end == ending
    assert b"Telemetry Step 2" in content
    assert b"s3cret" not in content


# --- the feed

ATOM = "{http://www.w3.org/2005/Atom}"


def test_the_feed_holds_each_change_newest_first_and_is_the_same_each_time() -> None:
    older = a_message(event=an_event(index=7, at=NOW - timedelta(hours=1)))
    messages = [older, replace(hostile(), event=an_event(index=9))]

    text = feed(messages, title="Deployments & more", url="https://reports.example.org", origin="example.org/ops")

    root = ET.fromstring(text)
    assert root.findtext(f"{ATOM}title") == "Deployments & more"
    assert root.findtext(f"{ATOM}updated") == "2025-01-23T23:31:00Z"
    ids = [one.findtext(f"{ATOM}id") for one in root.findall(f"{ATOM}entry")]
    assert ids == ["urn:deploybook:example.org/ops:9", "urn:deploybook:example.org/ops:7"]
    links = [link.get("href") for link in root.iter(f"{ATOM}link")]
    assert links[0] == "https://reports.example.org/feed.xml"
    assert text == feed(
        messages, title="Deployments & more", url="https://reports.example.org", origin="example.org/ops"
    )


def test_the_feed_says_when_a_postponed_deployment_is_planned_for_and_why() -> None:
    message = compose(
        an_event("postponed", scope="outcome"),
        None,
        deployment(),
        reason="no go from Paris",
        moved="29 Jan 2025, 14:00 to 15:30 PT",
    )

    (entry,) = ET.fromstring(feed([message], title="Reports")).findall(f"{ATOM}entry")

    assert entry.findtext(f"{ATOM}title") == "Postponed: Telemetry Step 2 (CHG-2025-0121)"
    assert entry.findtext(f"{ATOM}summary") == "29 Jan 2025, 14:00 to 15:30 PT; no go from Paris"


def test_a_feed_without_a_change_is_still_a_feed() -> None:
    assert ET.fromstring(feed([], title="Reports")).findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"

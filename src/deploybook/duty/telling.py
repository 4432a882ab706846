"""Telling people what a run made: which messages wait, what is in them, and whether they arrived."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DeploybookError, UsageProblem
from ..wording import window_text

if TYPE_CHECKING:
    from ..evidence import Artifact, Entry, Log
    from ..model import Deployment
    from ..notify import Channel, Event, Message, Picture
    from ..records import Workspace
    from ..sections.page import PageFacts
    from .agenda import Agenda

SENT = "messages"  # what the exports call the source of what we sent ourselves
Waiting = list[tuple["Event", "Channel", bool]]


def waiting(agenda: Agenda, now: datetime) -> Waiting:
    """The messages that nobody got yet; none where there is no channel."""
    if not agenda.settings.channels:
        return []
    from ..notify import channels_of, told_to, untold

    try:
        channels = channels_of(agenda.settings.channels)
    except UsageProblem:
        return []  # told where messages are sent; no report waits for it

    def to(slug: str) -> list[Channel]:
        return told_to(agenda.deployments.get(slug), agenda.settings.notify, channels)

    return untold(agenda.entries, to, now)


def tell_all(agenda: Agenda, log: Log, now: datetime, say: Callable[..., None]) -> list[str]:
    """Sends what waits and records it; gives what did not arrive, in words. A channel that fails is tried again."""
    from ..notify import channels_of, key_of

    left = []
    try:
        channels_of(agenda.settings.channels)
    except UsageProblem as problem:
        say("untold", f"not told: {problem}", error=True)
        return [str(problem)]
    for event, channel, tried in waiting(agenda, now):
        message = message_of(agenda, event, log, mail=bool(channel.to))
        what, root = f"{message.word}: {message.subject}", agenda.workspace.root
        sent = hand_over(root, log, channel, message, now, name=key_of(event), again=tried)
        if sent.problem:
            left.append(f"{what}: {sent.problem}")
            say("untold", f"not told: {left[-1]}", error=True, channel=channel.name)
        else:
            say("told", f"told {channel.name}: {what}", channel=channel.name)
    return left


@dataclass(frozen=True, kw_only=True)
class Sent:
    """problem: why it was not taken, '' where it was. kept: the bytes as they left, where they were recorded."""

    problem: str = ""
    kept: Artifact | None = None


def hand_over(
    root: Path,
    log: Log,
    channel: Channel,
    message: Message,
    now: datetime,
    *,
    name: str,
    by: str = "",
    again: bool = False,
) -> Sent:
    """
    Sends a message and records it under its name: as text, and byte by byte as it left.

    It is looked through for credentials before it leaves. again: it was tried before, and one entry is enough for all
    attempts that fail.
    """
    from ..evidence import statement
    from ..notify import NotDelivered, deliver, written

    ending, content = written(channel, message, environ=os.environ, folder=root, now=now)
    text = message.text().encode()
    try:
        for what in (text, content):
            log.gate.check(what, f"channel {channel.name}: the message")
        deliver(channel, message, content, environ=os.environ, folder=root)
        problem = ""
    except NotDelivered as error:
        problem = str(error)
        if again:
            return Sent(problem=problem)
    except DeploybookError as error:
        return Sent(problem=str(error))  # what holds a credential is not recorded either
    kept = {"message.txt": log.put(text, "txt"), f"sent.{ending}": log.put(content, ending)}
    about = {"deployment": message.event.deployment, "ticket": "", "actor": statement.tidied(by)}
    said = statement.notification(kept, channel=channel.name, message=name, delivered=not problem, **about)
    log.append([said], now)
    return Sent(problem=problem, kept=kept[f"sent.{ending}"])


def sent_text(message: Message, channel: Channel) -> str:
    return f"Sent to {channel.name}: {message.word}: {message.subject}"


def put_on_page(
    workspace: Workspace, log: Log, slug: str, text: str, kept: Artifact, now: datetime, by: str = ""
) -> None:
    """A line for the minute log, with the bytes as its evidence: an event among the exports, as one of a chat would be."""
    from .. import __version__, exports
    from ..book.shelf import MESSAGE
    from ..model import Entry, Original, Pulled

    at = now.replace(microsecond=0)
    path = f"../../evidence/{kept.path}"
    original = Original(
        digest=kept.digest, size=kept.size, path=path, query=text, source=SENT, kind=MESSAGE, rows=1, asked=at
    )
    people = (by,) if by else ()
    entry = Entry(at=at, text=text, kind="comms", people=people, origin=SENT, evidence=kept.digest)
    pulled = Pulled(source=SENT, events=(entry,), originals=(original,))
    exports.store(workspace.folder(slug) / "exports", [pulled], tool=__version__, check=log.gate.check)


def message_of(agenda: Agenda, event: Event, log: Log, *, mail: bool = False, page: PageFacts | None = None) -> Message:
    """The message about an event, out of what was recorded at its time; or of `page`."""
    from ..notify import compose
    from .drafting import head_of

    deployment = agenda.deployments.get(event.deployment)
    page = page or page_of(log, event.page)
    return compose(
        event,
        page,
        deployment,
        url=agenda.settings.url,
        path=address(agenda, event),
        log=head_of(log),
        reason=reason_of(agenda, event, log),
        moved=moved_to(agenda, event, deployment),
        pictures=pictures(agenda, event) if mail and page else (),
    )


def reason_of(agenda: Agenda, event: Event, log: Log) -> str:
    """Why a run failed, or the deployment ended, as recorded then; '' where nobody said why."""
    entry = next((entry for entry in agenda.entries if entry.index == event.index), None)
    if entry and event.state == "error":
        return str(entry.predicate.get("result"))
    return recorded(log, entry, "reason.txt").decode() if event.scope == "outcome" else ""


def moved_to(agenda: Agenda, event: Event, deployment: Deployment | None) -> str:
    """The new window of a deployment that was postponed; '' where its end was said anew since."""
    ends = [e.index for e in agenda.entries if e.kind == "outcome" and e.deployment == event.deployment]
    if event.state != "postponed" or event.index != ends[-1] or deployment is None or deployment.closing:
        return ""
    return window_text(deployment.window, deployment.zone, year=True)


def page_of(log: Log, run: Entry | None) -> PageFacts | None:
    """What the page of that run says of itself; EvidenceBroken where that is not what was recorded."""
    import msgspec

    from ..sections.page import PageFacts

    try:
        return msgspec.json.decode(recorded(log, run, ".page.json"), type=PageFacts)
    except msgspec.MsgspecError:
        return None  # removed by rule, or of another version: the message says less


def recorded(log: Log, entry: Entry | None, ending: str) -> bytes:
    """What is kept of an entry under a name with this ending; nothing where there is none, or it was removed by rule."""
    name = next((name for name in entry.paths if name.endswith(ending)), "") if entry else ""
    try:
        return log.read(entry, name) if entry and name else b""
    except OSError:
        return b""


def address(agenda: Agenda, event: Event) -> str:
    """The report's address in the site; '' where an end is told of a deployment that has no report."""
    if event.scope.startswith("daily-"):
        day = event.scope.removeprefix("daily-")
        return f"{day[:4]}/{day[5:7]}/daily/{day}.html"
    from .drafting import page_address

    deployment = agenda.deployments.get(event.deployment)
    if deployment is None:
        return ""
    path = page_address(agenda.workspace, deployment, event.scope)
    made = (agenda.workspace.root / "reports" / path).with_suffix(".md").is_file()
    return path if made or event.scope != "outcome" else ""


def pictures(agenda: Agenda, event: Event) -> tuple[Picture, ...]:
    """The chart of the metric that decided, for mail; none where there is nothing to draw."""
    from .. import charts
    from ..book import Book
    from ..book.pictures import chart_of
    from ..charts.describe import describe
    from ..model import WORST_FIRST
    from ..notify import Picture

    after = {"window": None, "outcome": None}.get(event.scope, event.scope.removeprefix("after-"))
    try:
        book = Book.open(event.deployment, after, workspace=agenda.workspace.root)
        known = [each for each in book.facts.metrics if each.now.value is not None and not each.metric.show_change]
        known = [each for each in known if each.verdict in WORST_FIRST and each.metric.kind != "query"]
        if not known:
            return ()
        worst = min(known, key=lambda each: WORST_FIRST.index(each.verdict))
        chart = chart_of(book.facts, book.data, worst)
        return (
            Picture(
                name=worst.metric.id,
                title=worst.metric.title,
                alt=describe(chart),
                content=charts.draw_png(chart, scale=1.5),
            ),
        )
    except (DeploybookError, ValueError):
        return ()  # the message goes without its picture


def write_feed(agenda: Agenda, log: Log) -> None:
    """reports/feed.xml, from where the site takes it."""
    from ..notify import events_of, feed

    changes = [event for event in events_of(agenda.entries) if event.changed][-50:]
    messages = [message_of(agenda, event, log) for event in changes]
    settings = agenda.settings
    text = feed(messages, title=settings.title or "Deployment reports", url=settings.url, origin=log.head().origin)
    path = agenda.workspace.root / "reports" / "feed.xml"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    from .health import replace_text

    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, text)


def rehearsed(agenda: Agenda, log: Log, now: datetime, folder: Path) -> Iterator[str]:
    """
    Writes every message that a run would send now, as it would leave: what waits, what is due, judged in memory, and what
    is planned. Says of each which file it is, or why it would be held.
    """
    from ..book import Book
    from ..evidence import Entry
    from ..notify import channels_of, told_to, untold, written
    from ..sections.page import page_facts
    from .planned import message_planned, standings

    channels = channels_of(agenda.settings.channels)
    entries, pages = list(agenda.entries), {}
    ready = [item for item in agenda.items if item.ready(now)]
    for number, item in enumerate(ready):
        if item.slot.day is not None:
            continue
        index = log.head().size + number
        after = "closing" if item.slot.kind == "closing" else item.slot.after
        facts = Book.open(item.slot.deployment, after, workspace=agenda.workspace.root).facts
        kind = "outcome" if item.slot.kind == "outcome" else "closing" if item.slot.kind == "closing" else "checkpoint"
        pages[index] = page_facts(facts, kind, agenda.subject(item))  # type: ignore[arg-type]
        said = {"deployment": item.slot.deployment, "scope": item.slot.scope, "verdict": facts.verdict.value}
        stamp = now.isoformat().replace("+00:00", "Z")
        entries.append(Entry(index=index, kind="verdict", recorded_at=stamp, artifacts={}, paths={}, predicate=said))

    def to(slug: str) -> list[Channel]:
        return told_to(agenda.deployments.get(slug), agenda.settings.notify, channels)

    def write(channel: Channel, message: Message, name: str) -> str:
        ending, content = written(channel, message, environ=os.environ, folder=agenda.workspace.root, now=now)
        path = folder / f"{name}-{channel.name}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"would send: {agenda.workspace.shown(path)}"

    for event, channel, _ in untold(entries, to, now):
        message = message_of(agenda, event, log, page=pages.get(event.index))
        yield write(channel, message, f"{event.deployment or 'daily'}-{event.scope}")
    then = replace(agenda, entries=tuple(entries), items=tuple(item for item in agenda.items if item not in ready))
    for each in standings(then, now):
        if each.state == "due":
            message = message_planned(then, log, now, each)
            yield write(channels[each.message.channel], message, f"{each.deployment.slug}-{message.event.scope}")
        elif each.state in ("held", "next"):
            yield f"would hold: {each}"

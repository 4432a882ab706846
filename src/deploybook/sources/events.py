"""
What happened, as other systems tell it: flags, incidents, alerts, annotations, deployments, tags, chat.

Each kind is a reader of its JSON (as exported to files, or as the live API answers) and, where it has one, an address.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from ..errors import QueryRejected, SourceError
from ..model import ENTRY_KINDS, DataNote, Entry, Original, Pulled
from ..times import UTC, from_ms, iso, localise, to_ms
from ..wording import plural
from .files import content_of, named_files
from .http import Client, Reply
from .packed import unpacked
from .request import Request
from .rows import Unreadable

Item = Mapping[str, Any]
LONGEST = 500  # signs of one entry's text


@dataclass(frozen=True, kw_only=True)
class Kind:
    """
    items: the key of the list in the answer, '' where the answer is the list. read: the entries of one item.
    path, query: of the live API; {start} and {end} in a value are put in by `stamp`. scheme: before a token.
    until: the part of the query that bounds it above, where the answer is newest first; when: the time of an item then.
    counted: the part of the query that counts pages ('page') or items ('offset').
    """

    read: Callable[[Item], Iterable[Entry | None]]
    items: str = ""
    url: str = ""
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    stamp: Callable[[datetime], str] = iso
    scheme: str = "Bearer "
    until: str = ""
    when: tuple[str, ...] = ()
    counted: str = ""


def entry(at: datetime | None, text: str, kind: str, *people: object) -> Entry | None:
    """An entry in plain words: one line, no control signs, not endless; None without a time or words."""
    plain = "".join(sign if sign.isprintable() else " " for sign in re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))
    plain = " ".join(plain.split())[:LONGEST]
    names = tuple(name for person in people if (name := " ".join(str(person or "").split())[:80]))
    return Entry(at=at, text=plain, kind=kind, people=names) if at and plain else None


def moment(value: object) -> datetime | None:
    """A time as these systems write it: milliseconds or seconds since the epoch, or ISO 8601 with an offset."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return from_ms(int(value if abs(value) >= 1e11 else value * 1000))
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except (ValueError, OverflowError):
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def at(item: object, *way: str) -> Any:
    """What stands at the end of a way of keys; '' where there is nothing."""
    for key in way:
        item = item.get(key) if isinstance(item, Mapping) else None
    return "" if item is None else item


def launchdarkly(item: Item) -> Iterator[Entry | None]:
    name, id = at(item, "name") or at(item, "target", "name"), str(at(item, "_id"))
    said = str(at(item, "description") or at(item, "comment") or at(item, "titleVerb") or "changed").removeprefix("* ")
    who = at(item, "member", "firstName") or at(item, "member", "email")
    yield entry(moment(at(item, "date")), f"Flag {name}: {said} {f'({id})' if id else ''}", "flag", who)


def pagerduty(item: Item) -> Iterator[Entry | None]:
    number, service = at(item, "incident_number") or at(item, "id"), at(item, "service", "summary")
    text = f"#{number} {at(item, 'title') or at(item, 'summary')}{f' ({service})' if service else ''}"
    yield entry(moment(at(item, "created_at")), f"PagerDuty incident {text}", "alert")
    if at(item, "status") == "resolved":
        ended = at(item, "resolved_at") or at(item, "last_status_change_at")
        who = at(item, "last_status_change_by", "summary")
        yield entry(moment(ended), f"PagerDuty incident resolved: {text}", "alert", who)


def alertmanager(item: Item) -> Iterator[Entry | None]:
    labels = {**at(item, "labels")} if isinstance(at(item, "labels"), Mapping) else {}
    name = labels.pop("alertname", "without a name")
    words = at(item, "annotations", "summary") or ", ".join(f"{label}={labels[label]}" for label in sorted(labels))
    started, ended = moment(at(item, "startsAt")), moment(at(item, "endsAt"))
    yield entry(started, f"Alert {name}: {words}", "alert")
    if at(item, "status", "state") != "active" and started and ended and ended > started:
        yield entry(ended, f"Alert {name} ended: {words}", "alert")


def grafana(item: Item) -> Iterator[Entry | None]:
    tags = [str(tag) for tag in found] if isinstance(found := at(item, "tags"), list) else []
    text = re.sub(r"<[^>]*>", " ", str(at(item, "text")))
    kind = next((tag for tag in tags if tag in ENTRY_KINDS), "note")
    rest = ", ".join(tag for tag in tags if tag != kind)
    who = at(item, "userName") or at(item, "login")
    yield entry(moment(at(item, "time")), f"{text}{f' ({rest})' if rest else ''}", kind, who)


def github(item: Item) -> Iterator[Entry | None]:
    where, what = at(item, "environment"), at(item, "description")
    text = f"Deployment of {str(at(item, 'sha'))[:7]} ({at(item, 'ref')}) to {where}{f': {what}' if what else ''}"
    yield entry(moment(at(item, "created_at")), text, "note", at(item, "creator", "login"))


def gitlab(item: Item) -> Iterator[Entry | None]:
    ended = at(item, "deployable", "finished_at") or at(item, "finished_at") or at(item, "updated_at")
    text = f"Deployment of {str(at(item, 'sha'))[:7]} ({at(item, 'ref')}) to {at(item, 'environment', 'name')}"
    yield entry(moment(at(item, "created_at")), text, "note", at(item, "user", "name"))
    if (state := at(item, "status")) in ("success", "failed", "canceled"):
        yield entry(moment(ended), f"{text}: {state}", "note")


def slack(item: Item) -> Iterator[Entry | None]:
    if at(item, "type") not in ("message", "") or at(item, "subtype") in ("channel_join", "channel_leave"):
        return
    who = at(item, "user_profile", "display_name") or at(item, "user_profile", "real_name") or at(item, "user")
    text = re.sub(r"<([^|>]*)\|?([^>]*)>", lambda found: found[2] or found[1], str(at(item, "text")))
    for sign, plain in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(sign, plain)
    try:
        yield entry(moment(float(str(at(item, "ts")))), text, "comms", who)
    except ValueError:
        yield None


def milliseconds(at: datetime) -> str:
    return str(to_ms(at))


KINDS = {
    "launchdarkly": Kind(
        read=launchdarkly,
        items="items",
        url="https://app.launchdarkly.com",
        path="/api/v2/auditlog",
        query=(("after", "{start}"), ("before", "{end}"), ("limit", "20")),
        stamp=milliseconds,
        scheme="",
        until="before",
        when=("date",),
    ),
    "pagerduty": Kind(
        read=pagerduty,
        items="incidents",
        url="https://api.pagerduty.com",
        path="/incidents",
        query=(("since", "{start}"), ("until", "{end}"), ("limit", "100")),
        scheme="Token token=",
        counted="offset",
    ),
    "alertmanager": Kind(read=alertmanager, path="/api/v2/alerts"),
    "grafana": Kind(
        read=grafana,
        path="/api/annotations",
        query=(("from", "{start}"), ("to", "{end}"), ("limit", "100")),
        stamp=milliseconds,
        until="to",
        when=("timeEnd", "time"),
    ),
    "github": Kind(
        read=github,
        url="https://api.github.com",
        path="/repos/{repository}/deployments",
        query=(("per_page", "100"), ("environment", "{environment}")),
        when=("created_at",),
        counted="page",
    ),
    "gitlab": Kind(
        read=gitlab,
        url="https://gitlab.com",
        path="/api/v4/projects/{project}/deployments",
        query=(
            ("updated_after", "{start}"),
            ("updated_before", "{end}"),
            ("order_by", "updated_at"),
            ("per_page", "100"),
            ("environment", "{environment}"),
        ),
        counted="page",
    ),
    "slack": Kind(read=slack, items="messages"),
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A file or an answer, as received. query: what was asked, '' of a file; start, end: of the time asked for."""

    content: bytes
    place: str = ""
    query: str = ""
    start_ms: int = 0
    end_ms: int = 0


def pull(request: Request) -> Pulled:
    """The entries of a source of events, in order of time; of files, or of its API where `paths` are not written."""
    kind, notes, failure = request.source.kind, list[DataNote](), ""
    if kind == "git":
        told = [Told(content=tags_of(request), query="git for-each-ref refs/tags")]
    elif request.source.options.get("paths") or not KINDS[kind].path:
        told = list(from_files(request, notes))
    else:
        told, failure = from_server(request, KINDS[kind])
    if failure:
        text = f"only part of its events came: {failure}"
        notes.append(DataNote(kind="failed", metric="", count=len(told), text=text, place=request.source.name))
    events: dict[tuple[object, ...], Entry] = {}
    originals: list[Original] = []
    for one in told:
        original = Original(
            digest=hashlib.sha256(one.content).hexdigest(),
            size=len(one.content),
            path=one.place,
            source=request.source.name,
            kind=kind,
            query=one.query,
            start_ms=one.start_ms,
            end_ms=one.end_ms,
            asked=request.now if one.query else None,
        )
        try:
            found = read(one, kind, request, notes)
        except Unreadable as problem:
            text = f"{one.place or request.source.name} {problem.text}"
            notes.append(DataNote(kind=problem.kind, metric="", text=text, place=one.place))
            continue
        for event in found:  # one that stands on two pages is one
            once = replace(event, origin=request.source.name, evidence=original.digest)
            events.setdefault((event.at, event.text, event.people), once)
        originals.append(replace(original, rows=len(found)))
    near = request.stretches(request.windows)
    kept = [one for one in events.values() if not near or any(start <= to_ms(one.at) <= end for start, end in near)]
    return Pulled(
        source=request.source.name,
        events=tuple(sorted(kept, key=lambda one: (one.at, one.text))),
        originals=tuple(originals),
        notes=tuple(notes),
        failure=failure,
    )


def from_files(request: Request, notes: list[DataNote]) -> Iterator[Told]:
    for path, shown in named_files(request, notes):
        try:
            yield Told(content=unpacked(content_of(path)), place=shown)
        except Unreadable as problem:
            notes.append(DataNote(kind="unreadable", metric="", text=f"{shown} {problem.text}", place=shown))


def read(told: Told, kind: str, request: Request, notes: list[DataNote]) -> list[Entry]:
    """The entries of one file or answer. Raises Unreadable."""
    if kind == "slack" and not re.match(rb"\s*(\[\s*[{\]]|\{)", told.content):
        return pasted(told.content.decode("utf-8", "replace"), told.place, request)
    if kind == "git":
        given = [[tag(line)] for line in told.content.decode("utf-8", "replace").splitlines()]
    else:
        items = items_in(told.content, kind)
        given = [list(KINDS[kind].read(item)) if isinstance(item, Mapping) else [None] for item in items]
    if lost := sum(None in many for many in given):
        text = f"{plural(lost, 'event has', 'events have')} no time or no words, left out"
        notes.append(DataNote(kind="refused", metric="", count=lost, text=text, place=told.place))
    return [one for many in given for one in many if one]


def items_in(content: bytes, kind: str) -> list[Any]:
    """The list of events in an answer."""
    try:
        items = json.loads(content)
    except (ValueError, RecursionError):
        raise Unreadable("is no JSON") from None
    if isinstance(items, Mapping):
        keys = (KINDS[kind].items, "items", "data")
        items = next((items[key] for key in keys if isinstance(items.get(key), list)), None)
    if not isinstance(items, list):
        raise Unreadable(f"holds no list of {kind} events")
    return items


def from_server(request: Request, kind: Kind) -> tuple[list[Told], str]:
    """
    Every page of each stretch of time, and what kept back the rest, '' where nothing did; raises where nothing came.

    Alertmanager and GitHub tell only what is now, whatever the time.
    """
    options = request.source.options
    source = request.source if options.get("url") else replace(request.source, options={**options, "url": kind.url})
    said = {key: str(options.get(key) or "") for key in ("repository", "project", "environment")}
    path = kind.path.format(repository=quote(said["repository"]), project=quote(said["project"], safe=""))
    whole = not any("{start}" in value for _, value in kind.query)
    spans = request.stretches(request.windows)
    since = min((first for first, _ in spans), default=0)
    found: list[Told] = []
    with Client(replace(request, source=source), scheme=kind.scheme) as client:
        try:
            for start, end in [(0, 0)] if whole else spans:
                put = said | {"start": kind.stamp(from_ms(start)), "end": kind.stamp(from_ms(end))}
                query = {key: text for key, value in kind.query if (text := value.format(**put))}
                for asked, body in pages(client, request.source.kind, path, query, since):
                    words = f"GET {path} {json.dumps(asked, sort_keys=True)}"
                    found.append(Told(content=body, query=words, start_ms=start, end_ms=end))
                    request.tell(words, len(found), client.received)
        except SourceError as problem:
            if not found:
                raise
            return found, str(problem)
    return found, ""


def pages(
    client: Client, kind: str, path: str, query: dict[str, str] | None, since: int
) -> Iterator[tuple[dict[str, str], bytes]]:
    """Each page with what was asked for it, within the time and the bytes of one source."""
    asked: list[dict[str, str]] = []
    while query is not None:
        if query in asked or client.received > client.limit:
            what = "its pages lead back to one" if query in asked else f"more than {client.limit >> 20} MiB of pages"
            raise QueryRejected(f"{client.name}: {client.host}: {what}; ask about less time", source=client.name)
        asked.append(query)
        reply, items = client.ask(path, lambda reply: answered(client, reply, kind), query=query)
        yield query, reply.body
        query = following(KINDS[kind], reply, items, query, since)


def answered(client: Client, reply: Reply, kind: str) -> tuple[Reply, list[Any]]:
    if reply.status >= 400:
        refused = reply.status in (401, 403)
        hint = f"; see {client.credentials}" if refused else ""
        hint += "; is the path of 'url' right?" if reply.status == 404 else ""
        raise QueryRejected(f"{client.name}: {client.host} answered {reply.status}{hint}", source=client.name)
    try:
        return reply, items_in(reply.body, kind)
    except Unreadable as problem:
        words = f"its answer {problem.text}; is 'url' right?"
        raise QueryRejected(f"{client.name}: {client.host}: {words}", source=client.name) from None


def following(kind: Kind, reply: Reply, items: list[Any], query: dict[str, str], since: int) -> dict[str, str] | None:
    """
    What to ask for the next page, by its link, else by counting on or from the oldest item; None after the last.

    Of a link only the query is taken: path and host stay those that the credentials are for.
    since: nothing before it is wanted, milliseconds.
    """
    whole = json.loads(reply.body)
    times = [[to_ms(when) for key in kind.when if (when := moment(at(item, key)))] for item in items]
    oldest = min((max(each) for each in times if each), default=0)
    if not kind.until and 0 < oldest < since:
        return None
    if link := at(whole, "_links", "next", "href") or reply.following:
        return {**query, **dict(parse_qsl(urlsplit(str(link)).query))}
    limit = int(query.get("limit") or query.get("per_page") or 0)
    if not (at(whole, "more") if "more" in whole else len(items) >= limit > 0):
        return None
    if kind.until:
        return {**query, kind.until: str(oldest + 1)}
    step = limit if kind.counted == "offset" else 1
    return {**query, kind.counted: str(int(query.get(kind.counted, kind.counted == "page")) + step)}


def tags_of(request: Request) -> bytes:
    """The tags of a repository beside the deployment, a line each: time, name, commit, subject."""
    options = request.source.options
    folder = request.folder / str(options.get("path") or ".")
    pattern = f"refs/tags/{str(options.get('tags') or '').lstrip('-')}"
    form = "%(creatordate:iso-strict)%09%(refname:short)%09%(objectname:short)%09%(subject)"
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "for-each-ref", f"--format={form}", pattern.rstrip("/")],
            capture_output=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        raise SourceError(f"{request.source.name}: no git repository at {options.get('path') or '.'}") from None
    return done.stdout


def tag(line: str) -> Entry | None:
    time, name, commit, subject = (*line.split("\t", 3), "", "", "", "")[:4]
    return entry(moment(time), f"Tag {name} at {commit}{f': {subject}' if subject else ''}", "note")


CLOCK = r"(?P<clock>([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?)\s*(?P<half>[AaPp][Mm])?"
CHAT = re.compile(rf"(?P<who>\S.{{0,60}}?)\s+\[?{CLOCK}\]?(?P<words>)")
LINE = re.compile(rf"\[{CLOCK}\]\s+(?P<who>[^\s:][^:]{{0,60}}):\s(?P<words>.*)")


def pasted(text: str, place: str, request: Request) -> list[Entry]:
    """
    Chat as it is pasted: 'Avery  [2:03 PM]' above the words, or '[2:03 PM] Avery: words'; the day is in the file's
    name or in a line of its own.
    """
    zone = request.source.zone or (request.deployment.zone if request.deployment else None)
    day = day_in(Path(place).name)
    found: list[list[Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        head = LINE.fullmatch(line.strip()) or CHAT.fullmatch(line.strip())
        if head and zone and day:
            hour, rest = head["clock"].split(":", 1)
            turned = int(hour) % 12 + (12 if head["half"].lower() == "pm" else 0) if head["half"] else int(hour)
            try:
                found.append([localise(day, f"{turned}:{rest}", zone), head["who"], [head["words"]]])
            except ValueError as error:
                raise Unreadable(f"cannot be read in line {number}: {error}") from None
        elif other := day_in(line) if len(line.strip()) <= 12 else None:
            day = other
        elif line.strip() and found:
            found[-1][2].append(line.strip())
    if text.strip() and not found:
        raise Unreadable(
            "is no chat that can be read: it needs a day (in its name), a zone, and lines as 'Avery  [2:03 PM]'"
        )
    return [one for when, who, words in found if (one := entry(when, " ".join(words), "comms", who))]


def day_in(text: str) -> date | None:
    found = re.search(r"\d{4}-\d\d-\d\d", text)
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:  # 2025-02-30
        return None

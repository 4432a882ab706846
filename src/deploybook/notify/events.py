"""What there is to tell, out of the evidence log: each verdict, each run that failed, each end of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .channel import Channel

if TYPE_CHECKING:
    from ..evidence import Entry

FRESH = timedelta(days=1)  # what is older and was never tried is not told: a new channel hears of no old news
PATIENCE = timedelta(days=14)  # how long a channel that fails is tried again


@dataclass(frozen=True, kw_only=True)
class Event:
    """
    index: of its entry in the log. state: a verdict, an outcome, or 'error' for a run that failed. changed: other than
    the state before. page: the entry of the run that wrote the page.
    """

    index: int
    deployment: str
    scope: str
    state: str
    at: datetime
    before: str = ""
    changed: bool = True
    page: Entry | None = None


def events_of(entries: Iterable[Entry]) -> Iterator[Event]:
    """
    In the order of the log. A deployment that was rolled back or aborted keeps that as its state; one that was postponed
    is judged again, in its new window.
    """
    states: dict[str, str] = {}
    pages: dict[tuple[str, str], Entry] = {}
    ended: dict[str, str] = {}
    for entry in entries:
        said, slug = entry.predicate, entry.deployment
        scope = str(said.get("scope", ""))
        at = datetime.fromisoformat(entry.recorded_at)
        event = Event(index=entry.index, deployment=slug, scope=scope, state="", at=at)
        if entry.kind == "run" and scope:
            pages[slug, scope] = entry
            if said.get("result") == "completed" or int(said.get("attempt", 1)) > 1:
                continue
            event = replace(event, state="error")
        elif entry.kind == "verdict":
            state = ended.get(slug) or str(said.get("verdict"))
            event = replace(event, state=state, page=pages.get((slug or "daily", scope)))
        elif entry.kind == "outcome":
            event = replace(event, scope="outcome", state=str(said.get("outcome")))
        else:
            continue
        before = states.get(slug, "")
        daily = not slug
        yield replace(event, before=before, changed=event.state != before and not daily)
        if event.scope == "outcome":
            ended.pop(slug, None)
        if event.scope == "outcome" and event.state in ("rolled_back", "aborted"):
            ended[slug] = event.state
        if event.state != "succeeded":
            states[slug] = event.state


def key_of(event: Event) -> str:
    """What the log calls the message about an event."""
    return f"{event.scope} {event.state} #{event.index}"


def attempts(entries: Iterable[Entry]) -> dict[tuple[str, str, str], bool]:
    """Each message that was tried, by deployment, channel and name, and whether it was taken."""
    tried: dict[tuple[str, str, str], bool] = {}
    for entry in entries:
        if entry.kind == "notification":
            said = entry.predicate
            key = (entry.deployment, str(said.get("channel")), str(said.get("message")))
            tried[key] = tried.get(key, False) or bool(said.get("delivered"))
    return tried


def untold(
    entries: Iterable[Entry], to: Callable[[str], list[Channel]], now: datetime
) -> list[tuple[Event, Channel, bool]]:
    """
    Which messages wait: event, channel, and whether it was tried before. to: the channels of a deployment.
    """
    known = list(entries)
    tried, found = attempts(known), []
    for event in events_of(known):
        for channel in to(event.deployment):
            key = (event.deployment, channel.name, key_of(event))
            limit = PATIENCE if key in tried else FRESH
            if channel.wants(event.state, event.changed) and not tried.get(key) and now - event.at <= limit:
                found.append((event, channel, key in tried))
    return found

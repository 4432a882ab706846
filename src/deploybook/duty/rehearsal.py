"""Every message written before it is needed, with sample data: what cannot be written, and which channel leads nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import Problem, UsageProblem
from ..times import after_name

if TYPE_CHECKING:
    from ..book import Book
    from ..model import Deployment
    from ..notify import Message
    from ..records import Settings, Workspace

# One of each sort: what a deployment comes to, as scope and state.
STATES = (
    ("window", "pass"),
    ("after-24h", "fail"),
    ("closing", "warn"),
    ("window", "error"),
    ("outcome", "rolled_back"),
)
SAMPLE: dict[str, Any] = {"shown": "203 ms", "baseline": "189 ms", "delta": "+7.4 %", "word": "Watch"}


def unreached(workspace: Workspace, settings: Settings) -> Iterator[Problem]:
    """Each channel whose reference leads nowhere on this machine, or to mail for nobody; another one may have it."""
    from ..notify import NotDelivered, address, channels_of, form_of

    for name, channel in channels_of(settings.channels).items():
        try:
            if form_of(address(channel, os.environ, workspace.root)) == "eml" and not channel.to:
                raise NotDelivered(f"channel {name}: nobody to send to; write 'to: [team@example.org]'")
        except NotDelivered as error:
            found = in_file(workspace, "deploybook.yml", ("channels", name), f"{error}; nothing can be sent from here")
            yield replace(found, where=("hint",))


def unwritten(workspace: Workspace, settings: Settings, deployment: Deployment) -> Iterator[Problem]:
    """What of its messages cannot be written, or has no channel; its files have no other mistake."""
    from ..book import Book
    from ..model import Data
    from ..notify import channels_of, told_to, written

    channels, path = channels_of(settings.channels), deployment.path
    book = Book(workspace, deployment, as_of=deployment.end, data=Data())
    known = f"channels of deploybook.yml are {', '.join(channels)}" if channels else "deploybook.yml has no channels"
    for number, name in enumerate(deployment.notify):
        if name not in channels:
            yield in_file(workspace, path, ("notify", number), f"'{name}' is no channel; {known}")
    for number, each in enumerate(deployment.messages):
        if each.channel not in channels:
            yield in_file(workspace, path, ("messages", number, "channel"), f"'{each.channel}' is no channel; {known}")
        for key, text in in_vain(deployment, number):
            yield in_file(workspace, path, ("messages", number, key), text)
        try:
            planned(book, settings, each.draft, each.text)
        except UsageProblem as problem:
            yield in_file(workspace, path, ("messages", number, "text"), str(problem))
    if not channels:
        return
    for name, message in samples(book, settings):
        for channel in told_to(deployment, settings.notify, channels):
            try:
                written(channel, message, environ=os.environ, folder=workspace.root, now=deployment.end)
            except Exception as error:  # whatever it is: it would be the same when the message is needed
                text = f"the message '{name}' cannot be written ({type(error).__name__}: {error})"
                yield in_file(workspace, "deploybook.yml", ("channels", channel.name), text)


def in_vain(deployment: Deployment, number: int) -> Iterator[tuple[str, str]]:
    """Why a planned message can never go out: the key that says so, and what to write."""
    message, window = deployment.messages[number], deployment.window
    if any((message.key, message.channel) == (each.key, each.channel) for each in deployment.messages[:number]):
        text = f"the channel '{message.channel}' gets this draft at this time already; keep one, or write another time"
        yield "at", text
    due = {f"+{after_name(after)} passed": deployment.due(after) for after in deployment.checkpoints.after}
    earliest = [(due[said], "if", f"'{said}' cannot hold in time") for said in message.conditions if said in due]
    at, key, why = max([(window.start, "at", "nothing goes out before the window"), *earliest])
    if message.last < at:
        local = at.astimezone(deployment.zone)
        yield key, f"{why}: a message is held for a day at most; write a time from {local:%Y-%m-%d %H:%M} on"


def samples(book: Book, settings: Settings) -> Iterator[tuple[str, Message]]:
    """A message of each sort: without any data, and with a metric to watch."""
    from ..notify import Event, compose
    from ..notify.draft import KINDS
    from ..sections.page import page_facts

    deployment = book.deployment
    page = page_facts(book.facts, "outcome", deployment.title)
    full = replace(page, metrics=tuple(replace(each, **SAMPLE) for each in page.metrics))
    for scope, state in STATES:
        event = Event(index=0, deployment=deployment.slug, scope=scope, state=state, at=deployment.end)
        for each in (page, full, None):
            yield f"{scope} {state}", compose(event, each, deployment, url=settings.url, path="x.html", reason="sample")
    for kind in KINDS:
        yield f"draft {kind}", planned(book, settings, kind, "")


def planned(book: Book, settings: Settings, kind: str, text: str) -> Message:
    from .drafting import composed

    return composed(book, settings, kind, book.deployment.end, log=(1, "root"), text=text)[0]


def in_file(workspace: Workspace, path: str, way: tuple[str | int, ...], text: str) -> Problem:
    """The problem at the line of its key."""
    from ..records.workspace import read_layer

    return read_layer(workspace, workspace.root / path).problem(way, text)  # type: ignore[no-any-return]

"""The changes of verdict as an Atom feed (RFC 4287): one entry each, newest first, the same bytes for the same log."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from ..times import iso
from . import inert
from .message import Message

MOST = 50


def feed(messages: Iterable[Message], *, title: str, url: str = "", origin: str = "") -> str:
    """messages: of the events that changed a state, oldest first."""
    newest = list(messages)[-MOST:][::-1]
    updated = iso(newest[0].event.at) if newest else "1970-01-01T00:00:00Z"
    name = inert.plain(origin or url or title, 200)
    entries = "".join(entry(message, name) for message in newest)
    own = f'  <link rel="self" href={quoteattr(url.rstrip("/") + "/feed.xml")}/>\n' if url else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"  <id>urn:deploybook:{escape(name)}</id>\n  <title>{escape(inert.plain(title))}</title>\n"
        f"  <updated>{updated}</updated>\n  <author><name>deploybook</name></author>\n{own}{entries}</feed>\n"
    )


def entry(message: Message, name: str) -> str:
    event = message.event
    link = f"    <link href={quoteattr(message.link)}/>\n" if message.link else ""
    title = escape(inert.plain(f"{message.word}: {message.subject}"))
    because = "; ".join(value for label, value in message.lines if label in ("Because", "Now planned for"))
    return (
        f"  <entry>\n    <id>urn:deploybook:{escape(name)}:{event.index}</id>\n    <title>{title}</title>\n"
        f"    <updated>{iso(event.at)}</updated>\n{link}"
        f"    <summary>{escape(inert.plain(message.sentence or because)) or title}</summary>\n  </entry>\n"
    )

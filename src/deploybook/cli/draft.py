"""`deploybook draft`: what stakeholders are told, made from the records and the verdict, to copy or to send."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from ..duty.drafting import drafted
from ..duty.telling import hand_over, put_on_page, sent_text
from ..errors import DeploybookError, UsageProblem
from ..evidence import Log
from ..notify import Channel, Message, channels_of
from ..records import Settings, Workspace, read_settings
from ..sections.page import PageFacts
from ..times import iso
from .common import State, json_option, open_log, print_document, tell, verb


@verb("draft")
@click.argument("kind", type=click.Choice(["status", "broadcast", "recap"]))
@click.option(
    "--at", "look", metavar="LOOK", default="now", show_default=True, help="As of a report: window, 24h, closing."
)
@click.option("--note", "text", metavar="TEXT", default="", help="What you add; figures as {parser_p50}.")
@click.option("--markdown", is_flag=True, help="Markdown instead of plain text.")
@json_option
@click.option(
    "--send", "to", metavar="CHANNEL", help="Send it to a channel of deploybook.yml; what is sent is evidence."
)
@click.option("--by", metavar="NAME", default="", help="Who sends it, for the evidence log.")
@click.option("--dry-run", is_flag=True, help="Send and write nothing.")
def command(
    state: State, kind: str, look: str, text: str, markdown: bool, as_json: bool, to: str | None, by: str, dry_run: bool
) -> int:
    """Draft a status mail, a broadcast for an incident, or a recap; with --send it goes out and is kept as evidence."""
    workspace, now = state.open(), state.time
    slug, settings = state.slug(workspace), read_settings(workspace)
    channel = channel_of(settings, to) if to else None
    sends = channel is not None and not dry_run
    log = open_log(workspace, make_key=True) if sends else Log.open(workspace.root / "evidence")
    message, page = drafted(workspace, settings, slug, kind, now=now, log=log, look=look, text=text)
    if as_json:
        print_document("draft", kind=kind, **document(message, page))
    else:
        click.echo(f"Subject: {message.title}\n\n{message.markdown() if markdown else message.text()}", nl=False)
    if channel is not None and sends:
        send(workspace, log, channel, message, now, by)
        tell(f"sent to {channel.name}; 'deploybook report' brings it onto the page")
    elif channel is not None:
        tell(f"would send to {channel.name}")
    return 0


def channel_of(settings: Settings, name: str) -> Channel:
    channels = channels_of(settings.channels)
    if name not in channels:
        known = f"channels are {', '.join(channels)}" if channels else "there is none yet; write one under 'channels'"
        raise UsageProblem(f"--send: deploybook.yml has no channel {name!r}; {known}")
    return channels[name]


def send(workspace: Workspace, log: Log, channel: Channel, message: Message, now: datetime, by: str) -> None:
    """Sends the draft and keeps it; DeploybookError where the channel did not take it."""
    name = message.event.scope.replace("-", " ")
    sent = hand_over(workspace.root, log, channel, message, now, name=f"{name} #{message.event.index}", by=by)
    if sent.problem or sent.kept is None:
        raise DeploybookError(f"not sent: {sent.problem}")
    put_on_page(workspace, log, message.event.deployment, sent_text(message, channel), sent.kept, now, by)


def document(message: Message, page: PageFacts) -> dict[str, Any]:
    """The draft with the figures it prints, each with its id in the report and its evidence."""
    figures = [
        {"id": id, "display": display, "evidence": line.evidence or None}
        for line in page.metrics
        for id, _, display in line.figures
        if id
    ]
    return {
        "deployment": message.event.deployment,
        "as_of": iso(message.event.at),
        "subject": message.title,
        "word": message.word,
        "sentence": message.sentence,
        "lines": [list(line) for line in message.lines],
        "figures": figures,
        "link": message.link or None,
        "log": message.log,
        "text": message.text(),
        "markdown": message.markdown(),
    }

"""Sending a message: to a mail server, to a webhook in Slack's form, or through Apprise to some hundred others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ..errors import DeploybookError, SourceError
from ..sources.secrets import resolve
from .channel import Channel
from .message import Message

WAIT = 20  # seconds
SENDER = "deploybook@localhost"
APPRISE_HOSTS = ("webhook.office.com", "logic.azure.com", "discord.com", "discordapp.com")


class NotDelivered(DeploybookError):
    """A channel did not take a message. Its address, which may be a secret, is never quoted."""


def written(
    channel: Channel, message: Message, *, environ: Mapping[str, str], folder: Path, now: datetime
) -> tuple[str, bytes]:
    """The message as it leaves, byte by byte, with the ending of a file for it; no secret is in it."""
    try:
        form = form_of(address(channel, environ, folder))
    except NotDelivered:
        form = "eml" if channel.to else "json"
    if form == "eml":
        return form, mail(channel, message, now).as_bytes(policy=SMTP)
    if form == "json":
        return form, (json.dumps(message.slack(), ensure_ascii=False, indent=1) + "\n").encode()
    return form, "\n\n".join(message.chat()).encode()


def deliver(channel: Channel, message: Message, content: bytes, *, environ: Mapping[str, str], folder: Path) -> None:
    """Delivers what `written` gave or raises NotDelivered."""
    url = address(channel, environ, folder)
    form = form_of(url)
    if form == "eml":
        post_mail(channel, urlsplit(url), content)
    elif form == "json":
        post_json(channel, url, content)
    else:
        through_apprise(channel, url, message)


def address(channel: Channel, environ: Mapping[str, str], folder: Path) -> str:
    """Where the channel leads, a secret; NotDelivered names the reference that leads nowhere."""
    try:
        return resolve(channel.url, f"channel {channel.name}", environ=environ, folder=folder, plain=True).reveal()
    except SourceError as error:
        raise NotDelivered(str(error)) from None


def form_of(url: str) -> str:
    """'eml' for a mail server, 'json' for a webhook in Slack's form, 'txt' for what goes through Apprise."""
    parts = urlsplit(url)
    if parts.scheme in ("smtp", "smtps"):
        return "eml"
    webhook = parts.scheme in ("http", "https") and not (parts.hostname or "").endswith(APPRISE_HOSTS)
    return "json" if webhook else "txt"


def mail(channel: Channel, message: Message, now: datetime) -> EmailMessage:
    """Plain text, and HTML with its pictures inside. A message that is sent again has the same Message-ID."""
    letter, event = EmailMessage(), message.event
    letter["Subject"] = message.title
    letter["From"] = channel.sender or SENDER
    letter["To"] = ", ".join(channel.to)
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{event.index}.{event.scope}.{event.deployment or 'daily'}@deploybook>"
    letter["References"] = f"<{event.deployment or 'daily'}@deploybook>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text())
    letter.add_alternative(message.html(), subtype="html")
    body = letter.get_payload(1)
    for picture in message.pictures:
        body.add_related(  # type: ignore[union-attr]
            picture.content,
            "image",
            "png",
            cid=f"<{picture.name}>",
            disposition="inline",
            filename=f"{picture.name}.png",
        )
    return letter


def post_mail(channel: Channel, parts: SplitResult, letter: bytes) -> None:
    """smtps: TLS from the start. smtp: STARTTLS where it is offered; a password is never sent without TLS."""
    import smtplib
    import ssl

    if not channel.to:
        raise NotDelivered(f"channel {channel.name}: nobody to send to; write 'to: [team@example.org]'")
    try:
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                parts.hostname or "", parts.port or 465, timeout=WAIT, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(parts.hostname or "", parts.port or 25, timeout=WAIT)
        with server:
            server.ehlo()
            secure = parts.scheme == "smtps"
            if not secure and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                secure = True
            if parts.username and not secure:
                raise NotDelivered(
                    f"channel {channel.name}: the server offers no TLS, so no password is sent; use smtps://"
                )
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.sendmail(channel.sender or SENDER, list(channel.to), letter)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        code = getattr(error, "smtp_code", "")
        raise NotDelivered(
            f"channel {channel.name}: mail not taken ({type(error).__name__} {code})".replace(" )", ")")
        ) from None


def post_json(channel: Channel, url: str, content: bytes) -> None:
    import httpx

    kind = {"Content-Type": "application/json"}
    try:
        answer = httpx.post(url, content=content, headers=kind, timeout=WAIT, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotDelivered(f"channel {channel.name}: no answer ({type(error).__name__})") from None
    if not answer.is_success:
        raise NotDelivered(f"channel {channel.name}: answered {answer.status_code}")


def through_apprise(channel: Channel, url: str, message: Message) -> None:
    """PagerDuty, Teams, Telegram …: https://github.com/caronc/apprise/wiki lists the addresses."""
    import logging
    import warnings

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its lines quote addresses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the hundred plugins that it loads
        try:
            import apprise
        except ImportError:
            raise NotDelivered(
                f"channel {channel.name}: this address needs Apprise; run pip install 'deploybook[notify]'"
            ) from None
        service = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, app_id="deploybook", app_url=""))
        if not service.add(url):
            raise NotDelivered(f"channel {channel.name}: not an address that Apprise knows")
        title, body = message.chat()
        urgent = message.event.state in ("fail", "error")
        kind = apprise.NotifyType.FAILURE if urgent else apprise.NotifyType.INFO
        if not service.notify(body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
            raise NotDelivered(f"channel {channel.name}: not taken")

"""Messages that are planned in deployment.yml: what goes to whom at a time, and the few conditions that one may wait on."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator

from .. import model
from ..times import Window, after_name, parse_length
from . import values as v
from .problems import Strict


def conditions(value: Any) -> tuple[str, ...]:
    """One of the three conditions, or several of them: with 'and', or as a list."""
    return tuple(condition(" ".join(each.split())) for each in v.names(value))


def condition(text: str) -> str:
    if text in ("no incident", "verdict pass"):
        return text
    if found := re.fullmatch(r"(\+\w+) passed", text):
        return f"+{after_name(parse_length(found[1]))} passed"
    raise ValueError(f"{text!r} is no condition; write 'no incident', 'verdict pass' or '+24h passed'")


Conditions = Annotated[
    tuple[str, ...], PlainValidator(conditions), v.spelled("no incident", "+24h passed", kind=["string", "array"])
]


class Message(Strict):
    """A draft for stakeholders that `run` sends once, at its time, if its conditions hold; until then it is held."""

    at: v.Instant
    draft: Literal["status", "broadcast", "recap"] = "status"
    channel: v.Text
    """A name under channels in deploybook.yml."""
    conditions: Conditions = Field((), alias="if")
    """no incident, verdict pass, +24h passed; several with 'and'."""
    text: v.Text = ""
    """What you add to it; figures as {parser_p50 14:00 to 14:02}."""


def settle_messages(
    desk: Any, checkpoints: model.Checkpoints, window: Window, zone: ZoneInfo
) -> tuple[model.PlannedMessage, ...]:
    """The messages; one that stands twice, or can never go out, is a mistake."""
    messages = tuple(v.told(model.PlannedMessage, each) for each in desk.file.messages)
    due = {f"+{after_name(after)} passed": window.end + after for after in checkpoints.after}
    for number, each in enumerate(messages):
        if any((each.key, each.channel) == (other.key, other.channel) for other in messages[:number]):
            text = f"the channel '{each.channel}' gets this draft at this time already; keep one, or write another time"
            desk.wrong(("messages", number, "at"), text)
        if each.last < window.start:
            desk.wrong(("messages", number, "at"), never("nothing goes out before the window", window.start, zone))
        for said in each.conditions:
            if said.startswith("+") and said not in due:
                text = f"'{said}': there is no such checkpoint; write one of {', '.join(due)}"
                desk.wrong(("messages", number, "if"), text)
            elif said in due and each.last < due[said]:
                desk.wrong(("messages", number, "if"), never(f"'{said}' cannot hold in time", due[said], zone))
    return messages


def never(why: str, earliest: datetime, zone: ZoneInfo) -> str:
    least = earliest.astimezone(zone)
    return f"{why}: a message is held for a day at most; write a time from {least:%Y-%m-%d %H:%M} on"

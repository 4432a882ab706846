"""Messages that are planned in deployment.yml: what goes to whom at a time, and the few conditions that one may wait on."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from .. import model
from ..times import after_name, parse_length
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


def settle_messages(desk: Any, checkpoints: model.Checkpoints) -> tuple[model.PlannedMessage, ...]:
    """The messages; one that waits on a checkpoint that there is not is a mistake."""
    known = [f"+{after_name(after)} passed" for after in checkpoints.after]
    for number, each in enumerate(desk.file.messages):
        for said in each.conditions:
            if said.startswith("+") and said not in known:
                text = f"'{said}': there is no such checkpoint; write one of {', '.join(known)}"
                desk.wrong(("messages", number, "if"), text)
    return tuple(v.told(model.PlannedMessage, each) for each in desk.file.messages)

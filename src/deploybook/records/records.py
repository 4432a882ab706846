"""The shapes of records.yml, or of one file per key under records/: what people know and metrics do not."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from .problems import Free, Strict
from .values import Day, Instant, Names, Span, Text, Texts

Anything = Annotated[Any, PlainValidator(lambda value: value), WithJsonSchema({})]


def under(key: str) -> BeforeValidator:
    """A bare list, or a bare text, is what stands under `key`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, (list, str)) else value)


class Member(Strict):
    name: Text
    role: Text = ""
    note: Text = ""


class Approval(Strict):
    what: Text
    by: Names = ()
    at: Instant | None = None
    between: Span | None = None
    result: Text = ""


class Rehearsal(Strict):
    """The back-out script and its rehearsal."""

    script: Text = ""
    dry_run_at: Instant | None = None
    dry_run_where: Text = ""
    checksum_matched: bool | None = None
    checksum_then: Text = ""
    checksum: Text = ""
    used: bool | None = None
    staged: bool | None = None
    text: Text = ""


class Result(Free):
    status: Text = ""
    summary: Text = ""


class Programme(Free):
    """What the change belongs to: goal, what was declared, posture, plans; further facts in any words."""

    name: Text = ""
    programme: Text = ""
    goal: Text = ""
    result: Annotated[Result, under("summary")] = Result()
    day_labels: dict[str, Day] = Field(default_factory=dict)
    sign_offs: list[Approval] = Field(default_factory=list)
    rollback: Rehearsal | None = None
    windows: Anything = None
    timezone: Anything = None


class Touchpoint(Strict):
    at: Instant
    text: Text
    channel: Text = ""
    kind: Text = ""
    by: Names = ()
    planned_dispatch: Instant | None = None


class Check(Strict):
    id: Text = ""
    text: Text
    by: Names = ()
    at: Instant | None = None
    status: Text = ""
    result: Text = ""
    evidence: Text = ""


class Proof(Free):
    text: Text
    path: Text = ""


class Readiness(Strict):
    window: Span | None = None
    items: list[Check] = Field(default_factory=list)
    checks: list[Check] = Field(default_factory=list)
    evidence: list[Annotated[Proof, under("text")]] = Field(default_factory=list)


class Ramp(Strict):
    at: Instant
    before: Text = Field("", alias="from")
    to: Text
    by: Names = ()
    watched_by: Names = ()
    gate: Text = ""
    audit_event: Text = ""


class SubStep(Strict):
    text: Text
    at: Instant | None = None
    window: Span | None = None
    by: Names = ()
    value_pct: Text = ""


class Step(Free):
    """One step of the execution; further facts in any words stay in order."""

    id: Text = ""
    title: Text
    window: Span | None = None
    at: Instant | None = None
    start: Instant | None = None
    end: Instant | None = None
    by: Names = ()
    actors: Names = ()
    text: Text = ""
    ramp: list[Ramp] = Field(default_factory=list)
    steps: list[SubStep] = Field(default_factory=list)
    checks: list[Annotated[SubStep, under("text")]] = Field(default_factory=list)


class Execution(Free):
    steps: list[Step] = Field(default_factory=list)


class Item(Strict):
    text: Text
    by: Names = ()
    at: Instant | None = None


Items = list[Annotated[Item, under("text")]]


class FollowOn(Free):
    title: Text = ""
    items: Items = Field(default_factory=list)


class Risk(Strict):
    id: Text
    description: Text
    status: Text = ""
    owner: Text = ""
    mitigation: Text = ""
    next_review: Instant | None = None
    waits_on: Text = ""


class Risks(Strict):
    risks: list[Risk] = Field(default_factory=list)
    notes: Texts = ()


class Action(Strict):
    id: Text
    text: Text
    owner: Text = ""
    due: Instant | None = None
    status: Text = ""
    note: Text = ""
    path: Text = ""
    waits_on: Text = ""


class Actions(Strict):
    actions: list[Action] = Field(default_factory=list)


class Priorities(Strict):
    title: Text = Field("", alias="for")
    items: Texts = ()


class Artifact(Strict):
    text: Text
    path: Text = ""
    kept: Text = ""
    where: Text = ""
    at: Instant | None = None
    digest: Text = ""


class Artifacts(Strict):
    artifacts: list[Artifact] = Field(default_factory=list)


class Event(Free):
    """One line of a flag's audit log."""

    at: Instant
    event: Text = ""
    flag: Text = ""
    before: Text = Field("", alias="from")
    to: Text = ""
    check: Text = ""
    by: Names = ()


class Entry(Strict):
    at: Instant
    text: Text
    kind: Text = "note"
    actors: Names = ()
    by: Names = ()
    source: Text = ""
    phase: Text = ""
    key: bool = False
    private: bool = False


class Timeline(Strict):
    timezone: Anything = None
    snapshot: Items = Field(default_factory=list)
    entries: list[Entry] = Field(default_factory=list)


class Fact(Free):
    at: Instant | None = None


class RecordsFile(Strict):
    """records.yml. Each key may also be a file of its own: records/<key>.yml."""

    programme: Annotated[Programme, under("name")] = Programme()
    day_labels: dict[str, Day] = Field(default_factory=dict)
    team: list[Member] | dict[str, Text] = Field(default_factory=list)
    touchpoints: list[Touchpoint] = Field(default_factory=list)
    readiness: Annotated[Readiness, under("checks")] = Readiness()
    approvals: list[Approval] = Field(default_factory=list)
    rollback: Rehearsal | None = None
    steps: Annotated[Execution, under("steps")] = Execution()
    follow_on: Annotated[FollowOn, under("items")] = FollowOn()
    risks: Annotated[Risks, under("risks")] = Risks()
    actions: Annotated[Actions, under("actions")] = Actions()
    priorities: Annotated[Priorities, under("items")] = Priorities()
    artifacts: Annotated[Artifacts, under("artifacts")] = Artifacts()
    validation: Annotated[Fact, under("plan")] = Fact()
    timeline: Annotated[Timeline, under("entries")] = Timeline()
    flag_audit: list[Event] = Field(default_factory=list)
    pagerduty_simulation: Fact | None = None
    metrics: Anything = None


# File names, and keys, that mean one of the above.
ALSO = {
    "change_ticket": "programme",
    "execution": "steps",
    "evidence": "artifacts",
    "validation_plan": "validation",
    "journal": "timeline",
    "rehearsal": "rollback",
    "sign_offs": "approvals",
    "next_day": "priorities",
}


def key_of(stem: str) -> str:
    """The key that a file's name, or a key as written, stands for: 'change-ticket' is the programme."""
    word = stem.strip().lower().replace("-", "_")
    return "follow_on" if word.endswith("_kickoff") else ALSO.get(word, word)


Labels = dict[str, date]

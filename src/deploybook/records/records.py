"""The shapes of records.yml, or of one file per key under records/: what people know and metrics do not."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from . import values as v
from .problems import Free, Strict

Anything = Annotated[Any, PlainValidator(lambda value: value), WithJsonSchema({})]


def under(key: str) -> BeforeValidator:
    """A bare list, or a bare text, is what stands under `key`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, (list, str)) else value)


ONE_OR_MORE = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)


class Member(Strict):
    name: v.Text
    role: v.Text = ""
    note: v.Text = ""


class Approval(Strict):
    what: v.Text
    by: v.Names = ()
    at: v.Instant | None = None
    between: v.Span | None = None
    result: v.Text = ""


class Rehearsal(Strict):
    """The back-out script and its rehearsal."""

    script: v.Text = ""
    dry_run_at: v.Instant | None = None
    dry_run_where: v.Text = ""
    checksum_matched: bool | None = None
    checksum_then: v.Text = ""
    checksum: v.Text = ""
    used: bool | None = None
    staged: bool | None = None
    text: v.Text = ""


class Result(Free):
    status: v.Text = ""
    summary: v.Text = ""


class Programme(Free):
    """What the change belongs to: goal, what was declared, posture, plans; further facts in any words."""

    name: v.Text = ""
    programme: v.Text = ""
    goal: v.Text = ""
    result: Annotated[Result, under("summary")] = Field(default_factory=Result)
    day_labels: dict[str, v.Day] = Field(default_factory=dict)
    sign_offs: list[Approval] = Field(default_factory=list)
    rollback: Rehearsal | None = None
    windows: Anything = None
    timezone: Anything = None


class Touchpoint(Strict):
    at: v.Instant
    text: v.Text
    channel: v.Text = ""
    kind: v.Text = ""
    by: v.Names = ()
    planned_dispatch: v.Instant | None = None


class Check(Strict):
    also = {"check": "text", "what": "text"}  # noqa: RUF012 - a ClassVar of the base
    id: v.Text = ""
    text: v.Text
    by: v.Names = ()
    at: v.Instant | None = None
    status: v.Text = ""
    result: v.Text = ""
    evidence: v.Text = ""


class Proof(Free):
    text: v.Text
    path: v.Text = ""


class Readiness(Strict):
    window: v.Span | None = None
    items: list[Check] = Field(default_factory=list)
    checks: list[Check] = Field(default_factory=list)
    evidence: list[Annotated[Proof, under("text")]] = Field(default_factory=list)


class Ramp(Strict):
    at: v.Instant
    before: v.Text = Field("", alias="from")
    to: v.Text
    by: v.Names = ()
    watched_by: v.Names = ()
    gate: v.Text = ""
    audit_event: v.Text = ""


class SubStep(Strict):
    text: v.Text
    at: v.Instant | None = None
    window: v.Span | None = None
    by: v.Names = ()
    value_pct: v.Text = ""


class Step(Free):
    """One step of the execution; further facts in any words stay in order."""

    id: v.Text = ""
    title: v.Text
    window: v.Span | None = None
    at: v.Instant | None = None
    start: v.Instant | None = None
    end: v.Instant | None = None
    by: v.Names = ()
    actors: v.Names = ()
    text: v.Text = ""
    ramp: list[Ramp] = Field(default_factory=list)
    steps: list[SubStep] = Field(default_factory=list)
    checks: list[Annotated[SubStep, under("text")]] = Field(default_factory=list)


class Execution(Free):
    steps: list[Step] = Field(default_factory=list)


class Item(Strict):
    text: v.Text
    by: v.Names = ()
    at: v.Instant | None = None


Items = list[Annotated[Item, under("text")]]


class FollowOn(Free):
    title: v.Text = ""
    items: Items = Field(default_factory=list)


class Risk(Strict):
    id: v.Line
    description: v.Text
    status: v.Text = ""
    owner: v.Text = ""
    mitigation: v.Text = ""
    next_review: v.Due | None = None
    waits_on: v.Checkpoint | None = None
    """The checkpoint that has to pass first: +48h."""


class Risks(Strict):
    risks: list[Risk] = Field(default_factory=list)
    notes: v.Texts = ()


class Action(Strict):
    id: v.Line
    text: v.Text
    owner: v.Text = ""
    due: v.Due | None = None
    status: v.Text = ""
    note: v.Text = ""
    path: v.Text = ""
    waits_on: v.Checkpoint | None = None
    """The checkpoint that has to pass first: +48h."""


class Actions(Strict):
    actions: list[Action] = Field(default_factory=list)


class Priority(Action):
    id: v.Line = ""


class Priorities(Strict):
    title: v.Text = Field(default="", alias="for")
    items: Annotated[list[Annotated[Priority, under("text")]], ONE_OR_MORE] = Field(default_factory=list)


class CheckDone(Strict):
    """What became of a check by a person, by the check's id."""

    id: v.Line
    status: v.Text
    note: v.Text = ""


class Artifact(Strict):
    also = {"what": "text"}  # noqa: RUF012 - a ClassVar of the base
    text: v.Text
    path: v.Text = ""
    kept: v.Text = ""
    where: v.Text = ""
    at: v.Instant | None = None
    digest: v.Text = ""


class Artifacts(Strict):
    artifacts: list[Artifact] = Field(default_factory=list)


class Event(Free):
    """One line of a flag's audit log."""

    at: v.Instant
    event: v.Text = ""
    flag: v.Text = ""
    before: v.Text = Field("", alias="from")
    to: v.Text = ""
    check: v.Text = ""
    by: v.Names = ()


class Entry(Strict):
    at: v.Instant
    text: v.Text
    kind: v.Text = "note"
    actors: v.Names = ()
    by: v.Names = ()
    source: v.Text = ""
    phase: v.Text = ""
    key: bool = False
    private: bool = False


class Timeline(Strict):
    timezone: Anything = None
    snapshot: Items = Field(default_factory=list)
    entries: list[Entry] = Field(default_factory=list)


class Fact(Free):
    at: v.Instant | None = None


class RecordsFile(Strict):
    """records.yml. Each key may also be a file of its own: records/<key>.yml."""

    programme: Annotated[Programme, under("name")] = Field(default_factory=Programme)
    day_labels: dict[str, v.Day] = Field(default_factory=dict)
    team: list[Member] | dict[str, v.Text] = Field(default_factory=list)
    touchpoints: list[Touchpoint] = Field(default_factory=list)
    readiness: Annotated[Readiness, under("checks")] = Field(default_factory=Readiness)
    approvals: list[Approval] = Field(default_factory=list)
    rollback: Rehearsal | None = None
    steps: Annotated[Execution, under("steps")] = Field(default_factory=Execution)
    follow_on: Annotated[FollowOn, under("items")] = Field(default_factory=FollowOn)
    risks: Annotated[Risks, under("risks")] = Field(default_factory=Risks)
    actions: Annotated[Actions, under("actions")] = Field(default_factory=Actions)
    priorities: Annotated[Priorities, under("items")] = Field(default_factory=Priorities)
    checks: list[CheckDone] = Field(default_factory=list)
    artifacts: Annotated[Artifacts, under("artifacts")] = Field(default_factory=Artifacts)
    validation: Annotated[Fact, under("plan")] = Field(default_factory=Fact)
    timeline: Annotated[Timeline, under("entries")] = Field(default_factory=Timeline)
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

"""What people know and metrics do not: the journal and the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ..times import Window

ENTRY_KINDS = ("flag", "restart", "check", "decision", "comms", "evidence", "variance", "note", "alert")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """
    One line of the log. at: UTC. kind: one of ENTRY_KINDS. people: names as written after @, or the actors of an event.
    phase: the heading it stands under. key: a key moment. origin: 'journal', or the source that reported it.
    private: its text stays out of reports and site. line: where it stands in its file. evidence: digest of its origin.
    twin: what a source told of the same, where a person wrote it down too.
    """

    at: datetime
    text: str
    kind: str = "note"
    people: tuple[str, ...] = ()
    phase: str = ""
    key: bool = False
    private: bool = False
    origin: str = "journal"
    line: int = 0
    evidence: str = ""
    twin: Entry | None = None


@dataclass(frozen=True, kw_only=True)
class Member:
    name: str
    role: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Touchpoint:
    at: datetime
    text: str
    channel: str = ""
    by: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class ReadinessCheck:
    id: str = ""
    text: str
    by: tuple[str, ...] = ()
    at: datetime | None = None
    result: str = ""
    evidence: str = ""


@dataclass(frozen=True, kw_only=True)
class Approval:
    what: str
    by: tuple[str, ...] = ()
    at: datetime | None = None
    result: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """
    One step of the execution: '3.2 Restart of the parser service'. facts: further things that were noted, in order,
    as (what, value) in the reader's words. lines: dated sub-steps.
    """

    id: str = ""
    title: str
    window: Window | None = None
    at: datetime | None = None
    by: tuple[str, ...] = ()
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    ramp: tuple[tuple[datetime, str], ...] = ()
    lines: tuple[tuple[Window | None, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something under way elsewhere, such as the kickoff that follows on this deployment."""

    text: str
    by: tuple[str, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Action:
    """
    What somebody has to do: an action item; a risk, with its next review and mitigation as `due` and `note`; a priority
    of the next day, whose id may be ''. waits_on: the checkpoint that has to pass before there is anything to do.
    """

    id: str
    text: str
    owner: str = ""
    due: datetime | None = None
    status: str = ""
    note: str = ""
    path: str = ""
    waits_on: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class CheckDone:
    """What became of a check by a person. id: of the check, such as '+4h'."""

    id: str
    status: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ArtifactRecord:
    """Something the records name as evidence. held: digest of the bytes we hold, '' where we do not hold them."""

    text: str
    path: str = ""
    where: str = ""
    at: datetime | None = None
    digest: str = ""
    held: str = ""
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Programme:
    """Around the change: what it belongs to, its goal, what was declared, posture, plans; free (label, text) facts in order."""

    name: str = ""
    goal: str = ""
    result: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """The back-out rehearsal: when and where the script was tried, its digest then and the digest on record."""

    script: str = ""
    at: datetime | None = None
    where: str = ""
    digest_then: str = ""
    digest_now: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Records:
    """All that people wrote beside the journal; every part may be empty. notes: section name to Markdown."""

    programme: Programme = Programme()
    day_labels: tuple[tuple[str, date], ...] = ()
    team: tuple[Member, ...] = ()
    touchpoints: tuple[Touchpoint, ...] = ()
    snapshot: tuple[Item, ...] = ()
    readiness: tuple[ReadinessCheck, ...] = ()
    readiness_window: Window | None = None
    readiness_evidence: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    rehearsal: Rehearsal | None = None
    steps: tuple[Step, ...] = ()
    follow_on: tuple[Item, ...] = ()
    follow_on_title: str = ""
    validation: tuple[tuple[str, str], ...] = ()
    risks: tuple[Action, ...] = ()
    risk_notes: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    priorities: tuple[Action, ...] = ()
    priorities_title: str = ""
    checks: tuple[CheckDone, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

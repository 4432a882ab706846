"""From the records as written to model.Records; further facts become (label, text) in the reader's words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .. import model
from ..times import Window, local_day, parse_instant, zone_name
from ..wording import listed, local, relative_day
from . import records as shapes
from .values import told

# Endings of keys that carry a unit.
UNITS = {"_pct": "%", "_percent": "%", "_seconds": "s", "_minutes": "min", "_ms": "ms", "_hours": "h"}
YES = {"true": "yes", "false": "no"}
CAPITALS = re.compile(r"\b(id|cli|qa|cpu|ci|url)(s?)\b", re.IGNORECASE)


class Teller:
    """Puts facts into words: times in the deployment's zone, with the day's label where it is another day."""

    def __init__(self, zone: ZoneInfo, day: date, labels: tuple[tuple[str, date], ...]) -> None:
        self.zone, self.day, self.labels = zone, day, labels

    def when(self, at: datetime) -> str:
        if local_day(at, self.zone) == self.day:
            return local(at, self.zone)
        return relative_day(at, self.zone, self.labels)

    def span(self, window: Window) -> str:
        """'14:00 to 14:15', 'Day 2 14:00 to 14:15 PT'."""
        start, end = self.when(window.start), self.when(window.end)
        if local_day(window.start, self.zone) == local_day(window.end, self.zone) != self.day:
            zone = zone_name(self.zone, window.start)
            return f"{start.removesuffix(f' {zone}')} to {local(window.end, self.zone)} {zone}"
        return f"{start} to {end}"

    def text(self, value: Any) -> str:
        """One fact as text; a list of two times is a window."""
        if isinstance(value, list):
            ends = [at for item in value if (at := self.time(item))]
            if len(ends) == len(value) == 2 and ends[0] < ends[1]:
                return self.span(Window(start=ends[0], end=ends[1]))
            between = "; " if any(isinstance(item, dict) for item in value) else ", "
            return between.join(self.text(item) for item in value if item is not None)
        if isinstance(value, dict):
            return self.inner(value.items())
        at = self.time(value)
        return self.when(at) if at else YES.get(str(value), "" if value in (None, "null", "~") else str(value))

    def time(self, value: Any) -> datetime | None:
        try:
            return parse_instant(value, self.zone) if re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", str(value)) else None
        except ValueError:
            return None

    def inner(self, items: Iterable[tuple[str, Any]]) -> str:
        """'ack 1 min, resolve 3 min': facts inside a sentence."""
        return ", ".join(
            f"{label if label[:2].isupper() else label[:1].lower() + label[1:]} {text}"
            for label, text in self.facts(items)
        )

    def facts(self, items: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
        """('Duration', '110 s') for duration_seconds: 110; what is empty is left out."""
        found = []
        for key, value in items:
            stem = key.removesuffix("_mean")
            ending = next((ending for ending in UNITS if stem.endswith(ending)), "")
            range_of = isinstance(value, list) and len(value) == 2 and ending
            text = " to ".join(map(self.text, value)) if range_of else self.text(value)
            words = (stem.removesuffix(ending) + key[len(stem) :]).replace("_", " ").strip()
            label = CAPITALS.sub(lambda word: word[1].upper() + word[2], words[:1].upper() + words[1:])
            found += [(label, f"{text} {UNITS[ending]}" if ending else text)] if text else []
        return found


def tell(file: shapes.RecordsFile, deployment: model.Deployment, notes: dict[str, str]) -> model.Records:
    """The records of one deployment."""
    labels = tuple({**file.programme.day_labels, **file.day_labels}.items())
    teller = Teller(deployment.zone, deployment.day, labels)
    rollback = file.rollback or file.programme.rollback
    further = [model.Item(text=f"{label}: {text}") for label, text in teller.facts(file.follow_on.further)]
    return model.Records(
        programme=programme(file.programme, teller),
        day_labels=labels,
        team=members(file.team),
        touchpoints=tuple(told(model.Touchpoint, each, text=touch_text(each, teller)) for each in file.touchpoints),
        snapshot=tuple(told(model.Item, each) for each in file.timeline.snapshot),
        readiness=tuple(
            told(model.ReadinessCheck, each, result=each.result or each.status)
            for each in (*file.readiness.checks, *file.readiness.items)
        ),
        readiness_window=file.readiness.window,
        readiness_evidence=tuple(proofs(file, teller)),
        approvals=tuple(
            told(model.Approval, each, at=each.at or (each.between.end if each.between else None))
            for each in (*file.programme.sign_offs, *file.approvals)
        ),
        rehearsal=rehearsal(rollback) if rollback else None,
        steps=(*(step(each, teller) for each in file.steps.steps), *further_steps(file, teller)),
        follow_on=(*(told(model.Item, each) for each in file.follow_on.items), *further),
        follow_on_title=file.follow_on.title,
        validation=tuple(teller.facts(file.validation.further)),
        risks=tuple(
            told(model.Action, each, text=each.description, due=each.next_review, note=each.mitigation)
            for each in file.risks.risks
        ),
        risk_notes=file.risks.notes,
        actions=tuple(told(model.Action, each) for each in file.actions.actions),
        priorities=tuple(told(model.Action, each) for each in file.priorities.items),
        priorities_title=file.priorities.title,
        checks=tuple(told(model.CheckDone, each) for each in file.checks),
        artifacts=tuple(
            told(model.ArtifactRecord, each, where=each.where or each.kept) for each in file.artifacts.artifacts
        ),
        notes=notes,
    )


def members(team: list[shapes.Member] | dict[str, str]) -> tuple[model.Member, ...]:
    if isinstance(team, dict):
        return tuple(model.Member(name=name, role=role) for name, role in team.items())
    return tuple(told(model.Member, each) for each in team)


def programme(file: shapes.Programme, teller: Teller) -> model.Programme:
    result = ": ".join(part for part in (file.result.status, file.result.summary) if part)
    facts = teller.facts([*file.result.further, *file.further])
    return model.Programme(name=file.name or file.programme, goal=file.goal, result=result, facts=tuple(facts))


def touch_text(touch: shapes.Touchpoint, teller: Teller) -> str:
    return touch.text + (f" (planned for {teller.when(touch.planned_dispatch)})" if touch.planned_dispatch else "")


def proofs(file: shapes.RecordsFile, teller: Teller) -> Iterable[str]:
    """The evidence for readiness, one text each, and the simulated incident."""
    for proof in file.readiness.evidence:
        details = ", ".join(part for part in (proof.path, teller.inner(proof.further)) if part)
        yield proof.text + (f" ({details})" if details else "")
    if fact := file.pagerduty_simulation:
        yield f"PagerDuty simulation{f', {teller.when(fact.at)}' if fact.at else ''}: {teller.inner(fact.further)}"


def rehearsal(file: shapes.Rehearsal) -> model.Rehearsal:
    said = {"checksum matched": file.checksum_matched, "staged": file.staged, "used": file.used}
    words = [file.text] * bool(file.text)
    words += [label if yes else f"not {label}" for label, yes in said.items() if yes is not None]
    return told(
        model.Rehearsal,
        file,
        at=file.dry_run_at,
        where=file.dry_run_where,
        digest_then=file.checksum_then,
        digest_now=file.checksum,
        text=", ".join(words),
    )


def step(file: shapes.Step, teller: Teller) -> model.Step:
    ends = (file.start, file.end)
    window = file.window or (Window(start=ends[0], end=ends[1]) if ends[0] and ends[1] and ends[0] < ends[1] else None)
    return told(
        model.Step,
        file,
        window=window,
        at=file.at or (None if window else file.start),
        by=tuple(dict.fromkeys((*file.by, *file.actors))),
        facts=tuple(teller.facts(file.further)),
        ramp=tuple((each.at, ramp_text(each)) for each in file.ramp),
        lines=tuple((each.window, sub_text(each, teller)) for each in (*file.steps, *file.checks)),
    )


def ramp_text(ramp: shapes.Ramp) -> str:
    """'25 % to 75 % by Oliver; gate: variance has to be below 3 % either way first'."""
    change = f"{ramp.before} % to {ramp.to} %" if ramp.before else f"{ramp.to} %"
    parts = [change + (f" by {listed(ramp.by)}" if ramp.by else "")]
    parts += [f"watched by {listed(ramp.watched_by)}"] * bool(ramp.watched_by)
    parts += [f"gate: {ramp.gate}"] * bool(ramp.gate) + [f"audit event {ramp.audit_event}"] * bool(ramp.audit_event)
    return "; ".join(parts)


def sub_text(line: shapes.SubStep, teller: Teller) -> str:
    return (f"{teller.when(line.at)} " if line.at else "") + line.text + (f" ({listed(line.by)})" if line.by else "")


def further_steps(file: shapes.RecordsFile, teller: Teller) -> Iterable[model.Step]:
    """What was noted beside the steps: the flag's audit log, and facts about the whole execution."""
    if file.flag_audit:
        lines = tuple((None, f"{teller.when(event.at)} {event_text(event, teller)}") for event in file.flag_audit)
        yield model.Step(title="Audit log of the feature flag", lines=lines)
    if facts := teller.facts(file.steps.further):
        yield model.Step(title="Also on record", facts=tuple(facts))


def event_text(event: shapes.Event, teller: Teller) -> str:
    change = f"{event.before} % to {event.to} %" if event.before and event.to else event.to or event.check
    parts = [event.flag, change, listed(event.by), event.event, teller.inner(event.further)]
    return ", ".join(part for part in parts if part)


def entries(file: shapes.RecordsFile) -> tuple[model.Entry, ...]:
    """The timeline of the records as entries of the log, in the order of their time."""
    found = (
        told(
            model.Entry,
            each,
            kind=each.kind if each.kind in model.ENTRY_KINDS else "note",
            people=tuple(dict.fromkeys((*each.actors, *each.by))),
            origin="journal" if "journal" in each.source else each.source or "records",
        )
        for each in file.timeline.entries
    )
    return tuple(sorted(found, key=lambda entry: entry.at))

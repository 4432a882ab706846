"""From the records as written to model.Records; further facts become (label, text) in the reader's words."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .. import model
from ..times import Window, local_day, parse_instant, zone_name
from ..wording import listed, local, relative_day
from . import records as shapes

# Endings of keys that carry a unit.
UNITS = {"_pct": "%", "_percent": "%", "_seconds": "s", "_minutes": "min", "_ms": "ms", "_hours": "h", "_mean": ""}
YES = {"true": "yes", "false": "no"}


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
        if start != end and local_day(window.start, self.zone) == local_day(window.end, self.zone) != self.day:
            zone = zone_name(self.zone, window.start)
            return f"{start.removesuffix(f' {zone}')} to {local(window.end, self.zone)} {zone}"
        return f"{start} to {end}"

    def text(self, value: Any) -> str:
        """One fact as text; a list of two times is a window."""
        if isinstance(value, list):
            if len(value) == 2 and all(is_time(item) for item in value):
                return self.span(
                    Window(start=parse_instant(value[0], self.zone), end=parse_instant(value[1], self.zone))
                )
            between = "; " if any(isinstance(item, dict) for item in value) else ", "
            return between.join(self.text(item) for item in value if item is not None)
        if isinstance(value, dict):
            return self.inner(value.items())
        if is_time(value):
            with contextlib.suppress(ValueError):
                return self.when(parse_instant(value, self.zone))
        return YES.get(str(value), "" if value is None else str(value))

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
            unit = next((unit for ending, unit in UNITS.items() if key.endswith(ending)), None)
            stem = key.removesuffix(next((ending for ending in UNITS if key.endswith(ending)), ""))
            text = self.text(value) if not isinstance(value, list) or not unit else " to ".join(map(self.text, value))
            if text and text not in ("null", "~"):
                found.append((label_of(stem), f"{text} {unit}" if unit else text))
        return found


def is_time(value: Any) -> bool:
    return isinstance(value, str) and bool(re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value))


def label_of(key: str) -> str:
    """'In flight drained' for in_flight_drained; capitals that are there stay."""
    words = key.replace("_", " ").strip()
    return re.sub(
        r"\b(id|cli|qa|cpu|ci|url)s?\b",
        lambda word: word[0].upper().replace("S", "s"),
        words[:1].upper() + words[1:],
        flags=re.I,
    )


def tell(file: shapes.RecordsFile, deployment: model.Deployment, notes: dict[str, str]) -> model.Records:
    """The records of one deployment."""
    labels = tuple({**file.programme.day_labels, **file.day_labels}.items())
    teller = Teller(deployment.zone, deployment.day, labels)
    rollback = file.rollback or file.programme.rollback
    return model.Records(
        programme=programme(file.programme, teller),
        day_labels=labels,
        team=tuple(
            model.Member(name=m, role=file.team[m])
            if isinstance(m, str)
            else model.Member(name=m.name, role=m.role, note=m.note)
            for m in file.team
        ),
        touchpoints=tuple(
            model.Touchpoint(at=t.at, text=touch_text(t, teller), channel=t.channel, by=t.by, kind=t.kind)
            for t in file.touchpoints
        ),
        snapshot=items(file.timeline.snapshot),
        readiness=tuple(
            model.ReadinessCheck(
                id=c.id, text=c.text, by=c.by, at=c.at, result=c.result or c.status, evidence=c.evidence
            )
            for c in (*file.readiness.checks, *file.readiness.items)
        ),
        readiness_window=file.readiness.window,
        readiness_evidence=(
            *(proof(p, teller) for p in file.readiness.evidence),
            *simulation(file.pagerduty_simulation, teller),
        ),
        approvals=tuple(
            model.Approval(what=a.what, by=a.by, at=a.at or (a.between.end if a.between else None), result=a.result)
            for a in (*file.programme.sign_offs, *file.approvals)
        ),
        rehearsal=rehearsal(rollback) if rollback else None,
        steps=(*(step(s, teller) for s in file.steps.steps), *further_steps(file, teller)),
        follow_on=items(file.follow_on.items)
        + tuple(model.Item(text=f"{k}: {v}") for k, v in teller.facts(file.follow_on.further)),
        follow_on_title=file.follow_on.title,
        validation=tuple(teller.facts(file.validation.further)),
        risks=tuple(model.Risk(**vars(r)) for r in file.risks.risks),
        risk_notes=file.risks.notes,
        actions=tuple(model.Action(**vars(a)) for a in file.actions.actions),
        priorities=file.priorities.items,
        priorities_title=file.priorities.title,
        artifacts=tuple(
            model.ArtifactRecord(text=a.text, path=a.path, where=a.where or a.kept, at=a.at, digest=a.digest)
            for a in file.artifacts.artifacts
        ),
        notes=notes,
    )


def items(written: Iterable[shapes.Item]) -> tuple[model.Item, ...]:
    return tuple(model.Item(text=item.text, by=item.by, at=item.at) for item in written)


def programme(file: shapes.Programme, teller: Teller) -> model.Programme:
    result = ": ".join(part for part in (file.result.status, file.result.summary) if part)
    facts = teller.facts([*file.result.further, *file.further])
    return model.Programme(name=file.name or file.programme, goal=file.goal, result=result, facts=tuple(facts))


def touch_text(touch: shapes.Touchpoint, teller: Teller) -> str:
    return touch.text + (f" (planned for {teller.when(touch.planned_dispatch)})" if touch.planned_dispatch else "")


def proof(file: shapes.Proof, teller: Teller) -> str:
    details = [part for part in (file.path, teller.inner(file.further)) if part]
    return file.text + (f" ({', '.join(details)})" if details else "")


def simulation(fact: shapes.Fact | None, teller: Teller) -> list[str]:
    if fact is None:
        return []
    words = teller.inner(fact.further)
    return [f"PagerDuty simulation{f', {teller.when(fact.at)}' if fact.at else ''}: {words}"]


def rehearsal(file: shapes.Rehearsal) -> model.Rehearsal:
    words = [file.text] if file.text else []
    said = {"checksum matched": file.checksum_matched, "staged": file.staged, "used": file.used}
    words += [label if yes else f"not {label}" for label, yes in said.items() if yes is not None]
    return model.Rehearsal(
        script=file.script,
        at=file.dry_run_at,
        where=file.dry_run_where,
        digest_then=file.checksum_then,
        digest_now=file.checksum,
        text=", ".join(words),
    )


def step(file: shapes.Step, teller: Teller) -> model.Step:
    window = file.window or (
        Window(start=file.start, end=file.end) if file.start and file.end and file.start < file.end else None
    )
    return model.Step(
        id=file.id,
        title=file.title,
        window=window,
        at=file.at or (None if window else file.start),
        by=tuple(dict.fromkeys((*file.by, *file.actors))),
        text=file.text,
        facts=tuple(teller.facts(file.further)),
        ramp=tuple((r.at, ramp_text(r)) for r in file.ramp),
        lines=tuple((line.window, sub_text(line, teller)) for line in (*file.steps, *file.checks)),
    )


def ramp_text(ramp: shapes.Ramp) -> str:
    """'25 % to 75 % by Oliver; gate: variance has to be below 3 % either way first'."""
    parts = [f"{ramp.before} % to {ramp.to} %" if ramp.before else f"{ramp.to} %"]
    parts[0] += f" by {listed(ramp.by)}" if ramp.by else ""
    parts += [f"watched by {listed(ramp.watched_by)}"] * bool(ramp.watched_by)
    parts += [f"gate: {ramp.gate}"] * bool(ramp.gate) + [f"audit event {ramp.audit_event}"] * bool(ramp.audit_event)
    return "; ".join(parts)


def sub_text(line: shapes.SubStep, teller: Teller) -> str:
    return (f"{teller.when(line.at)} " if line.at else "") + line.text + (f" ({listed(line.by)})" if line.by else "")


def further_steps(file: shapes.RecordsFile, teller: Teller) -> list[model.Step]:
    """What was noted beside the steps: the flag's audit log, and facts about the whole execution."""
    found = []
    if file.flag_audit:
        lines = tuple((None, f"{teller.when(event.at)} {event_text(event, teller)}") for event in file.flag_audit)
        found.append(model.Step(title="Audit log of the feature flag", lines=lines))
    if facts := teller.facts(file.steps.further):
        found.append(model.Step(title="Also on record", facts=tuple(facts)))
    return found


def event_text(event: shapes.Event, teller: Teller) -> str:
    change = f"{event.before} % to {event.to} %" if event.before and event.to else event.to or event.check
    parts = [
        event.flag,
        change,
        listed(event.by),
        event.event,
        *(f"{label} {text}" for label, text in teller.facts(event.further)),
    ]
    return ", ".join(part for part in parts if part)


def entries(file: shapes.RecordsFile) -> tuple[model.Entry, ...]:
    """The timeline of the records as entries of the log, in the order of their time."""
    found = (
        model.Entry(
            at=e.at,
            text=e.text,
            kind=e.kind if e.kind in model.ENTRY_KINDS else "note",
            people=tuple(dict.fromkeys((*e.actors, *e.by))),
            phase=e.phase,
            key=e.key,
            private=e.private,
            origin="journal" if "journal" in e.source else e.source or "records",
        )
        for e in file.timeline.entries
    )
    return tuple(sorted(found, key=lambda entry: entry.at))

"""What an auditor asks of a change, out of its files and the evidence log, in forms that anybody can read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from .. import exports, journal, records, wording
from ..evidence import Entry, Log
from ..evidence.pack import table
from ..model import Deployment, Records
from ..times import iso, local_day

NO_CHANGES = ("alert", "comms")  # kinds of events that change nothing in production
Rows = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """One change. about: (what, how it stands) in the order of an audit. files: path -> bytes, its records and results."""

    deployment: Deployment
    about: tuple[tuple[str, str], ...]
    files: Mapping[str, bytes]


def dossier(workspace: records.Workspace, slug: str, log: Log) -> Dossier:
    """Raises FileProblems where its files have mistakes. Private lines stay out."""
    deployment, folder = records.read_deployment(workspace, slug), workspace.folder(slug)
    known = records.read_records(folder, deployment)
    entries = list(log.entries(deployment=slug))
    written = {f"{slug}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in kept(folder)}
    told = {f"{slug}/results/{name}": content for name, content in results(log, entries)}
    found = {name: json.loads(content) for name, content in told.items() if name.endswith(".json")}
    about = [*of_change(deployment), *of_records(known), *of_results(found), *of_end(deployment)]
    if left := sorted(path.name for path in folder.rglob("*.y*ml") if journal.is_private(path.read_bytes())):
        about.append(("Left out, private", ", ".join(left)))
    minutes = folder / journal.NAME
    if minutes.is_file():
        written[f"{slug}/{journal.NAME}"] = journal.public(minutes.read_text(encoding="utf-8-sig")).encode()
    return Dossier(deployment=deployment, about=tuple(about), files={**written, **told})


def kept(folder: Path) -> Iterator[Path]:
    """The hand-written and the attached files that are for readers."""
    patterns = ("deployment.yml", "records.y*ml", "records/*", "notes/*.md", "attached/*")
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        if path.is_file() and not path.is_symlink() and not journal.is_private(path.read_bytes()):
            yield path


def results(log: Log, entries: Iterable[Entry]) -> Iterator[tuple[str, bytes]]:
    """The newest page and document of every report, as recorded."""
    newest = {entry.predicate.get("scope"): entry for entry in entries if entry.kind == "run"}
    for entry in newest.values():
        for name, path in sorted(entry.paths.items()):
            told = name.endswith((".json", ".md")) and not name.endswith((".page.json", "-notebook.md"))
            if told and (log.path / path).is_file():
                yield name, (log.path / path).read_bytes()


def listed(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def of_change(deployment: Deployment) -> Rows:
    window, zone = deployment.window, deployment.zone
    return [
        ("Change", f"{deployment.title} ({deployment.ticket})"),
        ("Version", deployment.version),
        ("Lead", deployment.lead),
        ("Service", deployment.service),
        ("Window", f"{iso(window.start)} to {iso(window.end)} ({wording.window_text(window, zone)})"),
    ]


def of_records(known: Records) -> Rows:
    rows = [
        (f"Approval: {each.what}", listed(*each.by, iso(each.at) if each.at else "", each.result))
        for each in known.approvals
    ]
    rows += [
        (f"Before the change: {each.id}".rstrip(": "), listed(each.text, each.result, *each.by))
        for each in known.readiness
    ]
    if back := known.rehearsal:
        digest = f"digest then {back.digest_then or 'not recorded'}, on record {back.digest_now or 'not recorded'}"
        when = iso(back.at) if back.at else "time not recorded"
        rows.append(("Back-out rehearsed", f"{back.script}, {when} {back.where}; {digest}"))
    return rows


def of_results(found: Mapping[str, Any]) -> Rows:
    rows: Rows = []
    for name, told in found.items():
        scope = Path(name).stem
        rows.append((f"Result: {scope}", f"{told['verdict']} as of {told['as_of']}: {told['reason']}"))
        for metric in told["metrics"]:
            value = "no value" if metric["value"] is None else f"{metric['value']:g} {metric['unit']}"
            if metric["unit"] == "1" and metric["value"] is not None:
                value = wording.percent(metric["value"])
            limit = metric["limit"] or metric["target"] or "no limit"
            rows.append((f"{scope}: {metric['title']}", f"{metric['verdict']}: {value}, {limit}"))
    return rows


def of_end(deployment: Deployment) -> Rows:
    closing = deployment.closing
    if closing is None:
        return [("Outcome", "not closed")]
    return [("Outcome", listed(closing.outcome, iso(closing.at) if closing.at else "", closing.reason))]


def between(workspace: records.Workspace, first: date, last: date) -> tuple[Deployment, ...]:
    """The deployments whose window begins on one of these days, in its own zone."""
    known = (records.read_deployment(workspace, slug) for slug in records.slugs(workspace))
    return tuple(each for each in known if first <= local_day(each.window.start, each.zone) <= last)


CHANGES = ("start", "end", "ticket", "change", "deployment", "version", "by", "outcome", "verdict", "known from")


def register(
    workspace: records.Workspace, deployments: Sequence[Deployment], log: Log, first: date, last: date
) -> bytes:
    """Every change of the period as CSV, also those that event sources know and that lie in no deployment's window."""
    words = {entry.deployment: str(entry.predicate["verdict"]) for entry in log.entries("verdict")}
    rows: list[tuple[str, ...]] = []
    for each in deployments:
        ended, word = each.closing.outcome if each.closing else "", words.get(each.slug, "no report")
        who = (each.ticket, each.title, each.slug, each.version, each.lead)
        rows.append((iso(each.window.start), iso(each.end), *who, ended, word, "deployment"))
    everyone = [records.read_deployment(workspace, slug) for slug in records.slugs(workspace)]
    windows = [each.window for each in everyone]
    found = {event for each in everyone for event in exports.events(workspace.folder(each.slug) / "exports")}
    zone = everyone[0].zone if everyone else None
    for event in found:
        inside = any(window.start <= event.at <= window.end for window in windows)
        if event.kind not in NO_CHANGES and not inside and zone and first <= local_day(event.at, zone) <= last:
            people = ", ".join(event.people)
            rows.append((iso(event.at), "", "", event.text, "", "", people, "", "no report", event.origin))
    return table([CHANGES, *sorted(rows)])

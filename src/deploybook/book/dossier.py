"""What an auditor asks of a change, out of its files and the evidence log, in forms that anybody can read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from .. import exports, journal, records, wording
from ..evidence import Entry, Log
from ..evidence.pack import table
from ..model import Deployment, Records
from ..times import iso, local_day

NO_CHANGES = ("alert", "comms")  # kinds of events that change nothing in production


def dossier(
    workspace: records.Workspace, deployment: Deployment, log: Log
) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    """
    Of one change the files with their records and results, path -> bytes, and (what, how it stands) in the order of an
    audit. Raises FileProblems where its records have mistakes. Private lines stay out.
    """
    slug, folder = deployment.slug, workspace.folder(deployment.slug)
    known = records.read_records(folder, deployment)
    entries = log.entries("run", deployment=slug)
    written = {f"{slug}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in kept(folder)}
    told = {f"{slug}/results/{name}": content for name, content in results(log, entries)}
    found = {name: json.loads(content) for name, content in told.items() if name.endswith(".json")}
    about = list(facts_of(deployment, known, found))
    if left := sorted(path.name for path in folder.rglob("*.y*ml") if journal.is_private(path.read_bytes())):
        about.append(("Left out, private", ", ".join(left)))
    minutes = folder / journal.NAME
    if minutes.is_file():
        written[f"{slug}/{journal.NAME}"] = journal.public(minutes.read_text(encoding="utf-8-sig")).encode()
    return {**written, **told}, about


def kept(folder: Path) -> Iterator[Path]:
    """The hand-written and the attached files that are for readers."""
    patterns = ("deployment.yml", "records.y*ml", "records/*", "notes/*.md", "attached/*")
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        if path.is_file() and not path.is_symlink() and not journal.is_private(path.read_bytes()):
            yield path


def results(log: Log, entries: Iterable[Entry]) -> Iterator[tuple[str, bytes]]:
    """The newest page and document of every report, as recorded."""
    good = [entry for entry in entries if entry.predicate.get("result") == "completed"]
    for entry in {entry.predicate.get("scope"): entry for entry in good}.values():
        for name, path in sorted(entry.paths.items()):
            told = name.endswith((".json", ".md")) and not name.endswith((".page.json", "-notebook.md"))
            if told and (log.path / path).is_file():
                yield name, (log.path / path).read_bytes()


def listed(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def facts_of(deployment: Deployment, known: Records, found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(what, how it stands), in the order of an audit. found: the documents of its reports, by name."""
    window, closing, back = deployment.window, deployment.closing, known.rehearsal
    yield "Change", f"{deployment.title} ({deployment.ticket})"
    yield "Version, service, lead", listed(deployment.version, deployment.service, deployment.lead)
    yield "Window", f"{iso(window.start)} to {iso(window.end)} ({wording.window_text(window, deployment.zone)})"
    for approval in known.approvals:
        who = listed(*approval.by, iso(approval.at) if approval.at else "", approval.result)
        yield f"Approval: {approval.what}", who
    for check in known.readiness:
        yield f"Before the change: {check.id}".rstrip(": "), listed(check.text, check.result, *check.by)
    if back:
        digest = f"digest then {back.digest_then or 'not recorded'}, on record {back.digest_now or 'not recorded'}"
        yield "Back-out rehearsed", listed(back.script, iso(back.at) if back.at else "", back.where, digest)
    for name, told in found.items():
        scope = Path(name).stem
        yield f"Result: {scope}", f"{told['verdict']} as of {told['as_of']}: {told['reason']}"
        for metric in told["metrics"]:
            value = "no value" if metric["value"] is None else f"{metric['value']:g} {metric['unit']}"
            if metric["unit"] == "1" and metric["value"] is not None:
                value = wording.percent(metric["value"])
            limit = metric["limit"] or metric["target"] or "no limit"
            yield f"{scope}: {metric['title']}", f"{metric['verdict']}: {value}, {limit}"
    ended = listed(closing.outcome, iso(closing.at) if closing.at else "", closing.reason) if closing else "not closed"
    yield "Outcome", ended


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

"""
What was pulled, kept: one Parquet file per metric and pull in `deployments/<slug>/exports/`, written once.

    stored = exports.store(exports_dir, [pulled, …])      # StoreResult(written, kept, notes)
    data = exports.load(exports_dir, names)               # model.Data, only those metrics are read
    data = exports.combine(data, [pulled, …])             # the same without storing anything
    entries = exports.events(exports_dir)                 # what event sources told
    held = exports.spans(exports_dir)                     # what need not be asked again: sources.pull(…, held=held)

`manifest.json` says for each file what it holds, its digests, and which originals, queries and servers its rows
came from. A later pull stores only the rows that are not there yet; rows that changed in a time that was pulled
before are a new file too, and a note `history_changed`. Where two files hold the same row, the later one counts.
The format is described in docs/reference/exports.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ExportDamaged
from ..model import Data, DataNote, Entry, Original, Pulled, Samples
from ..times import iso, parse_instant
from .disk import file_stem, put, put_new, put_under_a_free_name
from .manifest import (
    MANIFEST,
    SCHEMA,
    content_of,
    covered,
    edge_text,
    entry_of,
    input_of,
    merged_notes,
    note_of,
    pulled_spans,
    read_manifest,
)

__all__ = [
    "MANIFEST",
    "StoreResult",
    "combine",
    "edge_text",
    "events",
    "inputs",
    "load",
    "names",
    "rows_digest",
    "spans",
    "store",
]


@dataclass(frozen=True, kw_only=True)
class StoreResult:
    """written: file names of this pull. kept: files that were there before. notes: what the pull noticed."""

    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    notes: tuple[DataNote, ...] = ()


Check = Callable[[bytes, str], None]


def store(folder: Path, results: Iterable[Pulled], *, tool: str = "", check: Check | None = None) -> StoreResult:
    """
    Keep what was pulled. Files that are there are never changed; nothing new writes nothing, not even the manifest.

    tool: version of deploybook, for the manifest. check: called with the words of each result before it is stored, and
    the source's name; it raises where they may not be. Raises ExportDamaged where the manifest cannot be read.
    """
    from .changes import what_is_new

    manifest = read_manifest(folder)
    kept = tuple(entry["file"] for entry in manifest["files"])
    written: list[str] = []
    noticed: list[DataNote] = []
    whole: set[str] = set()
    found: set[str] = set()
    for result in results:
        whole |= set() if result.failure else {result.source}
        if check:
            check(words_of(result), f"{result.source}: labels, events and notes")
            for original in result.originals:
                check(original.content, f"{result.source}: an answer")
        noticed += result.notes
        found |= {samples.name for samples in result.samples if samples.series}
        for samples in result.samples:
            before = read_samples(folder, manifest, samples.name)
            fresh, note = what_is_new(samples, before, pulled_spans(manifest, samples.name))
            if note:
                noticed.append(note)
            if fresh is None:
                continue
            keep(manifest, write(folder, fresh, manifest, result), written)
        known = {as_told(one) for one in events_in(folder, manifest)}
        fresh_events = [one for one in result.events if as_told(one) not in known]
        if fresh_events or is_first_of_nothing(result, manifest):
            keep(manifest, write_events(folder, fresh_events, manifest, result), written)
    notes = merged_notes(manifest["notes"], noticed, whole, found)
    if written or notes != manifest["notes"]:
        manifest |= {"schema": SCHEMA, "notes": notes, "tool": tool or manifest["tool"]}
        put(folder / MANIFEST, (json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())
    return StoreResult(written=tuple(written), kept=kept, notes=tuple(noticed))


def words_of(result: Pulled) -> bytes:
    """Everything in a result that is text."""
    labels = [text for one in result.samples for series in one.series for text in series.labels.values()]
    told = [text for event in result.events for text in (event.text, *event.people)]
    return "\n".join([*labels, *told, *(note.text for note in result.notes)]).encode()


def keep(manifest: dict[str, Any], entry: dict[str, Any], written: list[str]) -> None:
    manifest["files"].append(entry)
    written.append(entry["file"])


def load(folder: Path, names: Iterable[str] | None = None) -> Data:
    """
    The stored samples of the named metrics (of all where None), with what was noticed about them.

    No folder or no manifest is no data. Raises ExportDamaged, naming the file, where bytes are not what was stored.
    """
    manifest = read_manifest(folder)
    held = sorted({str(entry["metric"]) for entry in manifest["files"]} - {""})
    chosen = held if names is None else [name for name in dict.fromkeys(names) if name in held]
    asked = None if names is None else set(names) | {""}
    samples = {name: found for name in chosen if (found := read_samples(folder, manifest, name))}
    notes = tuple(note_of(note) for note in manifest["notes"] if asked is None or note["metric"] in asked)
    return Data(samples=samples, notes=notes)


def combine(data: Data, results: Iterable[Pulled]) -> Data:
    """What `load` would give after storing the results; nothing is written."""
    from ..measure.selected import joined

    samples, notes = dict(data.samples), list(data.notes)
    for result in results:
        notes += [note for note in result.notes if note not in notes]
        for one in result.samples:
            samples[one.name] = joined([one, samples[one.name]]) or one if one.name in samples else one
    return Data(samples=samples, notes=tuple(notes))


def spans(folder: Path) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """
    The times that servers were asked for, by metric and question, milliseconds, both ends included: what need not be
    asked again. The last LATE before a pull is asked again, since a server may still have been writing it.
    """
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for entry in read_manifest(folder)["files"]:
        for one in entry["inputs"]:
            if one.get("question"):
                found.setdefault((entry["metric"], one["question"]), []).append(covered(one))
    return {key: sorted(found[key]) for key in sorted(found)}


def names(folder: Path) -> tuple[str, ...]:
    """The metrics that are stored there."""
    return tuple(sorted({str(entry["metric"]) for entry in read_manifest(folder)["files"]} - {""}))


def events(folder: Path) -> tuple[Entry, ...]:
    """The stored events of all sources, in order of time; as model.Entry, with their source and its digest."""
    return tuple(sorted(events_in(folder, read_manifest(folder)), key=lambda one: (one.at, one.origin, one.text)))


def inputs(folder: Path) -> tuple[dict[str, Any], ...]:
    """Each stored file as the manifest tells it: file, metric ('' of events), digests, its originals under 'inputs'."""
    return tuple(read_manifest(folder)["files"])


def write(folder: Path, samples: Samples, manifest: Mapping[str, Any], result: Pulled) -> dict[str, Any]:
    """Store one metric's new rows under a name that is free; what the manifest says about it comes back."""
    from . import table

    mine = (one for one in result.originals if samples.name in one.metrics)
    result = replace(result, originals=tuple(kept_answer(folder, one) for one in mine))
    content = table.encoded(samples)
    file = put_under_a_free_name(folder, file_stem(samples.name), ".parquet", content, listed(manifest))
    return entry_of(samples, content, file, result) | table.described(samples)


def kept_answer(folder: Path, original: Original) -> Original:
    """The original with its path; an answer that is to be kept lies in answers/ by its digest."""
    if not original.content:
        return original
    path = folder / "answers" / f"{original.digest}.{'csv' if original.kind == 'postgres' else 'json'}.gz"
    if not put_new(path, original.content):
        raise ExportDamaged(f"{path}: its bytes are not those that were pulled; restore it from the repository")
    return replace(original, path=path.relative_to(folder.parent).as_posix())


def listed(manifest: Mapping[str, Any]) -> set[str]:
    return {entry["file"] for entry in manifest["files"]}


def write_events(folder: Path, fresh: list[Entry], manifest: Mapping[str, Any], result: Pulled) -> dict[str, Any]:
    """Store one source's new events: a JSON list, each with time, text, kind, people, source and digest."""
    told = [
        {"at": iso(one.at), "text": one.text, "kind": one.kind, "people": list(one.people), "key": one.key}
        | {"origin": one.origin, "evidence": one.evidence}
        for one in fresh
    ]
    content = (json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    file = put_under_a_free_name(folder, f"events-{file_stem(result.source)}", ".json", content, listed(manifest))
    return {
        "file": file,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "metric": "",
        "kind": "events",
        "rows": len(fresh),
        "source": result.source,
        "inputs": [input_of(one) for one in result.originals],
    }


def is_first_of_nothing(result: Pulled, manifest: Mapping[str, Any]) -> bool:
    """True where a source of events answers for the first time, with none: that nothing happened is measured too."""
    asked = result.originals and not any(one.question or one.metrics for one in result.originals)
    return bool(asked) and not result.failure and all(one["source"] != result.source for one in manifest["files"])


def as_told(event: Entry) -> Entry:
    """An event without the answer that it came in: a later one tells it again, among others."""
    return replace(event, evidence="")


def events_in(folder: Path, manifest: Mapping[str, Any]) -> list[Entry]:
    found = []
    for stored in manifest["files"]:
        if stored["kind"] == "events":
            for told in json.loads(content_of(folder / stored["file"], stored)):
                at = parse_instant(told.pop("at"), None)
                found.append(Entry(at=at, people=tuple(told.pop("people")), **told))
    return found


def read_samples(folder: Path, manifest: Mapping[str, Any], name: str) -> Samples | None:
    """All stored files of one metric as one, the later pull before the earlier; None where there is none."""
    from ..measure.selected import joined
    from .table import read

    mine = [entry for entry in reversed(manifest["files"]) if entry["metric"] == name]
    return joined([read(folder / entry["file"], entry) for entry in mine])


def rows_digest(samples: Samples) -> str:
    """sha256 of the rows themselves, whatever stored them; see docs/reference/exports.md."""
    from .table import rows_digest as digest

    return digest(samples)

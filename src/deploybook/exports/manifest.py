"""manifest.json: what each stored file holds, its digests, and which originals its rows came from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from ..errors import ExportDamaged
from ..model import DataNote, Original, Pulled, Samples
from ..times import iso, parse_instant, to_ms

MANIFEST = "manifest.json"
SCHEMA = "deploybook.exports/2"
READ = ("deploybook.exports/1", SCHEMA)  # before 2, every column held the count itself
LATE = 2 * 60_000  # milliseconds


def read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"schema": SCHEMA, "tool": "", "files": [], "notes": []}
    except (OSError, ValueError) as error:
        raise ExportDamaged(f"{path}: cannot be read ({error}); restore it from the repository") from error
    if not isinstance(manifest, dict) or not str(manifest.get("schema", "")).startswith("deploybook.exports/"):
        raise ExportDamaged(f"{path}: is no manifest of exports; restore it from the repository")
    if manifest["schema"] not in READ:
        raise ExportDamaged(f"{path}: was written in the form {manifest['schema']}; a newer deploybook reads it")
    files, notes = manifest.get("files"), manifest.get("notes")
    if not isinstance(files, list) or not isinstance(notes, list) or not all(map(is_entry, files)):
        raise ExportDamaged(f"{path}: lacks a part, or names a file outside its folder; restore it from the repository")
    return manifest


def is_entry(entry: Any) -> bool:
    named = isinstance(entry, dict) and entry.keys() >= {"file", "sha256", "metric", "kind", "source", "inputs"}
    return named and re.fullmatch(r"[\w.-]+\.(parquet|json)", str(entry["file"]), re.ASCII) is not None


def note_of(told: Mapping[str, Any]) -> DataNote:
    """A note as stored; keys of a newer deploybook are left out."""
    return DataNote(**{one.name: told[one.name] for one in fields(DataNote) if one.name in told})


def merged_notes(
    before: list[dict[str, Any]], noticed: Iterable[DataNote], whole: Collection[str], found: Collection[str]
) -> list[dict[str, Any]]:
    """
    One note per kind, metric and place: what the last pull noticed there; a note of history stays as it is.

    whole: the sources that gave all they were asked for, so that what failed in an earlier pull is settled. found: the
    metrics that this pull has rows of, so that they are missing no more.
    """
    settled = {("failed", "place", name) for name in whole} | {("missing", "metric", name) for name in found}
    left = [
        note for note in before if not any((note["kind"], key, note[key]) in settled for key in ("place", "metric"))
    ]
    by_key = {(note["kind"], note["metric"], note["place"]): note for note in left}
    for note in noticed:
        by_key[note.kind, note.metric, note.place] = asdict(note)
    return [by_key[key] for key in sorted(by_key)]


def pulled_spans(manifest: Mapping[str, Any], name: str) -> list[tuple[int, int]]:
    """The times that earlier pulls of a metric covered, milliseconds, both ends included."""
    mine = (entry for entry in manifest["files"] if entry["metric"] == name)
    return [covered(one) for entry in mine for one in entry["inputs"] if one["end_ms"]]


def covered(told: Mapping[str, Any]) -> tuple[int, int]:
    """The time that an original in the manifest settles: without the last LATE before a server was asked."""
    end = int(told["end_ms"])
    if told.get("asked"):
        end = min(end, to_ms(parse_instant(told["asked"], None)) - LATE)
    return int(told["start_ms"]), end


def entry_of(samples: Samples, content: bytes, file: str, result: Pulled) -> dict[str, Any]:
    """What the manifest says about one stored file, beside its rows."""
    used = [one for one in result.originals if samples.name in one.metrics]
    return {
        "file": file,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "metric": samples.name,
        "kind": samples.kind,
        "source": samples.source,
        "engine": samples.engine,
        "digests": list(samples.inputs),
        "inputs": [input_of(one) for one in used],
    }


def input_of(original: Original) -> dict[str, Any]:
    """An original as the manifest names it; what is empty is left out, save for the times."""
    told = asdict(replace(original, asked=None, content=b"")) | {"asked": iso(original.asked) if original.asked else ""}
    told["sha256"], told["unpacked_sha256"] = told.pop("digest"), told.pop("unpacked")
    return {key: value for key, value in told.items() if value or key in ("start_ms", "end_ms", "size")}


def content_of(path: Path, entry: Mapping[str, Any]) -> bytes:
    """The bytes of a stored file; ExportDamaged where it is gone or they are not those that were stored."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportDamaged(
            f"{path}: is gone, or cannot be read ({error.strerror}); restore it from the repository"
        ) from error
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ExportDamaged(f"{path}: its bytes are not those that were pulled; restore it from the repository")
    return content


def edge_text(edge: float) -> str:
    """'50', '0.25', '+Inf': one form for one edge, exact."""
    if edge in (float("inf"), float("-inf")):
        return "+Inf" if edge > 0 else "-Inf"
    return str(int(edge)) if edge == int(edge) and abs(edge) < 2**53 else repr(edge)

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
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ExportDamaged
from .model import Data, DataNote, Entry, Original, Pulled, Samples, Series
from .times import from_ms, iso, parse_instant, to_ms

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["MANIFEST", "StoreResult", "combine", "events", "inputs", "load", "names", "rows_digest", "spans", "store"]

MANIFEST = "manifest.json"
SCHEMA = "deploybook.exports/1"
LATE = 2 * 60_000  # milliseconds
GROUP = 1 << 16  # rows that are stored, and read, at once
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class StoreResult:
    """written: file names of this pull. kept: files that were there before. notes: what the pull noticed."""

    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    notes: tuple[DataNote, ...] = ()


def store(folder: Path, results: Iterable[Pulled], *, tool: str = "") -> StoreResult:
    """
    Keep what was pulled. Files that are there are never changed; nothing new writes nothing, not even the manifest.

    tool: version of deploybook, for the manifest. Raises ExportDamaged where the manifest cannot be read.
    """
    manifest = read_manifest(folder)
    kept = tuple(entry["file"] for entry in manifest["files"])
    written: list[str] = []
    noticed: list[DataNote] = []
    for result in results:
        noticed += result.notes
        for samples in result.samples:
            before = read_samples(folder, manifest, samples.name)
            fresh, note = what_is_new(samples, before, pulled_spans(manifest, samples.name))
            if note:
                noticed.append(note)
            if fresh is None:
                continue
            keep(manifest, write(folder, fresh, manifest, result), written)
        if fresh_events := [one for one in result.events if one not in events_in(folder, manifest)]:
            keep(manifest, write_events(folder, fresh_events, manifest, result), written)
    notes = merged_notes(manifest["notes"], noticed)
    if written or notes != manifest["notes"]:
        manifest |= {"notes": notes, "tool": tool or manifest["tool"]}
        put(folder / MANIFEST, (json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())
    return StoreResult(written=tuple(written), kept=kept, notes=tuple(noticed))


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
    notes = tuple(DataNote(**note) for note in manifest["notes"] if asked is None or note["metric"] in asked)
    return Data(samples=samples, notes=notes)


def combine(data: Data, results: Iterable[Pulled]) -> Data:
    """What `load` would give after storing the results; nothing is written."""
    samples, notes = dict(data.samples), list(data.notes)
    for result in results:
        notes += [note for note in result.notes if note not in notes]
        for one in result.samples:
            samples[one.name] = overlaid(samples[one.name], one) if one.name in samples else one
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


def covered(told: Mapping[str, Any]) -> tuple[int, int]:
    """The time that an original in the manifest settles: without the last LATE before a server was asked."""
    end = int(told["end_ms"])
    if told.get("asked"):
        end = min(end, to_ms(parse_instant(told["asked"], None)) - LATE)
    return int(told["start_ms"]), end


def names(folder: Path) -> tuple[str, ...]:
    """The metrics that are stored there."""
    return tuple(sorted({str(entry["metric"]) for entry in read_manifest(folder)["files"]} - {""}))


def events(folder: Path) -> tuple[Entry, ...]:
    """The stored events of all sources, in order of time; as model.Entry, with their source and its digest."""
    return tuple(sorted(events_in(folder, read_manifest(folder)), key=lambda one: (one.at, one.origin, one.text)))


def inputs(folder: Path) -> tuple[dict[str, Any], ...]:
    """Each stored file as the manifest tells it: file, metric ('' of events), digests, its originals under 'inputs'."""
    return tuple(read_manifest(folder)["files"])


# ── the manifest ───────────────────────────────────────────────────────────────────────────────────────────────────


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
    if manifest["schema"] != SCHEMA:
        raise ExportDamaged(f"{path}: was written in the form {manifest['schema']}; a newer deploybook reads it")
    if not all(is_plain(entry.get("file", "")) for entry in manifest["files"]):
        raise ExportDamaged(f"{path}: names a file outside its folder")
    return manifest


def is_plain(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[\w.-]+\.(parquet|json)", name, re.ASCII) is not None


def merged_notes(before: list[dict[str, Any]], noticed: Iterable[DataNote]) -> list[dict[str, Any]]:
    """One note per kind, metric and place: what the last pull noticed there; a note of history stays as it is."""
    by_key = {(note["kind"], note["metric"], note["place"]): note for note in before}
    for note in noticed:
        by_key[note.kind, note.metric, note.place] = asdict(note)
    return [by_key[key] for key in sorted(by_key)]


def pulled_spans(manifest: Mapping[str, Any], name: str) -> list[tuple[int, int]]:
    """The times that earlier pulls of a metric covered, milliseconds, both ends included."""
    mine = (entry for entry in manifest["files"] if entry["metric"] == name)
    return [covered(one) for entry in mine for one in entry["inputs"] if one["end_ms"]]


def entry_of(samples: Samples, content: bytes, file: str, result: Pulled, frame: pl.DataFrame) -> dict[str, Any]:
    """What the manifest says about one stored file."""
    used = [one for one in result.originals if samples.name in one.metrics]
    return {
        "file": file,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "rows_sha256": rows_digest(samples),
        "metric": samples.name,
        "kind": samples.kind,
        "edges": [edge_text(edge) for edge in samples.edges],
        "steps_ms": sorted(int(step) for step in frame["step"].unique()),
        "rows": frame.height,
        "series": len(samples.series),
        "source": samples.source,
        "engine": samples.engine,
        "digests": list(samples.inputs),
        "inputs": [input_of(one) for one in used],
    }


def input_of(original: Original) -> dict[str, Any]:
    """An original as the manifest names it; what is empty is left out, save for the times."""
    told = asdict(replace(original, asked=None)) | {"asked": iso(original.asked) if original.asked else ""}
    told["sha256"] = told.pop("digest")
    return {key: value for key, value in told.items() if value or key in ("start_ms", "end_ms", "size")}


# ── what is new ────────────────────────────────────────────────────────────────────────────────────────────────────


def what_is_new(
    samples: Samples, before: Samples | None, spans: Sequence[tuple[int, int]]
) -> tuple[Samples | None, DataNote | None]:
    """The rows that are not stored yet (None where there are none), and a note where pulled history changed."""
    import numpy as np

    if before is None:
        return samples, None
    if bool(before.edges) != bool(samples.edges):
        return samples, None
    edges, was, now = aligned(before, samples)
    fresh, changed, first = [], 0, 0
    for labels, series in now.items():
        new, differs = np.ones(len(series.times), dtype=bool), np.ones(len(series.times), dtype=bool)
        if old := was.get(labels):
            at = np.minimum(np.searchsorted(old.times, series.times), len(old.times) - 1)
            there = old.times[at] == series.times
            differs = ~there | ~same_rows(old.values[at], series.values)
            new = differs | (old.steps[at] != series.steps)
            differs &= there | (series.steps >= old.steps[at])  # a finer export of the same time only adds to it
        history = differs & inside(series.times, spans)
        if history.any():
            changed += int(history.sum())
            first = min(first or int(series.times[history][0]), int(series.times[history][0]))
        if new.any():
            fresh.append(replace(series, times=series.times[new], values=series.values[new], steps=series.steps[new]))
    if not fresh:
        return None, None
    note = None
    if changed:
        text = f"{changed} rows in a time that was pulled before are new or have another value, from {iso(from_ms(first))} on"
        note = DataNote(
            kind="history_changed", metric=samples.name, count=changed, text=text, place=iso(from_ms(first))
        )
    return replace(samples, edges=edges, series=tuple(fresh)), note


def inside(times: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    import numpy as np

    found = np.zeros(len(times), dtype=bool)
    for start, end in spans:
        found |= (times >= start) & (times <= end)
    return found


def same_rows(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.bool_]:
    import numpy as np

    same: NDArray[np.bool_] = ((old == new) | (np.isnan(old) & np.isnan(new))).reshape(len(old), -1).all(axis=1)
    return same


def overlaid(before: Samples, after: Samples) -> Samples:
    """Both as one; where both have a row, the later one counts."""
    import numpy as np

    if bool(before.edges) != bool(after.edges):
        return after
    edges, was, now = aligned(before, after)
    made = dict(was)
    for labels, series in now.items():
        if not (old := was.get(labels)):
            made[labels] = series
            continue
        times = np.concatenate([old.times, series.times])
        order = np.argsort(times, kind="stable")
        last = order[np.concatenate([np.diff(times[order]) > 0, [True]])]
        made[labels] = replace(
            series,
            times=times[last],
            values=np.concatenate([old.values, series.values])[last],
            steps=np.concatenate([old.steps, series.steps])[last],
        )
    return replace(
        after,
        edges=edges,
        series=tuple(made[labels] for labels in sorted(made)),
        inputs=tuple(sorted({*before.inputs, *after.inputs})),
        engine=after.engine or before.engine,
    )


def aligned(before: Samples, after: Samples) -> tuple[tuple[float, ...], dict[Labels, Series], dict[Labels, Series]]:
    """Both sets of series by their labels, with the same columns."""
    edges = tuple(sorted({*before.edges, *after.edges}))
    old, new = (
        {key_of(series): widened(series, samples.edges, edges) for series in samples.series}
        for samples in (before, after)
    )
    return edges, old, new


def key_of(series: Series) -> Labels:
    return tuple(sorted(series.labels.items()))


def widened(series: Series, edges: tuple[float, ...], wider: tuple[float, ...]) -> Series:
    """The series with a column for each of the wider edges; NaN where it has no such bucket."""
    import numpy as np

    if edges == wider:
        return series
    values = np.full((len(series.times), len(wider) + 2), np.nan)
    values[:, [wider.index(edge) for edge in edges] + [len(wider), len(wider) + 1]] = series.values
    return replace(series, values=values)


# ── the files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def write(folder: Path, samples: Samples, manifest: Mapping[str, Any], result: Pulled) -> dict[str, Any]:
    """Store one metric's new rows under a name that is free; what the manifest says about it comes back."""
    import io

    frame = frame_of(samples)
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=9, statistics=True, row_group_size=GROUP)
    file = put_under_a_free_name(folder, file_stem(samples.name), ".parquet", buffer.getvalue(), manifest)
    return entry_of(samples, buffer.getvalue(), file, result, frame)


def write_events(folder: Path, fresh: list[Entry], manifest: Mapping[str, Any], result: Pulled) -> dict[str, Any]:
    """Store one source's new events: a JSON list, each with time, text, kind, people, source and digest."""
    told = [
        {"at": iso(one.at), "text": one.text, "kind": one.kind, "people": list(one.people), "key": one.key}
        | {"origin": one.origin, "evidence": one.evidence}
        for one in fresh
    ]
    content = (json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    file = put_under_a_free_name(folder, f"events-{file_stem(result.source)}", ".json", content, manifest)
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


def events_in(folder: Path, manifest: Mapping[str, Any]) -> list[Entry]:
    found = []
    for stored in manifest["files"]:
        if stored["kind"] == "events":
            for told in json.loads(content_of(folder / stored["file"], stored)):
                at = parse_instant(told.pop("at"), None)
                found.append(Entry(at=at, people=tuple(told.pop("people")), **told))
    return found


def put_under_a_free_name(folder: Path, stem: str, ending: str, content: bytes, manifest: Mapping[str, Any]) -> str:
    listed = {entry["file"] for entry in manifest["files"]}
    for number in range(1, 100_000):
        file = f"{stem}{ending}" if number == 1 else f"{stem}.{number}{ending}"
        if file not in listed and put_new(folder / file, content):
            return file
    raise ExportDamaged(f"{folder}: has no free name left for {stem}")


def put_new(path: Path, content: bytes) -> bool:
    """Write a file that is not there; False where another content is (a crash may have left the same one)."""
    if path.exists():
        return path.is_file() and not path.is_symlink() and path.read_bytes() == content
    put(path, content)
    return True


def put(path: Path, content: bytes) -> None:
    """The whole content or nothing, and on the disk before its name is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def file_stem(name: str) -> str:
    """A file name for a metric: its own where that is safe everywhere, else with a few signs of its digest."""
    if re.fullmatch(r"[a-z_][\w-]{0,100}", name, re.ASCII):
        return name
    safe = re.sub(r"[^\w-]+", "-", name, flags=re.ASCII).strip("-.")[:80] or "metric"
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def frame_of(samples: Samples) -> pl.DataFrame:
    """The canonical table: ts, step, label:…, then value, or le:…, sum, count; sorted by labels, then ts."""
    import numpy as np
    import polars as pl

    series = sorted((one for one in samples.series if len(one.times)), key=key_of)
    labels = sorted({label for one in series for label in one.labels})
    lengths = [len(one.times) for one in series]
    number = np.repeat(np.arange(len(series)), lengths)
    columns: dict[str, Any] = {
        "ts": np.concatenate([one.times for one in series]),
        "step": np.concatenate([one.steps for one in series]),
    }
    for label in labels:
        texts = pl.Series([one.labels.get(label) or None for one in series], dtype=pl.String)
        columns[f"label:{label}"] = texts.gather(number)
    values = np.concatenate([one.values for one in series])
    if not samples.edges:
        return pl.DataFrame(columns | {"value": values})
    heads = [f"le:{edge_text(edge)}" for edge in samples.edges] + ["sum", "count"]
    return pl.DataFrame(columns | {head: compact(values[:, index]) for index, head in enumerate(heads)})


def compact(values: NDArray[np.float64]) -> pl.Series:
    """Whole numbers as integers, which store in a fraction of the space; no such bucket is null."""
    import numpy as np
    import polars as pl

    column = pl.Series(values, nan_to_null=True)
    known = values[~np.isnan(values)]
    whole = bool((known == np.floor(known)).all()) and bool((np.abs(known) < 2**53).all())
    return column.cast(pl.Int64) if whole and len(known) else column


def read_samples(folder: Path, manifest: Mapping[str, Any], name: str) -> Samples | None:
    """All stored files of one metric as one, in the order they were pulled; None where there is none."""
    found: Samples | None = None
    for entry in manifest["files"]:
        if entry["metric"] == name:
            samples = read(folder / entry["file"], entry)
            found = samples if found is None else overlaid(found, samples)
    return found


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


def read(path: Path, entry: Mapping[str, Any]) -> Samples:
    """The rows of one stored file."""
    import io

    import polars as pl

    table = pl.scan_parquet(io.BytesIO(content_of(path, entry)))
    columns = table.collect_schema().names()
    labels = [column for column in columns if column.startswith("label:")]
    return Samples(
        name=entry["metric"],
        kind=entry["kind"],
        edges=tuple(float(column.removeprefix("le:")) for column in columns if column.startswith("le:")),
        series=tuple(series_in(table, labels, [one for one in columns if one not in ("ts", "step", *labels)])),
        inputs=tuple(entry["digests"]),
        engine=entry["engine"],
        source=entry["source"],
    )


def series_in(table: pl.LazyFrame, labels: list[str], columns: list[str]) -> Iterable[Series]:
    """The series of a stored table, which are its stretches of equal labels. A part after the other is decoded."""
    import numpy as np
    import polars as pl

    keys = table.select("ts", "step", *labels).collect()
    starts = [0]
    if labels and keys.height:
        runs = keys.select(pl.struct(labels).rle_id()).to_series().to_numpy()
        starts = [0, *(np.flatnonzero(np.diff(runs)) + 1).tolist()]
    named = keys[starts].select(labels).to_dicts() if labels else [{}]
    times, steps = keys["ts"].to_numpy(), keys["step"].to_numpy()
    values = np.empty((keys.height, len(columns)), order="F")
    for first in range(0, keys.height, GROUP):
        part = table.select(columns).slice(first, GROUP).collect()
        for index, column in enumerate(columns):
            values[first : first + GROUP, index] = part[column].to_numpy()
    for start, end, texts in zip(starts, [*starts[1:], keys.height], named, strict=True):
        yield Series(
            labels={label.removeprefix("label:"): text for label, text in texts.items() if text},
            times=times[start:end],
            values=values[start:end] if len(columns) > 1 else values[start:end, 0],
            steps=steps[start:end],
        )


def rows_digest(samples: Samples) -> str:
    """
    sha256 of the rows themselves, whatever wrote them: the edges as text, then for each series in the order of its
    labels: the labels as JSON, and times, steps and values as little-endian 64-bit numbers, NaN in one form.
    """
    import numpy as np

    digest = hashlib.sha256(json.dumps([edge_text(edge) for edge in samples.edges]).encode())
    for series in sorted((one for one in samples.series if len(one.times)), key=key_of):
        digest.update(b"\n" + json.dumps(key_of(series), ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        digest.update(series.times.astype("<i8").tobytes())
        digest.update(series.steps.astype("<i8").tobytes())
        digest.update(np.where(np.isnan(series.values), np.nan, series.values + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()


def edge_text(edge: float) -> str:
    """'50', '0.25', '+Inf': one form for one edge, exact."""
    if edge in (float("inf"), float("-inf")):
        return "+Inf" if edge > 0 else "-Inf"
    return str(int(edge)) if edge == int(edge) and abs(edge) < 2**53 else repr(edge)

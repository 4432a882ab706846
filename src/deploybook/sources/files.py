"""Kind `files`: what people exported, read from the paths that the source names."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ..errors import SourceError
from ..model import DataNote, Original, Pulled
from ..times import Window
from .answers import read_answer, rows_of_answers
from .join import gather
from .openmetrics import read_openmetrics
from .packed import unpacked
from .request import Request
from .rows import Rows, Unreadable
from .tables import Form, read_csv, read_parquet

BESIDE = timedelta(days=1)  # rows this near to a window are kept


def pull(request: Request) -> Pulled:
    """All rows of the wanted metrics in the named files, joined; a file that cannot be read is a note, not an end."""
    notes: list[DataNote] = []
    parts: list[Rows] = []
    originals: list[Original] = []
    for path, shown in named_files(request, notes):
        try:
            content = content_of(path)
            digest = hashlib.sha256(content).hexdigest()
            part = read_file(content, shown, request, digest)
        except Unreadable as problem:
            place = f"{shown}:{problem.line}" if problem.line else shown
            text = f"{shown} {problem.text}"
            notes.append(DataNote(kind=problem.kind, metric=name_of(shown), text=text, place=place))
            continue
        notes.extend(part.notes)
        parts.append(part)
        originals.append(original(part, shown, digest, len(content), request))
        request.tell(shown, sum(len(one.times) for one in parts), sum(one.size for one in originals))
    near = [Window(start=window.start - BESIDE, end=window.end + BESIDE) for window in request.windows]
    samples, noticed, origins = gather(parts, request.wanted, source=request.source.name, windows=near)
    used = [replace(one, metrics=tuple(sorted(origins.get(one.digest, ())))) for one in originals]
    return Pulled(
        source=request.source.name,
        samples=tuple(samples),
        notes=tuple(about(notes, used, request.wanted) + noticed),
        originals=tuple(one for one in used if one.metrics),
    )


def named_files(request: Request, notes: list[DataNote]) -> Iterator[tuple[Path, str]]:
    """Each file the paths name, once, in the order of their names, with its path as seen from the deployment."""
    patterns = request.texts("paths")
    if not patterns:
        raise SourceError(f"{request.source.name}: names no files; write 'paths: [\"exports/**/*.csv\"]'")
    folder = request.folder.resolve()
    found: dict[Path, str] = {}
    for pattern in patterns:
        matches = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - Path.glob takes no '..' and no absolute path
        if not matches:
            text = f"no file at {pattern!r}, seen from the deployment's folder; put it there, or mend 'paths'"
            notes.append(DataNote(kind="missing", metric=name_of(pattern), text=text, place=pattern))
        tree = Path(os.path.normpath(folder / fixed_part(pattern)))
        for match in matches:
            real, shown = (folder / match).resolve(), Path(os.path.normpath(match)).as_posix()
            if not real.is_relative_to(tree):
                text = f"{shown} is a link to a place outside {fixed_part(pattern) or '.'}; it is not followed"
                notes.append(DataNote(kind="refused", metric=name_of(shown), text=text, place=shown))
            elif real.is_file() and not is_ours(real, folder):
                found.setdefault(real, shown)
    yield from sorted(found.items(), key=lambda item: item[1])


def content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None


def fixed_part(pattern: str) -> str:
    """The folder that a pattern starts from, before its first sign that matches several names."""
    parts = Path(pattern).parts
    fixed = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return str(Path(*parts[:fixed])) if fixed else ""


def is_ours(path: Path, folder: Path) -> bool:
    """True for what earlier pulls stored; the originals beside it are the user's."""
    exports = folder / "exports"
    return path.parent == exports and path.suffix in (".parquet", ".json")


def read_file(content: bytes, shown: str, request: Request, digest: str) -> Rows:
    """The rows of one file, by its first bytes: Parquet, an answer of the Prometheus API, OpenMetrics text, or CSV."""
    form = form_of(request, shown)
    content = unpacked(content)
    start = content[:4096].lstrip()
    if content.startswith(b"PAR1"):
        return read_parquet(content, form, place=shown, digest=digest)
    if start.startswith((b"{", b"[")) or ".json" in Path(shown).suffixes:
        return read_saved_answer(content, form.name, shown, digest)
    if start.startswith((b"# HELP", b"# TYPE", b"# UNIT", b"# EOF")) or {".om", ".prom"} & set(Path(shown).suffixes):
        return read_openmetrics(content, request.wanted, place=shown, digest=digest)
    return read_csv(content, form, place=shown, digest=digest)


def read_saved_answer(content: bytes, name: str, shown: str, digest: str) -> Rows:
    answer = read_answer(content)
    if answer.error:
        raise Unreadable(f"is an error of the server: {answer.error_type}: {answer.error[:300]}")
    if answer.kind not in ("matrix", "vector"):
        raise Unreadable(f"is an answer of type {answer.kind[:20]!r}; series are needed (a matrix or a vector)")
    if not answer.series and not answer.native:
        raise Unreadable("is an answer without series", kind="empty")
    return rows_of_answers([answer], place=shown, name=name, digests=(digest,))


def form_of(request: Request, name: str) -> Form:
    """How the source says its tables are written. `metric` is a column where there is one of that name."""
    options = request.source.options
    said = {role: str(options[role]) for role in ("time", "value", "metric") if options.get(role)}
    return Form(
        name=str(options.get("metric") or name_of(name)),
        known=request.wanted,
        zone=request.source.zone,
        columns=said,
        labels=request.texts("labels"),
        delimiter=str(options.get("delimiter") or ("\t" if ".tsv" in Path(name).suffixes else ",")),
    )


def original(part: Rows, shown: str, digest: str, size: int, request: Request) -> Original:
    spans = len(part.times) > 0
    return Original(
        path=shown,
        digest=digest,
        size=size,
        source=request.source.name,
        kind=request.source.kind,
        rows=len(part.times),
        start_ms=int(part.times.min()) if spans else 0,
        end_ms=int(part.times.max()) if spans else 0,
    )


def name_of(shown: str) -> str:
    """'exports/up.csv.gz' as 'up': the metric of a file whose rows do not name theirs."""
    return Path(shown).name.split(".", 1)[0].rstrip("*?[]")


def about(notes: list[DataNote], originals: list[Original], wanted: Mapping[str, str]) -> list[DataNote]:
    """Each note with the metric it is about: the only one of its file, else the one the file is named for, else ''."""
    held = {one.path: one.metrics for one in originals}
    told = []
    for note in notes:
        metrics = held.get(note.place.rsplit(":", 1)[0], ())
        name = metrics[0] if len(metrics) == 1 else note.metric or name_of(note.place)
        told.append(replace(note, metric=name if name in wanted else ""))
    return told

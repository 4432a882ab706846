"""Kind `files`: what people exported, read from the paths that the source names."""

from __future__ import annotations

import glob
import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ..errors import SourceError
from ..model import DataNote, Original, Pulled
from ..times import Window
from .join import gather
from .request import Request
from .rows import Rows, Unreadable, read_table

LARGEST = 2 << 30  # bytes of one file, unpacked
BESIDE = timedelta(days=1)  # rows this near to a window are kept


def pull(request: Request) -> Pulled:
    """All rows of the wanted metrics in the named files, joined; a file that cannot be read is a note, not an end."""
    notes: list[DataNote] = []
    parts: list[Rows] = []
    originals: list[Original] = []
    for path, shown in named_files(request, notes):
        try:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            part = read_file(content, shown, request, digest)
        except Unreadable as problem:
            place = f"{shown}:{problem.line}" if problem.line else shown
            notes.append(
                DataNote(kind=problem.kind, metric=name_of(shown), text=f"{shown} {problem.text}", place=place)
            )
            continue
        except OSError as error:
            text = f"{shown} cannot be read: {error.strerror or error}"
            notes.append(DataNote(kind="unreadable", metric=name_of(shown), text=text, place=shown))
            continue
        notes.extend(part.notes)
        parts.append(part)
        originals.append(original(part, shown, len(content), request))
        request.tell(shown, sum(len(one.frame) for one in parts), sum(one.size for one in originals))
    near = [Window(start=window.start - BESIDE, end=window.end + BESIDE) for window in request.windows]
    samples, noticed, origins = gather(parts, request.wanted, source=request.source.name, windows=near)
    used = [replace(one, metrics=tuple(sorted(origins.get(one.digest, ())))) for one in originals]
    return Pulled(
        source=request.source.name,
        samples=tuple(samples),
        notes=tuple(about(notes, request.wanted) + noticed),
        originals=tuple(one for one in used if one.metrics),
    )


def named_files(request: Request, notes: list[DataNote]) -> Iterator[tuple[Path, str]]:
    """Each file the paths name, once, in the order of their names, with its path as seen from the deployment."""
    paths = request.source.options.get("paths", request.source.options.get("path", ()))
    patterns = [paths] if isinstance(paths, str) else list(paths) if isinstance(paths, (list, tuple)) else []
    if not patterns:
        raise SourceError(f"{request.source.name}: names no files; write 'paths: [\"exports/**/*.csv\"]'")
    folder = request.folder.resolve()
    found: dict[Path, str] = {}
    for pattern in patterns:
        matches = glob.glob(str(pattern), root_dir=folder, recursive=True)  # noqa: PTH207 - Path.glob takes no '..' and no absolute path
        if not matches:
            text = f"no file at {pattern!r}, seen from the deployment's folder"
            notes.append(DataNote(kind="missing", metric=name_of(str(pattern)), text=text, place=str(pattern)))
        tree = Path(os.path.normpath(folder / fixed_part(str(pattern))))
        for match in matches:
            real, shown = (folder / match).resolve(), Path(os.path.normpath(match)).as_posix()
            if not real.is_relative_to(tree):
                text = f"{shown} is a link to a place outside {fixed_part(str(pattern)) or '.'}; it is not followed"
                notes.append(DataNote(kind="refused", metric=name_of(shown), text=text, place=shown))
            elif real.is_file() and not is_ours(real, folder):
                found.setdefault(real, shown)
    yield from sorted(found.items(), key=lambda item: item[1])


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
    """The rows of one file, by what its name says it is."""
    options = request.source.options
    columns = options.get("columns")
    return read_table(
        unpacked(content, shown),
        place=shown,
        name=str(options.get("metric") or name_of(shown)),
        known=request.wanted,
        zone=request.source.zone,
        columns={str(key): str(name) for key, name in columns.items()} if isinstance(columns, Mapping) else None,
        delimiter=str(options.get("delimiter") or ("\t" if ".tsv" in Path(shown).suffixes else ",")),
        digest=digest,
    )


def unpacked(content: bytes, shown: str) -> bytes:
    """The content of a .gz file, of any other as it is; never more than LARGEST bytes."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    unpack = zlib.decompressobj(wbits=31)
    out = bytearray()
    try:
        while content:
            out += unpack.decompress(content, LARGEST - len(out) + 1)
            if len(out) > LARGEST:
                raise Unreadable(f"is larger than {LARGEST >> 20} MiB when unpacked")
            content = unpack.unconsumed_tail or unpack.unused_data
            if unpack.eof and content.startswith(b"\x1f\x8b"):
                unpack = zlib.decompressobj(wbits=31)
            elif unpack.eof:
                break
    except zlib.error:
        raise Unreadable("is damaged: its gzip data do not unpack", line=out.count(b"\n") + 1) from None
    if not unpack.eof:
        raise Unreadable("is cut off: its gzip data break off", line=out.count(b"\n") + 1)
    return bytes(out)


def original(part: Rows, shown: str, size: int, request: Request) -> Original:
    times = part.frame["@ts"]
    first, last = (int(times.min()), int(times.max())) if part.frame.height else (0, 0)  # type: ignore[arg-type]
    return Original(
        path=shown,
        digest=part.digest,
        size=size,
        source=request.source.name,
        kind=request.source.kind,
        rows=part.frame.height,
        start_ms=first,
        end_ms=last,
    )


def name_of(shown: str) -> str:
    """'exports/up.csv.gz' as 'up': the metric of a file whose rows do not name theirs."""
    return Path(shown).name.split(".", 1)[0].rstrip("*?[]")


def about(notes: list[DataNote], wanted: Mapping[str, str]) -> list[DataNote]:
    """A note about a file that is named like a metric, a part of one, or like none: '' then."""
    return [note if note.metric in wanted else replace(note, metric="") for note in notes]

"""What lies under reports/: every page that was made, with what it says of itself; read again only where it changed."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from .. import wording
from ..errors import PublishFailed
from ..sections.page import PageFacts, PageKind
from ..sections.text import slug

SUFFIX = ".page.json"
Stamp = tuple[int, int]  # modification in nanoseconds, size
READINGS, FILES = msgspec.msgpack.Decoder(dict[str, float | None]), msgspec.msgpack.Decoder(dict[str, Stamp])


class Brief(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """
    What is asked of every page there is, so little that ten thousand fit into memory. change: the name of the page that
    lists its change. waits: a checkpoint was still to come. open: its deployment was not done. readings: value by metric.
    """

    kind: PageKind
    deployment: str
    change: str
    service: str
    as_of: datetime
    word: str
    failed: bool
    waits: bool
    open: bool
    log_size: int
    packed: msgspec.Raw

    @property
    def readings(self) -> dict[str, float | None]:
        return READINGS.decode(self.packed)


def pack(values: dict[str, Any]) -> msgspec.Raw:
    """As they lie in the state file: of ten thousand pages few are looked into."""
    return msgspec.Raw(msgspec.msgpack.encode(values))


def brief_of(facts: PageFacts) -> Brief:
    waits = any(line.word == "Pending" for line in facts.checkpoints)
    return Brief(
        kind=facts.kind,
        deployment=facts.deployment,
        change=slug(facts.ticket or facts.deployment),
        service=facts.service,
        as_of=facts.as_of,
        word="Not produced" if facts.failure else facts.word,
        failed=facts.failure is not None,
        waits=waits,
        open=not facts.closed and (waits if facts.checkpoints else facts.as_of < facts.observed_until),
        log_size=facts.log_size,
        packed=pack({line.id: line.value for line in facts.metrics}),
    )


class Page(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    A report page. path: from reports/, without its ending, e.g. 2025/01/2025-01-22-telemetry-step2/index. said: what it
    says of itself, or the folder reports/ where that is read.
    """

    path: str
    brief: Brief
    said: PageFacts | str

    @classmethod
    def of(cls, path: str, facts: PageFacts) -> Page:
        return cls(path=path, brief=brief_of(facts), said=facts)

    @property
    def file(self) -> str:
        return f"{self.said}/{self.path}{SUFFIX}"

    @property
    def facts(self) -> PageFacts:
        """All but `table`, `chart` and `evidence`, which are most of it and seldom asked for."""
        return read_facts(self.file) if isinstance(self.said, str) else self.said

    @property
    def whole(self) -> PageFacts:
        return decode(self.file) if isinstance(self.said, str) else self.said

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.facts.zone)

    @property
    def address(self) -> str:
        return f"{self.path}.html"

    @property
    def month(self) -> str:
        """The folder that lists it: 2025/01."""
        return "/".join(self.path.split("/")[:2])

    @property
    def as_of(self) -> datetime:
        return self.brief.as_of

    @property
    def word(self) -> str:
        return self.brief.word

    @property
    def spoken(self) -> str:
        """The word with its modifier: 'Pass so far'."""
        return self.word if self.brief.failed else f"{self.word} {self.facts.modifier}".strip()

    def at(self, moment: datetime, year: bool = False) -> str:
        return wording.local_full(moment, self.zone, year=year)

    @property
    def title(self) -> str:
        """What a list calls it: a daily report's title is its date alone."""
        return f"Daily report, {self.facts.title}" if self.brief.kind == "daily" else self.facts.title

    @property
    def subject(self) -> str:
        """What the reader calls the change: ticket and name."""
        return " · ".join(part for part in (self.facts.ticket, self.facts.name) if part)


class Pages(tuple[Page, ...]):
    """All pages, newest first."""

    @cached_property
    def by_deployment(self) -> dict[str, list[Page]]:
        """Those of each deployment, newest first; a daily report belongs to none."""
        groups: dict[str, list[Page]] = {}
        for page in self:
            if page.brief.kind != "daily" and page.brief.deployment:
                groups.setdefault(page.brief.deployment, []).append(page)
        return groups


class Folder(msgspec.Struct, array_like=True, gc=False):
    """A folder of reports as it was seen. stamp: its own modification. briefs: by the page's name."""

    stamp: int
    briefs: dict[str, Brief]
    packed: msgspec.Raw

    @property
    def files(self) -> dict[str, Stamp]:
        """Every file by its name."""
        return FILES.decode(self.packed)


def gather(reports: Path) -> Pages:
    """
    All pages, newest first. Raises PublishFailed for a symbolic link in the tree (MkDocs would publish what it points
    to), and for page facts that cannot be read.
    """
    return listed(reports, scan(reports, {}))


def listed(reports: Path, folders: Mapping[str, Folder]) -> Pages:
    """The pages of the folders, newest first."""
    said = str(reports)
    found = (
        Page(path=f"{place}/{name}", brief=brief, said=said)
        for place, folder in folders.items()
        for name, brief in folder.briefs.items()
    )
    return Pages(sorted(found, key=lambda page: (page.as_of, page.path), reverse=True))


def scan(reports: Path, before: Mapping[str, Folder]) -> dict[str, Folder]:
    """
    Every folder of reports/<year>/<month>/ by its path. One whose own stamp is as before is not opened again: reports
    are written through a rename, which stamps their folder.
    """
    read_facts.cache_clear()
    if not before:
        check_links(reports)
    found = {}
    for place, stamp in places(reports):
        known = before.get(place)
        found[place] = known if known and known.stamp == stamp else read_folder(reports, place, stamp)
    return found


def places(reports: Path) -> Iterator[tuple[str, int]]:
    for year, _ in folders_of(reports):
        if year.isdigit() and len(year) == 4:
            for month, _ in folders_of(reports / year):
                for name, stamp in folders_of(reports / year / month):
                    yield f"{year}/{month}/{name}", stamp


def folders_of(folder: Path) -> list[tuple[str, int]]:
    """Name and stamp of each folder in it."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(
            (refuse_link(entry).name, entry.stat().st_mtime_ns)
            for entry in entries
            if entry.is_dir() and not entry.name.startswith(".")
        )


def read_folder(reports: Path, place: str, stamp: int) -> Folder:
    files: dict[str, Stamp] = {}
    briefs: dict[str, Brief] = {}
    with os.scandir(reports / place) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            known = refuse_link(entry).stat()
            if entry.is_dir():
                stamp = 0  # what changes deeper down does not stamp this folder: it is read each time
                deeper = (path for path in Path(entry.path).rglob("*") if path.is_file())
                files |= {path.relative_to(reports / place).as_posix(): stamp_of(path) for path in deeper}
            elif not entry.name.startswith("."):
                files[entry.name] = (known.st_mtime_ns, known.st_size)
                if entry.name.endswith(SUFFIX):
                    briefs[entry.name.removesuffix(SUFFIX)] = brief_of(decode(entry.path))
    return Folder(stamp=stamp, briefs=briefs, packed=pack(dict(sorted(files.items()))))


def stamp_of(path: Path) -> Stamp:
    known = path.stat()
    return known.st_mtime_ns, known.st_size


def check_links(reports: Path) -> None:
    """Refuses symbolic links, and page facts where no report lies."""
    for folder, folders, names in os.walk(reports):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        depth = len(Path(folder).relative_to(reports).parts)
        for name in (*folders, *sorted(names)):
            path = Path(folder, name)
            if path.is_symlink():
                raise linked(path)
            if name.endswith(SUFFIX) and depth != 3:
                raise PublishFailed(f"{path}: a page lies in reports/<year>/<month>/<deployment>/; move it there")


def refuse_link(entry: os.DirEntry[str]) -> os.DirEntry[str]:
    if entry.is_symlink():
        raise linked(Path(entry.path))
    return entry


def linked(path: Path) -> PublishFailed:
    return PublishFailed(f"{path}: is a symbolic link; put the file itself there, then publish again")


def decode(file: str) -> PageFacts:
    try:
        facts = msgspec.json.decode(Path(file).read_bytes(), type=PageFacts)
        ZoneInfo(facts.zone)
    except (msgspec.MsgspecError, UnicodeDecodeError, ZoneInfoNotFoundError, ValueError) as error:
        raise PublishFailed(
            f"{file}: cannot be read: {error}; make the report again with `deploybook report`"
        ) from error
    return facts


@lru_cache(maxsize=128)  # the lists of the newest deployments ask for a hundred
def read_facts(file: str) -> PageFacts:
    return replace(decode(file), table="", chart="", evidence=())


def way(origin: str, target: str) -> str:
    """The relative address from the page at `origin` (a path from reports/) to `target` (likewise, with a fragment)."""
    path, mark, fragment = target.partition("#")
    return posixpath.relpath(path, posixpath.dirname(origin) or ".") + mark + fragment

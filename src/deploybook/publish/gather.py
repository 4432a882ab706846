"""What lies under reports/: every page that was made, with what it says of itself; read again only where it changed."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from .. import wording
from ..errors import PublishFailed
from ..sections.page import NOTHING, CheckpointLine, PageFacts, Shown

SUFFIX = ".page.json"
Stamp = tuple[int, int]  # modification in nanoseconds, size


class Reading(msgspec.Struct, frozen=True, gc=False):
    """A metric of a page: enough for its place in a history."""

    id: str
    value: float | None = None


class Reason(msgspec.Struct, frozen=True, gc=False):
    sentence: str


class Brief(msgspec.Struct, kw_only=True):
    """
    What lists need of a page, by the names of PageFacts, so that ten thousand pages fit into memory; whatever else is
    asked of it is read from the page's own file then. source: that file.
    """

    kind: str
    title: str
    deployment: str
    name: str
    ticket: str = ""
    service: str = ""
    team: str = ""
    lead: str = ""
    zone: str = "UTC"
    start: datetime
    end: datetime
    observed_until: datetime
    as_of: datetime
    after: str = ""
    closed: str = ""
    word: str
    modifier: str = ""
    number: str = ""
    number_figure: Shown = NOTHING
    readings: tuple[Reading, ...] = msgspec.field(default=(), name="metrics")
    checkpoints: tuple[CheckpointLine, ...] = ()
    failure: Reason | None = None
    log_size: int = 0
    log_root: str = ""
    source: str = ""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(read_facts(self.source), name)


@dataclass(frozen=True, kw_only=True)
class Page:
    """
    A report page. path: from reports/, without its ending, e.g. 2025/01/2025-01-22-telemetry-step2/index. facts: what
    it says of itself, read as far as it is asked for.
    """

    path: str
    facts: PageFacts

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.facts.zone)

    @cached_property
    def whole(self) -> PageFacts:
        """All that the page says of itself."""
        return read_facts(self.facts.source) if isinstance(self.facts, Brief) else self.facts

    @property
    def readings(self) -> tuple[Reading, ...]:
        known: Any = self.facts
        return (
            known.readings
            if isinstance(known, Brief)
            else tuple(Reading(each.id, each.value) for each in known.metrics)
        )

    @property
    def address(self) -> str:
        return f"{self.path}.html"

    @property
    def month(self) -> str:
        """The folder that lists it: 2025/01."""
        return "/".join(self.path.split("/")[:2])

    @property
    def as_of(self) -> datetime:
        return self.facts.as_of

    @property
    def word(self) -> str:
        return "Not produced" if self.facts.failure else self.facts.word

    @property
    def spoken(self) -> str:
        """The word with its modifier: 'Pass so far'."""
        return self.word if self.facts.failure else f"{self.word} {self.facts.modifier}".strip()

    def at(self, moment: datetime, year: bool = False) -> str:
        return wording.local_full(moment, self.zone, year=year)

    @property
    def title(self) -> str:
        """What a list calls it: a daily report's title is its date alone."""
        return f"Daily report, {self.facts.title}" if self.facts.kind == "daily" else self.facts.title

    @property
    def subject(self) -> str:
        """What the reader calls the change: ticket and name."""
        return " · ".join(part for part in (self.facts.ticket, self.facts.name) if part)


class Folder(msgspec.Struct):
    """A folder of reports as it was seen. stamp: its own modification. files: by name. briefs: by the page's name."""

    stamp: int
    files: dict[str, Stamp]
    briefs: dict[str, Brief]


def gather(reports: Path) -> tuple[Page, ...]:
    """
    All pages, newest first. Raises PublishFailed for a symbolic link in the tree (MkDocs would publish what it points
    to), and for page facts that cannot be read.
    """
    return listed(reports, scan(reports, {}))


def listed(reports: Path, folders: Mapping[str, Folder]) -> tuple[Page, ...]:
    """The pages of the folders, newest first."""
    found = []
    for place, folder in folders.items():
        for name, brief in folder.briefs.items():
            brief.source = f"{reports}/{place}/{name}{SUFFIX}"
            found.append(Page(path=f"{place}/{name}", facts=cast(PageFacts, brief)))
    return tuple(sorted(found, key=lambda page: (page.as_of, page.path), reverse=True))


def scan(reports: Path, before: Mapping[str, Folder]) -> dict[str, Folder]:
    """
    Every folder of reports/<year>/<month>/ by its path. One whose own stamp is as before is not opened again: reports
    are written through a rename, which stamps their folder.
    """
    read_facts.cache_clear()
    if not before:
        check_links(reports)
    found = {}
    for place in places(reports):
        stamp = (reports / place).stat().st_mtime_ns
        known = before.get(place)
        found[place] = known if known and known.stamp == stamp else read_folder(reports, place, stamp)
    return found


def places(reports: Path) -> Iterator[str]:
    for year in folders_of(reports):
        if year.isdigit() and len(year) == 4:
            for month in folders_of(reports / year):
                yield from (f"{year}/{month}/{name}" for name in folders_of(reports / year / month))


def folders_of(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(refuse_link(entry).name for entry in entries if entry.is_dir() and not entry.name.startswith("."))


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
                    briefs[entry.name.removesuffix(SUFFIX)] = decode(Path(entry.path), Brief)
    return Folder(stamp=stamp, files=dict(sorted(files.items())), briefs=briefs)


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


@lru_cache(maxsize=16)
def read_facts(source: str) -> PageFacts:
    return cast(PageFacts, decode(Path(source), PageFacts))


def decode(file: Path, kind: type) -> Any:
    try:
        facts: Any = msgspec.json.decode(file.read_bytes(), type=kind)
        ZoneInfo(facts.zone)
    except (msgspec.MsgspecError, UnicodeDecodeError, ZoneInfoNotFoundError, ValueError) as error:
        raise PublishFailed(
            f"{file}: cannot be read: {error}; make the report again with `deploybook report`"
        ) from error
    return facts


def way(origin: str, target: str) -> str:
    """The relative address from the page at `origin` (a path from reports/) to `target` (likewise, with a fragment)."""
    path, mark, fragment = target.partition("#")
    return posixpath.relpath(path, posixpath.dirname(origin) or ".") + mark + fragment

"""What lies under reports/: every page that was made, with what it says of itself."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .. import wording
from ..errors import PublishFailed
from ..sections.page import PageFacts

SUFFIX = ".page.json"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A report page. path: from reports/, without its ending, e.g. 2025/01/2025-01-22-telemetry-step2/index."""

    path: str
    facts: PageFacts

    @cached_property
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


def gather(reports: Path) -> tuple[Page, ...]:
    """
    All pages, newest first. Raises PublishFailed for a symbolic link in the tree (MkDocs would publish what it points
    to), and for page facts that cannot be read.
    """
    found = [read_page(reports, Path(folder, name)) for folder, name in walk(reports) if name.endswith(SUFFIX)]
    return tuple(sorted(found, key=lambda page: (page.as_of, page.path), reverse=True))


def walk(reports: Path) -> Iterator[tuple[str, str]]:
    for folder, folders, names in os.walk(reports):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in (*folders, *sorted(names)):
            if Path(folder, name).is_symlink():
                raise PublishFailed(
                    f"{Path(folder, name)}: is a symbolic link; put the file itself there, then publish again"
                )
        yield from ((folder, name) for name in names)


def read_page(reports: Path, file: Path) -> Page:
    import msgspec

    try:
        facts = msgspec.json.decode(file.read_bytes(), type=PageFacts)
        ZoneInfo(facts.zone)
    except (msgspec.MsgspecError, UnicodeDecodeError, ZoneInfoNotFoundError, ValueError) as error:
        raise PublishFailed(
            f"{file}: cannot be read: {error}; make the report again with `deploybook report`"
        ) from error
    path = file.relative_to(reports).as_posix().removesuffix(SUFFIX)
    if path.count("/") < 3:
        raise PublishFailed(f"{file}: a page lies in reports/<year>/<month>/<deployment>/; move it there")
    return Page(path=path, facts=facts)


def way(origin: str, target: str) -> str:
    """The relative address from the page at `origin` (a path from reports/) to `target` (likewise, with a fragment)."""
    path, mark, fragment = target.partition("#")
    return posixpath.relpath(path, posixpath.dirname(origin) or ".") + mark + fragment

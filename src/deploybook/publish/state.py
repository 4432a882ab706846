"""What the site that stands was built from, so that a publication touches only what is new."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from .gather import SUFFIX, Folder, Stamp, stamp_of
from .tree import MANIFEST, read_manifest, write_whole

FILE = ".site-state"
# What a build leaves last; another program that builds the site changes them.
WITNESSES = ("index.html", "search/search_index.json", "404.html")
PARTS = ("publish", "sections", "charts", "assets")  # of this package, what pages are made with
TOOLS = ("mkdocs", "mkdocs-material", "markdown", "pymdown-extensions")


class State(msgspec.Struct):
    """fingerprint: of all that is the same for every page. site: stamps of WITNESSES. hashes: of inline scripts."""

    fingerprint: str
    site: list[Stamp]
    hashes: list[str]
    folders: dict[str, Folder]


@dataclass(frozen=True, kw_only=True)
class News:
    """files: new or changed ones, paths from reports/. pages: those among them that are reports, without their ending."""

    files: tuple[str, ...]
    pages: frozenset[str]


def read_state(root: Path, site: Path, fingerprint: str) -> State | None:
    """The state of the site that stands; None where it was built from another configuration, or by another program."""
    try:
        state = msgspec.msgpack.decode((root / FILE).read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError):
        return None
    return state if state.fingerprint == fingerprint and state.site == stamps(site) else None


def write_state(root: Path, state: State) -> None:
    write_whole(root / FILE, msgspec.msgpack.encode(state))


def forget(root: Path) -> None:
    (root / FILE).unlink(missing_ok=True)


def stamps(site: Path) -> list[Stamp]:
    return [stamp_of(path) for name in WITNESSES if (path := site / name).is_file()]


def fingerprint(root: Path, pdf: bool) -> str:
    """Of the configuration, the tools, our own code, and of every file below reports/ that is neither report nor ours."""
    reports = root / "reports"
    own = sorted(set(files_beside(reports)) - set(read_manifest(reports)))
    package = Path(__file__).parents[1]
    code = [path for part in PARTS for path in (package / part).rglob("*.*") if path.suffix != ".pyc"]
    seen = [
        hashlib.sha256((root / "mkdocs.yml").read_bytes()).hexdigest(),
        *(f"{name} {version(name)}" for name in TOOLS),
        *(f"{path} {stamp_of(reports / path)}" for path in own),
        *(f"{path} {stamp_of(path)}" for path in sorted(code)),
        f"pdf {pdf}",
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def files_beside(reports: Path) -> list[str]:
    """Every file below reports/ that does not belong to a report: not in a folder of reports/<year>/<month>/."""
    found = []
    for folder, folders, names in os.walk(reports):
        parts = Path(folder).relative_to(reports).parts
        in_month = len(parts) == 2 and parts[0].isdigit()
        folders[:] = [] if in_month else [name for name in folders if not name.startswith(".")]
        found += ["/".join((*parts, name)) for name in names if name != MANIFEST]
    return found


def news(before: Mapping[str, Folder], now: Mapping[str, Folder]) -> News | None:
    """What is new; None where something went away, so that all has to be built."""
    if before.keys() - now.keys():
        return None
    files: list[str] = []
    for place, folder in now.items():
        known = before.get(place)
        if known is folder:
            continue
        old, new = known.files if known else {}, folder.files
        if old.keys() - new.keys():
            return None
        files += [f"{place}/{name}" for name, stamp in new.items() if old.get(name) != stamp]
    return News(
        files=tuple(sorted(path for path in files if not path.endswith(SUFFIX))),
        pages=frozenset(path.removesuffix(SUFFIX) for path in files if path.endswith(SUFFIX)),
    )

"""
What each report was made from, kept so that a report of which nothing changed is skipped.

`.deploybook/made/<deployment>.json` is no state: without it a report is made again, and gives the same bytes.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..records import Workspace
from ..run.key import digests, stamps, why
from ..times import iso

if TYPE_CHECKING:
    from ..book import Book
    from ..book.day import Day
    from ..model import Deployment

FOLDER = Path(".deploybook") / "made"
LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "requirements.txt", "requirements/run.txt")
WRITING = Lock()
SETTLED = timedelta(minutes=10)  # after the end of a watch, when no server adds to its times any more


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What all reports of a workspace follow from. plan: of all files that say when what is deployed; entries: the log's."""

    workspace: Workspace
    common: Mapping[str, str]
    plan: str
    entries: int

    @classmethod
    def of(cls, workspace: Workspace) -> Ground:
        root = workspace.root
        plan = [root / "deploybook.yml", *root.glob("services/*.y*ml"), *root.glob("deployments/*/deployment.yml")]
        files = [root / "deploybook.yml", *map(root.joinpath, LOCKS), *root.glob("notebooks/*.py")]
        common = digests(files, root) | {"the package": package()}
        return cls(workspace=workspace, common=common, plan=digest(stamps(plan, root)), entries=entries(root))


@cache
def package() -> str:
    """The version; in a checkout also which files are other than before."""
    folder = Path(__file__).parents[1]
    return __version__ if folder.parent.name == "site-packages" else digest(stamps(folder.rglob("*.py"), folder))


def entries(root: Path) -> int:
    """How many entries the evidence log has, as its checkpoint says; 0 where there is none."""
    try:
        return int((root / "evidence" / "checkpoint").read_text(encoding="utf-8").split("\n")[1])
    except (OSError, ValueError, IndexError):
        return 0


@dataclass(kw_only=True)
class Kept:
    """One deployment: what its reports were made from, and what they would be made from now."""

    ground: Ground
    slug: str
    said: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, ground: Ground, slug: str) -> Kept:
        return cls(ground=ground, slug=slug, said=read(path_of(ground, slug)))

    def write(self, **more: Any) -> None:
        """Adds to what is kept by now, also by others; `reports` are joined."""
        from .page import write

        path = path_of(self.ground, self.slug)
        with WRITING:
            known = read(path)
            self.said = known | more | {"reports": known.get("reports", {}) | more.get("reports", {})}
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True)
                (path.parents[1] / ".gitignore").write_text("*\n", encoding="utf-8")
            write({path: json.dumps(self.said, ensure_ascii=False, sort_keys=True)})

    @property
    def folder(self) -> Path:
        return self.ground.workspace.folder(self.slug)

    # --- the sources

    def needs_pull(self, now: datetime) -> bool:
        """Whether the sources may have more than was pulled: files that are other ones, a watch that goes on."""
        told = self.said.get("pull")
        return not told or told["until"] > iso(now) or told["files"] != self.source_files(told["patterns"])

    def pulled(self, deployment: Deployment, now: datetime, *, failed: bool) -> None:
        patterns, until = [], ""
        for source in deployment.sources:
            paths = source.options.get("paths", source.options.get("path") if source.kind == "files" else None)
            patterns += [paths] if isinstance(paths, str) else list(paths) if isinstance(paths, list | tuple) else []
            if not paths and now < deployment.observed.end + SETTLED:
                until = iso(deployment.observed.end + SETTLED)
        files = self.source_files(patterns)
        self.__dict__.pop("inputs", None)  # there may be other exports now
        self.write(pull=None if failed else {"patterns": patterns, "files": files, "until": until})

    def source_files(self, patterns: Iterable[str]) -> str:
        found = {name for each in patterns for name in glob.glob(each, root_dir=self.folder, recursive=True)}  # noqa: PTH207
        return digest(stamps(map(self.folder.joinpath, found), self.folder))

    # --- the key

    @cached_property
    def inputs(self) -> dict[str, str]:
        """The files of the deployment's folder: what people wrote and the manifest by their bytes, exports by their time."""
        written: list[Path] = []
        exported: list[Path] = []
        for path in below(self.folder):
            is_export = path.relative_to(self.folder).parts[0] == "exports" and path.name != "manifest.json"
            (exported if is_export else written).append(path)
        root = self.ground.workspace.root
        return digests(written, root) | stamps(exported, root)

    def key(self, notebook: Path, parameters: Mapping[str, Any], service: str, others: str) -> dict[str, str]:
        """Everything that a report follows from. others: digest of what it says of other deployments."""
        root = self.ground.workspace.root
        own = [notebook, *(root / "services" / f"{service}.{ending}" for ending in ("yml", "yaml") if service)]
        said = {"parameters": json.dumps(dict(parameters), sort_keys=True), "other deployments": others}
        return {**self.ground.common, **self.inputs, **digests(own, root), **said}

    def key_of(self, book: Book, notebook: Path, parameters: Mapping[str, Any]) -> dict[str, str]:
        """The key with what the book says of its service and of others; kept for `known_key`."""
        found: list[str] = []
        if book.neighbours:
            from ..assess.notice import overlaps

            found += map(repr, overlaps(book.deployment, book.neighbours, book.deployment.observed.end))
        others = digest(found)
        service = book.deployment.service
        known = {"plan": self.ground.plan, "service": service, "others": others}
        if any(self.said.get(name) != value for name, value in known.items()):
            self.write(**known)
        return self.key(notebook, parameters, service, others)

    def key_of_day(self, notebook: Path, parameters: Mapping[str, Any], day: Day) -> dict[str, str]:
        """What a daily report follows from: every deployment and service, and what earlier reports said."""
        root = self.ground.workspace.root
        inputs = [Kept(ground=self.ground, slug=folder.name).inputs for folder in root.glob("deployments/*/")]
        own = digests([notebook, *root.glob("services/*.y*ml")], root)
        said = {
            "parameters": json.dumps(dict(parameters), sort_keys=True),
            "earlier reports": digest([repr(day.memory)]),
        }
        return {**self.ground.common, **{name: found for each in inputs for name, found in each.items()}, **own, **said}

    def known_key(self, scope: str) -> dict[str, str] | None:
        """The same without opening the deployment; None where the plan changed since, or nothing is known."""
        told = self.said.get("reports", {}).get(scope)
        if not told or self.said.get("plan") != self.ground.plan:
            return None
        notebook = self.ground.workspace.root / told["notebook"]
        return self.key(notebook, told["parameters"], self.said["service"], self.said["others"])

    # --- the reports

    def why(self, scope: str, key: Mapping[str, str]) -> list[str]:
        """Why the report is made; empty where what is there was made from the same."""
        told = self.said.get("reports", {}).get(scope)
        if not told:
            return ["it was not made yet"]
        root = self.ground.workspace.root
        causes = why(told["key"], key) + why(told["pages"], stamps(map(root.joinpath, told["pages"]), root))
        return causes + (["the evidence log is another one"] if self.ground.entries < told["entries"] else [])

    def scopes(self, now: datetime) -> list[str] | None:
        """The reports that were due last time, where no other one came to be due since; None where that is not known."""
        following = self.said.get("next")
        known = following is not None and (not following or iso(now) < following)
        return list(self.said["scopes"]) if known else None

    def all_unchanged(self, scopes: Iterable[str]) -> list[dict[str, Any]] | None:
        """What was told of each report; None where one of them may have to be made."""
        found = []
        for scope in scopes:
            key = self.known_key(scope)
            if key is None or self.why(scope, key):
                return None
            found.append(self.said["reports"][scope])
        return found

    def remember(self, scope: str, **told: Any) -> None:
        """What a report was made from: key, pages, entries, and what else is told of it; nothing for a failed one."""
        self.write(reports={scope: told or None})


def below(folder: Path) -> Iterator[Path]:
    """Every file of a folder, but hidden ones and editors' copies."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith(".") and not name.endswith("~"))


def read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def path_of(ground: Ground, slug: str) -> Path:
    return ground.workspace.root / FOLDER / f"{slug}.json"


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

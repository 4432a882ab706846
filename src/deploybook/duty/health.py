"""
The health of `run` itself, for whoever watches the watcher; and what lets an idle call end at once.

.deploybook/status.json   last run, next due, lateness, failures, evidence: written when a run did something
a Prometheus textfile     the same numbers, where `--textfile` says
the hint                  in the user's cache: nothing to do before a time, as long as no file of the plan changes

None of them is state: each may be deleted at any time, and costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .. import __version__
from ..times import iso

FOLDER = ".deploybook"
FILES = ("deploybook.yml", "mkdocs.yml", "services/*.y*ml", "deployments/*/deployment.yml", "evidence/checkpoint")


def own_folder(root: Path) -> Path:
    """The folder for what no version control should keep; it says so itself."""
    folder = root / FOLDER
    if not folder.is_dir():
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


# --- the hint


def fingerprint(root: Path) -> str:
    """Changes with every file that the plan is made from."""
    found = hashlib.sha256(__version__.encode())
    for pattern in FILES:
        for path in sorted(root.glob(pattern)):
            status = path.stat()
            found.update(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\0{status.st_ino}\n".encode())
    return found.hexdigest()


def hint_path(root: Path) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return cache / "deploybook" / f"next-{hashlib.sha256(os.fsencode(root)).hexdigest()[:16]}.json"


def idle_until(root: Path, now: datetime) -> tuple[datetime | None, ZoneInfo] | None:
    """
    When there is something to do again (None for never as things stand), and the zone to say it in; None where the plan
    has to be made to tell.
    """
    try:
        hint = json.loads(hint_path(root).read_text(encoding="utf-8"))
        until = datetime.fromisoformat(hint["until"]) if hint["until"] else None
        known = (until is None or now < until) and hint["fingerprint"] == fingerprint(root)
        return (until, ZoneInfo(hint["zone"])) if known else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def leave_hint(root: Path, until: datetime | None, zone: ZoneInfo) -> None:
    """Best effort: without a cache every call makes its plan."""
    path = hint_path(root)
    hint = {"until": iso(until) if until else "", "zone": zone.key, "fingerprint": fingerprint(root)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_text(path, json.dumps(hint))
    except OSError:
        return


# --- the health


@dataclass(frozen=True, kw_only=True)
class Health:
    """next_due: as ISO text, '' for nothing to come. late_seconds: of what is overdue most. untold: messages that wait."""

    last_run: str
    next_due: str = ""
    due: int = 0
    missed: int = 0
    late_seconds: int = 0
    made: int = 0
    failures: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    evidence_entries: int = 0
    evidence_bytes: int = 0

    def document(self) -> dict[str, Any]:
        about = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"schema": "deploybook.health/1", "version": __version__, **about}


def write_health(root: Path, health: Health, textfile: Path | None) -> None:
    """status.json, and the textfile where one is asked for; each whole or not at all."""
    text = json.dumps(health.document(), ensure_ascii=False, indent=1) + "\n"
    replace_text(own_folder(root) / "status.json", text)
    if textfile is not None:
        replace_text(textfile, "".join(prometheus(health)))


def told_next(root: Path) -> str | None:
    """The next due time that status.json tells; None without one."""
    try:
        said = json.loads((root / FOLDER / "status.json").read_text(encoding="utf-8"))
        return str(said["next_due"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


# Of each number of the health its name in Prometheus and what it says.
GAUGES = {
    "last_run": ("last_run_timestamp_seconds", "When `deploybook run` last did something."),
    "next_due": (
        "next_due_timestamp_seconds",
        "When it has something to do next; long past means that nobody calls it. 0 for nothing to come.",
    ),
    "due": ("due", "Reports that are due and not made."),
    "missed": ("missed", "Reports that will not be made any more."),
    "late_seconds": ("late_seconds", "How long the report that is overdue most is overdue."),
    "made": ("made", "Reports that the last run made."),
    "failures": ("failures", "What went wrong in the last run."),
    "untold": ("untold_messages", "Messages that no channel took yet."),
    "evidence_entries": ("evidence_entries", "Entries of the evidence log."),
    "evidence_bytes": ("evidence_bytes", "Size of the evidence folder."),
}


def prometheus(health: Health) -> Iterator[str]:
    """The text format of Prometheus, for the node exporter's textfile collector."""
    for field, (name, text) in GAUGES.items():
        said = getattr(health, field)
        value = seconds(said) if isinstance(said, str) else len(said) if isinstance(said, tuple) else said
        yield f"# HELP deploybook_{name} {text}\n# TYPE deploybook_{name} gauge\ndeploybook_{name} {value}\n"


def seconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp()) if moment else 0


def size_of(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def replace_text(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)

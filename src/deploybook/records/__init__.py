"""
Everything that people write in YAML, read strictly: deploybook.yml, services, deployment.yml, records.

The one place with YAML and pydantic; both are imported only when a file is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .workspace import (
    SLUG,
    Settings,
    Workspace,
    check_layers,
    deployment_and_problems,
    find_workspace,
    read_deployment,
    read_settings,
    read_workspace,
    slugs,
    written,
)

__all__ = [
    "SLUG",
    "Settings",
    "Workspace",
    "check_layers",
    "deployment_and_problems",
    "find_workspace",
    "json_schema",
    "read_deployment",
    "read_entries",
    "read_records",
    "read_settings",
    "read_workspace",
    "records_and_problems",
    "slugs",
    "written",
]

if TYPE_CHECKING:
    from ..errors import Problem
    from ..model import Deployment, Entry, Records

KINDS = ("deployment", "service", "deploybook", "records")


def read_records(folder: Path, deployment: Deployment) -> Records:
    """records.yml, records/* and notes/*.md of a deployment's folder; FileProblems with every mistake of all of them."""
    from . import folder as reader

    return reader.read(folder, deployment)[0]


def read_entries(folder: Path, deployment: Deployment) -> tuple[Entry, ...]:
    """Entries of the log that stand in the records (`timeline`), for those who keep no journal.md."""
    from . import folder as reader

    return reader.read(folder, deployment)[1]


def records_and_problems(folder: Path, deployment: Deployment) -> tuple[Records, tuple[Entry, ...], list[Problem]]:
    """The records, the entries of their timeline, and all mistakes; what `check` prints."""
    from . import folder as reader

    return reader.records_and_problems(folder, deployment)


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a hand-written file, for editors that complete and check: one of KINDS."""
    from .schema import json_schema as make

    return make(kind)

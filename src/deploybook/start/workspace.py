"""A new workspace: its files as bytes, and writing them without touching what is there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from . import sample

ASSETS = Path(str(files("deploybook"))) / "assets"
OURS = ".deploybook"  # what commands made and may make anew: schemas, settings for git
HIDDEN = {"gitignore": ".gitignore", "gitattributes": ".gitattributes", "gitconfig": f"{OURS}/gitconfig"}


@dataclass(frozen=True, kw_only=True)
class Written:
    """Paths from the top of the workspace. made: new. kept: there already, with other content, and left so."""

    made: tuple[str, ...]
    kept: tuple[str, ...]


def notebooks_folder() -> Path:
    """The package's own notebooks: beside the assets in a wheel, at the top of the repository in an editable install."""
    packed = ASSETS / "notebooks"
    return packed if packed.is_dir() else Path(__file__).resolve().parents[3] / "notebooks"


def schema_files(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """The JSON Schemas by kind, where the first line of each hand-written file leads an editor to."""
    return {
        f"{OURS}/schema/{kind}.json": (json.dumps(schema, indent=1, ensure_ascii=False) + "\n").encode()
        for kind, schema in schemas.items()
    }


def workspace_files(schemas: Mapping[str, Mapping[str, Any]], *, with_sample: bool = True) -> dict[str, bytes]:
    """Every file of a new workspace, path from its top to content; the same bytes each time."""
    found = {"mkdocs.yml": (ASSETS / "mkdocs.yml").read_bytes()}
    templates = ASSETS / "workspace"
    for path in sorted(each for each in templates.rglob("*") if each.is_file()):
        name = path.relative_to(templates).as_posix()
        if not name.startswith("sample/"):
            found[HIDDEN.get(name, name)] = path.read_bytes()
    for path in sorted(notebooks_folder().glob("*.ipynb")):
        found[f"notebooks/{path.name}"] = path.read_bytes()
    if with_sample:
        for path in sorted((templates / "sample").iterdir()):
            found[f"deployments/{sample.SLUG}/{path.name}"] = path.read_bytes()
        for name, content in sample.exports().items():
            found[f"deployments/{sample.SLUG}/exports/original/{name}"] = content
    return {**dict(sorted(found.items())), **schema_files(schemas)}


def write(root: Path, content: Mapping[str, bytes], *, dry_run: bool = False) -> Written:
    """
    Writes what is not there yet below `root`. A file with other content is kept, unless it lies in `.deploybook/`.

    dry_run: says the same and writes nothing. Raises OSError where the disk refuses.
    """
    made, kept = [], []
    for name, data in content.items():
        path = root / name
        if path.exists() or path.is_symlink():
            if path.is_file() and path.read_bytes() == data:
                continue
            if not (path.is_file() and not path.is_symlink() and name.startswith(f"{OURS}/")):
                kept.append(name)
                continue
        made.append(name)
        if not dry_run:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return Written(made=tuple(made), kept=tuple(kept))

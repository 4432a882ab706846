"""A new workspace: its files as bytes, and writing them without touching what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from . import sample

ASSETS = Path(str(files("deploybook"))) / "assets"
OURS = ".deploybook"  # what commands made and may make anew: schemas, settings for git
HIDDEN = {"gitignore": ".gitignore", "gitattributes": ".gitattributes", "gitconfig": f"{OURS}/gitconfig"}


@dataclass(frozen=True, kw_only=True)
class Written:
    """Paths from the top of the workspace. made: new. kept: there already, with other content, and left so."""

    made: tuple[str, ...]
    kept: tuple[str, ...]


def folder(name: str) -> Path:
    """'notebooks' or 'schemas': beside the assets in a wheel, at the top of the repository in an editable install."""
    packed = ASSETS / name
    return packed if packed.is_dir() else Path(__file__).resolve().parents[3] / name


def schema_files() -> dict[str, bytes]:
    """The JSON Schemas by kind, where the first line of each hand-written file leads an editor to."""
    return {f"{OURS}/schema/{path.name}": path.read_bytes() for path in sorted(folder("schemas").glob("*.json"))}


def workspace_files(*, with_sample: bool = True) -> dict[str, bytes]:
    """Every file of a new workspace, path from its top to content; the same bytes each time."""
    found = {"mkdocs.yml": (ASSETS / "mkdocs.yml").read_bytes(), **schema_files()}
    templates = ASSETS / "workspace"
    for path in sorted(each for each in templates.rglob("*") if each.is_file()):
        name = path.relative_to(templates).as_posix()
        if not name.startswith("sample/"):
            found[HIDDEN.get(name, name)] = path.read_bytes()
        elif with_sample:
            found[f"deployments/{sample.SLUG}/{path.name}"] = path.read_bytes()
    for path in folder("notebooks").glob("*.ipynb"):
        found[f"notebooks/{path.name}"] = path.read_bytes()
    for name, content in sample.exports().items() if with_sample else ():
        found[f"deployments/{sample.SLUG}/exports/original/{name}"] = content
    return dict(sorted(found.items()))


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

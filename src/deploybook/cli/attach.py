"""`deploybook attach`: a file becomes evidence of the deployment, kept beside it and named in its records."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageProblem
from .common import State, open_log, verb

if TYPE_CHECKING:
    from ..model import Deployment

FOLDER = "attached"
KEY = re.compile(r"^(?:artifacts|evidence):[ \t]*(?:#.*)?\n(?=([ ]*)- )", re.MULTILINE)


@verb("attach")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--what", metavar="TEXT", default="", help="What it is, as the report names it; its file name by default."
)
@click.option("--by", metavar="NAME", default="", help="Who brings it.")
def command(state: State, file: Path, what: str, by: str) -> int:
    """Keep FILE as evidence of the deployment. Whatever holds a credential is refused."""
    from ..evidence import extension, statement
    from ..records import read_deployment

    workspace = state.open()
    deployment = read_deployment(workspace, state.slug(workspace))
    folder, log, now = workspace.folder(deployment.slug), open_log(workspace, make_key=True), state.time
    what, by = (" ".join(text.split()) for text in (what or file.name, by))
    artifact = log.put(file, extension(file.name))
    path = kept(file, folder, artifact.digest)
    local = now.astimezone(deployment.zone)
    said = {"text": what, "path": path, "at": f"{local:%Y-%m-%d %H:%M}", "digest": artifact.digest}
    listed = name_it(folder, deployment, said | ({"where": f"attached by {by}"} if by else {}))
    about: dict[str, Any] = {
        "deployment": deployment.slug,
        "ticket": statement.tidied(deployment.ticket),
        "actor": by or "deploybook",
    }
    entry = statement.export({Path(path).name: artifact}, **about, source="attached", source_kind="artifact")
    log.append([entry], now)
    click.echo(f"{workspace.shown(folder / path)}: sha256 {artifact.digest}, named in {workspace.shown(listed)}")
    return 0


def kept(file: Path, folder: Path, digest: str) -> str:
    """Where it lies below the deployment's folder; copied there where it lies elsewhere, never over another file."""
    if file.resolve().is_relative_to(folder.resolve()):
        return file.resolve().relative_to(folder.resolve()).as_posix()
    name = re.sub(r"[^\w.-]+", "-", file.name).strip("-.") or "file"
    target = folder / FOLDER / name
    if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() != digest:
        target = target.with_name(f"{digest[:8]}-{name}")
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(file, target)
    return target.relative_to(folder).as_posix()


def name_it(folder: Path, deployment: Deployment, said: dict[str, str]) -> Path:
    """Adds the artifact to the list of the records; the file that holds it. What is written there stays, byte by byte."""
    from ..records.folder import records_and_problems

    if any(each.path == said["path"] for each in records_and_problems(folder, deployment)[0].artifacts):
        return folder / said["path"]
    line = "- {" + ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in said.items()) + "}"
    whole, path = folder / "records.yml", folder / "records" / "artifacts.yml"
    key = KEY.search(whole.read_text(encoding="utf-8")) if whole.is_file() else None
    path = whole if key else path
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    after = f"{before}{'' if before.endswith(chr(10)) or not before else chr(10)}{line}\n"
    if key:
        after = f"{before[: key.end()]}{key[1]}{line}\n{before[key.end() :]}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(after, encoding="utf-8")
    if problems := records_and_problems(folder, deployment)[2]:
        path.write_text(before, encoding="utf-8") if before else path.unlink()
        raise UsageProblem(f"{path}: cannot be added to ({problems[0].text}); write there yourself: {line}")
    return path

"""`deploybook attach`: a file becomes evidence of the deployment, kept beside it and named in its records."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from ..errors import UsageProblem
from ..evidence import extension, statement
from ..model import Deployment
from ..records.folder import records_and_problems
from .common import State, open_log, verb

FOLDER = "attached"
KEY = re.compile(r"^(?:artifacts|evidence):[ \t]*(?:#.*)?\r?\n(?=([ ]*)- )", re.MULTILINE)


@verb("attach")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--what", metavar="TEXT", default="", help="What it is, as the report names it; its file name by default."
)
@click.option("--by", metavar="NAME", default="", help="Who brings it.")
def command(state: State, file: Path, what: str, by: str) -> int:
    """Keep FILE as evidence of the deployment. Whatever holds a credential is refused."""
    (workspace, deployment), now = state.chosen(), state.time
    what, by = (" ".join(text.split()) for text in (what or file.name, by))
    if not file.is_file():
        raise UsageProblem(f"{file}: no plain file; save what it holds as one, and attach that")
    if what in ("null", "~"):
        raise UsageProblem(f"--what: {what!r} is nothing to a YAML reader; write in a few words what it is")
    folder, log, local = workspace.folder(deployment.slug), open_log(workspace, make_key=True), deployment.zone
    log.gate.check(file, file.name)
    log.append([], now)  # a log that is not ours to continue says so before anything is written
    digest = digest_of(file)
    with ExitStack() as undo:
        path = kept(file, folder, digest, undo)
        said = {"text": what, "path": path, "at": f"{now.astimezone(local):%Y-%m-%d %H:%M}", "digest": digest}
        listed = name_it(folder, deployment, said | ({"where": f"attached by {by}"} if by else {}), undo)
        about: dict[str, Any] = {
            "deployment": deployment.slug,
            "ticket": statement.tidied(deployment.ticket),
            "actor": by or "deploybook",
        }
        artifact = log.put(folder / path, extension(file.name), file.name)
        entry = statement.export({Path(path).name: artifact}, **about, source="attached", source_kind="artifact")
        log.append([entry], now)
        undo.pop_all()
    click.echo(f"{workspace.shown(folder / path)}: sha256 {digest}, named in {workspace.shown(listed)}")
    return 0


def kept(file: Path, folder: Path, digest: str, undo: ExitStack) -> str:
    """Where it lies below the deployment's folder; copied there where it lies elsewhere, never over another file."""
    if file.resolve().is_relative_to(folder.resolve()):
        return file.resolve().relative_to(folder.resolve()).as_posix()
    name = re.sub(r"[^\w.-]+", "-", file.name).strip("-.") or "file"
    target = folder / FOLDER / name
    if target.exists() and digest_of(target) != digest:
        target = target.with_name(f"{digest[:8]}-{name}")
    if not target.exists():
        made(target.parent, undo)
        undo.callback(target.unlink, missing_ok=True)
        shutil.copyfile(file, target)
    return target.relative_to(folder).as_posix()


def name_it(folder: Path, deployment: Deployment, said: dict[str, str], undo: ExitStack) -> Path:
    """Adds the artifact to the list of the records; the file that holds it. What is written there stays, byte by byte."""
    if any(each.path == said["path"] for each in records_and_problems(folder, deployment)[0].artifacts):
        return folder / said["path"]
    line = "- {" + ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in said.items()) + "}"
    path = folder / "records.yml"
    text = path.read_bytes().decode() if path.is_file() else ""
    if key := KEY.search(text):
        after = f"{text[: key.end()]}{key[1]}{line}\n{text[key.end() :]}"
    else:
        path = folder / "records" / "artifacts.yml"
        made(path.parent, undo)
        text = path.read_bytes().decode() if path.is_file() else ""
        after = f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n"
    undo.callback(path.write_bytes, text.encode()) if text else undo.callback(path.unlink, missing_ok=True)
    path.write_bytes(after.encode())
    if problems := records_and_problems(folder, deployment)[2]:
        raise UsageProblem(f"{path}: cannot be added to ({problems[0].text}); write there yourself: {line}")
    return path


def digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def made(folder: Path, undo: ExitStack) -> None:
    if not folder.is_dir():
        folder.mkdir()
        undo.callback(folder.rmdir)

"""`deploybook schedule`: what cron, systemd, GitHub Actions or Kubernetes need to call `run`, for this workspace."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..errors import FileProblems, UsageProblem
from ..records import Workspace, read_deployment, read_settings, slugs
from .common import State, verb

ENVIRONMENT = ".deploybook/environment"
FILE = f"{ENVIRONMENT} (lines NAME=value, mode 600)"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """What every form needs. root: the workspace. program: how to start us. secrets: names that the files refer to."""

    root: Path
    name: str
    program: tuple[str, ...]
    secrets: tuple[str, ...]

    @property
    def needs(self) -> str:
        return ", ".join(self.secrets) or "no secret"


@verb("schedule")
@click.option("--for", "form", type=click.Choice(["cron", "systemd", "github", "kubernetes"]), required=True)
@click.option("--into", metavar="DIR", help="Write the files there instead of printing them.")
@click.option("--image", default="deploybook", show_default=True, help="kubernetes: the image that holds deploybook.")
@click.option(
    "--every",
    type=click.IntRange(1, 59),
    metavar="MINUTES",
    help="How often; every minute on a host, 15 in CI, 5 in a cluster.",
)
def command(state: State, form: str, into: str | None, image: str, every: int | None) -> int:
    """Print files that call `deploybook run` for this workspace as they are. Nothing is installed."""
    workspace = state.open()
    caller = caller_of(workspace)
    files = FORMS[form](caller, image=image, every=every or 0)
    if into is None:
        click.echo("\n".join(files.values()), nl=False)
        return 0
    folder = Path(into)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise UsageProblem(f"{path}: is there already and says something else; move it away first")
        path.write_text(text, encoding="utf-8")
        click.echo(str(path))
    return 0


def caller_of(workspace: Workspace) -> Caller:
    root = workspace.root.resolve()
    if not str(root).isprintable():
        raise UsageProblem(f"{root!r}: no scheduler can be given this path; move the workspace")
    name = re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-")[:40] or "workspace"
    return Caller(
        root=root,
        name=f"deploybook-{name}",
        program=(sys.executable, "-m", "deploybook"),
        secrets=tuple(sorted(set(secrets(workspace)))),
    )


def secrets(workspace: Workspace) -> Iterator[str]:
    """Each NAME of an 'env:NAME' in the sources and channels of the workspace."""
    yield from references(read_settings(workspace).channels)
    for slug in slugs(workspace):
        try:
            deployment = read_deployment(workspace, slug)
        except FileProblems:
            continue  # `check` says what is wrong with it
        yield from (name for source in deployment.sources for name in references(dict(source.options)))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from references(one)
    elif isinstance(value, str) and (found := re.fullmatch(r"env:([A-Za-z_]\w*)", value)):
        yield found[1]


def cron(caller: Caller, *, every: int, **_: Any) -> dict[str, str]:
    """One line of a user's table. cron takes % for the end of the command, so it is written as \\%."""
    minute = "*" if every <= 1 else f"*/{every}"
    run = f"{shlex.join(caller.program)} run --quiet"
    secrets = f"if [ -r {ENVIRONMENT} ]; then set -a; . ./{ENVIRONMENT}; set +a; fi"
    line = f"{minute} * * * * cd {shlex.quote(str(caller.root))} && {secrets} && {run}"
    text = (
        f"# Everything that is due in {caller.root}; add this to your table with 'crontab -e'.\n"
        f"# It needs {caller.needs}; write it into {FILE}.\n" + line.replace("%", "\\%") + "\n"
    )
    return {"crontab": text}


def systemd(caller: Caller, *, every: int, **_: Any) -> dict[str, str]:
    """A service and its timer. systemd reads % as a specifier, so it is doubled."""
    path = str(caller.root).replace("%", "%%")
    command = " ".join(f'"{word}"' for word in caller.program).replace("%", "%%")
    service = filled("deploybook.service", caller, path=path, command=command, environment=ENVIRONMENT, file=FILE)
    often = "minute" if every <= 1 else f"{every} minutes"
    timer = filled("deploybook.timer", caller, often=often, minutes=max(every, 1))
    return {f"{caller.name}.service": service, f"{caller.name}.timer": timer}


def github(caller: Caller, *, every: int, **_: Any) -> dict[str, str]:
    """A workflow: one job at a time runs what is due and commits what was measured."""
    secrets = "".join(f"      {name}: ${{{{ secrets.{name} }}}}\n" for name in caller.secrets)
    return {"deploybook.yml": filled("github.yml", caller, minutes=every or 15, secrets=secrets)}


def kubernetes(caller: Caller, *, image: str, every: int, **_: Any) -> dict[str, str]:
    """A CronJob over a volume that holds the workspace; secrets from a Secret of the same name."""
    return {f"{caller.name}.yaml": filled("kubernetes.yaml", caller, minutes=every or 5, image=image)}


def filled(name: str, caller: Caller, **values: object) -> str:
    """A file of assets/schedule with each @name@ replaced."""
    from ..start.workspace import ASSETS

    known = {"name": caller.name, "needs": caller.needs, **values}
    text = (ASSETS / "schedule" / name).read_text(encoding="utf-8")
    return re.sub(r"@(\w+)@", lambda found: str(known[found[1]]), text)


FORMS: dict[str, Callable[..., dict[str, str]]] = {form.__name__: form for form in (cron, systemd, github, kubernetes)}

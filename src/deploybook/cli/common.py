"""What every verb shares: where the workspace is, which deployment is meant, what time it is, exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import UsageProblem

if TYPE_CHECKING:
    from ..duty.agenda import Agenda
    from ..evidence import Log
    from ..model import Deployment, Verdict
    from ..publish import Published
    from ..records import Workspace

Function = TypeVar("Function", bound=Callable[..., Any])

# Of each verdict, and of several the first of WORST that is among them.
CODES = {
    "pass": 0,
    "warn": 0,
    "not_applicable": 0,
    "error": 1,
    "fail": 3,
    "inconclusive": 4,
    "pending": 4,
    "no_data": 5,
}
WORST = (6, 1, 2, 3, 5, 4)


@dataclass(frozen=True, kw_only=True)
class State:
    """What was said about the place and the time, before or after the verb; the later word wins."""

    workspace: str | None = None
    deployment: str | None = None
    now: str | None = None

    def joined(self, **later: str | None) -> State:
        return replace(self, **{name: value for name, value in later.items() if value is not None})

    @property
    def time(self) -> datetime:
        """The time now, read here and nowhere else; --now gives another."""
        if self.now is None:
            return datetime.now(UTC)
        try:
            at = datetime.fromisoformat(self.now.replace("Z", "+00:00"))
        except ValueError:
            raise UsageProblem(f"--now: {self.now!r} is not a time; write '2025-01-22T23:30:00Z'") from None
        if at.tzinfo is None:
            raise UsageProblem(f"--now: {self.now!r} has no zone; write '2025-01-22T15:30:00-08:00' or end it with Z")
        if not 1970 <= at.year <= 2200:
            raise UsageProblem(f"--now: {self.now!r} is in no year of a deployment; write '2025-01-22T23:30:00Z'")
        return at.astimezone(UTC)

    def open(self) -> Workspace:
        """The workspace: -C, DEPLOYBOOK_WORKSPACE, or the one around the working directory."""
        from ..records import find_workspace, read_workspace

        if self.workspace:
            folder = Path(self.workspace)
            folder = folder.parent if folder.name == "deploybook.yml" else folder
            if not folder.is_dir():
                raise UsageProblem(f"-C: {self.workspace} is not a folder")
            return find_workspace(folder)
        if given := os.environ.get("DEPLOYBOOK_WORKSPACE"):
            return read_workspace(Path(given))
        return find_workspace(Path.cwd())

    def chosen(self) -> tuple[Workspace, Deployment]:
        """The workspace and the deployment that is meant."""
        from ..records import read_deployment

        workspace = self.open()
        return workspace, read_deployment(workspace, self.slug(workspace))

    def slug(self, workspace: Workspace) -> str:
        """The deployment: -d, the folder one stands in, or the only open one; UsageProblem lists them otherwise."""
        from difflib import get_close_matches

        from ..records import slugs

        known = slugs(workspace)
        if self.deployment:
            given = Path(self.deployment)
            given = given.absolute().parent if given.name == "deployment.yml" else given
            name = given.name or given.absolute().name  # '.' has no name of its own
            if name not in known:
                near = get_close_matches(name, known, 1)
                there = f"there are {', '.join(known)}" if known else "there is none"
                hint = f"did you mean {near[0]!r}?" if near else there
                raise UsageProblem(f"{name!r} is not a deployment of this workspace; {hint}")
            return name
        here = Path.cwd()
        for folder in (here, *here.parents):
            if folder.parent == workspace.deployments and folder.name in known:
                return folder.name
        chosen = known if len(known) == 1 else self.open_ones(workspace, known)
        if len(chosen) == 1:
            return chosen[0]
        if not known:
            raise UsageProblem(f"{workspace.deployments} has no deployment yet; 'deploybook new SLUG' makes one")
        raise UsageProblem(f"which deployment? Write -d SLUG with one of {', '.join(known)}")

    def open_ones(self, workspace: Workspace, known: Sequence[str]) -> list[str]:
        """Those that are not closed, and still observed; one with mistakes counts as open."""
        from ..errors import FileProblems
        from ..records import read_deployment

        found = []
        for slug in known:
            try:
                deployment = read_deployment(workspace, slug)
            except FileProblems:
                found.append(slug)
                continue
            if deployment.closing is None and self.time < deployment.observed.end:
                found.append(slug)
        return found


def place_options(function: Function) -> Function:
    """-C, -d and --now, the same before and after the verb."""
    for option in (
        click.option("--now", metavar="TIME", help="Take this as the time now (ISO 8601 with a zone)."),
        click.option("-d", "--deployment", metavar="SLUG", help="Which deployment; the one you stand in by default."),
        click.option("-C", "--workspace", metavar="DIR", help="The workspace; found upwards from here by default."),
    ):
        function = option(function)
    return function


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


def verb(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command that takes the place options after its name too and gets them joined, as `state`."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        @wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            place = {key: options.pop(key) for key in ("workspace", "deployment", "now")}
            context = click.get_current_context()
            before = context.obj if isinstance(context.obj, State) else State()
            code = function(before.joined(**place), *arguments, **options)
            return context.exit(code) if isinstance(code, int) and code else None

        settings.setdefault("context_settings", {})["help_option_names"] = ["-h", "--help"]
        command: click.Command = click.command(name, **settings)(place_options(call))  # type: ignore[no-untyped-call]
        return command

    return decorate


def exit_code(verdict: Verdict) -> int:
    return CODES[verdict.value]


def worst_code(codes: Collection[int]) -> int:
    return next((code for code in WORST if code in codes), 0)


def print_json(value: Any) -> None:
    """The document alone on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def print_document(name: str, **fields: Any) -> None:
    print_json({"schema": f"deploybook.{name}/1", **fields})


@contextmanager
def read_as(option: str) -> Iterator[None]:
    """What an option's text cannot mean is its caller's mistake."""
    try:
        yield
    except ValueError as error:
        raise UsageProblem(f"{option}: {error}") from error


def tell(text: str) -> None:
    """A line for a person: standard error, so that standard output stays the result's."""
    click.echo(text, err=True)


def tell_broken(agenda: Agenda) -> int:
    """Says what is wrong with the files of the workspace; 2 where something is."""
    for problems in agenda.broken:
        tell(str(problems))
    return 2 if agenda.broken else 0


def build_site(workspace: Workspace, log: Log, now: datetime, **how: Any) -> Published:
    """The site around the reports, sealed in the log. how: see publish."""
    from ..evidence.seal import seal
    from ..publish import publish

    return publish(workspace.root, seal=lambda staged, **part: seal(log, staged, now, **part), **how)


def open_log(workspace: Workspace, *, make_key: bool = False, adopt: bool = False) -> Log:
    """
    The evidence log of the workspace with its key, which lies outside the tree. make_key: a workspace that has none gets
    one, unless another signed its log, which only `adopt` goes on with. Otherwise it appends unsigned and says so.
    """
    from ..book.credentials import credentials
    from ..errors import EvidenceBroken
    from ..evidence import Gate, Log
    from ..evidence import key as keys
    from ..records import read_settings

    origin, evidence = read_settings(workspace).origin or workspace.root.name, workspace.root / "evidence"
    head = Log.open(evidence, origin=origin).head()
    path, key = keys.find(origin, workspace.root, head.signatures, os.environ)
    if key is None and make_key:
        if head.signed and not adopt:
            names = ", ".join(f"{name}+{raw[:4].hex()}" for name, raw in head.signatures)
            raise EvidenceBroken(
                f"evidence/checkpoint: signed by {names}, whose key is not on this machine; bring it as {path}, or take over "
                "with a new one: deploybook key --adopt --by NAME --reason TEXT",
                place="evidence/checkpoint",
            )
        key = keys.make(path, head.origin)
        tell(f"made a key for this workspace: {key.vkey}")
    return Log.open(evidence, key=key, origin=origin, gate=Gate.of(credentials(workspace.root, os.environ)))

"""`deploybook new`: the ten lines of a deployment."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from .. import start
from ..errors import FileProblems, UsageProblem
from ..records import SLUG, Workspace, read_deployment, written
from ..sources.look import Look, look
from ..start import Plan, Proposal
from ..times import local_day, localise, parse_length, parse_zone
from .common import State, tell, verb


@verb("new")
@click.argument("slug")
@click.option("--service", default="", help="Take source, metrics and limits from services/NAME.yml.")
@click.option("--at", "at", metavar="TIME", help="When it starts, in its zone: 14:00; the next full hour by default.")
@click.option("--for", "length", metavar="LENGTH", default="90m", show_default=True, help="How long the window is.")
@click.option("--on", "on", metavar="DAY", help="The day, such as 2025-01-22; the slug's own, or today, by default.")
@click.option("--zone", default="", help="Its zone, where deploybook.yml names none: America/Los_Angeles.")
@click.option("--title", default="", help="What the change is called; from SLUG by default.")
@click.option("--ticket", default="", help="The change ticket, such as CHG-2025-0121.")
@click.option("--source", default="", help="env:PROMETHEUS_URL, an address, or the name of a source.")
@click.option(
    "--from", "other", default="", metavar="SLUG", help="Take everything but the window from this deployment."
)
@click.option(
    "--from-csv",
    "tables",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Propose metrics from a file, or a directory of files; they are copied into the deployment.",
)
@click.option(
    "--from-dashboard",
    "dashboard",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Propose metrics from a Grafana dashboard (its JSON).",
)
@click.option("--dry-run", is_flag=True, help="Print the file, write nothing.")
def command(state: State, slug: str, dry_run: bool, **said: Any) -> int:
    """Write deployments/SLUG/deployment.yml, with comments that say what may be added."""
    workspace = state.open()
    if not SLUG.fullmatch(slug):
        raise UsageProblem(f"{slug!r} cannot name a deployment; write small letters, digits and '-', at most 64")
    if (workspace.folder(slug) / "deployment.yml").exists():
        raise UsageProblem(f"deployments/{slug}/deployment.yml is there already; choose another name, or edit it")
    if sum(map(bool, (said["service"], said["other"], said["tables"], said["dashboard"]))) > 1:
        raise UsageProblem("--service, --from, --from-csv and --from-dashboard exclude each other; write one")
    plan = plan_of(state, workspace, slug, said)
    copies: dict[str, bytes] = {}
    proposal = None
    if said["other"]:
        text = start.renewed(text_of(workspace, said["other"]), plan)
    else:
        if said["tables"]:
            proposal, copies = from_tables(said["tables"], plan)
        elif said["dashboard"]:
            proposal = from_dashboard(said["dashboard"])
        source = f"source: {start.scalar(said['source'])}" if said["source"] else ""
        text = start.deployment_text(
            plan,
            service=said["service"],
            source=(proposal.source if proposal and not source else source) or default_source(workspace, said),
            metrics=proposal.metrics if proposal else "",
        )
    if dry_run:
        click.echo(text, nl=False)
    else:
        files = {f"deployments/{slug}/deployment.yml": text.encode()}
        files |= {f"deployments/{slug}/exports/original/{name}": content for name, content in copies.items()}
        files |= start.schema_files()
        start.write(workspace.root, files)
    tell_proposal(proposal)
    return 0 if dry_run else checked(workspace, slug)


def plan_of(state: State, workspace: Workspace, slug: str, said: dict[str, Any]) -> Plan:
    """Title, ticket and window; the zone is written somewhere, never the machine's."""
    try:
        own = zone_of(workspace, said)
        zone = parse_zone(said["zone"]) if said["zone"] else own
        if zone is None:
            raise UsageProblem(
                "which zone? Write --zone America/Los_Angeles (or yours), or 'timezone:' in deploybook.yml"
            )
        dated = re.match(r"\d{4}-\d{2}-\d{2}(?=-|$)", slug)
        hour = state.time.astimezone(zone).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        day = date.fromisoformat(said["on"] or (dated[0] if dated else str(local_day(hour, zone))))
        moment = localise(day, said["at"] or f"{hour:%H:%M}", zone)
        length = parse_length(said["length"])
    except ValueError as error:
        raise UsageProblem(f"new: {error}") from error
    name = re.sub(r"^\d{4}-\d{2}-\d{2}-", "", slug).replace("-", " ")
    title = said["title"] or name[:1].upper() + name[1:]
    return Plan(title=title, ticket=said["ticket"], start=moment, length=length, zone=zone, write_zone=zone != own)


def zone_of(workspace: Workspace, said: dict[str, Any]) -> ZoneInfo | None:
    """The zone that the new file would take from a service or from deploybook.yml."""
    found = written(workspace, "timezone", service=said["service"])
    return parse_zone(str(found)) if found else None


def default_source(workspace: Workspace, said: dict[str, Any]) -> str:
    keys = ("source", "sources")
    there = any(written(workspace, key, service=said["service"]) for key in keys)
    return "" if there else "source: env:PROMETHEUS_URL              # its address, in this environment variable"


def text_of(workspace: Workspace, other: str) -> str:
    slug = Path(other).name
    read_deployment(workspace, slug)  # with its mistakes, or its name corrected
    return (workspace.folder(slug) / "deployment.yml").read_text(encoding="utf-8-sig")


def from_tables(paths: tuple[Path, ...], plan: Plan) -> tuple[Proposal, dict[str, bytes]]:
    """What the files hold, and their bytes by name; of two files of one name the second goes into a folder."""
    files = [each for path in paths for each in (sorted(path.iterdir()) if path.is_dir() else [path]) if each.is_file()]
    content: dict[str, bytes] = {}
    looks: list[Look] = []
    refused: list[str] = []
    for path in files:
        name = path.name if path.name not in content else f"{path.resolve().parent.name}/{path.name}"
        try:
            looks.append(look(path.read_bytes(), name, plan.zone))
            content[name] = path.read_bytes()
        except UsageProblem as problem:
            refused.append(str(problem))
    if not looks:
        raise UsageProblem("\n".join(refused) or "--from-csv: the directory holds no files")
    proposal = start.propose(looks, plan)
    proposal.questions[:0] = [f"{text}; left out" for text in refused]
    return proposal, content


def from_dashboard(path: Path) -> Proposal:
    from ..sources.dashboard import propose

    proposal = start.from_panels(propose(path.read_bytes()))
    if not proposal.metrics:
        raise UsageProblem(f"{path.name}: no panel has a PromQL query; write the metrics by hand, or use --from-csv")
    return proposal


def checked(workspace: Workspace, slug: str) -> int:
    """Says where the file is, what is still wrong with it, and what to do next."""
    from ..book.check import check_deployment

    found = check_deployment(workspace, slug)
    click.echo(f"deployments/{slug}/deployment.yml")
    if found.problems:
        raise FileProblems(found.problems)
    tell(f"next: deploybook check --live -d {slug}")
    return 0


def tell_proposal(proposal: Proposal | None) -> None:
    for line in proposal.recognised if proposal else ():
        tell(f"recognised: {line}")
    for line in proposal.questions if proposal else ():
        tell(f"please look: {line}")

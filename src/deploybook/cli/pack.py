"""`deploybook pack`: all that an auditor asks of a change, or of all changes of a period, in one zip."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UsageProblem
from ..evidence import verifier
from ..evidence.pack import pack
from ..records import read_deployment, slugs
from ..wording import plural
from .common import State, json_option, open_log, print_document, verb


@verb("pack")
@click.argument("change", required=False)
@click.option("--from", "first", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="All changes since this day.")
@click.option("--to", "last", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="Until this day.")
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it.")
@json_option
def command(state: State, change: str | None, out: Path | None, as_json: bool, **period: object) -> int:
    """Pack CHANGE (a ticket, or -d SLUG), or every change of a period, for an auditor."""
    from ..book.dossier import between, dossier, register

    workspace = state.open()
    log = open_log(workspace)
    first, last = (day.date() if (day := period[name]) else None for name in ("first", "last"))  # type: ignore[attr-defined]
    if first or last:
        if change or state.deployment or not (first and last):
            raise UsageProblem("pack: write one change, or both --from and --to")
        chosen, name = between(workspace, first, last), f"changes-{first}-to-{last}"
    elif change:
        known = [read_deployment(workspace, slug) for slug in slugs(workspace)]
        chosen, name = tuple(each for each in known if change in (each.ticket, each.slug)), change
        if not chosen:
            raise UsageProblem(f"pack: no deployment of this workspace has the ticket {change}")
    else:
        one = read_deployment(workspace, state.slug(workspace))
        chosen, name = (one,), one.ticket or one.slug
    found = [dossier(workspace, each, log) for each in chosen]
    files: dict[str, bytes | Path] = {path: data for more, _ in found for path, data in more.items()}
    if first and last:
        files["CHANGES.csv"] = register(workspace, chosen, log, first, last)
    names = [each.slug for each in chosen]
    about = {str(each): said for each, (_, said) in zip(chosen, found, strict=True)}
    target = out or Path(f"{name}.zip")
    pack(log, target, names, files=files, verifier=verifier(), title=f"Audit pack: {name}", about=about)
    if as_json:
        print_document("pack", path=str(target), deployments=names, files=len(files))
    else:
        click.echo(f"{target}: {plural(len(names), 'change')}, {len(files)} records and results, the log and verify.py")
        click.echo(f"to check it: python verify.py {target} --key VKEY --only {','.join(names)}")
    return 0

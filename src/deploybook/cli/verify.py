"""`deploybook verify`: signature, root, every artifact, every page, every figure; 0 or 6."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import EvidenceBroken, UsageProblem
from .common import State, json_option, print_document, verb


@verb("verify")
@click.argument("path", required=False)
@click.option("--key", "keys", multiple=True, metavar="VKEY", help="Public key, from the change ticket.")
@click.option("--since", default="", metavar="OLD", help="An older checkpoint: a file, or 'SIZE ROOT' from a report.")
@click.option("--subset", default="100%", metavar="SHARE", help="Read only this share of the artifacts, such as 5%.")
@click.option("--figures", is_flag=True, help="Derive every published figure again.")
@click.option("--only", default="", metavar="SLUGS", help="An audit pack: the deployments it holds, with commas.")
@click.option("--proof", default="", metavar="ARTIFACT", help="Print the inclusion proof of a file or digest.")
@json_option
def command(
    state: State,
    path: str | None,
    keys: tuple[str, ...],
    since: str,
    subset: str,
    proof: str,
    as_json: bool,
    **more: Any,
) -> int:
    """Check this workspace's log, artifacts and site; or PATH: a site, an evidence folder or a zip."""
    from ..evidence import standalone

    place, own = (path, {}) if path else here(state)
    try:
        share = standalone.usage(place, own.get("pages"), keys, since, subset)
        if proof:
            click.echo(standalone.proof(place, proof), nl=False)
            return 0
    except (ValueError, OSError) as error:
        raise UsageProblem(f"verify: {error}") from None
    except standalone.Broken as broken:
        raise EvidenceBroken(str(broken), place=broken.place) from None
    asked: dict[str, Any] = {"keys": keys, "since": since, "subset": share, "figures": more["figures"]}
    report = standalone.verify(place, only=[slug for slug in more["only"].split(",") if slug], **asked, **own)
    if as_json:
        broken_at = {"place": report.broken.place, "what": report.broken.what} if report.broken else None
        said = {"checked": report.checked, "not_checked": report.unchecked, "broken": broken_at}
        print_document("verified", ok=report.ok, **said)
    else:
        click.echo("\n".join(report.lines()))
    return 0 if report.ok else 6


def here(state: State) -> tuple[str, dict[str, Any]]:
    """The evidence of the workspace, with its site around it where that is built."""
    root = state.open().root
    if not (root / "evidence" / "checkpoint").is_file() and not (root / "evidence" / "log.jsonl").is_file():
        raise UsageProblem(f"{root / 'evidence'} holds no log yet; 'deploybook report' begins one")
    site = Path(root, "site")
    return str(root / "evidence"), {"pages": str(site) if site.is_dir() else None, "workspace": True}

"""`deploybook prune`: exports older than the rule of the workspace go, the log keeps that they were there."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection
from datetime import timedelta

import click

from ..errors import UsageProblem
from ..records import Workspace, read_settings
from ..times import length_text
from ..wording import plural
from .common import State, json_option, open_log, print_document, verb


@verb("prune")
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@click.option("--by", metavar="NAME", default="", help="Who removes it.")
@click.option("--approved-by", metavar="NAME", default="", help="Who allowed it; somebody else.")
@click.option("--ticket", metavar="ID", default="", help="Where it was allowed.")
@json_option
def command(state: State, dry_run: bool, by: str, approved_by: str, ticket: str, as_json: bool) -> int:
    """Remove exports that are older than `keep: {exports: 400 d}` in deploybook.yml says; never under legal hold."""
    from ..evidence import retention
    from ..publish.state import forget

    workspace, now = state.open(), state.time
    keep = read_settings(workspace).keep
    if keep is None or keep.exports is None:
        raise UsageProblem("prune: deploybook.yml has no rule; write keep: {exports: 400 d}. Nothing is removed")
    if not dry_run and not (by and approved_by and ticket and by != approved_by):
        raise UsageProblem("prune: write --by, --approved-by with another name, and --ticket; or --dry-run")
    whole = keep.exports % timedelta(days=1) == timedelta()
    rule = f"keep exports {f'{keep.exports.days} d' if whole else length_text(keep.exports)}"
    log = open_log(workspace)
    found = retention.expired(log, now - keep.exports, holds=keep.hold)
    copies: list[str] = []
    if found and not dry_run:
        retention.remove(log, found, now, rule=rule, actor=by, approver=approved_by, ticket=ticket)
        forget(workspace.root)  # so that the next publication builds the site anew, without them
        copies = remove_copies(workspace, {one.digest for one in found})
    if as_json:
        paths = [f"evidence/{one.path}" for one in found]
        print_document("pruned", rule=rule, dry_run=dry_run, paths=paths, copies=copies)
        return 0
    for slug, count in sorted(Counter(one.deployment for one in found).items()):
        click.echo(f"{slug}: {plural(count, 'export')} {'would go' if dry_run else 'removed'} ({rule})")
    if not found:
        click.echo(f"nothing to remove ({rule})")
    elif not dry_run:
        click.echo("the site still has them until 'deploybook publish'")
    return 0


def remove_copies(workspace: Workspace, digests: Collection[str]) -> list[str]:
    """Deletes the same bytes below the deployments' exports/, and what their manifests say of them."""
    gone = []
    for folder in sorted(workspace.deployments.glob("*/exports")):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and hashlib.sha256(path.read_bytes()).hexdigest() in digests:
                path.unlink()
                gone.append(workspace.shown(path))
        manifest = folder / "manifest.json"
        told = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {"files": []}
        left = [entry for entry in told["files"] if (folder / entry["file"]).is_file()]
        if not left:
            manifest.unlink(missing_ok=True)
        elif len(left) < len(told["files"]):
            text = json.dumps({**told, "files": left}, indent=1, sort_keys=True, ensure_ascii=False)
            manifest.write_text(f"{text}\n", encoding="utf-8")
    return gone

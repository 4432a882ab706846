"""`deploybook key`: the public key of the evidence log, for the README and the change ticket; a new one by --rotate."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime

import click

from ..errors import UsageProblem
from ..evidence import Log, verifier
from ..evidence import key as keys
from ..records import Workspace
from .common import State, open_log, verb


@verb("key")
@click.option("--rotate", is_flag=True, help="Hand over to a new key; the old one signs for it.")
@click.option("--adopt", is_flag=True, help="Take over a log whose key is lost; every verification names the break.")
@click.option("--by", metavar="NAME", default="", help="With --adopt: who takes it over.")
@click.option("--reason", metavar="TEXT", default="", help="With --adopt: why, in a few words.")
def command(state: State, rotate: bool, adopt: bool, by: str, reason: str) -> int:
    """Print what an auditor takes from the ticket: the public key, the digest of verify.py, size and root of the log."""
    if adopt and (rotate or not (by and reason)):
        raise UsageProblem("key: --adopt is for a lost key, and needs --by NAME and --reason TEXT")
    workspace = state.open()
    log = open_log(workspace, make_key=True, adopt=adopt)
    assert log.key is not None
    if adopt:
        log.adopt(state.time, by=by, reason=reason)
    if rotate:
        hand_over(log, workspace, state.time)
    head = log.head()
    click.echo(f"key        {log.key.vkey}")
    click.echo(f"verify.py  {hashlib.sha256(verifier()).hexdigest()}")
    click.echo(f"log        {head.size} {head.root}")
    return 0


def hand_over(log: Log, workspace: Workspace, now: datetime) -> None:
    """A new key in place of the old one, which signs for it and is kept."""
    path, _ = keys.find(log.origin, workspace.root, log.head().signatures, os.environ)
    new, old = path.with_name(f"{path.name}.new"), path.with_name(f"{path.name}.old")
    log.rotate(keys.load(new) or keys.make(new, log.origin), now)
    path.replace(old)
    new.replace(path)
    click.echo(f"the old key is kept as {old}; delete it when the new one is in the ticket")

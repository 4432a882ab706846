"""`deploybook key`: the public key of the evidence log, for the README and the change ticket; a new one by --rotate."""

from __future__ import annotations

import hashlib

import click

from .common import State, key_path, open_log, verb


@verb("key")
@click.option("--rotate", is_flag=True, help="Hand over to a new key; the old one signs for it.")
def command(state: State, rotate: bool) -> int:
    """Print what an auditor takes from the ticket: the public key, the digest of verify.py, size and root of the log."""
    from ..evidence import key as keys
    from ..evidence import verifier

    workspace = state.open()
    log = open_log(workspace, make_key=True)
    assert log.key is not None
    path = key_path(workspace, log.origin)
    if rotate:
        new, old = path.with_name(f"{path.name}.new"), path.with_name(f"{path.name}.old")
        fresh = keys.load(new) or keys.make(new, log.origin)
        log.rotate(fresh, state.time)
        path.replace(old)
        new.replace(path)
        click.echo(f"the old key is kept as {old}; delete it when the new one is in the ticket")
    head = log.head()
    click.echo(f"key        {log.key.vkey}")
    click.echo(f"verify.py  {hashlib.sha256(verifier()).hexdigest()}")
    click.echo(f"log        {head.size} {head.root}")
    return 0

"""`deploybook verify`: signature, root, every artifact, every page, every figure; 0 or 6."""

from __future__ import annotations

from pathlib import Path

import click

from .common import State, verb


@verb("verify", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(state: State, arguments: tuple[str, ...]) -> int:
    """Check an evidence folder, a site or a zip; the workspace's own by default.

    Takes the options of verify.py: --key, --since, --subset, --figures, --proof.
    """
    from ..evidence import standalone

    words = list(arguments)
    if not words or words[0].startswith("-"):
        words.insert(0, str(Path(state.open().root) / "evidence"))
    return standalone.main(words)

"""`deploybook init`: a workspace that works at once."""

from __future__ import annotations

from pathlib import Path

import click

from .. import start
from ..errors import UsageProblem
from .common import State, json_option, print_document, tell, verb


@verb("init")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--no-sample", is_flag=True, help="Without the sample deployment.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, write nothing.")
@json_option
def command(state: State, folder: Path, no_sample: bool, dry_run: bool, as_json: bool) -> int:
    """Make a workspace in DIR: settings, services, notebooks, the site's settings and a sample. Never overwrites."""
    files = start.workspace_files(with_sample=not no_sample)
    try:
        written = start.write(folder, files, dry_run=dry_run)
    except OSError as error:
        raise UsageProblem(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
    if as_json:
        made, planned = ([], written.made) if dry_run else (written.made, [])
        said = {"written": list(made), "would_write": list(planned), "kept": list(written.kept)}
        print_document("init", folder=str(folder), **said)
        return 0
    for name in written.kept:
        tell(f"{name}: is there already; kept as it is")
    if dry_run:
        click.echo("\n".join(written.made))
        tell(f"{len(written.made)} files would be written, nothing was")
        return 0
    click.echo(f"{folder}: {len(written.made)} files written, {len(written.kept)} kept")
    click.echo(next_steps(folder, with_sample=not no_sample))
    return 0


def next_steps(folder: Path, *, with_sample: bool) -> str:
    lines = [("try the sample", f"cd {folder} && deploybook report && deploybook publish")] if with_sample else []
    if with_sample:
        year, month, _ = start.SAMPLE.split("-", 2)
        gone = f"rm -rf deployments/{start.SAMPLE} reports/{year}/{month}/{start.SAMPLE}"
        lines.append(("remove the sample", gone))
    lines += [
        ("your first deployment", "deploybook new SLUG --at 14:00 --for 90m --zone America/Los_Angeles"),
        ("on time", "deploybook schedule --for cron | systemd | github | kubernetes"),
        ("in git, once a clone", "git config --local include.path ../.deploybook/gitconfig"),
    ]
    return "\n".join(f"  {what + ':':<23}{command}" for what, command in lines)

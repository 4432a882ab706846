"""`deploybook publish`: the pages around the reports, then the site."""

from __future__ import annotations

import sys

import click

from .common import State, open_log, print_json, verb


@verb("publish")
@click.option("--pdf", is_flag=True, help="Print each report to a PDF too (needs Chromium and the extra [pdf]).")
@click.option("--full", is_flag=True, help="Build every page, also where only a part is new.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(state: State, pdf: bool, full: bool, as_json: bool) -> int:
    """Build the site around the reports. The old site stays whole until the new one is."""
    from ..evidence.seal import seal
    from ..publish import publish
    from ..wording import plural

    workspace, now = state.open(), state.time
    log = open_log(workspace, make_key=True)
    published = publish(
        workspace.root,
        pdf=pdf,
        full=full,
        seal=lambda site, **part: seal(log, site, now, **part),
        progress=show if sys.stderr.isatty() else float,
    )
    if as_json:
        print_json(
            {
                "schema": "deploybook.published/1",
                "site": str(published.site),
                "reports": published.pages,
                "changed": list(published.changed),
                "printed": published.printed,
                "part": published.part,
            }
        )
    else:
        click.echo(
            f"{published.site}/index.html: {plural(published.pages, 'report')}, {len(published.changed)} pages around them changed"
        )
        if pdf:
            click.echo(f"{plural(published.printed, 'PDF')} printed anew")
    return 0


def show(share: float) -> None:
    """On a terminal, on one line that goes away."""
    click.echo("\r\x1b[K" if share == 1 else f"\rbuilding: {share:.0%}", nl=False, err=True)

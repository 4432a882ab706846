"""`deploybook publish`: the pages around the reports, then the site."""

from __future__ import annotations

import sys

import click

from ..wording import plural
from .common import State, build_site, json_option, open_log, print_document, verb


@verb("publish")
@click.option("--pdf", is_flag=True, help="Print each report to a PDF too (needs Chromium and the extra [pdf]).")
@click.option("--full", is_flag=True, help="Build every page, also where only a part is new.")
@json_option
def command(state: State, pdf: bool, full: bool, as_json: bool) -> int:
    """Build the site around the reports. The old site stays whole until the new one is."""
    workspace, now = state.open(), state.time
    log = open_log(workspace, make_key=True)
    progress = show if sys.stderr.isatty() else float
    published = build_site(workspace, log, now, pdf=pdf, full=full, progress=progress)
    site, changed, printed = published.site, published.changed, published.printed
    if as_json:
        about = {"changed": list(changed), "printed": printed, "part": published.part}
        print_document("published", site=str(site), reports=published.pages, **about)
        return 0
    reports = plural(published.pages, "report")
    click.echo(f"{site}/index.html: {reports}, {len(changed)} pages around them changed")
    if pdf:
        click.echo(f"{plural(printed, 'PDF')} printed anew")
    return 0


def show(share: float) -> None:
    """On a terminal, on one line that goes away."""
    click.echo("\r\x1b[K" if share == 1 else f"\rbuilding: {share:.0%}", nl=False, err=True)

"""`deploybook publish`: the pages around the reports, then the site."""

from __future__ import annotations

import click

from .common import State, open_log, print_json, verb


@verb("publish")
@click.option("--pdf", is_flag=True, help="Print each report to a PDF too (needs Chromium and the extra [pdf]).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(state: State, pdf: bool, as_json: bool) -> int:
    """Build the site around the reports. The old site stays whole until the new one is."""
    from ..evidence.seal import seal
    from ..publish import publish
    from ..wording import plural

    workspace, now = state.open(), state.time
    log = open_log(workspace, make_key=True)
    published = publish(workspace.root, pdf=pdf, seal=lambda site, **part: seal(log, site, now, **part))
    if as_json:
        print_json(
            {
                "schema": "deploybook.published/1",
                "site": str(published.site),
                "reports": published.pages,
                "changed": list(published.changed),
                "printed": published.printed,
                "policy": published.policy,
            }
        )
    else:
        click.echo(
            f"{published.site}/index.html: {plural(published.pages, 'report')}, {len(published.changed)} pages around them changed"
        )
        if pdf:
            click.echo(f"{plural(published.printed, 'PDF')} printed anew")
        click.echo(f"for a server, as in site/_headers: Content-Security-Policy: {published.policy}")
    return 0

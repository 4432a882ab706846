"""`deploybook serve`: the built site on this machine, for a look."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import click

from ..errors import UsageProblem
from .common import State, verb


@verb("serve")
@click.option("--port", default=8000, show_default=True, help="0 takes a free one.")
def command(state: State, port: int) -> int:
    """Show the built site at http://127.0.0.1:8000/ until it is stopped."""
    site = state.open().root / "site"
    if not (site / "index.html").is_file():
        raise UsageProblem(f"{site} holds no site yet; run 'deploybook publish' first")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=str(site)))
    except OSError as error:
        raise UsageProblem(f"port {port}: {error.strerror}; choose another with --port") from error
    click.echo(f"http://127.0.0.1:{server.server_port}/ shows {site}; Ctrl-C ends it")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        server.server_close()
    return 0

"""A real Chromium for the tests of the site, and the site on a port of the loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from servers import program, required

ROOT = Path(__file__).parents[1]
AXE = ROOT / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


class Quiet(SimpleHTTPRequestHandler):
    policy = ""

    def end_headers(self) -> None:
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path, policy: str = "") -> Iterator[str]:
    """The address of the folder on a free port, under a security policy if one is given."""
    handler = type("Handler", (Quiet,), {"policy": policy})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's Chromium, driven by Playwright."""
    path = program("chromium", "chromium-browser", "google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        required("playwright is not installed")
    off = (
        "--disable-gpu",
        "--no-sandbox",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
    )
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(off))
        yield browser
        browser.close()


def axe() -> str:
    """The accessibility checker's source, which .ci/run fetches; it is no dependency of ours."""
    if not AXE.is_file():
        required(f"axe-core is not in {AXE.parent}; run: npm install --no-save --prefix .cache/axe axe-core")
    return AXE.read_text(encoding="utf-8")

"""A strict Content-Security-Policy for the site: its own files, the theme's inline scripts by their hash, nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

FILE = "_headers"  # as static hosts read it; for another server its lines are copied by hand
INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def hashes_of(page: str) -> set[str]:
    """The hashes of the scripts that stand in the page itself."""
    return {
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in INLINE.findall(page)
    }


def policy(hashes: Iterable[str]) -> str:
    """The header's value: everything from the site itself, no inline style, no other host, no frame around it."""
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *sorted(hashes))),
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def write_headers(site: Path, hashes: Iterable[str]) -> None:
    """Writes the header for every page beside the pages."""
    lines = (
        "/*",
        f"  Content-Security-Policy: {policy(hashes)}",
        "  X-Content-Type-Options: nosniff",
        "  Referrer-Policy: same-origin",
    )
    (site / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")

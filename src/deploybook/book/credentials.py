"""The credentials that the hand-written files refer to: what may never be stored or published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import SourceError
from ..evidence import Gate
from ..sources.secrets import TOKEN_IN_URL, resolve

REFERENCE = re.compile(r"(?:(\w+)[\"']?\s*:\s*[\"']?)?\b((?:env|file):[^\s\"'#,}\]]+)")
NO_SECRET = ("username", "user", "tenant")  # keys of names that may well stand on a page
FILES = ("deploybook.yml", "services/*.y*ml", "deployments/*/deployment.yml")


def guard(root: Path, environ: Mapping[str, str]) -> Callable[[bytes, str], None]:
    """Stops bytes that hold a credential of the workspace, before they are stored."""
    return Gate.of(credentials(root, environ)).check


def credentials(root: Path, environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Each `env:` and `file:` reference of the workspace to the secrets in what it leads to; `cmd:` is not run for it."""
    paths = [path for pattern in FILES for path in sorted(root.glob(pattern))]
    folders = sorted({root, *(path.parent for path in paths)})
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    written = {one for text in texts for key, one in REFERENCE.findall(text) if key not in NO_SECRET}
    found: dict[str, tuple[str, ...]] = {}
    for one in sorted(written):
        for folder in folders if one.startswith("file:") else folders[:1]:
            try:
                value = resolve(one, one, environ=environ, folder=folder).reveal()
            except SourceError:
                continue
            found[one] = (*found.get(one, ()), *secrets_in(value))
    return {one: parts for one, parts in found.items() if parts}


def secrets_in(value: str) -> Iterator[str]:
    """Of an address its password, what its query hands over, and the token that ends a webhook; else the value itself."""
    parts = urlsplit(value) if re.match(r"[a-z][a-z0-9+.-]*://", value, re.IGNORECASE) else None
    if parts is None:
        yield from re.findall(r"password\s*=\s*'?([^\s']+)", value) or [value]
        return
    last = parts.path.rpartition("/")[2]
    if parts.password or TOKEN_IN_URL.search(parts.query) or len(last) >= 16:
        yield value
    if parts.password:
        yield from {parts.password, unquote(parts.password)}
    if len(last) >= 16:
        yield last
    for found in TOKEN_IN_URL.finditer(parts.query):
        yield re.split(r"[&;]", parts.query[found.end() :])[0]

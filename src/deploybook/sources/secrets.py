"""Secrets: named in a file, held elsewhere, printed never."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ..errors import SourceError

REFERENCE = re.compile(r"(env|file|cmd):(.+)", re.DOTALL)
TOKEN_IN_URL = re.compile(r"(?i)(token|secret|password|passwd|api_?key|sig|auth\w*)=")
COMMANDS = "deploybook/commands"  # under $XDG_CONFIG_HOME: one allowed command a line


class Secret:
    """A text that shows as *** wherever it is printed, formatted, stored as JSON or pickled; `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, ("***",)

    def __bool__(self) -> bool:
        return bool(self._text)

    def forms(self) -> Iterator[bytes]:
        """As it may come back from where it was sent; none of a short one, or a word, which stand anywhere by chance."""
        raw = self._text.encode()
        if len(raw) >= 8 and not self._text.isalpha():
            yield from (raw, quote(self._text, safe="").encode(), json.dumps(self._text)[1:-1].encode())
            yield base64.b64encode(raw).rstrip(b"=")[: len(raw) // 3 * 4]


def resolve(value: object, what: str, *, environ: Mapping[str, str], folder: Path, plain: bool = False) -> Secret:
    """
    What a reference leads to: 'env:NAME', 'file:PATH' (from the deployment's folder), 'cmd:…' where the same command
    stands in the user's own file. what: for messages, 'live > token'. plain: a literal is fine, it is no secret.

    Raises SourceError, which never quotes the value.
    """
    found = REFERENCE.fullmatch(str(value))
    if not found:
        if plain:
            return Secret(str(value))
        raise SourceError(f"{what}: a secret does not belong into a file; write 'env:NAME' or 'file:PATH'")
    kind, name = found[1], found[2].strip()
    if kind == "env":
        if not environ.get(name):
            raise SourceError(f"{what}: the environment variable {name} is not set")
        return Secret(environ[name].strip())
    if kind == "file":
        try:
            return Secret((folder / Path(name).expanduser()).read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", "") or "it is not UTF-8"
            raise SourceError(f"{what}: {name} cannot be read ({why})") from None
    return Secret(run(name, what, environ))


def run(command: str, what: str, environ: Mapping[str, str]) -> str:
    """The output of a command that the user's own file allows: a file that others share must not run programs."""
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
    allowed = Path(home) / COMMANDS
    try:
        lines = [line.strip() for line in allowed.read_text(encoding="utf-8").splitlines()]
    except OSError:
        lines = []
    if command not in lines:
        raise SourceError(f"{what}: a command is run only where the same line stands in {allowed}; or use 'env:NAME'")
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=30, check=True)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise SourceError(f"{what}: its command failed ({type(error).__name__})") from None
    return done.stdout.strip()


def split_address(address: Secret, what: str) -> tuple[str, Secret, Secret]:
    """An address without the name and password in it, and these; SourceError where it holds a token or is none."""
    try:
        parts = urlsplit(address.reveal())
        name, port = parts.hostname, parts.port
    except ValueError:  # a port that is none, a bracket that is not closed
        name = None
    if not name or parts.scheme not in ("http", "https"):
        raise SourceError(f"{what}: is no address; write 'https://prometheus.example:9090', or env: with such a one")
    if TOKEN_IN_URL.search(parts.query):
        raise SourceError(f"{what}: has a secret in its query; write it under 'token' or 'headers' as env:NAME")
    host = f"[{name}]" if ":" in name else name
    bare = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    return bare, Secret(unquote(parts.username or "")), Secret(unquote(parts.password or ""))

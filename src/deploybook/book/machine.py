"""What a report needs of this machine and of the channels, looked at before it is needed. Nothing is sent anywhere."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from .. import records
from ..errors import SourceError
from ..evidence import Log
from ..evidence import key as keys
from ..sources.secrets import resolve

ROOM = 1 << 30  # bytes that should be free
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
THEME_ENDS = date(2027, 5, 5)  # mkdocs-material says so at each build
PATIENCE = 3  # seconds for a channel to take a connection
PORTS = {"http": 80, "https": 443, "slack": 443, "msteams": 443, "smtp": 25, "smtps": 465, "mailto": 25, "mailtos": 587}


@dataclass(frozen=True, kw_only=True)
class Line:
    """ok: False where a person should do something, which the text says."""

    what: str
    text: str
    ok: bool = True


def look(workspace: records.Workspace, *, now: datetime, environ: Mapping[str, str]) -> Iterator[Line]:
    """Channels, key, disk, browser, fonts, slow imports, the theme."""
    settings = records.read_settings(workspace)
    for name, options in settings.channels.items():
        yield channel(name, options, workspace.root, environ)
    origin = settings.origin or workspace.root.name
    signers = Log.open(workspace.root / "evidence").head().signatures
    path, key = keys.find(origin, workspace.root, signers, environ)
    yield Line(what="key", text=f"{path}" if key else f"none yet; the first report makes {path}, keep a copy of it")
    free = shutil.disk_usage(workspace.root).free
    yield Line(what="disk", text=f"{free / 1e9:,.0f} GB free" + ("" if free > ROOM else "; make room"), ok=free > ROOM)
    browser = next((found for name in BROWSERS if (found := shutil.which(name, path=environ.get("PATH")))), "")
    yield Line(what="browser", text=browser or "none; pages and mail do not need one, only 'publish --pdf'")
    fonts = any(font_caches(environ))
    yield Line(what="fonts", text="cached" if fonts else "no cache yet; the first chart takes some seconds longer")
    yield slow_imports()
    yield theme(now)


def channel(name: str, options: object, folder: Path, environ: Mapping[str, str]) -> Line:
    """Whether its address is known and its host takes a connection; no message is sent."""
    what = f"channel {name}"
    address = options.get("url") if isinstance(options, Mapping) else options
    try:
        parts = urlsplit(resolve(address, what, environ=environ, folder=folder, plain=True).reveal())
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443)
    except (SourceError, ValueError) as error:
        return Line(what=what, text=str(error) if isinstance(error, SourceError) else "is no address", ok=False)
    if parts.scheme not in ("http", "https"):
        return Line(what=what, text=f"a {parts.scheme or 'nameless'} address; its first message shows whether it works")
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except OSError as error:
        return Line(what=what, text=f"{host} cannot be reached ({error.strerror or type(error).__name__})", ok=False)
    return Line(what=what, text=f"{host} can be reached")


def font_caches(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where Matplotlib keeps its list of fonts; looked at without importing it."""
    home = Path(environ.get("HOME", "~")).expanduser()
    folders = (environ.get("MPLCONFIGDIR"), f"{environ.get('XDG_CACHE_HOME') or home / '.cache'}/matplotlib")
    for folder in (*folders, str(home / ".matplotlib")):
        yield from Path(folder).glob("fontlist-*.json") if folder else ()


def slow_imports() -> Line:
    """The `jupyter` metapackage brings a grammar that each kernel compiles when it starts, about a second."""
    slow = find_spec("rfc3987_syntax") is not None
    text = "rfc3987-syntax (of jupyter) costs each kernel about a second; install deploybook into an environment of its own"
    return Line(what="imports", text=text if slow else "nothing slow")


def theme(now: datetime) -> Line:
    try:
        found = version("mkdocs-material")
    except PackageNotFoundError:
        return Line(what="theme", text="mkdocs-material is not installed; install deploybook again", ok=False)
    over = now.date() >= THEME_ENDS
    text = f"mkdocs-material {found} is kept until {THEME_ENDS}; the pages are plain Markdown and outlive it"
    return Line(what="theme", text=text, ok=not over)

"""How the options of a source are read: a mistake in one is said with its line, before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..times import parse_length, parse_zone
from .deployment import SOURCE_OPTIONS
from .values import REFERENCE

Reader = Callable[[Any], object]


def readers_for(kind: str) -> dict[str, Reader]:
    """What reads each option; ValueError says what is wrong. A kind of another package knows its own beside two."""
    return {"zone": parse_zone, "step": parse_length, **(OWN if kind in SOURCE_OPTIONS else {})}


def address(value: Any) -> None:
    """A literal one; what a reference leads to is seen when the source is asked."""
    text = str(value)
    try:
        parts = urlsplit(text)
        known = REFERENCE.fullmatch(text) or (parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:  # a port that is none
        known = False
    if not known:
        raise ValueError(f"{text!r} is no address; write 'https://prometheus.example.org:9090', or env:PROMETHEUS_URL")


def timeout(value: Any) -> None:
    """Seconds, or a length."""
    parse_length(f"{value}s" if re.fullmatch(r"[\d.]+", str(value)) else str(value))


def retention(value: Any) -> None:
    if not re.fullmatch(r"(\d+\s*[ywdhms]\s*)+", str(value)):
        raise ValueError(f"'{value}' is not a length of time; write '15d', '12h' or '1y'")


def whole(value: Any) -> None:
    if not re.fullmatch(r"[1-9]\d*", str(value)):
        raise ValueError(f"'{value}' is not a whole number; write one such as 1000000")


def one_sign(value: Any) -> None:
    if len(str(value).encode()) != 1:
        raise ValueError(f"'{value}' is not one sign; write ';' or another")


def verify(value: Any) -> None:
    if str(value).lower() != "true":
        raise ValueError("certificates are always checked; leave it out, and write 'ca: PATH' for one of your own")


def one_of(*words: str) -> Reader:
    def read(value: Any) -> None:
        if str(value).lower() not in words:
            raise ValueError(f"'{value}' is not one of {', '.join(words)}")

    return read


OWN: dict[str, Reader] = {
    "url": address,
    "timeout": timeout,
    "retention": retention,
    "samples": whole,
    "max_bytes": whole,
    "raw": one_of("true", "false"),
    "dialect": one_of("prometheus", "thanos", "mimir", "victoriametrics"),
    "delimiter": one_sign,
    "verify": verify,
}

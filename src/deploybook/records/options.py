"""How the options of a source are read: a mistake in one is said with its line, before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..times import parse_length, parse_timeout, parse_zone
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


def matching(pattern: str, words: str) -> Reader:
    def read(value: Any) -> None:
        if not re.fullmatch(pattern, str(value)):
            raise ValueError(f"'{value}' is not {words}")

    return read


def verify(value: Any) -> None:
    if str(value).lower() != "true":
        raise ValueError("certificates are always checked; leave it out, and write 'ca: PATH' for one of your own")


WHOLE = matching(r"[1-9]\d*", "a whole number; write one such as 1000000")
OWN: dict[str, Reader] = {
    "url": address,
    "timeout": parse_timeout,
    "retention": matching(r"(\d+\s*[ywdhms]\s*)+", "a length of time; write '15d', '12h' or '1y'"),
    "samples": WHOLE,
    "max_bytes": WHOLE,
    "raw": matching("(?i)true|false", "one of true, false"),
    "dialect": matching(
        "(?i)prometheus|thanos|mimir|victoriametrics", "one of prometheus, thanos, mimir, victoriametrics"
    ),
    "delimiter": matching(r"[\x01-\x7f]", "one sign; write ';' or another"),
    "verify": verify,
}

"""
The gate before the log and the site: bytes that hold a credential are not stored. An entry cannot be taken back.

Looked for is each known credential as it is and as it travels: base64 (at any place of a longer text), URL-encoded,
escaped in JSON, in hex of both cases, backwards, and in UTF-16. Packed bytes (gzip) are looked through unpacked.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploybook.errors import DeploybookError

# What nobody told us of and what still looks like a credential, by the marks that its makers put on it.
MARKED = re.compile(
    rb"(?P<a_private_key>-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----)|(?P<a_GitHub_token>\bgh[pousr]_[A-Za-z0-9]{36})"
    rb"|(?P<an_AWS_key>\bAKIA[0-9A-Z]{16}\b)|(?P<a_Slack_token>\bxox[abprs]-[A-Za-z0-9-]{10,60})"
    rb"|(?P<a_Slack_webhook>hooks\.slack\.com/services/T\w{6,12}/B\w{6,12}/\w{20,30})"
    rb"|(?P<a_bearer_token>[Aa]uthorization: [Bb]earer [\w.~+/-]{20})"
)
# One of these is in every mark. To look for them is ten times faster than the pattern, which tries six ways at each byte.
SIGNS = (
    b"PRIVATE KEY-----",
    b"ghp_",
    b"gho_",
    b"ghu_",
    b"ghs_",
    b"ghr_",
    b"AKIA",
    b"xox",
    b"hooks.slack",
    b"uthorization: ",
)
LONGEST_MARK = 128
SHORTEST = 6  # what is shorter stands in ordinary bytes by chance
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Gate:
    """needles: (bytes, where the credential comes from, in which form). It never shows them."""

    needles: tuple[tuple[bytes, str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, credentials: Mapping[str, tuple[str, ...]]) -> Gate:
        """credentials: 'env:PROM_TOKEN' -> what it leads to, in parts."""
        found = {
            needle: (name, form)
            for name, parts in sorted(credentials.items())
            for part in parts
            if len(part) >= SHORTEST
            for needle, form in forms(part)
        }
        return cls(needles=tuple((needle, *about) for needle, about in sorted(found.items())))

    def check(self, data: bytes | Path, name: str) -> None:
        """DeploybookError with place and offset where the bytes, or the file, hold a credential; it is not quoted."""
        if isinstance(data, Path) and (data.is_symlink() or not data.is_file()):
            return  # the store refuses it, and says why
        with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as stream:
            packed = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            unpacked: Any = gzip.GzipFile(fileobj=stream) if packed else stream
            overlap = max([LONGEST_MARK, *(len(needle) - 1 for needle, _, _ in self.needles)])
            start, tail = 0, b""
            with contextlib.suppress(EOFError, zlib.error, gzip.BadGzipFile):  # a damaged one ends early
                while block := unpacked.read(_BLOCK):
                    block = tail + block
                    for needle, what, form in self.needles:
                        if (at := block.find(needle)) >= 0:
                            raise DeploybookError(
                                f"{name}: byte {start + at}: holds the credential of {what} ({form}); nothing was stored. "
                                "Take it out, and change it"
                            )
                    if any(sign in block for sign in SIGNS) and (mark := MARKED.search(block)):
                        what = str(mark.lastgroup).replace("_", " ")
                        raise DeploybookError(
                            f"{name}: byte {start + mark.start()}: looks like {what}; nothing was stored. Take it out, and change it"
                        )
                    tail = block[-overlap:]
                    start += len(block) - len(tail)


def forms(text: str) -> Iterator[tuple[bytes, str]]:
    """The text as it may travel, with the name of the form; the plain one last, so that it names what is plain."""
    raw = text.encode()
    for shift in range(3):  # of the bytes before it, as base64 cuts them in threes: only whole signs of its own
        signs = base64.b64encode(bytes(shift) + raw)[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6]
        yield signs, "base64"
        yield signs.translate(bytes.maketrans(b"+/", b"-_")), "base64"
    yield raw[::-1], "backwards"
    for code in ("utf-16-le", "utf-16-be"):
        yield text.encode(code), "UTF-16"
    yield raw.hex().encode(), "hex"
    yield raw.hex().upper().encode(), "hex"
    yield quote(text, safe="").encode(), "URL-encoded"
    for ascii_only in (True, False):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode(), "escaped"
    yield raw, "plain"

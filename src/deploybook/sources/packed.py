"""What is packed, unpacked: never to more bytes than a cap, whatever it says of itself."""

from __future__ import annotations

import zlib

from .rows import Unreadable

LARGEST = 1 << 30  # bytes of one packed file, unpacked
BLOCK = 128 << 10  # bytes that one block of zstd unpacks to at most
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18"  # behind a byte of 50 to 5f
REPEATED, COMPRESSED = 1, 2  # kinds of blocks


class TooLarge(Unreadable):
    """It would be more than the cap."""

    def __init__(self, most: int) -> None:
        super().__init__(f"may be larger than {most >> 20} MiB when unpacked; export less, or in several files")


def unpacked(content: bytes) -> bytes:
    """The content of a .gz or .zst file, never more than LARGEST bytes of it; of any other as it is."""
    if content.startswith(ZSTD):
        return unpacked_zstd(content)
    return unpacked_gzip(content, LARGEST) if content.startswith(GZIP) else content


def unpacked_gzip(content: bytes, most: int) -> bytes:
    """All members of gzip data. Raises TooLarge, Unreadable where they are damaged or cut off."""
    unpack = zlib.decompressobj(wbits=31)
    out = bytearray()
    try:
        while content:
            out += unpack.decompress(content, most - len(out) + 1)
            if len(out) > most:
                raise TooLarge(most)
            content = unpack.unconsumed_tail or unpack.unused_data
            if unpack.eof and content.startswith(GZIP):
                unpack = zlib.decompressobj(wbits=31)
            elif unpack.eof:
                break
    except zlib.error:
        raise Unreadable("is damaged: its gzip data do not unpack", line=out.count(b"\n") + 1) from None
    if not unpack.eof:
        raise Unreadable("is cut off: its gzip data break off", line=out.count(b"\n") + 1)
    return bytes(out)


def unpacked_zstd(content: bytes) -> bytes:
    """Polars reads zstd where Python does not yet: every line as one column, put together again."""
    import polars as pl

    if zstd_bound(content) > LARGEST:
        raise TooLarge(LARGEST)
    try:
        lines = pl.read_csv(
            content, has_header=False, separator="\x01", quote_char=None, infer_schema=False, new_columns=["line"]
        )
    except (pl.exceptions.PolarsError, OSError):
        raise Unreadable("is damaged: its zstd data do not unpack") from None
    return "\n".join([*lines["line"].fill_null(""), ""]).encode()


def zstd_bound(content: bytes) -> int:
    """The most bytes that zstd data can unpack to, by the heads of their frames and blocks (RFC 8878, 3.1)."""
    at, most = 0, 0
    while (at := past_skippable(content, at)) + 5 < len(content):
        flags = content[at + 4]
        single = flags >> 5 & 1
        at += 6 - single + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
        last = False
        while not last and at < len(content):
            head = int.from_bytes(content[at : at + 3], "little")
            last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
            most += BLOCK if kind == COMPRESSED else size
            at += 3 + (1 if kind == REPEATED else size)
        at += flags & 4  # a checksum of four bytes
    return most


def past_skippable(content: bytes, at: int) -> int:
    while content[at + 1 : at + 4] == SKIPPABLE:
        at += 8 + int.from_bytes(content[at + 4 : at + 8], "little")
    return at

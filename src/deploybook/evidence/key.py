"""
The key that signs the log: Ed25519, one file of mode 0600 outside the files that are tracked and published.

The file holds the private key in the text form of signed notes (PRIVATE+KEY+name+id+base64), the public half is the
`vkey` that readers take from the README or the ticket. The key signs for the log, never for a person.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploybook.errors import DeploybookError
from deploybook.evidence.standalone import Broken, VerifyKey, b64, unb64

_HEADER = "PRIVATE+KEY"


@dataclass(frozen=True, kw_only=True)
class Key:
    """A private key. name: the origin of the log that it signs. The seed never shows in a repr."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def public(self) -> VerifyKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return VerifyKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    @property
    def vkey(self) -> str:
        """The public key as text: name+id+base64."""
        return str(self.public)

    def sign(self, text: str) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())

    def signature_of(self, text: str) -> tuple[str, bytes]:
        """Name, and id with signature, as a checkpoint carries them."""
        return self.name, self.public.id + self.sign(text)


def find(
    origin: str, workspace: Path, signers: Iterable[tuple[str, bytes]], environment: Mapping[str, str]
) -> tuple[Path, Key | None]:
    """
    Where the key of a workspace lies, and the key if there is one: $DEPLOYBOOK_KEY, else a file named after origin and
    place below $XDG_DATA_HOME/deploybook/keys. signers: the signatures of the log's checkpoint; where another key there
    made one of them, the workspace has moved, and that key is its own.
    """
    if given := environment.get("DEPLOYBOOK_KEY"):
        return (path := Path(given).expanduser()), load(path)
    home = environment.get("XDG_DATA_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".local" / "share")
    place = f"{origin}@{workspace}"
    name = re.sub(r"[^a-z0-9.-]+", "-", place.lower()).strip("-.")[:40]
    path = Path(home) / "deploybook" / "keys" / f"{name}-{hashlib.sha256(place.encode()).hexdigest()[:8]}.key"
    own, wanted = load(path), {(name, raw[:4]) for name, raw in signers}
    if wanted and (own is None or (own.name, own.public.id) not in wanted):
        for other in sorted(path.parent.glob("*.key")):
            with suppress(DeploybookError):  # what is wrong with the key of another workspace is told there
                if (key := load(other)) and (key.name, key.public.id) in wanted:
                    return other, key
    return path, own


def make(path: Path, origin: str) -> Key:
    """A new key in a new file of mode 0600; an existing file is never overwritten."""
    if not re.fullmatch(r"[^\s+]+", origin):
        raise DeploybookError(f"{origin!r} cannot name a key; write the log's origin without spaces and '+'")
    key = Key(name=origin, seed=secrets.token_bytes(32))
    text = f"{_HEADER}+{origin}+{key.public.id.hex()}+{b64(bytes([1]) + key.seed)}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:
        raise DeploybookError(f"{path}: there is a key already; remove it yourself if it is of no use") from None
    except OSError as error:
        raise DeploybookError(f"{path}: the key cannot be written: {error.strerror}") from error
    return key


def load(path: Path) -> Key | None:
    """The key of a file, None where there is no file. A file that others can read is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DeploybookError(f"{path}: the key cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode) or mode & 0o077:
            raise DeploybookError(f"{path}: others can read this key (mode {mode & 0o777:o}); run: chmod 600 {path}")
        text = stream.read(1000)
    return _parse(text, path)


def _parse(text: bytes, path: Path) -> Key:
    try:
        match = re.fullmatch(rf"{re.escape(_HEADER)}\+([^\s+]+)\+([0-9a-f]{{8}})\+(\S+)\n?", text.decode("ascii"))
        raw = unb64(match[3], str(path)) if match else b""
    except (UnicodeDecodeError, Broken):
        match, raw = None, b""
    key = Key(name=match[1], seed=raw[1:]) if match and len(raw) == 33 and raw[0] == 1 else None
    if key is None or match is None or key.public.id.hex() != match[2]:
        raise DeploybookError(f"{path}: not a key of deploybook; make one with 'deploybook init'")
    return key

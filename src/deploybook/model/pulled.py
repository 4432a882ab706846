"""What one source gave on one pull, and where each part of it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from .people import Entry
from .series import Data, DataNote, Samples


@dataclass(frozen=True, kw_only=True)
class Original:
    """
    One file that was read, or one answer of a server, as received.

    path: of a file, relative to the deployment's folder, with '/'; '' for an answer until it is stored. digest, size:
    of its bytes; sha256. content: an answer in its packed form, gzip. Where that is kept digest and size are its own, and
    unpacked is the digest of the answer itself.
    metrics: the names whose rows came from it. start_ms, end_ms: the time that was asked for (an answer) or
    that the rows span (a file), both ends included; 0 where there is neither. question: the query without its time.
    engine: 'prometheus 2.42.0', '' for files. flags: of the server, where they change numbers.
    """

    digest: str
    size: int
    path: str = ""
    source: str = ""
    kind: str = "files"
    metrics: tuple[str, ...] = ()
    rows: int = 0
    query: str = ""
    question: str = ""
    start_ms: int = 0
    end_ms: int = 0
    step_ms: int = 0
    engine: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    seconds: float = 0.0
    asked: datetime | None = None
    unpacked: str = ""
    content: bytes = field(default=b"", repr=False)

    @property
    def packed(self) -> Original:
        """The original as it is kept."""
        digest = hashlib.sha256(self.content).hexdigest()
        return replace(self, digest=digest, size=len(self.content), unpacked=self.digest)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pulled:
    """
    What one source gave: samples by metric, what was noticed on reading, the originals, and events.

    failure: what could not be had although the rest was, '' where nothing failed; the caller stores what came and
    then tells it.
    """

    source: str = ""
    samples: tuple[Samples, ...] = ()
    notes: tuple[DataNote, ...] = ()
    originals: tuple[Original, ...] = ()
    events: tuple[Entry, ...] = ()
    failure: str = ""

    @property
    def data(self) -> Data:
        """The samples as a judge takes them, without storing anything."""
        return Data(samples={one.name: one for one in self.samples}, notes=self.notes)

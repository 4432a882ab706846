"""One `run` at a time in a workspace: the second one is told who runs since when. A process that is killed leaves no lock."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..times import iso


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds the lock: process id and, as it wrote it, since when; 0 and '' where it has not written yet."""

    pid: int = 0
    since: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} runs since {self.since}" if self.pid else "another one has just started"


@contextmanager
def alone(path: Path, now: datetime) -> Iterator[Holder | None]:
    """
    Holds the lock while the block runs and gives None; gives the other holder, at once, where there is one.

    A record lock of the kernel: it belongs to this process alone, not to the notebooks forked from it, and ends with it
    however it ends. What the file says is for people; an old text in it means nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644), "r+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield holder(file.read())
            return
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "since": iso(now)}))
        file.flush()
        yield None


def holder(text: str) -> Holder:
    try:
        said = json.loads(text)
        return Holder(pid=int(said["pid"]), since=str(said["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder()

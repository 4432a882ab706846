"""
Watches one running notebook from outside it: reads its stream, holds it to its limits, ends it and all it started.

The process that runs the cells is not trusted to do any of this: it may hang, ignore an interrupt, or be dead.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .record import Ending, Limits, Record, Status

__all__ = ["Process", "kill_all", "watch"]

TICK = 0.05  # seconds between two looks at memory and clocks
SAVE_EVERY = 5.0  # seconds between two saves of a notebook that changed


class Process(Protocol):
    """What a way to run a notebook hands to the watcher."""

    messages: int  # descriptor: one JSON frame a line
    raw: dict[str, int]  # stdout and stderr as files: what was written past Python

    def interrupt(self) -> None: ...  # asks the cell to stop, as Ctrl-C does

    def kill(self) -> None: ...  # ends the process and everything it started, now

    def close(self) -> None: ...  # lets go of the descriptors

    def wait(self, seconds: float) -> int | None: ...  # the exit code, negative for a signal; None while it lives

    def pids(self) -> list[int]: ...  # whose memory counts

    def last_words(self) -> str: ...  # what it left behind where it could not start


@dataclass
class Watcher:
    """The state of watching one run; `watch` drives it."""

    process: Process
    record: Record
    limits: Limits
    started: float
    cell_started: float
    read: int = 0
    peak: int = 0
    looks: int = 0
    left: bytes = b""

    def feed(self, chunk: bytes) -> None:
        """Gives complete lines to the record. A line that is no frame raises ValueError, KeyError or TypeError."""
        self.read += len(chunk)
        *lines, self.left = (self.left + chunk).split(b"\n")
        for line in lines:
            before = self.record.current
            self.record.feed(json.loads(line.decode(errors="replace")))
            if self.record.current != before:
                self.cell_started = time.monotonic()
            if self.record.outputs > self.limits.outputs:
                return

    def exceeded(self, now: float) -> tuple[Status, str] | None:
        """The limit that is passed, if one is."""
        limits, record = self.limits, self.record
        for asked, since, name in (
            (limits.start, self.started, "the kernel did not start within"),
            (limits.cell, self.cell_started, "a cell ran longer than"),
            (limits.run, self.started, "the run took longer than"),
        ):
            applies = not record.ready if asked is limits.start else record.ready
            if applies and now - since > asked.total_seconds():
                status = Status.START_UP if asked is limits.start else Status.TIMEOUT
                return status, f"{name} {asked.total_seconds():g} s"
        written = self.read + sum(os.fstat(file).st_size for file in self.process.raw.values())
        if written > limits.output:
            return Status.FLOOD, f"more than {limits.output / 1e6:g} MB of output"
        if record.outputs > limits.outputs:
            return Status.FLOOD, f"more than {limits.outputs} outputs"
        self.looks += 1
        # Its children are looked for less often: that means reading the process table.
        used = sum(_resident(pid, children=self.looks % 20 == 0) for pid in self.process.pids())
        self.peak = max(self.peak, used)
        if used > limits.memory:
            return Status.MEMORY, f"more than {limits.memory / (1 << 20):.0f} MiB of memory"
        return None


def watch(
    process: Process,
    record: Record,
    limits: Limits,
    *,
    save: Callable[[], None],
    cancel: threading.Event | None = None,
) -> Ending:
    """Reads the stream to its end, or ends it at a limit. Nothing of the run is alive when this returns."""
    now = time.monotonic()
    watcher = Watcher(process=process, record=record, limits=limits, started=now, cell_started=now)
    by: tuple[Status, str] | None = None
    try:
        by = _follow(watcher, save, cancel)
        if by and by[0] is Status.TIMEOUT:
            _let_it_stop(watcher)
    except (ValueError, KeyError, TypeError) as error:
        by = by or (Status.DIED, f"the stream broke ({type(error).__name__})")
    finally:
        code = process.wait(limits.grace.total_seconds() if by is None else 0)
        process.kill()
        _raw_tail(watcher)
        words = "" if record.ready else process.last_words()
        process.close()
    return Ending(
        by=by[0] if by else None,
        text=by[1] if by else words,
        code=code,
        peak=watcher.peak,
    )


def _follow(watcher: Watcher, save: Callable[[], None], cancel: threading.Event | None) -> tuple[Status, str] | None:
    """Reads until the stream ends (None) or a limit is passed (which one)."""
    saved, saved_at = 0, watcher.started
    looked_at = 0.0
    while not watcher.record.ended:
        if select.select([watcher.process.messages], [], [], TICK)[0]:
            chunk = os.read(watcher.process.messages, 1 << 20)
            if not chunk:
                return None
            watcher.feed(chunk)
        now = time.monotonic()
        if now - looked_at < TICK and watcher.record.outputs <= watcher.limits.outputs:
            continue
        looked_at = now
        if cancel is not None and cancel.is_set():
            return Status.CANCELLED, "cancelled"
        if passed := watcher.exceeded(now):
            return passed
        if now - saved_at > SAVE_EVERY and watcher.read != saved:
            save()
            saved, saved_at = watcher.read, now
    return None


def _let_it_stop(watcher: Watcher) -> None:
    """Interrupts a cell and takes what it still says, so that its traceback shows where it hung."""
    watcher.process.interrupt()
    until = time.monotonic() + watcher.limits.grace.total_seconds()
    place = watcher.record.current
    while time.monotonic() < until and place not in watcher.record.replies and not watcher.record.ended:
        if select.select([watcher.process.messages], [], [], TICK)[0]:
            chunk = os.read(watcher.process.messages, 1 << 20)
            if not chunk or watcher.read > watcher.limits.output:
                return
            watcher.feed(chunk)


def _raw_tail(watcher: Watcher) -> None:
    """What a process wrote past Python before it died, such as the words of a fault handler."""
    for name, file in watcher.process.raw.items():
        size = os.fstat(file).st_size
        done = watcher.record.raw_read[name]
        start = max(done, size - 100_000)
        if size > done:
            text = os.pread(file, size - start, start).decode(errors="replace")
            watcher.record.feed({"type": "write", "name": name, "content": {"text": text}})


def _resident(pid: int, *, children: bool = False) -> int:
    """Bytes of memory a process has in use, with its children's where asked; 0 once it is gone."""
    import psutil

    used = 0
    with contextlib.suppress(psutil.Error):
        top = psutil.Process(pid)
        for one in [top, *(top.children(recursive=True) if children else ())]:
            used += int(one.memory_info().rss)
    return used


def kill_all(root: int, mark: str) -> None:
    """
    Ends a process, its descendants, and whatever carries `mark` in its environment (a daemon has left the tree).

    Repeats until a look finds none, so that a process which was being started meanwhile is found too.
    """
    import psutil

    for _ in range(20):
        found = {process.pid: process for process in _descendants(root)}
        for process in psutil.process_iter():
            if _carries(process.pid, mark):
                found[process.pid] = process
        if not found:
            return
        for process in found.values():
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found.values(), timeout=1)


def _descendants(root: int) -> list[Any]:
    import psutil

    try:
        top = psutil.Process(root)
        return [one for one in [*top.children(recursive=True), top] if one.status() != psutil.STATUS_ZOMBIE]
    except psutil.Error:
        return []


def _carries(pid: int, mark: str) -> bool:
    try:
        return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False

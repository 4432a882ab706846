"""
Watches one running notebook from outside it: reads its stream, holds it to its limits, ends it and all it started.

The process that runs the cells is not trusted to do any of this: it may hang, ignore an interrupt, or be dead.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .record import Ending, Limits, Record, Status

__all__ = ["Process", "kill_all", "watch"]

TICK = 0.1  # seconds between two looks at memory and clocks
SAVE_EVERY = 5.0  # seconds between two saves of a notebook that changed
CHUNK = 1 << 20


@dataclass(kw_only=True)
class Process:
    """
    What runs one notebook. messages: descriptor with one JSON frame a line; raw: of stdout and stderr as files, with what
    was written past Python.
    """

    record: Record
    messages: int
    raw: dict[str, int] = field(default_factory=dict)

    def interrupt(self) -> None:
        """Asks the cell to stop, as Ctrl-C does."""
        if self.record.kernel:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.record.kernel, signal.SIGINT)

    def wait(self, seconds: float) -> int | None:
        """The exit code, negative for a signal; None while it lives."""
        raise NotImplementedError

    def kill(self) -> None:
        """Ends the process and everything it started, now."""
        raise NotImplementedError

    def last_words(self) -> str:
        """What it left behind where it could not start."""
        raise NotImplementedError

    def pids(self) -> list[int]:
        """Those whose memory counts."""
        return [self.record.kernel] if self.record.kernel else []

    def close(self) -> None:
        for descriptor in (self.messages, *self.raw.values()):
            os.close(descriptor)


def watch(
    process: Process, limits: Limits, *, save: Callable[[], None], cancel: threading.Event | None = None
) -> Ending:
    """Reads the stream to its end, or ends it at a limit. Nothing of the run is alive when this returns."""
    watcher = Watcher(process, limits)
    by: tuple[Status, str] | None = None
    try:
        by = watcher.follow(save, cancel)
        if by and by[0] is Status.TIMEOUT:
            watcher.let_it_stop()
    except (ValueError, KeyError, TypeError) as error:
        by = by or (Status.DIED, f"the stream broke ({type(error).__name__})")
    finally:
        code = process.wait(limits.grace.total_seconds() if by is None else 0)
        process.kill()
        watcher.take_raw_tail()
        words = "" if process.record.ready else process.last_words()
        process.close()
    return Ending(by=by[0] if by else None, text=by[1] if by else words, code=code, peak=watcher.peak)


class Watcher:
    """The state of watching one run."""

    def __init__(self, process: Process, limits: Limits) -> None:
        self.process, self.record, self.limits = process, process.record, limits
        self.started = self.cell_started = time.monotonic()
        self.read = self.peak = self.looks = 0
        self.left = b""

    def follow(self, save: Callable[[], None], cancel: threading.Event | None) -> tuple[Status, str] | None:
        """Reads until the stream ends (None) or a limit is passed (which one)."""
        saved, saved_at, looked_at = 0, self.started, 0.0
        while not self.record.ended:
            if not self.take():
                return None
            now = time.monotonic()
            if now - looked_at < TICK and self.record.outputs <= self.limits.outputs:
                continue
            looked_at = now
            if cancel is not None and cancel.is_set():
                return Status.CANCELLED, "cancelled"
            if passed := self.exceeded(now):
                return passed
            if now - saved_at > SAVE_EVERY and self.read != saved:
                save()
                saved, saved_at = self.read, now
        return None

    def let_it_stop(self) -> None:
        """Interrupts a cell and takes what it still says, so that its traceback shows where it hung."""
        self.process.interrupt()
        until = time.monotonic() + self.limits.grace.total_seconds()
        place = self.record.current
        while time.monotonic() < until and place not in self.record.replies and not self.record.ended:
            if not self.take() or self.read > self.limits.output:
                return

    def take(self) -> bool:
        """
        What is there within a tick; False at the end of the stream.

        A line that is no frame raises ValueError, KeyError or TypeError.
        """
        if not select.select([self.process.messages], [], [], TICK)[0]:
            return True
        chunk = os.read(self.process.messages, CHUNK)
        self.read += len(chunk)
        *lines, self.left = (self.left + chunk).split(b"\n")
        for line in lines:
            before = self.record.current
            self.record.feed(json.loads(line.decode(errors="replace")))
            if self.record.current != before:
                self.cell_started = time.monotonic()
            if self.record.outputs > self.limits.outputs:
                break
        return bool(chunk)

    def exceeded(self, now: float) -> tuple[Status, str] | None:
        """The limit that is passed, if one is."""
        limits, record = self.limits, self.record
        times = (
            [
                (limits.cell, self.cell_started, Status.TIMEOUT, "a cell ran longer than"),
                (limits.run, self.started, Status.TIMEOUT, "the run took longer than"),
            ]
            if record.ready
            else [(limits.start, self.started, Status.START_UP, "the kernel did not start within")]
        )
        for length, since, status, text in times:
            if now - since > length.total_seconds():
                return status, f"{text} {length.total_seconds():g} s"
        if self.read + sum(os.fstat(file).st_size for file in self.process.raw.values()) > limits.output:
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

    def take_raw_tail(self) -> None:
        """What a process wrote past Python before it died, such as the words of a fault handler."""
        for name, file in self.process.raw.items():
            size = os.fstat(file).st_size
            start = max(self.record.raw_read[name], size - 100_000)
            if size > start:
                text = os.pread(file, size - start, start).decode(errors="replace")
                self.record.feed({"type": "write", "name": name, "content": {"text": text}})


def _resident(pid: int, *, children: bool) -> int:
    """Bytes of memory a process has in use, with its children's where asked; 0 once it is gone."""
    import psutil

    used = 0
    with contextlib.suppress(psutil.Error):
        top = psutil.Process(pid)
        for one in [top, *(top.children(recursive=True) if children else ())]:
            used += int(one.memory_info().rss)
    return used


def kill_all(root: int, directory: str) -> None:
    """
    Ends a process, its descendants, and whatever has `directory` as its TMPDIR (a daemon has left the tree).

    Repeats until a look finds none, so that a process which was being started meanwhile is found too.
    """
    import psutil

    def is_ours(process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            mine = process.pid in family or process.environ().get("TMPDIR") == directory
            return bool(mine and process.status() != psutil.STATUS_ZOMBIE)
        return False

    for _ in range(20):
        family = {root}
        with contextlib.suppress(psutil.Error):
            family |= {one.pid for one in psutil.Process(root).children(recursive=True)}
        found = [one for one in psutil.process_iter() if is_ours(one)]
        if not found:
            return
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=1)

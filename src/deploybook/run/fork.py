"""
The fast way: each notebook in a fork of one warm process, its cells run by ipykernel's own classes in the fork.

Kernel start and imports are paid once, not per report. The warm process is started on first use, again when the
environment changed, and ends with this process.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .engine import ForkEngine
from .environment import OWN, kernel_environment
from .notebook import Document, language, may_fail
from .record import Limits, Record
from .warm import IMPORTS
from .watch import Process

__all__ = ["ForkEngine", "end_warm", "is_safe", "start"]


def is_safe(document: Document) -> bool:
    """Whether this notebook can run in a fork: on Linux, in this Python."""
    kernel = document["metadata"].get("kernelspec", {}).get("name", "python3")
    return sys.platform == "linux" and language(document) == "python" and kernel == "python3"


@dataclass(kw_only=True)
class Fork(Process):
    """One run in a fork of the warm process."""

    status: socket.socket
    told: int
    warm: Warm | None = None
    code: int | None = None

    def wait(self, seconds: float) -> int | None:
        if self.code is None and select.select([self.status], [], [], seconds)[0]:
            self.code = int(self.status.recv(64) or -9)  # nothing: the warm process itself was killed
        return self.code

    def kill(self) -> None:
        """Tells the warm process to end the run; it answers when nothing of it is left."""
        with contextlib.suppress(OSError):
            self.status.shutdown(socket.SHUT_WR)
        self.wait(10)

    def last_words(self) -> str:
        text = os.pread(self.raw["stderr"], 10_000, 0).decode(errors="replace").strip()
        return text.splitlines()[-1][:300] if text else ""

    def close(self) -> None:
        if self.warm is not None:
            self.warm.running.discard(self.status)
        if self.record.ahead and fcntl.fcntl(self.told, fcntl.F_GET_SEALS) & fcntl.F_SEAL_WRITE:
            self.record.told = os.pread(self.told, os.fstat(self.told).st_size, 0)
        os.close(self.told)
        self.status.close()
        super().close()


def start(record: Record, *, cwd: Path, directory: Path, environment: Mapping[str, str], limits: Limits) -> Fork:
    """Asks the warm process for a fork that runs the record's cells. directory is the run's own."""
    todo = [
        {"place": place, "source": record.cells[place]["source"], "may_fail": may_fail(record.cells[place])}
        for place in record.expected
    ]
    content = json.dumps({"todo": todo})
    (directory / "todo.json").write_text(content, encoding="utf-8")
    job = {
        "todo": str(directory / "todo.json"),
        "cwd": str(cwd),
        "environment": {name: str(directory) for name in OWN},
        "libraries": [library for library in IMPORTS if library in content],
        "memory": limits.memory,
        "ahead": record.ahead,
        "parameters": record.document["metadata"].get("papermill", {}).get("parameters", {}),
        "seed": hashlib.sha256(content.encode()).hexdigest(),
    }
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    raw = {name: os.open(directory / name, flags, 0o600) for name in ("stdout", "stderr")}
    told = os.memfd_create("told", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    fork = Fork(messages=read, raw=raw, status=ours, record=record, told=told)
    try:
        fork.warm = _take(environment, limits.start.total_seconds(), ours)
        descriptors = [theirs.fileno(), write, *raw.values(), told]
        socket.send_fds(fork.warm.control, [json.dumps(job).encode()], descriptors)
    except OSError as failure:  # it did not come up, or ended this moment
        os.write(raw["stderr"], str(failure).encode())
        fork.code = fork.warm.process.poll() if fork.warm else None
    finally:
        theirs.close()
        os.close(write)
    return fork


@dataclass
class Warm:
    """A warm process and the socket on which it takes jobs. owner: who started it."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    directory: Path
    owner: int
    running: set[socket.socket] = field(default_factory=set)

    def end(self) -> None:
        if self.owner != os.getpid():
            return  # a fork of the process that started it
        self.control.close()  # it ends its forks, then itself
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


_lock = threading.Lock()
_warm: dict[object, Warm] = {}


def _take(environment: Mapping[str, str], seconds: float, status: socket.socket) -> Warm:
    """
    The warm process for this environment (variables, Python's libraries), busy from now.

    Those that died end, and so do idle ones for others. Raises OSError with its last words where none comes up.
    """
    libraries = tuple((path, Path(path).stat().st_mtime_ns) for path in sys.path if path.endswith("site-packages"))
    key = (tuple(sorted(environment.items())), libraries, os.getpid())
    with _lock:
        for other, warm in list(_warm.items()):
            if warm.process.poll() is not None or (other != key and not warm.running):
                _warm.pop(other).end()
        if key not in _warm:
            _warm[key] = _start_warm(environment, seconds)
        _warm[key].running.add(status)
        return _warm[key]


def _start_warm(environment: Mapping[str, str], seconds: float) -> Warm:
    directory = Path(tempfile.mkdtemp(prefix="db-"))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with (directory / "warm.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", f"from deploybook.run.warm import serve; serve({theirs.fileno()})"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=kernel_environment(directory, environment),
            cwd=directory,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    theirs.close()
    warm = Warm(process=process, control=ours, directory=directory, owner=os.getpid())
    ours.settimeout(seconds)
    try:
        ready = ours.recv(16) == b"ready"
    except TimeoutError:
        ready = False
    ours.settimeout(None)
    if not ready:
        words = (directory / "warm.log").read_text(errors="replace").strip()
        warm.end()
        raise OSError(words)
    return warm


def end_warm() -> None:
    """Ends the warm processes with everything that runs in them; the next run starts a new one."""
    with _lock:
        processes = list(_warm.values())
        _warm.clear()
    for warm in processes:
        warm.end()


atexit.register(end_warm)

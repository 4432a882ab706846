"""
Runs the cells of one notebook in this process, as an ipykernel would, and writes the frames of the stream.

It is ipykernel: the same kernel and shell classes decide what a cell shows (pandas, for one, looks for "zmq" in the name
of the shell's class), with a session that writes to a pipe in place of sockets, and without threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib
import json
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ipykernel.iostream import OutStream
from jupyter_client.session import Session

from .known import Known

__all__ = ["make_kernel", "run"]

SLOW = 0.1  # seconds after which what is written is told without the end of its line


class Wire(Session):
    """A kernel's session whose messages go down a pipe, one JSON frame a line."""

    pipe: int = -1
    owner: int = -1
    lock = threading.RLock()
    held = b""

    def emit(self, kind: str, content: Any = None, *, hold: bool = False, **fields: Any) -> None:
        """hold: another frame follows at once, and one write wakes the watcher for both."""
        if os.getpid() != self.owner:
            return  # a fork of the cell's own: two writers would mix on the pipe
        head = json.dumps({"type": kind, **fields}).encode()
        body = b"" if content is None else b', "content": ' + self.pack(content)
        with self.lock:
            frames, self.held = self.held + head[:-1] + body + b"}\n", b""
            if hold:
                self.held = frames
                return
            line = memoryview(frames)
            # An interrupt in the middle of a line would leave half a frame.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            while line:
                line = line[os.write(self.pipe, line) :]
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **kwargs: Any) -> Any:
        message = msg_or_type if isinstance(msg_or_type, dict) else self.msg(msg_or_type, content)
        self.emit(message["msg_type"], message["content"])
        return message


class Stream(OutStream):
    """
    sys.stdout or sys.stderr of a cell.

    What other code writes to the descriptor itself (a subprocess, a C library) is in a file, and is put in before the
    next text of ours. The watcher sees each line at once, so that little is lost with the process, and what is written
    slowly without one; a flush tells it where an output ends.
    """

    def __init__(self, wire: Wire, name: str, descriptor: int) -> None:
        self.session, self.name, self._descriptor = wire, name, descriptor
        self._taken, self._dirty, self._line, self._told = 0, False, "", 0.0
        self.pub_thread = True
        self._should_watch, self._exc = False, None

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def write(self, string: str) -> int:
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        if os.getpid() != self.session.owner:
            os.write(self._descriptor, string.encode(errors="replace"))
            return len(string)
        with self.session.lock:
            self._take_raw()
            self._line += string
            if "\n" in string or time.monotonic() - self._told > SLOW:
                self._tell()
        return len(string)

    def _tell(self) -> None:
        if self._line:
            text, self._line = self._line, ""
            self.session.emit("write", {"text": text}, name=self.name)
            self._dirty, self._told = True, time.monotonic()

    def _take_raw(self) -> None:
        size = os.fstat(self._descriptor).st_size
        if size > self._taken:
            self._tell()
            text = os.pread(self._descriptor, size - self._taken, self._taken).decode(errors="replace")
            self._taken, self._dirty = size, True
            self.session.emit("write", {"text": text}, name=self.name, raw=size)

    def flush(self) -> None:
        if os.getpid() != self.session.owner:
            return
        with self.session.lock:
            self._take_raw()
            self._tell()
            if self._dirty:
                self._dirty = False
                self.session.emit("flush", name=self.name, hold=True)

    def set_parent(self, parent: Any) -> None:
        pass


def make_kernel() -> Any:
    """An ipykernel without sockets, history file, debugger and threads; made once, before the forks."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    os.environ["_RJEM_MALLOC_CONF"] = "background_thread:false"  # the allocator of polars, read at its import
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # its import starts to trace; no cell of a report debugs
    import bdb  # noqa: F401  this and the next two: what the first cell would import

    import tornado.platform.asyncio  # noqa: F401
    from ipykernel import debugger  # noqa: F401
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    del sys.modules["debugpy"]
    wire = Wire(config=Config({"Session": {"key": b""}}))
    memory = Config({"HistoryManager": {"hist_file": ":memory:"}, "IPKernelApp": {}})
    log = logging.getLogger("deploybook.run")
    kernel: Any = IPythonKernel.instance(session=wire, iopub_socket=None, config=memory, log=log, user_ns=None)
    application = IPKernelApp.instance(config=memory)
    application.kernel = kernel  # who enables a GUI asks the application for its kernel
    del sys.path[0]
    application.init_path()  # type: ignore[no-untyped-call]
    kernel.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
    kernel.shell.displayhook.topic = kernel.shell.display_pub.topic = b""
    assert kernel.shell.logger  # imported on first use
    with contextlib.suppress(AttributeError):  # IPython 8 has them already
        kernel.shell.magics_manager.load_all_lazy_magics()
    kernel.known = Known(kernel.shell.input_transformer_manager)
    return kernel


def run(kernel: Any, job: dict[str, Any], pipe: int, told: int) -> None:
    """Runs the job's notebook in this fork. told: takes what is said ahead of it."""
    wire = kernel.session
    wire.pipe, wire.owner = pipe, os.getpid()
    _settle(job)
    sys.stdout, sys.stderr = Stream(wire, "stdout", 1), Stream(wire, "stderr", 2)
    wire.emit("ready", language_info=kernel.language_info, pid=os.getpid())
    if job["ahead"]:
        _tell_ahead(job, told)
    os.close(told)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_cells(kernel, wire, job["todo"]))


def _tell_ahead(job: dict[str, Any], told: int) -> None:
    """Calls what was asked for, and seals its answer before a cell could change it."""
    path, sys.path[:] = sys.path[:], [place for place in sys.path if place]  # no file of the workspace is a module here
    module, name = job["ahead"].split(":")
    answer = memoryview(getattr(importlib.import_module(module), name)(job["parameters"]))
    while answer:
        answer = answer[os.write(told, answer) :]
    fcntl.fcntl(
        told, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    )
    sys.path[:] = path


def _settle(job: dict[str, Any]) -> None:
    """Makes this fork a process of its own: place, environment, memory, chance, input."""
    os.chdir(job["cwd"])
    os.environ.update(job["environment"])
    tempfile.tempdir = None
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    random.seed(job["seed"])
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed([int(job["seed"][n : n + 8], 16) for n in range(0, 64, 8)])
    import resource

    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + job["memory"], mapped + job["memory"]))
    if Path("matplotlibrc").exists() and "matplotlib" in sys.modules:
        sys.modules["matplotlib"].rc_file("matplotlibrc")


async def _cells(kernel: Any, wire: Wire, todo: list[dict[str, Any]]) -> None:
    from tornado.ioloop import IOLoop

    kernel.io_loop = IOLoop.current()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for cell in todo:
        wire.emit("start", {"execution_count": kernel.shell.execution_count}, cell=cell["place"])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        reply = await kernel.do_execute(cell["source"], silent=False, store_history=True, allow_stdin=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.getpid() != wire.owner:
            os._exit(0)  # the cell forked and came back twice; the notebook is run once
        _flush()
        exits = any(payload.get("source") == "ask_exit" for payload in reply["payload"])
        last = cell is todo[-1] or exits or (reply["status"] != "ok" and not cell["may_fail"])
        wire.emit("reply", reply, cell=cell["place"], hold=not last)
        if last:
            break
        await asyncio.sleep(0)
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    _flush()
    wire.emit("end")


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()

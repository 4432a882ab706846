"""
The warm process: imports what notebooks need, and runs each in a fork of itself.

It is started with the allow-listed environment, so that no fork can read a credential from its memory, and it stays
without threads, since a fork copies the one that calls it only. It is also the reaper of whatever a notebook started:
on Linux orphans come to it, and it ends them.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["serve"]

PACKAGE = (
    "polars numpy.random matplotlib.figure matplotlib.backends.backend_svg nh3 pydantic yaml"
    " markdown.extensions.attr_list markdown.extensions.codehilite markdown.extensions.fenced_code"
    " markdown.extensions.sane_lists markdown.extensions.tables pygments.formatters pygments.lexers"
    " deploybook.assess.checkpoints deploybook.book.ahead deploybook.book.load deploybook.book.pictures"
    " deploybook.book.shelf deploybook.charts.bars deploybook.charts.describe deploybook.charts.plot"
    " deploybook.charts.svg deploybook.exports.changes deploybook.exports.table"
    " deploybook.measure.uncertainty.special deploybook.records.deployment deploybook.records.records"
    " deploybook.records.settle deploybook.records.told deploybook.sources.request"
)
# For a notebook whose code has the word: what it imports, and what the first use of that imports.
IMPORTS = {
    "numpy": "numpy.random",
    "pandas": "pandas pandas.io.formats.html pandas.io.formats.string pandas.core.reshape.reshape",
    "polars": "polars",
    "matplotlib": "matplotlib.pyplot matplotlib.dates matplotlib.backends.backend_agg matplotlib.backends.backend_svg"
    " matplotlib_inline.config",
    "figure_defaults": "deploybook.charts.figures",
    "Book.open": PACKAGE,
    "Day.open": PACKAGE,
}
YOUNG = 50_000  # objects between two looks of the collector; Python's 700 takes 3 % of a report
SEVERAL = 3  # jobs from which on a rehearsal pays
KNOWN = 1000  # cells of which something is kept for their next run
DEATH_SIGNAL, SUBREAPER = 1, 36  # prctl(2)


def serve(control: int) -> None:
    """Answers jobs on the control socket until it closes. Each job brings its descriptors with it."""
    from . import cells

    gc.disable()  # a fork has it
    kernel = cells.make_kernel()
    _prctl(SUBREAPER, 1)
    try:
        Server(socket.socket(fileno=control), kernel).run()
    finally:
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os._exit(0)  # Python would take all that was imported apart again


def load(kernel: Any, library: str) -> None:
    """Imports a library as a cell would: pandas asks for get_ipython(), and shows fewer columns where it is there."""
    plain = _without_tables() if IMPORTS[library] is PACKAGE else contextlib.nullcontext()
    with kernel.shell.builtin_trap, plain:
        for name in IMPORTS[library].split():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    if library == "matplotlib":
        from matplotlib import pyplot

        hooks = kernel.shell.events.callbacks["post_execute"]
        hooks[:] = [_draw_what_is_not_shown if hook is pyplot._draw_all_if_interactive else hook for hook in hooks]
        pyplot._draw_all_if_interactive = _draw_what_is_not_shown


def rehearse() -> None:
    """
    Draws one chart for nobody: what the first one of a process fills and warms is then ready in every fork.

    Nothing that a cell can see is changed: it is no figure of pyplot's, and what is warned of here is warned of again.
    """
    import matplotlib.figure
    import numpy

    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        figure = matplotlib.figure.Figure(figsize=(8, 3))
        axes = figure.subplots()
        axes.plot(numpy.arange("2025-01-22T14", "2025-01-24T14", dtype="datetime64[h]"), numpy.arange(48), label="line")
        axes.legend()
        axes.set_title("A title of 2025")
        figure.savefig(io.BytesIO(), format="svg")


@contextlib.contextmanager
def _without_tables() -> Iterator[None]:
    """
    Imports matplotlib without the tables of properties in its docstrings, a quarter of the time that takes.

    For notebooks that draw through the package. One that names matplotlib before has the tables.
    """
    import matplotlib.artist

    table = matplotlib.artist.kwdoc
    matplotlib.artist.kwdoc = lambda artist: ""
    try:
        yield
    finally:
        matplotlib.artist.kwdoc = table


def _draw_what_is_not_shown() -> None:
    """
    Pyplot's hook after each cell, which draws every figure and throws the pixels away.

    The inline backend draws it again a moment later, to show it. The first drawing is half the cost of a chart and changes
    the second only where a layout engine moves things, so it is left to those figures.
    """
    import matplotlib
    from matplotlib._pylab_helpers import Gcf

    if matplotlib.is_interactive():
        inline = "inline" in matplotlib.get_backend().lower()
        for manager in Gcf.get_all_fig_managers():
            figure = manager.canvas.figure
            if figure.stale and not (inline and figure.get_layout_engine() is None):
                manager.canvas.draw_idle()


class Server:
    """One loop over the control socket, the jobs' sockets and the signal of a child's end."""

    def __init__(self, control: socket.socket, kernel: Any) -> None:
        self.control, self.kernel = control, kernel
        self.jobs: dict[int, socket.socket] = {}
        self.loaded: set[str] = set()
        self.running: dict[int, set[str]] = {}  # the cells' texts of each job
        self.ran_well: set[str] = set()
        self.learned: set[str] = set()
        self.taken = 0
        self.woken, self.waker = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(self.waker, False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ)
        self.selector.register(self.woken, selectors.EVENT_READ)

    def run(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        self.control.send(b"ready")
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.control:
                    if not self.accept():
                        self.end_all()
                        return
                elif key.fileobj == self.woken:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.woken, 4096)
                    self.reap()
                elif key.data in self.jobs:  # its caller closed or said stop: either way, it ends
                    os.kill(key.data, signal.SIGKILL)
                    self.selector.unregister(key.fileobj)

    def accept(self) -> bool:
        """Forks for the next job; False once the caller is gone."""
        message, descriptors, _, _ = socket.recv_fds(self.control, 65536, 5)
        if not message:
            return False
        status = socket.socket(fileno=descriptors[0])
        job = json.loads(message)
        job["todo"] = json.loads(Path(job["todo"]).read_text(encoding="utf-8"))["todo"]
        for library in [one for one in job["libraries"] if one not in self.loaded]:
            load(self.kernel, library)
            self.loaded.add(library)
        for source in self.ran_well - self.learned:
            self.kernel.known.learn(source)
        self.learned |= self.ran_well
        self.taken += 1
        if self.taken == SEVERAL and "matplotlib" in self.loaded:
            rehearse()
        gc.freeze()  # the collector of a fork leaves these objects alone, and their pages shared
        pid = os.fork()
        if pid == 0:
            self.become(job, *descriptors[1:], status=status)
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        self.jobs[pid] = status
        self.running[pid] = {cell["source"] for cell in job["todo"]}
        self.selector.register(status, selectors.EVENT_READ, data=pid)
        return True

    def become(
        self, job: dict[str, Any], messages: int, stdout: int, stderr: int, told: int, *, status: socket.socket
    ) -> NoReturn:
        """The fork: leaves the server behind and runs the job. Never returns."""
        code = 1
        try:
            gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
            gc.enable()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.selector.close()
            for one in (self.control, status, *self.jobs.values()):
                one.close()
            os.close(self.woken)
            os.close(self.waker)
            os.setsid()
            _prctl(DEATH_SIGNAL, signal.SIGKILL)
            _prctl(SUBREAPER, 1)
            for source, target in ((stdout, 1), (stderr, 2)):
                os.dup2(source, target)
                os.close(source)
            from . import cells

            cells.run(self.kernel, job, messages, told)
            code = 0
        except BaseException:
            import traceback

            os.write(2, traceback.format_exc().encode(errors="replace"))
        finally:
            os._exit(code)

    def reap(self) -> None:
        """Tells the caller of each job that ended, after everything which that job left behind has been ended too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            job, sources = self.jobs.pop(pid, None), self.running.pop(pid, set())
            if job is not None:
                if status == 0 and len(self.ran_well) < KNOWN:
                    self.ran_well |= sources
                self.sweep(pid)
                with contextlib.suppress(KeyError):
                    self.selector.unregister(job)
                with contextlib.suppress(OSError):
                    job.send(str(os.waitstatus_to_exitcode(status)).encode())
                job.close()

    def sweep(self, group: int) -> None:
        """Ends the group of a job that ended, and every orphan that came to us from it."""
        for _ in range(100):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
            orphans = [pid for pid in _children() if pid not in self.jobs]
            if not orphans:
                return
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    def end_all(self) -> None:
        for pid in list(self.jobs):
            os.kill(pid, signal.SIGKILL)
        while self.jobs:
            pid, _ = os.waitpid(-1, 0)
            if self.jobs.pop(pid, None):
                self.sweep(pid)


def _children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)

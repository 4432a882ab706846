"""
The compatible way: stock papermill and a real kernel, in a process of their own.

For every kernel and platform. The worker executes the prepared notebook with papermill (nothing is saved by it) and
hands each message of the kernel on to the watcher; the record, the saving, the limits and the killing are the watcher's.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import notebook as notebooks
from .environment import kernel_environment
from .record import Limits, Record
from .watch import kill_all

__all__ = ["Worker", "start", "work"]

ROOM = 4 << 30  # bytes of address space a kernel with its libraries maps without using them
WAIT_FOR_THREADS = """\
import threading
for one in threading.enumerate():
    if one is not threading.main_thread() and not one.daemon:
        one.join()
"""


@dataclass
class Worker:
    """A papermill process and its kernel; see watch.Process."""

    process: subprocess.Popen[bytes]
    messages: int
    mark: str
    record: Record
    log: Path
    raw: dict[str, int] = field(default_factory=dict)

    def interrupt(self) -> None:
        if self.record.kernel:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.record.kernel, signal.SIGINT)

    def kill(self) -> None:
        kill_all(self.process.pid, self.mark)
        self.process.wait()

    def close(self) -> None:
        os.close(self.messages)

    def wait(self, seconds: float) -> int | None:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    def pids(self) -> list[int]:
        return [pid for pid in (self.process.pid, self.record.kernel) if pid]


def start(record: Record, *, cwd: Path, directory: Path, environment: Mapping[str, str], limits: Limits) -> Worker:
    """Starts the worker on the record's notebook. directory is the run's own, removed by the caller afterwards."""
    notebooks.write(record.document, directory / "prepared.ipynb")
    read, write = os.pipe()
    job = {
        "notebook": str(directory / "prepared.ipynb"),
        "kernel": record.document["metadata"].get("kernelspec", {}).get("name", "python3"),
        "cwd": str(cwd),
        "messages": write,
        "memory": limits.memory + ROOM,
        "start": limits.start.total_seconds(),
    }
    log = directory / "worker.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", "from deploybook.run.stock import work; work()", json.dumps(job)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=kernel_environment(directory, environment),
            cwd=directory,
            pass_fds=[write],
            start_new_session=True,
        )
    os.close(write)
    return Worker(process=process, messages=read, mark=f"TMPDIR={directory}\0", record=record, log=log)


def work() -> None:
    """The worker: executes one notebook with papermill and writes the frames of its stream."""
    job = json.loads(sys.argv[1])
    _limit_memory(job["memory"])
    messages = os.fdopen(job["messages"], "w", encoding="utf-8", errors="backslashreplace")
    lock = threading.Lock()

    def emit(kind: str, **fields: Any) -> None:
        with lock:
            messages.write(json.dumps({"type": kind, **fields}, default=str) + "\n")
            messages.flush()

    import papermill
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from papermill.engines import NBClientEngine, papermill_engines

    class Recorded(NBClientEngine):  # type: ignore[misc]
        """papermill's own engine with a client that tells what it sees."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
            client = _client_class(emit)(nb_man, kernel_name=kernel_name, startup_timeout=kwargs["start_timeout"])
            client.resources = {"metadata": {"path": job["cwd"]}}
            return client.execute()

    papermill_engines.register("recorded", Recorded)
    with contextlib.suppress(
        DeadKernelError, CellExecutionError, papermill.PapermillExecutionError
    ):  # the frames say so
        papermill.execute_notebook(
            job["notebook"],
            None,
            engine_name="recorded",
            kernel_name=job["kernel"],
            progress_bar=False,
            start_timeout=int(job["start"]) or 1,
        )


def _client_class(emit: Any) -> Any:
    """PapermillNotebookClient over local sockets, its kernel's messages and replies handed on."""
    from nbformat import NotebookNode
    from papermill.clientwrap import PapermillNotebookClient
    from traitlets.config import Config

    class Client(PapermillNotebookClient):  # type: ignore[misc]
        closing = False

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            # A port on 127.0.0.1 lets any local user run code in the kernel; sockets in our directory do not.
            local = {"transport": "ipc", "ip": os.environ["TMPDIR"] + "/k"} if os.name == "posix" else {}
            super().__init__(*args, config=Config({"KernelManager": local}), **kwargs)
            self.on_cell_execute = lambda cell, cell_index: emit("start", cell=cell_index)
            self.on_cell_executed = _reply

        def papermill_execute_cells(self) -> None:
            information = self.wait_for_reply(self.kc.kernel_info())["content"]["language_info"]
            emit("ready", language_info=information, pid=self.km.provisioner.pid)
            try:
                super().papermill_execute_cells()
                if information["name"] == "python":
                    self._wait_for_threads()
                emit("end")
            except BaseException:
                process = self.km.provisioner.process if self.km and self.km.provisioner else None
                emit("dead", code=process.poll() if process else None)
                raise

        def _wait_for_threads(self) -> None:
            """What a thread still prints after the last cell belongs to that cell."""
            self.closing = True
            self.set_trait("on_cell_execute", None)
            self.set_trait("on_cell_executed", None)
            cell: Any = NotebookNode(  # type: ignore[no-untyped-call]
                cell_type="code", source=WAIT_FOR_THREADS, metadata={"tags": ["raises-exception"]}, outputs=[]
            )
            self.execute_cell(cell, len(self.nb.cells) - 1, store_history=False)

        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            if msg["msg_type"] == "stream" or (msg["msg_type"] != "status" and not self.closing):
                emit(msg["msg_type"], content=msg["content"])
            if msg["msg_type"] in ("stream", "display_data", "execute_result"):
                return None  # the watcher keeps the outputs; a second copy here would only use memory
            return super().process_message(msg, cell, cell_index)

    def _reply(cell: Any, cell_index: int, execute_reply: Any) -> None:
        if execute_reply is not None:
            emit("reply", cell=cell_index, content=execute_reply["content"])

    return Client


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the watcher's look at the memory remains
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, size))

"""
The worker of the compatible way: executes one notebook with papermill's own engine and kernel client.

Nothing is saved here; each message of the kernel becomes a frame for the watcher.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from typing import Any, ClassVar

import papermill
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

WAIT_FOR_THREADS = """\
import threading
for one in threading.enumerate():
    if one is not threading.main_thread() and not one.daemon:
        one.join()
"""
lock = threading.Lock()


def work() -> None:
    """Executes the notebook of the job in the arguments."""
    job = Engine.job = json.loads(sys.argv[1])
    with contextlib.suppress(ImportError):  # not on Windows; the watcher's look at the memory remains
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (job["memory"], job["memory"]))
    papermill_engines.register("recorded", Engine)
    with contextlib.suppress(
        DeadKernelError, CellExecutionError, papermill.PapermillExecutionError
    ):  # the frames say so
        papermill.execute_notebook(
            job["notebook"],
            None,
            engine_name="recorded",
            kernel_name=job["kernel"],
            progress_bar=False,
            start_timeout=job["start"],
        )


def emit(kind: str, **fields: Any) -> None:
    line = memoryview(json.dumps({"type": kind, **fields}, default=str).encode(errors="backslashreplace") + b"\n")
    with lock:
        while line:
            line = line[os.write(Engine.job["messages"], line) :]


class Engine(NBClientEngine):  # type: ignore[misc]
    """Papermill's own engine with a client that tells what it sees."""

    job: ClassVar[dict[str, Any]]

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        client = Client(nb_man, kernel_name=kernel_name, startup_timeout=options["start_timeout"])
        client.resources = {"metadata": {"path": cls.job["cwd"]}}
        return client.execute()


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """Papermill's client over local sockets, its kernel's messages and replies handed on."""

    closing = False

    def __init__(self, *args: Any, **options: Any) -> None:
        # A port on 127.0.0.1 lets any local user run code in the kernel; sockets in our directory do not.
        local = {"transport": "ipc", "ip": os.environ["TMPDIR"] + "/k"} if os.name == "posix" else {}
        super().__init__(*args, config=Config({"KernelManager": local}), **options)
        self.on_cell_execute = lambda cell, cell_index: emit("start", cell=cell_index)
        self.on_cell_executed = self._reply

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
        metadata = {"tags": ["raises-exception"]}
        cell: Any = NotebookNode(cell_type="code", source=WAIT_FOR_THREADS, metadata=metadata, outputs=[])  # type: ignore[no-untyped-call]
        self.execute_cell(cell, len(self.nb.cells) - 1, store_history=False)

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] == "stream" or (msg["msg_type"] != "status" and not self.closing):
            emit(msg["msg_type"], content=msg["content"])
        if msg["msg_type"] in ("stream", "display_data", "execute_result"):
            return None  # the watcher keeps the outputs; a second copy here would only use memory
        return super().process_message(msg, cell, cell_index)

    @staticmethod
    def _reply(cell: Any, cell_index: int, execute_reply: Any) -> None:
        if execute_reply is not None:
            emit("reply", cell=cell_index, content=execute_reply["content"])

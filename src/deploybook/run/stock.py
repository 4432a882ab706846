"""
The compatible way: stock papermill and a real kernel, in a process of their own (see worker.py).

For every kernel and platform. The record, the saving, the limits and the killing are the watcher's, as for a fork.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import notebook as notebooks
from .environment import kernel_environment
from .record import Limits, Record
from .watch import Process, kill_all

__all__ = ["Worker", "start"]

ROOM = 4 << 30  # bytes of address space a kernel with its libraries maps without using them


@dataclass(kw_only=True)
class Worker(Process):
    """A papermill process and its kernel. directory is the run's own."""

    process: subprocess.Popen[bytes]
    directory: Path

    def kill(self) -> None:
        kill_all(self.process.pid, str(self.directory))
        self.process.wait()

    def wait(self, seconds: float) -> int | None:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> str:
        lines = (self.directory / "worker.log").read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def pids(self) -> list[int]:
        return [self.process.pid, *super().pids()]


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
        "start": max(1, int(limits.start.total_seconds())),
    }
    with (directory / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from deploybook.run.worker import work; work()", json.dumps(job)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=kernel_environment(directory, environment),
            cwd=directory,
            pass_fds=[write],
            start_new_session=True,
        )
    os.close(write)
    return Worker(record=record, messages=read, process=process, directory=directory)

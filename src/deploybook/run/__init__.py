"""
Executing notebooks, fast and honestly.

`execute` runs one and returns a RunResult, whatever happened; `execute_many` runs several at once. Two ways lead there:
`fork` (one warm process, each notebook in a fork of it) and `process` (stock papermill with a real kernel), with the same
outputs. Only a notebook that cannot be read and parameters that are wrong raise, before a kernel starts.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from . import notebook as notebooks
from .many import Job, run_many
from .record import Limits, Record, RunResult, Status
from .watch import watch

__all__ = ["Isolation", "Job", "Limits", "RunResult", "Status", "execute", "execute_many", "run_many"]

Isolation = Literal["fork", "process"]


def execute(
    notebook: Path,
    output: Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    cwd: Path | None = None,
    isolation: Isolation = "fork",
    limits: Limits | None = None,
    environment: Mapping[str, str] | None = None,
    cancel: threading.Event | None = None,
    ahead: str = "",
) -> RunResult:
    """
    Runs one notebook and stores the executed one at output, also when it failed (marked, with what ran).

    cwd is where its cells run, by default the notebook's folder. environment is added to the allow-listed one. Setting
    cancel ends the run. ahead: 'module:function', called in the fork with the parameters before any cell ran; the bytes
    that it gives are the result's `told`, which no cell can change. Raises UsageProblem for an unreadable notebook or
    wrong parameters, before any kernel starts.
    """
    document, digest = notebooks.read(notebook)
    prepared = notebooks.prepare(document, parameters or {}, digest, name=notebook.name)
    began = time.monotonic()
    record, peak, (status, reason, place) = run_prepared(
        prepared,
        output,
        cwd=(cwd or notebook.parent).resolve(),
        isolation=isolation,
        limits=limits or Limits(),
        environment=environment,
        cancel=cancel,
        ahead=ahead,
    )
    reply = record.reply(place)
    return RunResult(
        status=status,
        reason=reason,
        cell=place,
        source=notebooks.first_line(prepared["cells"][place]) if place is not None else "",
        error_name=reply.get("ename", ""),
        error_value=reply.get("evalue", ""),
        stdout=record.tails["stdout"],
        stderr=record.tails["stderr"],
        notebook=output,
        digest=digest,
        parameters=record.document["metadata"]["papermill"]["parameters"],
        cells_done=len(record.replies),
        cells=len(record.expected),
        seconds=time.monotonic() - began,
        peak_memory=peak,
        told=record.told,
    )


def run_prepared(
    document: notebooks.Document,
    output: Path | None,
    *,
    cwd: Path,
    isolation: Isolation,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
    cancel: threading.Event | None = None,
    ahead: str = "",
) -> tuple[Record, int, tuple[Status, str, int | None]]:
    """
    The record, the most memory seen, and status, reason and failing cell.

    The notebook is stored at output at the start, every five seconds where it changed, and at the end.
    """
    from . import fork, stock

    record = Record({**document, "cells": [dict(cell) for cell in document["cells"]]}, ahead)
    way = fork if isolation == "fork" and fork.is_safe(document) else stock

    def save() -> None:
        if output is not None:
            notebooks.write(record.document, output)

    directory = Path(tempfile.mkdtemp(prefix="db-"))
    try:
        save()
        process = way.start(record, cwd=cwd, directory=directory, environment=environment or {}, limits=limits)
        ending = watch(process, limits, save=save, cancel=cancel)
        outcome = record.finish(ending)
        save()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return record, ending.peak, outcome


def execute_many(
    jobs: Iterable[Job], *, workers: int | None = None, keep_going: bool = True, **options: Any
) -> Iterator[tuple[Job, RunResult]]:
    """Runs several, workers at a time (by default one a core): see `run_many`; options are those of `execute`."""

    def run(job: Job, cancel: threading.Event) -> RunResult:
        return execute(job.notebook, job.output, job.parameters, cwd=job.cwd, cancel=cancel, **options)

    return run_many(jobs, run, workers=workers, keep_going=keep_going)

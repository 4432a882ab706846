"""
Executing notebooks, fast and honestly.

`execute` runs one and returns a RunResult, whatever happened; `execute_many` runs several at once. Two ways lead there:
`fork` (one warm process, each notebook in a fork of it) and `process` (stock papermill with a real kernel), with the same
outputs. Only a notebook that cannot be read and parameters that are wrong raise, before any kernel starts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from . import notebook as notebooks
from . import single
from .many import Job, check_jobs, run_many
from .record import Limits, RunResult, Status
from .single import Isolation

__all__ = [
    "Isolation",
    "Job",
    "Limits",
    "RunResult",
    "Status",
    "execute",
    "execute_many",
    "run_many",
]


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
) -> RunResult:
    """
    Runs one notebook and stores the executed one at output, also when it failed (marked, with what ran).

    cwd is where its cells run, by default the notebook's folder. environment is added to the allow-listed one. Setting
    cancel ends the run. Raises UsageProblem for an unreadable notebook or wrong parameters, before any kernel starts.
    """
    document, digest = notebooks.read(notebook)
    values = notebooks.check_parameters(document, parameters or {}, notebook=notebook.name)
    prepared = notebooks.prepare(document, values, digest)
    began = time.monotonic()
    record, peak, (status, reason, place) = single.run(
        prepared,
        output,
        cwd=(cwd or notebook.parent).resolve(),
        isolation=isolation,
        limits=limits or Limits(),
        environment=environment,
        cancel=cancel,
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
    )


def execute_many(
    jobs: Iterable[Job],
    *,
    workers: int | None = None,
    keep_going: bool = True,
    isolation: Isolation = "fork",
    limits: Limits | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[Job, RunResult]]:
    """
    Runs several, workers at a time (by default one a core), and yields each with its result as it ends.

    The problems of all jobs raise together, before any kernel starts. Closing the iterator cancels what runs.
    """
    jobs = list(jobs)
    check_jobs(jobs)

    def run(job: Job, cancel: threading.Event) -> RunResult:
        return execute(
            job.notebook,
            job.output,
            job.parameters,
            cwd=job.cwd,
            isolation=isolation,
            limits=limits,
            environment=environment,
            cancel=cancel,
        )

    return run_many(jobs, run, workers=workers, keep_going=keep_going)

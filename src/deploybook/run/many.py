"""Several notebooks at once: as many as there are workers and as the memory allows, results as they come."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .record import RunResult

__all__ = ["Job", "run_many"]

TICK = 0.5  # seconds
USUAL = 400 << 20  # bytes a report takes until one has been seen to take more


@dataclass(frozen=True, kw_only=True)
class Job:
    """One notebook to run: see `execute` for the fields."""

    notebook: Path
    output: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)
    cwd: Path | None = None


def run_many(
    jobs: Iterable[Job],
    run: Callable[[Job, threading.Event], RunResult],
    *,
    workers: int | None,
    keep_going: bool,
) -> Iterator[tuple[Job, RunResult]]:
    """
    Each job with its result, in the order in which they end.

    A job is taken from jobs when a worker is free and the memory that the largest run so far took is available. Without
    keep_going nothing starts after the first failure; what runs is waited for. Closing the iterator cancels what runs.
    """
    cancel = threading.Event()
    waiting = iter(jobs)
    workers = workers or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    running: dict[Future[RunResult], Job] = {}
    largest = USUAL
    with ThreadPoolExecutor(workers, thread_name_prefix="run") as pool:
        try:
            while True:
                while len(running) < workers and (not running or _available() > largest):
                    if (job := next(waiting, None)) is None:
                        break
                    running[pool.submit(run, job, cancel)] = job
                if not running:
                    return
                done, _ = wait(
                    running, TICK, return_when=FIRST_COMPLETED
                )  # awake for a Ctrl-C that another thread took
                for future in done:
                    job, result = running.pop(future), future.result()
                    largest = max(largest, result.peak_memory)
                    if not result.ok and not keep_going:
                        waiting = iter(())
                    yield job, result
        finally:
            cancel.set()


def _available() -> int:
    import psutil

    return int(psutil.virtual_memory().available)

"""The same jobs on a Dask cluster of real processes, one of which is killed while it works."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from run_notebooks import notebook
from servers import free_port

from deploybook.errors import DeploybookError, UsageProblem
from deploybook.run import Job, Status, run_many

pytest.importorskip("distributed", reason="the extra dask is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and its two workers."""
    address = f"tcp://127.0.0.1:{free_port()}"
    started = []

    def start(kind: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "ignore", "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *words]
        with (tmp_path / f"{kind}-{len(started)}.log").open("wb") as log:
            started.append(subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log))
        return started[-1]

    start("scheduler", "--host", address)
    workers = [start("worker", address, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1") for _ in range(2)]
    yield address, workers
    for process in started:
        process.kill()
        process.wait()


def test_every_report_is_made_though_a_worker_is_killed(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    from deploybook.run.cluster import on_cluster

    address, workers = cluster
    execute, _ = on_cluster(address)
    source = "import os, time\nopen(f'began-{n}-{os.getpid()}', 'w').close()\ntime.sleep(1)\nprint('done', n)"
    path = notebook(tmp_path / "n.ipynb", "n = 0", source, tags={0: ["parameters"]})
    jobs = [Job(notebook=path, output=tmp_path / f"out-{n}.ipynb", parameters={"n": n}) for n in range(6)]

    def run(job: Job, cancel: threading.Event) -> Any:
        return execute(job.notebook, job.output, job.parameters, cancel=cancel, cwd=tmp_path)

    def kill_one_that_runs() -> None:
        for _ in range(600):
            for process in psutil.Process(workers[0].pid).children(recursive=True):
                if list(tmp_path.glob(f"began-*-{process.pid}")):
                    workers[0].send_signal(signal.SIGKILL)
                    return
            time.sleep(0.1)

    killer = threading.Thread(target=kill_one_that_runs)
    killer.start()
    results = {job.output.name: result for job, result in run_many(jobs, run, workers=3, keep_going=True)}
    killer.join()

    assert workers[0].poll() is not None
    assert [results[f"out-{n}.ipynb"].stdout for n in range(6)] == [f"done {n}\n" for n in range(6)]
    assert all(result.status is Status.OK and result.notebook.is_file() for result in results.values())
    assert len(list(tmp_path.glob("began-*"))) > 6  # the one that was lost began twice


def test_wrong_parameters_and_an_absent_scheduler_are_told(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    from deploybook.run.cluster import on_cluster

    execute, _ = on_cluster(cluster[0])
    path = notebook(tmp_path / "n.ipynb", "n = 0", tags={0: ["parameters"]})
    with pytest.raises(UsageProblem, match="did you mean 'n'"):
        execute(path, tmp_path / "out.ipynb", {"nn": 1}, cancel=threading.Event(), cwd=tmp_path)
    with pytest.raises(DeploybookError, match="no Dask scheduler answers"):
        on_cluster(f"tcp://127.0.0.1:{free_port()}")

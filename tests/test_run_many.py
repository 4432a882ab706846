"""Several runs at once, and when one can be left out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from deploybook.run import Job, RunResult, Status, run_many
from deploybook.run.key import digests, stamps, why


def jobs(count: int) -> list[Job]:
    return [Job(notebook=Path(f"{n}.ipynb"), output=Path(f"{n}-out.ipynb")) for n in range(count)]


def result(job: Job, status: Status = Status.OK) -> RunResult:
    return RunResult(status=status, notebook=job.output, digest="")


def test_every_job_is_yielded_with_its_result() -> None:
    results = list(run_many(jobs(5), lambda job, cancel: result(job), workers=2, keep_going=True))

    assert {job.output for job, _ in results} == {job.output for job in jobs(5)}
    assert all(found.notebook == job.output for job, found in results)


def test_results_come_as_they_are_done() -> None:
    slow = threading.Event()

    def run(job: Job, cancel: threading.Event) -> RunResult:
        if job.notebook.name == "0.ipynb":
            slow.wait(10)
        return result(job)

    results = run_many(jobs(3), run, workers=2, keep_going=True)

    first, second = next(results), next(results)
    slow.set()
    assert {first[0].notebook.name, second[0].notebook.name} == {"1.ipynb", "2.ipynb"}
    assert next(results)[0].notebook.name == "0.ipynb"


def test_a_failure_lets_the_others_go_on() -> None:
    results = list(run_many(jobs(3), lambda job, cancel: result(job, Status.DIED), workers=1, keep_going=True))

    assert len(results) == 3


def test_without_keep_going_nothing_starts_after_a_failure() -> None:
    results = list(run_many(jobs(3), lambda job, cancel: result(job, Status.DIED), workers=1, keep_going=False))

    assert len(results) == 1


def test_closing_cancels_what_runs() -> None:
    cancelled = threading.Event()

    def run(job: Job, cancel: threading.Event) -> RunResult:
        if job.notebook.name != "0.ipynb" and cancel.wait(10):
            cancelled.set()
        return result(job)

    results = run_many(jobs(2), run, workers=2, keep_going=True)
    next(results)
    results.close()

    assert cancelled.is_set()


def test_a_job_waits_for_the_memory_that_the_largest_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploybook.run.many._available", lambda: 0)
    most, running, lock = 0, 0, threading.Lock()

    def run(job: Job, cancel: threading.Event) -> RunResult:
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return result(job)

    assert len(list(run_many(jobs(5), run, workers=3, keep_going=True))) == 5
    assert most == 1


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("a.csv", "b.csv", "n.ipynb"):
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize("look", [digests, stamps])
def test_nothing_changed_is_no_reason_to_run(files: Path, look: Callable[..., dict[str, str]]) -> None:
    assert why(look(files.iterdir(), files), look(files.iterdir(), files)) == []


@pytest.mark.parametrize("look", [digests, stamps])
def test_each_cause_is_named(files: Path, look: Callable[..., dict[str, str]]) -> None:
    before = look(files.iterdir(), files)
    (files / "a.csv").write_text("other")
    (files / "b.csv").unlink()
    (files / "c.csv").write_text("new")

    assert why(before, look(files.iterdir(), files)) == ["a.csv changed", "b.csv is gone", "c.csv is new"]
    assert why(None, before) == ["it was not made yet"]


def test_a_moved_workspace_keeps_its_digests(files: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = digests(files.iterdir(), files)
    moved = files.rename(tmp_path_factory.mktemp("moved") / "here")

    assert why(before, digests(moved.iterdir(), moved)) == []

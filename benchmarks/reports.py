"""
What the report command costs: one from a cold start, and many of which nothing changed.

    python benchmarks/reports.py [--deployments 50] [--quick]

One: CPU of `deploybook report`, which also judges, writes pages and records evidence, beside `papermill` and `nbconvert
--to markdown` of the same notebook, medians of five. Many: the wall time of `report --all` over deployments of different
services, and of calling it again. run.py holds it against what is promised.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from execution import lean_environment
from judging import SLUG, command, workspace


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds, those of all child processes included."""
    began, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, spent


def papermill_and_nbconvert(folder: Path) -> None:
    environ = lean_environment(folder, {"DEPLOYBOOK_WORKSPACE": str(folder)})
    output = folder / "executed.ipynb"
    binaries = Path(sys.executable).parent
    for words in (
        [binaries / "papermill", folder / "notebooks/outcome.ipynb", output, "--no-progress-bar"],
        [binaries / "jupyter-nbconvert", "--to", "markdown", output],
    ):
        subprocess.run(words, env=environ, cwd=folder, check=True, capture_output=True)


def cold(folder: Path, repeats: int) -> None:
    """CPU of papermill and nbconvert of the report's notebook, and of all that the command does: judge, write, record."""
    ours, theirs = [], []
    words = ("report", "--after", "window", "--force", "--no-pull", "-d", SLUG)
    command(folder, *words)  # makes the key and the list of fonts
    for _ in range(repeats):
        ours.append(cost(lambda: command(folder, *words))[1])
        theirs.append(cost(lambda: papermill_and_nbconvert(folder))[1])
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(
        f"one report judged, written and recorded, cold: {mine:.2f} s CPU; papermill and nbconvert alone: {other:.2f}: "
        f"{mine / other:.2f} of it"
    )


def unchanged(folder: Path, count: int) -> None:
    """How many times faster the second call is, and in how much less CPU."""
    settings = folder / "deployments" / SLUG / "deployment.yml"
    for number in range(count):
        copy = folder / "deployments" / f"2025-01-22-service-{number:02}"
        shutil.copytree(folder / "deployments" / SLUG, copy)
        own = "\n".join(line for line in settings.read_text().splitlines() if not line.startswith("service:"))
        (copy / "deployment.yml").write_text(f"service: service-{number:02}\n{own}\n")
        (folder / "services").mkdir(exist_ok=True)
        (folder / "services" / f"service-{number:02}.yml").write_text("team: Telemetry\n")
    shutil.rmtree(folder / "deployments" / SLUG)

    def report() -> None:
        assert command(folder, "report", "--all", "--after", "window").count("index.md") == count

    first, work = cost(report)
    again = [cost(report) for _ in range(5)]
    seconds, rest = (statistics.median(each) for each in zip(*again, strict=True))
    print(
        f"report --all of {count}: {first:.1f} s, {work:.1f} s CPU; unchanged {seconds:.2f} s, {rest:.2f} s CPU: ",
        end="",
    )
    print(f"{first / seconds:.0f} times faster, {work / rest:.0f} times less CPU")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="What the report command costs.")
    parser.add_argument("--deployments", type=int, default=50)
    parser.add_argument("--quick", action="store_true", help="10 deployments, one repeat")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = workspace(Path(name))
        cold(folder, 1 if options.quick else 5)
        unchanged(folder, 10 if options.quick else options.deployments)
    return 0


if __name__ == "__main__":
    sys.exit(main())

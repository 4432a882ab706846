"""
What running reports costs: the papermill command, our fork engine and the bare cells, side by side.

    python benchmarks/execution.py [--reports 50] [--repeats 5] [--quick]

First it compares every cell's outputs with papermill's; a fast engine that draws no figure is no engine. Then each way
runs the same reports (28 code cells, 4 CSV files, 3 tables, 4 charts) with two workers, in turn, its start included, and
the medians are printed; papermill runs the notebooks as they are, the script draws with matplotlib as it is, and our chart
defaults are those of `figure_defaults`. CPU is of the process and all its children. At last it
runs what misbehaves, and counts wrong successes and processes that stay. run.py holds it all against what is promised.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from deploybook.run import Job, execute, execute_many
from deploybook.run.environment import kernel_environment

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from run_notebooks import SHORT, notebook, write_hostile

WORKERS = 2
METRICS = ("parser_ms", "cli_ms", "queue", "errors")
AS_IS = "%config InlineBackend.figure_formats = ['svg']"
OWN_CHARTS = "from deploybook import figure_defaults\nfigure_defaults()"


def cells(charts: str) -> list[str]:
    """The 28 code cells of a report, the parameters first."""
    chart = (
        "fig, ax = plt.subplots(figsize=(8, 3))\n"
        "for name, part in {0}[{0}.instance.isin(['i0', 'i1'])].groupby('instance'):\n"
        "    ax.plot(part.time[::20], part.value[::20], label=name)\n"
        "ax.axhline({0}.value.mean()); ax.legend(); ax.set_title('{0} %s' % report);"
    )
    return [
        "report, folder = 0, '.'",
        charts,
        "import pandas as pd\nimport matplotlib.pyplot as plt\nplt.rcParams['svg.hashsalt'] = 'x'",
        *(f"{name} = pd.read_csv(f'{{folder}}/{name}.csv', parse_dates=['time'])\nlen({name})" for name in METRICS),
        *(f"{name}.groupby('instance').value.describe().round(3 + report % 3)" for name in METRICS[:3]),
        *(
            f"print(report, '{name}', {name}.value[{name}.index % 4 == {hour % 4}].mean().round(6))"
            for hour in range(4)
            for name in METRICS[:3]
        ),
        *(chart.format(name) for name in METRICS),
        "sum(frame.value.sum() for frame in (parser_ms, cli_ms)).round(3)",
        "print('done', report)",
    ]


def write_inputs(folder: Path) -> None:
    """The CSV files, the notebook of each variant, and the cells as a script."""
    draw = random.Random(1)
    for name in METRICS:
        rows = [
            f"2025-01-22T{n // 120:02}:{n // 2 % 60:02}:{n % 2 * 30:02}Z,i{instance},{draw.gauss(60, 5):.3f}"
            for n in range(2880)
            for instance in range(4)
        ]
        (folder / f"{name}.csv").write_text("time,instance,value\n" + "\n".join(rows) + "\n")
    for variant, charts in (("as-is", AS_IS), ("own", OWN_CHARTS)):
        notebook(folder / f"{variant}.ipynb", *cells(charts), tags={0: ["parameters"]})


def lean_environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """A kernel's, without the grammar that the jupyter metapackage brings: its second at each start would flatter us."""
    (folder / "lean").mkdir(exist_ok=True)
    (folder / "lean" / "sitecustomize.py").write_text("import sys\nsys.modules['rfc3987_syntax'] = None\n")
    environment = kernel_environment(folder, more)
    return {**environment, "PYTHONPATH": os.pathsep.join([str(folder / "lean"), environment.get("PYTHONPATH", "")])}


def papermill_command(folder: Path, reports: int) -> None:
    environment = lean_environment(folder)

    def one(report: int) -> None:
        output = folder / f"papermill-{report}.ipynb"
        command = [Path(sys.executable).with_name("papermill"), folder / "as-is.ipynb", output, "--no-progress-bar"]
        command += ["-p", "report", str(report), "-p", "folder", str(folder), "--log-level", "ERROR"]
        subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, range(reports)))


def ours(folder: Path, reports: int, *, variant: str = "as-is") -> None:
    many = [
        Job(
            notebook=folder / f"{variant}.ipynb",
            output=folder / f"{variant}-{report}.ipynb",
            parameters={"report": report, "folder": str(folder)},
        )
        for report in range(reports)
    ]
    for _, result in execute_many(many, workers=WORKERS):
        result.check()


def script(folder: Path, reports: int) -> None:
    """The cells' own work in warm processes: tables rendered, figures saved, nothing else."""
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(WORKERS, initializer=_warm) as pool:
        pool.starmap(_plain, [(folder, report) for report in range(reports)], chunksize=1)


def _warm() -> None:
    import matplotlib.pyplot
    import pandas  # noqa: F401

    matplotlib.pyplot.switch_backend("agg")


def _plain(folder: Path, report: int) -> None:
    import io

    import matplotlib.pyplot as plt

    space: dict[str, Any] = {}
    for source in cells(""):
        *body, last = source.split("\n")
        exec("\n".join(body), space)
        try:
            shown = eval(last, space) if "=" not in last else exec(last, space)
        except SyntaxError:
            shown = exec(last, space)
        if source.startswith("report, folder"):
            space.update(report=report, folder=str(folder))
        if hasattr(shown, "_repr_html_"):
            shown._repr_html_()
        for number in plt.get_fignums():
            plt.figure(number).savefig(io.BytesIO(), format="svg")
        plt.close("all")


def one_warm(folder: Path, reports: int) -> None:
    """Prints the seconds of each of several reports, one after the other, in a process that has run one."""
    for report in range(reports + 1):
        values = {"report": report, "folder": str(folder)}
        result = execute(folder / "own.ipynb", folder / "one.ipynb", values).check()
        if report:
            print(result.seconds)


def papermill_and_nbconvert(folder: Path, reports: int) -> None:
    papermill_command(folder, 1)
    command = [Path(sys.executable).with_name("jupyter-nbconvert"), "--to", "markdown", folder / "papermill-0.ipynb"]
    subprocess.run(command, env=lean_environment(folder), check=True, stderr=subprocess.DEVNULL)


WAYS: dict[str, Callable[[Path, int], None]] = {
    "papermill command": papermill_command,
    "fork, notebooks as they are": ours,
    "fork, our chart defaults": lambda folder, reports: ours(folder, reports, variant="own"),
    "plain script, warm": script,
    "one report, warm": one_warm,
}
COLD: dict[str, Callable[[Path, int], None]] = {
    "one report, cold": lambda folder, reports: ours(folder, 1, variant="own"),
    "papermill and nbconvert": papermill_and_nbconvert,
}


def measure(way: str, folder: Path, reports: int) -> tuple[float, float, str]:
    """Wall and CPU seconds of one way, in a process of its own, and what it printed."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(folder), "--reports", str(reports)]
    began, before = time.perf_counter(), os.times()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, cpu, done.stdout


def outputs(path: Path) -> list[Any]:
    """The outputs of each cell, lines joined, without dates of images and addresses."""
    text = json.dumps(
        [_joined(cell.get("outputs", [])) for cell in json.loads(path.read_text())["cells"]], sort_keys=True
    )
    return list(json.loads(re.sub(r"<dc:date>[^<]*| at 0x[0-9a-f]+", "", text)))


def _joined(value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return "".join(value)
    if isinstance(value, list):
        return [_joined(one) for one in value]
    return {name: _joined(one) for name, one in value.items()} if isinstance(value, dict) else value


def compare(folder: Path) -> int:
    """How many figures both ways drew; ends the benchmark where any cell differs."""
    papermill_command(folder, 1)
    ours(folder, 1)
    theirs, mine = outputs(folder / "papermill-0.ipynb"), outputs(folder / "as-is-0.ipynb")
    different = [number for number, pair in enumerate(zip(theirs, mine, strict=True)) if pair[0] != pair[1]]
    if different:
        sys.exit(f"the outputs differ in cells {different}: no timing counts")
    return sum("image/svg+xml" in output.get("data", {}) for outputs in mine for output in outputs)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="What running reports costs, side by side.")
    parser.add_argument("--reports", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="10 reports, one repeat")
    parser.add_argument("--way", choices=[*WAYS, *COLD], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.way:
        (WAYS | COLD)[options.way](options.folder, options.reports)
        return 0
    reports, repeats = (10, 1) if options.quick else (options.reports, options.repeats)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        print(f"outputs equal in every cell, {compare(folder)} figures", flush=True)
        report(folder, reports, repeats)
        misbehave(folder)
    return 0


def report(folder: Path, reports: int, repeats: int) -> None:
    wall: dict[str, list[float]] = {way: [] for way in WAYS}
    cpu: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(repeats):
        for way in WAYS:
            seconds, used, printed = measure(way, folder, reports if way != "one report, warm" else 5)
            single = [float(line) for line in printed.split()] if way == "one report, warm" else []
            wall[way] += single or [seconds / reports]
            cpu[way].append(used / (reports if not single else len(single) + 1))
    print(
        "| way | reports a minute | CPU s a report | times papermill's rate | of its CPU | of the script's rate | of its CPU |"
    )
    print("|---|---|---|---|---|---|---|")
    middle = {way: (statistics.median(wall[way]), statistics.median(cpu[way])) for way in WAYS}
    papermill, script = middle["papermill command"], middle["plain script, warm"]
    for way, (seconds, used) in middle.items():
        times = f"{papermill[0] / seconds:.2f} | {papermill[1] / used:.2f}"
        print(
            f"| {way} | {60 / seconds:.0f} | {used:.3f} | {times} | {script[0] / seconds:.0%} | {script[1] / used:.0%} |"
        )
    print(f"one report in a warm process: {middle['one report, warm'][0]:.2f} s")
    mine, theirs = (statistics.median(measure(way, folder, 1)[1] for _ in range(repeats)) for way in COLD)
    print(
        f"one report from a cold start: {mine:.2f} s CPU, papermill and nbconvert {theirs:.2f}: {mine / theirs:.2f} of it"
    )


def misbehave(folder: Path) -> None:
    """Runs the hostile notebooks of the tests, which say how each must end."""
    jobs = write_hostile(folder)
    limits = replace(SHORT, run=timedelta(seconds=6))
    green = sum(result.ok for _, result in execute_many(jobs.values(), workers=WORKERS, limits=limits))
    mine = psutil.Process()
    warm = mine.children()
    _, left = psutil.wait_procs([one for one in mine.children(recursive=True) if one not in warm], timeout=10)
    print(f"{len(jobs)} hostile notebooks: {green} wrong successes, {len(left)} processes left after 10 s")


if __name__ == "__main__":
    sys.exit(main())

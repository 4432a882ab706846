"""
What the first hour costs: from an empty folder to a page, as a new user would, in two ways.

With a real Prometheus (skipped where none is installed), and from one of Grafana's tables in seconds, by a clock in
Berlin, without a histogram. Prints each command with its CPU seconds (all processes that it started included) and the
verdict that the page bears. Installation is not counted.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import prometheus
from test_tutorial import latency, openmetrics

AFTER = "2025-01-22T23:01:00Z"  # the window is over
SERVED = (
    "init ops --no-sample",
    "new parser --at 14:00 --for 60m --zone America/Los_Angeles --service memory-search",
    "check --live",
    f"--now {AFTER} report",
    f"--now {AFTER} publish",
)
FILED = (
    "init ops --no-sample",
    "new checkout --zone Europe/Berlin --on 2025-01-22 --at 14:00 --for 60m --from-csv ../latency-seconds.csv",
    f"--now {AFTER} check --live",
    f"--now {AFTER} report",
    f"--now {AFTER} publish",
)


def spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def walk(folder: Path, commands: tuple[str, ...], **environ: str) -> None:
    """Runs the commands one after the other and prints what each cost; then what came of it."""
    start, begun = spent(), time.monotonic()
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), **environ}
    for number, command in enumerate(commands):
        words = shlex.split(command)
        words = ["--now", "2025-01-22T21:45:00Z", *words] if "--now" not in words else words
        before = spent()
        place = folder / "ops" if number else folder
        done = subprocess.run(
            [sys.executable, "-m", "deploybook", *words], cwd=place, env=environ, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{command}: {done.returncode}\n{done.stderr}{done.stdout}")
        print(f"  {spent() - before:5.1f} s CPU  deploybook {command}")
    [document] = (folder / "ops/reports").glob("2025/01/*/outcome.json")
    verdict = json.loads(document.read_text())["verdict"]
    pages = len(list((folder / "ops/site").rglob("*.html")))
    print(
        f"  {spent() - start:5.1f} s CPU, {time.monotonic() - begun:.1f} s in all: '{verdict}', {pages} pages, {len(commands)} commands\n"
    )


def main() -> None:
    if shutil.which("prometheus") and shutil.which("promtool"):
        print("From a Prometheus:")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "metrics.om").write_text("\n".join([*openmetrics(), ""]))
            with prometheus(folder, folder / "metrics.om") as address:
                walk(folder, SERVED, PROMETHEUS_URL=address)
    else:
        print("From a Prometheus: none is installed\n")
    print("From Grafana's table:")
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "latency-seconds.csv").write_text(latency())
        walk(Path(name), FILED)


if __name__ == "__main__":
    main()

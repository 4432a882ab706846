"""
What judging costs: the reference deployment, its window and four checkpoints, from stored exports.

    python benchmarks/judging.py

CPU seconds without imports, the median of five, each in a process of its own. Status 1 above the promised second.
"""

from __future__ import annotations

import importlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

PROMISED = 1.0  # CPU seconds
ROOT = Path(__file__).parents[1]
SLUG = "2025-01-22-telemetry-step2"


def workspace(folder: Path) -> Path:
    """A copy of this repository's workspace with its exports pulled."""
    shutil.copytree(
        ROOT / "deployments", folder / "deployments", ignore=shutil.ignore_patterns("*.parquet", "manifest.json")
    )
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    for name in ("deploybook.yml", "mkdocs.yml"):
        shutil.copy(ROOT / name, folder)
    command(folder, "pull", "-d", SLUG)
    return folder


def command(folder: Path, *words: str) -> str:
    """Standard output of a deploybook command in that workspace, with a home of its own."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "deploybook", *words], cwd=folder, env=environ, capture_output=True, text=True
    )
    if done.returncode in (1, 2):
        sys.exit(f"deploybook {' '.join(words)}: {done.stderr}")
    return done.stdout


def judge(folder: Path) -> list[str]:
    """The words of the window and its checkpoints."""
    from deploybook import Book

    window = Book.open(SLUG, workspace=folder)
    after = [None, *window.deployment.checkpoints.after]
    return [Book.open(SLUG, each, workspace=folder, data=window.data).facts.verdict.value for each in after]


def timed(folder: Path, modules: Iterable[str]) -> None:
    for name in modules:
        importlib.import_module(name)
    start = time.process_time()
    words = judge(folder)
    print(time.process_time() - start, *words)


def main() -> int:
    if sys.argv[1:2] == ["--modules"]:
        judge(Path(sys.argv[2]))
        print(*(name for name in sorted(sys.modules) if name.partition(".")[0] in ("deploybook", *LIBRARIES)))
        return 0
    if sys.argv[1:2] == ["--time"]:
        timed(Path(sys.argv[2]), sys.argv[3:])
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = str(workspace(Path(name)))
        modules = ask("--modules", folder)
        found = [ask("--time", folder, *modules) for _ in range(5)]
    seconds = statistics.median(float(each[0]) for each in found)
    print(f"window and {len(found[0]) - 2} checkpoints judged ({', '.join(found[0][1:])}): {seconds:.2f} s CPU")
    return 1 if seconds > PROMISED else 0


LIBRARIES = ("numpy", "polars", "pydantic", "yaml", "scipy", "msgspec")


def ask(*words: str) -> list[str]:
    return subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True).stdout.split()


if __name__ == "__main__":
    sys.exit(main())

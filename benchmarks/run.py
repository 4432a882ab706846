"""
Everything that is promised about speed, measured here and now, each figure beside its goal.

    python benchmarks/run.py [--quick] [PART ...]

Each part is a program of its own and says more when called alone. Status 1 where a goal is missed. The ratios hold on any
machine that is quiet; absolute seconds are those of this one.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
NUMBER = r"([\d.,]+)"


@dataclass(frozen=True)
class Goal:
    """One promise. pattern: finds its figure in what the part prints; every figure found must keep it."""

    name: str
    pattern: str
    unit: str
    least: float = float("-inf")
    most: float = float("inf")

    def told(self, output: str) -> tuple[str, bool] | None:
        """The row of the table and whether the goal is kept; None where the part did not measure it."""
        found = [float(text.replace(",", "")) for text in re.findall(self.pattern, output)]
        if not found:
            return None
        figure = min(found) if self.least > 0 else max(found)
        kept = self.least <= figure <= self.most
        goal = f"at least {self.least:g}" if self.least > 0 else f"at most {self.most:g}"
        return f"| {self.name} | {figure:g} {self.unit} | {goal} | {'yes' if kept else 'NO'} |", kept


def row(way: str, columns: int) -> str:
    """Finds the number in a column of the execution table's row."""
    return rf"\| {re.escape(way)} \|" + r"[^|\n]*\|" * columns + rf" *{NUMBER}"


AS_IS, OWN = "fork, notebooks as they are", "fork, our chart defaults"
GOALS: Mapping[str, Sequence[Goal]] = {
    "judging": [Goal("window and four checkpoints judged", rf"judged .*: {NUMBER} s CPU", "s CPU", most=1)],
    "reports": [
        Goal("real report, cold", rf": {NUMBER} of it", "of papermill's and nbconvert's CPU", most=0.5),
        Goal("unchanged report --all", rf": {NUMBER} times faster", "times faster", least=100),
    ],
    "execution": [
        Goal("reports a minute, notebooks as they are", row(AS_IS, 2), "times papermill's", least=5),
        Goal("CPU a report, notebooks as they are", row(AS_IS, 3), "times less than papermill's", least=5),
        Goal("reports a minute, our chart defaults", row(OWN, 2), "times papermill's", least=6),
        Goal("CPU a report, our chart defaults", row(OWN, 3), "times less than papermill's", least=6),
        Goal("rate, of the bare cells in a warm script", row(OWN, 4), "%", least=85),
        Goal("CPU of the bare cells, of ours", row(OWN, 5), "%", least=85),
        Goal("one report in a warm process", rf"warm process: {NUMBER} s", "s", most=0.6),
        Goal("one report from a cold start", rf": {NUMBER} of it", "of papermill's and nbconvert's CPU", most=0.5),
        Goal("hostile notebooks that end green", rf": {NUMBER} wrong successes", "wrong successes", most=0),
        Goal("what they leave", rf"{NUMBER} processes left", "processes", most=0),
    ],
    "evidence": [
        Goal("100,000 entries verified", rf"verify .*entries: +{NUMBER} s CPU", "s CPU", most=3),
        Goal("entries appended in batches of 20", rf"append +\d+ entries.* {NUMBER} entries/s", "a second", least=1000),
        Goal("memory for 100,000 entries", rf" {NUMBER} MB peak", "MB", most=200),
    ],
    "sources": [
        Goal("bytes pushed down", rf"pushed down, bytes: {NUMBER}", "times fewer", least=1000),
        Goal("decoding an answer", rf"decode, CPU: {NUMBER}", "times less CPU", least=4),
        Goal("OpenMetrics text", rf"OpenMetrics text: {NUMBER} lines", "lines a CPU second", least=500_000),
        Goal("memory of stored exports", rf"stored exports, memory: {NUMBER}", "MB", most=256),
        Goal("a figure from stored exports", rf"stored exports, CPU: {NUMBER}", "times less CPU", least=20),
    ],
    "first_hour": [
        Goal("from an empty folder to a page", rf"s CPU, {NUMBER} s in all", "s", most=60),
        Goal("commands for it", rf"{NUMBER} commands", "", most=8),
    ],
    "publish": [
        Goal("publishing one new report, above start-up", rf"CPU s, {NUMBER} above start", "CPU s", most=0.6),
        Goal("its memory", rf"one new report in .* above start, {NUMBER} MB", "MB", most=100),
        Goal("with a log of 50,000 entries", rf"entries: {NUMBER} CPU s above", "CPU s", most=0.6),
        Goal("its memory", rf"entries: .* above start, {NUMBER} MB", "MB", most=100),
        Goal("polls of the site meanwhile", rf"{NUMBER} polls of the site", "polls", least=10_000),
        Goal("pages torn or missing in them", rf"publications: {NUMBER} torn", "pages", most=0),
        Goal("building all 3,000 pages", rf"all built in {NUMBER} CPU s", "CPU s", most=100),
        Goal("building all, exponent of the growth", rf"all built: exponent {NUMBER}", "", most=1.1),
        Goal("largest archive to smallest", rf"largest to smallest: {NUMBER}", "times", most=1.5),
        Goal("search index of 1,000 pages", rf"1000 pages: all built.* {NUMBER} MB", "MB", most=2),
    ],
}
QUICK: Mapping[str, Sequence[str]] = {
    "reports": ["--quick"],
    "execution": ["--quick"],
}
SLOW = ("publish",)  # left out of --quick


def measure(part: str, quick: bool) -> tuple[str, int]:
    """What a part prints, shown as it comes, and its status."""
    command = [sys.executable, "-u", str(HERE / f"{part}.py"), *(QUICK.get(part, ()) if quick else ())]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(f"  {line}", end="", flush=True)
            lines.append(line)
    return "".join(lines), process.returncode


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Everything that is promised about speed, measured.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(GOALS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="less of everything: what it does, not what it promises")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(GOALS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; parts are {', '.join(GOALS)}")
    table, missed = [], False
    for part in options.parts or [part for part in GOALS if not (options.quick and part in SLOW)]:
        print(f"{part}:", flush=True)
        output, status = measure(part, options.quick)
        left_out = "not measured (" in output  # what it needs is not installed here, which the part says
        told = [goal.told(output) or (f"| {goal.name} | not measured | | |", left_out) for goal in GOALS[part]]
        table += [text for text, _ in told]
        missed |= status != 0 or not all(kept for _, kept in told)
        if status:
            table.append(f"| {part}.py ended with status {status} | | | NO |")
    print("\n| what | measured | goal | kept |\n|---|---|---|---|\n" + "\n".join(table))
    print(f"load of the machine at the end: {', '.join(f'{each:.1f}' for each in os.getloadavg())}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""
How often a whole page cries wolf: simulated deployments without a change, judged as the reference deployment is.

    python benchmarks/pages.py [--runs 300] [--workers 2] [--wander 0.8] [--explain]

Five metrics, six check-ins, four checkpoints, the restart of the rollout, and every finding; nothing moved. Prints the
words of the pages and which part decided them, and ends with status 1 where a promised bar is missed: at most 5 % read
Breach, at least 60 % read Pass or Watch. Same seed, same table. Last it prints what judging one deployment costs.

What is simulated: requests of four parser pods in three regions and of two CLI pods, drawn scrape by scrape (15 s) into
the reference's buckets around a level with the reference's daily shape and a slow wander of its own (AR(1), sd 0.8 %,
memory ten minutes: a little more than the reference has); 15 s rows in the hours of the windows and 60 s rows elsewhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

# Two workers on two cores: threads of the linear algebra would only stand in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from deploybook import records
from deploybook.assess import assess
from deploybook.model import Data, Deployment, Samples, Series, Verdict
from deploybook.times import localise, parse_zone, to_ms
from deploybook.wording import after_text, word

Floats = NDArray[np.float64]
SLUG = "2025-01-22-telemetry-step2"
BREACHES, GOOD = 0.05, 0.60
PT = parse_zone("America/Los_Angeles")
DAY_2, DAY_3 = date(2025, 1, 21), date(2025, 1, 22)
STEP = 15
INF = float("inf")

PARSER_EDGES = (10, 20, 30, 40, 45, 50, 55, 60, 65, 70, 80, 100, 150, 250, 500, 1000, INF)
CLI_EDGES = (25, 50, 75, 100, 125, 150, 160, 170, 180, 190, 200, 210, 225, 250, 300, 500, 1000, INF)
# Requests an hour by local hour of the day, as in the reference.
US = [3505, 3334, 3349, 3330, 3505, 4043, 5197, 6309, 8430, 9753, 10526, 12238, 13411, 15028, 14019, 14509, 13557, 12456, 11576, 9212, 7578, 6343, 5264, 4185]  # fmt: skip
EU = [3327, 4357, 4994, 5661, 5816, 5533, 5832, 5497, 4776, 4212, 4258, 3398, 2728, 2031, 1675, 1410, 1312, 1249, 1242, 1393, 1559, 1912, 2275, 2869]  # fmt: skip
APAC = [3252, 2818, 2049, 1762, 1441, 1179, 1058, 989, 981, 1103, 1367, 1736, 2017, 2651, 2781, 3509, 4037, 4308, 4994, 4576, 4659, 4654, 3890, 3714]  # fmt: skip
CLI = [2903, 2803, 2722, 2990, 3254, 3882, 4755, 6101, 7322, 8346, 10002, 10603, 11409, 12242, 12152, 11810, 11252, 9632, 8639, 7237, 6079, 4493, 3820, 3200]  # fmt: skip
RUNS = [20, 15, 10, 7, 10, 8, 9, 14, 20, 31, 36, 45, 65, 75, 80, 85, 80, 60, 56, 50, 43, 27, 20, 18]
# A success ratio of 96.5 %, and one failure of the parser in twelve hours.
SUCCESS, FAILURES = 0.965, 1 / 12


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One target: its labels, its requests an hour, the median and spread of its durations (lognormal)."""

    labels: dict[str, str]
    rates: list[int]
    share: float
    median: float
    sigma: float


PARSERS = [
    Pod(labels={"service": "memory-search", "region": region, "pod": f"parser-{name}"}, rates=rates, share=share, median=median, sigma=0.435)
    for name, region, rates, share, median in (
        ("us-1", "us", US, 0.5, 55.3), ("us-2", "us", US, 0.5, 55.3), ("eu-1", "eu", EU, 1.0, 59.2), ("apac-1", "apac", APAC, 1.0, 61.8),
    )
]  # fmt: skip
CLIS = [
    Pod(labels={"service": "cli-executor", "region": "us", "pod": f"cli-exec-{n}"}, rates=CLI, share=0.5, median=95.4, sigma=0.41)
    for n in (1, 2)
]  # fmt: skip


# --- time ---------------------------------------------------------------------------------------------------------


def at(day: date, clock: str) -> int:
    return to_ms(localise(day, clock, PT))


START = at(DAY_2, "00:00")
GRID = START + np.arange(1, (at(date(2025, 1, 24), "15:30") - START) // (STEP * 1000) + 1, dtype=np.int64) * STEP * 1000
HOUR = ((GRID - START) / 3_600_000) % 24


def sampled() -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which of the grid's times have a row, and the step of each: 15 s around the windows, 60 s elsewhere, else none."""
    fine = np.zeros(len(GRID), dtype=bool)
    for day in (DAY_2, DAY_3):
        fine |= (at(day, "13:00") <= GRID) & (at(day, "16:30") >= GRID)
    coarse = (at(DAY_3, "01:00") >= GRID) | (at(DAY_3, "15:30") <= GRID)
    rows = fine | (coarse & ((GRID - START) % 60_000 == 0))
    return rows, np.where(fine, 15_000, 60_000)[rows].astype(np.int64)


ROWS, STEPS = sampled()


# --- data ---------------------------------------------------------------------------------------------------------


def wander(rng: np.random.Generator, sd: float, minutes: float = 10.0) -> Floats:
    """(n,) log level: AR(1) on the grid, started in its own distribution."""
    from scipy.signal import lfilter

    memory = np.exp(-STEP / (60 * minutes))
    shocks = rng.standard_normal(len(GRID)) * sd * np.sqrt(1 - memory**2)
    shocks[0] = rng.standard_normal() * sd
    level: Floats = lfilter([1.0], [1.0, -memory], shocks)
    return level


def hourly(rates: list[int]) -> Floats:
    """(n,) a scrape's share of what an hour has, smoothly over the day."""
    smooth: Floats = np.interp(HOUR, np.arange(26) - 0.5, [rates[-1], *rates, rates[0]]) * STEP / 3600
    return smooth


def kept(cumulative: Floats, restart: str) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
    """(times, values, steps): the rows there are; the counter begins again at the restart, which costs a row or two."""
    down, back = at(DAY_3, restart), at(DAY_3, restart) + 30_000
    cumulative = np.where((back <= GRID)[:, None], cumulative - cumulative[np.searchsorted(GRID, back) - 1], cumulative)
    there = ROWS & ~((down < GRID) & (back > GRID))
    return GRID[there], cumulative[there], STEPS[there[ROWS]]


def requests(rng: np.random.Generator, pod: Pod, edges: tuple[float, ...], level: Floats, restart: str) -> Series:
    from scipy.special import ndtr

    finite = np.log(np.array(edges[:-1]))
    z = (finite[None, :] - np.log(pod.median) - level[:, None]) / pod.sigma
    shares = np.diff(ndtr(z), axis=1, prepend=0.0, append=1.0)
    counts = rng.poisson(shares * (hourly(pod.rates) * pod.share)[:, None])
    # The mean of a bucket of a lognormal; where in its bucket a request lies is left out.
    place = (finite - np.log(pod.median)) / pod.sigma
    inside = np.diff(ndtr(place - pod.sigma), prepend=0.0, append=1.0) / np.diff(ndtr(place), prepend=0.0, append=1.0)
    sums = counts @ (inside * pod.median * np.exp(pod.sigma**2 / 2))
    added = np.column_stack([np.cumsum(counts, axis=1), sums, counts.sum(axis=1)])
    times, values, steps = kept(np.cumsum(added, axis=0), restart)
    return Series(labels=pod.labels, times=times, values=values, steps=steps)


def events(counts: NDArray[np.int64], labels: dict[str, str], restart: str) -> Series:
    times, values, steps = kept(np.cumsum(counts, dtype=np.float64)[:, None], restart)
    return Series(labels=labels, times=times, values=values[:, 0], steps=steps)


def simulated(number: int, sd: float) -> Data:
    rng = np.random.default_rng([20250122, number])
    parser, cli = wander(rng, sd), wander(rng, sd) + 0.02 * np.cos(2 * np.pi * (HOUR - 13) / 24)
    parsers = [requests(rng, pod, PARSER_EDGES, parser, f"14:0{2 + n // 2}:15") for n, pod in enumerate(PARSERS)]
    clis = [requests(rng, pod, CLI_EDGES, cli, f"14:0{4 + n}:00") for n, pod in enumerate(CLIS)]
    per_pod = FAILURES * STEP / 3600 / len(PARSERS)
    failed = [events(rng.poisson(per_pod, len(GRID)), pod.labels, "14:02:15") for pod in PARSERS]
    runs = rng.poisson(hourly(RUNS))
    good = rng.binomial(runs, SUCCESS)
    results = {"success": good, "failure": runs - good}
    ran = [
        Series(
            labels={"service": "cicd-webhook", "result": result},
            times=GRID[ROWS],
            values=np.cumsum(counts)[ROWS].astype(float),
            steps=STEPS,
        )
        for result, counts in results.items()
    ]
    return Data(
        samples={
            "parser_duration_ms": Samples(name="parser_duration_ms", kind="histogram", edges=PARSER_EDGES, series=tuple(parsers)),
            "cli_cmd_duration_ms": Samples(name="cli_cmd_duration_ms", kind="histogram", edges=CLI_EDGES, series=tuple(clis)),
            "parser_failure_total": Samples(name="parser_failure_total", kind="counter", series=tuple(failed)),
            "cicd_runs_total": Samples(name="cicd_runs_total", kind="counter", series=tuple(ran)),
        }
    )  # fmt: skip


# --- pages --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Page:
    """What one page said. parts: each part that was judged, with its word."""

    word: Verdict
    sentence: str
    parts: dict[str, Verdict]
    findings: tuple[str, ...] = ()
    seconds: float = 0.0
    texts: tuple[str, ...] = field(default=())


def reference() -> Deployment:
    root = Path(__file__).parents[1]
    return records.read_deployment(records.find_workspace(root), SLUG)


def page(number: int, sd: float) -> Page:
    deployment, data = reference(), simulated(number, sd)
    before = time.process_time()
    facts = assess(deployment, data)
    seconds = time.process_time() - before
    parts = {judgement.metric.id: judgement.verdict for judgement in facts.metrics}
    for judgement in facts.metrics:
        parts |= {
            f"{judgement.metric.id}, check-in {n + 1}": each.judgement.verdict
            for n, each in enumerate(judgement.checkins)
        }
    for checkpoint in facts.checkpoints:
        parts |= {f"{after_text(checkpoint.after)}, {each.metric.id}": each.verdict for each in checkpoint.metrics}
    warned = [each for each in facts.findings if each.severity == "warn"]
    return Page(
        word=facts.verdict,
        sentence=facts.sentence,
        parts=parts,
        findings=tuple(each.kind for each in warned),
        seconds=seconds,
        texts=tuple(each.text for each in warned),
    )  # fmt: skip


def pages(runs: int, workers: int, sd: float) -> Iterator[Page]:
    if workers < 2:
        yield from map(page, range(runs), repeat(sd))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(page, range(runs), repeat(sd), chunksize=5)


WORDS = (Verdict.PASS, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.NO_DATA, Verdict.FAIL)


def table(found: list[Page]) -> Iterator[str]:
    """Shares in percent: the pages, then each part; and what was found where nothing was."""
    total = len(found)
    yield f"| {'part':32} | {' | '.join(f'{word(each):>8}' for each in WORDS)} |"
    yield f"|{'-' * 34}|{'|'.join(['---------:'] * len(WORDS))}|"
    rows = {"whole page": Counter(each.word for each in found)}
    for name in found[0].parts:
        rows[name] = Counter(each.parts[name] for each in found)
    for name, counts in rows.items():
        shares = " | ".join(f"{100 * counts[each] / total:8.1f}" for each in WORDS)
        yield f"| {name:32} | {shares} |"
    yield ""
    kinds = Counter(kind for each in found for kind in set(each.findings))
    yield "findings to look at, share of pages: " + (
        ", ".join(f"{kind} {100 * count / total:.1f} %" for kind, count in kinds.most_common()) or "none"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--wander", type=float, default=0.8, help="standard deviation of the level, in percent")
    parser.add_argument("--explain", action="store_true", help="print what each page that is no Pass says")
    asked = parser.parse_args()
    began = datetime.now()
    found = list(pages(asked.runs, asked.workers, asked.wander / 100))
    print(f"{asked.runs} deployments without a change, in percent\n")
    print("\n".join(table(found)))
    if asked.explain:
        for number, each in enumerate(found):
            if each.word is not Verdict.PASS:
                print(f"{number}: {word(each.word)}: {each.sentence}", *each.texts, sep="\n    ")
    breaches = sum(each.word is Verdict.FAIL for each in found) / len(found)
    good = sum(each.word in (Verdict.PASS, Verdict.WARN) for each in found) / len(found)
    judging = sorted(each.seconds for each in found)[len(found) // 2]
    print(f"\nBreach {100 * breaches:.1f} % (at most {100 * BREACHES:.0f} %), Pass or Watch {100 * good:.1f} % (at least {100 * GOOD:.0f} %)")  # fmt: skip
    print(
        f"judging a window and its four checkpoints: {judging:.2f} s CPU, median; {(datetime.now() - began).seconds} s in all"
    )
    return int(breaches > BREACHES or good < GOOD or judging >= 1.0)


if __name__ == "__main__":
    sys.exit(main())

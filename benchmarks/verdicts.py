"""
How often the verdict is wrong: simulated windows without and with a change, judged by our rule and by the plain one.

    python benchmarks/verdicts.py [--runs 1000] [--quick]

Prints the shares of pass, inconclusive and fail in percent beside the plain rule, which calls every figure outside the
tolerance a fail, and ends with status 1 where a promised bar is missed. Same seeds, same table.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr

from deploybook.judge import Case, judge_success, judge_window, whole
from deploybook.measure.uncertainty import (
    change_of_count,
    change_of_mean,
    change_of_quantile,
    change_of_ratio,
    own_mean,
    own_quantile,
    own_ratio,
)
from deploybook.model import (
    Checkin,
    CheckpointResult,
    Coverage,
    Estimate,
    Increments,
    Judgement,
    Measurement,
    Metric,
    Verdict,
)
from deploybook.times import Window
from deploybook.units import Tolerance, parse_limit, parse_tolerance

Array = NDArray[np.float64]
Pair = tuple[Judgement, Judgement]  # ours and the plain rule's

CV, LEVEL, REQUESTS = 0.10, 50.0, 100.0  # of a scrape: spread of its mean latency, ms, requests
START = datetime(2025, 1, 22, 22, tzinfo=UTC)
SEEN = Coverage(found=1, expected=1, seen=1.0)
EDGES = (*(round(10 * 1.1**k, 3) for k in range(36)), math.inf)
SHIFTS, LAGS = (0.0, 0.02, 0.05, 0.10, 0.20), (0.0, 0.6, 0.9)

# Either direction is bad, so that a false alarm counts on both sides.
LATENCY = Metric(
    id="latency", kind="histogram", name="latency_ms", title="Latency", statistic="mean", unit="ms",
    tolerance=parse_tolerance("5 %"),
)  # fmt: skip
ERRORS = replace(LATENCY, id="errors", kind="counter", statistic="increase", unit="errors")
RUNS = Metric(
    id="runs", kind="ratio", name="runs_total", title="Runs", statistic="ratio", unit="%",
    better="higher", delta="points", target=parse_limit("at least 90 %"),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of a table: what was simulated, the shares of our words, of provisional fails and of the plain rule's fails."""

    table: str
    what: tuple[str, ...]
    words: dict[str, float]
    provisional: float
    plain: float

    def text(self) -> str:
        shares = (self.words.get("pass", 0.0), self.words.get("inconclusive", 0.0), self.words.get("fail", 0.0))
        cells = [*self.what, " / ".join(f"{100 * share:.1f}" for share in shares)]
        return f"| {' | '.join(cells)} | {100 * self.provisional:.1f} | {100 * self.plain:.1f} |"

    def missed(self) -> str:
        """What was promised of this row and is not kept; '' where all is."""
        fails, passes, shift = self.words.get("fail", 0.0), self.words.get("pass", 0.0), self.what[-1]
        if self.table not in ("AR(1)", "12 coarse rows"):
            return ""
        if shift == "0%" and fails > 0.03:
            return f"{fails:.1%} of the windows without a change fail; at most 3 % is promised"
        if shift == "10%" and passes > 0.05:
            return f"{passes:.1%} of the windows with a change of 10 % pass; at most 5 % is promised"
        if self.what == ("960", "0.6", "0%") and passes < 0.95:
            return f"only {passes:.1%} of the windows without a change pass; at least 95 % is promised"
        return ""


def tally(table: str, what: tuple[str, ...], runs: int, once: Callable[[np.random.Generator], Pair]) -> Row:
    """`runs` times the case, from a stream of its own, so that a row stays the same when others come and go."""
    rng = np.random.default_rng(zlib.crc32(repr((table, *what)).encode()))
    pairs = [once(rng) for _ in range(runs)]
    words = [ours.verdict.value for ours, _ in pairs]
    return Row(
        table=table,
        what=what,
        words={word: words.count(word) / runs for word in sorted(set(words))},
        provisional=sum(ours.verdict.value == "fail" and ours.strength == "provisional" for ours, _ in pairs) / runs,
        plain=sum(plain.verdict.value == "fail" for _, plain in pairs) / runs,
    )


# --- data -------------------------------------------------------------------------------------------------------------


def levels(rng: np.random.Generator, n: int, lag1: float, shift: float) -> Array:
    """(n,) mean latencies a scrape: lognormal AR(1), CV 10 %, mean 50 ms times 1 + shift."""
    shocks = rng.standard_normal(n) * math.sqrt(1 - lag1 * lag1)
    shocks[0] /= math.sqrt(1 - lag1 * lag1)  # so that it starts in its own distribution
    sigma = math.sqrt(math.log1p(CV * CV))
    level: Array = LEVEL * (1 + shift) * np.exp(sigma * lfilter([1.0], [1.0, -lag1], shocks) - sigma * sigma / 2)
    return level


def histogram(level: Array, step: float = 15.0) -> Increments:
    n, counts = len(level), np.full(len(level), REQUESTS)
    ends = np.arange(1, n + 1) * int(step * 1000)
    return Increments(ends_ms=ends, seconds=np.full(n, step), counts=counts, sums=counts * level)


def bucketed(rng: np.random.Generator, level: Array, requests: Array | float = REQUESTS) -> Increments:
    """Requests of each scrape, lognormal around its level (sigma 0.45), in buckets of 10 %."""
    below = ndtr(np.log(np.asarray(EDGES)[None, :] / level[:, None]) / 0.45)
    buckets = rng.multinomial(np.asarray(requests, dtype=np.int64), np.diff(below, axis=1, prepend=0.0))
    return replace(histogram(level), buckets=buckets.astype(np.float64))


def bursts(rng: np.random.Generator, mean: float, size: float) -> Increments:
    """Errors in 90 minutes, `mean` of them, in bursts of `size` on average; Poisson for size 1."""
    starts = rng.poisson(mean / size / 90, 90)
    sizes = [float(rng.geometric(1 / size, count).sum()) for count in starts]
    return by_minute(np.asarray(sizes))


def runs_of(rng: np.random.Generator, total: int, share: float, size: int) -> Increments:
    """`total` runs over 90 minutes of which `share` is good; `size` neighbours pass or fail together."""
    good = np.repeat(rng.random(math.ceil(total / size)) < share, size)[:total]
    at = np.arange(total) * 90 // total
    counts, passed = (np.bincount(at, weights=what, minlength=90).astype(float) for what in (np.ones(total), good))
    return replace(by_minute(counts), good=passed)


def by_minute(counts: Array) -> Increments:
    n = len(counts)
    return Increments(ends_ms=np.arange(1, n + 1) * 60_000, seconds=np.full(n, 60.0), counts=counts)


# --- cases: one window judged -----------------------------------------------------------------------------------------


def seen(value: float, scrapes: int, own: Estimate | None = None) -> Measurement:
    """A figure over a window of that many scrapes."""
    window = Window(start=START, end=START + timedelta(seconds=15 * scrapes))
    return Measurement(metric="m", window=window, value=value, unit="", coverage=SEEN, own=own)


def judged(
    metric: Metric, now: float, base: float, change: Estimate, length: timedelta, own: Estimate | None = None
) -> Pair:
    scrapes = round(length.total_seconds() / 15)
    first, second = seen(now, scrapes, own), seen(base, scrapes)
    return judge_window(Case(metric, first, second, change)), judge_window(
        Case(metric, first, second, change, point=True)
    )


def of_mean(now: Increments, base: Increments, history: Increments | None = None) -> Pair:
    figures = [float(it.sums.sum() / it.counts.sum()) for it in (now, base) if it.sums is not None]
    length = timedelta(seconds=float(now.seconds.sum()))
    return judged(LATENCY, figures[0], figures[1], change_of_mean(now, base, history=history), length)


def fine_case(n: int, lag1: float, shift: float, white: float, rng: np.random.Generator) -> Pair:
    now, base = (levels(rng, n, lag1, up) * (1 + white * rng.standard_normal(n)) for up in (shift, 0.0))
    return of_mean(histogram(now), histogram(base))


def coarse_case(by: int, lag1: float, shift: float, rng: np.random.Generator) -> Pair:
    """12 five-minute rows against the same hour of a day of 288; each row is the mean of `by` levels."""
    day, hour = (
        histogram(levels(rng, n * by, lag1, up).reshape(n, by).mean(axis=1), 300.0)
        for n, up in ((288, 0.0), (12, shift))
    )
    base = histogram(np.asarray(day.sums)[144:156] / REQUESTS, 300.0)
    return of_mean(hour, base, day)


def quantile_case(q: float, n: int, lag1: float, shift: float, rng: np.random.Generator) -> Pair:
    now, base = (bucketed(rng, levels(rng, n, lag1, up)) for up in (shift, 0.0))
    change = change_of_quantile(now, base, edges=EDGES, q=q)
    return judged(LATENCY, LEVEL * (1 + change.value), LEVEL, change, timedelta(seconds=15 * n))


def error_case(mean: float, size: float, factor: float, rng: np.random.Generator) -> Pair:
    now, base = bursts(rng, mean * factor, size), bursts(rng, mean, size)
    change = change_of_count(now, base, relative=True)
    return judged(ERRORS, float(now.counts.sum()), float(base.counts.sum()), change, timedelta(minutes=90))


def ratio_case(total: int, size: int, share: float, rng: np.random.Generator) -> Pair:
    now, base = runs_of(rng, total, share, size), runs_of(rng, total, 0.97, size)
    good, before = float(np.sum(now.good)), float(np.sum(base.good))
    own, change = own_ratio(good, total, window=now), change_of_ratio(now, base)
    return judged(RUNS, 100 * good / total, 100 * before / total, change, timedelta(minutes=90), own)


# --- tables -----------------------------------------------------------------------------------------------------------

HEADS = {
    "AR(1)": ("samples", "lag 1", "shift"),
    "AR(1) under noise": ("samples", "lag 1", "shift"),
    "12 coarse rows": ("a row is", "lag 1", "shift"),
    "quantiles": ("", "samples", "lag 1", "shift"),
    "errors": ("errors in the baseline", "a burst", "rate"),
    "ratios": ("runs", "fail together", "true share"),
}


def fine(runs: int, lengths: Sequence[int] = (60, 240, 960), shifts: Sequence[float] = SHIFTS) -> Iterator[Row]:
    """Means of 15 s scrapes, one window against one baseline window."""
    for n, lag1, shift in product(lengths, LAGS, shifts):
        yield tally("AR(1)", (str(n), f"{lag1:g}", f"{shift:.0%}"), runs, partial(fine_case, n, lag1, shift, 0.0))


def fine_under_noise(runs: int) -> Iterator[Row]:
    """The same with 5 % independent noise on each scrape, which hides the memory from lag 1."""
    for n, lag1, shift in product((60, 240, 960), (0.6, 0.9), (0.0, 0.10)):
        what = (str(n), f"{lag1:g}", f"{shift:.0%}")
        yield tally("AR(1) under noise", what, runs, partial(fine_case, n, lag1, shift, 0.05))


def coarse(runs: int, shifts: Sequence[float] = SHIFTS) -> Iterator[Row]:
    """An hour of 12 five-minute rows, noise and memory from the day."""
    for (kind, by), lag1, shift in product((("one level", 1), ("20 levels", 20)), LAGS, shifts):
        what = (kind, f"{lag1:g}", f"{shift:.0%}")
        yield tally("12 coarse rows", what, runs, partial(coarse_case, by, lag1, shift))


def quantiles(runs: int) -> Iterator[Row]:
    for q, n, lag1, shift in product((0.5, 0.95), (60, 240), LAGS, (0.0, 0.10)):
        what = (f"p{100 * q:g}", str(n), f"{lag1:g}", f"{shift:.0%}")
        yield tally("quantiles", what, runs, partial(quantile_case, q, n, lag1, shift))


def errors(runs: int) -> Iterator[Row]:
    """Errors of 90 minutes against 90 minutes."""
    for mean, size, factor in product((5.0, 30.0, 200.0), (1.0, 3.0, 10.0), (1.0, 3.0)):
        yield tally(
            "errors", (f"{mean:g}", f"{size:g}", f"x {factor:g}"), runs, partial(error_case, mean, size, factor)
        )


def ratios(runs: int) -> Iterator[Row]:
    """Runs against 'at least 90 %'."""
    for total, size, share in product((20, 125, 1000), (1, 5), (0.97, 0.90, 0.80)):
        yield tally("ratios", (str(total), f"{size}", f"{share:.0%}"), runs, partial(ratio_case, total, size, share))


# --- whole pages ------------------------------------------------------------------------------------------------------

HOUR, WINDOW_AT, WINDOW_LONG = 240, 14 * 240, 360  # in scrapes; the window is 14:00 to 15:30
P50 = replace(LATENCY, id="p50", statistic="p50", better="lower", target=parse_limit("at most 65 ms"))
P95 = replace(LATENCY, id="p95", statistic="p95", better="lower", target=parse_limit("at most 150 ms"))
VARIANCE = replace(LATENCY, id="variance", better="lower", show_change=True)
FAILURES = replace(ERRORS, tolerance=Tolerance(), delta="absolute", target=parse_limit("at most 3 errors/hour"))


def service(rng: np.random.Generator, n: int, requests: float) -> Increments:
    """n scrapes of a service as quiet as the reference's: its level moves by 1.5 % (lag 1 0.6), the rest is its requests."""
    level = LEVEL * (levels(rng, n, 0.6, 0.0) / LEVEL) ** 0.15
    counts = rng.poisson(requests, n).astype(np.float64)
    means = level * (1 + 0.47 * rng.standard_normal(n) / np.sqrt(np.maximum(counts, 1)))
    return replace(bucketed(rng, level, counts), counts=counts, sums=counts * means)


def part(whole_: Increments, start: int, length: int) -> Increments:
    cut = slice(start, start + length)
    fields = {name: value[cut] for name, value in vars(whole_).items() if value is not None}
    return Increments(**fields)


def by_the_minute(day: Increments) -> Increments:
    assert day.sums is not None and day.buckets is not None
    four = (len(day.counts) // 4, 4)
    return Increments(
        ends_ms=day.ends_ms[3::4],
        seconds=day.seconds.reshape(four).sum(1),
        counts=day.counts.reshape(four).sum(1),
        sums=day.sums.reshape(four).sum(1),
        buckets=day.buckets.reshape(*four, -1).sum(1),
    )


def page_case(rng: np.random.Generator) -> Verdict:
    """The word of a page like the reference deployment's: five metrics, six check-ins, four checkpoints, no change at all."""
    before = {"parser": service(rng, 24 * HOUR, 77), "cli": service(rng, 24 * HOUR, 50)}
    after = {"parser": service(rng, WINDOW_LONG + 48 * HOUR, 77), "cli": service(rng, WINDOW_LONG, 50)}
    memory = {name: by_the_minute(day) for name, day in before.items()}

    def variance(start: int, length: int) -> tuple[Measurement, Measurement, Estimate]:
        base = part(before["parser"], (WINDOW_AT + start) % (24 * HOUR), length)
        return compared("parser", part(after["parser"], start, length), base, None)

    def compared(
        name: str, now: Increments, base: Increments, q: float | None
    ) -> tuple[Measurement, Measurement, Estimate]:
        if q is None:
            figures, change = (
                [own_mean(it, history=memory[name]) for it in (now, base)],
                change_of_mean(now, base, history=memory[name]),
            )
        else:
            figures = [own_quantile(it, edges=EDGES, q=q, history=memory[name]) for it in (now, base)]
            change = change_of_quantile(now, base, edges=EDGES, q=q, history=memory[name])
        return seen(figures[0].value, len(now.counts), figures[0]), seen(figures[1].value, len(base.counts)), change

    def quantile(metric: Metric, name: str, q: float) -> Judgement:
        now, base = part(after[name], 0, WINDOW_LONG), part(before[name], WINDOW_AT, WINDOW_LONG)
        return judge_window(Case(metric, *compared(name, now, base, q)))

    failed = rng.poisson(4 / 48 / 60, 90 + 48 * 60).astype(float)
    passed = rng.random(90 + 48 * 60) < 0.95  # a run a minute

    def failures(start: int, minutes: int) -> Measurement:
        counts = failed[start : start + minutes]
        return replace(seen(float(counts.sum()), 4 * minutes), worst_hour=float(np.convolve(counts, np.ones(60)).max()))

    def runs(start: int, minutes: int) -> Measurement:
        good = int(passed[start : start + minutes].sum())
        return seen(100 * good / minutes, 4 * minutes, own_ratio(good, minutes))

    looks = [
        Checkin(
            at=START + timedelta(minutes=15 * (k + 1)), judgement=judge_window(Case(VARIANCE, *variance(60 * k, 60)))
        )
        for k in range(6)
    ]
    judgements = [
        quantile(P50, "parser", 0.5),
        quantile(P95, "cli", 0.95),
        judge_window(Case(FAILURES, failures(0, 90), failures(90, 90))),
        judge_window(Case(RUNS, runs(0, 90), runs(90, 90))),
        judge_window(Case(VARIANCE, *variance(0, WINDOW_LONG)), checkins=looks),
    ]
    checkpoints = []
    for hours in (1, 12, 24, 48):
        judged = [
            judge_success(Case(VARIANCE, *variance(WINDOW_LONG + (hours - 1) * HOUR, HOUR)), parse_limit("within 5 %")),
            judge_success(Case(FAILURES, failures(90, 60 * hours)), parse_limit("below 3 errors/hour")),
            judge_success(Case(RUNS, runs(90, 60 * hours)), parse_limit("at least 90 %")),
        ]
        word, reason = whole(judged)
        checkpoints.append(CheckpointResult(after=timedelta(hours=hours), due=START, verdict=word, reason=reason))
    return whole(judgements, checkpoints)[0]


def pages(runs: int) -> int:
    """Prints the words of `runs` pages; 1 where more than 5 % read Breach or fewer than 60 % read Pass or Watch."""
    rng = np.random.default_rng(2025)
    words = [page_case(rng).value for _ in range(runs)]
    print(f"\n### whole pages\n\nOf {runs} deployments without a change, in percent:")
    print(", ".join(f"{word} {100 * words.count(word) / runs:.1f}" for word in sorted(set(words))))
    kept = words.count("fail") <= 0.05 * runs and words.count("pass") + words.count("warn") >= 0.60 * runs
    return 0 if kept else 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="How often the verdict is wrong, on simulated windows.")
    parser.add_argument("--runs", type=int, default=1000, help="simulated windows a row")
    parser.add_argument("--quick", action="store_true", help="200 windows a row, of the promised tables alone")
    options = parser.parse_args(arguments)
    tables: tuple[Callable[[int], Iterator[Row]], ...] = (fine, coarse)
    if not options.quick:
        tables = (fine, fine_under_noise, coarse, quantiles, errors, ratios)
    heading, problems = "", []
    for row in (row for table in tables for row in table(200 if options.quick else options.runs)):
        if row.table != heading:
            heading, columns = (
                row.table,
                [*HEADS[row.table], "pass / inconclusive / fail", "provisional", "plain rule fails"],
            )
            print(f"\n### {heading}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
        print(row.text(), flush=True)
        problems += [f"{row.table} {', '.join(row.what)}: {problem}"] if (problem := row.missed()) else []
    if pages(60 if options.quick else 300):
        problems.append("whole pages: at most 5 % Breach and at least 60 % Pass or Watch are promised")
    print("\nMissed:\n" + "\n".join(problems) if problems else "\nAll promised bars are kept.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

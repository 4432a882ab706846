"""The numbers of the sample deployment: made up, the same bytes on every machine, on fixed dates."""

from __future__ import annotations

import csv
import io
import random
from bisect import bisect_left
from datetime import datetime, timedelta
from itertools import accumulate

from ..times import UTC, iso

SLUG = "2025-01-22-sample"
SEED = 121
EDGES = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.15, 0.25, 0.5)  # seconds
DAYS = (datetime(2025, 1, 21, 21, 30, tzinfo=UTC), datetime(2025, 1, 22, 21, 30, tzinfo=UTC))  # 13:30 in Los Angeles
MINUTES, RESTART = 156, 32  # rows of a day, one a minute; the parser begins again at 14:02 of the second
REQUESTS = 180  # of one target in a minute, about
PODS = ("parser-us-1", "parser-eu-1")


def exports() -> dict[str, bytes]:
    """{file name: CSV}: cumulative latencies and failures of two targets over two days, a column for each series."""
    chance = random.Random(SEED)
    header = [column for pod in PODS for column in series_of(pod)]
    latency = [["Time", *(column for column in header if "_failure_" not in column)]]
    failures = [["Time", *(column for column in header if "_failure_" in column)]]
    for day, start in enumerate(DAYS):
        targets = [Target(chance, failed=5) for _ in PODS]
        for minute in range(MINUTES):
            if day and minute == RESTART:
                targets = [Target(chance) for _ in PODS]
            at = iso(start + timedelta(minutes=minute))
            latency.append([at, *(value for one in targets for value in one.scraped(slower=0.015 * day))])
            failures.append([at, *(str(one.failed) for one in targets)])
    return {"parser_duration_seconds.csv": table(latency), "parser_failure_total.csv": table(failures)}


def series_of(pod: str) -> list[str]:
    own = f'service="memory-search",pod="{pod}"'
    buckets = [f'parser_duration_seconds_bucket{{{own},le="{edge}"}}' for edge in (*EDGES, "+Inf")]
    parts = [f"{name}{{{own}}}" for name in ("parser_duration_seconds_sum", "parser_duration_seconds_count")]
    return [*buckets, *parts, f"parser_failure_total{{{own}}}"]


class Target:
    """A parser that counts since it started."""

    def __init__(self, chance: random.Random, failed: int = 0) -> None:
        self.chance, self.failed = chance, failed
        self.counts, self.total = [0] * (len(EDGES) + 1), 0.0

    def scraped(self, *, slower: float) -> list[str]:
        """A minute of requests later: cumulative buckets, sum, count. slower: a fraction, against the first day."""
        for _ in range(round(self.chance.gauss(REQUESTS, 12))):
            seconds = self.chance.lognormvariate(-2.85 + slower, 0.32)  # about 58 ms
            self.counts[bisect_left(EDGES, seconds)] += 1
            self.total += seconds
        return [*map(str, accumulate(self.counts)), f"{self.total:.4f}", str(sum(self.counts))]


def table(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()

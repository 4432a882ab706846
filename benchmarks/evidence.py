"""
What the evidence log costs: python benchmarks/evidence.py [ENTRIES]

Appends in batches of 20 with fsync and a signature each, opens cold, verifies, proves; CPU, wall and peak memory. Each
step runs in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from deploybook.evidence import Key, Log, standalone, statement, verify

NOW = datetime(2025, 1, 22, 23, 30, tzinfo=UTC)
KEY = Key(name="example.org/ops", seed=bytes(32))
BATCH = 20


def entries(log: Log, count: int, first: int = 0) -> None:
    """Batches of 20 exports, as a day of pulls writes them; every batch one artifact."""
    for start in range(first, first + count, BATCH):
        artifact = log.put(b"timestamp,value\n%d\n" % start, "csv")
        log.append([_export(number, artifact) for number in range(start, min(start + BATCH, first + count))], NOW)


def _export(number: int, artifact: object) -> statement.Statement:
    return statement.export(
        {f"exports/parser_duration_ms.{number}.csv.gz": artifact},  # type: ignore[dict-item]
        deployment="2025-01-22-telemetry-step2",
        ticket="CHG-2025-0121",
        actor="Oliver",
        source="live",
        source_kind="prometheus",
        query='histogram_quantile(0.5, sum by (le) (increase(parser_duration_ms_bucket{service="memory-search"}[90m])))',
        start=NOW,
        end=NOW,
        step_seconds=15,
        rows=number,
        server="2.42.0",
    )


def step(name: str, folder: Path, count: int) -> str:
    log = Log.open(folder, key=KEY)
    if name == "append":
        entries(log, count)
    elif name == "append cold":
        entries(log, BATCH, count)
    elif name == "verify":
        report = verify(str(folder), keys=[KEY.vkey])
        assert report.ok, report.broken
    elif name == "read":
        assert sum(1 for _ in log.entries()) > count
    elif name == "proof":
        first = next(log.entries("export"))
        return f"{len(standalone.proof(str(folder), next(iter(first.artifacts.values()))))} bytes"
    return ""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for name in ("append", "append cold", "read", "verify", "proof"):
            subprocess.run([sys.executable, __file__, "step", name, f"{folder}/evidence", str(count)], check=True)
        size = (Path(folder) / "evidence" / "log.jsonl").stat().st_size
        print(f"log.jsonl: {size / 1e6:.1f} MB, {size / count:.0f} bytes an entry")


def one_step() -> None:
    name, folder, count = sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    wall, before = time.perf_counter(), time.process_time()
    said = step(name, folder, count)
    wall, cpu = time.perf_counter() - wall, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = f"{count / wall:,.0f} entries/s" if name in ("append", "read", "verify") else said
    print(f"{name:12} {count:>7} entries: {cpu:6.2f} s CPU, {wall:6.2f} s, {peak:4.0f} MB peak  {rate}", flush=True)


if __name__ == "__main__":
    one_step() if sys.argv[1:2] == ["step"] else main()

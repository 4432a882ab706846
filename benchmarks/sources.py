"""
What pulling, decoding and storing cost, as ratios that hold on any machine.

    python benchmarks/sources.py [--samples 10_000_000]

Prints, with status 1 where a promised ratio is missed:
- bytes of 48 h of p95 by region at 15 minutes, asked of the server, against the raw samples behind it (needs Prometheus);
- CPU of decoding a raw answer, against json.loads and a DataFrame;
- CPU and memory of a figure from stored exports, against pandas.read_csv on the same samples in long form;
- lines of OpenMetrics text per CPU second.
Imports are not counted; each figure is the best of three.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from deploybook import exports, sources
from deploybook.measure import measure
from deploybook.model import Metric, Pulled, Samples, Series, Source
from deploybook.sources.answers import read_answer, rows_of_answers
from deploybook.sources.openmetrics import read_openmetrics
from deploybook.sources.prometheus import pull
from deploybook.times import Window, from_ms

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

START = 1737446400000
EDGES = (*map(float, (10, 20, 30, 40, 45, 50, 55, 60, 65, 70, 80, 100, 150, 250, 500, 1000)), float("inf"))
NAME = "parser_duration_ms"
# A figure from stored exports includes checking their digest and the interval around the figure: the decoding alone
# takes a fourth of it.
PROMISED = {"pushed down, bytes": 1000, "decode, CPU": 4, "stored exports, CPU": 5}
METRIC = Metric(id="p95", kind="histogram", name=NAME, title="Parser p95", statistic="p95", unit="ms")


def scrapes(samples: int) -> Samples:
    """A histogram of 20 series at 15 s with so many samples, seeded."""
    rng = np.random.default_rng(1)
    rows = samples // (20 * (len(EDGES) + 2))

    def series(pod: int) -> Series:
        counts = np.cumsum(np.cumsum(rng.poisson(3, (rows, len(EDGES))), axis=1), axis=0).astype(float)
        times = START + 15_000 * np.arange(rows, dtype=np.int64)
        labels = {"pod": f"pod-{pod:02d}", "region": ("us", "eu", "apac")[pod % 3]}
        values = np.column_stack([counts, counts[:, -1] * 57.25, counts[:, -1]])
        return Series(labels=labels, times=times, values=values, steps=np.full(rows, 15_000, dtype=np.int64))

    return Samples(name=NAME, kind="histogram", edges=EDGES, series=tuple(map(series, range(20))))


def columns(samples: Samples) -> Iterator[tuple[Series, str, str, Any]]:
    """Every stored series of the histogram: its scrapes, the ending of its name, its `le`, its values."""
    for series in samples.series:
        for index, edge in enumerate(samples.edges):
            yield series, "_bucket", exports.edge_text(edge), series.values[:, index]
        yield series, "_sum", "", series.values[:, -2]
        yield series, "_count", "", series.values[:, -1]


def best(task: Callable[[], object], times: int = 3) -> float:
    found = []
    for _ in range(times):
        start = time.process_time()
        task()
        found.append(time.process_time() - start)
    return min(found)


def pushed_down(folder: Path) -> float | None:
    """How many times fewer bytes the answer to the query has than the raw samples of 48 h."""
    from servers import prometheus  # the helper of the tests

    with tempfile.TemporaryDirectory() as place, (folder / "48h.om").open("w") as out:
        out.write(f"# TYPE {NAME} histogram\n")
        for series, end, le, values in columns(scrapes(20 * 19 * 11_520)):
            labels = ",".join(
                f'{label}="{text}"' for label, text in {**series.labels, **({"le": le} if le else {})}.items()
            )
            rows = zip(values, series.times, strict=True)
            out.writelines(f"{NAME}{end}{{{labels}}} {value} {at / 1000:.3f}\n" for value, at in rows)
        out.write("# EOF\n")
        out.flush()
        with prometheus(Path(place), folder / "48h.om", "--query.max-samples=50000000") as url:
            query = f"histogram_quantile(0.95, sum by (le, region) (rate({NAME}_bucket[15m])))"
            window = Window(start=from_ms(START), end=from_ms(START) + timedelta(hours=48))
            deployment: Any = type("Asking", (), {"metrics": (replace(METRIC, kind="query", query=query),)})()
            asked = sources.Request(
                source=Source(name="live", kind="prometheus", options={"url": url}, step=timedelta(minutes=15)),
                deployment=deployment,
                windows=(window,),
                now=window.end,
                wanted={"p95": "answers"},
            )
            few = sum(one.size for one in pull(asked).originals)
            many = sum(one.size for one in pull(replace(asked, wanted={NAME: "histogram"}, deployment=None)).originals)
    print(f"pushed down: {few:,} bytes against {many:,} of raw samples")
    return many / few


def decoded() -> float:
    """How many times less CPU the decoding of a raw answer takes than json.loads and a DataFrame."""
    one = scrapes(20 * 19 * 11_520).series[0]
    result = [
        {
            "metric": {"__name__": NAME, "le": str(edge)},
            "values": [
                [at / 1000, str(value)] for at, value in zip(one.times.tolist(), one.values[:, index % 19], strict=True)
            ],
        }
        for index, edge in enumerate(range(78))
    ]
    body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()

    import pandas as pd

    def ready() -> object:
        return rows_of_answers([read_answer(body)], place="x")

    def plain() -> object:
        rows = (pd.DataFrame(one["values"]).assign(**one["metric"]) for one in json.loads(body)["data"]["result"])
        return pd.concat(rows).astype({1: float})

    ours, theirs = best(ready), best(plain)
    print(f"decode of {len(body) / 1e6:.0f} MB: {ours:.2f} CPU s against {theirs:.2f} with json.loads and a DataFrame")
    return theirs / ours


def stored(folder: Path, size: int) -> float:
    """How many times less CPU a quantile of 48 h takes from exports than reading the same samples by pandas.read_csv."""
    samples = scrapes(size)
    exports.store(folder / "exports", [Pulled(samples=(samples,))])
    with (folder / "rows.csv").open("w") as out:
        out.write("timestamp,metric,region,pod,le,value\n")
        for series, end, le, values in columns(samples):
            stamps = pl.Series(series.times).cast(pl.Datetime("ms")).dt.strftime("%FT%T%.3fZ")
            same = itertools.repeat(
                (f"{NAME}{end}", *(series.labels[label] for label in ("region", "pod")), le), len(values)
            )
            parts = zip(*same, strict=True)
            named = {f"c{number}": list(part) for number, part in enumerate(parts)}
            pl.DataFrame({"t": stamps, **named, "v": values}).write_csv(out, include_header=False)
    del samples
    ours, ours_mb = alone("ours", folder)
    theirs, theirs_mb = alone("pandas", folder)
    print(f"p95 of 48 h from {size / 1e6:.0f} M stored samples: {ours:.2f} CPU s, {ours_mb:.0f} MB")
    print(f"pandas.read_csv of the same, without any figure: {theirs:.2f} CPU s, {theirs_mb:.0f} MB")
    return theirs / ours


def alone(what: str, folder: Path) -> tuple[float, float]:
    """CPU seconds and memory of one task in a process of its own, so that nothing is warm."""
    words = [sys.executable, __file__, "--only", what, "--folder", str(folder)]
    found = [subprocess.run(words, capture_output=True, text=True, check=True).stdout.split() for _ in range(3)]
    return min((float(cpu), float(memory)) for cpu, memory in found)


def task(what: str, folder: Path) -> None:
    if what == "pandas":
        import pandas as pd
    start = time.process_time()
    if what == "pandas":
        pd.read_csv(folder / "rows.csv")
    else:
        data = exports.load(folder / "exports", [NAME])
        window = Window(start=from_ms(START), end=from_ms(START) + timedelta(hours=48))
        assert measure(METRIC, data, window).value
    seconds = time.process_time() - start
    status = Path("/proc/self/status").read_text()  # its peak starts anew with the program, that of getrusage does not
    print(seconds, int(status.split("VmHWM:")[1].split()[0]) / 1024)


def openmetrics() -> None:
    lines = [
        f'{NAME}_bucket{{pod="pod-{at % 20:02d}",region="us",le="{at % 17}.0"}} {at} {START / 1000 + at:.3f}\n'
        for at in range(500_000)
    ]
    content = "".join(lines).encode()
    seconds = best(lambda: read_openmetrics(content, {NAME: "histogram"}, place="x"))
    print(f"OpenMetrics text: {len(lines) / seconds:,.0f} lines per CPU second")


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--samples", type=int, default=10_000_000)
    words.add_argument("--only", choices=("ours", "pandas"), help=argparse.SUPPRESS)
    words.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    said = words.parse_args()
    if said.only:
        task(said.only, said.folder)
        return 0
    with tempfile.TemporaryDirectory() as place:
        openmetrics()
        ratios = {"decode, CPU": decoded(), "stored exports, CPU": stored(Path(place), said.samples)}
        try:
            ratios["pushed down, bytes"] = pushed_down(Path(place))
        except BaseException as missing:  # pytest's skip, where no server is installed
            print(f"pushed down: not measured ({missing})")
    missed = [name for name, ratio in ratios.items() if ratio and ratio < PROMISED[name]]
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:,.1f} times less, {PROMISED[name]} promised" if ratio else f"{name}: not measured")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

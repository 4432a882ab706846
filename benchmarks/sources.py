"""
What pulling, decoding and storing cost, as ratios that hold on any machine.

    python benchmarks/sources.py [--samples 10_000_000]

Prints, with status 1 where a promised ratio is missed:
- bytes of 48 h of p95 by region at 15 minutes, asked of the server, against the raw samples behind it (needs Prometheus);
- CPU of decoding a raw answer, against json.loads and a DataFrame;
- CPU and memory from stored exports to p50 and p95 by region for each 15 minutes of 48 h and of the 48 h before (the
  file's digest, decoding, restarts, figures), against pandas.read_csv alone on the same samples in long form;
- lines of OpenMetrics text per CPU second.
Imports are not counted; each figure is the best of three, or of five in processes of their own. What is compared gives
the same numbers, or it stops. Not in the ratio, and printed beside it: the interval around one figure of 48 h, and the
same figures made by pandas.
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
from deploybook.measure import measure, path
from deploybook.model import Data, Metric, Pulled, Samples, Series, Source
from deploybook.sources.answers import read_answer, rows_of_answers
from deploybook.sources.openmetrics import read_openmetrics
from deploybook.sources.prometheus import pull
from deploybook.times import Window, from_ms

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

START = 1737446400000
EDGES = (*map(float, (10, 20, 30, 40, 45, 50, 55, 60, 65, 70, 80, 100, 150, 250, 500, 1000)), float("inf"))
OFTEN = (0.2, 0.5, 1, 2, 3, 4, 5, 5, 5, 4, 6, 6, 5, 3, 1, 0.25, 0.05)  # requests per bucket and scrape
NAME = "parser_duration_ms"
PROMISED = {"pushed down, bytes": 1000, "decode, CPU": 4, "stored exports, CPU": 20}
MEGABYTES = 256  # the whole process, from stored exports to figures
LINES = 500_000  # of OpenMetrics text per CPU second
METRIC = Metric(id="p95", kind="histogram", name=NAME, title="Parser p95", statistic="p95", unit="ms", by=("region",))
REGIONS = ("us", "eu", "apac")
QUARTER, DAYS = timedelta(minutes=15), timedelta(hours=48)
BEFORE = Window(start=from_ms(START), end=from_ms(START) + DAYS)
NOW = Window(start=BEFORE.end, end=BEFORE.end + DAYS)


def scrapes(samples: int) -> Samples:
    """A histogram of 20 series at 15 s with so many samples, seeded; each starts again once."""
    rng = np.random.default_rng(1)
    rows = samples // (20 * (len(EDGES) + 2))

    def series(pod: int) -> Series:
        counts = np.cumsum(np.cumsum(rng.poisson(OFTEN, (rows, len(EDGES))), axis=1), axis=0).astype(float)
        restart = int(rng.integers(1, rows))
        counts[restart:] -= counts[restart - 1]
        times = START + 15_000 * np.arange(rows, dtype=np.int64)
        labels = {"pod": f"pod-{pod:02d}", "region": REGIONS[pod % 3]}
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


class Asked(sources.Request):
    """One query over one window, without those that a deployment is judged on."""

    judged = ()


def pushed_down(folder: Path) -> float:
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
            asked = Asked(
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

    def ready() -> Any:
        return rows_of_answers([read_answer(body)], place="x")

    def plain() -> Any:
        rows = (pd.DataFrame(one["values"]).assign(**one["metric"]) for one in json.loads(body)["data"]["result"])
        return pd.concat(rows).astype({1: float})

    if not np.array_equal(ready().values, plain()[1].to_numpy()):
        sys.exit("decode: the two have other values")
    ours, theirs = best(ready), best(plain)
    print(f"decode of {len(body) / 1e6:.0f} MB: {ours:.2f} CPU s against {theirs:.2f} with json.loads and a DataFrame")
    return theirs / ours


def stored(folder: Path, size: int) -> tuple[float, float]:
    """How many times less CPU the figures take from exports than pandas.read_csv on the same samples; megabytes."""
    samples = scrapes(size)
    exports.store(folder / "exports", [Pulled(samples=(samples,))])
    with (folder / "rows.csv").open("w") as out:
        out.write("timestamp,metric,region,pod,le,value\n")
        for series, end, le, values in columns(samples):
            stamps = pl.Series(series.times).cast(pl.Datetime("ms")).dt.strftime("%FT%T%.3fZ")
            same = (f"{NAME}{end}", series.labels["region"], series.labels["pod"], le)
            named = {f"c{number}": pl.repeat(text, len(values), eager=True) for number, text in enumerate(same)}
            pl.DataFrame({"t": stamps, **named, "v": values}).write_csv(out, include_header=False)
    del samples
    ours, theirs = alone("ours", folder), alone("pandas", folder)
    if not np.allclose(ours["figures"], theirs["figures"], rtol=1e-12, atol=0):
        sys.exit("stored exports: pandas finds other figures")
    print(f"{len(ours['figures'])} figures from {size / 1e6:.0f} M stored samples: {told(ours)}")
    print(f"  with the interval around a p95 of 48 h: {told(ours, 'beside')}")
    print(f"pandas.read_csv of the same samples, no figure: {told(theirs)}")
    print(f"  with the same figures: {told(theirs, 'beside')}")
    return theirs["seconds"] / ours["seconds"], ours["beside megabytes"]


def told(found: dict[str, Any], what: str = "") -> str:
    seconds = found["seconds"] + (found["beside seconds"] if what else 0)
    return f"{seconds:.2f} CPU s, {found[f'{what} megabytes'.strip()]:.0f} MB"


def alone(what: str, folder: Path) -> dict[str, Any]:
    """What one task in a process of its own, so that nothing is warm, says of itself: of five the quickest."""
    words = [sys.executable, __file__, "--only", what, "--folder", str(folder)]
    found = [json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout) for _ in range(5)]
    return min(found, key=lambda one: one["seconds"])


def task(what: str, folder: Path) -> None:
    """Print the figures, and what the task took; then the same with what is told beside it."""
    if what == "pandas":
        import pandas as pd
    start = time.process_time()
    if what == "pandas":
        rows = pd.read_csv(folder / "rows.csv")
    else:
        data = exports.load(folder / "exports", [NAME])
        figures = [list(path_of(data, *each)) for each in itertools.product(("p50", "p95"), REGIONS, (BEFORE, NOW))]
    done = {"seconds": time.process_time() - start, "megabytes": peak()}
    import deploybook.measure.uncertainty.special  # noqa: F401 - an import of the interval

    start = time.process_time()
    if what == "pandas":
        figures = list(in_pandas(rows))
    elif measure(METRIC, data, NOW).own is None:
        sys.exit("a figure without an interval")
    beside = {"beside seconds": time.process_time() - start, "beside megabytes": peak()}
    print(json.dumps(done | beside | {"figures": list(itertools.chain.from_iterable(figures))}))


def peak() -> float:
    status = Path("/proc/self/status").read_text()  # its peak starts anew with the program, that of getrusage does not
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def path_of(data: Data, statistic: str, region: str, window: Window) -> Any:
    return path(replace(METRIC, statistic=statistic), data, window, QUARTER, labels={"region": region})[1]


def in_pandas(rows: Any) -> Iterator[list[float]]:
    """The same, worked out another way: differences, summed by region, quarter of an hour and bucket."""
    import pandas as pd

    rows = rows[rows["metric"] == f"{NAME}_bucket"]
    since = pd.to_datetime(rows["timestamp"]).astype("datetime64[ms, UTC]").astype("int64") - START
    added = rows.groupby(["region", "pod", "le"])["value"].diff()
    added = added.where(~(added < 0), rows["value"]).fillna(0.0)
    quarter = -(-since // (QUARTER // timedelta(milliseconds=1)))
    counts = (
        added.groupby([rows["region"], quarter.rename("quarter"), rows["le"]]).sum().unstack("le").sort_index(axis=1)
    )
    quarters = DAYS // QUARTER
    for q, region, first in itertools.product((0.5, 0.95), REGIONS, (1, quarters + 1)):
        there = counts.loc[region].loc[first : first + quarters - 1].to_numpy()
        rank = q * there[:, -1:]
        place = (there >= rank).argmax(axis=1)
        low, high = np.array((0.0, *EDGES))[place], np.array(EDGES)[place]
        at, below = (
            np.take_along_axis(np.pad(there, ((0, 0), (1, 0))), place[:, None] + add, axis=1) for add in (1, 0)
        )
        share = ((rank - below) / (at - below))[:, 0]
        yield list(np.where(np.isinf(high), low, low + (np.where(np.isinf(high), 0, high) - low) * share))


def openmetrics() -> float:
    """Lines of text per CPU second."""
    lines = [
        f'{NAME}_bucket{{pod="pod-{at % 20:02d}",region="us",le="{at % 17}.0"}} {at} {START / 1000 + at:.3f}\n'
        for at in range(500_000)
    ]
    content = "".join(lines).encode()
    if len(read_openmetrics(content, {NAME: "histogram"}, place="x").values) != len(lines):
        sys.exit("OpenMetrics text: lines are missing")
    seconds = best(lambda: read_openmetrics(content, {NAME: "histogram"}, place="x"))
    return len(lines) / seconds


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
        lines = openmetrics()
        print(f"OpenMetrics text: {lines:,.0f} lines per CPU second, {LINES:,} promised")
        ratios = {"decode, CPU": decoded()}
        ratios["stored exports, CPU"], megabytes = stored(Path(place), said.samples)
        print(f"stored exports, memory: {megabytes:.0f} MB, {MEGABYTES} promised")
        try:
            ratios["pushed down, bytes"] = pushed_down(Path(place))
        except BaseException as missing:  # pytest's skip, where no server is installed
            print(f"pushed down: not measured ({missing})")
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:,.1f} times less, {PROMISED[name]} promised")
    kept = all(ratio >= PROMISED[name] for name, ratio in ratios.items())
    return 0 if kept and lines >= LINES and megabytes < MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())

"""What a metric is, as written in deployment.yml: where its numbers come from and what they are held against."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..units import Limit, Tolerance

MetricKind = Literal["histogram", "counter", "ratio", "gauge", "query"]
DeltaKind = Literal["percent", "points", "absolute"]
Better = Literal["lower", "higher", "either"]
MatchOp = Literal["=", "!=", "=~", "!~"]


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """One label condition; a regular expression matches the whole value, as in PromQL."""

    label: str
    op: MatchOp
    value: str

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.label}{self.op}"{escaped}"'


@dataclass(frozen=True, kw_only=True)
class Metric:
    """
    One thing that is measured and judged.

    name: the metric's name in the source; of a ratio, the counter whose matching increases are the total
        (`total_name` where the total is another counter). query: the PromQL of a `query`.
    good: which increases of a ratio count as good. where: which series belong.
    statistic: p50 … p99.9 or mean (histogram); increase (counter); ratio; mean, median, min, max, last, pNN (gauge);
        answer (query).
    unit: of the page. source_unit: of the source. scale: what a source value is multiplied with to be in `unit`.
    tolerance: against the baseline; decides only where it has a part that fits `delta`.
    show_change: the figure is the change against the same clock window of the baseline day.
    decimals: as printed; None for three significant digits (latencies), one (shares), none (counts).
    """

    id: str
    kind: MetricKind
    name: str
    title: str
    statistic: str
    unit: str
    source_unit: str = ""
    scale: float = 1.0
    also_named: tuple[str, ...] = ()
    where: tuple[Matcher, ...] = ()
    good: tuple[Matcher, ...] = ()
    total_name: str = ""
    query: str = ""
    better: Better = "either"
    target: Limit | None = None
    watch: Limit | None = None
    delta: DeltaKind = "percent"
    tolerance: Tolerance = Tolerance()
    by: tuple[str, ...] = ()
    missing_is_zero: bool = False
    advisory: bool = False
    show_change: bool = False
    headline_first: bool = False
    arithmetic: Literal["raw", "prometheus"] = "raw"
    source: str = ""
    panel: str = ""
    decimals: int | None = None

    @property
    def quantile(self) -> float | None:
        """0.95 for 'p95', None for a statistic that is no quantile."""
        return quantile_of(self.statistic)

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric name whose samples this one needs."""
        return tuple(dict.fromkeys(name for name in (self.name, self.total_name, *self.also_named) if name))


def quantile_of(statistic: str) -> float | None:
    """0.95 for 'p95', 0.999 for 'p99.9', None where the text is no quantile."""
    if not statistic.startswith("p"):
        return None
    try:
        percent = float(statistic[1:])
    except ValueError:
        return None
    return percent / 100 if 0 < percent < 100 else None


def quantile_named(*texts: str) -> str:
    """'p95' where one of the texts names a quantile that was worked out elsewhere (latency_p95, upper_95, 0.95), else ''."""
    for text in texts:
        if found := re.search(
            r"(?<![A-Za-z0-9])(?:[pP]|upper_|0\.)(\d\d(?:[._]\d)?)(?![A-Za-z0-9])", text.replace("_p", " p")
        ):
            return f"p{found[1].replace('_', '.')}"
    return ""

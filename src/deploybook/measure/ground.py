"""Which samples a metric is made from: its names joined, its conditions applied, a split's labels, `missing: zero`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ..model import Data, Matcher, Metric, Samples
from .selected import joined, select
from .zeros import with_zeros

Labels = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """
    A metric, or one split of it, with the samples that it is made from.

    samples: the counter, histogram or gauge; of a ratio all runs; None or without series where there is nothing, and
    `missing` says so. good: the good runs of a ratio.
    """

    metric: Metric
    labels: tuple[tuple[str, str], ...]
    samples: Samples | None
    good: Samples | None = None
    missing: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        both = [one for one in (self.samples, self.good) if one]
        return tuple(sorted({digest for one in both for digest in one.inputs}))

    @property
    def columns(self) -> int:
        return len(self.samples.edges) + 2 if self.samples and self.samples.kind == "histogram" else 1


_grounds: WeakKeyDictionary[Data, dict[tuple[object, ...], Ground]] = WeakKeyDictionary()


def ground(metric: Metric, data: Data, labels: Labels | None = None) -> Ground:
    """The samples behind a metric, once for each Data, metric and split."""
    split = tuple(sorted((labels or {}).items()))
    known = _grounds.setdefault(data, {})
    if (metric, split) not in known:
        known[metric, split] = _ground(metric, data, split)
    return known[metric, split]


def samples_of(metric: Metric, data: Data, labels: Labels | None = None) -> Samples | None:
    """The series that the metric is made from (of a ratio all runs), None where there are none."""
    return ground(metric, data, labels).samples


def _ground(metric: Metric, data: Data, split: tuple[tuple[str, str], ...]) -> Ground:
    def named(*names: str) -> Samples | None:
        return _split(_named(names, metric, data), split)

    def made(samples: Samples | None, missing: str, good: Samples | None = None) -> Ground:
        usable = samples if samples and samples.series else None
        return Ground(metric=metric, labels=split, samples=usable, good=good, missing=missing)

    if metric.kind == "query":
        return made(_split(data.samples.get(metric.id), split), f"The query of {metric.id} has no answer.")
    own = named(metric.name, *metric.also_named)
    if metric.kind != "ratio":
        return made(own, _absent(metric, metric.name))
    whole = named(metric.total_name) if metric.total_name else own
    good = select(own, metric.good) if own else None
    if metric.total_name and not (good and good.series):
        return made(None, _absent(metric, metric.name))
    return made(whole, _absent(metric, metric.total_name or metric.name), good)


def _absent(metric: Metric, name: str) -> str:
    where = "{" + ", ".join(str(one) for one in metric.where) + "}" if metric.where else ""
    text = f"No series of {name}{where} in the exports."
    if metric.kind == "counter" and not metric.missing_is_zero:
        text += " If it appears only with its first event, write 'missing: zero'."
    return text


def _named(names: tuple[str, ...], metric: Metric, data: Data) -> Samples | None:
    """The samples of all of the names as one metric, selected; with `missing: zero` also what `up` vouches for."""
    found = joined([select(data.samples[name], metric.where) for name in names if name in data.samples])
    if metric.missing_is_zero and metric.kind == "counter":
        return with_zeros(names[0], found, data.samples.get("up"), metric.where)
    return found


def _split(samples: Samples | None, split: tuple[tuple[str, str], ...]) -> Samples | None:
    where = tuple(Matcher(label=name, op="=", value=value) for name, value in split)
    return select(samples, where) if samples else None

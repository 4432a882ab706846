"""Samples as they come out of an export: arrays per target, in integer milliseconds UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["histogram", "counter", "gauge", "answers"]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """
    The samples of one target: one set of labels (of a histogram, without `le`).

    times: (n,) int64, milliseconds UTC, ascending, no time twice.
    values: (n,) float64 for a counter, a gauge or a server's answers; for a histogram (n, edges + 2):
        the cumulative bucket counts in the order of Samples.edges, then _sum, then _count.
        A bucket that a scrape does not have (another layout) is NaN in its column; a scrape with
        a value that is no number is not here at all.
    steps: (n,) int64, milliseconds: the step of the file or query each row came from; 0 where there is none.
    """

    labels: Mapping[str, str]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    steps: NDArray[np.int64]

    @property
    def key(self) -> Labels:
        """The labels in their order: what tells one series of a metric from another."""
        return tuple(sorted(self.labels.items()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """
    All series of one metric name, joined over every file or answer that has it.

    name: as in the source, a histogram's without _bucket, _sum, _count.
    edges: upper bounds of the buckets, ascending, the last one +Inf; () unless a histogram.
    inputs: sha256 digests of the originals the rows came from, sorted.
    engine: the server and version that gave the rows ('prometheus 2.42.0'), '' for files.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...] = ()
    series: tuple[Series, ...] = ()
    inputs: tuple[str, ...] = ()
    engine: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Increments:
    """
    What was added per scrape inside a window, resets added back, summed over the selected series on one time grid.

    ends_ms: (n,) int64, the end of each increment, ascending. seconds: (n,) its length.
    counts: (n,) float64: requests (histogram), events (counter), all runs (ratio).
    sums: (n,) of the observed values, in the source's unit (histogram). good: (n,) good runs (ratio).
    buckets: (n, edges) requests per bucket, not cumulative, in the order of Samples.edges (histogram).
    """

    ends_ms: NDArray[np.int64]
    seconds: NDArray[np.float64]
    counts: NDArray[np.float64]
    sums: NDArray[np.float64] | None = None
    good: NDArray[np.float64] | None = None
    buckets: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class Gap:
    """
    A stretch in which a series that was there before and after, or should have been, has no samples. down: `up` says
    that its target was not there.
    """

    metric: str
    start: datetime
    end: datetime
    labels: Labels
    down: bool = False


@dataclass(frozen=True, kw_only=True)
class Turn:
    """
    A counter that started again, or a series that begins or ends inside a window, all its rows considered. since: the
    row before; the counter started again after it, and at `at` at the latest.
    """

    metric: str
    since: datetime
    at: datetime
    kind: Literal["reset", "begins", "ends"]
    labels: Labels


@dataclass(frozen=True, kw_only=True)
class DataNote:
    """Something about the data of one export that a reader must know; findings are made from these.

    kind: duplicates | conflicts | unsorted | zoneless | non_numbers | negative | inexact | empty | refused | missing |
        warning | unreadable | history_changed | partial | not_kept.
    count: rows (or answers) it is about. text: one sentence. place: 'parser_failure_total.csv:17' where there is one.
    """

    kind: str
    metric: str
    count: int = 1
    text: str = ""
    place: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """What the exports of one deployment hold: samples by metric name, and what was noticed on reading them."""

    samples: Mapping[str, Samples] = field(default_factory=dict)
    notes: tuple[DataNote, ...] = ()

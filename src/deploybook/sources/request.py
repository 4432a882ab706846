"""What a source is asked: which metrics, over which time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..model import Deployment, Metric, Source
from ..times import Window

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Request:
    """
    wanted: name in the source to its kind ('histogram', 'counter', 'gauge'; 'answers' for a query, by metric id).
    windows: what times are needed; empty for all there is. folder: of the deployment, where paths start.
    progress: called with what was read, samples and bytes so far. environ: where `env:` references look.
    held: by name, the times (milliseconds, both ends included) that are stored and need not be asked again.
    clock, sleep: seconds, for time budgets and waits between tries.
    """

    source: Source
    deployment: Deployment | None = None
    folder: Path = Path()
    wanted: Mapping[str, str] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    now: datetime | None = None
    progress: Progress | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    held: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the deployment that this source may answer."""
        every = self.deployment.metrics if self.deployment else ()
        return tuple(metric for metric in every if metric.source in ("", self.source.name))

    def tell(self, what: str, samples: int, size: int) -> None:
        if self.progress:
            self.progress(what, samples, size)

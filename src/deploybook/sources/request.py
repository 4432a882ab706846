"""What a source is asked: which metrics, over which time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import SourceError
from ..model import DataNote, Deployment, Metric, Original, Source
from ..times import Window, from_ms, iso, length_text, parse_length, steps, to_ms

LEAD = timedelta(minutes=15)  # before and after each window: the row before its start, and what happened beside it
Progress = Callable[[str, int, int], None]
Held = Mapping[tuple[str, str], Sequence[tuple[int, int]]]


@dataclass(frozen=True, kw_only=True)
class Request:
    """
    wanted: name in the source to its kind ('histogram', 'counter', 'gauge'; 'answers' for a query, by metric id).
    windows: what times are needed; empty for all there is. folder: of the deployment, where paths start.
    progress: called with what was read, samples and bytes so far. environ: where `env:` references look.
    held: by metric and question, the times (milliseconds, both ends included) that are stored and not asked again.
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
    held: Held = field(default_factory=dict)
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


def needed(deployment: Deployment) -> tuple[Window, ...]:
    """Every window that a deployment is judged on: its own, gates, check-ins, checkpoints, and their baselines."""
    own = deployment.window
    found = {own}
    for at in steps(own, deployment.checkins.every):
        found.add(Window(start=max(own.start, at - deployment.checkins.every), end=at))
    found |= {Window(start=gate.at - gate.window, end=gate.at) for gate in deployment.gates}
    found |= {deployment.checkpoint_window(after) for after in deployment.checkpoints.after}
    compared = {window for one in found if (window := deployment.baseline_of(one))}
    counted = {deployment.since_end(after) for after in deployment.checkpoints.after}
    return tuple(sorted(found | compared | counted))


def merged(windows: Sequence[Window], lead: timedelta, now_ms: int | None) -> list[tuple[int, int]]:
    """The windows, `lead` longer on both sides, as stretches that do not touch; nothing after now. Milliseconds."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((to_ms(window.start - lead), to_ms(window.end + lead)) for window in windows):
        end = end if now_ms is None else min(end, now_ms)
        if end < start:
            continue
        if found and start <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def without(spans: Sequence[tuple[int, int]], held: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of the spans is not held yet; both ends of each belong to it."""
    left = list(spans)
    for first, last in held:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, first - 1)), (max(start, last + 1), end))
            if piece[0] <= piece[1]
        ]
    return sorted(set(left))


def unobservable(request: Request, name: str, kept: str, original: Original) -> list[DataNote]:
    """A note where an old stretch of time has no rows: the source does not keep it (kept: '15d'), it was not quiet."""
    try:
        keeps = parse_length(kept.replace("y", "00d"))
    except ValueError:
        return []
    if original.rows or request.now is None or original.end_ms >= to_ms(request.now - keeps):
        return []
    text = f"{name} before {iso(from_ms(original.end_ms))} is no longer observable: {request.source.name} keeps {length_text(keeps)}"
    return [DataNote(kind="missing", metric=name if name in request.wanted else "", count=0, text=text)]


def seconds_of(value: Any, name: str) -> float:
    """A `timeout` as seconds: a number, or a length such as '2m'."""
    try:
        return float(value) if isinstance(value, (int, float)) else parse_length(str(value)).total_seconds()
    except ValueError as error:
        raise SourceError(f"{name} > timeout: {error}") from None

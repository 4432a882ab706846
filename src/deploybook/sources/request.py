"""What a source is asked: which metrics, over which time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..model import DataNote, Deployment, Metric, Original, Source
from ..times import UTC, Window, from_ms, iso, parse_timeout, steps, to_ms

DAY = timedelta(days=1)
LEAD = timedelta(minutes=15)  # before and after each window: the row before its start, and what happened beside it
ANSWERS = 64 << 20  # bytes of packed answers that one pull keeps; of a metric all of them or none
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

    @property
    def judged(self) -> tuple[Window, ...]:
        """Every window that the deployment is judged on."""
        return needed(self.deployment) if self.deployment else ()

    def stretches(self, windows: Sequence[Window], lead: timedelta = LEAD) -> list[tuple[int, int]]:
        """The windows, `lead` longer on both sides, as stretches that do not touch; nothing after now. Milliseconds."""
        now = to_ms(self.now or datetime.max.replace(tzinfo=UTC))
        found: list[tuple[int, int]] = []
        for start, end in sorted((to_ms(one.start - lead), min(to_ms(one.end + lead), now)) for one in windows):
            if found and start <= found[-1][1] + 1:
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            elif start <= end:
                found.append((start, end))
        return found

    def texts(self, option: str) -> tuple[str, ...]:
        """An option that is a list; one text is a list of one."""
        value: Any = self.source.options.get(option) or ()
        return (value,) if isinstance(value, str) else tuple(map(str, value))

    def seconds(self, usual: str) -> float:
        """The source's `timeout`: seconds, or a length such as '2m'."""
        return parse_timeout(self.source.options.get("timeout") or usual).total_seconds()

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


def sample_names(wanted: Mapping[str, str]) -> list[str]:
    """The names that the samples of the wanted metrics have."""
    ends = ("_bucket", "_sum", "_count")
    return [name + end for name, kind in wanted.items() for end in (ends if kind == "histogram" else ("",))]


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


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a source still has. since_ms: nothing before it. why: how that is known, as words behind the source's name."""

    since_ms: int
    why: str


def kept_for(request: Request, length: timedelta | None) -> Kept | None:
    """What a source has that keeps everything for that long; None where neither it nor its option says how long."""
    length = length_in(str(request.source.options.get("retention") or "")) or length
    if length is None or request.now is None:
        return None
    return Kept(since_ms=to_ms(request.now - length), why=f"{request.source.name} keeps {length / DAY:g} days")


def length_in(text: str) -> timedelta | None:
    """'15d', '1y', '1d12h', '30d or 50GiB' as a length; None for a size, and for the '0s' of a flag that is not set."""
    hours = {"y": 365 * 24, "w": 7 * 24, "d": 24, "h": 1, "m": 1 / 60, "s": 1 / 3600}
    parts = re.findall(r"(\d+)\s*([ywdhms])", text.split(" or ")[0])
    return timedelta(hours=sum(int(number) * hours[unit] for number, unit in parts)) or None


def unobservable(request: Request, name: str, original: Original, kept: Kept | None) -> list[DataNote]:
    """A note where an old stretch of time has no rows: the source does not have it any more, it was not quiet."""
    if original.rows or kept is None or original.end_ms >= kept.since_ms:
        return []
    text = f"{name} before {iso(from_ms(original.end_ms))} is no longer observable: {kept.why}"
    return [DataNote(kind="missing", metric=name if name in request.wanted else "", count=0, text=text)]


def not_kept(name: str) -> DataNote:
    """A note where the answers about a metric would be more than a pull keeps."""
    text = (
        f"the answers about {name} are not kept, only their digests: together a pull keeps {ANSWERS >> 20} MiB. "
        "Its figures cannot be derived again from them; a 'query', or 'raw: false', asks for less"
    )
    return DataNote(kind="not_kept", metric=name, text=text, count=0)

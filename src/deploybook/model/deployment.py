"""A deployment as it is judged: its windows, metrics, gates, check-ins and checkpoints, every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ..times import Window, iso, local_day, on_day
from ..units import Limit
from .metric import Metric

Outcome = Literal["succeeded", "rolled_back", "aborted", "postponed"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """
    Where numbers or events come from. options holds what its kind needs, as written; a secret is only ever a
    reference there ('env:NAME', 'file:PATH'), resolved by the source itself, never stored.
    """

    name: str
    kind: str
    options: Mapping[str, object] = field(default_factory=dict)
    zone: ZoneInfo | None = None
    step: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A condition at a named minute of the rollout: `metric` over `window` before `at`, against the baseline."""

    name: str
    at: datetime
    metric: str
    window: timedelta
    limit: Limit


@dataclass(frozen=True, kw_only=True)
class Checkins:
    """Looks inside the deployment window: at start + every, …, end; each over the `every` before it."""

    every: timedelta = timedelta(minutes=15)
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PeopleCheck:
    """A check a person does: `who` does `what` at the end of the deployment window plus `after`. id: '+4h', or as written."""

    after: timedelta
    who: str
    what: str
    id: str = ""


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """
    The looks after the deployment window: at its end + after. window: what is compared with the baseline there.
    success: metric id to its criterion over the observation so far; the targets where none was written.
    """

    after: tuple[timedelta, ...] = (timedelta(hours=1), timedelta(hours=12), timedelta(hours=24), timedelta(hours=48))
    window: timedelta = timedelta(hours=1)
    success: tuple[tuple[str, Limit], ...] = ()
    people: tuple[PeopleCheck, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlannedMessage:
    """
    A draft ('status', 'broadcast', 'recap') that goes to a channel at its time, if every condition holds: 'no incident',
    'verdict pass', '+24h passed'. text: what a person adds to it.
    """

    at: datetime
    draft: str
    channel: str
    conditions: tuple[str, ...] = ()
    text: str = ""

    @property
    def key(self) -> str:
        """What the log calls it: what was sent under this name is not sent again."""
        return f"planned {self.draft} {iso(self.at)}"

    @property
    def last(self) -> datetime:
        """Until when it may go out where it is held."""
        return self.at + timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Closing:
    """What `close` adds: how it ended, when it really ran, why, and who said so."""

    outcome: Outcome
    actual: Window | None = None
    reason: str = ""
    at: datetime | None = None
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """
    One change and its windows. All times UTC; `zone` is for readers and for finding the baseline by local clock.

    baseline is None for a first deployment: the targets decide and the page says so.
    assumed: each default that was used, as `check` prints it. path: the file's path as the user would type it.
    """

    slug: str
    title: str
    ticket: str
    version: str = ""
    zone: ZoneInfo
    window: Window
    baseline: Window | None
    observation: timedelta = timedelta(hours=48)
    metrics: tuple[Metric, ...] = ()
    sources: tuple[Source, ...] = ()
    gates: tuple[Gate, ...] = ()
    checkins: Checkins = Checkins()
    checkpoints: Checkpoints = Checkpoints()
    lead: str = ""
    service: str = ""
    team: str = ""
    dashboard: str = ""
    closing: Closing | None = None
    judge: Literal["interval", "point"] = "interval"
    notify: tuple[str, ...] = ()
    messages: tuple[PlannedMessage, ...] = ()
    assumed: tuple[str, ...] = ()
    path: str = ""

    @property
    def end(self) -> datetime:
        return self.window.end

    @property
    def observed(self) -> Window:
        """The observation: elapsed time from the end of the deployment window."""
        return Window(start=self.end, end=self.end + self.observation)

    @property
    def day(self) -> date:
        return local_day(self.window.start, self.zone)

    @property
    def baseline_day(self) -> date | None:
        return local_day(self.baseline.start, self.zone) if self.baseline else None

    def metric(self, id: str) -> Metric:
        """The metric of that id; KeyError where there is none, which callers turn into a suggestion."""
        return {metric.id: metric for metric in self.metrics}[id]

    def due(self, after: timedelta) -> datetime:
        return self.end + after

    @property
    def ended(self) -> datetime | None:
        """When it was rolled back, aborted or postponed; None where it runs or succeeded."""
        if self.closing is None or self.closing.outcome == "succeeded":
            return None
        return self.closing.at or (self.closing.actual.end if self.closing.actual else self.end)

    @property
    def recovery(self) -> Window | None:
        """The time after a rollback, as long as a checkpoint looks back: is all as it was before?"""
        if self.ended is None or self.closing is None or self.closing.outcome != "rolled_back":
            return None
        return Window(start=self.ended, end=self.ended + self.checkpoints.window)

    @property
    def closes(self) -> datetime:
        """When the watch is over: at the last checkpoint, or when the deployment ended before it and has recovered."""
        last = max([self.end, *map(self.due, self.checkpoints.after)])
        if self.ended is None or self.ended >= last:
            return last
        return max(self.end, self.recovery.end if self.recovery else self.ended)

    def baseline_of(self, window: Window) -> Window | None:
        """
        What `window` is compared with: the baseline itself for the deployment window, otherwise the same local
        clock time on the baseline's day, as long; None without a baseline.
        """
        if self.baseline is None or self.baseline_day is None:
            return None
        if window == self.window:
            return self.baseline
        shifted = on_day(window, self.zone, self.baseline_day)
        if shifted.start < self.baseline.start and window.start >= self.window.start and window.end <= self.window.end:
            # A deployment over midnight: the part after midnight has its counterpart on the day after the baseline's.
            return on_day(window, self.zone, self.baseline_day + timedelta(days=1))
        return shifted

    def checkpoint_window(self, after: timedelta) -> Window:
        """What a checkpoint compares with the baseline: the time before it, elapsed, not reaching into the rollout."""
        due = self.due(after)
        return Window(start=max(self.end, due - self.checkpoints.window), end=due)

    def since_end(self, after: timedelta) -> Window:
        """What the success criteria of a checkpoint look at: the observation so far."""
        return Window(start=self.end, end=self.due(after))

    def __str__(self) -> str:
        return f"{self.title} ({self.ticket})" if self.ticket else self.title

"""
What is due, what was done, what was missed and what comes next, over all deployments.

An anchor (the end of a deployment window), offsets (+1h, +12h …) and the evidence log are all it takes: a report was
made where the log holds its verdict, and nowhere else is written what was done. Each report keeps its own logical time,
however late it is made. Pure: the same log and the same `now` give the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from .model import Deployment
from .times import after_name, at_clock, length_text, local_day
from .wording import after_text

if TYPE_CHECKING:
    from .evidence import Entry

__all__ = ["Item", "Slot", "plan", "slots", "wake"]

Kind = Literal["outcome", "checkpoint", "closing", "daily"]
State = Literal["done", "due", "missed", "next", "not_applicable"]

GRACE = timedelta(hours=1)  # with `catch_up: none`, what is not older than this is still made
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Slot:
    """
    One report and its logical time. after: of a checkpoint; day: of a daily report, which belongs to no deployment.
    """

    at: datetime
    kind: Kind
    deployment: str = ""
    after: timedelta | None = None
    day: date | None = None

    @property
    def scope(self) -> str:
        """As the log names it: window, after-24h, closing, daily-2025-01-22."""
        if self.kind == "outcome":
            return "window"
        if self.kind == "closing":
            return "closing"
        return f"daily-{self.day}" if self.after is None else f"after-{after_name(self.after)}"

    @property
    def name(self) -> str:
        """As a reader says it: Window, +24h, Closing, Daily."""
        if self.after is not None:
            return after_text(self.after)
        return "Window" if self.kind == "outcome" else self.kind.capitalize()


@dataclass(frozen=True, kw_only=True)
class Item:
    """
    A slot and how it stands. verdict, recorded_at: of what was made. late: how long after its time it was made, or how
    long it is overdue now. A due item with a verdict is a revision, or was made again and failed. retry_at: when a run
    that failed is tried again. why: in words, '' where the state says it.
    """

    slot: Slot
    state: State
    verdict: str = ""
    recorded_at: datetime | None = None
    late: timedelta = timedelta()
    retry_at: datetime | None = None
    why: str = ""

    def ready(self, now: datetime) -> bool:
        """True where it is to be made now."""
        return self.state == "due" and (self.retry_at is None or self.retry_at <= now)


@dataclass(frozen=True, kw_only=True)
class _Record:
    """What the log says of one report. revised: made, but how the deployment ended was recorded after it."""

    verdict: str = ""
    recorded_at: datetime | None = None
    late: timedelta | None = None
    revised: bool = False
    failures: int = 0
    failed_at: datetime | None = None


@dataclass(kw_only=True)
class _History:
    """The log, read once from its beginning."""

    records: dict[tuple[str, str], _Record] = field(default_factory=dict)

    def of(self, slot: Slot) -> _Record:
        return self.records.get((slot.deployment, slot.scope), _Record())

    def take(self, entry: Entry) -> None:
        said, deployment = entry.predicate, entry.deployment
        if entry.kind == "outcome":
            self.take_outcome(deployment, str(said.get("outcome")))
            return
        key = ("" if deployment == "daily" else deployment, str(said.get("scope", "")))
        before, at = self.records.get(key, _Record()), moment(entry.recorded_at)
        if entry.kind == "verdict":
            late = timedelta(seconds=int(said["lateSeconds"])) if "lateSeconds" in said else before.late
            self.records[key] = _Record(verdict=str(said.get("verdict", "")), recorded_at=at, late=late)
        elif entry.kind == "run" and key[1]:
            failures = before.failures + 1 if said.get("result", "completed") != "completed" else 0
            self.records[key] = replace(before, failures=failures, failed_at=at)

    def take_outcome(self, deployment: str, outcome: str) -> None:
        """Postponed: its windows are others now, so what was made belongs to the old ones. Else: pages that told no end."""
        mine = [key for key in self.records if key[0] == deployment]
        for key in mine:
            if outcome == "postponed":
                del self.records[key]
            elif key[1] in ("window", "closing") and self.records[key].verdict:
                self.records[key] = replace(self.records[key], revised=True)


def plan(
    deployments: Iterable[Deployment],
    entries: Iterable[Entry],
    now: datetime,
    *,
    catch_up: str = "all",
    max_age: timedelta | None = None,
    daily: str = "",
    zone: ZoneInfo | None = None,
) -> tuple[Item, ...]:
    """
    Every report of these deployments with its state, in the order of their logical times.

    entries: of the evidence log, in its order. catch_up, for checkpoints and daily reports whose time has passed: all,
    latest (of each deployment only the newest), none (only what is due for an hour at most). max_age: what is overdue
    for longer is missed. daily: '17:00' in `zone`, '' for no daily reports.
    """
    known, history = list(deployments), _History()
    for entry in entries:
        history.take(entry)
    wanted = [(slot, deployment) for deployment in known for slot in slots(deployment)]
    whole = [stand(slot, deployment, history.of(slot), now) for slot, deployment in wanted]
    whole += [stand(slot, None, history.of(slot), now) for slot in dailies(known, daily, zone, now)]
    whole = caught_up(whole, now, catch_up, max_age)
    return tuple(sorted(whole, key=lambda item: (item.slot.at, item.slot.deployment, item.slot.scope)))


def slots(deployment: Deployment) -> Iterator[Slot]:
    """The outcome report, a report for each checkpoint, and the closing report after the last of them."""
    yield Slot(at=deployment.end, kind="outcome", deployment=deployment.slug)
    for after in deployment.checkpoints.after:
        yield Slot(at=deployment.due(after), kind="checkpoint", deployment=deployment.slug, after=after)
    yield Slot(at=deployment.closes, kind="closing", deployment=deployment.slug)


def dailies(deployments: Sequence[Deployment], clock: str, zone: ZoneInfo | None, now: datetime) -> Iterator[Slot]:
    """
    A report for each local day on which a deployment or its observation was under way in the 24 hours before `clock`.

    A local time that a clock change leaves out moves forward by the change, of one that comes twice it is the first.
    """
    if not clock or not deployments:
        return
    zone = zone or deployments[0].zone
    spans = [(each.window.start, min(each.ended or each.observed.end, each.observed.end)) for each in deployments]
    days = {local_day(start, zone) + DAY * n for start, end in spans for n in range((end - start).days + 3)}
    for day in sorted(days):
        at = at_clock(day, clock, zone)
        if any(start < at < end + DAY for start, end in spans):
            yield Slot(at=at, kind="daily", day=day)


def stand(slot: Slot, deployment: Deployment | None, record: _Record, now: datetime) -> Item:
    """How one report stands, before the rules of catching up."""
    if record.verdict and not record.revised and not record.failures:
        late = record.late if record.late is not None else max((record.recorded_at or slot.at) - slot.at, timedelta())
        return Item(slot=slot, state="done", verdict=record.verdict, recorded_at=record.recorded_at, late=late)
    if deployment is not None and not_applicable(slot, deployment):
        return Item(slot=slot, state="not_applicable", why="the deployment had ended before")
    if slot.at > now:
        return Item(slot=slot, state="next")
    why = "how it ended was recorded after it was made" if record.revised else ""
    late = (record.late or timedelta()) if record.verdict else now - slot.at
    if record.failures:
        why = f"failed {record.failures} times" if record.failures > 1 else "failed once"
    return Item(slot=slot, state="due", verdict=record.verdict, late=late, why=why, retry_at=retry_at(record))


def not_applicable(slot: Slot, deployment: Deployment) -> bool:
    """A checkpoint after the deployment ended; of one that was postponed also its outcome, and its closing in any case."""
    ended, closing = deployment.ended, deployment.closing
    if ended is None or closing is None:
        return False
    if closing.outcome == "postponed" and slot.kind == "closing":
        return True
    return slot.at > ended and (slot.kind == "checkpoint" or closing.outcome == "postponed")


def retry_at(record: _Record) -> datetime | None:
    """1, 2, 4 … minutes after a run that failed, at most an hour."""
    if not record.failures or record.failed_at is None:
        return None
    return record.failed_at + timedelta(minutes=min(2 ** min(record.failures - 1, 6), 60))


def caught_up(items: list[Item], now: datetime, catch_up: str, max_age: timedelta | None) -> list[Item]:
    """The items with what will not be made any more marked as missed."""
    newest: dict[tuple[str, str], datetime] = {}
    for item in items:
        if item.slot.at <= now and item.state in ("due", "done"):
            key = (item.slot.kind, item.slot.deployment)
            newest[key] = max(newest.get(key, item.slot.at), item.slot.at)

    def ruled(item: Item) -> Item:
        slot = item.slot
        if item.state != "due" or item.verdict:
            return item  # a revision is made whatever its age
        if max_age is not None and item.late > max_age:
            return replace(item, state="missed", why=f"older than {length_text(max_age)}")
        if slot.kind not in ("checkpoint", "daily"):
            return item
        if catch_up == "latest" and slot.at < newest[slot.kind, slot.deployment]:
            return replace(item, state="missed", why="a later one is made instead")
        if catch_up == "none" and item.late > GRACE:
            return replace(item, state="missed", why="nothing is caught up")
        return item

    return [ruled(item) for item in items]


def wake(items: Iterable[Item], now: datetime) -> datetime | None:
    """When there is something to do next: now where there is already, None where nothing is to come."""
    times = [
        now if item.ready(now) else item.retry_at or item.slot.at for item in items if item.state in ("due", "next")
    ]
    return min(times, default=None)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def document(item: Item) -> dict[str, Any]:
    """The item as JSON: what `status --json` and `run --json` print."""
    slot = item.slot
    return {
        "deployment": slot.deployment or None,
        "kind": slot.kind,
        "after": after_name(slot.after) if slot.after else None,
        "day": slot.day.isoformat() if slot.day else None,
        "scope": slot.scope,
        "due": slot.at.isoformat().replace("+00:00", "Z"),
        "state": item.state,
        "verdict": item.verdict or None,
        "recorded_at": item.recorded_at.isoformat().replace("+00:00", "Z") if item.recorded_at else None,
        "late_seconds": round(item.late.total_seconds()),
        "retry_at": item.retry_at.isoformat().replace("+00:00", "Z") if item.retry_at else None,
        "why": item.why,
    }

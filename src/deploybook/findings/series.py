"""Targets that went away or appeared while others of the metric went on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from .. import wording
from ..model import Finding
from .rows import Labels, target_of, target_text

# One that begins this near to the end of another takes its place.
SUCCESSION = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A series that begins, or that ends, while others of its metric go on."""

    metric: str
    at: datetime
    kind: Literal["begins", "ends"]
    labels: Labels


def from_series(changes: Sequence[Change], zone: ZoneInfo) -> list[Finding]:
    """
    One finding for all that were replaced (info), one for each that is gone (warn), one for all that are new (info).

    A target with several metrics is one; each that begins takes the place of one at most.
    """
    gone = {target_of(each.labels): each for each in sorted(changes, key=by_time, reverse=True) if each.kind == "ends"}
    new = {target_of(each.labels): each for each in sorted(changes, key=by_time, reverse=True) if each.kind == "begins"}
    replaced, left = [], []
    for target, each in sorted(gone.items(), key=lambda pair: (pair[1].at, pair[0])):
        heirs = [heir for heir, other in new.items() if heir != target and abs(other.at - each.at) <= SUCCESSION]
        if target in new or not heirs:
            if target not in new:
                left.append(each)
            continue
        replaced.append(each)
        del new[min(heirs, key=lambda heir: (abs(new[heir].at - each.at), heir))]
    found = [disappeared(each, zone) for each in left]
    if replaced:
        found.append(summed("series_gone", replaced, "went and others took their place", zone))
    if appeared := [each for target, each in new.items() if target not in gone]:
        found.append(summed("series_new", sorted(appeared, key=by_time), "appeared", zone))
    return found


def by_time(change: Change) -> datetime:
    return change.at


def disappeared(change: Change, zone: ZoneInfo) -> Finding:
    return Finding(
        kind="series_gone",
        severity="warn",
        metric=change.metric,
        labels=change.labels,
        start=change.at,
        text=f"{change.metric}: {target_text(change.labels)} was last seen at {wording.local_full(change.at, zone)}, "
        "and nothing took its place.",
    )


def summed(kind: str, changes: Sequence[Change], what: str, zone: ZoneInfo) -> Finding:
    first, last = changes[0].at, changes[-1].at
    when = f"at {wording.local_full(first, zone)}"
    if last != first:
        when = f"between {wording.local_full(first, zone)} and {wording.local(last, zone)}"
    return Finding(
        kind=kind,
        severity="info",
        metric=changes[0].metric,
        start=first,
        end=last,
        text=f"{named(target_text(each.labels) for each in changes)} {what} {when}.",
    )


def named(names: Iterable[str]) -> str:
    each = sorted(names)
    return wording.listed(each if len(each) <= 6 else [*each[:5], f"{len(each) - 5} more"])

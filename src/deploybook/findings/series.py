"""Targets that went away or appeared while others of the metric went on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from .. import wording
from ..model import Finding, Turn
from .rows import shortened, target_of, target_text
from .tell import note, warn

# One that begins this near to the end of another takes its place.
SUCCESSION = timedelta(minutes=15)


def from_series(changes: Sequence[Turn], zone: ZoneInfo) -> list[Finding]:
    """
    One finding for all that were replaced (info), one for each that is gone (warn), one for all that are new (info).

    A target with several metrics is one; each that begins takes the place of one at most.
    """
    latest_first = sorted(changes, key=lambda each: each.at, reverse=True)
    gone = {target_of(each.labels): each for each in latest_first if each.kind == "ends"}
    new = {target_of(each.labels): each for each in latest_first if each.kind == "begins"}
    replaced, found = [], []
    for target, each in sorted(gone.items(), key=lambda pair: (pair[1].at, pair[0])):
        if target in new:
            continue
        heirs = [heir for heir, other in new.items() if abs(other.at - each.at) <= SUCCESSION]
        if heirs:
            replaced.append(each)
            del new[min(heirs, key=lambda heir: (abs(new[heir].at - each.at), heir))]
        else:
            text = f"{target_text(target)} was last seen at {wording.local_full(each.at, zone)}"
            text = f"{each.metric}: {text}, and nothing took its place."
            found.append(warn("series_gone", text, each.metric, each.at, labels=each.labels))
    if replaced:
        found.append(summed("series_gone", replaced, "went and others took their place", zone))
    if appeared := [each for target, each in new.items() if target not in gone]:
        found.append(summed("series_new", appeared, "appeared", zone))
    return found


def summed(kind: str, changes: Sequence[Turn], what: str, zone: ZoneInfo) -> Finding:
    first, last = min(changes, key=lambda each: each.at), max(each.at for each in changes)
    shown = shortened(sorted(target_text(each.labels) for each in changes))
    when = f"at {wording.local_full(first.at, zone)}"
    if last != first.at:
        when = f"between {wording.local_full(first.at, zone)} and {wording.local(last, zone)}"
    return note(kind, f"{shown} {what} {when}.", first.metric, first.at, last)

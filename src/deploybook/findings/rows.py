"""What the rows themselves show: gaps, restarts, exports that are empty or end early, names that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .. import wording
from ..model import DataNote, Entry, Finding, Metric
from ..times import Window, length_text

Labels = tuple[tuple[str, str], ...]

# Labels that name a target; where a series has one of them, the rest of its labels do not make another target.
TARGET_LABELS = ("pod", "instance", "container", "host", "node")
SHORT_GAP = timedelta(minutes=3)
NEAR = timedelta(minutes=5)
SHOWN = 6  # names or times in one sentence
APART = 3  # targets that each get a sentence of their own

OWN_KIND = {
    "empty": "empty_export",
    "missing": "empty_export",
    "unreadable": "empty_export",
    "refused": "refused",
    "history_changed": "history_changed",
    "partial": "partial",
    "warning": "partial",
}
QUALITY = {
    "duplicates": "{} that stood there twice, counted once",
    "conflicts": "{} that contradicted another one",
    "unsorted": "{} out of order, sorted",
    "zoneless": "{} without a zone, refused",
    "non_numbers": "{} without a number, their whole scrape left out",
    "negative": "{} with a counter below zero, their whole scrape left out",
}
HARMLESS = {"duplicates", "unsorted"}


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A time in which one series was not seen. down: `up` says that its target was not there."""

    metric: str
    start: datetime
    end: datetime
    labels: Labels
    down: bool = False

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, kw_only=True)
class Reset:
    """A counter of one series that began again, after `since` and at `at` at the latest."""

    metric: str
    since: datetime
    at: datetime
    labels: Labels


def target_of(labels: Iterable[tuple[str, str]]) -> Labels:
    """What identifies the thing that restarted: its pod, instance … where it has one, otherwise all labels."""
    labels = tuple(labels)
    return tuple(pair for pair in labels if pair[0] in TARGET_LABELS) or labels


def target_text(labels: Iterable[tuple[str, str]]) -> str:
    return ", ".join(value for _, value in target_of(labels)) or "the target"


def from_gaps(stretches: Sequence[Stretch], resets: Sequence[Reset], zone: ZoneInfo, step: timedelta) -> list[Finding]:
    """One finding per metric and stretch of time; a short one around a restart belongs to the restart."""
    short = max(SHORT_GAP, step * 4)
    groups: dict[tuple[str, datetime], list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        if stretch.length <= short and any(is_around(stretch, reset) for reset in resets):
            continue
        groups[(stretch.metric, stretch.start.replace(second=0, microsecond=0))].append(stretch)
    found = [one_gap(metric, group, zone, step) for (metric, _), group in sorted(groups.items())]
    return merge_small(found)


def is_around(stretch: Stretch, reset: Reset) -> bool:
    same = target_of(stretch.labels) == target_of(reset.labels)
    return same and stretch.start <= reset.at and reset.since <= stretch.end + timedelta(minutes=2)


def one_gap(metric: str, group: Sequence[Stretch], zone: ZoneInfo, step: timedelta) -> Finding:
    start, end = min(each.start for each in group), max(each.end for each in group)
    who = (
        target_text(group[0].labels)
        if len(group) == 1 and group[0].labels
        else wording.plural(len(group), "series", "series")
    )
    down = "its target was down (up = 0)" if len(group) == 1 else "their targets were down (up = 0)"
    why = down if all(each.down for each in group) else "what happened then was not observed"
    return Finding(
        kind="gap",
        severity="warn" if end - start > max(timedelta(minutes=1), step * 3) else "info",
        metric=metric,
        start=start,
        end=end,
        labels=group[0].labels if len(group) == 1 else (),
        text=f"{metric}: no samples of {who} for {length_text(end - start)} from {wording.local_full(start, zone)}; {why}.",
    )


def merge_small(found: Sequence[Finding]) -> list[Finding]:
    """Many single lost scrapes of one metric as one line."""
    small: dict[str, list[Finding]] = defaultdict(list)
    for each in found:
        if each.severity == "info":
            small[each.metric].append(each)
    merged = [
        group[0]
        if len(group) == 1
        else Finding(
            kind="gap",
            severity="info",
            metric=metric,
            start=group[0].start,
            end=group[-1].end,
            text=f"{metric}: {len(group)} short gaps of a scrape or two.",
        )
        for metric, group in sorted(small.items())
    ]
    return [*(each for each in found if each.severity == "warn"), *merged]


def from_resets(
    resets: Sequence[Reset],
    rollout: Window,
    looked_at: Window,
    journal: Sequence[Entry],
    zone: ZoneInfo,
    *,
    rolled_back: Sequence[datetime] = (),
) -> list[Finding]:
    """
    The first restart of each target inside the deployment window belongs to the rollout; each further one is news,
    and so is each one after it that no journal line about a restart, and no rollback, stands near.
    """
    announced = [
        entry.at for entry in journal if entry.kind == "restart" and not rollout.start <= entry.at <= rollout.end
    ]
    announced += rolled_back
    planned: list[Reset] = []
    news: dict[Labels, list[Reset]] = defaultdict(list)
    for target, each in by_target(resets).items():
        first = next((reset for reset in each if rollout.start <= reset.at <= rollout.end), None)
        for reset in each:
            if not looked_at.start <= reset.at <= looked_at.end:
                continue
            is_planned = reset is first or any(abs(reset.at - at) <= NEAR for at in announced)
            (planned if is_planned else news[target]).append(reset)
    found = [
        as_planned(kind, of_kind, zone)
        for kind in ("restarts", "reset")
        if (of_kind := [reset for reset in planned if kind_of(reset) == kind])
    ]
    if len(news) > APART:
        return [*found, together(news, zone)]
    return [*found, *(unplanned(target, each, zone) for target, each in sorted(news.items()))]


def by_target(resets: Sequence[Reset]) -> dict[Labels, list[Reset]]:
    """The restarts of each target, in order: resets of several counters that may be one restart are one."""
    found: dict[Labels, list[Reset]] = defaultdict(list)
    # The best known ones first, so that one seen across a gap joins the one that it may be.
    for reset in sorted(resets, key=lambda each: (each.at - each.since, each.at)):
        seen = found[target_of(reset.labels)]
        if not any(reset.since - timedelta(minutes=1) < other.at < reset.at + timedelta(minutes=1) for other in seen):
            seen.append(reset)
    return {target: sorted(each, key=lambda reset: reset.at) for target, each in found.items()}


def as_planned(kind: str, planned: Sequence[Reset], zone: ZoneInfo) -> Finding:
    names = sorted({target_text(reset.labels) for reset in planned})
    first, last = min(reset.at for reset in planned), max(reset.at for reset in planned)
    what = "Planned restart" if kind == "restarts" else "Planned reset of the counter"
    when = f"at {wording.local(first, zone)}"
    if last != first:
        when = f"between {wording.local(first, zone)} and {wording.local(last, zone)}"
    return Finding(
        kind=kind,
        severity="info",
        start=first,
        end=last,
        text=f"{what}{'s' if len(planned) > 1 else ''} of {wording.listed(names)} {when}; what the counters had before was "
        "added up.",
    )


def unplanned(target: Labels, resets: Sequence[Reset], zone: ZoneInfo) -> Finding:
    kind, who = kind_of(resets[0]), target_text(target)
    what = f"{who} restarted" if kind == "restarts" else f"The counter {resets[0].metric} of {who} went back to zero"
    often = "once" if len(resets) == 1 else f"{len(resets)} times"
    times = times_of(resets, zone)
    shown = times if len(times) <= SHOWN else [*times[: SHOWN - 1], f"{len(times) - SHOWN + 1} more times"]
    return Finding(
        kind=kind,
        severity="warn",
        metric=resets[0].metric,
        labels=target,
        start=resets[0].at,
        end=resets[-1].at,
        text=f"{what} {often} outside the plan: {wording.listed(shown)}.",
    )


def times_of(resets: Sequence[Reset], zone: ZoneInfo) -> list[str]:
    """Each time, its day only where it is another one than before."""
    days = [None, *(reset.at.astimezone(zone).date() for reset in resets)]
    return [
        wording.local(reset.at, zone) if day == before else wording.local_full(reset.at, zone)
        for reset, before, day in zip(resets, days, days[1:], strict=False)
    ]


def together(news: Mapping[Labels, Sequence[Reset]], zone: ZoneInfo) -> Finding:
    """Many targets that restarted, as one line."""
    every = sorted((reset for each in news.values() for reset in each), key=lambda reset: reset.at)
    names = [target_text(target) for target in sorted(news)]
    shown = names if len(names) <= SHOWN else [*names[: SHOWN - 1], f"{len(names) - SHOWN + 1} more"]
    return Finding(
        kind=kind_of(every[0]),
        severity="warn",
        start=every[0].at,
        end=every[-1].at,
        text=f"{len(names)} targets restarted outside the plan, {wording.plural(len(every), 'time')} in all, from "
        f"{wording.local_full(every[0].at, zone)} to {wording.local_full(every[-1].at, zone)}: {wording.listed(shown)}.",
    )


def kind_of(reset: Reset) -> str:
    """A restart where the series names its target, a reset of a counter where it does not."""
    return "restarts" if any(name in TARGET_LABELS for name, _ in reset.labels) else "reset"


def from_notes(notes: Sequence[DataNote]) -> list[Finding]:
    """One finding an export about the state of its rows; empty exports, refused files and changed history apart."""
    found = []
    quality: dict[str, list[DataNote]] = defaultdict(list)
    for note in notes:
        if note.kind in OWN_KIND:
            text = note.text if not note.place or note.text.startswith(note.place) else f"{note.place}: {note.text}"
            kind = OWN_KIND[note.kind]
            found.append(Finding(kind=kind, severity="warn", metric=note.metric, text=with_stop(text)))
        else:
            quality[note.metric].append(note)
    return [*found, *(about_quality(metric, group) for metric, group in sorted(quality.items()))]


def about_quality(metric: str, group: Sequence[DataNote]) -> Finding:
    counts: dict[str, int] = defaultdict(int)
    for note in group:
        counts[note.kind] += note.count
    parts = [
        QUALITY.get(kind, "{} of note").format(wording.plural(count, "row")) for kind, count in sorted(counts.items())
    ]
    place = min((note.place for note in group if note.place), default="")
    return Finding(
        kind="data_quality",
        severity="info" if set(counts) <= HARMLESS else "warn",
        metric=metric,
        text=f"{metric or 'The exports'}: {'; '.join(parts)}{f' (first at {place})' if place else ''}.",
    )


def with_stop(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def nothing(metric: Metric, names: Sequence[str]) -> Finding:
    """Not one sample under any of the metric's names."""
    hint = "; if it appears only with its first error, write 'missing: zero'" if metric.kind == "counter" else ""
    return Finding(
        kind="empty_export",
        severity="warn",
        metric=metric.id,
        text=f"{metric.title}: no samples of {wording.listed(names, 'or')} in any export{hint}.",
    )


def stale(metric: str, last: datetime, end: datetime, zone: ZoneInfo) -> Finding:
    return Finding(
        kind="stale",
        severity="warn",
        metric=metric,
        start=last,
        end=end,
        text=f"{metric}: the export ends at {wording.local_full(last, zone)}, {length_text(end - last)} too early; "
        "pull again.",
    )


def renamed(metric: Metric, present: Mapping[str, tuple[datetime, datetime]], zone: ZoneInfo) -> list[Finding]:
    """A declared rename: more than one of the metric's names has samples. present: first and last time of each."""
    names = sorted(present, key=lambda name: present[name])
    if len(names) < 2:
        return []
    at = present[names[1]][0]
    return [
        Finding(
            kind="renamed",
            severity="info",
            metric=metric.id,
            start=at,
            text=f"{metric.title}: called {names[0]} at first and {names[1]} from {wording.local_full(at, zone)} on; "
            "both were joined, as declared.",
        )
    ]


def undeclared(metric: Metric, last: datetime, others: Mapping[str, datetime], zone: ZoneInfo) -> list[Finding]:
    """A name that may be the metric's new one: it begins where the metric ends. others: first time of each name."""
    near = sorted(name for name, first in others.items() if abs(first - last) <= NEAR)
    if not near:
        return []
    return [
        Finding(
            kind="renamed",
            severity="warn",
            metric=metric.id,
            start=last,
            text=f"{metric.title}: {metric.name} ends at {wording.local_full(last, zone)}, and {wording.listed(near, 'or')} "
            f"begins there; if that is its new name, write 'also_named: [{near[0]}]'.",
        )
    ]

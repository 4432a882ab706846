"""What the rows themselves show: gaps, restarts, exports that are empty or end early, names that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .. import wording
from ..model import DataNote, Entry, Finding, Gap, Metric, Turn
from ..times import Window, length_text
from .tell import Labels, note, warn

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
    "failed": "partial",
    "warning": "partial",
}
QUALITY = {
    "duplicates": "{} that stood there twice, counted once",
    "conflicts": "{} that contradicted another one",
    "unsorted": "{} out of order, sorted",
    "zoneless": "{} without a zone, refused",
    "non_numbers": "{} without a number, their whole scrape left out",
    "inexact": "{} of 2^53 or more, where a counter cannot tell single steps",
    "negative": "{} with a counter below zero, their whole scrape left out",
}
HARMLESS = {"duplicates", "unsorted", "inexact"}  # what counts so far counts bytes or nanoseconds, not failures


def target_of(labels: Iterable[tuple[str, str]]) -> Labels:
    """What identifies the thing that restarted: its pod, instance … where it has one, otherwise all labels."""
    labels = tuple(labels)
    return tuple(pair for pair in labels if pair[0] in TARGET_LABELS) or labels


def target_text(labels: Iterable[tuple[str, str]]) -> str:
    return ", ".join(value for _, value in target_of(labels)) or "the target"


def from_gaps(stretches: Sequence[Gap], resets: Sequence[Turn], zone: ZoneInfo, step: timedelta) -> list[Finding]:
    """One finding per metric and stretch of time; a short one around a restart belongs to the restart."""
    short = max(SHORT_GAP, step * 4)
    groups: dict[tuple[str, datetime], list[Gap]] = defaultdict(list)
    for stretch in stretches:
        if stretch.end - stretch.start <= short and any(is_around(stretch, reset) for reset in resets):
            continue
        groups[(stretch.metric, stretch.start.replace(second=0, microsecond=0))].append(stretch)
    found = [one_gap(metric, group, zone, step) for (metric, _), group in sorted(groups.items())]
    return merge_small(found)


def is_around(stretch: Gap, reset: Turn) -> bool:
    same = target_of(stretch.labels) == target_of(reset.labels)
    return same and stretch.start <= reset.at and reset.since <= stretch.end + timedelta(minutes=2)


def one_gap(metric: str, group: Sequence[Gap], zone: ZoneInfo, step: timedelta) -> Finding:
    start, end = min(each.start for each in group), max(each.end for each in group)
    is_one = len(group) == 1
    who = target_text(group[0].labels) if is_one and group[0].labels else wording.plural(len(group), "series", "series")
    why = "its target was down (up = 0)" if is_one else "their targets were down (up = 0)"
    if not all(each.down for each in group):
        why = "what happened then was not observed"
    when = f"for {length_text(end - start)} from {wording.local_full(start, zone)}"
    tell = warn if end - start > max(timedelta(minutes=1), step * 3) else note
    text = f"{metric}: no samples of {who} {when}; {why}."
    return tell("gap", text, metric, start, end, group[0].labels if is_one else ())


def merge_small(found: Sequence[Finding]) -> list[Finding]:
    """Many single lost scrapes of one metric as one line."""
    small: dict[str, list[Finding]] = defaultdict(list)
    for each in found:
        if each.severity == "info":
            small[each.metric].append(each)
    merged = [
        note("gap", f"{metric}: {len(group)} short gaps of a scrape or two.", metric, group[0].start, group[-1].end)
        if len(group) > 1
        else group[0]
        for metric, group in sorted(small.items())
    ]
    return [*(each for each in found if each.severity == "warn"), *merged]


def from_resets(
    resets: Sequence[Turn],
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
    planned: list[Turn] = []
    news: dict[Labels, list[Turn]] = defaultdict(list)
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


def by_target(resets: Sequence[Turn]) -> dict[Labels, list[Turn]]:
    """The restarts of each target, in order: resets of several counters that may be one restart are one."""
    found: dict[Labels, list[Turn]] = defaultdict(list)
    # The best known ones first, so that one seen across a gap joins the one that it may be.
    for reset in sorted(resets, key=lambda each: (each.at - each.since, each.at)):
        seen = found[target_of(reset.labels)]
        if not any(reset.since - timedelta(minutes=1) < other.at < reset.at + timedelta(minutes=1) for other in seen):
            seen.append(reset)
    return {target: sorted(each, key=lambda reset: reset.at) for target, each in found.items()}


def as_planned(kind: str, planned: Sequence[Turn], zone: ZoneInfo) -> Finding:
    names = wording.listed(sorted({target_text(reset.labels) for reset in planned}))
    first, last = min(reset.at for reset in planned), max(reset.at for reset in planned)
    what = "Planned restart" if kind == "restarts" else "Planned reset of the counter"
    when = f"at {wording.local(first, zone)}"
    if last != first:
        when = f"between {wording.local(first, zone)} and {wording.local(last, zone)}"
    text = f"{what}{'s' if len(planned) > 1 else ''} of {names} {when}; what the counters had before was added up."
    return note(kind, text, "", first, last)


def unplanned(target: Labels, resets: Sequence[Turn], zone: ZoneInfo) -> Finding:
    first, who = resets[0], target_text(target)
    kind = kind_of(first)
    what = f"{who} restarted" if kind == "restarts" else f"The counter {first.metric} of {who} went back to zero"
    often = "once" if len(resets) == 1 else f"{len(resets)} times"
    text = f"{what} {often} outside the plan: {shortened(times_of(resets, zone), 'more times')}."
    return warn(kind, text, first.metric, first.at, resets[-1].at, target)


def shortened(names: Sequence[str], more: str = "more") -> str:
    """At most six of them in a sentence."""
    return wording.listed(names if len(names) <= SHOWN else [*names[: SHOWN - 1], f"{len(names) - SHOWN + 1} {more}"])


def times_of(resets: Sequence[Turn], zone: ZoneInfo) -> list[str]:
    """Each time, its day only where it is another one than before."""
    days = [None, *(reset.at.astimezone(zone).date() for reset in resets)]
    return [
        wording.local(reset.at, zone) if day == before else wording.local_full(reset.at, zone)
        for reset, before, day in zip(resets, days, days[1:], strict=False)
    ]


def together(news: Mapping[Labels, Sequence[Turn]], zone: ZoneInfo) -> Finding:
    """Many targets that restarted, as one line."""
    every = sorted((reset for each in news.values() for reset in each), key=lambda reset: reset.at)
    first, last = every[0].at, every[-1].at
    names = shortened([target_text(target) for target in sorted(news)])
    when = f"from {wording.local_full(first, zone)} to {wording.local_full(last, zone)}"
    often = f"{wording.plural(len(every), 'time')} in all"
    text = f"{len(news)} targets restarted outside the plan, {often}, {when}: {names}."
    return warn(kind_of(every[0]), text, "", first, last)


def kind_of(reset: Turn) -> str:
    """A restart where the series names its target, a reset of a counter where it does not."""
    return "restarts" if any(name in TARGET_LABELS for name, _ in reset.labels) else "reset"


def from_notes(notes: Sequence[DataNote]) -> list[Finding]:
    """One finding an export about the state of its rows; empty exports, refused files and changed history apart."""
    found = []
    quality: dict[str, list[DataNote]] = defaultdict(list)
    for each in notes:
        if each.kind == "not_kept":
            continue  # about the evidence, not the rows: `pull` and `verify` tell it
        if each.kind in OWN_KIND:
            text = each.text if each.text.startswith(each.place) else f"{each.place}: {each.text}"
            found.append(warn(OWN_KIND[each.kind], text if text.endswith(".") else f"{text}.", each.metric))
        else:
            quality[each.metric].append(each)
    return [*found, *(about_quality(metric, group) for metric, group in sorted(quality.items()))]


def about_quality(metric: str, group: Sequence[DataNote]) -> Finding:
    counts: dict[str, int] = defaultdict(int)
    for each in group:
        counts[each.kind] += each.count
    parts = [
        QUALITY.get(kind, "{} of note").format(wording.plural(count, "row")) for kind, count in sorted(counts.items())
    ]
    place = min((each.place for each in group if each.place), default="")
    text = f"{metric or 'The exports'}: {'; '.join(parts)}{f' (first at {place})' if place else ''}."
    return (note if set(counts) <= HARMLESS else warn)("data_quality", text, metric)


def nothing(metric: Metric, names: Sequence[str]) -> Finding:
    """Not one sample under any of the metric's names."""
    hint = "; if it appears only with its first error, write 'missing: zero'" if metric.kind == "counter" else ""
    text = f"{metric.title}: no samples of {wording.listed(names, 'or')} in any export{hint}."
    return warn("empty_export", text, metric.id)


def stale(metric: str, last: datetime, end: datetime, zone: ZoneInfo) -> Finding:
    when = f"{wording.local_full(last, zone)}, {length_text(end - last)} too early"
    return warn("stale", f"{metric}: the export ends at {when}; pull again.", metric, last, end)


def renamed(metric: Metric, present: Mapping[str, tuple[datetime, datetime]], zone: ZoneInfo) -> list[Finding]:
    """A declared rename: more than one of the metric's names has samples. present: first and last time of each."""
    names = sorted(present, key=lambda name: present[name])
    if len(names) < 2:
        return []
    at = present[names[1]][0]
    names_text = f"{names[0]} at first and {names[1]} from {wording.local_full(at, zone)} on"
    return [note("renamed", f"{metric.title}: called {names_text}; both were joined, as declared.", metric.id, at)]


def undeclared(metric: Metric, last: datetime, others: Mapping[str, datetime], zone: ZoneInfo) -> list[Finding]:
    """A name that may be the metric's new one: it begins where the metric ends. others: first time of each name."""
    near = sorted(name for name, first in others.items() if abs(first - last) <= NEAR)
    if not near:
        return []
    ends = f"{metric.name} ends at {wording.local_full(last, zone)}, and {wording.listed(near, 'or')} begins there"
    text = f"{metric.title}: {ends}; if that is its new name, write 'also_named: [{near[0]}]'."
    return [warn("renamed", text, metric.id, last)]

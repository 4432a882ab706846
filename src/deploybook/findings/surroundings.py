"""What lies around a deployment: another one in its time, no baseline, clocks that changed, nothing to judge."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from .. import wording
from ..model import Finding, Metric
from ..times import Window, offset_name
from .tell import note, warn


def overlap(title: str, ticket: str, window: Window, where: str, zone: ZoneInfo, *, service: str = "") -> Finding:
    """service: of both; '' where they are known to belong together by their series."""
    when = wording.window_text(window, zone)
    name = f"{title} ({ticket})" if ticket else title
    same = "of the same service" if service else "with the same series"
    text = f"{name} {same} was deployed {when}, inside the {where}; what moved may be its doing."
    return warn("overlap", text, "", window.start, window.end)


def no_baseline() -> Finding:
    return note("no_baseline", "This is a first deployment: there is no baseline, so the targets alone decide.")


def clock_change(baseline: datetime, at: datetime, zone: ZoneInfo) -> list[Finding]:
    """The offsets, where they are not the same at the baseline and at a later time of the report."""
    before, after = (moment.astimezone(zone).utcoffset() for moment in (baseline, at))
    if before == after:
        return []
    text = (
        f"The clocks changed: the baseline is {offset_name(baseline, zone)}, {wording.local_full(at, zone)} is "
        f"{offset_name(at, zone)}. The same local clock times are compared, and observation is elapsed time."
    )
    return [note("clock_change", text, "", at)]


def not_judged(metric: Metric) -> Finding:
    text = f"{metric.title}: neither a target nor a tolerance is written for it, so it is shown and not judged."
    return note("not_judged", text, metric.id)

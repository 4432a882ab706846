"""Kind `replay`: recorded files, told as far as they go at `now`; for demonstrations, rehearsals and tests."""

from __future__ import annotations

from dataclasses import replace

from ..model import Pulled
from ..times import to_ms
from . import files
from .request import Request


def pull(request: Request) -> Pulled:
    """What the files of `paths` held at `now`: no row is later than it."""
    pulled = files.pull(request)
    if request.now is None:
        return pulled
    now = to_ms(request.now)
    samples = []
    for one in pulled.samples:
        series = [
            replace(series, times=series.times[past], values=series.values[past], steps=series.steps[past])
            for series in one.series
            if (past := series.times <= now).any()
        ]
        samples += [replace(one, series=tuple(series))] if series else []
    originals = (replace(one, end_ms=min(one.end_ms, now)) for one in pulled.originals if one.start_ms <= now)
    return replace(pulled, samples=tuple(samples), originals=tuple(originals))

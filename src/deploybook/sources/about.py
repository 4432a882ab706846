"""What a source says of itself before it is needed: who answers, how long it keeps samples, what time it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..times import from_ms, parse_length
from . import prometheus
from .http import Client
from .request import Request


@dataclass(frozen=True, kw_only=True)
class About:
    """engine: name and version. keeps: how long samples are kept, None where it does not tell. clock: its time now."""

    engine: str
    keeps: timedelta | None = None
    clock: datetime | None = None


def about(request: Request) -> About:
    """Asks a server; of any other kind of source, what is written. Raises SourceError where it cannot answer."""
    kept = str(request.source.options.get("retention") or "")
    if request.source.kind != "prometheus":
        return About(engine=request.source.kind, keeps=length_in(kept))
    with Client(request) as client:
        engine = prometheus.identify(client).engine
        kept = kept or str(prometheus.told(client, "/api/v1/status/runtimeinfo").get("storageRetention") or "")
        _, answer = client.ask("/api/v1/query", lambda reply: prometheus.read(client, reply), form={"query": "time()"})
    times = [float(values[0]) for _, _, values in answer.series if len(values)]
    return About(engine=engine, keeps=length_in(kept), clock=from_ms(round(times[0] * 1000)) if times else None)


def length_in(text: str) -> timedelta | None:
    """'15d', '1y', '30d or 50GiB' as a length."""
    found = re.search(r"(\d+)(y|w|d|h|m)", text)
    if not found:
        return None
    days = {"y": 365, "w": 7}.get(found[2])
    return timedelta(days=int(found[1]) * days) if days else parse_length(found[0])

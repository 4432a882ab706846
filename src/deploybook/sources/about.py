"""What a source says of itself before it is needed: who answers, how long it keeps samples, what time it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..times import from_ms
from . import prometheus
from .http import Client
from .request import Request, length_in


@dataclass(frozen=True, kw_only=True)
class About:
    """engine: name and version. keeps: how long samples are kept, None where it does not tell. clock: its time now."""

    engine: str
    keeps: timedelta | None = None
    clock: datetime | None = None


def about(request: Request) -> About:
    """Asks a server; of any other kind of source, what is written. Raises SourceError where it cannot answer."""
    kept = length_in(str(request.source.options.get("retention") or ""))
    if request.source.kind != "prometheus":
        return About(engine=request.source.kind, keeps=kept)
    with Client(request) as client:
        server = prometheus.identify(client)
        _, answer = client.ask("/api/v1/query", lambda reply: prometheus.read(client, reply), form={"query": "time()"})
    times = [float(values[0]) for _, _, values in answer.series if len(values)]
    clock = from_ms(round(times[0] * 1000)) if times else None
    return About(engine=server.engine, keeps=kept or server.keeps, clock=clock)

"""
Where numbers and events come from.

    from deploybook import sources

    pulled = sources.pull(source, deployment, folder, now=now, environ=os.environ)   # one source
    pulled.samples, pulled.notes, pulled.originals, pulled.events                    # model.Pulled
    pulled.data                                                                      # model.Data, nothing stored
    sources.wanted(deployment, source)                                               # {'parser_duration_ms': 'histogram', …}
    sources.needed(deployment)                                                       # every window it is judged on

`pull` reads one source and stores nothing; storing what it gave is `exports.store`. What could be read is
returned even where one file is broken: the rest is told in notes. A source that cannot be asked at all raises
SourceError (SourceUnreachable where a later try can help, QueryRejected where not).

A source is one module with `pull(request: Request) -> Pulled` and one line in KINDS; another package adds its own
by an entry point in the group `deploybook.sources`, named as the kind, that leads to such a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from ..errors import UsageProblem
from ..model import DataNote, Deployment, Metric, Pulled, Source
from ..times import Window
from .request import Held, Progress, Request, needed

__all__ = ["EVENTS", "KINDS", "Held", "Progress", "Request", "kinds", "needed", "pull", "wanted"]

EVENTS = ("alertmanager", "git", "github", "gitlab", "grafana", "launchdarkly", "pagerduty", "slack")
KINDS = {
    **dict.fromkeys(EVENTS, "events"),
    "files": "files",
    "postgres": "postgres",
    "prometheus": "prometheus",
    "replay": "replay",
}
ABSENT = "look at its name and at 'where'"
ZERO = ", or write 'missing: zero' for a counter that starts with its first event"
# Read beside the metrics of every deployment: it tells a target that was down from a counter that never counted.
ALSO = {"up": "gauge"}
WHY = ("empty", "non_numbers", "negative", "refused", "unreadable", "zoneless")  # notes that say why rows are missing


def kinds() -> tuple[str, ...]:
    """Every kind of source there is, those of other packages included."""
    return tuple(sorted({*KINDS, *(entry.name for entry in entry_points(group="deploybook.sources"))}))


def reader(kind: str) -> Callable[[Request], Pulled]:
    """The function that pulls from a kind of source; UsageProblem for an unknown one."""
    if kind in KINDS:
        pull: Callable[[Request], Pulled] = import_module(f".{KINDS[kind]}", __package__).pull
        return pull
    for entry in entry_points(group="deploybook.sources", name=kind):
        loaded: Callable[[Request], Pulled] = entry.load()
        return loaded
    close = get_close_matches(kind, kinds(), n=1)
    raise UsageProblem(
        f"{kind!r} is no kind of source; write {f'{close[0]!r}, or ' if close else ''}one of {', '.join(kinds())}"
    )


def wanted(deployment: Deployment, source: Source | None = None) -> dict[str, str]:
    """Each name that the deployment's metrics need from this source, and its kind; `up` beside them."""
    found: dict[str, str] = {}
    for metric in deployment.metrics:
        if source is None or metric.source in ("", source.name):
            found |= {name: kind for name, kind in needs(metric).items() if name not in found}
    return found | {name: kind for name, kind in ALSO.items() if found and name not in found}


def needs(metric: Metric) -> dict[str, str]:
    """The names one metric needs; a query is needed by its id."""
    if metric.kind == "query":
        return {metric.id: "answers"}
    kind = "counter" if metric.kind == "ratio" else metric.kind
    return dict.fromkeys(metric.names, kind)


def pull(
    source: Source,
    deployment: Deployment,
    folder: Path,
    *,
    windows: Iterable[Window] = (),
    now: datetime,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    held: Held | None = None,
) -> Pulled:
    """
    What one source gives for a deployment.

    folder: of the deployment. windows: the times that are
    needed (rows near them are kept too); none for all that a files source has. progress(what, samples, bytes).
    environ: where `env:` references are looked up. held: times that are stored already (exports.spans); a server is
    not asked for them again. Raises SourceError where the source as a whole cannot answer.
    """
    request = Request(
        source=source,
        deployment=deployment,
        folder=folder,
        wanted=wanted(deployment, source),
        windows=tuple(windows),
        now=now,
        progress=progress,
        environ=environ or {},
        held=held or {},
    )
    pulled = reader(source.kind)(request)
    lacking = () if pulled.failure else missing(request, pulled)  # it may have them, it was not asked to the end
    return replace(pulled, source=source.name, notes=(*pulled.notes, *lacking))


def missing(request: Request, pulled: Pulled) -> list[DataNote]:
    """A note for each metric of which nothing was there under any of its names, where none says why."""
    found = {samples.name for samples in pulled.samples} | {name for name, _ in request.held}
    found |= {note.metric for note in pulled.notes if note.kind in WHY}
    lacking = {
        names[0]: f"{ABSENT}{ZERO if metric.kind == 'counter' else ''}"
        for metric in request.metrics
        if (names := [name for name in needs(metric) if name in request.wanted]) and not found & set(names)
    }
    return [
        DataNote(kind="missing", metric=name, text=f"{request.source.name} has no rows of {name}; {advice}", count=0)
        for name, advice in lacking.items()
    ]

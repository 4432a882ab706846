"""
One deployment opened: its files, its exports, its facts. The same object in a notebook cell and in a command.

    from deploybook import Book
    book = Book.open("2025-01-22-telemetry-step2", after="24h")
    book["metrics"]                       # a section
    book.chart("parser_p50")              # against the baseline, with tolerance band, limit and marks
    book.series("cli_p95", every="15m")   # a pandas frame
    book.judge("cicd_success").reason
    book.figure("parser_p50", "14:00 to 14:02")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import records
from ..errors import DeploybookError, UsageProblem
from ..facts import Facts, document
from ..model import Data, Deployment, Entry, Judgement, Metric, Records
from ..sections import SECTIONS, Block, render
from ..times import after_name, from_ms, parse_length, parse_window

if TYPE_CHECKING:
    import pandas as pd

judged: dict[tuple[Path, str, object], Book] = {}  # ahead of the cells, by workspace, deployment and checkpoint
Workspace = records.Workspace
find_workspace = records.find_workspace


class Book:
    """
    One deployment, opened for a window or a checkpoint. Reads files and exports only, never the network.

    deployment: what is judged and how. after: the checkpoint, None for the deployment window.
    """

    def __init__(
        self,
        workspace: records.Workspace,
        deployment: Deployment,
        *,
        after: timedelta | None = None,
        as_of: datetime | None = None,
        now: datetime | None = None,
        data: Data | None = None,
        closing: bool = False,
    ) -> None:
        self.workspace = workspace
        self.deployment = deployment
        self.after = after
        self._as_of = as_of
        self._now = now
        self._data = data
        self.closing = closing

    @classmethod
    def open(
        cls,
        deployment: str,
        after: str | timedelta | None = None,
        *,
        workspace: Path | str | None = None,
        as_of: datetime | str | None = "end",
        now: datetime | None = None,
        data: Data | None = None,
    ) -> Book:
        """
        The deployment of that name (its folder under deployments/).

        after: '24h' for a checkpoint, 'closing' for the whole watch as of its end. workspace: by default the one around the working directory, or
        DEPLOYBOOK_WORKSPACE. as_of: 'end' is the end of the window (or the checkpoint's due time), None as far as
        the data reach, but never later than `now`. Raises FileProblems with every mistake of the hand-written files, UsageProblem for an unknown
        deployment or checkpoint.
        """
        place = _workspace(workspace)
        asked = (place.root, deployment, after)
        if (as_of, now, data) == ("end", None, None) and (known := judged.pop(asked, None)):
            return known
        opened = records.read_deployment(place, deployment)
        closing = after == "closing"
        length = _after(opened, None if closing else after)
        moment = opened.closes if closing else opened.end if as_of == "end" else as_of
        if isinstance(moment, str):
            raise UsageProblem(f"as_of: {moment!r} is not a time with a zone")
        return cls(place, opened, after=length, as_of=moment, now=now, data=data, closing=closing)

    @cached_property
    def folder(self) -> Path:
        return self.workspace.folder(self.deployment.slug)

    @cached_property
    def data(self) -> Data:
        """Samples from the stored exports; from the files themselves where nothing was pulled yet."""
        from .load import load

        return self._data if self._data is not None else load(self.workspace, self.deployment)

    @cached_property
    def records(self) -> Records:
        """What people wrote beside the journal, with the digests of the artifacts that are here."""
        from .shelf import with_held

        return with_held(records.read_records(self.folder, self.deployment), self.folder)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The log: the journal, the records' entries and the events of sources, in order of time."""
        from .load import read_entries

        return read_entries(self.folder, self.deployment)

    @cached_property
    def neighbours(self) -> tuple[Deployment, ...]:
        """The other deployments of the workspace that can be read; a broken one is its own problem."""
        from .load import neighbours

        return neighbours(self.workspace, self.deployment)

    @cached_property
    def facts(self) -> Facts:
        """Everything the report knows, judged once."""
        from ..assess import assess
        from .pictures import sparks
        from .shelf import evidence

        facts = assess(
            self.deployment,
            self.data,
            after=self.after,
            as_of=self._as_of,
            now=self._now,
            entries=self.entries,
            records=self.records,
            neighbours=self.neighbours,
        )
        whole = self.after is None and not self.closing  # the report with the minute log
        rows = evidence(self.folder, self.records, self.data, messages=whole)
        facts = replace(facts, evidence=rows)
        return replace(facts, sparks=sparks(facts, self.data))

    @property
    def document(self) -> dict[str, Any]:
        """The contract's JSON document."""
        return document(self.facts)

    def __getitem__(self, name: str) -> Block:
        """A section by name; empty where there is nothing to say."""
        if name not in SECTIONS:
            raise UsageProblem(f"{name!r} is not a section{_near(name, SECTIONS)}; sections are {', '.join(SECTIONS)}")
        return render(name, self.facts)

    def metric(self, id: str) -> Metric:
        try:
            return self.deployment.metric(id)
        except KeyError:
            ids = [metric.id for metric in self.deployment.metrics]
            raise UsageProblem(
                f"{id!r} is not a metric of this deployment{_near(id, ids)}; metrics are {', '.join(ids)}"
            ) from None

    def judge(self, id: str) -> Judgement:
        """The word for a metric and all that led to it."""
        metric = self.metric(id)
        found = self.facts.judgement(metric.id)
        if found is None:
            raise UsageProblem(f"{id!r} is not judged here")
        return found

    def chart(self, id: str) -> Block:
        """A metric over the window against its baseline, with tolerance band, limit and marks."""
        from .pictures import overview

        return overview(self.facts, self.data, self.metric(id))

    def ramp(self) -> Block:
        """The minutes of the ramp, each mark labelled, for the first histogram; empty without a ramp in the log."""
        from .pictures import ramp

        return ramp(self.facts, self.data)

    def charts(self) -> Block:
        """Small charts of every metric, two columns wide."""
        from .pictures import panels

        return panels(self.facts, self.data)

    def change(self) -> Block:
        """The change over the window with its check-ins, for the metric that shows its change; empty without one."""
        shown = next((metric for metric in self.deployment.metrics if metric.show_change), None)
        return self.chart(shown.id) if shown else Block(name="change")

    def course(self) -> Block:
        """The change since the window closed, hour by hour, with the checkpoints on it."""
        from .pictures import course

        return course(self.facts, self.data)

    def series(self, id: str, every: str = "1m", window: str = "") -> pd.DataFrame:
        """
        The figure over consecutive stretches as a frame: index `end` (timezone-aware, local), columns `value` and `baseline`.

        every: length of a stretch. window: '14:00 to 15:30', by default the deployment window. NaN where nothing was measured.
        """
        import pandas as pd

        from .. import measure

        deployment = self.deployment
        span = parse_window(window, deployment.zone, deployment.day) if window else deployment.window
        length = parse_length(every)
        metric = self.metric(id)
        times, values = measure.path(metric, self.data, span, length)
        frame = pd.DataFrame({"value": values}, index=pd.DatetimeIndex([from_ms(time) for time in times], name="end"))
        baseline = deployment.baseline_of(span)
        if baseline is not None:
            frame["baseline"] = measure.path(metric, self.data, baseline, length)[1][: len(values)]
        frame.index = frame.index.tz_convert(str(deployment.zone))
        return frame

    def figure(self, id: str, window: str = "", *, change: bool = False) -> Block:
        """One figure with its own window, as '{parser_p50 14:00 to 14:02}' prints it in prose."""
        from ..assess.figures import refer
        from ..sections import say

        text = "{" + " ".join(part for part in (self.metric(id).id, "change" if change else "", window) if part) + "}"
        try:
            made = refer(self.deployment, self.data, text)
        except ValueError as error:
            raise UsageProblem(f"{text}: {error}") from error
        if not made:
            return Block(name=text, markdown="no data")
        return Block(name=text, markdown=say.figure(self.facts, made[-1]))

    def pull(self, name: str, *, query: str) -> None:
        """An extra look in an interactive session; inside a report cells never touch the network."""
        raise DeploybookError(
            f"{name!r}: cells read exports and never the network. Write {query!r} as a metric "
            "('query: …') in deployment.yml and run 'deploybook pull'."
        )


def _workspace(place: Path | str | None) -> records.Workspace:
    import os

    chosen = place or os.environ.get("DEPLOYBOOK_WORKSPACE")
    return records.read_workspace(Path(chosen)) if chosen else records.find_workspace(Path.cwd())


def _after(deployment: Deployment, after: str | timedelta | None) -> timedelta | None:
    """The checkpoint of that name; UsageProblem lists those there are."""
    if after is None or after == "":
        return None
    try:
        length = parse_length(after.removeprefix("+")) if isinstance(after, str) else after
    except ValueError as error:
        raise UsageProblem(f"after: {error}") from error
    if length not in deployment.checkpoints.after:
        names = ", ".join(after_name(each) for each in deployment.checkpoints.after) or "none"
        raise UsageProblem(f"+{after_name(length)} is not a checkpoint of {deployment.slug}; checkpoints are {names}")
    return length


def _near(name: str, known: Mapping[str, object] | list[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""

"""The workspace as `status` and `run` see it: its deployments, what the log says of them, and the plan made from both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ..due import Item, plan
from ..errors import FileProblems

if TYPE_CHECKING:
    from ..evidence import Entry, Log
    from ..model import Deployment
    from ..records import Settings, Workspace

KINDS = ("verdict", "run", "outcome", "notification", "publication")


@dataclass(frozen=True, kw_only=True)
class Agenda:
    """
    items: every report of every deployment that can be read. entries: of the log, those that tell what was done.
    broken: what is wrong with the files of the other deployments; they hold up nobody else.
    """

    workspace: Workspace
    settings: Settings
    deployments: dict[str, Deployment]
    entries: tuple[Entry, ...] = ()
    items: tuple[Item, ...] = ()
    broken: tuple[FileProblems, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """Of the workspace, else of its first deployment."""
        first = next(iter(self.deployments.values()), None)
        return self.settings.zone or (first.zone if first else ZoneInfo("UTC"))

    def zone_of(self, item: Item) -> ZoneInfo:
        found = self.deployments.get(item.slot.deployment)
        return found.zone if found else self.zone

    def word(self, item: Item, verdict: str) -> str:
        """As the page says it: of a deployment that was rolled back, aborted or postponed that, never Pass."""
        from ..model import Verdict
        from ..wording import ENDED, word

        deployment = self.deployments.get(item.slot.deployment)
        ended = deployment.closing.outcome if deployment and deployment.closing else ""
        return (ENDED.get(ended) if item.slot.kind in ("outcome", "closing") else None) or word(Verdict(verdict))

    def subject(self, item: Item) -> str:
        """'+24h checkpoint of Telemetry Step 2', 'Outcome report of …', 'Daily report of 2025-01-22'."""
        slot = item.slot
        if slot.day is not None:
            return f"Daily report of {slot.day}"
        what = f"{slot.name} checkpoint" if slot.after is not None else f"{slot.kind.capitalize()} report"
        return f"{what} of {self.deployments[slot.deployment].title}"


def read_agenda(workspace: Workspace, now: datetime, log: Log | None = None) -> Agenda:
    """Reads the settings, the deployments and the log; FileProblems for mistakes in deploybook.yml itself."""
    from ..evidence import Log
    from ..records import read_deployment, read_settings, slugs

    settings = read_settings(workspace)
    deployments, broken = {}, []
    for slug in slugs(workspace):
        try:
            deployments[slug] = read_deployment(workspace, slug)
        except FileProblems as problems:
            broken.append(problems)
    files = Agenda(workspace=workspace, settings=settings, deployments=deployments, broken=tuple(broken))
    return renewed(files, now, log or Log.open(workspace.root / "evidence"))


def renewed(agenda: Agenda, now: datetime, log: Log) -> Agenda:
    """The same files with what the log says by now."""
    entries = tuple(log.entries(*KINDS))
    settings = agenda.settings
    items = plan(
        agenda.deployments.values(),
        entries,
        now,
        catch_up=settings.catch_up,
        max_age=settings.max_age,
        daily=settings.daily,
        zone=settings.zone,
    )
    return replace(agenda, entries=entries, items=items)

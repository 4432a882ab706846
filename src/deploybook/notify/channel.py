"""A channel as written in deploybook.yml: where a message goes, and which messages go there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageProblem
from ..model import Deployment, Verdict

OPTIONS = ("url", "on", "to", "from")
ALSO = ("succeeded", "rolled_back", "aborted", "postponed")
WORDS = (*(verdict.value for verdict in Verdict), *ALSO)


@dataclass(frozen=True, kw_only=True)
class Channel:
    """
    url: a reference ('env:SLACK_URL') or an address that holds no secret. on: 'change' tells a new state once, 'every'
    each report, words only a change to one of them. to, sender: of mail.
    """

    name: str
    url: str
    on: str | tuple[str, ...] = "change"
    to: tuple[str, ...] = ()
    sender: str = ""

    def wants(self, state: str, changed: bool) -> bool:
        if isinstance(self.on, tuple):
            return changed and state in self.on
        return changed or self.on == "every"


def channels_of(written: Mapping[str, Any]) -> dict[str, Channel]:
    """The channels of deploybook.yml; UsageProblem says what is wrong with one."""
    return {name: channel_of(name, said) for name, said in written.items()}


def channel_of(name: str, said: Any) -> Channel:
    where = f"deploybook.yml: channels > {name}"
    options = {"url": said} if isinstance(said, str) else said
    if not isinstance(options, dict) or not isinstance(options.get("url"), str):
        raise UsageProblem(f"{where}: has no address; write '{name}: env:SLACK_URL', or '{{url: env:SMTP_URL, to: …}}'")
    for key in options:
        if key not in OPTIONS:
            raise UsageProblem(f"{where}: '{key}' is not a key here; keys are {', '.join(OPTIONS)}")
    on = options.get("on", "change")
    if on not in ("change", "every"):
        on = tuple(on if isinstance(on, list) else [on])
        if wrong := [word for word in on if word not in WORDS]:
            raise UsageProblem(f"{where}: on: {wrong[0]!r} is none of change, every, {', '.join(WORDS)}")
    to = options.get("to", ())
    to = tuple(map(str, to)) if isinstance(to, list) else tuple(part.strip() for part in str(to).split(",") if to)
    return Channel(name=name, url=options["url"], on=on, to=to, sender=str(options.get("from", "")))


def told_to(deployment: Deployment | None, notify: tuple[str, ...], channels: Mapping[str, Channel]) -> list[Channel]:
    """Those that the deployment names, else those of the workspace, else all there are."""
    names = (deployment.notify if deployment else ()) or notify or tuple(channels)
    return [channels[name] for name in names if name in channels]

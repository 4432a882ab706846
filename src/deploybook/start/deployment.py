"""The text of a new deployment.yml: ten lines that are right as they stand, comments that teach the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SCHEMA = "# yaml-language-server: $schema=../../.deploybook/schema/deployment.json"
# Where nothing is known of the metrics: the four kinds, to be replaced by one's own names.
EXAMPLES = """\
  # Put your own names here; 'deploybook check --live' says which of them the source has.
  parser_p50: {histogram: parser_duration_ms, statistic: p50, target: at most 65 ms}
  failures: {counter: parser_failure_total, target: at most 3 errors/hour}
  cicd: {ratio: cicd_runs_total, good: {result: success}, target: at least 90 %}
  # cpu: {gauge: parser_cpu_percent, statistic: mean, target: at most 80 %}
"""
AFTER = """\
# Assumed until you write it; 'deploybook check' prints all that is assumed.
# baseline: {before}                  # the same clock window the day before; 'none' for a first deployment
# target: at most 65 ms                 # of each metric; without one its tolerance alone decides, or nothing
# tolerance: 5 %                        # against the baseline, for latencies
# observation: 48h                      # looked at after 1h, 12h, 24h and 48h
"""
OWN = re.compile("title|ticket|window|timezone|version|outcome|actual|reason|closed|closed_by|baseline")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was said of a deployment. start: UTC. write_zone: the zone is the deployment's own, not the workspace's."""

    title: str
    ticket: str
    start: datetime
    length: timedelta
    zone: ZoneInfo
    write_zone: bool = False

    @property
    def window(self) -> str:
        """'2025-01-22 14:00 to 15:30', with the day of the end where it is another."""
        start, end = (at.astimezone(self.zone) for at in (self.start, self.start + self.length))
        day = "" if start.date() == end.date() else f"{end:%Y-%m-%d} "
        return f"{start:%Y-%m-%d %H:%M} to {day}{end:%H:%M}"

    @property
    def before(self) -> str:
        return f"{self.start.astimezone(self.zone).date() - timedelta(days=1)}"

    def head(self) -> list[str]:
        lines = [
            f"title: {scalar(self.title)}",
            f"ticket: {scalar(self.ticket or 'none')}" + ("" if self.ticket else " " * 26 + "# such as CHG-2025-0121"),
            "# version: 6f2bb3c                     # what is deployed: a commit, tag or version",
            f"window: {self.window}",
        ]
        return [*lines, *([f"timezone: {self.zone.key}"] if self.write_zone else [])]


def deployment_text(plan: Plan, *, service: str = "", source: str = "", metrics: str = "") -> str:
    """
    deployment.yml as text. service: takes metrics and source from services/<name>.yml. source: one or more lines
    'source: …' or 'sources: …'; metrics: the lines below 'metrics:'; without either, examples.
    """
    lines = [SCHEMA, *plan.head()]
    if service:
        lines.append(f"service: {scalar(service)}")
    if source:
        lines.append(source.rstrip("\n"))
    text = "\n".join(lines) + "\n"
    if metrics or not service:
        text += "metrics:\n" + (metrics or EXAMPLES)
    return text + AFTER.format(before=plan.before)


def renewed(text: str, plan: Plan) -> str:
    """
    Another deployment's file for this plan: its metrics, limits, gates and comments; title, ticket and window anew.

    Times of gates move with the start. What `close` wrote, the version and a dated baseline are left behind.
    """
    text = re.sub(r"(?m)^# baseline: \d{4}-\d\d-\d\d", f"# baseline: {plan.before}", text)
    blocks = re.split(r"(?m)^(?=[A-Za-z_\"'])", text)
    kept = [moved(block, plan, text) for block in blocks[1:] if not OWN.fullmatch(block.partition(":")[0].strip("\"'"))]
    none = re.search(r"(?m)^\s*baseline:\s*none\b", text)
    return "\n".join([SCHEMA, *plan.head(), *(["baseline: none"] if none else [])]) + "\n" + "".join(kept)


def moved(block: str, plan: Plan, text: str) -> str:
    key = block.partition(":")[0]
    if key == "windows":
        lengths = re.findall(r"\bobservation:\s*([^,}\n#]+)", block)
        return f"observation: {lengths[0].strip()}\n" if lengths else ""
    clock = re.search(r"(?m)^\s*(?:window|deployment):\s*\[?[\"']?\d{4}-\d\d-\d\d[ T](\d\d?):(\d\d)", text)
    if key != "gates" or not clock:
        return block
    start = plan.start.astimezone(plan.zone)
    later = start.hour * 60 + start.minute - int(clock[1]) * 60 - int(clock[2])

    def shifted(found: re.Match[str]) -> str:
        minutes = (int(found[2]) * 60 + int(found[3]) + later) % (24 * 60)
        return f'{found[1]}"{minutes // 60:02d}:{minutes % 60:02d}{found[4] or ""}"'

    return re.sub(r"(\bat:\s*)[\"']?(?:\d{4}-\d\d-\d\d[ T])?(\d\d?):(\d\d)(:\d\d)?[\"']?", shifted, block)


def flow(value: Any) -> str:
    """A text, a list or a mapping as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(str(value))


def scalar(text: str) -> str:
    """Plain where that is safe, otherwise in double quotes."""
    plain = re.fullmatch(r"[A-Za-z][\w./()+-]*(?: [\w./()+%-]+)*", text)
    if plain and text.lower() not in ("true", "false", "null", "yes", "no", "on", "off"):
        return text
    escaped = "".join(
        f"\\u{ord(sign):04x}" if ord(sign) < 32 or 127 <= ord(sign) < 160 else sign
        for sign in re.sub(r'(["\\])', r"\\\1", text)
    )
    return f'"{escaped}"'

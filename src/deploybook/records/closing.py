"""
Writing how a deployment ended into its deployment.yml: a small edit of the text, in which every other byte stays.

No round trip through YAML: comments, order, quotes and line ends are the author's. What cannot be edited safely is refused
with what to write by hand.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from .. import model
from ..errors import UsageProblem
from ..times import DAY, Window, local_day, localise, on_day
from .yaml import Tree, Way, parse_yaml

KEYS = ("outcome", "actual", "closed", "closed_by", "reason")
WINDOW: tuple[Way, ...] = (("window",), ("windows", "deployment"))
BASELINE: tuple[Way, ...] = (("baseline",), ("windows", "baseline"))


def close(text: str, closing: model.Closing, zone: ZoneInfo) -> str:
    """The text with the keys of the closing: in place where they stand already, at the end where not."""
    values = {
        "outcome": closing.outcome,
        "actual": span_text(closing.actual, zone) if closing.actual else "",
        "closed": time_text(closing.at, zone) if closing.at else "",
        "closed_by": quoted(closing.by),
        "reason": quoted(closing.reason),
    }
    for key in KEYS:
        text = with_key(text, key, values[key])
    return text


def postpone(text: str, deployment: model.Deployment, to: Window, *, at: datetime, by: str, reason: str) -> str:
    """
    The text with the windows moved: the deployment window as given, a baseline that is written by as many days, the
    old window kept in a comment above. Keys of an earlier closing go. Raises UsageProblem where a value is not plain.
    """
    zone = deployment.zone
    for key in KEYS:
        text = with_key(text, key, "")
    tree = parse_yaml(text, deployment.path)
    way = next((way for way in WINDOW if tree.at(way)), WINDOW[0])
    days = (local_day(to.start, zone) - deployment.day).days
    who = f" by {flat(by)}" if by else ""
    why = f" ({flat(reason)})" if reason else ""
    past = f"postponed on {time_text(at, zone)}{who}{why}: was {span_text(deployment.window, zone)}"
    for baseline in BASELINE:
        if (said := tree.at(baseline)) and said != "none":
            text = with_value(text, tree, baseline, moved(said, deployment, to, days))
            tree = parse_yaml(text, deployment.path)
    text = with_value(text, tree, way, span_text(to, zone))
    return with_comment(text, tree.place(way)[1], past)


def moved(said: object, deployment: model.Deployment, to: Window, days: int) -> str:
    """A baseline as written, later by as many days; its clock follows the new window's."""
    if isinstance(said, str) and re.fullmatch(DAY, said):
        return str(date.fromisoformat(said) + timedelta(days=days))
    assert deployment.baseline is not None
    day = local_day(deployment.baseline.start, deployment.zone) + timedelta(days=days)
    clock = to if deployment.baseline.length == deployment.window.length else deployment.baseline
    return span_text(on_day(clock, deployment.zone, day), deployment.zone)


# --- the text


def with_key(text: str, key: str, value: str) -> str:
    """The text with a top-level `key: value`, replaced where it stands, else at the end; an empty value takes it out."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines) if re.match(rf"{key}\s*:(\s|$)", line)), None)
    new = [f"{key}: {value}{end}"] if value else []
    if start is None:
        if new and lines and not lines[-1].endswith(("\n", "\r")):
            lines[-1] += end
        return "".join([*lines, *new])
    stop = start + 1
    while stop < len(lines) and re.match(r"[ \t]+\S", lines[stop]) and not lines[stop].lstrip().startswith("#"):
        stop += 1  # a value that goes on in the next lines
    if new and (comment := re.search(r"\s+#[^\"']*$", lines[start].rstrip("\r\n"))) and stop == start + 1:
        new = [f"{key}: {value}{comment[0]}{end}"]
    return "".join([*lines[:start], *new, *lines[stop:]])


def with_value(text: str, tree: Tree, way: Way, new: str) -> str:
    """The text with one value changed where it stands, in a line of its own or inside braces."""
    key, old, line = str(way[-1]), tree.at(way), tree.place(way)[1] - 1
    lines = text.splitlines(keepends=True)
    found = re.search(rf"\b{re.escape(key)}[\"']?\s*:\s*([\"']?){re.escape(str(old))}\1", lines[line])
    if not isinstance(old, str) or found is None:
        raise UsageProblem(
            f"{tree.path}:{line + 1}: {' > '.join(map(str, way))}: cannot be changed safely here; write '{key}: {new}' by hand"
        )
    start, stop = found.span()
    head = found[0][: found[0].index(":") + 1]
    lines[line] = f"{lines[line][:start]}{head} {new}{lines[line][stop:]}"
    return "".join(lines)


def with_comment(text: str, line: int, comment: str) -> str:
    """The text with a comment above that line (from 1), as far in as the line."""
    lines = text.splitlines(keepends=True)
    target = lines[line - 1]
    end = "\r\n" if target.endswith("\r\n") else "\n"
    indent = target[: len(target) - len(target.lstrip())]
    return "".join([*lines[: line - 1], f"{indent}# {comment}{end}", *lines[line - 1 :]])


# --- values


def quoted(text: str) -> str:
    """In double quotes on one line, as JSON and YAML both read it; '' stays ''."""
    return json.dumps(flat(text), ensure_ascii=False) if text.strip() else ""


def flat(text: str) -> str:
    """On one line, without signs that cannot be seen."""
    return "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))


def time_text(at: datetime, zone: ZoneInfo) -> str:
    """'2025-01-22 14:21' in the zone; with its offset where the clocks showed that twice."""
    local = at.astimezone(zone)
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    try:
        localise(local.date(), clock, zone)
    except ValueError:
        return local.isoformat(timespec="seconds")
    return f"{local:%Y-%m-%d} {clock}"


def span_text(window: Window, zone: ZoneInfo) -> str:
    """'2025-01-22 14:00 to 15:30', with the second day where it is another."""
    start, end = time_text(window.start, zone), time_text(window.end, zone)
    if "T" not in start + end and start[:10] == end[:10]:
        end = end[11:]
    return f"{start} to {end}"

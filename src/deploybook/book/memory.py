"""What is remembered from day to day: nothing but what the evidence log holds of earlier daily reports and of checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from ..errors import EvidenceBroken
from ..evidence import Entry, Log
from ..model import Verdict
from ..register import RegisterLine
from ..times import parse_length

Registers = Mapping[str, tuple[RegisterLine, ...]]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """
    day: of the last daily report before; None where none is kept. registers: as it recorded them, by deployment.
    words: of the checkpoints that were told, by deployment.
    """

    day: date | None = None
    registers: Registers = field(default_factory=dict)
    words: Mapping[str, Mapping[timedelta, Verdict]] = field(default_factory=dict)


class Recorded(msgspec.Struct):
    registers: dict[str, tuple[dict[str, Any], ...]] | None = None


def remember(evidence: Path, day: date) -> Memory:
    """The memory of a daily report: an earlier local day's last version, whatever was recorded after it."""
    log = Log.open(evidence)
    dailies: dict[date, Entry] = {}
    words: dict[str, dict[timedelta, Verdict]] = {}
    for entry in log.entries("outcome", "verdict"):
        kind, _, name = str(entry.predicate.get("scope", "")).partition("-")
        if entry.kind == "outcome" and entry.predicate.get("outcome") == "postponed":
            words.pop(entry.deployment, None)
        elif entry.kind == "verdict" and kind == "after":
            words.setdefault(entry.deployment, {})[parse_length(name)] = Verdict(entry.predicate["verdict"])
        elif entry.kind == "verdict" and kind == "daily" and name < day.isoformat():
            dailies[date.fromisoformat(name)] = entry
    for before, entry in sorted(dailies.items(), reverse=True):
        registers = recorded(log, entry, f"{before}.page.json")
        if registers is not None:
            return Memory(day=before, registers=registers, words=words)
    return Memory(words=words)


def recorded(log: Log, entry: Entry, name: str) -> Registers | None:
    """The registers in the page facts that the entry names; None where they are not kept as they were recorded."""
    try:
        found = msgspec.json.decode(log.read(entry, name), type=Recorded).registers
        return None if found is None else {slug: tuple(listed(lines)) for slug, lines in found.items()}
    except (KeyError, OSError, EvidenceBroken, msgspec.MsgspecError):
        return None


def listed(lines: Iterable[Mapping[str, Any]]) -> Iterator[RegisterLine]:
    """The lines but for those that were listed no more."""
    return (msgspec.convert(line, RegisterLine) for line in lines if line.get("change") != "removed")

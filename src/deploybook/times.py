"""Windows and lengths of time: parsed from what people write, kept in UTC, shown in the deployment's zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC = timezone.utc  # noqa: UP017 - one name for it in the whole package
LENGTH_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
DAY = r"\d{4}-\d{2}-\d{2}"
CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
# What readers in the field call these zones; every other zone is shown by its abbreviation or its name.
COMMON_NAMES = {
    "America/Los_Angeles": "PT",
    "America/Denver": "MT",
    "America/Chicago": "CT",
    "America/New_York": "ET",
}


@dataclass(frozen=True, kw_only=True, order=True)
class Window:
    """
    A stretch of time, both ends timezone-aware UTC, start before end.

    A counter's window is the increments between its state at start and its state at end;
    gauges, events and log entries belong to it where start <= t < end.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs times with a zone")
        if self.start >= self.end:
            raise ValueError("a window ends after it starts")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def hours(self) -> float:
        return self.length.total_seconds() / 3600

    @property
    def start_ms(self) -> int:
        return to_ms(self.start)

    @property
    def end_ms(self) -> int:
        return to_ms(self.end)

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def overlaps(self, other: Window) -> bool:
        return self.start < other.end and other.start < self.end


def to_ms(at: datetime) -> int:
    """Milliseconds since the epoch, whole; the form times have in arrays."""
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def from_ms(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(milliseconds))


def parse_zone(text: str) -> ZoneInfo:
    """'America/Los_Angeles' as a zone; ValueError for an unknown name or a mere abbreviation, which is ambiguous."""
    try:
        if not re.fullmatch(r"[A-Za-z][\w+/-]*", text) or (len(text) <= 4 and text not in ("UTC", "GMT")):
            raise ZoneInfoNotFoundError
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{text!r} is not a time zone; write one such as 'America/Los_Angeles' or 'UTC'") from error


def parse_length(text: str) -> timedelta:
    """'15s', '90m', '48h', '2d', '1h 30m' as a length of time."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(min|[smhd])", text)
    if not parts or re.sub(r"(\d+(?:\.\d+)?)\s*(min|[smhd])", "", text).strip(" +"):
        raise ValueError(f"{text!r} is not a length of time; write '15s', '90m', '1h' or '2d'")
    length = timedelta(seconds=sum(float(number) * LENGTH_UNITS[unit] for number, unit in parts))
    if not length:
        raise ValueError(f"{text!r} is no time at all; write '15s', '90m', '1h' or '2d'")
    return length


def parse_timeout(text: object) -> timedelta:
    """A length of time; a bare number is seconds."""
    return parse_length(f"{text}s" if re.fullmatch(r"[\d.]+", str(text)) else str(text))


def localise(day: date, clock: str, zone: tzinfo) -> datetime:
    """
    The instant, in UTC, that the clocks of `zone` showed as `clock` on `day`.

    ValueError where they never showed it (spring) or showed it twice (autumn): write the offset then.
    """
    hour, minute, second = (*(int(part) for part in clock.split(":")), 0)[:3]
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{clock!r} is not a time of day")
    local = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise ValueError(
            f"{day} {clock} does not exist in {zone}: the clocks were moved forward over it; write a time they showed"
        )
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        raise ValueError(
            f"{day} {clock} happened twice in {zone}; write it with its offset, such as {local.isoformat('T', 'minutes')}"
        )
    return local.astimezone(UTC)


def parse_instant(text: str, zone: tzinfo | None, day: date | None = None) -> datetime:
    """
    A point in time, in UTC: '2025-01-22 14:00', '14:00' on `day`, or a full ISO 8601 time with Z or an offset.

    Without an offset the zone decides; without a zone that is an error, never the machine's zone.
    """
    text = text.strip()
    if (year := re.match(r"(\d{4})-", text)) and not 1970 <= int(year[1]) <= 2200:
        raise ValueError(f"{text!r} is in no year of a deployment; write one such as '2025-01-22 14:00'")
    if found := re.fullmatch(rf"(?:({DAY})[ T])?({CLOCK})", text):
        on = date.fromisoformat(found[1]) if found[1] else day
        if on is None:
            raise ValueError(f"{text!r} has no day; write '2025-01-22 {found[2]}'")
        if zone is None:
            raise ValueError(
                f"{text!r} has no zone; write 'timezone: America/Los_Angeles' (or yours) in this file or in deploybook.yml"
            )
        return localise(on, found[2], zone)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write '2025-01-22 14:00'") from None
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; write '2025-01-22 14:00', or an offset behind the time")
    return at.astimezone(UTC)


def parse_window(text: str, zone: tzinfo | None, day: date | None = None) -> Window:
    """'2025-01-22 14:00 to 15:30', '2025-01-22 23:30 to 2025-01-23 01:00', '14:00 to 14:02' on `day`, as a Window."""
    start_text, separator, end_text = text.partition(" to ")
    if not separator:
        raise ValueError(f"{text!r} is not a window; write '2025-01-22 14:00 to 15:30'")
    start = parse_instant(start_text, zone, day)
    on = start.astimezone(zone).date() if zone else day
    if re.fullmatch(CLOCK, end_text.strip()) and zone is None and start_text.strip()[-1] not in "0123456789":
        raise ValueError(f"{end_text.strip()!r} has no zone; write both ends in full")
    end = parse_instant(end_text, zone, on)
    if end <= start:
        raise ValueError(f"{text!r} ends before it starts; write the day of the end too if it is the next one")
    return Window(start=start, end=end)


def at_clock(day: date, clock: str, zone: tzinfo) -> datetime:
    """
    The instant, in UTC, of a local time of day, for what comes once every day: a time that a clock change left out
    moves forward by the change, of one that came twice it is the first. For times that people wrote: `localise`.
    """
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)


def on_day(window: Window, zone: tzinfo, day: date) -> Window:
    """
    The window that starts at the same local clock time on `day` and lasts as long (elapsed).

    A local time that a clock change left out moves forward by the change, one that came twice is the first.
    """
    clock = window.start.astimezone(zone).time().replace(fold=0)
    start = datetime.combine(day, clock, zone).astimezone(UTC)
    return Window(start=start, end=start + window.length)


def local_day(at: datetime, zone: tzinfo) -> date:
    return at.astimezone(zone).date()


def steps(window: Window, every: timedelta) -> Iterator[datetime]:
    """start + every, start + 2·every, …, and the end itself, whatever remains before it."""
    at = window.start + every
    while at < window.end:
        yield at
        at += every
    yield window.end


def zone_name(zone: ZoneInfo, at: datetime) -> str:
    """What a reader calls the zone: PT for Los Angeles, CET for Berlin in winter, UTC-03:00 where there is no name."""
    if zone.key in COMMON_NAMES:
        return COMMON_NAMES[zone.key]
    name = at.astimezone(zone).tzname() or ""
    return name if name.isalpha() else offset_name(at, zone)


def offset_name(at: datetime, zone: tzinfo) -> str:
    """'UTC-08:00', or 'UTC' itself."""
    seconds = int((at.astimezone(zone).utcoffset() or timedelta()).total_seconds())
    if not seconds:
        return "UTC"
    sign, seconds = ("-" if seconds < 0 else "+"), abs(seconds)
    return f"UTC{sign}{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"


def iso(at: datetime) -> str:
    """'2025-01-22T22:00:00Z': UTC, seconds, milliseconds only where there are some."""
    at = at.astimezone(UTC)
    text = at.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{at.microsecond // 1000:03d}Z" if at.microsecond else f"{text}Z"


def length_text(length: timedelta) -> str:
    """'90 min', '48 h', '3 h 10 min', '20 s': at most two parts."""
    seconds = round(length.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 120 * 60 and seconds % 60 == 0 and seconds != 3600:
        return f"{seconds // 60} min"
    hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    parts = [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes else []
    parts += [f"{rest} s"] if rest and not hours else []
    return " ".join(parts)


def after_name(after: timedelta) -> str:
    """'1h', '12h', '90m': the name of a checkpoint, as in +1h; the form that files and options use."""
    seconds = round(after.total_seconds())
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"

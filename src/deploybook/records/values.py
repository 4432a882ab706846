"""What one value in a hand-written file may be: text in, a value of the model out, a remedy where it is neither."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from ..model import Matcher, quantile_of
from ..times import DAY, Window, at_clock, parse_instant, parse_length, parse_window, parse_zone
from ..units import Limit, Tolerance, parse_limit, parse_tolerance

MAX_TEXT = 20_000
METRIC_NAME = r"[A-Za-z_:][A-Za-z0-9_:.]*"
SECRET_KEY = re.compile(r"token|passw|secret|api_?key|authorization|credential|private|cookie", re.IGNORECASE)
SECRET_URL = re.compile(
    r"(?i)://[^/@\s]*@|[?&](?:[\w-]*(?:token|key|secret|passw|auth|sig)[\w-]*)=|password=|hooks\.slack\.com/|/api/webhooks/|webhook\.office"
)
REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|(?:file|cmd):.+")

Told = TypeVar("Told")


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What times in a file are read by: the zone, the day of a bare '14:00', the day labels ('Day 4')."""

    zone: ZoneInfo | None = None
    day: date | None = None
    labels: tuple[tuple[str, date], ...] = ()

    def dated(self, text: str) -> str:
        """'Day 4 09:45' with its date; ValueError for a day that is none."""
        for written in re.findall(DAY, text):
            day_of(written)
        for label, day in self.labels:
            if text.startswith(f"{label} "):
                return f"{day} {text[len(label) + 1 :].removesuffix(' PT').strip()}"
        return text


def told(kind: type[Told], shape: Any, /, **more: Any) -> Told:
    """The value of the model with the fields that the shape has by the same names, and `more`."""
    same = {field.name: getattr(shape, field.name) for field in fields(kind) if hasattr(shape, field.name)}  # type: ignore[arg-type]
    return kind(**(same | more))


def frame_of(info: ValidationInfo) -> Frame:
    frame = (info.context or {}).get("frame")
    return frame if isinstance(frame, Frame) else Frame()


def text_of(value: Any, most: int = 500) -> str:
    if isinstance(value, str) and len(value) > most:
        raise ValueError(f"is longer than {most} characters; write it shorter")
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, (dict, list)):
        raise ValueError(f"expected one value, found {'a list' if isinstance(value, list) else 'key: value lines'}")
    raise ValueError("has no value; write one behind the colon")


def read_with(parse: Callable[[str], Any]) -> PlainValidator:
    return PlainValidator(lambda value: parse(text_of(value, MAX_TEXT if parse in (str, promql) else 500)))


def promql(text: str) -> str:
    import promql_parser

    try:
        promql_parser.parse(text.replace("$window", "1h"))
    except Exception as error:  # the library raises ValueError, and panics of its own kind on some texts
        raise ValueError(f"is no PromQL: {str(error)[:300]}; mend the query") from None
    return text


def instant(value: Any, info: ValidationInfo) -> datetime:
    frame = frame_of(info)
    return parse_instant(frame.dated(text_of(value)), frame.zone, frame.day)


def due(value: Any, info: ValidationInfo) -> datetime:
    """A time, or a day ('2025-01-23', 'Day 4'): that is the last second of the local day."""
    frame, text = frame_of(info), text_of(value)
    day = dict(frame.labels).get(text) or (day_of(text) if re.fullmatch(DAY, text) else None)
    if day is None or frame.zone is None:
        return instant(value, info)
    return at_clock(day + timedelta(days=1), "00:00", frame.zone) - timedelta(seconds=1)


def window(value: Any, info: ValidationInfo) -> Window:
    """'2025-01-22 14:00 to 15:30', or a list of its two ends."""
    frame = frame_of(info)
    if isinstance(value, list):
        if len(value) != 2:
            raise ValueError(f"a window has two ends, found {len(value)}; write '2025-01-22 14:00 to 15:30'")
        value = " to ".join(frame.dated(text_of(item)) for item in value)
    return parse_window(frame.dated(text_of(value)), frame.zone, frame.day)


def window_or_day(value: Any, info: ValidationInfo) -> Window | date | None:
    """A baseline: a window, a day (the same local clock window on it), or 'none'."""
    if value == "none":
        return None
    return day_of(value) if isinstance(value, str) and re.fullmatch(DAY, value) else window(value, info)


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day; write '2025-01-22'") from None


def clock(text: str) -> str:
    """A time of day as '17:00'."""
    if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r} is not a time of day; write '17:00'")
    return text.zfill(5)


def names(value: Any) -> tuple[str, ...]:
    """One name, several with commas or 'and', or a list of them."""
    if isinstance(value, list):
        return tuple(text_of(item) for item in value)
    return tuple(part for part in re.split(r"\s*,\s*|\s+and\s+", text_of(value)) if part)


def listed(value: Any) -> tuple[str, ...]:
    """One text, or a list of texts."""
    return tuple(text_of(item, MAX_TEXT) for item in (value if isinstance(value, list) else [value]))


def lengths(value: Any) -> tuple[timedelta, ...]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list, such as [1h, 12h], found {value!r}")
    return tuple(sorted({parse_length(text_of(item)) for item in value}))


def unit(text: str) -> str:
    if not re.fullmatch(r"[^\W\d_][\w%/µ]*|%|1", text) or text in ("points", "pts"):
        raise ValueError(f"{text!r} is not a unit; write ms, s, B, MB, %, or what is counted, such as errors")
    return text


def metric_name(text: str) -> str:
    if not re.fullmatch(METRIC_NAME, text):
        raise ValueError(f"{text!r} is not the name of a metric; labels go under 'where', PromQL under 'query'")
    return text


def family(text: str) -> str:
    """The name of a histogram without the ending of its parts."""
    stem = re.sub(r"_(bucket|sum|count)$", "", metric_name(text))
    if stem != text:
        raise ValueError(f"{text!r} is a part of a histogram; write '{stem}'")
    return text


def target(text: str) -> Limit:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        raise ValueError(f"{text!r} has no comparison and no unit; write 'at most {text} ms' or 'at least {text} %'")
    return parse_limit(text)


def within(text: str) -> Limit:
    return parse_limit(text if text.startswith("within ") else f"within {text.removeprefix('±').strip()}")


def statistic(*words: str) -> PlainValidator:
    def read(text: str) -> str:
        if quantile_of(text) is None and text not in words:
            raise ValueError(f"{text!r} is not a statistic here; write one of p50, p95, p99, {', '.join(words)}")
        return text

    return read_with(read)


MATCHER = re.compile(r"""\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)\s*(?:,|$)""")


def matchers(text: str) -> tuple[Matcher, ...]:
    """PromQL label conditions: 'code=~"5..",method!="GET"', in braces or not."""
    body = text.strip().removeprefix("{").removesuffix("}")
    found, at = [], 0
    while at < len(body):
        match = MATCHER.match(body, at)
        if not match:
            raise ValueError(f"{text!r} is not a label condition; write 'service: memory-search' or 'code=~\"5..\"'")
        raw = match[3]
        value = raw[1:-1] if raw[0] == "`" else re.sub(r"\\(.)", r"\1", raw[1:-1])
        if "~" in match[2]:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"{value!r} is not a regular expression: {error}") from None
        found.append(Matcher(label=match[1], op=match[2], value=value))  # type: ignore[arg-type]
        at = match.end()
    return tuple(found)


def labels(value: Any) -> tuple[Matcher, ...]:
    """Which series belong: equality (label: value) and PromQL conditions, mixed in one mapping or list, or one text."""
    if isinstance(value, str):
        return matchers(value)
    if isinstance(value, list):
        return tuple(matcher for item in value for matcher in labels(item))
    if not isinstance(value, dict):
        raise ValueError("expected 'label: value' lines")
    found: list[Matcher] = []
    for key, item in value.items():
        if item is None:
            found += matchers(key)
        elif isinstance(item, list):
            raise ValueError(f"'{key}' has a list; write '{key}=~\"{'|'.join(map(str, item))}\"' for any of them")
        elif re.match(r"""(=~|!~|!=|=)\s*["'`]""", text_of(item)):
            found += matchers(f"{key}{item}")
        elif re.fullmatch(rf"""{re.escape(key)}\s*(=~|!~|!=|=)\s*["'`].*""", item):
            found += matchers(item)
        elif not re.fullmatch(r"[A-Za-z_]\w*", key):
            raise ValueError(f"{key!r} is not the name of a label")
        else:
            found.append(Matcher(label=key, op="=", value=item))
    return tuple(found)


def no_secret(value: Any, key: str = "") -> Any:
    """The option as written; ValueError, without quoting it, where it holds a secret instead of naming its place."""
    if isinstance(value, dict):
        return {name: no_secret(item, f"{key} {name}") for name, item in value.items()}
    if isinstance(value, list):
        return [no_secret(item, key) for item in value]
    secret = isinstance(value, str) and not REFERENCE.fullmatch(value)
    if secret and (SECRET_KEY.search(key) or SECRET_URL.search(value)):
        name = re.sub(r"\W+", "_", key.split()[-1] if key else "source").upper()
        raise ValueError(f"a secret does not belong into this file; write 'env:{name}' or 'file:PATH'")
    return value


def address(value: Any) -> str:
    return str(no_secret(text_of(value), "url"))


def line(text: str) -> str:
    """What titles, tables, terminals and messages print: one line, in which nothing turns the direction of the rest."""
    if found := re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text):
        raise ValueError(f"holds the sign U+{ord(found[0]):04X}, which does not show; write it in one line without it")
    return text


def site(value: Any) -> str:
    text = address(value)
    if not re.match(r"https?://[^\s/]", text):
        raise ValueError(f"{text!r} is not the address of a site; write 'https://reports.example.org'")
    return text


def checkpoint(text: str) -> timedelta:
    try:
        return parse_length(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a checkpoint; write '+48h'") from None


def spelled(*examples: Any, kind: Any = "string", **more: Any) -> WithJsonSchema:
    """What an editor is told of a value; `kind` is a type of JSON, or several."""
    items = {"items": {"type": "string"}} if "array" in kind else {}
    return WithJsonSchema({"type": kind, **items, **({"examples": list(examples)} if examples else {}), **more})


SCALAR = spelled(kind=["string", "number", "boolean"])
ONE_OR_MORE = spelled(kind=["string", "array"])
LENGTH = r"^\+?(\d+(\.\d+)?\s*(min|[smhd])\s*)+$"
LIMIT = "^(at most|at least|below|above|within|less than|more than) "
OF_A_GAUGE = ("mean", "median", "min", "max", "last")

Text = Annotated[str, read_with(str), SCALAR]
Line = Annotated[str, read_with(line), SCALAR]
PromQL = Annotated[str, read_with(promql), SCALAR]
Unit = Annotated[str, read_with(unit), SCALAR]
Day = Annotated[date, read_with(day_of), spelled("2025-01-22")]
Clock = Annotated[str, read_with(clock), spelled("17:00", pattern=r"^\d{1,2}:\d{2}$")]
Zone = Annotated[ZoneInfo, read_with(parse_zone), spelled("America/Los_Angeles", "UTC")]
Length = Annotated[timedelta, read_with(parse_length), spelled("15m", "48h", pattern=LENGTH)]
Checkpoint = Annotated[timedelta, read_with(checkpoint), spelled("+48h", pattern=LENGTH)]
Lengths = Annotated[tuple[timedelta, ...], PlainValidator(lengths), spelled(["1h", "12h", "24h", "48h"], kind="array")]
Instant = Annotated[datetime, PlainValidator(instant), spelled("14:01", "2025-01-22 14:00")]
Due = Annotated[datetime, PlainValidator(due), spelled("2025-01-23 17:00", "2025-01-23")]
Span = Annotated[Window, PlainValidator(window), spelled("2025-01-22 14:00 to 15:30", kind=["string", "array"])]
DAYS = spelled("2025-01-21 14:00 to 15:30", "2025-01-21", "none")
Baseline = Annotated[Window | date | None, PlainValidator(window_or_day), DAYS]
Target = Annotated[Limit, read_with(target), spelled("at most 65 ms", "at least 90 %", "within 5 %", pattern=LIMIT)]
Within = Annotated[Limit, read_with(within), spelled("3 %")]
Tolerated = Annotated[Tolerance, read_with(parse_tolerance), spelled("5 %", "5 % or 3 ms", "2 points", "none")]
Names = Annotated[tuple[str, ...], PlainValidator(names), ONE_OR_MORE]
Texts = Annotated[tuple[str, ...], PlainValidator(listed), ONE_OR_MORE]
CONDITIONS = WithJsonSchema({"type": ["object", "array", "string"], "examples": [{"service": "memory-search"}]})
Labels = Annotated[tuple[Matcher, ...], PlainValidator(labels), CONDITIONS]
MetricName = Annotated[str, read_with(metric_name), spelled("parser_failure_total")]
Family = Annotated[str, read_with(family), spelled("parser_duration_ms")]
HistogramStatistic = Annotated[str, statistic("mean"), spelled("p50", "p95", "mean")]
GaugeStatistic = Annotated[str, statistic(*OF_A_GAUGE), spelled(*OF_A_GAUGE, "p95")]
Options = Annotated[Any, PlainValidator(no_secret)]
Site = Annotated[str, PlainValidator(site), spelled("https://reports.example.org")]
Address = Annotated[str, PlainValidator(address), spelled("env:PROMETHEUS_URL", "https://prometheus.example.org")]

NO_ZONE = ZoneInfo("UTC")  # stands in while a missing zone is being reported, so that other mistakes show too

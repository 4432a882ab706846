"""Metrics out of the files that people have: what each series seems to be, and what only a person can say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..model import quantile_named
from ..units import unit_of_name
from .deployment import scalar

if TYPE_CHECKING:
    from ..sources.look import Look

GOOD = ("success", "ok", "passed", "succeeded", "good", "0")
WORDS = (  # in a legend, a column or a file's name -> unit of the values
    (r"\bms\b|milliseconds?|millis\b", "ms"),
    (r"[(\[]s[)\]]|\bseconds?\b|\bsecs?\b", "s"),
    (r"%|percent", "%"),
    (r"\bratio\b|\bshare\b|probe success|availability", "1"),
    (r"\bbytes\b", "B"),
    (r"\berrors?\b|failures?|exceptions?", "errors"),
    (r"\brequests?\b|\brps\b|\bqps\b", "requests"),
    (r"\blog\b|\bevents?\b|\blines?\b", "events"),
)
PAGE = {"s": "ms", "us": "ms", "ns": "ms", "B": "MB", "1": "%"}  # what a page shows them in
WORSE = r"latency|duration|time|p\d\d|error|fail|exception|queue|lag"
BETTER = r"success|avail|ratio|probe|hit"


@dataclass(kw_only=True)
class Proposal:
    """source, metrics: lines of deployment.yml. recognised, questions: for the person who asked."""

    source: str = ""
    metrics: str = ""
    recognised: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def add(self, id: str, parts: dict[str, str], why: str) -> None:
        taken = set(re.findall(r"(?m)^  (\w+):", self.metrics))
        id = next(name for name in (id, *(f"{id}_{number}" for number in range(2, 999))) if name not in taken)
        self.metrics += f"  {id}: {{{', '.join(f'{key}: {value}' for key, value in parts.items())}}}\n"
        unit = parts.get("unit", "").strip('"')
        self.recognised.append(f"{id}: {why}{f', in {unit}' if unit not in ('', '1') else ''}")


def propose(looks: Sequence[Look], *, zone: str) -> Proposal:
    """The sources and metrics for these files. zone: of the deployment, which stands in for times without one."""
    groups: dict[tuple[object, ...], list[Look]] = defaultdict(list)
    for one in looks:
        groups[(metric_option(one), one.delimiter, one.zoneless)].append(one)
    found = Proposal()
    sources: dict[str, str] = {}
    for many in groups.values():
        name = next(name for name in (many[0].name, f"{many[0].name}_{len(sources) + 1}") if name not in sources)
        sources[name] = source_of(many, len(groups) == 1, zone, found)
        for parts in metrics_of(many, found):
            id, why = parts.pop("id"), parts.pop("why")
            found.add(id, parts | ({"source": name} if len(groups) > 1 else {}), why)
    first = next(iter(sources))
    found.source = f"source: {sources[first]}"
    if len(sources) > 1:
        lines = [f"  {name}: {text}" for name, text in sources.items()]
        found.source = "\n".join([f"source: {first}", "sources:", *lines])
    return found


def metric_option(look: Look) -> str:
    """What the source must be told of the name of series that do not say theirs; '' where the file is called so."""
    unnamed = any("series" in labels or labels.get("__name__") == look.name for labels, _ in look.series)
    return look.name if unnamed and look.path.partition(".")[0] != look.name else ""


def source_of(looks: Sequence[Look], alone: bool, zone: str, found: Proposal) -> str:
    """Files that are read in the same way, a directory of daily ones say, are one source."""
    first, paths = looks[0], [one.path for one in looks]
    if alone and len(paths) > 4:
        paths = [f"*{''.join(ends)}" for ends in sorted({tuple(path.partition(".")[1:]) for path in paths})]
    parts = {"kind": "files", "paths": f"[{', '.join(scalar(f'exports/original/{path}') for path in paths)}]"}
    if name := metric_option(first):
        parts["metric"] = name
    if first.delimiter != ",":
        parts["delimiter"] = scalar(first.delimiter)
    if first.zoneless:
        parts["zone"] = zone
        found.questions.append(f"{first.path}: its times say no zone; 'zone: {zone}' was written, is that theirs?")
    for one in looks:
        if one.numbers < 0.5:
            found.questions.append(
                f"{one.path}: {1 - one.numbers:.0%} of its values are no numbers; in Grafana switch off 'Formatted data', "
                "and write numbers with a decimal point"
            )
    return f"{{{', '.join(f'{key}: {value}' for key, value in parts.items())}}}"


def metrics_of(looks: Sequence[Look], found: Proposal) -> Iterable[dict[str, str]]:
    """Each metric of files that are read alike: its keys in order, beside 'id' and 'why'."""
    by_name: dict[str, dict[tuple[tuple[str, str], ...], bool]] = defaultdict(dict)
    files: dict[str, Look] = {}
    for one in looks:
        for labels, rising in one.series:
            name, key = labels.get("__name__", one.name), tuple(labels.items())
            files.setdefault(name, one)
            by_name[name][key] = rising and by_name[name].get(key, True)
    series = {name: [(dict(key), rising) for key, rising in many.items()] for name, many in by_name.items()}
    families = {name.removesuffix("_bucket") for name, many in series.items() if any("le" in one for one, _ in many)}
    for name, many in series.items():
        stem = re.sub(r"_(bucket|sum|count)$", "", name)
        if name == "up":
            found.recognised.append("up: read beside the others; it tells a target that was down")
        elif stem in families:
            if name.endswith("_bucket"):
                yield histogram(stem, len(many), found)
        elif "series" in many[0][0]:
            for labels, rising in many:
                yield gauge(files[name], name, labels["series"], True, rising, found)
        elif name.endswith(("_total", "_count")) and all(rising for _, rising in many):
            yield counter(name, [labels for labels, _ in many])
        else:
            own = name != files[name].name
            yield gauge(files[name], name, name if own else files[name].path, False, any(one for _, one in many), found)


def histogram(name: str, series: int, found: Proposal) -> dict[str, str]:
    parts = {"id": f"{word(name)}_p95", "why": f"a histogram (buckets by 'le'), {series} series; shown as its p95"}
    return parts | {"histogram": name, "statistic": "p95"} | units(name, [name], found) | {"better": "lower"}


def counter(name: str, labels: Sequence[dict[str, str]]) -> dict[str, str]:
    """A counter; a ratio where a label tells its good runs from the others."""
    values: dict[str, set[str]] = defaultdict(set)
    for one in labels:
        for label, value in one.items():
            values[label].add(value)
    for label, many in values.items():
        good = next((value for value in GOOD if value in {each.lower() for each in many}), "")
        if len(many) > 1 and good and label in ("result", "status", "outcome", "state", "code", "conclusion"):
            exact = next(value for value in many if value.lower() == good)
            why = f"a counter with '{label}'; shown as the share of {exact}"
            return {"id": word(name), "why": why, "ratio": name, "good": f"{{{label}: {scalar(exact)}}}"}
    failing = {"unit": "errors", "better": "lower"} if re.search(r"fail|error|exception", name) else {}
    return {
        "id": word(name),
        "why": f"a counter (its name, and it never falls), {len(labels)} series",
        "counter": name,
    } | failing


def gauge(look: Look, name: str, legend: str, by_legend: bool, rising: bool, found: Proposal) -> dict[str, str]:
    """A series of values as they are: a ready-made quantile, a probe, a count per interval. by_legend: it is one of several."""
    quantile = quantile_named(legend, name)
    why = (
        f"a ready-made quantile; shown as the mean of the exported {quantile}"
        if quantile
        else "a gauge; shown as its mean"
    )
    if rising and not quantile:
        found.questions.append(
            f"{legend}: it hardly ever falls; if it counts since a start, write 'counter' for 'gauge'"
        )
    parts = {"id": word(legend if by_legend else name), "why": why}
    if by_legend:
        said = " ".join(word for word in re.split(r"_+", look.name) if not unit_in(word))
        parts["title"] = scalar(f"{said[:1].upper()}{said[1:]} {legend}".strip())
    parts |= {"gauge": name} | ({"where": f"{{series: {scalar(legend)}}}"} if by_legend else {}) | {"statistic": "mean"}
    parts |= units(name, [legend, look.path], found)
    side = next((side for side, sign in (("higher", BETTER), ("lower", WORSE)) if re.search(sign, legend, re.I)), "")
    return parts | ({"better": side} if side else {})


def units(name: str, texts: Sequence[str], found: Proposal) -> dict[str, str]:
    """unit, and source_unit where the name does not say it; a question where nothing says it."""
    own = unit_of_name(name)
    source = next((unit for text in texts if (unit := unit_in(text))), own)
    if not source:
        found.questions.append(f'{texts[0]}: nothing says its unit; put ms, s, %, MB or what is counted for "1"')
        return {"unit": '"1"'}
    page = PAGE.get(source, source)
    said = {"unit": scalar(page)}
    return said if source == (own or page) else {**said, "source_unit": scalar(source)}


def unit_in(text: str) -> str:
    """The unit that a legend, a column or a file's name says, '' where it says none."""
    plain = re.sub(r"[_./-]+", " ", text)
    return next((unit for sign, unit in WORDS if re.search(sign, plain, re.IGNORECASE)), "")


def word(text: str) -> str:
    """'p95 (checkout)' as 'p95_checkout': what a metric is called here."""
    stem = re.sub(r"_(total|seconds|ms|bytes|ratio)$", "", re.sub(r"\W+", "_", text.lower()).strip("_"))
    return (stem if stem[:1].isalpha() else f"m_{stem}")[:60].strip("_") or "metric"

"""Metrics out of the files that people have: what each series seems to be, and what only a person can say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageProblem
from ..model import quantile_named
from ..units import unit_of_name
from ..wording import plural
from .deployment import Plan, flow

if TYPE_CHECKING:
    from ..sources.dashboard import Proposed
    from ..sources.look import Look

Told = tuple[str, str, dict[str, Any]]  # id, what was recognised, keys of deployment.yml
OF_RUNS = ("result", "status", "outcome", "state", "code", "conclusion")
GOOD = ("success", "ok", "passed", "succeeded", "good", "0")
WORDS = (  # in a legend, a column or a file's name -> unit of the values
    (r"\bcount\b|\blog\b|\bevents?\b|\blines?\b", "events"),
    (r"\bms\b|milliseconds?|millis\b|\btimers?\b", "ms"),
    (r"[(\[]s[)\]]|^s$|\bseconds?\b|\bsecs?\b", "s"),
    (r"%|percent", "%"),
    (r"\bratio\b|\bshare\b|probe success|availability", "1"),
    (r"\bbytes\b", "B"),
    (r"\berrors?\b|failures?|exceptions?", "errors"),
    (r"\brequests?\b|\brps\b|\bqps\b", "requests"),
)
PAGE = {"s": "ms", "us": "ms", "ns": "ms", "B": "MB", "1": "%"}  # what a page shows them in
WORSE = r"latency|duration|\btime\b|p\d\d|upper_|error|fail|exception|queue|lag"
BETTER = r"success|avail|ratio|probe|hit"


@dataclass(kw_only=True)
class Proposal:
    """source, metrics: lines of deployment.yml. recognised, questions: for the person who asked."""

    source: str = ""
    metrics: str = ""
    recognised: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def add(self, id: str, keys: Mapping[str, Any], why: str) -> None:
        taken = set(re.findall(r"(?m)^  (\w+):", self.metrics))
        id = next(name for name in (id, *(f"{id}_{number}" for number in range(2, 9999))) if name not in taken)
        self.metrics += f"  {id}: {flow(keys)}\n"
        unit = keys.get("unit", "1")
        self.recognised.append(f"{id}: {why}{'' if unit == '1' else f', in {unit}'}")


def from_panels(panels: Iterable[Proposed]) -> Proposal:
    """The metrics of a dashboard's queries."""
    found = Proposal()
    for one in panels:
        keys = dict(one.keys)
        name = str(keys.get("histogram") or keys.get("gauge") or "")
        if not {"unit", "counter", "ratio"} & keys.keys() and not unit_of_name(name):
            keys |= units(name, [str(keys.get("title", one.id))], found)
        found.add(one.id, keys, one.why)
    return found


def propose(looks: Sequence[Look], plan: Plan) -> Proposal:
    """The sources and metrics for these files. Raises UsageProblem where they do not reach the plan's window."""
    zone = plan.zone.key
    first, last = min(one.first for one in looks), max(one.last for one in looks)
    span = " to ".join(f"{at.astimezone(plan.zone):%Y-%m-%d %H:%M}" for at in (first, last)) + f" ({zone})"
    if not any(one.first <= plan.start < one.last for one in looks):
        raise UsageProblem(f"--at, --on: the files hold {span}, not {plan.window}; write a window in it")
    groups: dict[tuple[object, ...], list[Look]] = defaultdict(list)
    for one in looks:
        groups[(metric_option(one), one.delimiter, one.zoneless)].append(one)
    found = Proposal(recognised=[f"{plural(len(looks), 'file')}, {span}"])
    if plan.start - timedelta(days=1) < first:
        found.questions.append(
            f"the files hold nothing of {plan.before}; put a file of it beside them, or write 'baseline: none'"
        )
    sources: dict[str, str] = {}
    for many in groups.values():
        name = next(name for name in (many[0].name, f"{many[0].name}_{len(sources) + 1}") if name not in sources)
        sources[name] = source_of(many, len(groups) == 1, zone, found)
        for id, why, keys in metrics_of(many, found):
            found.add(id, keys | ({"source": name} if len(groups) > 1 else {}), why)
    if not found.metrics:
        raise UsageProblem("--from-csv: the files hold no metric beside 'up'; name others, or leave the option out")
    own = next(iter(sources))
    found.source = f"source: {sources[own]}"
    if len(sources) > 1:
        lines = [f"  {name}: {text}" for name, text in sources.items()]
        found.source = "\n".join([f"source: {own}", "sources:", *lines])
    return found


def metric_option(look: Look) -> str:
    """What the source must be told of the name of series that do not say theirs; '' where the file is called so."""
    unnamed = any("series" in labels or labels.get("__name__") == look.name for labels, _ in look.series)
    return look.name if unnamed and Path(look.path).name.partition(".")[0] != look.name else ""


def source_of(looks: Sequence[Look], alone: bool, zone: str, found: Proposal) -> str:
    """Files that are read in the same way, a directory of daily ones say, are one source."""
    first, paths = looks[0], [one.path for one in looks]
    if alone and len(paths) > 4:
        paths = [f"**/*.{end}" for end in sorted({Path(path).name.partition(".")[2] for path in paths})]
    parts: dict[str, Any] = {"kind": "files", "paths": [f"exports/original/{path}" for path in paths]}
    if name := metric_option(first):
        parts["metric"] = name
    if first.delimiter != ",":
        parts["delimiter"] = first.delimiter
    if first.zoneless:
        parts["zone"] = zone
        found.questions.append(f"{first.path}: its times say no zone; 'zone: {zone}' was written, is that theirs?")
    for one in looks:
        if one.numbers < 0.8:
            found.questions.append(
                f"{one.path}: {1 - one.numbers:.0%} of its values are no numbers; in Grafana switch off 'Formatted data', "
                "and write numbers with a decimal point"
            )
    return flow(parts)


def metrics_of(looks: Sequence[Look], found: Proposal) -> Iterator[Told]:
    """Each metric of files that are read alike."""
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


def histogram(name: str, series: int, found: Proposal) -> Told:
    keys = {"histogram": name, "statistic": "p95", **units(name, [name], found), "better": "lower"}
    return f"{word(name)}_p95", f"a histogram (buckets by 'le'), {series} series; shown as its p95", keys


def counter(name: str, labels: Sequence[dict[str, str]]) -> Told:
    """A counter; a ratio where a label tells its good runs from the others."""
    for label in OF_RUNS:
        values = {one[label].lower(): one[label] for one in labels if label in one}
        good = next((values[value] for value in GOOD if value in values), "")
        if len(values) > 1 and good:
            keys = {"ratio": name, "good": {label: good}}
            return word(name), f"a counter with '{label}'; shown as the share of {good}", keys
    failing = {"unit": "errors", "better": "lower"} if re.search(r"fail|error|exception", name) else {}
    return (
        word(name),
        f"a counter (its name, and it hardly ever falls), {len(labels)} series",
        {"counter": name, **failing},
    )


def gauge(look: Look, name: str, legend: str, by_legend: bool, rising: bool, found: Proposal) -> Told:
    """A series of values as they are: a ready-made quantile, a probe, a count per interval. by_legend: one of several."""
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
    keys: dict[str, Any] = {"gauge": name, "statistic": "mean"}
    if by_legend:
        said = " ".join(part for part in look.name.split("_") if part and not unit_in(part))
        keys = {
            "title": f"{said[:1].upper()}{said[1:]} {legend}".strip(),
            "gauge": name,
            "where": {"series": legend},
            "statistic": "mean",
        }
    keys |= units(name, [legend, look.path], found)
    side = next((side for side, sign in (("higher", BETTER), ("lower", WORSE)) if re.search(sign, legend, re.I)), "")
    return word(legend if by_legend else name), why, keys | ({"better": side} if side else {})


def units(name: str, texts: Sequence[str], found: Proposal) -> dict[str, str]:
    """unit, and source_unit where the name does not say it; a question where nothing says it."""
    own = unit_of_name(name)
    source = next((unit for text in texts if (unit := unit_in(text))), own)
    if not source:
        found.questions.append(f'{texts[0]}: nothing says its unit; put ms, s, %, MB or what is counted for "1"')
        return {"unit": "1"}
    page = PAGE.get(source, source)
    said = {"unit": page}
    return said if source == (own or page) else {**said, "source_unit": source}


def unit_in(text: str) -> str:
    """The unit that a legend, a column or a file's name says, '' where it says none."""
    plain = re.sub(r"[_./-]+", " ", text)
    return next((unit for sign, unit in WORDS if re.search(sign, plain, re.IGNORECASE)), "")


def word(text: str) -> str:
    """'p95 (checkout)' as 'p95_checkout': what a metric is called here."""
    stem = re.sub(r"_(total|seconds|ms|bytes|ratio)$", "", re.sub(r"\W+", "_", text.lower()).strip("_"))
    return (stem if stem[:1].isalpha() else f"m_{stem}")[:60].strip("_") or "metric"

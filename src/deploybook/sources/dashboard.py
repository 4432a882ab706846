"""Metrics out of a Grafana dashboard's JSON: what each panel's queries measure, in the words of deployment.yml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import UsageProblem

SELECTOR = r"(?P<{0}name>[A-Za-z_:][\w:]*)\s*(?:\{{(?P<{0}where>[^{{}}]*)\}})?"
COUNTED = r"(?:rate|irate|increase)\(\s*" + SELECTOR + r"\s*\[[^\]]+\]\s*\)"
SUM = (
    r"sum\s*(?:(?:by|without)\s*\((?P<{0}by>[^)]*)\)\s*)?\(\s*" + COUNTED + r"\s*\)(?:\s*by\s*\((?P<{0}after>[^)]*)\))?"
)
FORMS = {
    "histogram": re.compile(r"histogram_quantile\(\s*(?P<q>0?\.\d+)\s*,\s*" + SUM.format("") + r"\s*\)"),
    "ratio": re.compile(SUM.format("good_") + r"\s*/\s*" + SUM.format("all_")),
    "counter": re.compile(rf"(?:{SUM.format('')})|(?:{COUNTED.format('bare_')})"),
    "gauge": re.compile(
        r"(?:(?P<over>avg|min|max|quantile|last)(?:_over_time)?\s*(?:by\s*\([^)]*\)\s*)?\(\s*)?"
        + SELECTOR.format("")
        + r"\s*(?:\[[^\]]+\])?\s*\)?"
    ),
}
UNITS = {
    "ms": "ms",
    "s": "s",
    "µs": "us",
    "ns": "ns",
    "percent": "%",
    "percentunit": "%",
    "bytes": "B",
    "decbytes": "B",
}
MATCHER = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*(?:,|$)')
VARIABLE = re.compile(r"\$\w|\[\[")


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """
    One query of a panel as a metric: its id, its keys in the order of deployment.yml (texts, a mapping under
    `where` and `good`), and in words what was recognised.
    """

    id: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


def propose(content: bytes) -> list[Proposed]:
    """A metric for each query of each panel, in the order of the dashboard. Raises UsageProblem for other JSON."""
    try:
        board = json.loads(content)
    except (ValueError, RecursionError):
        raise UsageProblem("the dashboard is no JSON; export it in Grafana under Share, Export, Save to file") from None
    board = board.get("dashboard", board) if isinstance(board, Mapping) else board
    if not isinstance(board, Mapping) or not isinstance(board.get("panels"), list):
        raise UsageProblem("the file is no Grafana dashboard: it has no panels")
    found: list[Proposed] = []
    taken: set[str] = set()
    for panel in panels(board["panels"]):
        targeted: set[str] = set()
        for target in many(panel.get("targets")):
            query = target.get("expr") if isinstance(target, Mapping) else None
            if isinstance(query, str) and query.strip():
                keys, why = recognised(plain(query))
                keys = dressed(keys, panel, str(target.get("legendFormat") or ""), targeted)
                id, why = free(id_of(keys, panel), taken), f"{why}, panel {panel.get('id')}"
                found.append(Proposed(id=id, keys=keys, why=why))
    return found


def panels(found: list[Any]) -> Iterator[Mapping[str, Any]]:
    """The panels, those inside of rows included."""
    for one in found:
        if isinstance(one, Mapping):
            yield one
            yield from panels(many(one.get("panels")))


def many(value: Any) -> list[Any]:
    """The list that should stand there; an empty one where something else does."""
    return value if isinstance(value, list) else []


def inside(value: Any, *way: str) -> Mapping[str, Any]:
    """The mapping at the end of a way of keys; an empty one where there is none."""
    for key in way:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def plain(query: str) -> str:
    """The query on one line, without what Grafana fills in: conditions with a variable, and its intervals."""
    query = re.sub(r"\$\{(\w+)(?::\w+)?\}", r"$\1", " ".join(query.split()))
    query = re.sub(r"\[\s*\$__\w+\s*\]", "[5m]", query)

    def kept(found: re.Match[str]) -> str:
        matchers = (one[0].strip(" ,") for one in MATCHER.finditer(found[1]) if not VARIABLE.search(one[3]))
        return "{" + ",".join(matchers) + "}"

    return re.sub(r"\{([^{}]*)\}", kept, query).replace("{}", "")


def recognised(query: str) -> tuple[dict[str, Any], str]:
    """The keys that say the same as the query, and what it was taken for; a query as it is where nothing fits."""
    text = re.sub(r"^100\s*\*\s*|\s*\*\s*100$", "", query)
    text = text[1:-1].strip() if text.startswith("(") and text.endswith(")") else text
    if (found := FORMS["histogram"].fullmatch(text)) and found["name"].endswith("_bucket"):
        name, statistic = found["name"].removesuffix("_bucket"), f"p{float(found['q']) * 100:g}"
        by = [label for label in re.split(r"[\s,]+", found["by"] or found["after"] or "") if label not in ("le", "")]
        keys = {"histogram": name, **conditions("where", found["where"]), "statistic": statistic}
        return keys | ({"by": by} if by else {}), f"{statistic} of a histogram"
    if found := FORMS["ratio"].fullmatch(text):
        return ratio(found)
    if found := FORMS["counter"].fullmatch(text):
        name, where = found["name"] or found["bare_name"], found["where"] or found["bare_where"]
        return {"counter": name, **conditions("where", where)}, "increase of a counter"
    if (found := FORMS["gauge"].fullmatch(text)) and not found["name"].endswith(("_total", "_bucket")):
        statistic = {"min": "min", "max": "max", "last": "last"}.get(found["over"] or "", "mean")
        return {"gauge": found["name"], **conditions("where", found["where"]), "statistic": statistic}, "a gauge"
    return {"query": query}, "a query that the server answers"


def ratio(found: re.Match[str]) -> tuple[dict[str, Any], str]:
    """Two increases, one over the other: a mean of a histogram, a share of one counter, or of two."""
    good, every = found["good_name"], found["all_name"]
    if good.endswith("_sum") and every == good.removesuffix("_sum") + "_count":
        keys = {"histogram": good.removesuffix("_sum"), **conditions("where", found["all_where"]), "statistic": "mean"}
        return keys, "mean of a histogram"
    if good == every:
        theirs = MATCHER.findall(found["all_where"] or "")
        own = ",".join("".join(one) for one in MATCHER.findall(found["good_where"] or "") if one not in theirs)
        keys = {"ratio": good, **conditions("good", own), **conditions("where", found["all_where"])}
        return keys, "share of a counter's increases"
    return {"ratio": {"good": good, "total": every}, **conditions("where", found["all_where"])}, "share of two counters"


def conditions(key: str, text: str | None) -> dict[str, Any]:
    """Label conditions under their key: a mapping where all are equalities, else the text as PromQL has it."""
    found = MATCHER.findall(text or "")
    if not found:
        return {}
    if all(op == "=" for _, op, _ in found):
        return {key: {label: json.loads(value) for label, _, value in found}}
    return {key: ",".join(map("".join, found))}


def dressed(keys: dict[str, Any], panel: Mapping[str, Any], legend: str, targeted: set[str]) -> dict[str, Any]:
    """With the panel's title, unit and limit; the limit goes to the first metric of each form, in its unit."""
    kind = next(iter(keys))
    title = str(panel.get("title") or "").strip()
    legend = "" if "{{" in legend or legend in ("__auto", "") else legend
    shown = {"title": f"{title} {legend}".strip()} | keys
    defaults = inside(panel, "fieldConfig", "defaults")
    unit = "" if kind == "counter" else UNITS.get(str(defaults.get("unit")), "")
    shown |= {"unit": unit} if unit else {}
    if defaults.get("unit") == "percentunit" and kind in ("gauge", "query"):
        shown |= {"source_unit": "1"}
    if unit and kind not in targeted and (limit := limit_of(defaults, unit)):
        targeted.add(kind)
        shown |= {"better": "lower" if limit.startswith("at most") else "higher", "target": limit}
    return shown | ({"panel": str(panel["id"])} if panel.get("id") is not None else {})


def limit_of(defaults: Mapping[str, Any], unit: str) -> str:
    """'at most 65 ms' where the panel turns red there, 'at least 90 %' where it is red until there."""
    thresholds = inside(defaults, "thresholds")
    steps = [one for one in many(thresholds.get("steps")) if isinstance(one, Mapping)]
    if thresholds.get("mode") == "percentage" or len(steps) < 2:
        return ""
    reds = ["red" in str(one.get("color")).lower() for one in steps]
    at = len(steps) - 1 if reds[-1] and not reds[0] else 1 if reds[0] and not reds[-1] else 0
    value = steps[at].get("value")
    if not at or not isinstance(value, (int, float)):
        return ""
    value = value * 100 if defaults.get("unit") == "percentunit" else value
    return f"{'at most' if reds[-1] else 'at least'} {value:g} {unit}"


def id_of(keys: Mapping[str, Any], panel: Mapping[str, Any]) -> str:
    """A short name: the metric's with its statistic, the panel's title for a query."""
    named = next((keys[kind] for kind in FORMS if kind in keys), None)
    words = named if isinstance(named, str) else str(panel.get("title") or "query")
    bare = re.sub(r"\W+", "_", words).strip("_").lower()
    stem = re.sub(r"_(total|seconds|ms|bytes|milliseconds|duration)(?=_|$)", "", bare) or "metric"
    return f"{stem}_{keys['statistic']}" if "histogram" in keys else stem


def free(id: str, taken: set[str]) -> str:
    id = id if id[0].isalpha() else f"m_{id}"
    found = next(name for name in (id, *(f"{id}_{number}" for number in range(2, 9_999))) if name not in taken)
    taken.add(found)
    return found

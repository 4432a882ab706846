"""The shapes of deployment.yml, services/<name>.yml and deploybook.yml. The classes are the manual of their keys."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PlainValidator, Tag, WithJsonSchema, model_validator

from . import values as v
from .messages import Message
from .problems import KINDS, Strict, suggestion

# What a source of each kind may be told beside kind, zone and step; a kind of another package brings its own.
HTTP = "url token username password headers tenant ca cert key timeout verify max_bytes"
FILES = "paths metric time value labels delimiter"
SOURCE_OPTIONS = {
    "files": FILES,
    "replay": FILES,
    "prometheus": f"{HTTP} raw samples dialect retention",
    "postgres": "dsn query queries time value labels metric timeout table retention schema",
    **dict.fromkeys(("launchdarkly", "pagerduty", "alertmanager", "grafana"), f"{HTTP} paths"),
    "github": f"{HTTP} paths repository environment",
    "gitlab": f"{HTTP} paths project environment",
    "git": "path tags",
    "slack": "paths",
}
OTHER_KIND = {kind: f"'{kind}' stands beside another kind; a metric is one of {', '.join(KINDS)}" for kind in KINDS}


class Metric(Strict):
    beside = OTHER_KIND

    title: v.Text = ""
    """What the reader sees; without it the metric's name and statistic."""
    also_named: v.Texts = ()
    """Other names of the same metric, before a rename or on paper."""
    where: v.Labels = ()
    """Which series belong: label: value, or PromQL conditions such as 'code=~"5.."'."""
    unit: v.Unit = ""
    """The unit on the page; without it the target's, or the one that the metric's name ends with."""
    source_unit: v.Unit = ""
    """The unit in the source, where its name does not say it."""
    better: Literal["lower", "higher", "either"] | None = None
    """Which direction is good; without it the target says."""
    target: v.Target | None = None
    """The limit, such as 'at most 65 ms'."""
    watch: v.Target | None = None
    """A line before the target from which a person should look."""
    delta: Literal["relative", "percent", "points", "absolute"] | None = None
    """How the change is shown: relative, or percent (latencies), points (shares), absolute (counts)."""
    tolerance: v.Tolerated | None = None
    """How far from the baseline, either way: 5 %, 2 points, 5 % or 3 ms, none."""
    by: v.Names = ()
    """Labels to split the figure by."""
    missing: Literal["zero"] | None = None
    """zero: a counter without a series counts as 0 where `up` shows that the target was there."""
    advisory: bool = False
    """Shown, never decides."""
    show: Literal["value", "change"] = "value"
    """change: the figure is the change against the same clock window of the baseline day."""
    headline: Literal["window", "first"] = "window"
    """first: the table prints the first check-in."""
    arithmetic: Literal["raw", "prometheus"] | None = None
    """raw: last minus first, resets added back; prometheus: extrapolated, as increase() does."""
    source: v.Text = ""
    """The source to ask, where there are several."""
    panel: v.Text = ""
    """The panel of the dashboard."""
    decimals: Annotated[int, Field(ge=0, le=9)] | None = None
    """Decimals as printed."""


class Histogram(Metric):
    histogram: v.Family
    statistic: v.HistogramStatistic
    """p50, p95, p99.9 or mean."""


class Counter(Metric):
    counter: v.MetricName
    statistic: Literal["increase"] = "increase"


class Pair(Strict):
    good: v.MetricName
    total: v.MetricName


class Gauge(Metric):
    gauge: v.MetricName
    statistic: v.GaugeStatistic | None = None
    """mean, median, min, max, last or pNN of the samples."""


class Query(Metric):
    query: v.PromQL
    """PromQL, evaluated by the server."""
    statistic: Literal["answer"] = "answer"


class Ratio(Metric):
    ratio: Annotated[
        Annotated[v.MetricName, Tag("<name>")] | Annotated[Pair, Tag("<pair>")],
        Discriminator(lambda value: "<pair>" if isinstance(value, (dict, Pair)) else "<name>"),
    ]
    """A counter whose matching increases are the total, or {good: one_total, total: other_total}."""
    good: v.Labels = ()
    """Which of them are good, such as {result: success}."""
    statistic: Literal["ratio"] = "ratio"

    @model_validator(mode="after")
    def good_is_said(self) -> Ratio:
        if isinstance(self.ratio, str) and not self.good:
            raise ValueError("'good' is missing; write which runs are good, such as 'good: {result: success}'")
        return self


def kind_of(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "<histogram>"
    return next((f"<{kind}>" for kind in KINDS if kind in value), None)


AnyMetric = Annotated[
    Annotated[Histogram, Tag("<histogram>")]
    | Annotated[Counter, Tag("<counter>")]
    | Annotated[Ratio, Tag("<ratio>")]
    | Annotated[Gauge, Tag("<gauge>")]
    | Annotated[Query, Tag("<query>")],
    Discriminator(
        kind_of,
        custom_error_type="no_kind",
        custom_error_message="says no kind; write one of " + ", ".join(f"'{kind}: NAME'" for kind in KINDS),
    ),
]


def source_shape(value: Any) -> dict[str, Any]:
    """The options of a source with its kind; a short text means a prometheus address, or paths of files."""
    if isinstance(value, str):
        if value.startswith(("env:", "file:", "http://", "https://")):
            return {"kind": "prometheus", "url": v.no_secret(value, "url")}
        if any(sign in value for sign in "*/.") or value.endswith(".csv"):
            return {"kind": "files", "paths": [value]}
        return {"named": value}
    if not isinstance(value, dict):
        raise ValueError("expected an address such as env:PROMETHEUS_URL, or {kind: files, paths: [...]}")
    kind = value.get("kind")
    if not isinstance(kind, str):
        raise ValueError("'kind' is missing; write 'kind: prometheus', 'kind: files' or 'kind: postgres'")
    allowed = SOURCE_OPTIONS.get(kind, "").split()
    known = allowed or entry_points(group="deploybook.sources", name=kind)  # another package's
    if not known and (hint := suggestion(kind, SOURCE_OPTIONS, "")).startswith("did"):
        raise ValueError(f"{kind!r} is not a kind of source; {hint}")
    for key in value if allowed else ():
        if key not in ("kind", "zone", "step", *allowed):
            raise ValueError(f"'{key}' is not a key of a {kind} source; {suggestion(key, allowed, 'keys are')}")
    if kind == "files" and not value.get("paths"):
        raise ValueError("'paths' is missing; write 'paths: [\"exports/original/**/*.csv*\"]'")
    return {key: v.no_secret(item, key) for key, item in value.items() if item is not None}


SourceText = Annotated[dict[str, Any], PlainValidator(source_shape), WithJsonSchema({"type": ["string", "object"]})]


class Gate(Strict):
    name: v.Text
    at: v.Instant
    metric: v.Text
    window: v.Length
    within: v.Within | None = None
    """How far from the baseline, either way."""
    target: v.Target | None = None


class Checkins(Strict):
    every: v.Length | None = None
    metrics: v.Names | None = None


class PeopleCheck(Strict):
    id: v.Text = ""
    after: v.Length
    who: v.Text
    what: v.Text


class Checkpoints(Strict):
    after: v.Lengths | None = None
    """When, elapsed from the end of the deployment window."""
    window: v.Length | None = None
    """What is compared with the baseline: the time before each checkpoint."""
    success: dict[str, v.Target] = Field(default_factory=dict)
    """Criterion of each metric over the observation so far; without it the targets."""
    people: list[PeopleCheck] = Field(default_factory=list)
    """Checks that a person does."""


class Shared(Strict):
    """What deploybook.yml, a service and a deployment may each say; the nearest wins."""

    timezone: v.Zone | None = None
    """The zone of every time without an offset."""
    lead: v.Line = ""
    team: v.Line = ""
    source: SourceText | None = None
    """The one source: env:PROMETHEUS_URL, paths of files, or the name of one under sources."""
    sources: dict[str, SourceText] = Field(default_factory=dict)
    metrics: dict[str, AnyMetric] = Field(default_factory=dict)
    limits: dict[str, v.Target] = Field(default_factory=dict)
    """Targets of metrics that are declared further away."""
    tolerance: v.Tolerated | None = None
    observation: v.Length | None = None
    checkins: Checkins = Checkins()
    checkpoints: Checkpoints = Checkpoints()
    dashboard: v.Address = ""
    notify: v.Names = ()
    """Names of channels in deploybook.yml."""
    judge: Literal["interval", "point"] | None = None
    """point: verdicts by the figure alone, without its interval."""
    arithmetic: Literal["raw", "prometheus"] | None = None


class Windows(Strict):
    deployment: v.Span | None = None
    baseline: v.Baseline = None
    observation: v.Length | None = None


class DeploymentFile(Shared):
    """deployment.yml: what is judged and how."""

    title: v.Line = ""
    """What the change is called."""
    ticket: v.Line = ""
    """The change ticket; none where there is none."""
    version: v.Line = ""
    """Commit, tag or version that was deployed."""
    service: v.Text = ""
    """Takes sources, metrics and limits from services/<name>.yml."""
    window: v.Span | None = None
    """The deployment window."""
    baseline: v.Baseline = None
    """What it is compared with; none for a first deployment."""
    windows: Windows = Windows()
    gates: list[Gate] = Field(default_factory=list)
    messages: list[Message] = Field(default_factory=list)
    """What goes to stakeholders at a time: {at: 15:45, draft: status, channel: stakeholders, if: no incident}."""
    outcome: Literal["succeeded", "rolled_back", "aborted", "postponed"] | None = None
    """What `close` adds."""
    actual: v.Span | None = None
    reason: v.Text = ""
    closed: v.Instant | None = None
    closed_by: v.Line = ""


class ServiceFile(Shared):
    """services/<name>.yml: team, sources, metrics and limits of one service."""

    title: v.Line = ""


class Keep(Strict):
    exports: v.Length | None = None
    """How long after it was recorded: 400 d."""
    hold: v.Texts = ()
    """Tickets under legal hold, of which nothing is removed."""


class WorkspaceFile(Shared):
    """deploybook.yml: what is the same for all deployments."""

    title: v.Line = ""
    """What this workspace is called."""
    url: v.Site = ""
    """Where the site will be."""
    channels: dict[str, v.Options] = Field(default_factory=dict)
    """Whom to tell: name: env:SLACK_URL, or name: {url: env:SLACK_URL, on: change}."""
    hours: v.Text = ""
    """When people are at work, in the zone: 09:00 to 18:00."""
    daily: v.Clock = ""
    """When the daily report is due, in the zone: 17:00."""
    catch_up: Literal["all", "latest", "none"] | None = None
    """What becomes of checkpoints that were missed."""
    max_age: v.Length | None = None
    """How old a missed checkpoint may be to be caught up."""
    origin: v.Text = ""
    """The name of the evidence log."""
    keep: Keep = Field(default_factory=Keep)
    """How long stored exports are kept: {exports: 400 d}; for ever by default."""

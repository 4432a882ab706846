"""Kind `prometheus`: raw samples as evidence, and queries that the server answers, over the HTTP API v1."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ..errors import QueryRejected, SourceError, SourceUnreachable
from ..model import DataNote, Matcher, Metric, Original, Pulled
from .answers import Answer, read_answer, rows_of_answers
from .http import NOT_NOW, Client, Reply
from .join import gather
from .request import ANSWERS, Request, kept_for, length_in, not_kept, unobservable, without
from .rows import Rows, Unreadable

MOST = 2_000_000  # samples of one answer
POINTS = 11_000  # of one series in a range query; servers refuse more (they count steps, so 11,001 would pass)
FIRST = 5 * 60_000  # milliseconds of the first chunk; the following ones grow as the answers allow
MINUTE = 60_000
# Thanos: no answer from half of the stores, nothing downsampled. Others ignore what they do not know.
WHOLE = {"dedup": "true", "partial_response": "false", "max_source_resolution": "0s"}
FLAGS = ("enable-feature", "query.lookback-delta", "storage.tsdb.retention.time")
LATER = ("timeout", "unavailable", "too_many_requests")
TIMED_OUT = ("deadline exceeded", "timed out", "timeout")
ON_EVERY_TARGET = ("job", "instance", "namespace", "cluster")  # labels that `up` shares with what a target exports
TOO_MUCH = ("too many samples", "maximum resolution", "exceeds the limit", "max-samples", "too many points")


class TooMuch(QueryRejected):
    """The server would have to load more than it may: the same question about less time can be answered."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """
    Who answers. left_open: whether a range leaves out its start (3.0 and later); None where that is not known.
    keeps: how long samples stay, None where it does not say.
    """

    engine: str
    flags: Mapping[str, str] = field(default_factory=dict)
    keeps: timedelta | None = None
    left_open: bool | None = None


@dataclass(kw_only=True)
class Got:
    """What one metric's questions gave so far. length: of the next chunk, in milliseconds."""

    answers: list[Answer] = field(default_factory=list)
    originals: list[Original] = field(default_factory=list)
    length: int = FIRST


def pull(request: Request) -> Pulled:
    """
    The samples of every wanted metric in the windows (by default all that the deployment is judged on), and the
    answers to its queries. What was given before a failure comes back with it; with nothing given it is raised.
    """
    queries = {
        metric.id: metric for metric in request.metrics if metric.kind == "query" and metric.id in request.wanted
    }
    with Client(request) as client:
        return Puller(client, request, identify(client)).all(queries)


def answer_now(client: Client, query: str, at_ms: int) -> list[tuple[dict[str, str], float]]:
    """What the server says to a query at one moment: labels and value of each series."""
    form = {"query": query, "time": seconds_text(at_ms), **WHOLE}
    _, answer = client.ask("/api/v1/query", lambda reply: read(client, reply), form=form)
    return [(labels, float(values[0])) for labels, _, values in answer.series]


class Puller:
    """One pull from one server: asks, counts, keeps the originals."""

    def __init__(self, client: Client, request: Request, server: Server) -> None:
        self.client, self.request, self.server = client, request, server
        self.windows = request.windows or request.judged
        self.judged = (*self.windows, *request.judged)
        self.samples = 0
        self.kept = 0
        self.notes: list[DataNote] = []
        self.originals: list[Original] = []

    def all(self, queries: Mapping[str, Metric]) -> Pulled:
        """One metric after the other. A refused one does not stop the others; an unreachable server does."""
        parts: list[Rows] = []
        problems: list[SourceError] = []
        for name, kind in self.request.wanted.items():
            got = Got()
            try:
                if name in queries:
                    self.evaluate(queries[name], got)
                elif kind != "answers" and (name != "up" or any(one.missing_is_zero for one in self.request.metrics)):
                    self.fetch(name, kind, got)
            except SourceError as problem:
                problems.append(problem)
                self.notes.append(
                    DataNote(kind="failed", metric=name, text=str(problem), place=self.request.source.name)
                )
            parts += self.rows(name, got)
            if problems and problems[-1].can_retry:
                break
        if problems and not self.samples:
            raise problems[0]
        samples, noticed, _ = gather(parts, self.request.wanted, source=self.request.source.name)
        return Pulled(
            source=self.request.source.name,
            samples=tuple(samples),
            notes=(*self.notes, *noticed),
            originals=tuple(self.originals),
            failure="; ".join(dict.fromkeys(map(str, problems))),
        )

    def rows(self, name: str, got: Got) -> list[Rows]:
        if not got.answers:
            return []
        originals = self.kept_originals(name, got.originals)
        self.originals += [replace(one, metrics=(name,)) for one in originals]
        rows = rows_of_answers(
            got.answers,
            place=self.request.source.name,
            name=name,
            digests=tuple(one.digest for one in originals),
            step_ms=originals[0].step_ms,
            own_steps=True,
            engine=self.server.engine,
        )
        self.notes += [replace(note, metric=name) for note in rows.notes]
        return [rows]

    def kept_originals(self, name: str, originals: list[Original]) -> list[Original]:
        """The originals of a metric as they are kept, packed; only their digests where a pull would keep too much."""
        size = sum(len(one.content) for one in originals)
        if self.kept + size <= ANSWERS:
            self.kept += size
            return [one.packed for one in originals]
        self.notes.append(not_kept(name))
        return [replace(one, content=b"") for one in originals]

    # ── raw samples ──

    def fetch(self, name: str, kind: str, got: Got) -> None:
        """The samples of one metric as scraped, or with `raw: false` at the source's step, chunk by chunk."""
        selector = selector_of(name, kind, matchers_for(self.request, name))
        for start, end in without(self.request.stretches(self.windows), self.request.held.get((name, selector), ())):
            if str(self.request.source.options.get("raw")).lower() == "false":
                self.ranged(selector, start, end, step_of(self.request, 15), got)
            else:
                self.raw(selector, start, end, got)
        kept = kept_for(self.request, self.server.keeps)
        quiet = [one for one in got.originals if not one.rows]
        self.notes += unobservable(self.request, name, quiet[-1], kept) if quiet else []

    def raw(self, selector: str, start: int, end: int, got: Got) -> None:
        """
        Chunks [start, last] of whole milliseconds that touch without a gap. A range (t - r, t] of 3.0 and later is
        one millisecond longer than the closed one before, which keeps a sample at the very start.
        """
        most = int(str(self.request.source.options.get("samples") or MOST))
        while start <= end:
            last = min(start + got.length - 1, end)
            reach = last - start + (self.server.left_open is not False)
            try:
                answer = self.ask(
                    "/api/v1/query",
                    {"query": f"{selector}[{max(reach, 1)}ms]", "time": seconds_text(last)},
                    got,
                    span=(start, last),
                    question=selector,
                    kind="matrix",
                )
            except TooMuch:
                if got.length <= MINUTE:
                    raise
                got.length = max(MINUTE, got.length // 4)
                continue
            fits = (last - start + 1) * most * 3 // (4 * max(answer.samples, 1))
            got.length = max(MINUTE, min(got.length * 4, fits))
            start = last + 1

    def ranged(self, query: str, start: int, end: int, step: int, got: Got) -> None:
        """A range query on multiples of the step, in pieces that the server's limit of points allows."""
        first, points = -(-start // step) * step, POINTS
        while first <= end:
            last = min(first + (points - 1) * step, end // step * step)
            form = {"query": query, "start": seconds_text(first), "end": seconds_text(last), "step": seconds_text(step)}
            try:
                self.ask("/api/v1/query_range", form, got, span=(first, last), question=query, step=step, kind="matrix")
            except TooMuch:
                if points <= 10:
                    raise
                points //= 4
                continue
            first = last + step

    # ── queries ──

    def evaluate(self, metric: Metric, got: Got) -> None:
        """
        The query at the end of every window and at each step inside. One with `$window` is asked once per window,
        for its length, and its answers carry the label `window`.
        """
        now = self.request.now
        ends = sorted({(w.end_ms, w.end_ms - w.start_ms) for w in self.judged if now is None or w.end <= now})
        if "$window" in metric.query:
            for end, length in ends:
                text = metric.query.replace("$window", f"{length}ms")
                self.instant(text, end, got, {"window": f"{length // 1000}s"})
            return
        step = step_of(self.request, 60)
        for start, end in self.request.stretches(self.judged, timedelta()):
            self.ranged(metric.query, start, end, step, got)
        for end in dict.fromkeys(end for end, _ in ends if end % step):
            self.instant(metric.query, end, got, {})

    def instant(self, query: str, at: int, got: Got, labels: Mapping[str, str]) -> None:
        form = {"query": query, "time": seconds_text(at)}
        answer = self.ask("/api/v1/query", form, got, span=(at, at), question=query, kind="vector")
        series = [({**own, **labels}, times, values) for own, times, values in answer.series]
        got.answers[-1] = replace(answer, series=series)

    # ── asking ──

    def ask(
        self,
        path: str,
        form: Mapping[str, str],
        got: Got,
        *,
        span: tuple[int, int],
        question: str,
        kind: str,
        step: int = 0,
    ) -> Answer:
        reply, answer = self.client.ask(path, lambda reply: read(self.client, reply), form={**form, **WHOLE})
        if answer.kind != kind:
            words = f"answered another question: no {kind} is in it; is the path of 'url' right?"
            raise QueryRejected(f"{self.client.name}: {self.client.host} {words}")
        answer, lost = within(answer, span)
        if lost:
            text = f"{lost} samples are of another time than was asked for, of an old answer perhaps; they are left out"
            self.notes.append(
                DataNote(kind="refused", metric="", count=lost, text=text, place=self.request.source.name)
            )
        got.answers.append(answer)
        got.originals.append(
            Original(
                digest=hashlib.sha256(reply.body).hexdigest(),
                size=len(reply.body),
                content=gzip.compress(reply.body, 6, mtime=0),
                source=self.request.source.name,
                kind=self.request.source.kind,
                rows=answer.samples,
                query=form["query"],
                question=question,
                start_ms=span[0],
                end_ms=span[1],
                step_ms=step,
                engine=self.server.engine,
                flags=self.server.flags,
                warnings=answer.warnings,
                infos=answer.infos,
                seconds=round(reply.seconds, 3),
                asked=self.request.now,
            )
        )
        self.samples += answer.samples
        self.request.tell(form["query"], self.samples, self.client.received)
        return answer


def read(client: Client, reply: Reply) -> tuple[Reply, Answer]:
    """The answer in a reply; SourceUnreachable where asking again can help, QueryRejected where not."""
    if reply.status in (401, 403):
        raise QueryRejected(
            f"{client.name}: {client.host} refuses the credentials ({reply.status}); see {client.credentials}"
        )
    try:
        answer = read_answer(reply.body)
    except Unreadable as problem:
        words = f"answered {reply.status}" if reply.status >= 400 else problem.text
        if reply.status in NOT_NOW:
            raise SourceUnreachable(f"{client.name}: {client.host} {words}", retry_after=reply.retry_after) from None
        raise QueryRejected(f"{client.name}: {client.host}: {words}; is the path of 'url' right?") from None
    if not answer.error:
        return reply, answer
    text = answer.error.lower()
    said = " ".join(answer.error.split())[:300]
    words = f"{client.name}: {client.host} refuses: {answer.error_type}: {said}"
    if any(sign in text for sign in TOO_MUCH):
        raise TooMuch(words)
    timed_out = any(sign in text for sign in TIMED_OUT)
    if answer.error_type in LATER or timed_out or reply.status == 429 or reply.status >= 500:
        raise SourceUnreachable(words, retry_after=reply.retry_after)
    raise QueryRejected(f"{words}; asking again gives the same, mend the query or the source")


def within(answer: Answer, span: tuple[int, int]) -> tuple[Answer, int]:
    """The answer without samples of another time than was asked for, and how many; the first may be a millisecond early."""
    inside = [(times >= span[0] - 1) & (times <= span[1]) for _, times, _ in answer.series]
    lost = sum(int((~each).sum()) for each in inside)
    kept = [
        (labels, times[each], values[each])
        for (labels, times, values), each in zip(answer.series, inside, strict=True)
        if each.any()
    ]
    return (replace(answer, series=kept), lost) if lost else (answer, 0)


def identify(client: Client) -> Server:
    """The server's name, version and those of its flags that change numbers; what it does not tell stays empty."""
    dialect = str(client.request.source.options.get("dialect") or "prometheus").lower()
    info = told(client, "/api/v1/status/buildinfo")
    version = str(info.get("version", "")).lstrip("v")
    application = str(info.get("application", "")).lower().removeprefix("grafana ") or dialect
    flags = told(client, "/api/v1/status/flags")
    kept = str(told(client, "/api/v1/status/runtimeinfo").get("storageRetention") or "")
    major = int(version.split(".")[0]) if version.split(".")[0].isdigit() else None
    known = application == "prometheus" and major is not None
    return Server(
        engine=f"{application} {version or '(version unknown)'}",
        flags={name: str(flags[name]) for name in FLAGS if flags.get(name)},
        left_open=(major or 0) >= 3 if known else None,
        keeps=length_in(kept),
    )


def told(client: Client, path: str) -> Mapping[str, object]:
    """The data under a status address; {} where the server has no such address."""

    def data(reply: Reply) -> Mapping[str, object]:
        if reply.status in (401, 403):
            read(client, reply)
        try:
            found = json.loads(reply.body).get("data")
        except (ValueError, AttributeError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    return client.ask(path, data)


def selector_of(name: str, kind: str, matchers: Sequence[Matcher]) -> str:
    """A selector of the metric; of a histogram with its buckets, sum and count in one question."""
    op, value = ("=~", f"{name}_(bucket|sum|count)") if kind == "histogram" else ("=", name)
    named = Matcher(label="__name__", op=op, value=value)  # type: ignore[arg-type]
    return "{" + ",".join(str(matcher) for matcher in (named, *matchers)) + "}"


def matchers_for(request: Request, name: str) -> list[Matcher]:
    """The conditions that every metric needing this name has: what they select is enough for all of them."""
    asking = [set(metric.where) for metric in request.metrics if name in metric.names]
    if name == "up":
        counters = [metric for metric in request.metrics if metric.missing_is_zero]
        asking = [{one for one in metric.where if one.label in ON_EVERY_TARGET} for metric in counters]
    return sorted(set.intersection(*asking), key=str) if asking else []


def step_of(request: Request, usual: int) -> int:
    return int((request.source.step or timedelta(seconds=usual)).total_seconds() * 1000)


def seconds_text(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"

"""Prometheus: a real server where one is installed, and one that misbehaves in every way that was thought of."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from build import deployment, metric, where
from servers import NOON, FakeServer, Script, free_port, head, openmetrics, prometheus, raw, reply

from deploybook import exports, sources
from deploybook.errors import QueryRejected, SourceError, SourceUnreachable
from deploybook.model import Deployment, Matcher, Metric, Pulled, Source
from deploybook.sources import Request
from deploybook.sources.files import pull as pull_files
from deploybook.sources.http import Client
from deploybook.sources.prometheus import answer_now, pull
from deploybook.times import Window, from_ms, to_ms

WINDOW = Window(start=NOON + timedelta(minutes=30), end=NOON + timedelta(minutes=90))
NOW = NOON + timedelta(hours=3)
WANTED = {"jobs_total": "counter", "parser_ms": "histogram"}


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scraped")
    (folder / "metrics.om").write_text(openmetrics())
    return folder


@pytest.fixture(scope="module")
def server(scraped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), scraped / "metrics.om") as url:
        yield url


def request(url: str, wanted: dict[str, str] = WANTED, **more: Any) -> Request:
    options = {"url": "env:URL", **more.pop("options", {})}
    waits: list[float] = more.pop("waits", [])
    base = Request(
        source=Source(name="live", kind="prometheus", options=options, step=more.pop("step", None)),
        wanted=wanted,
        windows=(WINDOW,),
        now=NOW,
        environ={"URL": url, "TOKEN": "s3cret-canary"},
        sleep=waits.append,
    )
    return replace(base, **more)


def table(pulled: Pulled, name: str) -> dict[tuple[str, ...], tuple[list[int], list[Any]]]:
    samples = next(one for one in pulled.samples if one.name == name)
    return {tuple(s.labels.values()): (s.times.tolist(), s.values.tolist()) for s in samples.series}


def asking(*metrics: Metric) -> Deployment:
    """A deployment after NOW, so that nothing but the windows that are given is asked about."""
    return deployment(metrics=metrics, baseline=None)


# ── a real server ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_raw_samples_are_those_that_were_scraped(server: str, scraped: Path) -> None:
    whole = Window(start=NOON + timedelta(minutes=15), end=NOON + timedelta(minutes=105))
    files = Source(name="f", kind="files", options={"paths": ["metrics.om"]})
    known = pull_files(Request(source=files, folder=scraped, wanted=WANTED))

    pulled = pull(request(server, windows=(whole,)))

    for name in WANTED:
        assert table(pulled, name) == table(known, name)
    assert pulled.samples[0].engine.startswith("prometheus ")
    assert {int(step) for one in pulled.samples for series in one.series for step in series.steps} == {15_000}
    assert pulled.notes == ()


def test_chunks_touch_without_a_duplicate_or_a_hole(server: str) -> None:
    pulled = pull(request(server, {"jobs_total": "counter"}, options={"samples": 50}))

    assert len(pulled.originals) > 5
    assert sum(original.rows for original in pulled.originals) == sum(len(s.times) for s in pulled.samples[0].series)
    for before, after in zip(pulled.originals, pulled.originals[1:], strict=False):
        assert after.start_ms == before.end_ms + 1
    start = to_ms(WINDOW.start - timedelta(minutes=15))
    for times, _ in table(pulled, "jobs_total").values():
        assert times == list(range(start + 2_417, to_ms(WINDOW.end + timedelta(minutes=15)), 15_000))


def test_a_question_too_large_for_the_server_is_asked_in_parts(scraped: Path, tmp_path: Path) -> None:
    query = metric("query", "", id="jobs", query="sum(jobs_total)")
    with prometheus(tmp_path, scraped / "metrics.om", "--query.max-samples=300") as url:
        raw_rows = pull(request(url, {"parser_ms": "histogram"}))
        points = pull(request(url, {"jobs": "answers"}, deployment=asking(query), step=timedelta(seconds=5)))

    assert (raw_rows.failure, points.failure) == ("", "")
    assert sum(len(series.times) for series in raw_rows.samples[0].series) == 360
    assert table(points, "jobs")[()][0] == list(range(to_ms(WINDOW.start), to_ms(WINDOW.end) + 1, 5_000))


def test_the_same_counts_come_step_aligned_where_raw_is_off(server: str) -> None:
    pulled = pull(request(server, {"jobs_total": "counter"}, options={"raw": False}, step=timedelta(seconds=30)))

    times, _ = table(pulled, "jobs_total")[("b",)]
    assert {at % 30_000 for at in times} == {0}
    assert {int(step) for step in pulled.samples[0].series[0].steps} == {30_000}


def test_more_than_11000_points_come_in_pieces_without_a_seam(server: str) -> None:
    window = Window(start=NOON + timedelta(hours=1), end=NOON + timedelta(hours=1, seconds=1_500))
    query = metric("query", "", id="jobs", query="sum(jobs_total)")
    asked = request(
        server, {"jobs": "answers"}, windows=(window,), deployment=asking(query), step=timedelta(milliseconds=125)
    )

    pulled = pull(asked)

    assert [original.rows for original in pulled.originals] == [11_000, 1_001]
    ((times, _),) = table(pulled, "jobs").values()
    assert times == list(range(to_ms(window.start), to_ms(window.end) + 1, 125))


def test_a_query_is_answered_at_the_end_of_every_window(server: str) -> None:
    early = Window(start=WINDOW.start, end=WINDOW.start + timedelta(seconds=912))
    query = metric("query", "", id="rate", query="sum(increase(jobs_total[15m]))")

    pulled = pull(request(server, {"rate": "answers"}, windows=(WINDOW, early), deployment=asking(query)))

    ((times, values),) = table(pulled, "rate").values()
    assert {to_ms(WINDOW.end), to_ms(early.end)} <= set(times)
    assert all(value > 0 for value in values)
    assert pulled.samples[0].kind == "answers"


def test_a_query_with_window_is_asked_for_the_length_of_each(server: str) -> None:
    """Two windows that end together have an answer each."""
    from deploybook.measure import measure

    late = Window(start=WINDOW.end - timedelta(minutes=15), end=WINDOW.end)
    query = metric("query", "", id="jobs", query='increase(jobs_total{pod="b"}[$window])')

    pulled = pull(request(server, {"jobs": "answers"}, windows=(WINDOW, late), deployment=asking(query)))

    by_window = {s.labels["window"]: s.times.tolist() for s in pulled.samples[0].series}
    assert by_window == {"3600s": [to_ms(WINDOW.end)], "900s": [to_ms(WINDOW.end)]}
    whole, part = (measure(query, pulled.data, window).value for window in (WINDOW, late))
    assert whole == pytest.approx(480, rel=0.02)  # 240 scrapes, 2 a scrape on average, extrapolated
    assert part == pytest.approx(120, rel=0.02)


def test_no_produced_byte_holds_a_secret(tmp_path: Path) -> None:
    """Every file and text of a pull that works and of one that fails, in eight encodings."""
    import base64
    import pickle

    secret = "s3cret-canary"
    options = {"token": "env:TOKEN", "headers": {"X-Key": "env:TOKEN"}, "raw": False}
    made: list[bytes] = []
    with FakeServer(reply(GOOD), reply(b"no", 403, "text/plain")) as fake:
        works = pull(request(fake.url, COUNTER, options=options))
        exports.store(tmp_path, [works])
        with pytest.raises(SourceError) as told:
            pull(request(fake.url, COUNTER, options=options))
    assert all(secret.encode() in one for one in fake.requests)
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    made += [gzip.decompress(one) if one.startswith(b"\x1f\x8b") else one for one in files]
    made += [
        repr(one).encode() for one in (works, told.value, told.traceback[-1].locals.get("client"), request(fake.url))
    ]
    made.append(pickle.dumps(works))

    plain = secret.encode()
    encodings = {
        *(
            plain,
            base64.b64encode(plain).rstrip(b"="),
            base64.urlsafe_b64encode(plain).rstrip(b"="),
            plain.hex().encode(),
        ),
        *(
            quote(secret, safe="").encode(),
            json.dumps(secret)[1:-1].encode(),
            secret[::-1].encode(),
            secret.encode("utf-16-le"),
        ),
    }
    assert not [one for content in made for one in encodings if one in content]


def test_a_second_pull_asks_only_for_what_is_missing(server: str, tmp_path: Path) -> None:
    first = request(server, {"jobs_total": "counter"}, now=WINDOW.end)
    exports.store(tmp_path, [pull(first)])
    held = exports.spans(tmp_path)

    again = pull(replace(first, held=held))
    later = pull(replace(first, held=held, now=NOW))

    assert [(one.start_ms, one.end_ms) for one in again.originals] == [
        (next(iter(held.values()))[-1][1] + 1, to_ms(WINDOW.end))
    ]
    stored = exports.store(tmp_path, [later])
    assert [note.kind for note in stored.notes] == []
    times = exports.load(tmp_path).samples["jobs_total"].series[0].times
    assert len(times) == len(set(times.tolist())) == 360


def test_only_the_conditions_that_all_metrics_share_are_sent(server: str) -> None:
    on_a = where(pod="a")
    both = asking(
        metric("counter", "jobs_total", where=(*on_a, Matcher(label="x", op="=", value=""))),
        metric("counter", "jobs_total", where=on_a),
    )

    pulled = pull(request(server, {"jobs_total": "counter"}, deployment=both))

    assert list(table(pulled, "jobs_total")) == [("a",)]
    assert pulled.originals[0].query.startswith('{__name__="jobs_total",pod="a"}[')


@pytest.mark.slow
def test_the_reference_agrees_with_its_server(shared: Path, tmp_path: Path) -> None:
    """Every figure of expected.json: measured on pulled samples, against the server's own answer."""
    from deploybook.measure import measure

    figures = json.loads((shared / "scenario/expected.json").read_text())["figures"]
    asked = [
        (figure["query"], datetime.fromisoformat(at))
        for figure in figures
        for at in (figure["eval_at"], figure["baseline_at"])
        if at
    ]
    windows = tuple({window_of(query, at) for query, at in asked})
    near = replace(request(""), now=None).stretches(windows)
    path = tmp_path / "metrics.om"
    with gzip.open(shared / "scenario/openmetrics/metrics.om.gz", "rt") as lines, path.open("w") as out:
        out.writelines(line for line in lines if line[0] == "#" or is_near(line, near))
    metrics = {
        "quantile(0.5,": metric("histogram", "parser_duration_ms", "p50", where=where(service="memory-search")),
        "quantile(0.95,": metric("histogram", "cli_cmd_duration_ms", "p95", where=where(service="cli-executor")),
        "failure": metric("counter", "parser_failure_total"),
        "cicd": metric("ratio", "cicd_runs_total", good=where(result="success")),
        "sum(increase(parser_duration_ms_sum": metric("histogram", "parser_duration_ms", "mean"),
    }
    metrics = {sign: replace(one, arithmetic="prometheus", scale=1.0) for sign, one in metrics.items()}
    wanted = {name: "histogram" if "duration" in name else "counter" for one in metrics.values() for name in one.names}

    with prometheus(tmp_path, path) as url:
        pulled = pull(request(url, wanted, windows=windows, now=datetime(2025, 1, 26, tzinfo=UTC)))
        for query, at in asked:
            own = next(one for sign, one in metrics.items() if sign in query.replace("_quantile(", "quantile("))
            value = measure(own, pulled.data, window_of(query, at)).value
            with Client(request(url)) as client:
                ((_, answer),) = answer_now(client, query, to_ms(at))
            assert value == pytest.approx(answer, rel=1e-9, abs=1e-12), query


def window_of(query: str, at: datetime) -> Window:
    length = query.rsplit("[", 1)[1].split("]")[0]
    end = at.astimezone(UTC)
    return Window(start=end - timedelta(minutes=int(length[:-1]) * {"m": 1, "h": 60}[length[-1]]), end=end)


def is_near(line: str, spans: list[tuple[int, int]]) -> bool:
    at = float(line.rsplit(" ", 1)[1]) * 1000
    return any(start <= at <= end for start, end in spans)


# ── a server that misbehaves ───────────────────────────────────────────────────────────────────────────────────────


def matrix(*values: tuple[float, str], metric: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    labels = {"__name__": "jobs_total", "pod": "a"} if metric is None else metric
    return {
        "status": "success",
        "data": {"resultType": "matrix", "result": [{"metric": labels, "values": values}]},
    } | more


T = WINDOW.start.timestamp()
GOOD = matrix((T, "5"), (T + 15, "7"))
ERROR = {"status": "error"}
COUNTER = {"jobs_total": "counter"}


def error(kind: str, text: str, status: int, **headers: str) -> Script:
    return reply({"status": "error", "errorType": kind, "error": text}, status, **headers)


def drip(conn: socket.socket, _: bytes) -> None:
    conn.sendall(head(content_length="100000"))
    with suppress(OSError):
        for _ in range(100):
            conn.sendall(b" ")
            time.sleep(0.1)  # the server's slowness, not the test's: it ends when the client hangs up


def stall(conn: socket.socket, _: bytes) -> None:
    with suppress(OSError):
        conn.recv(1)


def drip_head(conn: socket.socket, _: bytes) -> None:
    with suppress(OSError):
        for sign in b"HTTP/1.1 200 X\r\nx-a: " + b"a" * 100:
            conn.sendall(bytes([sign]))
            time.sleep(0.1)


def gigabyte(**headers: str) -> Script:
    def send(conn: socket.socket, _: bytes) -> None:
        with suppress(OSError):
            conn.sendall(head(**headers))
            for _ in range(1024):
                conn.sendall(b" " * (1 << 20))

    return send


def bomb() -> Script:
    """1 GiB in 1 MB."""
    zeros = zlib.compressobj(wbits=31)
    content = b"".join([*(zeros.compress(bytes(1 << 20)) for _ in range(1024)), zeros.flush()])
    return raw(head(content_encoding="gzip", content_length=str(len(content))) + content)


def matrix_of(series: object) -> Script:
    return reply({"status": "success", "data": {"resultType": "matrix", "result": [series]}})


def ask(
    *scripts: Script, waits: list[float] | None = None, options: dict[str, Any] | None = None
) -> tuple[Pulled, FakeServer]:
    """What a pull makes of these answers; with `raw: false` it is one question."""
    with FakeServer(*scripts) as fake:
        asked = request(
            fake.url, COUNTER, waits=[] if waits is None else waits, options={"raw": False, **(options or {})}
        )
        return pull(asked), fake


REFUSALS = [
    pytest.param(error("bad_data", "1:5: parse error", 400), QueryRejected, "bad_data: 1:5", id="400"),
    pytest.param(reply(b"", 401), QueryRejected, "credentials", id="401"),
    pytest.param(reply(b"no", 403, "text/plain"), QueryRejected, "credentials", id="403"),
    pytest.param(reply(b"404 page not found", 404, "text/plain"), QueryRejected, "answered 404", id="404 as text"),
    pytest.param(error("execution", "many-to-many matching", 422), QueryRejected, "many-to-many", id="422"),
    pytest.param(
        error("execution", "expanding series: context deadline exceeded", 422),
        SourceUnreachable,
        "deadline",
        id="422 that is a timeout",
    ),
    pytest.param(
        error("execution", "query processing would load too many samples", 422),
        QueryRejected,
        "too many",
        id="422 at any size",
    ),
    pytest.param(
        error("timeout", "query timed out in expression evaluation", 503),
        SourceUnreachable,
        "5 tries",
        id="503 timeout",
    ),
    pytest.param(error("internal", "boom", 500), SourceUnreachable, "5 tries", id="500 as JSON"),
    pytest.param(reply(b"", 429, "text/plain"), SourceUnreachable, "answered 429", id="429"),
    pytest.param(reply(b"<html>", 502, "text/html"), SourceUnreachable, "answered 502", id="502 as a page"),
    pytest.param(reply(b"", 504, "text/plain"), SourceUnreachable, "answered 504", id="504"),
    pytest.param(reply(b"<html>Sign in</html>", 200, "text/html"), QueryRejected, "page for people", id="login page"),
    pytest.param(
        reply(b"", 302, location="https://login.example/?next=token"),
        QueryRejected,
        "sends on to login.example;",
        id="redirect",
    ),
    pytest.param(reply(b"", 200), QueryRejected, "no answer of the API", id="empty body"),
    pytest.param(reply(json.dumps(GOOD).encode()[:-20]), QueryRejected, "no answer of the API", id="cut JSON"),
    pytest.param(raw(head(content_length="9999") + b'{"status"'), SourceUnreachable, "broke off", id="cut body"),
    pytest.param(
        raw(head(content_length="3") + json.dumps(GOOD).encode()), QueryRejected, "no answer", id="length too short"
    ),
    pytest.param(
        raw(head(content_encoding="gzip") + b"no gzip"), SourceUnreachable, "does not unpack", id="broken gzip"
    ),
    pytest.param(raw(b"SSH-2.0-OpenSSH\r\n"), SourceUnreachable, "broke off", id="no HTTP"),
    pytest.param(raw(b""), SourceUnreachable, "broke off", id="hangs up"),
    pytest.param(
        reply({"status": "success", "data": {"resultType": "vector", "result": []}}),
        QueryRejected,
        "answered another question",
        id="vector",
    ),
    pytest.param(
        reply({"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}),
        QueryRejected,
        "answered another question",
        id="scalar",
    ),
    pytest.param(
        reply({"status": "success", "data": {"resultType": "string", "result": [1, "x"]}}),
        QueryRejected,
        "answered another question",
        id="string",
    ),
    pytest.param(reply({"status": "success"}), QueryRejected, "no answer of the API", id="success without data"),
    pytest.param(reply(b"[" * 100_000), QueryRejected, "no answer of the API", id="deep nesting"),
    pytest.param(
        reply({**GOOD, "status": "error", "errorType": "execution", "error": "half"}),
        QueryRejected,
        "half",
        id="error with data",
    ),
    pytest.param(reply(ERROR), QueryRejected, "unknown", id="error without words"),
    pytest.param(raw(head(transfer_encoding="chunked") + b'4\r\n{"st'), SourceUnreachable, "broke off", id="cut chunk"),
    pytest.param(matrix_of({"metric": {"pod": 7}, "values": []}), QueryRejected, "no answer", id="label of no text"),
    pytest.param(matrix_of({"metric": {}, "values": [["noon", "5"]]}), QueryRejected, "no answer", id="time of text"),
    pytest.param(matrix_of([]), QueryRejected, "no answer", id="series of no shape"),
    pytest.param(reply(b"\xff\xfe{}"), QueryRejected, "no answer", id="no UTF-8"),
]


@pytest.mark.parametrize(("script", "kind", "words"), REFUSALS)
def test_a_refusal_is_told_and_a_failure_tried_again(script: Script, kind: type[SourceError], words: str) -> None:
    waits: list[float] = []

    with pytest.raises(SourceError, match=r"^live: ") as told:
        ask(script, waits=waits)

    assert type(told.value) is kind or (kind is QueryRejected and isinstance(told.value, kind))
    assert words in str(told.value)
    assert len(waits) == (4 if kind is SourceUnreachable else 0)


HANGS = [
    pytest.param(drip, {"timeout": "1s"}, "longer than its 'timeout'", id="drip"),
    pytest.param(drip_head, {"timeout": "1s"}, "longer than its 'timeout'", id="drip of the head"),
    pytest.param(stall, {"timeout": "1s"}, "longer than its 'timeout'", id="stall"),
    pytest.param(gigabyte(), {"max_bytes": 4 << 20}, "larger than 4 MiB", id="endless"),
    pytest.param(gigabyte(content_length=str(1 << 30)), {"max_bytes": 4 << 20}, "larger than 4 MiB", id="1 GB body"),
    pytest.param(bomb(), {"max_bytes": 4 << 20}, "larger than 4 MiB", id="gzip bomb"),
]


@pytest.mark.parametrize(("script", "options", "words"), HANGS)
def test_nothing_hangs_and_nothing_fills_the_memory(script: Script, options: dict[str, Any], words: str) -> None:
    start = time.monotonic()

    tracemalloc.start()
    with pytest.raises(SourceError, match=words):
        ask(script, options=options)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert time.monotonic() - start < 5
    assert held < 16 << 20  # of 1 GB


ODD = [
    pytest.param(GOOD, [5, 7], [], id="good"),
    pytest.param({"status": "success", "data": {"resultType": "matrix", "result": []}}, None, [], id="empty"),
    pytest.param(matrix((T, "NaN"), (T + 15, "7")), [7], [("non_numbers", 1)], id="NaN"),
    pytest.param(matrix((T, "+Inf"), (T + 15, "-Inf"), (T + 30, "7")), [7], [("non_numbers", 2)], id="infinite"),
    pytest.param(matrix((T, "9007199254740993"), (T + 15, "1e308")), [2.0**53, 1e308], [("inexact", 2)], id="large"),
    pytest.param(matrix((T, "-0"), (T + 15, "7")), [0, 7], [], id="minus zero"),
    pytest.param(matrix((T, "five"), (T + 15, "7")), [7], [("non_numbers", 1)], id="text"),
    pytest.param(matrix((T, "1_0"), (T + 15, "7")), [7], [("non_numbers", 1)], id="underscore"),
    pytest.param(matrix((T + 15, "7"), (T, "5")), [5, 7], [("unsorted", 1)], id="unsorted"),
    pytest.param(matrix((T, "5"), (T, "5"), (T + 15, "7")), [5, 7], [("duplicates", 1)], id="twice"),
    pytest.param(matrix((T, "5"), (T, "6"), (T + 15, "7")), [6, 7], [("conflicts", 1)], id="two values"),
    pytest.param({**GOOD, "warnings": ["partial response: store down"]}, [5, 7], [("partial", 1)], id="partial"),
    pytest.param({**GOOD, "warnings": ["something else"]}, [5, 7], [("warning", 1)], id="warning"),
    pytest.param({**GOOD, "infos": ["metric might not be a counter"]}, [5, 7], [], id="info"),
    pytest.param(matrix((T, "5"), metric={}), [5], [], id="no name"),
    pytest.param(matrix((T, 5), (T + 15, 7)), [5, 7], [], id="numbers that are no text"),
    pytest.param(matrix((T, None), (T + 15, "7")), [7], [("non_numbers", 1)], id="null"),
    pytest.param(matrix((T, True), (T + 15, "7")), [7], [("non_numbers", 1)], id="true"),
    pytest.param(matrix((T - 86_400, "5"), (T + 15, "7"), (T + 86_400, "9")), [7], [("refused", 2)], id="stale"),
    pytest.param(matrix((T - 86_400, "5")), None, [("refused", 1)], id="stale as a whole"),
]


@pytest.mark.parametrize(("answer", "values", "notes"), ODD)
def test_an_answer_gives_its_numbers_and_says_what_is_wrong(
    answer: dict[str, Any], values: list[float] | None, notes: list[tuple[str, int]]
) -> None:
    pulled, _ = ask(reply(answer))

    assert [value for one in pulled.samples for series in one.series for value in series.values] == (values or [])
    assert [(note.kind, note.count) for note in pulled.notes] == notes
    assert pulled.originals[0].infos == tuple(answer.get("infos", ()))


def test_more_than_forty_misbehaviours_are_scripted() -> None:
    """Beside these: certificates, no server at all, Retry-After, duplicate series, native histograms, ends half way."""
    ids = [param.id for param in (*REFUSALS, *HANGS, *ODD[1:])]

    assert len(ids) == len(set(ids)) >= 50


def test_duplicate_series_and_native_histograms_are_told() -> None:
    twice = matrix((T, "5"))
    twice["data"]["result"] *= 2
    twice["data"]["result"].append({"metric": {"__name__": "jobs_total"}, "histograms": [[T, {"count": "1"}]]})

    pulled, _ = ask(reply(twice))

    assert sorted((note.kind, note.count) for note in pulled.notes) == [("duplicates", 1), ("non_numbers", 1)]


def test_retry_after_is_honoured_and_a_success_ends_the_tries() -> None:
    waits: list[float] = []

    pulled, fake = ask(
        reply(b"", 503, "text/plain", retry_after="17"), reply(b"", 429, retry_after="x"), reply(GOOD), waits=waits
    )

    assert waits[0] == 17
    assert 0 < waits[1] < 2
    assert len(fake.requests) == 3
    assert len(pulled.samples) == 1


def test_a_wait_longer_than_the_budget_is_not_begun() -> None:
    waits: list[float] = []

    with pytest.raises(SourceUnreachable, match="1 try"):
        ask(reply(b"", 503, "text/plain", retry_after="3600"), waits=waits)

    assert waits == []


@pytest.mark.parametrize(
    ("url", "words"), [("refused", "refused the connection"), ("http://nothing.invalid", "nothing is found for")]
)
def test_a_server_that_is_not_there_is_unreachable(url: str, words: str) -> None:
    address = f"http://127.0.0.1:{free_port()}" if url == "refused" else url

    with pytest.raises(SourceUnreachable, match=words):
        pull(request(address, COUNTER))


def test_what_came_before_a_failure_is_kept() -> None:
    wanted = {"jobs_total": "counter", "other_total": "counter", "third_total": "counter"}
    with FakeServer(reply(GOOD), reply(b"", 503, "text/plain")) as fake:
        pulled = pull(request(fake.url, wanted, options={"raw": False}))

    assert [one.name for one in pulled.samples] == ["jobs_total"]
    assert len(fake.requests) == 6
    assert "answered 503" in pulled.failure
    assert [note.kind for note in pulled.notes] == ["failed"]


def test_a_refused_metric_does_not_stop_the_others() -> None:
    with FakeServer(error("execution", "no", 422), reply(matrix((T, "1"), metric={"__name__": "b_total"}))) as fake:
        pulled = pull(request(fake.url, {"a_total": "counter", "b_total": "counter"}, options={"raw": False}))

    assert [one.name for one in pulled.samples] == ["b_total"]
    assert [(note.kind, note.metric) for note in pulled.notes] == [("failed", "a_total")]
    assert "no" in pulled.failure


@pytest.mark.parametrize(("version", "adds"), [("2.42.0", 0), ("3.1.0", 1), ("", 1)])
def test_ranges_tile_under_both_rules(version: str, adds: int) -> None:
    """Closed before 3.0: [t - r, t]; left-open since: (t - r, t]; where the version is not known, never a hole."""
    with FakeServer(reply(GOOD), version=version or "unknown") as fake:
        pulled = pull(request(fake.url, COUNTER))
        asked = [parse_qs(one.split(b"\r\n\r\n")[1].decode()) for one in fake.requests]

    for form, original in zip(asked, pulled.originals, strict=True):
        reach = int(form["query"][0].split("[")[1].split("ms")[0])
        assert reach == original.end_ms - original.start_ms + adds
        assert round(float(form["time"][0]) * 1000) == original.end_ms
        assert form["partial_response"] == ["false"]


def test_prometheus_says_itself_how_long_it_keeps_samples(server: str) -> None:
    """Its flag says 0s where it was not set, and it keeps 15d then; this one was set to 20y."""
    before = Window(start=NOON - timedelta(days=2), end=NOON - timedelta(days=1))
    quiet, gone = (
        pull(request(server, COUNTER, now=NOW + timedelta(days=days), windows=(before,))) for days in (7200, 7400)
    )

    assert quiet.notes == ()
    assert [note.text.split(": ")[1] for note in gone.notes] == ["live keeps 7300 days"]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15d", timedelta(days=15)),
        ("1d12h", timedelta(days=1.5)),
        ("1y or 50GiB", timedelta(days=365)),
        ("2w", timedelta(days=14)),
        ("1GiB", None),
        ("0s", None),
        ("", None),
    ],
)
def test_a_retention_is_read_as_servers_write_it(text: str, length: timedelta | None) -> None:
    assert sources.request.length_in(text) == length


def test_an_old_window_without_samples_is_no_longer_observable() -> None:
    empty = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    with FakeServer(reply(empty)) as fake:
        pulled = pull(request(fake.url, COUNTER, options={"retention": "15d"}, now=NOON + timedelta(days=40)))

    assert [(note.kind, "no longer observable" in note.text) for note in pulled.notes] == [("missing", True)]


@pytest.mark.parametrize(("kind", "zero"), [("counter", True), ("gauge", False)])
def test_only_a_counter_may_start_with_its_first_event(kind: str, zero: bool) -> None:
    asked = request("http://127.0.0.1:1", {"jobs": kind}, deployment=asking(metric(kind, "jobs")))

    (note,) = sources.missing(asked, Pulled(source="live"))

    assert ("write 'missing: zero'" in note.text) is zero


# ── credentials ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_credentials_are_sent_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pass-canary\n")
    options = {
        "username": "avery",
        "password": "file:password",
        "headers": {"X-Token": "env:TOKEN"},
        "tenant": "memory",
    }
    with FakeServer(reply(GOOD)) as fake:
        pulled = pull(request(fake.url.replace("//", "//user:url-canary@"), COUNTER, options=options, folder=tmp_path))

    sent = fake.requests[0].lower()
    assert b"authorization: basic yxzlcnk6cgfzcy1jyw5hcnk=" in sent  # avery:pass-canary
    assert b"x-token: s3cret-canary" in sent
    assert b"x-scope-orgid: memory" in sent
    assert "canary" not in repr(pulled)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(error("bad_data", "not to you: Bearer s3cret-canary", 400), id="in an error"),
        pytest.param(reply(b"<p>s3cret-canary</p>", 503, "text/html"), id="on a page"),
        pytest.param(reply(b"", 302, location="https://else.example/?token=s3cret-canary"), id="in a head"),
        pytest.param(
            reply(matrix((T, "5"), metric={"__name__": "jobs_total", "pod": "s3cret-canary"})), id="in a label"
        ),
        pytest.param(reply(b"Basic dXNlcjp1cmwvY2FuYXJ5", 400, "text/plain"), id="in base64"),  # user:url/canary
        pytest.param(reply(b"url%2Fcanary", 400, "text/plain"), id="URL-encoded"),
    ],
)
def test_a_credential_that_comes_back_is_neither_kept_nor_shown(script: Script) -> None:
    with FakeServer(script) as fake, pytest.raises(QueryRejected, match="sends back a credential") as told:
        url = fake.url.replace("//", "//user:url%2Fcanary@")
        pull(request(url, COUNTER, options={"headers": {"X-Token": "env:TOKEN"}, "raw": False}))

    assert "canary" not in str(told.value) + repr(told.value)


def test_a_weak_password_that_is_a_word_stops_no_answer() -> None:
    with FakeServer(reply({**GOOD, "infos": ["prometheus"]})) as fake:
        pulled = pull(request(fake.url.replace("//", "//prometheus:prometheus@"), COUNTER, options={"raw": False}))

    assert len(pulled.samples) == 1


@pytest.mark.parametrize("status", [401, 404, 503])
def test_an_error_never_holds_a_secret(status: int) -> None:
    with FakeServer(reply(b"", status, "text/plain")) as fake, pytest.raises(SourceError) as told:
        pull(request(fake.url.replace("//", "//user:url-canary@"), COUNTER, options={"token": "env:TOKEN"}))

    trail = [str(told.value), repr(told.value), repr(told.value.__cause__), str(request("x"))]
    assert not any("canary" in text for text in trail)


def test_a_bearer_token_is_sent() -> None:
    with FakeServer(reply(GOOD)) as fake:
        pull(request(fake.url, COUNTER, options={"token": "env:TOKEN"}))

    assert b"authorization: bearer s3cret-canary" in fake.requests[0].lower()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"token": "literal-canary"}, "live > token: a secret does not belong into a file"),
        ({"token": "env:NOT_SET"}, "NOT_SET is not set"),
        ({"token": "file:nowhere"}, "nowhere cannot be read"),
        ({"token": "cmd:echo canary"}, "a command is run only where"),
        ({"headers": {"Authorization": "literal-canary"}}, "a secret does not belong"),
        ({"headers": {"X-A": "a\r\nb"}}, "a header"),
        ({"ca": "nowhere.pem"}, "cannot be read"),
        ({"url": "ftp://x"}, "is no address"),
        ({"url": "https://x/?token=canary"}, "has a secret in its query"),
    ],
)
def test_options_that_cannot_work_say_so_without_the_secret(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match=r"live") as told:
        pull(request("http://127.0.0.1:1", COUNTER, options=options))

    assert words in str(told.value)
    assert "canary" not in str(told.value) or "cmd:" in str(options)


@pytest.mark.parametrize(("written", "seconds"), [("30", 30), ("2m", 120), (0.5, 0.5), ("", 600)])
def test_a_timeout_is_seconds_or_a_length(written: object, seconds: float) -> None:
    assert request("http://127.0.0.1:1", COUNTER, options={"timeout": written}).seconds("10m") == seconds


def test_a_command_of_the_users_own_file_is_run(tmp_path: Path) -> None:
    (tmp_path / "deploybook").mkdir()
    (tmp_path / "deploybook/commands").write_text("printf from-a-command\n")
    with FakeServer(reply(GOOD)) as fake:
        base = request(fake.url, COUNTER, options={"token": "cmd:printf from-a-command"})
        pull(replace(base, environ={**base.environ, "XDG_CONFIG_HOME": str(tmp_path)}))

    assert b"bearer from-a-command" in fake.requests[0].lower()


def certificate(folder: Path, *, days: int) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that ends so many days from now, and its key."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(*pem))
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize(
    ("days", "options", "words"),
    [
        (30, {}, "not trusted; see 'ca'$"),
        (-1, {"ca": "cert.pem"}, "expired$"),
        (30, {"ca": "cert.pem", "cert": ""}, "see 'cert' and 'key'$"),
        (30, {"ca": "cert.pem"}, None),
        (30, {"ca": "cert.pem", "cert": "cert.pem", "key": "key.pem"}, None),
    ],
    ids=["unknown", "expired", "lacking", "known", "client"],
)
def test_certificates_are_checked(tmp_path: Path, days: int, options: dict[str, str], words: str | None) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path, days=days))
    if "cert" in options:
        context.load_verify_locations(tmp_path / "cert.pem")
        context.verify_mode = ssl.CERT_REQUIRED

    with FakeServer(reply(GOOD), wrap=lambda conn: context.wrap_socket(conn, server_side=True)) as fake:
        asked = request(fake.url, COUNTER, options=options, folder=tmp_path)
        if words is None:
            assert len(pull(asked).samples) == 1
        else:
            with pytest.raises(QueryRejected, match=words):  # and not asked again
                pull(asked)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cert": "cert.pem", "key": "other/key.pem"}, "'key' is not the key of 'cert'"),
        ({"ca": "token.txt"}, "ca, cert or key is no PEM"),
        ({"ca": "none.pem"}, "cannot be read .No such file"),
    ],
)
def test_what_is_wrong_with_the_files_of_tls_is_said(tmp_path: Path, options: dict[str, str], words: str) -> None:
    for folder in (tmp_path, tmp_path / "other"):
        folder.mkdir(exist_ok=True)
        certificate(folder, days=30)
    (tmp_path / "token.txt").write_text("no certificate")

    with pytest.raises(SourceError, match=words):
        pull(request("https://127.0.0.1:1", COUNTER, options=options, folder=tmp_path))


def test_a_server_without_tls_is_told_from_one_with_a_wrong_certificate() -> None:
    def at_once(connection: socket.socket) -> socket.socket:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        return connection

    with FakeServer(reply(GOOD), wrap=at_once) as fake, pytest.raises(QueryRejected, match="speaks no TLS there"):
        pull(request(fake.url.replace("http:", "https:"), COUNTER))


@pytest.mark.parametrize("address", ["http://127.0.0.1:99999", "http://[::1:9090", "127.0.0.1:9090"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(SourceError, match="url: is no address"):
        pull(request(address, COUNTER))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"username": "avery", "password": "env:TOKEN"}, "see 'password'"),
        ({}, "see 'token', or 'username' and 'password', or 'tenant'"),
    ],
)
def test_refused_credentials_lead_to_their_option(options: dict[str, str], words: str) -> None:
    with FakeServer(reply(b"no", 401)) as fake, pytest.raises(QueryRejected, match=words):
        pull(request(fake.url, COUNTER, options=options))


def test_milliseconds_survive() -> None:
    assert sources.prometheus.seconds_text(to_ms(from_ms(1737547202417))) == "1737547202.417"

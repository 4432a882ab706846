"""What was pulled is kept as it was: written once, read back exactly, told when it changed."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploybook import exports
from deploybook.errors import ExportDamaged
from deploybook.model import DataNote, Entry, Original, Pulled, Samples, Series
from deploybook.times import from_ms

NOON = 1737547200000
INF = float("inf")


def series(values: dict[int, object], step: int = 15_000, **labels: str) -> Series:
    """Values by seconds after noon."""
    return Series(
        labels=labels,
        times=np.array([NOON + second * 1000 for second in values], dtype=np.int64),
        values=np.array(list(values.values()), dtype=np.float64),
        steps=np.full(len(values), step, dtype=np.int64),
    )


def counter(*parts: Series, name: str = "jobs_total") -> Samples:
    return Samples(name=name, kind="counter", series=parts, inputs=("a1",), source="exports")


def pulled(*samples: Samples, notes: tuple[DataNote, ...] = (), span: tuple[int, int] = (0, 30)) -> Pulled:
    original = Original(
        path="jobs.csv",
        digest="a1",
        size=10,
        source="exports",
        metrics=tuple(one.name for one in samples),
        start_ms=NOON + span[0] * 1000,
        end_ms=NOON + span[1] * 1000,
    )
    return Pulled(source="exports", samples=samples, notes=notes, originals=(original,))


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def table(folder: Path, name: str = "jobs_total") -> dict[tuple[tuple[str, str], ...], dict[int, float]]:
    samples = exports.load(folder, [name]).samples[name]
    return {
        tuple(one.labels.items()): {
            (at - NOON) // 1000: value for at, value in zip(one.times.tolist(), one.values.tolist(), strict=True)
        }
        for one in samples.series
    }


def test_what_is_stored_reads_back_exactly(tmp_path: Path) -> None:
    nan = float("nan")
    edges = (0.25, 50.0, INF)
    parser = Samples(
        name="parser_ms",
        kind="histogram",
        edges=edges,
        series=(
            series({0: [1, 2, 3, 700.5, 3], 15: [1, 2, nan, 710.5, 4]}, pod="b", region="NA"),
            series({0: [0, 0, 0, 0, 0]}, step=60_000, pod="a"),
        ),
        inputs=("b2", "a1"),
        engine="prometheus 2.42.0",
        source="live",
    )

    exports.store(tmp_path, [pulled(parser)])
    back = exports.load(tmp_path).samples["parser_ms"]

    assert (back.kind, back.edges, back.engine, back.source) == ("histogram", edges, "prometheus 2.42.0", "live")
    assert [dict(one.labels) for one in back.series] == [{"pod": "a"}, {"pod": "b", "region": "NA"}]
    assert str(back.series[1].values.tolist()) == "[[1.0, 2.0, 3.0, 700.5, 3.0], [1.0, 2.0, nan, 710.5, 4.0]]"
    assert back.series[0].steps.tolist() == [60_000]
    assert exports.rows_digest(back) == exports.rows_digest(parser)


def test_a_whole_count_is_stored_as_what_each_row_adds(tmp_path: Path) -> None:
    """In no column of another metric: a gauge does not count, a sum of milliseconds is no whole number."""
    jobs = counter(series({0: 7, 15: 9, 30: 2}, pod="a"), series({0: 100, 15: 101}, pod="b"))
    queue = Samples(name="queue", kind="gauge", series=(series({0: 7, 15: 9}),))

    exports.store(tmp_path, [pulled(jobs, queue, counter(series({0: 0.5, 15: 1}), name="busy_seconds_total"))])

    assert pl.read_parquet(tmp_path / "jobs_total.parquet")["+value"].to_list() == [7, 2, -7, 100, 1]
    assert pl.read_parquet(tmp_path / "queue.parquet")["value"].to_list() == [7, 9]
    assert pl.read_parquet(tmp_path / "busy_seconds_total.parquet")["value"].to_list() == [0.5, 1]


@given(st.lists(st.lists(st.integers(-(2**52) + 1, 2**52 - 1), min_size=1, max_size=7), min_size=1, max_size=5))
def test_a_series_may_go_on_in_the_next_part_of_a_file(counts: list[list[int]]) -> None:
    many = [series({15 * at: n for at, n in enumerate(one)}, pod=f"{pod}") for pod, one in enumerate(counts)]

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr("deploybook.exports.table.GROUP", 3)
        exports.store(Path(folder), [pulled(counter(*many))])
        back = exports.load(Path(folder)).samples["jobs_total"]

    assert [one.values.tolist() for one in back.series] == counts
    assert exports.rows_digest(back) == exports.rows_digest(counter(*many))


def test_exports_of_the_first_form_are_read_and_added_to(tmp_path: Path) -> None:
    """It had the counts themselves in every column."""
    jobs = counter(series({0: 7, 15: 9}, pod="a"), series({0: 100}, pod="b"))
    exports.store(tmp_path, [pulled(jobs)])
    path, manifest = tmp_path / "jobs_total.parquet", tmp_path / "manifest.json"
    columns = {"ts": [NOON, NOON + 15_000, NOON], "step": [15_000] * 3, "label:pod": ["a", "a", "b"]}
    pl.DataFrame(columns | {"value": [7, 9, 100]}).write_parquet(path)
    told = json.loads(manifest.read_text())
    told["files"][0]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(told | {"schema": "deploybook.exports/1"}))

    assert exports.rows_digest(exports.load(tmp_path).samples["jobs_total"]) == exports.rows_digest(jobs)
    assert exports.store(tmp_path, [pulled(jobs)]).written == ()
    assert exports.store(tmp_path, [pulled(counter(series({30: 12}, pod="a")))]).written == ("jobs_total.2.parquet",)
    assert table(tmp_path)[("pod", "a"),] == {0: 7, 15: 9, 30: 12}
    assert json.loads(manifest.read_text())["schema"] == "deploybook.exports/2"


def test_a_second_pull_with_the_same_content_writes_nothing(tmp_path: Path) -> None:
    result = pulled(counter(series({0: 1, 15: 2}, pod="a")), notes=(DataNote(kind="unsorted", metric="jobs_total"),))
    first = exports.store(tmp_path, [result])
    before = bytes_in(tmp_path)
    stamps = [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())]

    second = exports.store(tmp_path, [result])

    assert (first.written, first.kept) == (("jobs_total.parquet",), ())
    assert (second.written, second.kept) == ((), ("jobs_total.parquet",))
    assert bytes_in(tmp_path) == before
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())] == stamps


def test_what_a_first_pull_did_not_find_is_settled_by_a_later_one(tmp_path: Path) -> None:
    """A path that was wrong in the morning is no finding in the evening; a metric that is still missing is one."""
    lost = [DataNote(kind="missing", metric=name, place=f"{name}.csv") for name in ("jobs_total", "up")]
    exports.store(tmp_path, [pulled(notes=tuple(lost))])
    exports.store(tmp_path, [pulled(counter(series({0: 1, 15: 2}, pod="a")))])

    assert [note.metric for note in exports.load(tmp_path).notes] == ["up"]


def test_a_later_pull_adds_only_the_new_rows(tmp_path: Path) -> None:
    exports.store(tmp_path, [pulled(counter(series({0: 1, 15: 2}, pod="a")))])
    before = bytes_in(tmp_path)["jobs_total.parquet"]

    later = counter(series({0: 1, 15: 2, 45: 3}, pod="a"), series({45: 9}, pod="b"))
    stored = exports.store(tmp_path, [pulled(later, span=(0, 45))])

    assert stored.written == ("jobs_total.2.parquet",)
    assert stored.notes == ()
    assert bytes_in(tmp_path)["jobs_total.parquet"] == before
    assert json.loads((tmp_path / "manifest.json").read_text())["files"][1]["rows"] == 2
    assert table(tmp_path) == {(("pod", "a"),): {0: 1, 15: 2, 45: 3}, (("pod", "b"),): {45: 9}}


def test_changed_history_is_a_new_file_and_a_note_never_an_overwrite(tmp_path: Path) -> None:
    exports.store(tmp_path, [pulled(counter(series({0: 1, 15: 2, 30: 3}, pod="a")))])
    before = bytes_in(tmp_path)["jobs_total.parquet"]

    stored = exports.store(tmp_path, [pulled(counter(series({0: 1, 10: 8, 15: 9}, pod="a")))])

    assert [(note.kind, note.count) for note in stored.notes] == [("history_changed", 2)]
    assert "from 2025-01-22T12:00:10Z" in stored.notes[0].text
    assert bytes_in(tmp_path)["jobs_total.parquet"] == before
    assert table(tmp_path) == {(("pod", "a"),): {0: 1, 10: 8, 15: 9, 30: 3}}
    assert [note.kind for note in exports.load(tmp_path, ["jobs_total"]).notes] == ["history_changed"]


def test_a_finer_export_of_the_same_time_is_no_changed_history(tmp_path: Path) -> None:
    exports.store(tmp_path, [pulled(counter(series({0: 1, 60: 5}, step=60_000)), span=(0, 60))])

    stored = exports.store(tmp_path, [pulled(counter(series({0: 1, 15: 2, 30: 3, 45: 4, 60: 5})), span=(0, 60))])

    assert (stored.written, stored.notes) == (("jobs_total.2.parquet",), ())
    assert exports.load(tmp_path).samples["jobs_total"].series[0].steps.tolist() == [15_000] * 5


def test_what_a_server_had_not_written_yet_is_no_changed_history(tmp_path: Path) -> None:
    def asked(*seconds: int) -> Pulled:
        original = Original(
            digest="a1",
            size=1,
            metrics=("jobs_total",),
            start_ms=NOON,
            end_ms=NOON + 300_000,
            asked=from_ms(NOON + 300_000),
        )
        return Pulled(samples=(counter(series({second: second for second in seconds})),), originals=(original,))

    exports.store(tmp_path, [asked(0, 240)])

    assert exports.store(tmp_path, [asked(0, 240, 285)]).notes == ()
    assert [note.kind for note in exports.store(tmp_path, [asked(0, 120, 240)]).notes] == ["history_changed"]


def test_a_name_that_became_a_histogram_counts_as_one(tmp_path: Path) -> None:
    exports.store(tmp_path, [pulled(counter(series({0: 1}), name="p"))])
    later = Samples(name="p", kind="histogram", edges=(50, INF), series=(series({0: [1, 2, 60, 2]}),))
    exports.store(tmp_path, [pulled(later)])

    assert exports.load(tmp_path).samples["p"].edges == (50, INF)


def test_a_new_bucket_layout_joins_the_old_one(tmp_path: Path) -> None:
    def parser(edges: tuple[float, ...], second: int, row: list[float]) -> Samples:
        return Samples(name="p", kind="histogram", edges=edges, series=(series({second: row}, pod="a"),))

    exports.store(tmp_path, [pulled(parser((50, INF), 0, [1, 2, 60, 2]))])
    exports.store(tmp_path, [pulled(parser((50, 75, INF), 15, [1, 2, 3, 90, 3]))])

    joined = exports.load(tmp_path).samples["p"]

    assert joined.edges == (50, 75, INF)
    assert str(joined.series[0].values.tolist()) == "[[1.0, nan, 2.0, 60.0, 2.0], [1.0, 2.0, 3.0, 90.0, 3.0]]"


def test_combining_gives_what_storing_and_loading_gives(tmp_path: Path) -> None:
    first = pulled(counter(series({0: 1, 15: 2}, pod="a")))
    later = pulled(counter(series({15: 5, 30: 6}, pod="a"), series({0: 7}, pod="b")))
    exports.store(tmp_path, [first])
    combined = exports.combine(exports.load(tmp_path), [later])
    exports.store(tmp_path, [later])

    stored = exports.load(tmp_path)

    assert exports.rows_digest(combined.samples["jobs_total"]) == exports.rows_digest(stored.samples["jobs_total"])


def test_only_the_named_metrics_are_read_and_their_notes_given(tmp_path: Path) -> None:
    notes = (DataNote(kind="unsorted", metric="up"), DataNote(kind="missing", metric=""))
    exports.store(tmp_path, [pulled(counter(series({0: 1})), counter(series({0: 1}), name="up"), notes=notes)])
    (tmp_path / "up.parquet").write_bytes(b"damaged")

    data = exports.load(tmp_path, ["jobs_total", "nothing"])

    assert list(data.samples) == ["jobs_total"]
    assert [note.kind for note in data.notes] == ["missing"]
    assert exports.names(tmp_path) == ("jobs_total", "up")


def test_no_exports_are_no_data(tmp_path: Path) -> None:
    assert exports.load(tmp_path / "exports").samples == {}
    assert exports.names(tmp_path / "exports") == ()


def event(second: int, text: str) -> Entry:
    return Entry(
        at=from_ms(NOON + second * 1000), text=text, kind="flag", people=("Oliver",), origin="ld", evidence="e1"
    )


def test_events_are_kept_once_and_in_order(tmp_path: Path) -> None:
    first, second = event(60, "Flag to 75 %"), event(0, "Flag to 25 %")
    original = Original(digest="e1", size=9, path="audit.json", source="ld", kind="launchdarkly", rows=2)
    exports.store(tmp_path, [Pulled(source="ld", events=(first,), originals=(original,))])

    stored = exports.store(tmp_path, [Pulled(source="ld", events=(second, first), originals=(original,))])

    assert stored.written == ("events-ld.2.json",)
    assert exports.events(tmp_path) == (second, first)
    assert exports.names(tmp_path) == ()
    assert exports.load(tmp_path).samples == {}
    (tmp_path / "events-ld.json").write_text("[]")
    with pytest.raises(ExportDamaged, match=r"events-ld\.json"):
        exports.events(tmp_path)


def test_only_what_a_server_gave_need_not_be_asked_again(tmp_path: Path) -> None:
    """The last two minutes before a pull are asked again: a server may still have been writing them."""
    asked = from_ms(NOON + 600_000)
    early = Original(
        digest="a1", size=1, metrics=("jobs_total",), start_ms=NOON, end_ms=NOON + 60_000, asked=asked, question="q"
    )
    late = Original(
        digest="a2",
        size=1,
        metrics=("jobs_total",),
        start_ms=NOON + 60_001,
        end_ms=NOON + 600_000,
        asked=asked,
        question="q",
    )
    exports.store(tmp_path, [Pulled(samples=(counter(series({0: 1})),), originals=(early, late))])
    exports.store(tmp_path, [pulled(counter(series({0: 1}), name="from_files_total"))])

    assert exports.spans(tmp_path) == {("jobs_total", "q"): [(NOON, NOON + 60_000), (NOON + 60_001, NOON + 480_000)]}


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "manifest", "schema", "path", "part"])
def test_damage_is_named(tmp_path: Path, damage: str) -> None:
    exports.store(tmp_path, [pulled(counter(series({0: 1, 15: 2})))])
    path, manifest = tmp_path / "jobs_total.parquet", tmp_path / "manifest.json"
    content = path.read_bytes()
    told = manifest.read_text()
    if damage == "flip":
        path.write_bytes(content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "gone":
        path.unlink()
    elif damage == "manifest":
        manifest.write_text(told[:-40])
    elif damage == "schema":
        manifest.write_text(told.replace("deploybook.exports/2", "deploybook.exports/3"))
    elif damage == "part":
        manifest.write_text(told.replace('"inputs"', '"outputs"'))
    else:
        manifest.write_text(told.replace("jobs_total.parquet", "../jobs_total.parquet"))

    with pytest.raises(
        ExportDamaged, match=r"manifest\.json" if damage in ("manifest", "schema", "path", "part") else "jobs_total"
    ):
        exports.load(tmp_path)


def test_a_file_left_by_a_crash_is_taken_up_and_a_foreign_one_is_left_alone(tmp_path: Path) -> None:
    result = pulled(counter(series({0: 1, 15: 2})))
    exports.store(tmp_path / "first", [result])
    content = (tmp_path / "first/jobs_total.parquet").read_bytes()
    (tmp_path / "crash").mkdir()
    (tmp_path / "crash/jobs_total.parquet").write_bytes(content)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/jobs_total.parquet").write_bytes(b"someone's")

    assert exports.store(tmp_path / "crash", [result]).written == ("jobs_total.parquet",)
    assert exports.store(tmp_path / "foreign", [result]).written == ("jobs_total.2.parquet",)
    assert (tmp_path / "foreign/jobs_total.parquet").read_bytes() == b"someone's"
    assert bytes_in(tmp_path / "crash") == bytes_in(tmp_path / "first")


@pytest.mark.parametrize("name", ["job:parser:p95", "../up", "Up", "CON.", "x" * 300, "größe"])
def test_any_metric_name_gives_a_safe_file_name(tmp_path: Path, name: str) -> None:
    exports.store(tmp_path, [pulled(counter(series({0: 1}), name=name))])

    assert list(exports.load(tmp_path).samples) == [name]
    assert all(len(path.name) < 110 and path.name.isascii() for path in tmp_path.iterdir())


def test_the_manifest_tells_where_rows_came_from(tmp_path: Path) -> None:
    exports.store(tmp_path, [pulled(counter(series({0: 1, 15: 2}, pod="a")))], tool="0.1.0")

    manifest = json.loads((tmp_path / "manifest.json").read_text())

    assert (manifest["schema"], manifest["tool"]) == ("deploybook.exports/2", "0.1.0")
    assert manifest["files"][0] | {"sha256": "", "bytes": 0, "rows_sha256": ""} == {
        "file": "jobs_total.parquet",
        "sha256": "",
        "bytes": 0,
        "rows_sha256": "",
        "metric": "jobs_total",
        "kind": "counter",
        "edges": [],
        "steps_ms": [15_000],
        "rows": 2,
        "series": 1,
        "source": "exports",
        "engine": "",
        "digests": ["a1"],
        "inputs": [
            {
                "path": "jobs.csv",
                "sha256": "a1",
                "size": 10,
                "source": "exports",
                "kind": "files",
                "metrics": ["jobs_total"],
                "start_ms": NOON,
                "end_ms": NOON + 30_000,
            }
        ],
    }

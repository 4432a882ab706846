"""The same rows in every form a file may have: Parquet, zstd, OpenMetrics text, saved answers of the Prometheus API."""

from __future__ import annotations

import io
import json
from pathlib import Path

import polars as pl
import pytest

from deploybook.model import Pulled, Samples, Source
from deploybook.sources import Request
from deploybook.sources.files import pull
from deploybook.sources.packed import zstd_bound

NOON = 1737547200
WANTED = {"jobs_total": "counter", "parser_ms": "histogram", "load": "gauge"}
LONG = "timestamp,metric,pod,value\n2025-01-22T12:00:00Z,jobs_total,a,5\n2025-01-22T12:00:15Z,jobs_total,a,7\n"


def read(folder: Path, **options: object) -> Pulled:
    source = Source(name="exports", kind="files", options={"paths": ["*"], **options})
    return pull(Request(source=source, folder=folder, wanted=WANTED))


def one(pulled: Pulled, name: str = "jobs_total") -> Samples:
    return next(samples for samples in pulled.samples if samples.name == name)


def notes(pulled: Pulled) -> list[tuple[str, str, int]]:
    return [(note.kind, note.place, note.count) for note in pulled.notes]


def answer(*series: tuple[dict[str, str], list[tuple[float, str]]], **more: object) -> bytes:
    result = [{"metric": labels, "values": values} for labels, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}} | more).encode()


POINTS = [(NOON, "5"), (NOON + 15, "7")]
LABELS = {"__name__": "jobs_total", "pod": "a"}


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


FRAME = pl.DataFrame({"time": [NOON * 1000, NOON * 1000 + 15_000], "metric": "jobs_total", "pod": "a", "value": [5, 7]})
STAMPS = pl.from_epoch("time", time_unit="ms")


def zstd(content: bytes) -> bytes:
    """A frame of one raw block (RFC 8878, 3.1.1): magic, single segment of one length byte, the last block."""
    assert len(content) < 256
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(content)]) + (len(content) << 3 | 1).to_bytes(3, "little") + content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("jobs.csv", LONG.encode()),
        ("jobs.tsv", LONG.replace(",", "\t").encode()),
        ("jobs.parquet", parquet(FRAME)),
        ("jobs.parquet", parquet(FRAME.with_columns(STAMPS.dt.replace_time_zone("UTC")))),
        ("jobs.parquet", parquet(FRAME.with_columns(pl.col("value").cast(pl.String)))),
        ("jobs.json", answer((LABELS, POINTS))),
        (
            "jobs.om",
            b'# TYPE jobs counter\njobs_total{pod="a"} 5 1737547200\njobs_total{pod="a"} 7 1737547215.000\n# EOF\n',
        ),
        ("jobs.prom", b'jobs_total{pod="a"} 5 1737547200000\njobs_total{pod="a"} 7.0 1737547215000\n'),
    ],
)
def test_every_form_gives_the_same_rows(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    pulled = read(tmp_path)

    series = one(pulled).series[0]
    assert (dict(series.labels), series.times.tolist()) == ({"pod": "a"}, [NOON * 1000, NOON * 1000 + 15_000])
    assert (series.values.tolist(), series.steps.tolist()) == ([5, 7], [15_000, 15_000])
    assert pulled.notes == ()


def test_zstd_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv.zst").write_bytes(zstd(LONG.encode()))

    assert one(read(tmp_path)).series[0].values.tolist() == [5, 7]


def test_the_size_of_zstd_data_is_known_before_they_are_unpacked() -> None:
    """Blocks as they are, of one sign repeated, and compressed (at most 128 KiB each); frames that hold nothing between."""
    frame, nothing = zstd(b"x" * 200), b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    repeated = b"\x28\xb5\x2f\xfd\x04\x38" + (1000 << 3 | 3).to_bytes(3, "little") + b"a" + b"sum!"
    compressed = b"\x28\xb5\x2f\xfd\x20\x05" + (4 << 3 | 5).to_bytes(3, "little") + b"1234"

    assert zstd_bound(frame) == 200
    assert zstd_bound(frame + nothing + repeated + frame) == 1400
    assert zstd_bound(compressed) == 128 << 10
    assert [zstd_bound(frame[:cut]) <= 200 for cut in range(len(frame))] == [True] * len(frame)


def test_a_parquet_time_without_zone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.parquet").write_bytes(parquet(FRAME.with_columns(STAMPS)))

    assert notes(read(tmp_path)) == [("zoneless", "jobs.parquet:1", 2)]


def test_openmetrics_labels_may_hold_any_sign(tmp_path: Path) -> None:
    lines = [
        r'jobs_total{path="a } b",quote="\"x\"",empty="",line="a\nb"} 1 1737547200 # {trace="} 1"} 0.5',
        "jobs_total 2 1737547200",
        'jobs_total_created{pod="a"} 3 1737547200',
        'jobs_total{pod="lost"} 4',
        'jobs_total{pod="nan"} NaN 1737547200',
        "# EOF",
    ]
    (tmp_path / "jobs.om").write_text("\n".join(lines))

    pulled = read(tmp_path)

    assert [(dict(series.labels), series.values.tolist()) for series in one(pulled).series] == [
        ({}, [2]),
        ({"line": "a\nb", "path": "a } b", "quote": '"x"'}, [1]),
    ]
    assert sorted(notes(pulled)) == [("non_numbers", "jobs.om:5", 1), ("refused", "jobs.om:4", 1)]


def test_openmetrics_cut_in_its_last_line_loses_that_line(tmp_path: Path) -> None:
    (tmp_path / "jobs.om").write_text("# TYPE jobs counter\njobs_total 19561 1737547200\njobs_total 19562 17375472")

    pulled = read(tmp_path)

    assert one(pulled).series[0].values.tolist() == [19561]
    assert notes(pulled) == [("unreadable", "jobs.om:3", 1)]


def test_a_saved_answer_keeps_its_numbers_and_drops_what_is_none(tmp_path: Path) -> None:
    values = [
        (NOON, "NaN"),
        (NOON + 15, "+Inf"),
        (NOON + 30, "-Inf"),
        (NOON + 45, "9007199254740993"),
        (NOON + 60, "-0"),
    ]
    (tmp_path / "load.json").write_bytes(answer(({"pod": "a"}, values), warnings=["PromQL warning: x"]))

    pulled = read(tmp_path)

    assert one(pulled, "load").series[0].values.tolist() == [2.0**53, 0]
    assert sorted(notes(pulled)) == [("non_numbers", "load.json", 3), ("warning", "load.json", 1)]


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (
            b'{"status":"error","errorType":"bad_data","error":"1:5: parse error"}',
            "unreadable",
            "bad_data: 1:5: parse error",
        ),
        (b'{"status":"success","data":{"resultType":"vector","result":[]}}', "empty", "without series"),
        (b'{"status":"success","data":{"resultType":"string","result":[1,"1"]}}', "unreadable", "type 'string'"),
        (b'{"status":"success","data":{"resultType":"matrix","result":[{"met', "unreadable", "no answer of the API"),
        (b'{"title": "a dashboard"}', "unreadable", "no answer of the Prometheus API"),
        (b"{}", "unreadable", "no answer of the Prometheus API"),
        (b"<html>sign in</html>", "unreadable", "a page for people"),
    ],
)
def test_what_is_no_answer_is_told_and_gives_nothing(tmp_path: Path, content: bytes, kind: str, words: str) -> None:
    (tmp_path / "load.json").write_bytes(content)

    pulled = read(tmp_path)

    assert pulled.samples == ()
    assert [(note.kind, note.metric) for note in pulled.notes] == [(kind, "load")]
    assert words in pulled.notes[0].text


def test_the_reference_answers_are_read(shared: Path) -> None:
    folder = shared / "scenario/observability/exports/2025-01-22/api"
    source = Source(name="api", kind="files", options={"paths": ["query_range-parser_failure_total.json"]})

    pulled = pull(Request(source=source, folder=folder, wanted={"parser_failure_total": "counter"}))

    assert len(one(pulled, "parser_failure_total").series) == 4
    assert {int(step) for series in pulled.samples[0].series for step in series.steps} == {15_000}


WHOLE = "timestamp,metric,pod,value\n" + "".join(
    f"2025-01-22T12:{minute:02d}:00Z,jobs_total,{pod},{19_995 + minute}\n" for minute in range(8) for pod in "ab"
)
TEXT = (
    "# TYPE jobs counter\n"
    + "".join(f'jobs_total{{pod="a"}} {19_995 + at} {NOON + 60 * at}.417\n' for at in range(8))
    + "# EOF\n"
)
SAVED = answer((LABELS, [(NOON + 60 * at, str(19_995 + at)) for at in range(8)])).decode()


@pytest.mark.parametrize(("name", "content"), [("a.csv", WHOLE), ("a.om", TEXT), ("a.json", SAVED)])
def test_a_file_cut_at_any_byte_gives_no_wrong_number(tmp_path: Path, name: str, content: str) -> None:
    """Every row that is left is one of the whole file's, and what is missing is told."""
    path = tmp_path / name
    path.write_text(content)
    known = rows_in(read(tmp_path))

    for cut in range(len(content.rstrip()) - 1):
        path.write_text(content[:cut])
        pulled = read(tmp_path)
        assert rows_in(pulled) <= known, content[:cut][-60:]
        assert pulled.notes or rows_in(pulled) or cut < 30, content[:cut][-60:]


def rows_in(pulled: Pulled) -> set[tuple[str, int, float]]:
    return {
        (series.labels.get("pod", ""), at, value)
        for samples in pulled.samples
        for series in samples.series
        for at, value in zip(series.times.tolist(), series.values.tolist(), strict=True)
    }


@pytest.mark.parametrize("seed", range(4))
def test_any_damage_ends_in_rows_and_notes(tmp_path: Path, seed: int) -> None:
    """Bytes turned, taken out and put in at random: never an exception, never an endless read."""
    import random

    chance = random.Random(seed)
    forms = {"a.csv": WHOLE.encode(), "b.om": TEXT.encode(), "c.json": SAVED.encode(), "d.parquet": parquet(FRAME)}
    for _ in range(40):
        for name, content in forms.items():
            damaged = bytearray(content)
            for _ in range(chance.randint(1, 6)):
                at = chance.randrange(len(damaged))
                damaged[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
            (tmp_path / name).write_bytes(damaged)
        read(tmp_path)

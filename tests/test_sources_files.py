"""Files as people have them: what is read, and what is said about what cannot be read."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from deploybook.errors import SourceError
from deploybook.model import Pulled, Samples, Source
from deploybook.sources import Request
from deploybook.sources.files import pull
from deploybook.times import Window

NOON = 1737547200000  # 2025-01-22T12:00:00Z
WANTED = {"jobs_total": "counter", "load": "gauge", "parser_ms": "histogram"}


def read(folder: Path, *paths: str, zone: str = "", windows: tuple[Window, ...] = (), **options: object) -> Pulled:
    source = Source(
        name="exports",
        kind="files",
        options={"paths": list(paths or ("*.csv*",)), **options},
        zone=ZoneInfo(zone) if zone else None,
    )
    return pull(Request(source=source, folder=folder, wanted=WANTED, windows=windows))


def one(pulled: Pulled, name: str = "jobs_total") -> Samples:
    return next(samples for samples in pulled.samples if samples.name == name)


def values(pulled: Pulled, name: str = "jobs_total") -> list[float]:
    return [float(value) for series in one(pulled, name).series for value in series.values]


def notes(pulled: Pulled) -> list[tuple[str, str, int]]:
    return [(note.kind, note.place, note.count) for note in pulled.notes]


def write(folder: Path, text: str | bytes, name: str = "jobs_total.csv") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def rows(*lines: str) -> str:
    return "\n".join(("timestamp,metric,pod,value", *lines, ""))


def test_long_form_gives_a_series_per_label_set(tmp_path: Path) -> None:
    write(
        tmp_path,
        rows(
            "2025-01-22T12:00:00Z,jobs_total,a,5",
            "2025-01-22T12:00:15Z,jobs_total,a,7",
            "2025-01-22T12:00:00Z,jobs_total,NA,1",
            "2025-01-22T12:00:00Z,jobs_total,null,2",
            "2025-01-22T12:00:00Z,other,a,9",
        ),
    )

    pulled = read(tmp_path)

    assert [dict(series.labels) for series in one(pulled).series] == [{"pod": "NA"}, {"pod": "a"}, {"pod": "null"}]
    assert one(pulled).series[1].times.tolist() == [NOON, NOON + 15_000]
    assert one(pulled).series[1].values.tolist() == [5, 7]
    assert one(pulled).series[1].steps.tolist() == [15_000, 15_000]
    assert pulled.notes == ()
    assert pulled.originals[0].metrics == ("jobs_total",)


@pytest.mark.parametrize(
    "time",
    [
        "2025-01-22T12:00:00Z",
        "2025-01-22 12:00:00.000 UTC",
        "2025-01-22 04:00:00-08:00",
        "2025-01-22T04:00-0800",
        "1737547200",
        "1737547200.000",
        "1737547200000",
        "1737547200000000",
    ],
)
def test_a_time_reads_the_same_in_every_form(tmp_path: Path, time: str) -> None:
    write(tmp_path, rows(f"{time},jobs_total,a,5"))

    assert one(read(tmp_path)).series[0].times.tolist() == [NOON]


def test_a_time_without_a_zone_is_refused_and_counted_unless_the_source_has_one(tmp_path: Path) -> None:
    write(tmp_path, rows("2025-01-22T12:00:00Z,jobs_total,a,5", "2025-01-22 04:01:00,jobs_total,a,6"))

    assert values(read(tmp_path)) == [5]
    assert notes(read(tmp_path)) == [("zoneless", "jobs_total.csv:3", 1)]
    assert one(read(tmp_path, zone="America/Los_Angeles")).series[0].times.tolist() == [NOON, NOON + 60_000]


def test_a_time_that_clocks_showed_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path, rows("2025-11-02 01:30:00,jobs_total,a,5", "2025-11-02 03:30:00,jobs_total,a,6"))

    pulled = read(tmp_path, zone="America/Los_Angeles")

    assert values(pulled) == [6]
    assert "twice or never" in pulled.notes[0].text


def test_grafana_wide_form_gives_a_series_per_column(tmp_path: Path) -> None:
    header = '"Time","jobs_total{pod=""a"", region=""eu""}","{pod=""b""}","load","parser-us-1"'
    write(tmp_path, f"{header}\n2025-01-22T12:00:00Z,5,1,0.5,3\n2025-01-22T12:01:00Z,,2,0.6,4\n")

    pulled = read(tmp_path)

    assert [dict(series.labels) for series in one(pulled).series] == [
        {"pod": "a", "region": "eu"},
        {"pod": "b"},
        {"series": "parser-us-1"},
    ]
    assert values(pulled) == [5, 1, 2, 3, 4]
    assert values(pulled, "load") == [0.5, 0.6]
    assert pulled.notes == ()


def histogram(*scrapes: tuple[str, str], edges: tuple[str, ...] = ("50.0", "100", "+Inf")) -> str:
    """Scrapes as (time, 'bucket counts sum count') in long form."""
    lines = ["timestamp,metric,pod,le,value"]
    for time, numbers in scrapes:
        *buckets, total, count = numbers.split()
        lines += [
            f"2025-01-22T{time}Z,parser_ms_bucket,a,{le},{value}" for le, value in zip(edges, buckets, strict=True)
        ]
        lines += [f"2025-01-22T{time}Z,parser_ms_sum,a,,{total}", f"2025-01-22T{time}Z,parser_ms_count,a,,{count}"]
    return "\n".join((*lines, ""))


def test_a_histogram_is_one_row_per_scrape_with_ascending_edges(tmp_path: Path) -> None:
    write(tmp_path, histogram(("12:00:00", "3 9 10 700.5 10"), ("12:00:15", "4 9 11 790.5 11")))

    samples = one(read(tmp_path), "parser_ms")

    assert samples.edges == (50, 100, float("inf"))
    assert samples.series[0].labels == {"pod": "a"}
    assert samples.series[0].values.tolist() == [[3, 9, 10, 700.5, 10], [4, 9, 11, 790.5, 11]]


def test_one_bad_bucket_makes_the_whole_scrape_missing(tmp_path: Path) -> None:
    write(
        tmp_path,
        histogram(("12:00:00", "3 9 10 700 10"), ("12:00:15", "4 NaN 11 790 11"), ("12:00:30", "5 9 12 800 12")),
    )

    pulled = read(tmp_path)

    assert [row[0] for row in one(pulled, "parser_ms").series[0].values.tolist()] == [3, 5]
    assert notes(pulled) == [("non_numbers", "jobs_total.csv:8", 1)]


def test_a_torn_scrape_is_missing_and_a_new_layout_is_not(tmp_path: Path) -> None:
    whole = histogram(("12:00:00", "3 9 10 700 10"), ("12:00:15", "4 9 11 790 11"))
    torn = "\n".join(whole.splitlines()[:-2]) + "\n"
    write(tmp_path, torn, "torn.csv")
    later = histogram(("12:00:30", "5 12 800 12"), ("12:00:45", "6 13 900 13"), edges=("50", "+Inf"))
    write(tmp_path, whole + later.split("\n", 1)[1], "layout.csv")

    assert one(read(tmp_path, "torn.csv"), "parser_ms").series[0].values.tolist() == [[3, 9, 10, 700, 10]]
    table = one(read(tmp_path, "layout.csv"), "parser_ms").series[0].values
    assert len(table) == 4
    assert str(table[2].tolist()) == "[5.0, nan, 12.0, 800.0, 12.0]"


def test_equal_rows_count_once_and_of_two_the_larger(tmp_path: Path) -> None:
    line = "2025-01-22T12:00:{}Z,{},a,{}"
    write(
        tmp_path,
        rows(
            *(line.format("00", "jobs_total", 5), line.format("00", "jobs_total", 5)),
            *(line.format("15", "jobs_total", 9), line.format("15", "jobs_total", 7)),
            *(line.format("00", "load", 0.5), line.format("00", "load", 0.6), line.format("15", "load", 0.7)),
        ),
    )

    pulled = read(tmp_path)

    assert values(pulled) == [5, 9]
    assert values(pulled, "load") == [0.7]
    assert notes(pulled) == [
        ("duplicates", "jobs_total.csv:2", 1),
        ("conflicts", "jobs_total.csv:4", 1),
        ("conflicts", "jobs_total.csv:6", 1),
    ]


def test_unsorted_rows_are_sorted_and_told(tmp_path: Path) -> None:
    write(tmp_path, rows(*(f"2025-01-22T12:00:{second}Z,jobs_total,a,{second}" for second in (30, 15, 45))))

    pulled = read(tmp_path)

    assert values(pulled) == [15, 30, 45]
    assert notes(pulled) == [("unsorted", "jobs_total.csv:3", 1)]


@pytest.mark.parametrize("labels", ["pod", ["pod"]])
def test_only_the_named_columns_are_labels(tmp_path: Path, labels: object) -> None:
    write(tmp_path, "time,metric,pod,note,value\n2025-01-22T12:00:00Z,jobs_total,a,odd,5\n")

    assert [dict(series.labels) for series in one(read(tmp_path, labels=labels)).series] == [{"pod": "a"}]


@pytest.mark.parametrize("text", ["", "NaN", "+Inf", "1e309", "n/a", "5 ms", "0x10", "1_000"])
def test_what_is_no_number_is_missing_and_never_zero(tmp_path: Path, text: str) -> None:
    write(tmp_path, rows("2025-01-22T12:00:00Z,jobs_total,a,5", f"2025-01-22T12:00:15Z,jobs_total,a,{text}"))

    pulled = read(tmp_path)

    assert values(pulled) == [5]
    assert notes(pulled) == [("non_numbers", "jobs_total.csv:3", 1)]


def test_a_negative_counter_is_missing_and_a_negative_gauge_is_not(tmp_path: Path) -> None:
    write(tmp_path, rows("2025-01-22T12:00:00Z,jobs_total,a,-5", "2025-01-22T12:00:00Z,load,a,-5"))

    pulled = read(tmp_path)

    assert [samples.name for samples in pulled.samples] == ["load"]
    assert notes(pulled) == [("negative", "jobs_total.csv:2", 1)]


def test_a_counter_whose_single_steps_are_lost_is_told(tmp_path: Path) -> None:
    at = "2025-01-22T12:00:"
    write(
        tmp_path,
        rows(
            f"{at}00Z,jobs_total,a,{2**53 - 1}",
            f"{at}15Z,jobs_total,a,{2**53 + 1}",
            f"{at}30Z,jobs_total,a,1e17",
            f"{at}00Z,load,a,1e17",
        ),
    )

    assert notes(read(tmp_path)) == [("inexact", "jobs_total.csv:3", 2)]


GOOD = rows("2025-01-22T12:00:00Z,jobs_total,a,19561", "2025-01-22T12:00:15Z,jobs_total,a,19562")


@pytest.mark.parametrize(
    ("content", "kept", "kind", "place"),
    [
        (b"", [], "empty", "jobs_total.csv:1"),
        (b"\n \n", [], "empty", "jobs_total.csv:1"),
        (b"timestamp,metric,pod,value\n", [], "empty", "jobs_total.csv:1"),
        (GOOD[:-4].encode(), [19561], "unreadable", "jobs_total.csv:3"),
        (GOOD[:-12].encode(), [19561], "unreadable", "jobs_total.csv:3"),
        (GOOD.replace(",", ";").encode(), [], "unreadable", "jobs_total.csv:1"),
        (GOOD.replace("19561", "19,561").encode(), [19562], "unreadable", "jobs_total.csv:2"),
        (GOOD.replace("19561", '"19,561"').encode(), [19562], "non_numbers", "jobs_total.csv:2"),
        (GOOD.replace("19561\n", "195\0").encode(), [], "unreadable", "jobs_total.csv:2"),
        (GOOD.encode("utf-16")[:-1], [], "unreadable", "jobs_total.csv:1"),
        (GOOD.replace(",a,19562", ",\xe9,19562").encode("latin-1"), [], "unreadable", "jobs_total.csv:3"),
        (GOOD.replace("pod", "metric").encode(), [], "unreadable", "jobs_total.csv:1"),
        (GOOD.replace("timestamp", "when").encode(), [], "unreadable", "jobs_total.csv:1"),
        (GOOD.replace("2025-01-22T12:00:15Z", "yesterday").encode(), [19561], "refused", "jobs_total.csv:3"),
        (GOOD.replace("a,19561", '"a,19561').encode(), [19562], "unreadable", "jobs_total.csv:2"),
        (gzip.compress(GOOD.encode(), mtime=0)[:-12], [], "unreadable", "jobs_total.csv:3"),
        (b"\x1f\x8bnot gzip at all", [], "unreadable", "jobs_total.csv:1"),
    ],
    ids=[
        "empty",
        "blank",
        "header-only",
        "cut-value",
        "cut-field",
        "semicolons",
        "decimal-comma",
        "quoted-comma",
        "nul",
        "utf-16-cut",
        "latin-1",
        "header-twice",
        "no-time",
        "no-date",
        "quote",
        "gzip-cut",
        "gzip-damaged",
    ],
)
def test_a_broken_file_says_where_and_never_gives_a_wrong_number(
    tmp_path: Path, content: bytes, kept: list[float], kind: str, place: str
) -> None:
    write(tmp_path, content)
    write(tmp_path, rows("2025-01-22T12:00:00Z,load,a,0.5"), "load.csv")

    pulled = read(tmp_path)

    assert [value for samples in pulled.samples if samples.name == "jobs_total" for value in values(pulled)] == kept
    assert (kind, place) in [(note.kind, note.place) for note in pulled.notes]
    assert values(pulled, "load") == [0.5]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.encode("utf-16"),
        GOOD.rstrip().encode(),
        gzip.compress(GOOD.encode()),
        gzip.compress(GOOD[:40].encode()) + gzip.compress(GOOD[40:].encode()),
    ],
    ids=["bom", "crlf", "cr", "utf-16", "no-last-line-end", "gzip", "gzip-members"],
)
def test_other_ways_to_write_the_same_are_read(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, content)

    assert values(read(tmp_path)) == [19561, 19562]
    assert read(tmp_path).notes == ()


def test_a_source_names_its_delimiter_and_columns(tmp_path: Path) -> None:
    write(tmp_path, "when;pod;reading\n2025-01-22T12:00:00Z;a;5\n")

    pulled = read(tmp_path, delimiter=";", time="when", value="reading")

    assert values(pulled) == [5]


def test_a_finer_file_wins_inside_its_span(tmp_path: Path) -> None:
    def every(seconds: int, start: int, end: int) -> str:
        return rows(*(f"{NOON // 1000 + at},jobs_total,a,{at}" for at in range(start, end + 1, seconds)))

    write(tmp_path, every(60, 7, 600), "day.csv")
    write(tmp_path, every(15, 120, 240), "window.csv")

    series = one(read(tmp_path)).series[0]

    assert [at for at, step in zip(series.values.tolist(), series.steps.tolist(), strict=True) if step == 60_000] == [
        *(7, 67, 247, 307, 367, 427, 487, 547),
    ]
    assert [at for at, step in zip(series.values.tolist(), series.steps.tolist(), strict=True) if step == 15_000] == [
        *range(120, 241, 15)
    ]


def test_a_hole_in_the_finer_file_is_filled_by_the_coarser(tmp_path: Path) -> None:
    fine = [*range(0, 120, 15), *range(600, 720, 15)]
    write(tmp_path, rows(*(f"{NOON // 1000 + at},jobs_total,a,{at}" for at in fine)), "fine.csv")
    write(tmp_path, rows(*(f"{NOON // 1000 + at},jobs_total,a,{at}" for at in range(0, 720, 60))), "coarse.csv")

    assert values(read(tmp_path)) == sorted({*fine, *range(120, 600, 60)})
    assert read(tmp_path).notes == ()


def test_a_missing_file_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    write(tmp_path, GOOD)

    pulled = read(tmp_path, "jobs_total.csv", "load.csv")

    assert values(pulled) == [19561, 19562]
    assert [(note.kind, note.metric, note.place) for note in pulled.notes] == [("missing", "load", "load.csv")]


def test_a_link_that_leaves_the_tree_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "outside/jobs_total.csv")
    write(tmp_path, GOOD, "inside/real/jobs_total.csv")
    (tmp_path / "inside/out.csv").symlink_to(tmp_path / "outside/jobs_total.csv")
    (tmp_path / "inside/near.csv").symlink_to(tmp_path / "inside/real/jobs_total.csv")
    (tmp_path / "inside/folder").symlink_to(tmp_path / "outside")

    pulled = read(tmp_path / "inside", "**/*.csv")

    assert [original.path for original in pulled.originals] == ["near.csv"]
    assert sorted(note.place for note in pulled.notes if note.kind == "refused") == ["folder/jobs_total.csv", "out.csv"]


def test_paths_may_lead_out_of_the_deployment_when_they_say_so(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "exports/2025/jobs_total.csv")
    (tmp_path / "deployments/x").mkdir(parents=True)

    pulled = read(tmp_path / "deployments/x", "../../exports/**/*.csv*")

    assert [original.path for original in pulled.originals] == ["../../exports/2025/jobs_total.csv"]


def test_rows_far_from_every_window_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, rows(*(f"2025-01-{day}T12:00:00Z,jobs_total,a,{day}" for day in range(10, 30))))
    window = Window(start=datetime(2025, 1, 22, 11, tzinfo=UTC), end=datetime(2025, 1, 22, 13, tzinfo=UTC))

    assert values(read(tmp_path, windows=(window,))) == [21, 22, 23]


def test_a_source_without_paths_is_an_error_that_says_what_to_write(tmp_path: Path) -> None:
    source = Source(name="exports", kind="files")

    with pytest.raises(SourceError, match="paths"):
        pull(Request(source=source, folder=tmp_path, wanted=WANTED))


def test_the_reference_exports_are_read_whole(shared: Path) -> None:
    source = Source(name="exports", kind="files", options={"paths": ["observability/exports/**/*.csv*"]})
    wanted = {"parser_duration_ms": "histogram", "parser_failure_total": "counter", "up": "gauge"}

    pulled = pull(Request(source=source, folder=shared / "scenario", wanted=wanted))

    parser = one(pulled, "parser_duration_ms")
    assert pulled.notes == ()
    assert (len(parser.edges), len(parser.series), len(parser.inputs)) == (17, 4, 4)
    assert {int(step) for series in parser.series for step in series.steps} == {15_000, 60_000}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_of_excel_names_its_delimiter_and_keeps_its_line_numbers(tmp_path: Path, end: str) -> None:
    table = ["sep=;", "timestamp;pod;value", "2025-01-22T12:00:00Z;a;5", "22.01.2025 12:00;a;6", "a;line;too;long", ""]
    write(tmp_path, end.join(table))

    pulled = read(tmp_path)

    assert values(pulled) == [5]
    assert notes(pulled) == [("unreadable", "jobs_total.csv:5", 1), ("refused", "jobs_total.csv:4", 1)]


def test_a_time_that_cannot_be_read_says_which_can(tmp_path: Path) -> None:
    write(tmp_path, rows("22.01.2025,jobs_total,a,5", "01/22/2025 2:00 PM,jobs_total,a,6"))

    (told,) = read(tmp_path).notes

    assert told.text == (
        "2 rows have no time that can be read (such as '22.01.2025'); write '2025-01-22T14:00:00Z', an offset in place "
        "of the Z, or seconds or milliseconds since 1970; they are left out"
    )


def test_a_file_that_unpacks_without_end_is_named_and_never_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 GiB in 1 MB of gzip, and in 40 kB of zstd: 8192 blocks, each of 128 KiB of one sign (RFC 8878, 3.1.1.2)."""
    repeated = ((128 << 10) << 3 | 1 << 1).to_bytes(3, "little") + b"5"
    zeros = zlib.compressobj(wbits=31)
    packed = b"".join([*(zeros.compress(bytes(1 << 20)) for _ in range(1024)), zeros.flush()])
    write(tmp_path, packed, "a.csv.gz")
    write(tmp_path, b"\x28\xb5\x2f\xfd\x00\x38" + repeated * 8192, "b.csv.zst")
    write(tmp_path, rows("2025-01-22T12:00:00Z,load,a,0.5"), "load.csv")
    monkeypatch.setattr("deploybook.sources.packed.LARGEST", 8 << 20)

    tracemalloc.start()
    pulled = read(tmp_path)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [(note.kind, note.place, note.text.split(";")[0]) for note in pulled.notes] == [
        ("unreadable", "a.csv.gz", "a.csv.gz may be larger than 8 MiB when unpacked"),
        ("unreadable", "b.csv.zst", "b.csv.zst may be larger than 8 MiB when unpacked"),
    ]
    assert held < 40 << 20
    assert values(pulled, "load") == [0.5]

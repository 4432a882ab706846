"""What a reader must see in a chart, and what must never be in its markup."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from deploybook.charts import (
    Chart,
    Checkpoint,
    Distribution,
    Gap,
    Limit,
    Line,
    Mark,
    Span,
    draw,
    draw_png,
    draw_sparkline,
)
from deploybook.charts.axis import find_range
from deploybook.charts.layout import Flag, Label, stack, ticks
from deploybook.charts.plot import plot
from deploybook.charts.sheet import NARROW, PALETTE
from deploybook.charts.svg import shorten_path
from deploybook.charts.thin import MOST_POINTS, find_gaps, find_samples, thin

PT = ZoneInfo("America/Los_Angeles")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_737_583_200_000  # 2025-01-22T22:00:00Z, 14:00 PT
END = START + 90 * MINUTE


def line(values: object, *, label: str = "22 Jan", start: int = START, step: int = MINUTE) -> Line:
    values = np.asarray(values, dtype=float)
    return Line(label=label, times_ms=start + np.arange(len(values)) * step, values=values, step_ms=step)


def steady(count: int = 90, level: float = 58.4, **more: object) -> Line:
    return line(level + np.sin(np.arange(count) / 3) * 0.5, **more)  # type: ignore[arg-type]


def chart(**more: object) -> Chart:
    given = {
        "id": "fig-1",
        "kind": "panel",
        "title": "parser_duration_ms p50",
        "unit": "ms",
        "zone": PT,
        "start_ms": START,
        "end_ms": END,
        "now": steady(),
        "limits": (Limit(value=65, label="limit ≤ 65 ms"),),
    }
    return Chart(**(given | more))  # type: ignore[arg-type]


def variance(**more: object) -> Chart:
    given = {
        "kind": "variance",
        "unit": "%",
        "end_ms": START + 48 * HOUR,
        "until_ms": START + 24 * HOUR,
        "now": line(2 + np.sin(np.arange(145) / 9), step=10 * MINUTE),
        "limits": (),
        "tolerance": 0.05,
        "watch": 0.04,
        "checkpoints": (
            Checkpoint(at_ms=START + HOUR, label="+1h", value=2.2, verdict="Pass"),
            Checkpoint(at_ms=START + 12 * HOUR, label="+12h", value=4.1, verdict="Watch"),
            Checkpoint(at_ms=START + 48 * HOUR, label="+48h", value=None, verdict="Pending"),
        ),
    }
    return chart(**(given | more))


EVERY_KIND = {
    "panel": chart(baseline=steady(level=57.3, label="baseline 21 Jan"), tolerance=0.05),
    "overview": chart(kind="overview", spans=(Span(start_ms=START, end_ms=START + 6 * MINUTE, label="ramp"),)),
    "zoom": chart(kind="zoom", marks=(Mark(at_ms=START + MINUTE, label="25 %", kind="decision"),)),
    "history": chart(
        kind="history", end_ms=START + 9 * DAY, now=line([57, 58, np.nan, 57, 66, 57, 57, 57, 58, 58], step=DAY)
    ),
    "variance": variance(),
    "distribution": Distribution(
        id="fig-d",
        title="parser_duration_ms",
        unit="ms",
        edges=(10, 50, float("inf")),
        now=(0.2, 0.7, 0.1),
        baseline=(0.25, 0.7, 0.05),
        now_label="22 Jan",
        baseline_label="21 Jan",
    ),
}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def paths(svg: str, color: str) -> list[str]:
    """Path data of what is stroked in the colour."""
    found = re.findall(r'<path d="([^"]*)"([^>]*)/>', svg)
    return [d for d, style in found if f'stroke="var(--ch-{color},' in style]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_same_input_gives_same_bytes(kind: str) -> None:
    import matplotlib

    once = draw(EVERY_KIND[kind])
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "path.sketch": (1, 100, 2)}):
        again = draw(EVERY_KIND[kind])

    assert once == again


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_markup_is_one_line_and_well_formed(kind: str) -> None:
    drawing = draw(EVERY_KIND[kind])

    for svg in filter(None, (drawing.svg, drawing.narrow)):
        ElementTree.fromstring(svg)
        assert "\n" not in svg
        assert svg.startswith("<svg ")
        assert len(svg.encode()) <= 15_000
        assert not re.search(r"\b(nan|inf)\b", svg.partition("</desc>")[2], re.I)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_title_and_description_are_there_and_hold_numbers(kind: str) -> None:
    drawing = draw(EVERY_KIND[kind])

    root = ElementTree.fromstring(drawing.svg)
    title, desc = root[0], root[1]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == drawing.title
    assert desc.text == drawing.description
    assert re.search(r"\d", desc.text or "")
    assert all(len(row) == len(drawing.table.columns) for row in drawing.table.rows)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_colour_is_a_variable_and_every_id_is_the_charts_own(kind: str) -> None:
    drawing = draw(EVERY_KIND[kind])
    both = drawing.svg + drawing.narrow

    ids = re.findall(r' id="([^"]+)"', both)
    assert len(ids) == len(set(ids))
    assert all(i.startswith(EVERY_KIND[kind].id) for i in ids)
    assert all(used in ids for used in re.findall(r"url\(#([^)]+)\)", both))
    assert not re.search(r"#[0-9a-f]{6}", re.sub(r"var\(--ch-[a-z]+,#[0-9a-f]{6}\)", "", both))
    assert " style=" not in both
    assert not re.search(r"\d\.\d{3}", re.sub(r"<desc.*?</desc>", "", both))


def test_no_two_colours_share_a_fallback() -> None:
    assert len(set(PALETTE.values())) == len(PALETTE)


def test_description_says_median_limit_extremes_and_gaps() -> None:
    values = np.full(90, 58.4)
    values[10], values[20] = 56.1, 66.2
    values[40:63] = np.nan

    said = draw(chart(now=line(values))).description

    assert "median 58.4 ms" in said
    assert "lowest 56.1 ms at 14:10" in said
    assert "highest 66.2 ms at 14:20" in said
    assert "Limit ≤ 65 ms (at 65.0 ms): 1 of 67 samples outside, first at 14:20." in said
    assert "67 samples, 23 missing between them." in said
    assert "No data 23 min from 14:39 to 15:02." in said


def test_missing_sample_breaks_the_line() -> None:
    values = np.full(90, 58.4)
    values[5] = np.nan

    (path,) = paths(draw(chart(now=line(values))).svg, "value")
    assert path.count("M") == 2


def test_time_without_a_row_breaks_the_line_too() -> None:
    whole = steady()
    kept = np.r_[0:30, 33:90]
    holed = replace(whole, times_ms=whole.times_ms[kept], values=whole.values[kept])

    (path,) = paths(draw(chart(now=holed)).svg, "value")
    assert path.count("M") == 2


def test_sample_between_two_gaps_is_still_drawn() -> None:
    values = np.full(90, np.nan)
    values[[10, 50]] = 58.0

    (path,) = paths(draw(chart(now=line(values))).svg, "value")
    assert len(re.findall(r"M[\d.]+ [\d.]+l0 0", path)) == 2


def test_long_gap_is_hatched_and_says_how_long() -> None:
    values = np.full(90, 58.4)
    values[40:63] = np.nan

    svg = draw(chart(now=line(values))).svg
    assert "no data 23 min" in texts(svg)
    assert 'fill="url(#fig-1-h)"' in svg
    assert find_gaps(chart()) == ()


def test_gap_at_an_edge_counts_and_what_is_not_due_does_not() -> None:
    late = chart(now=steady(60, start=START + 16 * MINUTE))
    assert [gap.label for gap in find_gaps(late)] == ["no data 15 min", "no data 15 min"]

    told = replace(late, since_ms=START + 15 * MINUTE, until_ms=START + 75 * MINUTE)
    assert find_gaps(told) == ()
    assert "not yet measured" in texts(draw(told).svg)


def test_missing_day_of_a_history_is_a_gap() -> None:
    (gap,) = find_gaps(EVERY_KIND["history"])  # type: ignore[arg-type]
    assert gap == Gap(start_ms=START + DAY * 3 // 2, end_ms=START + DAY * 5 // 2, label="no data")


def test_no_sample_at_all_is_said_and_drawn_without_a_line() -> None:
    drawing = draw(chart(now=line([]), baseline=line([], label="baseline"), tolerance=0.05))

    assert "22 Jan: no data, 0 samples." in drawing.description
    assert paths(drawing.svg, "value") == []
    assert "no data 90 min" in texts(drawing.svg)
    assert {row[1] for row in drawing.table.rows} == {"no data"}


@pytest.mark.parametrize("count", [401, 5760])
def test_long_series_is_thinned_and_keeps_its_extremes(count: int) -> None:
    values = np.random.default_rng(1).normal(58, 1, count)
    values[count // 3], values[count // 2] = 90.0, 20.0
    whole = line(values)

    times, kept = thin(whole.times_ms, whole.values, MINUTE)

    assert len(kept) <= MOST_POINTS
    assert (kept.min(), kept.max()) == (20.0, 90.0)
    assert (times[0], times[-1]) == (whole.times_ms[0], whole.times_ms[-1])
    assert np.all(np.diff(times) > 0)
    assert set(kept) <= set(values)


def test_thinning_keeps_every_break_it_has_room_for() -> None:
    values = np.random.default_rng(1).normal(58, 1, 5760)
    values[1000:1003] = values[3000] = np.nan
    samples = find_samples(line(values), START, START + 5760 * MINUTE)

    _, kept = thin(*samples, MINUTE)
    assert np.isnan(kept).sum() == 2
    assert len(kept) <= MOST_POINTS


def test_line_in_tatters_stays_small() -> None:
    values = np.full(5760, 58.0)
    values[::2] = np.nan

    svg = draw(chart(end_ms=START + 5760 * MINUTE, now=line(values))).svg
    assert len(svg) < 15_000


@pytest.mark.parametrize(
    ("value", "limit"), [(58.4, 65), (58.4, 5800), (0, 3), (96.8, 90), (-5, 12), (1e9, 1.0), (0, 0), (1e-7, 2e-7)]
)
def test_limit_lies_inside_the_axis(value: float, limit: float) -> None:
    given = chart(now=line(np.full(90, value)), limits=(Limit(value=limit, label="limit"),))

    low, high = find_range(given, given.now.values, np.array([]))
    assert low < limit < high
    assert low < value < high
    y = [float(path.split()[1].split("l")[0]) for path in paths(draw(given).svg, "limit")]
    assert y
    assert 0 < y[0] < 205


def test_noise_does_not_fill_the_axis() -> None:
    given = chart(now=steady(), limits=())

    low, high = find_range(given, given.now.values, np.array([]))
    assert high - low >= 0.2 * 58.4


def test_value_near_zero_starts_its_axis_there() -> None:
    given = chart(
        now=line([0, 0, 1, 2] * 20), limits=(Limit(value=3, label="limit ≤ 3 per hour"),), decimals=0, unit=""
    )

    assert {"0", "1", "2", "3"} <= set(texts(draw(given).svg))
    assert not [text for text in texts(draw(given).svg) if text.startswith("−")]


def test_nothing_but_zeros_has_room_for_one() -> None:
    given = chart(now=line(np.zeros(90)), limits=(), decimals=0, unit="errors")

    assert {"0", "1"} <= set(texts(draw(given).svg))


def test_share_has_no_tick_above_one_hundred() -> None:
    given = chart(now=line(np.full(90, 99.9)), unit="%", limits=(Limit(value=90, label="limit ≥ 90 %", upper=False),))

    ticks_shown = [float(t) for t in texts(draw(given).svg) if re.fullmatch(r"\d+(\.\d+)?", t)]
    assert ticks_shown
    assert max(ticks_shown) <= 100


def test_hostile_label_is_text() -> None:
    bad = '</text><script>x("")</script>$\\frac{1}{2}$ \x00\x1b\u202e\ud800 & ' + "long " * 60
    given = chart(
        id='x"><script>',
        kind="zoom",
        title=bad,
        unit="<b>",
        now=replace(steady(), label=bad),
        limits=(Limit(value=65, label=bad),),
        marks=(Mark(at_ms=START + MINUTE, label=bad),),
        spans=(Span(start_ms=START, end_ms=END, label=bad),),
        checkpoints=(Checkpoint(at_ms=START, label=bad, value=None, verdict=bad),),
    )

    drawing = draw(given)
    for svg in (drawing.svg, drawing.narrow):
        root = ElementTree.fromstring(svg)
        assert not [element for element in root.iter() if "script" in element.tag]
        assert not set("\x00\x1b\u202e\ud800") & set(svg)
        assert any(text.startswith('</text><script>x("")') for text in texts(svg))
        assert max(map(len, texts(svg))) <= 60
    assert len(drawing.title) <= 100


def test_restart_is_shaded_and_flags_stand_on_their_lines() -> None:
    drawing = draw(
        chart(
            kind="zoom",
            end_ms=START + 20 * MINUTE,
            now=steady(20),
            marks=tuple(Mark(at_ms=START + n * MINUTE, label=f"{p} %") for n, p in enumerate((25, 75, 100))),
            spans=(Span(start_ms=START + 2 * MINUTE + 24_000, end_ms=START + 4 * MINUTE, label="parser restarts"),),
        )
    )

    for svg in (drawing.svg, drawing.narrow):
        assert {"25 %", "75 %", "100 %", "parser restarts"} <= set(texts(svg))
        assert len(paths(svg, "event")) == 3
        assert 'fill="var(--ch-restart,' in svg
    assert "14:02:24 to 14:04 parser restarts" in drawing.description


@pytest.mark.parametrize("seed", range(12))
def test_no_flag_prints_over_another(seed: int) -> None:
    random = np.random.default_rng(seed)
    flags = [
        Flag(x0=x, x1=x + wide, text="flag at " + "x" * int(random.integers(1, 25)), style="span" if wide else "event")
        for x, wide in zip(random.uniform(40, 340, 9), random.choice([0, 0, 12], 9), strict=True)
    ]

    seated = stack(flags, 6, 11, 40, 362)

    assert len(seated) == len(flags)
    assert any(flag.text for flag in seated)
    boxes = [(flag, flag.label(0, 15, 11).box()) for flag in seated if flag.text]
    for (_, one), (_, other) in combinations(boxes, 2):
        assert one.overlap(other) == 0
    for flag, box in boxes:
        assert box.x0 >= 40
        assert box.x1 <= 362
        crossing = [o for o in seated if o.style != "span" and o.row > flag.row and o.x0 < box.x1 and o.x1 > box.x0]
        assert crossing == []


def test_marks_that_say_the_same_share_their_text_first() -> None:
    at = {"25 %": 60, "75 %": 64, "100 %": 68, "restart": 100}
    flags = [Flag(x0=x, x1=x, text=text, style="event") for text, x in at.items()]
    flags.append(Flag(x0=112, x1=112, text="restart", style="event"))

    seated = stack(flags, 4, 11, 40, 362)
    assert [flag.text for flag in seated] == ["25 %", "75 %", "100 %", "restart", ""]


def test_marks_too_many_for_their_rows_say_how_many_they_are() -> None:
    flags = [Flag(x0=60 + n, x1=60 + n, text=f"restart of parser-us-{n}", style="event") for n in range(5)]

    assert [flag.text for flag in stack(flags, 1, 11, 40, 362)] == ["restart of parser-us-0 +4", "", "", "", ""]


def test_labels_of_a_busy_chart_do_not_overlap() -> None:
    busy = chart(
        kind="overview",
        baseline=steady(level=57.3, label="baseline 21 Jan"),
        tolerance=0.05,
        marks=tuple(Mark(at_ms=START + n * 7 * MINUTE, label=f"step {n}") for n in range(9)),
    )

    for one, other in combinations(plot(busy, NARROW).taken, 2):
        assert one.overlap(other) < 3


def test_text_is_large_enough_on_a_phone() -> None:
    # 390 px wide, the page keeps 16 px on either side
    for drawing in map(draw, EVERY_KIND.values()):
        svg = drawing.narrow or drawing.svg
        width = float(re.search(r'viewBox="0 0 (\S+)', svg)[1])  # type: ignore[index]
        sizes = [float(size) for size in re.findall(r'font-size="([^"]+)"', svg)]
        assert sizes
        assert min(sizes) * 358 / width >= 10.5


def test_narrow_picture_only_where_the_wide_one_would_shrink() -> None:
    assert {kind for kind, given in EVERY_KIND.items() if draw(given).narrow} == {
        "overview",
        "zoom",
        "variance",
    }


def test_variance_prints_its_checkpoints_with_their_words() -> None:
    drawing = draw(variance())

    shown = texts(drawing.svg)
    assert {"+2.2 % Pass", "+4.1 % Watch", "tolerance +5 %", "tolerance −5 %", "not yet measured"} <= set(shown)
    assert {"+12h", "+24h", "+48h", "0", "14:00 PT", "22 Jan", "24 Jan"} <= set(shown)
    assert not [text for text in shown if "Pending" in text]
    assert "+48h: no value, Pending." in drawing.description
    assert drawing.table.rows[-1][1] == "not yet measured"


def test_short_variance_has_clock_times() -> None:
    given = variance(end_ms=END, until_ms=None, now=line(2 + np.sin(np.arange(18)), step=5 * MINUTE), checkpoints=())

    assert {"14:00 PT", "14:10", "15:30"} <= set(texts(draw(given).svg))


def test_checkpoint_without_value_says_its_word() -> None:
    given = variance(checkpoints=(Checkpoint(at_ms=START + HOUR, label="+1h", value=None, verdict="No data"),))

    assert "+1h No data" in texts(draw(given).svg)


def test_each_time_tick_is_a_round_local_time_across_a_change_of_clocks() -> None:
    # 2025-03-09 the clocks of Los Angeles went from 02:00 to 03:00
    start = 1_741_500_000_000  # 2025-03-08T22:00 PT
    given = chart(kind="overview", start_ms=start, end_ms=start + 12 * HOUR, now=steady(720, start=start))

    clocks = [text for text in texts(draw(given).svg) if re.match(r"\d\d:\d\d", text)]
    assert clocks[0] == "22:00 PT"
    assert clocks[1:] == [
        "23:00",
        "00:00",
        "01:00",
        "03:00",
        "04:00",
        "05:00",
        "06:00",
        "07:00",
        "08:00",
        "09:00",
        "10:00",
        "11:00",
    ]


def test_table_gives_each_interval_once() -> None:
    values = np.arange(1, 91, dtype=float)  # a value a minute, each at the end of its own
    values[5:10] = np.nan

    table = draw(chart(now=line(values, start=START + MINUTE))).table

    assert table.columns == ("From (PT)", "22 Jan, median (ms)", "Lowest", "Highest")
    assert len(table.rows) == 18
    assert table.rows[0] == ("14:00", "3.0", "1.0", "5.0")
    assert table.rows[1] == ("14:05", "no data", "", "")
    assert table.rows[17] == ("15:25", "88.0", "86.0", "90.0")


def test_table_of_a_history_has_a_row_a_day() -> None:
    table = draw(EVERY_KIND["history"]).table

    assert table.columns == ("Day", "22 Jan (ms)")
    assert table.rows[1:3] == (("23 Jan", "58.0"), ("24 Jan", "no data"))


def test_stretch_too_short_to_see_only_breaks_the_line() -> None:
    values = np.full(90, 58.4)
    values[40:42] = np.nan

    assert find_gaps(chart(now=line(values))) == ()
    assert [gap.label for gap in find_gaps(chart(now=line(values), end_ms=START + 60 * MINUTE))] == ["no data 2 min"]


@pytest.mark.parametrize("first", [0, 5])
def test_series_of_long_steps_has_no_gap_at_its_ends(first: int) -> None:
    whole = steady(18, start=START + first * MINUTE, step=5 * MINUTE)

    assert find_gaps(chart(now=whole)) == ()


def test_chart_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="fig-1: a chart ends after it starts"):
        chart(end_ms=START)


def test_sparkline_says_first_lowest_highest_last() -> None:
    svg = draw_sparkline(
        np.array([58.0, np.nan, 56.1, 60.2, 58.44]), label="parser <p50>", unit="ms", baseline=57.3, limit=65
    )

    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == "parser <p50>: first 58.0 ms, lowest 56.1 ms, highest 60.2 ms, last 58.4 ms"
    assert root.get("role") == "img"
    value = paths(svg, "value")[0]
    assert value.count("M") == 2
    assert len(paths(svg, "limit")) == len(paths(svg, "baseline")) == 1
    assert "\n" not in svg


def test_sparkline_of_many_values_stays_small_and_keeps_extremes() -> None:
    values = np.full(5760, 10.0)
    values[1234] = 90.0

    svg = draw_sparkline(values, label="x", unit="")
    assert len(svg) < 2_500
    assert "highest 90.0" in svg
    assert re.search(r"L\S+ 3\.0", svg)


@pytest.mark.parametrize("values", [[], [np.nan, np.inf]])
def test_sparkline_without_a_sample_says_no_data(values: list[float]) -> None:
    svg = draw_sparkline(values, label="x", unit="ms")

    assert 'aria-label="x: no data"' in svg
    assert paths(svg, "value") == []


def test_distribution_tells_its_windows_apart_in_grey() -> None:
    drawing = draw(EVERY_KIND["distribution"])

    assert len(re.findall(r'fill="var\(--ch-value,[^>]*/>', drawing.svg)) == 4  # three bars and the sample
    assert drawing.svg.count("stroke-dasharray") == 4
    assert drawing.table.rows[2] == ("more", "10.0 %", "5.0 %")
    assert "fullest bucket up to 50 with 70.0 %" in drawing.description


def test_png_is_a_png_and_the_same_twice() -> None:
    once = draw_png(EVERY_KIND["overview"])  # type: ignore[arg-type]

    assert once.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(once[16:20], "big") == 1640
    assert once == draw_png(EVERY_KIND["overview"])  # type: ignore[arg-type]


def test_drawing_leaves_the_settings_of_the_notebook_alone() -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 17.5}):
        draw(EVERY_KIND["panel"])
        assert matplotlib.rcParams["font.size"] == 17.5


def test_import_is_light() -> None:
    code = "import sys, deploybook.charts; print({'matplotlib', 'numpy', 'polars'} & set(sys.modules))"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"


def test_path_is_written_in_rounded_steps_without_drift() -> None:
    assert shorten_path("M 10.04 20 L 10.08 20.04 L 10.12 19 z") == "M10 20l0.1 0l0-1z"


def test_ticks_are_round() -> None:
    assert ticks(54, 67, 4) == (5.0, [55.0, 60.0, 65.0])
    assert ticks(0, 3.2, 4, whole=True) == (1.0, [0.0, 1.0, 2.0, 3.0])


def test_label_box_follows_its_anchor() -> None:
    ends = [Label(text="limit", x=100, y=50, anchor=anchor).box() for anchor in ("start", "middle", "end")]

    assert ends[0].x0 == 99
    assert ends[2].x1 == 101
    assert ends[1].x0 + ends[1].x1 == pytest.approx(200)


def test_name_in_another_script_draws_without_a_warning() -> None:
    given = chart(marks=(Mark(at_ms=START + 9 * MINUTE, label="再起動 🚀"),))

    assert "再起動 🚀" in texts(draw(given).svg)
    assert draw_png(given).startswith(b"\x89PNG")

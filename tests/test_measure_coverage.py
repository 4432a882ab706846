"""What of a window was seen: samples found and expected, gaps, resets, series that come and go."""

from __future__ import annotations

import pytest
from build import at, counter, data, gauge, metric, series, window

from deploybook.measure import gaps, measure, resets
from deploybook.model import Coverage, Samples

FAILURES = metric("counter", "parser_failure_total")
CPU = metric("gauge", "parser_cpu")
HOUR = [15 * k for k in range(241)]


def seen(samples: Samples, start: float = 0, end: float = 3600) -> Coverage:
    of = CPU if samples.kind == "gauge" else FAILURES
    return measure(of, data(samples), window(start, end)).coverage


def rows(times: list[int], **labels: str):  # type: ignore[no-untyped-def]
    return series(list(range(len(times))), times=times, **labels)


def test_every_increment_of_a_full_window_is_there() -> None:
    assert seen(counter(rows(HOUR))) == Coverage(found=240, expected=240, seen=1.0)
    assert seen(gauge(rows(HOUR))) == Coverage(found=240, expected=240, seen=1.0)


def test_targets_with_an_offset_of_their_own_miss_nothing() -> None:
    shifted = [time - 7 for time in HOUR]

    assert seen(counter(rows(shifted))) == Coverage(found=240, expected=240, seen=1.0)
    assert seen(gauge(rows(shifted))).seen == 1


def test_late_scrapes_are_no_gap_up_to_half_a_step() -> None:
    late = [time + 7 * (k % 2) for k, time in enumerate(HOUR)]

    assert seen(counter(rows(late))).seen == 1


def test_a_gap_of_twenty_minutes_is_a_third_of_the_hour() -> None:
    """Rows at 15:00 and 35:00 min and none between: 79 of 240 increments less, 1200 of 3600 s not seen."""
    cut = [time for time in HOUR if not 900 < time < 2100]

    assert seen(counter(rows(cut))) == Coverage(found=161, expected=240, seen=pytest.approx(2 / 3))
    assert seen(gauge(rows(cut))) == Coverage(found=161, expected=240, seen=pytest.approx(1 - 79 / 240))


def test_a_gap_at_the_edges_of_a_window_is_cut_to_it() -> None:
    cut = [time for time in HOUR if not 900 < time < 2100]

    assert seen(counter(rows(cut)), 0, 1200).seen == pytest.approx(0.75)
    assert seen(counter(rows(cut)), 1800, 2400).seen == pytest.approx(0.5)
    assert seen(counter(rows(cut)), 910, 2110).seen == pytest.approx(10 / 1200, abs=0.001)
    assert seen(counter(rows(cut)), 1200, 1800) == Coverage(found=0, expected=40, seen=0.0)
    assert seen(gauge(rows(cut)), 1200, 1800) == Coverage(found=0, expected=40, seen=0.0)


def test_an_export_that_ends_early_is_not_seen_to_the_end() -> None:
    short = [time for time in HOUR if time <= 1200]

    assert seen(counter(rows(short, pod="a"), rows(short, pod="b"))).seen == pytest.approx(1 / 3)
    assert seen(gauge(rows(short))).seen == pytest.approx(1 / 3, abs=0.01)


def test_an_export_that_begins_late_is_not_seen_before() -> None:
    late = [time for time in HOUR if time >= 1200]

    assert seen(counter(rows(late, pod="a"), rows(late, pod="b"))) == Coverage(
        found=320, expected=480, seen=pytest.approx(2 / 3)
    )
    assert seen(gauge(rows(late))).seen == pytest.approx(2 / 3)


def test_a_new_target_misses_nothing_before_it_appeared() -> None:
    late = [time for time in HOUR if time >= 1200]

    assert seen(counter(rows(HOUR, pod="a"), rows(late, pod="b"))) == Coverage(found=400, expected=400, seen=1.0)
    assert seen(gauge(rows(HOUR, pod="a"), rows(late, pod="b"))).seen == 1


def test_a_target_that_went_away_is_missed_until_the_end() -> None:
    gone = [time for time in HOUR if time <= 1200]

    assert seen(counter(rows(HOUR, pod="a"), rows(gone, pod="b"))).seen == pytest.approx(1 - 2400 / 7200)


def test_a_target_that_takes_over_is_the_same_place() -> None:
    """Every rollout gives pods new names: the old one ends at 10 min, the new one begins a minute later."""
    old, new = [time for time in HOUR if time <= 600], [time for time in HOUR if time >= 660]

    assert seen(counter(rows(old, pod="a-1"), rows(new, pod="a-2"))) == Coverage(
        found=236, expected=240, seen=pytest.approx(1 - 60 / 3600)
    )
    overlapping = [time for time in HOUR if time >= 540]
    assert seen(counter(rows(old, pod="a-1"), rows(overlapping, pod="a-2"))).seen == 1
    assert seen(gauge(rows(old, pod="a-1"), rows(overlapping, pod="a-2"))).seen == 1


def test_a_target_that_ended_before_is_not_expected() -> None:
    old = [time - 7200 for time in HOUR]

    assert seen(counter(rows(HOUR, pod="a"), rows(old, pod="b"))) == Coverage(found=240, expected=240, seen=1.0)


def test_a_change_of_step_is_no_gap() -> None:
    """A 15 s file from 20 to 40 min inside a 60 s file; the rows they share may carry either step."""
    times = sorted({*range(0, 3601, 60), *range(1200, 2401, 15)})
    for shared in (15, 60):
        steps = [15 if 1200 <= time <= 2400 and (time % 60 or shared == 15) else 60 for time in times]
        both = counter(series(list(range(len(times))), times=times, steps=steps))

        assert seen(both).seen == 1
        assert gaps(both, window(0, 3600)) == []
        cut = [k for k, time in enumerate(times) if not 1500 < time < 1545]
        holed = counter(series(cut, times=[times[k] for k in cut], steps=[steps[k] for k in cut]))
        assert [(gap.start, gap.end) for gap in gaps(holed, window(0, 3600))] == [(at(1500), at(1545))]


def test_a_step_that_is_not_known_is_read_off_the_rows() -> None:
    unknown = series([0, 1, 2, 3, 9], times=[0, 60, 120, 180, 600], steps=[0] * 5)

    assert seen(counter(unknown), 0, 600).seen == pytest.approx(0.3)


def test_gaps_are_cut_to_the_window_and_named() -> None:
    cut = [time for time in HOUR if not 900 < time < 2100]
    samples = counter(rows(cut, pod="a"), rows(HOUR, pod="b"))

    (gap,) = gaps(samples, window(0, 3600))
    assert (gap.start, gap.end, gap.labels) == (at(900), at(2100), (("pod", "a"),))
    assert gaps(samples, window(1000, 1100))[0].end == at(1100)
    assert gaps(samples, window(2100, 3600)) == []


def test_what_no_series_saw_is_a_gap_at_the_edges_too() -> None:
    short = [time for time in HOUR if 600 <= time <= 3000]

    assert [(gap.start, gap.end) for gap in gaps(counter(rows(short)), window(0, 3600))] == [
        (at(0), at(600)),
        (at(3000), at(3600)),
    ]
    assert gaps(counter(rows(HOUR, pod="a"), rows(short, pod="b")), window(0, 3600)) == []


def test_resets_and_comings_and_goings_have_their_time() -> None:
    one = series([5, 6, 0, 1, 0], pod="a")
    late = series([0, 0], start=45, pod="b")

    turns = resets(counter(one, late), window(0, 60))
    assert [(turn.at, turn.kind, dict(turn.labels)["pod"]) for turn in turns] == [
        (at(30), "reset", "a"),
        (at(45), "begins", "b"),
        (at(60), "reset", "a"),
    ]
    assert [turn.kind for turn in resets(counter(one), window(0, 600))] == ["reset", "ends", "reset"]
    assert [turn.kind for turn in resets(gauge(one), window(0, 60))] == []

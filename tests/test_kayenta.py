"""
Kayenta's own classification vectors judged by our rule: where the words differ, the reason stands in the table.

Each pair is judged as a gauge with a tolerance of 5 %. Kayenta's direction "increase" means that only a rise is bad.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from build import metric, window

from deploybook.judge import Case, judge_window
from deploybook.measure.uncertainty import change_of_gauge
from deploybook.model import Coverage, Judgement, Measurement
from deploybook.units import parse_tolerance

BETTER = {"increase": "lower", "decrease": "higher", "either": "either"}
OURS_OF_THEIRS = {"pass": "pass", "high": "fail", "low": "fail", "nodata": "no_data", "": "no_data"}

FEW = "fewer than 10 effective samples are at best inconclusive, and 98 % must lie outside for a fail"
NOISY = "a pass must be shown: these samples cannot tell a change of 5 %"
GOOD = "a clear change to the good side is looked at (warn), theirs does not see it"
SIZE = "theirs allows a larger effect (allowedIncrease), our tolerance is 5 % for all"
ZERO = "a change against zero is undefined; an absolute target or tolerance would decide"
ABSENT = "no samples are no data, never a pass, whatever replaces them"

# (theirs, ours, why they differ): lines in ClassifierSuite.scala
WORDS = {
    ("pass", "inconclusive", NOISY): (26, 432),
    ("high", "fail", ""): (58, 186, 251, 479, 732),
    ("low", "fail", ""): (90, 219, 327, 520, 563),
    ("pass", "warn", GOOD): (122, 154),
    ("high", "inconclusive", FEW): (314, 549, 577, 613, 819),
    ("pass", "inconclusive", FEW): (358, 595, 627, 640, 653, 719, 845),
    ("pass", "fail", SIZE): (371,),
    ("nodata", "no_data", ""): (666, 679),
    ("pass", "no_data", ABSENT): (693,),
    ("", "no_data", ""): (706,),
    ("high", "inconclusive", ZERO): (745, 758, 786),
    ("low", "inconclusive", FEW): (772, 832),
    ("pass", "inconclusive", ZERO): (805,),
}
TABLE = {line: words for words, lines in WORDS.items() for line in lines}


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[int, dict]:
    text = (shared / "vectors" / "kayenta_classify.json").read_text(encoding="utf-8")
    return {vector["source"]["line"]: vector for vector in json.loads(text)["vectors"]}


def judged(vector: dict) -> Judgement:
    now, base = (np.asarray([float(value) for value in vector[side]]) for side in ("experiment", "control"))
    now, base = (side[np.isfinite(side)] for side in (now, base))
    gauge = metric("gauge", "g", unit="ms", better=BETTER[vector["direction"]], tolerance=parse_tolerance("5 %"))
    first, second = (
        Measurement(
            metric="g",
            window=window(0, 60 * max(len(now), 1)),
            value=float(side.mean()) if len(side) else None,
            unit="ms",
            coverage=Coverage(found=len(side), expected=len(side), seen=float(bool(len(side)))),
        )
        for side in (now, base)
    )
    change = change_of_gauge(now, base, step=60.0) if len(now) and len(base) else None
    return judge_window(Case(gauge, first, second, change))


@pytest.mark.parametrize("line", TABLE)
def test_the_word_is_the_one_in_the_table(vectors: dict[int, dict], line: int) -> None:
    theirs, ours, _ = TABLE[line]

    assert vectors[line]["expected"].get("classification", "") == theirs
    assert judged(vectors[line]).verdict == ours


def test_the_table_holds_every_vector(vectors: dict[int, dict]) -> None:
    assert set(vectors) == set(TABLE)


def test_every_difference_has_a_reason_and_nothing_else_has() -> None:
    for line, (theirs, ours, why) in TABLE.items():
        assert bool(why) == (OURS_OF_THEIRS[theirs] != ours), line

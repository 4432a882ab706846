"""The style sheet and the script: small, readable in both palettes, and calling nobody."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from deploybook.sections import markup

ASSETS = Path(markup.__file__).parents[1] / "assets"
CSS = (ASSETS / "deploybook.css").read_text(encoding="utf-8")
LINES = ("value", "baseline", "limit", "event", "good", "watch", "gap")


def tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"--((?:db|ch)-[a-z-]+): (#[0-9a-f]{3,6});", block))


LIGHT = tokens(CSS.split("@media screen")[0])
DARK = LIGHT | tokens(CSS.split("@media screen")[1].split("[data-md-color-scheme] {")[0])


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two sRGB colours."""

    def luminance(colour: str) -> float:
        digits = colour.lstrip("#")
        digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
        channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_agrees_with_known_pairs() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # the lightest grey that passes AA


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_chart_colours_stand_out_on_paper_and_band(palette: dict[str, str]) -> None:
    assert {f"ch-{name}" for name in LINES} <= set(palette)
    for name, ground in product(LINES, ("paper", "band", "restart")):
        assert contrast(palette[f"ch-{name}"], palette[f"ch-{ground}"]) >= 3, (name, ground)
    for name, ground in product(("text", "limit", "event", "good", "watch", "value"), ("paper", "band")):
        assert contrast(palette[f"ch-{name}"], palette[f"ch-{ground}"]) >= 4.5, (name, ground)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_words_are_readable_on_their_ground(palette: dict[str, str]) -> None:
    for tone in ("pass", "watch", "breach", "unclear", "grey"):
        for ink in (tone, "ink", "soft"):
            assert contrast(palette[f"db-{ink}"], palette[f"db-{tone}-wash"]) >= 4.5, (ink, tone)
        assert contrast(palette[f"db-{tone}"], palette["db-paper"]) >= 4.5
    for ink, ground in product(("ink", "soft", "link"), ("paper", "wash", "mark")):
        assert contrast(palette[f"db-{ink}"], palette[f"db-{ground}"]) >= 4.5, (ink, ground)


def test_style_and_script_stay_within_thirty_kilobytes() -> None:
    assert sum((ASSETS / name).stat().st_size for name in ("deploybook.css", "deploybook.js")) <= 30_000


def test_nothing_is_fetched_from_elsewhere() -> None:
    for name in ("deploybook.css", "deploybook.js"):
        assert not re.search(r"https?:|//[a-z]|@import|url\(", (ASSETS / name).read_text(encoding="utf-8"))


def test_every_kind_of_status_has_a_colour() -> None:
    for kind in markup.SHAPES:
        assert f".db-{kind}" in CSS


def test_a_new_workspace_gets_the_site_settings_of_this_one() -> None:
    ours = Path(__file__).parents[1] / "mkdocs.yml"

    assert (ASSETS / "mkdocs.yml").read_text(encoding="utf-8") == ours.read_text(encoding="utf-8")

"""From cells to pages: what our sections show passes, all else is cleaned, the notebook's page shows its code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from build import CLI_P95, PARSER_P50, VARIANCE, at, deployment, window
from test_markup import HOSTILE, check_harmless

from deploybook.book.pictures import in_grafana
from deploybook.facts import EvidenceItem, Facts
from deploybook.model import Closing, Entry, Finding
from deploybook.report import page
from deploybook.sections import MIME, record, summary
from deploybook.sections.page import page_facts


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = (), id: str = "cell") -> dict[str, Any]:
    return {
        "cell_type": "code", "id": id, "source": source, "execution_count": 3,
        "metadata": {"tags": list(tags)}, "outputs": list(outputs),
    }  # fmt: skip


def shows(**data: str) -> dict[str, Any]:
    kinds = {"html": "text/html", "markdown": "text/markdown", "plain": "text/plain", "svg": "image/svg+xml"}
    return {"output_type": "display_data", "data": {kinds[kind]: text for kind, text in data.items()}}


def block(markdown: str, name: str = "metrics") -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {"text/markdown": markdown, MIME: {"name": name}}}


def facts(**more: Any) -> Facts:
    one = deployment()
    return Facts(deployment=one, as_of=one.end, verdict=page.Verdict.PASS, sentence="All parts pass.", **more)


def test_a_block_of_ours_passes_and_code_is_left_out_of_the_report() -> None:
    assert page.body_of([code('book["metrics"]', block("## 4. Metrics"))]) == "## 4. Metrics"


def test_the_notebooks_page_shows_the_code_before_what_it_shows() -> None:
    shown = page.body_of([code("1 < 2", block("## 4. Metrics"), tags=("remove-cell",), id="metrics")], code=True)

    assert shown.index("In [3] metrics") < shown.index("1 &lt; 2") < shown.index("## 4. Metrics")


def test_the_page_names_the_window_that_is_measured_and_when_it_really_ran() -> None:
    """14:00 to 15:30 was planned; it was over after 21 minutes."""
    closing = Closing(outcome="rolled_back", at=at(1260), actual=window(0, 1260))

    text = str(summary.facts_line(replace(facts(), deployment=deployment(closing=closing))))

    assert "22 Jan 2025, 14:00 to 15:30 PT" in text
    assert "<dt>Really ran</dt><dd>22 Jan 2025, 14:00 to 14:21 PT</dd>" in text
    assert "Really ran" not in str(summary.facts_line(facts()))


def test_what_the_sentence_says_is_not_said_again_below_it() -> None:
    restart, gap = (Finding(kind="gap", severity="warn", text=text) for text in ("A restart.", "A gap."))
    two = replace(facts(), findings=(restart, gap))

    assert summary.detail(two) == "A restart. (1 more below)"
    assert summary.detail(replace(two, sentence="A restart.")) == "1 more below."
    assert summary.detail(replace(two, sentence="A restart.", findings=(restart,))) == ""


def test_phases_of_journal_and_records_do_not_alternate() -> None:
    """The journal has lines; an event of a source has neither line nor phase."""
    lines = [
        (0, "Ramp", 2),
        (1, "Rollout", 0),
        (2, "Ramp", 3),
        (3, "", 0),
        (4, "Rollout", 0),
        (5, "Ramp", 4),
        (90000, "", 5),
    ]
    entries = [Entry(at=at(second), text=str(second), phase=phase, line=line) for second, phase, line in lines]

    phases = [(name, [entry.text for entry in each]) for name, each in record.phases_of(entries, deployment().zone)]

    assert phases == [("Ramp", ["0", "2", "5"]), ("Rollout", ["1", "3", "4"]), ("", ["90000"])]


def test_a_phase_that_comes_again_stands_again() -> None:
    entries = [
        Entry(at=at(n), text="x", phase=phase, line=n) for n, phase in enumerate(("Ramp", "Restarts", "Ramp"), 1)
    ]

    assert [name for name, _ in record.phases_of(entries, deployment().zone)] == ["Ramp", "Restarts", "Ramp"]


def test_a_cell_tagged_for_it_is_left_out() -> None:
    assert (
        page.body_of([code("x", block("b"), tags=("remove-cell",)), code("y", block("c"), tags=("remove-output",))])
        == ""
    )


def test_the_notebooks_page_leads_to_the_notebook_and_back_and_stays_out_of_search() -> None:
    one = facts()
    way = [*page.WAY, ("Outcomes", "index.html")]
    text = page.notebook_page(page_facts(one, "outcome", "Outcomes"), way, '{"cells": []}', "outcome")

    assert 'search: {"exclude": true}' in text
    assert '<a href="outcome.ipynb">outcome.ipynb</a>' in text
    assert '<a href="index.html">Outcomes</a>' in text
    assert "# Notebook: Outcomes" in text


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_outputs_and_code_are_inert(payload: str) -> None:
    cells = [
        code(payload, shows(html=payload), shows(markdown=payload), shows(plain=payload), id=payload),
        {"cell_type": "markdown", "source": payload, "metadata": {}},
        code("x", {"output_type": "stream", "name": "stdout", "text": payload}),
    ]
    check_harmless(page.body_of(cells, code=True))


def test_a_foreign_picture_is_only_ever_an_image() -> None:
    shown = page.body_of([code("x", shows(svg="<svg onload='alert(1)'/>", plain='"><script>'))])

    assert shown.startswith('<p><img class="db-foreign" alt="')
    assert "<svg" not in shown
    assert "<script" not in shown


def test_the_evidence_of_a_figure_is_the_export_of_its_window() -> None:
    def item(number: str, start: float, end: float) -> EvidenceItem:
        span = window(start, end)
        return EvidenceItem(
            number=number, name="x", kind="export", digest=number, start_ms=span.start_ms, end_ms=span.end_ms
        )

    one = facts(evidence=(item("day-before", -86400, 0), item("whole-day", -7200, 86400), item("window", -1800, 7200)))
    inputs = ("day-before", "whole-day", "window")

    assert one.chip(inputs, window(0, 5400)).number == "window"  # type: ignore[union-attr]
    assert one.chip(inputs, window(0, 20000)).number == "whole-day"  # type: ignore[union-attr]
    assert one.chip(inputs).number == "day-before"  # type: ignore[union-attr]
    assert one.chip(("other",), window(0, 5400)) is None


def test_a_chart_leads_to_the_same_panel_and_time_in_grafana() -> None:
    one = replace(facts(), deployment=deployment(dashboard="https://grafana.example/d/abc/parser?orgId=1"))
    shown = in_grafana(one, [replace(PARSER_P50, panel="12"), replace(VARIANCE, panel="12"), CLI_P95], window(0, 5400))

    address = (
        "https://grafana.example/d/abc/parser?orgId=1&amp;viewPanel=12&amp;from=1737583200000&amp;to=1737588600000"
    )
    assert shown == f'<a href="{address}">Panel 12 in Grafana</a>'
    assert in_grafana(facts(), [replace(PARSER_P50, panel="12")], window(0, 5400)) == ""

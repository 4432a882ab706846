"""The pages around the reports: what they say, in which order, and that hostile text in them stays text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from build import at
from markdown import markdown
from test_markup import HOSTILE, SAFE_TAGS, Reader

from deploybook.facts import EvidenceItem
from deploybook.publish import compose
from deploybook.publish.gather import Page, way
from deploybook.publish.pages import archive, changes, evidence, failed, home, metrics, registers
from deploybook.sections.page import Ask, CheckpointLine, Failure, LifeStep, MetricLine, PageFacts, RegisterLine
from deploybook.sections.text import escape

HOUR = 3600.0
END = 1.5 * HOUR
AFTER = ("1h", "12h", "24h", "48h")


def facts(**changes: Any) -> PageFacts:
    """The reference deployment's report at the end of its window."""
    base: dict[str, Any] = {
        "kind": "outcome",
        "title": "Telemetry Step 2 deployment outcomes",
        "deployment": "2025-01-22-telemetry-step2",
        "name": "Telemetry Step 2",
        "ticket": "CHG-2025-0121",
        "service": "memory-search",
        "lead": "Oliver",
        "zone": "America/Los_Angeles",
        "start": at(0),
        "end": at(END),
        "observed_until": at(END + 48 * HOUR),
        "as_of": at(END),
        "data_until": at(END - 60),
        "word": "Pass",
        "modifier": "so far",
        "sentence": "Live at 100 %.",
        "number": "+2.3 %",
        "checkpoints": lines(0),
    }
    return PageFacts(**{**base, **changes})


def lines(done: int) -> tuple[CheckpointLine, ...]:
    return tuple(
        CheckpointLine(after=after, due=at(END + int(after[:-1]) * HOUR), word="Pass" if i < done else "Pending")
        for i, after in enumerate(AFTER)
    )


def page(path: str = "2025/01/2025-01-22-telemetry-step2/index", **changes: Any) -> Page:
    return Page.of(path, facts(**changes))


def checkpoint(number: int, **changes: Any) -> Page:
    after = AFTER[number - 1]
    due = at(END + int(after[:-1]) * HOUR)
    base: dict[str, Any] = {"kind": "checkpoint", "title": f"+{after} checkpoint", "after": after, "as_of": due}
    path = f"2025/01/2025-01-22-telemetry-step2/checkpoint-{after}"
    return page(path, **{**base, "checkpoints": lines(number), **changes})


def metric(value: float | None = 58.4, word: str = "Pass", **changes: Any) -> MetricLine:
    shown = "no data" if value is None else f"{value} ms"
    line = MetricLine(
        id="parser_p50", title="Parser latency p50", unit="ms", value=value, shown=shown, limit=65.0, word=word
    )
    return replace(line, **changes)


def other(slug: str, word: str = "Pass", **changes: Any) -> Page:
    return page(
        f"2025/01/{slug}/index", **{"deployment": slug, "name": slug.title(), "ticket": "", "word": word, **changes}
    )


def text_of(block: str) -> str:
    return " ".join(Reader(block).text.split())


def order(text: str, *words: str) -> bool:
    places = [text.find(word) for word in words]
    return -1 not in places and places == sorted(places)


def newest_first(*pages: Page) -> Sequence[Page]:
    return sorted(pages, key=lambda one: one.as_of, reverse=True)


def at_home(*pages: Page, now: Any = None) -> str:
    listed = newest_first(*pages)
    return home.home(listed, now or listed[0].as_of)["index.md"]


# -- home ---------------------------------------------------------------------------------------------------------------


def test_home_without_a_report_says_so() -> None:
    assert "Nothing published yet" in home.home([], at(0))["index.md"]


def test_home_shows_the_open_window_verdict_first() -> None:
    shown = text_of(at_home(page(), checkpoint(1)))

    assert "# Wednesday 22 Jan 2025" in shown
    assert order(shown, "Pass so far", "Observation window · 1 h of 48 h", "Needs a person", "Latest reports")


def test_home_says_how_old_its_data_is() -> None:
    assert "Data until22 Jan 15:29 PT, 2 h 1 min old" in text_of(at_home(page(), now=at(END + 2 * HOUR)))


def test_a_checkpoint_past_its_time_is_late_in_words() -> None:
    shown = text_of(at_home(page(), now=at(END + 3 * HOUR)))

    assert "+1h checkpoint is late by 2 h" in shown
    assert "late by 2 h · Pending" in shown


def test_several_open_windows_stand_worst_first_by_team() -> None:
    shown = text_of(
        at_home(
            other("alpha", "Pass", team="Runtime"),
            other("beta", "Watch", team="Runtime"),
            other("gamma", "Breach", team="Payments", modifier=""),
        )
    )

    assert "3 deployments under observation: 1 Breach, 1 Watch, 1 Pass." in shown
    assert order(shown, "Payments", "Gamma", "Runtime", "Beta", "Alpha")


def test_a_report_that_failed_does_not_decide_the_verdict_of_the_others() -> None:
    broken = other("alpha", failure=Failure(sentence="The notebook stopped.", missing="all"))
    shown = text_of(at_home(other("beta"), other("gamma"), broken))

    assert order(shown, "Pass so far", "3 deployments under observation", "Not produced")


def test_a_watch_that_has_cleared_stays_until_the_deployment_is_closed() -> None:
    watched = checkpoint(2, word="Watch", asks=(Ask(word="Watch", text="Variance reached +4.1 %", note="night batch"),))
    quiet = checkpoint(3)
    closed = checkpoint(4, closed="succeeded")

    assert "Variance reached +4.1 %" in at_home(page(), watched, quiet)
    assert "Variance reached +4.1 %" in at_home(page(), watched, quiet).split("Latest reports")[0]
    assert "Nothing needs a person now" in at_home(page(), quiet, closed)


def test_home_shows_what_is_overdue_due_today_and_opened() -> None:
    yellow: dict[str, Any] = {"register": "risks", "text": "x", "status": "YELLOW", "when": at(20 * HOUR)}
    risks = tuple(RegisterLine(id=id, **yellow) for id in ("R-4", "R-6"))
    actions = (
        RegisterLine(id="AI-1", text="Validation report", owner="Queenie", status="Waiting", when=at(5 * HOUR)),
        RegisterLine(id="AI-2", text="Lessons", owner="Oliver", status="Done", when=at(2 * HOUR)),
        RegisterLine(id="AI-3", text="Summary", owner="Paris", when=at(2 * HOUR)),
        RegisterLine(id="AI-4", text="Hand over", waits_on="+1h"),
        RegisterLine(id="AI-5", text="Clean up", waits_on="+48h", waits="waits on +48h", when=at(2 * HOUR)),
    )
    checks = (RegisterLine(id="+4h", text="QA spot check", owner="Queenie", when=at(END + 4 * HOUR)),)
    one = page(risks=risks, actions=actions, checks=checks)
    shown = text_of(at_home(one, now=at(3 * HOUR))).split("Latest reports")[0]

    assert order(
        shown,
        "OverdueAI-3 Summary22 Jan 16:00 PT · Paris",
        "Due todayAI-1 Validation report",
        "Due today+4h QA spot check",
        "OpenedAI-4 Hand over",
        "R-4 and R-6 open",
    )
    assert "AI-2" not in shown
    assert "AI-5" not in shown
    assert "OverdueR-4 review: x" in text_of(at_home(one, now=at(21 * HOUR)))


def test_home_shows_what_is_overdue_of_earlier_changes_too() -> None:
    action = RegisterLine(id="AI-9", text="Remove the flag", owner="Bob", when=at(-20 * HOUR))
    before = other("alpha", closed="succeeded", as_of=at(-24 * HOUR), actions=(action,))
    many = tuple(RegisterLine(id=f"AI-{n}", text="x", when=at(0)) for n in range(10))

    assert "OverdueAI-9 Remove the flag" in text_of(at_home(page(), before))
    assert order(text_of(at_home(page(actions=many), before)), "AI-5 x", "5 more in the registers")


def test_the_table_of_another_page_leads_back_to_it() -> None:
    table = '<table><tr><td><a href="#E-03">E-03</a><a href="outcome.ipynb">n</a><a href="https://example.org/">x</a></td></tr></table>'
    shown = at_home(page(table=table))

    assert 'href="2025/01/2025-01-22-telemetry-step2/index.html#E-03"' in shown
    assert 'href="2025/01/2025-01-22-telemetry-step2/outcome.ipynb"' in shown
    assert 'href="https://example.org/"' in shown


# -- archive, metrics, changes, registers ---------------------------------------------------------------------------------


def test_the_archive_counts_verdicts_in_words() -> None:
    february = page("2025/02/2025-02-03-next/index", as_of=at(13 * 24 * HOUR), deployment="next")
    made = archive.archive([february, checkpoint(2, word="Watch"), checkpoint(1), page()])

    assert "2 Pass, 1 Watch" in made["archive/index.md"]
    assert order(made["archive/index.md"], "February 2025", "January 2025")
    assert "3 reports: 2 Pass, 1 Watch." in made["2025/01/index.md"]
    assert 'href="2025-01-22-telemetry-step2/checkpoint-1h.html"' in made["2025/01/index.md"]


def test_a_metric_history_keeps_missing_values_as_gaps() -> None:
    day = timedelta(days=1)
    pages = [
        page(f"2025/01/d{n}/index", metrics=(metric(value),), as_of=at(0) + n * day, service="memory-search")
        for n, value in ((3, 58.4), (1, None), (0, 57.3))
    ]
    made = metrics.metric_pages(pages)
    shown = made["metrics/memory-search-parser-p50.md"]

    assert order(text_of(shown.split("## Every report")[1]), "58.4 ms", "no data", "57.3 ms")
    assert ">0 ms<" not in shown
    assert "Parser latency p50" in made["metrics/index.md"]


def test_the_same_metric_of_two_services_has_two_histories() -> None:
    made = metrics.metric_pages([page(metrics=(metric(),)), other("b", metrics=(metric(),), service="cli")])

    assert {"metrics/memory-search-parser-p50.md", "metrics/cli-parser-p50.md"} <= set(made)


def test_a_metric_never_measured_says_so() -> None:
    made = metrics.metric_pages([page(metrics=(metric(None, "No data"),))])

    assert "No value yet" in made["metrics/memory-search-parser-p50.md"]


def test_a_change_tells_its_life_and_leads_to_its_reports() -> None:
    life = (LifeStep(at=at(0), step="Deployment window opens", by="Oliver", result="Done"),)
    made = changes.changes([checkpoint(1, life=life), page(life=life)], at(END + HOUR))
    shown = made["changes/chg-2025-0121.md"]

    assert order(text_of(shown), "CHG-2025-0121 · Telemetry Step 2", "Pass so far", "22 Jan 14:00 PT", "+1h checkpoint")
    assert 'href="../2025/01/2025-01-22-telemetry-step2/checkpoint-1h.html"' in shown


def test_a_long_list_shows_the_newest_and_tells_the_rest() -> None:
    pages = newest_first(*(other(f"d{n:03d}", as_of=at(END + n)) for n in range(103)))
    shown = changes.changes(pages, at(END + 200))["changes/index.md"]

    assert shown.count('<tr><th scope="row">') == 100
    assert "D102" in shown
    assert "D002" not in shown
    assert "3 older ones" in shown


def test_a_rolled_back_change_never_reads_pass() -> None:
    made = changes.changes([page(word="Rolled back", modifier="", closed="rolled_back")], at(END))

    assert "Pass" not in text_of(made["changes/chg-2025-0121.md"])


def test_registers_take_the_newest_report_of_each_change() -> None:
    old = page(risks=(RegisterLine(id="R-4", text="old words", status="Red"),))
    new = checkpoint(1, risks=(RegisterLine(id="R-4", text="new words", owner="Oliver", status="Yellow"),))
    made = registers.registers([new, old], at(END))

    assert "new words" in made["registers/risks.md"]
    assert "old words" not in made["registers/risks.md"]
    assert "None on record" in made["registers/actions.md"]


def test_registers_say_how_a_line_stands_now() -> None:
    actions = (
        RegisterLine(id="AI-1", text="Report", status="In progress", when=at(2 * HOUR)),
        RegisterLine(id="AI-2", text="Hand over", waits_on="+48h", waits="waits on +48h: Breach"),
    )
    checks = (RegisterLine(id="+4h", text="QA spot check", status="Done", when=at(END + 4 * HOUR)),)
    priorities = (RegisterLine(id="P-1", text="Benchmark"), RegisterLine(id="", text="a text alone"))
    one = page(actions=actions, checks=checks, priorities=priorities)
    shown = text_of(registers.registers([one], at(3 * HOUR))["registers/actions.md"])

    assert order(shown, "AI-1", "Overdue", "AI-2", "Waits on +48h: Breach", "## Priorities", "P-1", "## Checks", "+4h")
    assert "a text alone" not in shown


def test_the_lessons_register_as_a_whole() -> None:
    made = registers.registers([page(lessons="- Rehearse `revert_step2.sh`")], at(END))

    assert made["registers/lessons.md"] == (
        '---\ntitle: "Lessons"\nhide: ["navigation", "toc"]\n---\n\n\n'
        '<nav class="db-crumbs" aria-label="Where this page is" data-search-exclude><ol class="db-list"><li><a href="../index.html">Today</a></li>'
        '<li><a href="../changes/index.html">Changes</a></li></ol></nav>\n\n'
        "# Lessons\n\n"
        "## CHG-2025-0121 · Telemetry Step 2\n\n"
        '<div class="db-prose">\n<ul>\n<li>Rehearse <code>revert_step2.sh</code></li>\n</ul>\n</div>\n\n'
        '<p>From <a href="../2025/01/2025-01-22-telemetry-step2/index.html">the report</a>.</p>\n'
    )


# -- evidence and failure ---------------------------------------------------------------------------------------------------


HELD = EvidenceItem(
    number="E-01", name="journal", kind="record", digest="ab" * 32, size=1800, path="deployments/x/journal.md"
)
MISSING = EvidenceItem(number="E-02", name="recording.mp4", kind="artifact", held=False, origin="ops/recordings")


def test_evidence_is_listed_with_its_full_digest_and_the_pages_that_use_it() -> None:
    made = evidence.evidence([checkpoint(1, evidence=(HELD,)), page(evidence=(HELD, MISSING))])
    shown = made["evidence/2025-01-22-telemetry-step2.md"]

    assert "ab" * 32 in shown
    assert 'id="E-01"' in shown
    assert "1 of 2 artifacts are held with the sha256 on record" in text_of(shown)
    assert "E-02: named by the records, not held here" in text_of(shown)
    assert 'href="../2025/01/2025-01-22-telemetry-step2/checkpoint-1h.html#E-01">+1h</a>' in shown
    assert made["evidence/2025-01-22-telemetry-step2.SHA256SUMS"] == f"{'ab' * 32}  deployments/x/journal.md\n"


def test_a_changed_artifact_is_red_and_a_checked_one_verified() -> None:
    changed = evidence.evidence([page(evidence=(HELD,))], {HELD.digest: "Changed"})
    checked = evidence.evidence([page(evidence=(HELD,))], {HELD.digest: "Verified"})

    assert "db-verdict db-breach" in changed["evidence/2025-01-22-telemetry-step2.md"]
    assert "1 of 1 artifact match the sha256 on record" in text_of(checked["evidence/2025-01-22-telemetry-step2.md"])


def test_two_artifacts_of_one_number_keep_two_rows() -> None:
    later = replace(HELD, digest="cd" * 32)
    made = evidence.evidence([checkpoint(1, evidence=(later,)), page(evidence=(HELD,))])

    assert 'id="E-01"' in made["evidence/2025-01-22-telemetry-step2.md"]
    assert 'id="E-01-2"' in made["evidence/2025-01-22-telemetry-step2.md"]


def test_checksums_escape_names_as_sha256sum_does() -> None:
    odd = replace(HELD, path="a\\b\nc")
    made = evidence.evidence([page(evidence=(odd,))])

    assert made["evidence/2025-01-22-telemetry-step2.SHA256SUMS"] == f"\\{'ab' * 32}  a\\\\b\\nc\n"


def test_a_page_that_failed_is_grey_and_tells_what_is_missing_why_who_and_when() -> None:
    failure = Failure(
        sentence="The notebook stopped before the metrics were computed.",
        missing="all 5 checks",
        owner="Avery",
        next_try="21 Jan 09:00 PT",
        reason="The export has no rows after 14:10 PT.",
        error="ValueError: <b>41</b>\n\nat cell 9",
        last_good="../2025-01-19-x/index.html",
    )
    shown = failed.failed([page(failure=failure)])["2025/01/2025-01-22-telemetry-step2/index.md"]

    assert order(text_of(shown), "Not produced", "all 5 checks", "Avery", "21 Jan 09:00 PT", "no rows after 14:10")
    assert "db-verdict db-not-produced" in shown
    assert "db-breach" not in shown
    assert "ValueError: &lt;b&gt;41&lt;/b&gt;&#10;&#10;at cell 9" in shown


# -- all of them --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_page_facts_are_inert_on_every_page(payload: str) -> None:
    item = EvidenceItem(number=payload, name=payload, kind=payload, digest=payload, origin=payload, path=payload)
    register = (RegisterLine(id=payload, text=payload, owner=payload, status=payload, when=at(0), note=payload),)
    hostile = page(
        title=payload, name=payload, ticket=payload, version=payload, service=payload, team=payload, lead=payload,
        word=payload, sentence=payload, detail=payload, number=payload, number_notes=(payload,), lessons=payload,
        metrics=(metric(id=payload, title=payload, unit=payload, shown=escape(payload), limit_text=payload, query=payload, evidence=payload),),
        asks=(Ask(word=payload, text=payload, note=payload),), risks=register, actions=register,
        life=(LifeStep(at=at(0), step=payload, by=payload, result=payload),), evidence=(item,),
        checkpoints=(CheckpointLine(after=payload, due=at(END), word=payload, note=payload),),
    )  # fmt: skip
    failure = Failure(
        sentence=payload, missing=payload, reason=payload, owner=payload, error=payload, notebook=payload, last_good=payload,
        ran=((payload, payload, payload, payload),),
    )  # fmt: skip
    broken = other("broken", title=payload, failure=failure)
    third = other("third", name=payload, team=payload)

    for pages in ([hostile, broken], [hostile, third]):
        for path, made in compose(pages).items():
            if path.endswith(".md"):
                body = made.split("---\n", 2)[2]
                check_page(markdown(body, extensions=["tables", "toc"]))


def check_page(body: str) -> None:
    """No tag but ours, Markdown's and our charts'; nothing that could run."""
    allowed = {
        "h1",
        "h2",
        "h4",
        "h5",
        "p",
        "hr",
        "strong",
        "em",
        "blockquote",
        "br",
        "g",
        "text",
        "title",
        "desc",
        "tspan",
        "defs",
        "clippath",
    }
    reader = Reader(body)
    assert not set(reader.tags) - SAFE_TAGS - allowed
    for name, value in reader.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "srcdoc", "formaction", "style")
        assert name != "href" or not (value or "").lower().startswith(("javascript", "data", "vbscript"))


def test_the_same_pages_give_the_same_bytes() -> None:
    pages = newest_first(page(metrics=(metric(),), evidence=(HELD,)), checkpoint(1, metrics=(metric(),)))

    assert compose(pages) == compose(tuple(pages))


def test_the_way_between_two_pages() -> None:
    assert way("index", "2025/01/x/index.html#E-1") == "2025/01/x/index.html#E-1"
    assert way("changes/a", "2025/01/x/index.html") == "../2025/01/x/index.html"
    assert way("2025/01/index", "2025/01/x/index.html") == "x/index.html"


def test_a_closing_report_is_no_new_value_in_a_history() -> None:
    closing = page(
        "2025/01/2025-01-22-telemetry-step2/closing", kind="closing", metrics=(metric(58.4),), as_of=at(END + 48 * HOUR)
    )
    made = metrics.metric_pages(newest_first(closing, checkpoint(4, metrics=(metric(59.0),))))
    shown = text_of(made["metrics/memory-search-parser-p50.md"].split("## Every report")[1])

    assert "59.0 ms" in shown
    assert "58.4 ms" not in shown

"""The HTML vocabulary: what is text stays text, in HTML, in Markdown, in attributes and in front matter."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
import yaml
from markdown import markdown

from deploybook.sections import markup as m
from deploybook.sections import text as t

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "[x](javascript:alert(1))",
    "![x](data:text/html,<script>alert(1)</script>)",
    "`</code><script>alert(1)</script>`",
    "a\n\n<svg onload=alert(1)>\n\n# b",
    "</td></tr></table><iframe srcdoc='<script>alert(1)</script>'>",
    "{: onclick=alert(1) }",
    "<!-- x --><style>@import 'http://evil'</style>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{7*7}} {% raw %} ${x}",
    "--><base href=//evil>",
    "</title><script>alert(1)</script>",
    "parser_duration_ms *and* __init__ | ~~x~~",
    "\\<b\\> \\`",
    "<math><mtext></mtext><script>alert(1)</script></math>",
]
TAGS = (
    "div section p span strong small a ul ol li dl dt dd nav table caption thead tbody tr th td time data svg path rect "
    "circle figure figcaption details summary h3 b i code pre button label select option input output em"
)
SAFE_TAGS = set(TAGS.split())


class Reader(HTMLParser):
    """Collects tags, attributes and text, and refuses what could run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.pieces: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def everything(text: str) -> list[t.Html]:
    """One of each block with the text in every place that takes text."""
    return [
        m.verdict_block("Pass", text, text, text, [text, text], modifier="so far"),
        m.tiles([m.Tile(label=text, value=text, note=text, word="Pass")]),
        m.facts_line([(text, text)]),
        m.pairs([(text, text)]),
        m.doors([(text, text)]),
        m.crumbs([(text, text)]),
        m.listing([m.Line(word="Watch", text=text, note=text, href=text)]),
        m.needs_person([m.Line(word=text, text=text)]),
        m.callout(text, text, folded=True),
        m.table(text, [(text, "head"), (text, "number"), (text, "status"), ("E", "chip")], [[text] * 4], ids=[text]),
        m.track([m.Stop(name=text, at=text, note=text, word=text, href=text)]),
        m.log([(text, text, [m.Entry(at=text, utc=text, kind=text, text=text, people=(text,))])]),
        m.figure("<svg><path/></svg>", text, text, m.table(text, [("a", "head")], [[text]]), figure_id=text),
        m.columns(text, m.status(text)),
        m.panels([(text, text, "<svg>\n\n</svg>")]),
        t.Html(f"<div>{m.preformatted(text)}</div>"),
        t.Html(f"<div>{m.limit_used(0.5, text)}</div>"),
    ]


def inline(text: str) -> list[t.Html]:
    return [
        m.status(f"W {text}"),
        m.chip(text, text, text),
        m.figure_value(1.5, text, text, text, [text]),
        m.moment(text, text),
    ]


def check_harmless(page: str) -> Reader:
    reader = Reader(page)
    assert set(reader.tags) <= SAFE_TAGS
    for name, value in reader.attributes:
        assert not name.startswith("on")
        assert name not in ("style", "src", "srcdoc", "formaction")
        assert name != "href" or not (value or "").lower().startswith(("javascript", "data"))
    return reader


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_is_inert_in_every_block_and_after_markdown(payload: str) -> None:
    for block in everything(payload):
        assert "\n\n" not in block
        for page in (block, markdown(block, extensions=["tables", "attr_list"])):
            reader = check_harmless(page)
        assert Reader(block).tags == reader.tags


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_stays_itself_in_a_markdown_paragraph(payload: str) -> None:
    literal = t.plain(payload)

    assert Reader(markdown(t.inert(payload), extensions=["tables", "attr_list"])).text.strip() == literal.strip()
    for piece in inline(payload):
        reader = check_harmless(markdown(f"Before {piece} after", extensions=["tables", "attr_list"]))
        assert literal.strip() in reader.text


@pytest.mark.parametrize("payload", HOSTILE)
def test_front_matter_gives_back_an_escaped_title(payload: str) -> None:
    read = yaml.safe_load(t.front_matter(payload, payload, hide=["toc"]).strip("-\n"))

    assert Reader(read["title"]).tags == []
    assert Reader(read["title"]).text == Reader(read["description"]).text == t.plain(payload)
    assert read["hide"] == ["toc"]


@pytest.mark.parametrize("payload", HOSTILE)
def test_written_markdown_cannot_carry_markup(payload: str) -> None:
    check_harmless(t.written(payload))


@pytest.mark.parametrize("payload", HOSTILE)
def test_what_a_cell_shows_as_html_can_neither_run_nor_load(payload: str) -> None:
    block = t.cleaned(
        f"<table onclick='x'><tr><td style='x' rowspan='2'>{payload}</td></tr></table><img src='http://x/y'>"
    )

    check_harmless(block)
    assert "<img" not in block
    assert "\n\n" not in block


def test_a_frame_shown_by_a_cell_keeps_its_table() -> None:
    block = t.cleaned('<style>td{color:red}</style><table class="dataframe"><tr><th scope="col">a</th></tr></table>')

    assert block == ('<div class="db-foreign">\n<table><tbody><tr><th scope="col">a</th></tr></tbody></table>\n</div>')


def test_written_markdown_keeps_its_form() -> None:
    block = t.written(
        "# Lessons\n\n- **Ramp** took {p50}\n- see [runbook](https://example.org/x)\n\n```\na\n\nb\n```",
        {"{p50}": m.figure_value(58.4, "58.4 ms", "parser_p50")},
    )

    assert "<h3>Lessons</h3>" in block
    assert '<strong>Ramp</strong> took <data class="db-figure-value" value="58.4"' in block
    assert '<a href="https://example.org/x" rel="noopener">runbook</a>' in block
    assert "a&#10;&#10;b" in block
    assert "\n\n" not in block


def test_a_figure_cannot_be_inserted_into_an_address() -> None:
    block = t.written("[x]({p50})", {"{p50}": m.figure_value(1, "1", "p")})

    assert "<data" not in block


def test_prose_keeps_code_and_figures_and_nothing_else() -> None:
    line = t.prose("event `LD-88721` took {p50}, **not bold**", {"{p50}": t.Html("<data>58.4 ms</data>")})

    assert line == "event <code>LD-88721</code> took <data>58.4 ms</data>, **not bold**"


def test_direction_and_control_characters_become_visible() -> None:
    assert t.escape("a\u202eb\x07\ud800\u202fms") == "a\ufffdb\u2407\ufffd\u202fms"


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Pass", "pass"), ("Watch", "watch"), ("Breach", "breach"), ("Unclear", "unclear"), ("No data", "no-data"),
        ("Pending", "pending"), ("Not produced", "not-produced"), ("Not applicable", "not-applicable"),
        ("YELLOW", "watch"), ("signed off", "pass"), ("Red", "breach"), ("Done", "pass"), ("In progress", "pending"), ("Slides ready", "noted"),
    ],
)  # fmt: skip
def test_each_word_has_its_shape(word: str, kind: str) -> None:
    mark = m.status(word)

    assert f"db-{kind}" in mark
    assert m.SHAPES[kind] in mark
    assert Reader(mark).text == word[0].upper() + word[1:].lower()


def test_the_verdict_reads_as_one_phrase() -> None:
    block = m.verdict_block("Pass", "Live at 100 %.", modifier="so far")

    assert ">Pass so far</p>" in block
    assert "db-verdict-number" not in block


def test_a_table_names_rows_columns_and_cells() -> None:
    columns = [("Metric", "head"), ("Value", "number"), ("Status", "status"), ("Evidence", "chip")]
    block = m.table(
        "Metrics", columns, [["p50", "58.4 ms", "Pass", m.chip("E-03", "e.html#E-03")]], ["m-p50"], zone="PT"
    )

    assert "<caption>Metrics (PT)</caption>" in block
    assert '<th scope="col" class="db-c-number">Value</th>' in block
    assert (
        '<tr id="m-p50"><th scope="row" class="db-short">p50</th><td class="db-c-number" data-label="Value">58.4 ms</td>'
        in block
    )
    assert '<a class="db-chip" href="e.html#E-03" aria-label="Evidence E-03">E-03</a>' in block


def test_a_column_that_is_empty_in_every_row_is_left_out() -> None:
    columns = [("Metric", "head"), ("Baseline", "number"), ("Service", "text"), ("Status", "status")]
    block = m.table("t", columns, [["p50", "—", "", "Pass"], ["p95", "—", "cli", "Pass"]])

    assert "Baseline" not in block
    assert block.count('data-label="Service"') == 2


def test_an_id_does_not_break_at_its_hyphen_and_a_title_may() -> None:
    block = m.table("t", [("Id", "head")], [["AI-W3D3-01"], ["CLI latency p95"]])

    assert '<th scope="row" class="db-short">AI-W3D3-01</th>' in block
    assert '<th scope="row">CLI latency p95</th>' in block


def test_a_row_with_a_cell_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        m.table("t", [("a", "head"), ("b", "text")], [["only one"]])


def test_a_figure_carries_its_unrounded_value() -> None:
    piece = m.figure_value(58.39812, "58.4 ms", "f-1", "e.html#E-03", ["58.39812 ms", "360 of 360 samples"])

    assert 'value="58.39812" data-figure="f-1"' in piece
    assert "<i>360 of 360 samples</i>" in piece
    assert 'value=""' in m.figure_value(None, "no data", "f-2")


def test_the_limit_bar_stops_at_the_limit_and_says_more() -> None:
    assert 'width="75.6"' in m.limit_used(0.9, "6.6 ms left")
    over = m.limit_used(1.2, "13 ms over")
    assert 'width="84.0"' in over
    assert "120 % · 13 ms over" in over
    assert m.limit_used(None) == "—"


def test_the_log_counts_kinds_and_hides_its_filter_until_the_script_wakes_it() -> None:
    entries = [
        m.Entry(at="14:00:00", utc="2025-01-22T22:00:00Z", kind="flag", text="25 %", people=("Oliver",), key=True),
        m.Entry(at="14:01:00", utc="2025-01-22T22:01:00Z", kind="flag", text="75 %"),
        m.Entry(at="14:09:45", utc="2025-01-22T22:09:45Z", kind="decision", text="go on"),
    ]  # fmt: skip
    block = m.log([("Ramp", "14:00–14:06 PT", entries[:2]), ("First validation", "", entries[2:])])

    assert 'aria-label="Filter the log" hidden>' in block
    assert "Flag <b>2</b>" in block
    assert "Key moments <b>1</b>" in block
    assert "<p>14:00–14:06 PT · <b>2 entries</b></p>" in block
    assert block.count("<li") == 3
    assert 'datetime="2025-01-22T22:00:00Z" title="2025-01-22 22:00:00 UTC"' in block


def test_a_link_leads_only_to_http_mail_or_a_relative_address() -> None:
    assert m.link("x", "javascript:alert(1)") == "x"
    assert m.link("x", " data:text/html,x") == "x"
    assert m.link("x", "../a.html#E-1") == '<a href="../a.html#E-1">x</a>'
    assert m.link("x", "https://example.org/?a=1&b=2") == '<a href="https://example.org/?a=1&amp;b=2">x</a>'


def test_a_slug_is_a_safe_file_name() -> None:
    assert t.slug("CHG-2025-0121") == "chg-2025-0121"
    assert t.slug("../../etc/passwd") == "etc-passwd"
    assert t.slug("«»") == "none"

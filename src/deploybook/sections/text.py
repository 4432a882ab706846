"""
What people wrote, made safe to print: in HTML, in Markdown, in an attribute, in front matter.

A plain `str` is text and is escaped wherever it goes; an `Html` is markup made here or in `markup` and passes.
"""

from __future__ import annotations

import html as _html
import json
import re
from collections.abc import Callable, Iterable, Mapping


class Html(str):
    """Markup made here or in `markup`. Adding a plain string to it gives a plain string, which is escaped when next used."""

    __slots__ = ()


_HIDDEN = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"}
_HIDDEN |= dict.fromkeys((*range(127, 160), *range(8234, 8239), *range(8294, 8298), 65279), 65533)
_SURROGATES = re.compile("[\ud800-\udfff]")
_BREAKS = re.compile("[ \t\n\r\u2028\u2029]+")
# What Markdown would read: its signs anywhere, and at the start of a line what opens a heading, a list or a rule.
_MARKDOWN = re.compile(
    r"""[\\`*_{}\[\]<>|~^&$"']|^[#=:]|^[-+](?=[-+\s]|$)|(?<=^\d)[.)](?=\s|$)|(?<=^\d\d)[.)](?=\s|$)"""
)


def visible(text: object) -> str:
    """The text with control and direction characters, which could hide or reorder it, made visible."""
    return _SURROGATES.sub("\ufffd", str(text)).translate(_HIDDEN)


def plain(text: object) -> str:
    """The visible text on one line. Typographic spaces stay."""
    return _BREAKS.sub(" ", visible(text))


def escape(text: object) -> Html:
    """Text as HTML, for use inside a block. Html passes unchanged."""
    return text if isinstance(text, Html) else Html(_html.escape(plain(text)))


def inert(text: object) -> Html:
    """Text that neither Markdown nor HTML can read as anything else, for a Markdown paragraph, heading or list."""
    if isinstance(text, Html):
        return text
    return Html(_MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", plain(text)))


def attribute(text: object) -> str:
    """Text inside an attribute's quotes: what Markdown reads before it finds the tag is escaped too."""
    return re.sub(r"[\\`\[\]!]", lambda found: f"&#{ord(found[0])};", _html.escape(plain(text)))


def join(parts: Iterable[object], between: str = "") -> Html:
    return Html(between.join(escape(part) for part in parts))


def fill(template: str, **values: object) -> Html:
    """The template with its {names} replaced by escaped values."""
    return Html(template.format(**{name: escape(value) for name, value in values.items()}))


def code(text: object) -> Html:
    """The text as code; nothing for nothing."""
    return fill("<code>{text}</code>", text=text) if text else Html()


def prose(text: str, insert: Mapping[str, Html] | None = None) -> Html:
    """One line written by a person: `code` spans are kept, all else is text. `insert` maps a literal to its markup."""
    insert = dict(insert or {})
    known = "|".join(re.escape(key) for key in sorted(insert, key=len, reverse=True))
    pattern = re.compile(rf"(`[^`]+`{'|' + known if known else ''})")
    parts = pattern.split(plain(text))
    return join(insert[p] if p in insert else code(p.strip("`")) if i % 2 else p for i, p in enumerate(parts))


_TAGS = "p ul ol li strong em code pre a blockquote table thead tbody tr th td h3 h4 h5 h6 br hr del"


def written(text: str, insert: Mapping[str, Html] | None = None) -> Html:
    """
    Markdown written by a person, as one cleaned block. Raw HTML in it is shown as text, links lead to http(s), mail or
    a relative address, images are dropped, headings start at the third level. `insert` as in `prose`.
    """
    from markdown import Markdown

    reader = Markdown(extensions=["tables", "fenced_code", "sane_lists"])
    reader.preprocessors.deregister("html_block")
    reader.inlinePatterns.deregister("html")
    tokens = {key: f"dbinsert{number}x" for number, key in enumerate(insert or {})}
    text = visible(text).replace("dbinsert", "db-insert")
    for key, token in tokens.items():
        text = text.replace(key, token)
    body = re.sub(r"<(/?)h([12])\b", lambda found: f"<{found[1]}h{int(found[2]) + 2}", reader.convert(text))
    body = _clean(body, _TAGS, {}, lambda _tag, _name, value: None if "dbinsert" in value else value)
    for key, markup in (insert or {}).items():
        body = body.replace(tokens[key], markup)
    return Html(f'<div class="db-prose">\n{squeeze(body)}\n</div>')


_CELL = "caption thead tfoot tbody table tr th td p br hr pre code b i em strong small sub sup ul ol li dl dt dd h4 h5 h6 div span a"


def cleaned(markup: str) -> Html:
    """HTML that a notebook cell made (a frame, a styled table) as one block, without what could run, load or restyle."""
    kept = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}}
    return Html(f'<div class="db-foreign">\n{squeeze(_clean(visible(markup), _CELL, kept))}\n</div>')


def _clean(
    body: str, tags: str, attributes: dict[str, set[str]], keep: Callable[[str, str, str], str | None] | None = None
) -> str:
    """The HTML with these tags and attributes alone; links lead to http(s), mail or a relative address."""
    import nh3

    body = nh3.clean(
        body,
        tags=set(tags.split()),
        attributes={"a": {"href"}, **attributes},
        attribute_filter=keep,
        link_rel="noopener",
        url_schemes={"http", "https", "mailto"},
    )
    return re.sub(r"(?s)<pre>.*?</pre>", lambda found: found[0].replace("\n", "&#10;"), body)


def squeeze(markup: str) -> str:
    """The markup without blank lines and without spaces at the start of a line (Markdown would see code)."""
    return "\n".join(line.strip() for line in markup.splitlines() if line.strip())


def slug(text: object) -> str:
    """A file name or fragment out of any text: lower-case ASCII letters, digits and hyphens, at most 80."""
    return re.sub(r"[^a-z0-9]+", "-", plain(text).lower()).strip("-")[:80].strip("-") or "none"


def front_matter(title: str, description: str = "", **keys: object) -> str:
    """YAML front matter. The theme prints title and description unescaped, so they are escaped here."""
    fields: dict[str, object] = {"title": escape(title)}
    fields |= {"description": escape(description)} if description else {}
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in (fields | keys).items())
    return "\n".join(["---", *lines, "---", ""])


def heading(text: str, level: int = 2) -> str:
    """A Markdown heading (the theme's contents list sees no other)."""
    return f"{'#' * level} {inert(text)}"

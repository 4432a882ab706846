"""Text of others made inert: one line, nothing that cannot be seen, cut with a mark, no mention, no link, no markup."""

from __future__ import annotations

import re

JOINER = "\N{WORD JOINER}"  # takes no room; breaks what a chat would read as a mention or a link
LONGEST = 300


def plain(text: str, longest: int = LONGEST) -> str:
    """On one line, printable, cut with a mark that says how long it was."""
    words = " ".join(text.split())
    line = "".join(sign for sign in words if sign.isprintable())
    return line if len(line) <= longest else f"{line[:longest].rstrip()} … [cut, {len(text):,} characters]"


def chat(text: str, longest: int = LONGEST) -> str:
    """
    For chats, whatever markup they know: '@here', '<!channel>', '[x](y)', an address and code stay text.

    Slack wants & < > escaped besides; see `slack`.
    """
    return re.sub(r"(?<=@)(?=\w)|(?<=<)(?=[!@#])|(?<=\])(?=\()|(?<=:)(?=//)|(?<=`)(?=`)", JOINER, plain(text, longest))


def markdown(text: str, longest: int = LONGEST) -> str:
    """As for chats, and every sign that Markdown or HTML reads is escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", chat(text, longest))


def slack(text: str, longest: int = LONGEST) -> str:
    """https://api.slack.com/reference/surfaces/formatting#escaping"""
    return chat(text, longest).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

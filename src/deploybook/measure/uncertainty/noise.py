"""
The noise of a correlated series: how far the mean of a window may lie from what a longer window would have shown.

Samples 15 s apart are not independent. The long-run variance (variance of a sum, per sample) is estimated three ways,
and the largest is taken, because each is blind to something (measured, see docs/explanation/verdicts.md):
AR(1) from the lag-1 autocorrelation with its small-sample correction (Marriott and Pope 1954), Geyer's initial
positive sequence (Geyer 1992, section 3.3), and the means of 8 batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ...model import Estimate, Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ENOUGH = 10.0  # effective samples in a window below which nothing is claimed from the window alone
ENOUGH_HISTORY = 30.0  # effective samples from which a longer stretch of the series is trusted instead
BATCHES = 8
DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Noise:
    """
    What is known of a series' noise. step: seconds of one sample. variance: of one sample (lag 0).
    long_run: variance of a sum of many samples, per sample. effective: independent samples that these are worth.
    """

    step: float
    variance: float
    long_run: float
    effective: float

    @property
    def memory(self) -> float:
        """How many samples count as one: long-run over plain variance, 1 for independent samples."""
        return self.long_run / self.variance if self.variance > 0 else 1.0


@dataclass(frozen=True, kw_only=True)
class Figure:
    """
    A statistic of one window, with its doubt. error: standard error of its logarithm (`log`) or of the value itself.
    effective: effective samples. df: degrees of freedom of the error. blocked: why there is no interval, '' if there is.
    """

    value: float
    error: float = math.nan
    effective: float = 0.0
    df: float = 1.0
    seconds: float = 0.0
    log: bool = True
    blocked: str = ""


def even(residuals: Array, seconds: Array, step: float) -> Array:
    """
    Residuals summed to stretches of at least `step` seconds, each scaled to exactly one step.

    The variance of a sum grows with its length, so a stretch of another length is scaled by the root of it: rows of
    15 s and 60 s, or an increment across a gap, each weigh by their length.
    """
    import numpy as np

    if len(seconds) and seconds.min() < step * 0.999:
        ends = np.cumsum(seconds)
        group = np.ceil(ends / step - 1e-6).astype(np.int64)
        starts = np.flatnonzero(np.diff(group, prepend=group[:1] - 1))
        residuals, seconds = np.add.reduceat(residuals, starts), np.add.reduceat(seconds, starts)
    return residuals / np.sqrt(seconds / step)


def typical_step(seconds: Array) -> float:
    """The length that half of the time consists of, at most: a few short or very long increments do not move it."""
    import numpy as np

    order = np.sort(seconds)
    return float(order[np.searchsorted(np.cumsum(order), order.sum() / 2)])


def noise_of(samples: Array, step: float) -> Noise:
    """The noise of an even series: (n,) samples, one each `step` seconds; its own mean is taken off first."""
    import numpy as np

    n = len(samples)
    u = samples - samples.mean()
    plain = float(u @ u) / n if n else 0.0
    if n < 4 or plain <= 0:
        return Noise(step=step, variance=plain, long_run=plain, effective=float(n))
    gamma = autocovariance(u)
    largest = max(by_autoregression(gamma, n), by_geyer(gamma, n), by_batches(u), plain)
    # The sample variance misses the variance of the mean itself (its bias is long-run over n).
    variance = min(largest, plain + largest / n)
    effective = float(np.clip(n * variance / largest, 1.0, n))
    return Noise(step=step, variance=variance, long_run=largest, effective=effective)


def autocovariance(u: Array) -> Array:
    """Autocovariances of lag 0 to n-1, each divided by n, by one Fourier transform."""
    import numpy as np

    size = 1 << (2 * len(u) - 1).bit_length()
    spectrum = np.fft.rfft(u, size)
    lags: Array = np.fft.irfft(spectrum * np.conj(spectrum), size)[: len(u)] / len(u)
    return lags


def by_autoregression(gamma: Array, n: int) -> float:
    """Long-run variance if the series were AR(1); the lag-1 correlation read from n samples is too low by (1+4r)/n."""
    raw = float(gamma[1] / gamma[0])
    r = min(max((n * raw + 1) / (n - 4) if n > 8 else raw, 0.0), 0.99)
    inflation = (1 + r) / (1 - r)
    return float(gamma[0]) * inflation / max(1 - inflation / n, 0.25)


def by_geyer(gamma: Array, n: int) -> float:
    """Long-run variance from pairs of neighbouring autocovariances, summed as long as they are positive."""
    import numpy as np

    pairs = gamma[: n - n % 2].reshape(-1, 2).sum(axis=1)
    stop = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    used = max(4 * stop - 1, 1)
    return float(2 * pairs[:stop].sum() - gamma[0]) / max(1 - used / n, 0.5)


def by_batches(u: Array) -> float:
    """Long-run variance from the spread of the means of 8 batches; the oldest samples that do not fit are left out."""
    size = len(u) // BATCHES
    if size < 1:
        return 0.0
    means = u[len(u) - BATCHES * size :].reshape(BATCHES, size).mean(axis=1)
    return float(means.var(ddof=1)) * size


def settled(samples: Array, step: float) -> Array:
    """
    A long stretch without what the clock does to it: its level, trend and the daily and half-daily wave.

    The windows that are compared lie at the same local time, so these cancel there and are no noise.
    """
    import numpy as np

    n = len(samples)
    t = np.arange(n) * step
    columns = [np.ones(n), t / (t[-1] or 1.0)]
    if n * step > DAY / 4:
        columns += [wave(2 * math.pi * k * t / DAY) for k in (1, 2) for wave in (np.cos, np.sin)]
    basis = np.column_stack(columns)
    rest: Array = samples - basis @ np.linalg.lstsq(basis, samples, rcond=None)[0]
    return rest


def error_of_mean(
    residuals: Array, seconds: Array, history: tuple[Array, Array] | None = None
) -> tuple[float, float, float]:
    """
    (standard error of sum(residuals) / sum(seconds), effective samples, degrees of freedom).

    residuals: (n,) what each increment adds to a sum that is 0 over the window. seconds: (n,) their lengths.
    history: the same of a longer stretch; where it is worth 30 effective samples, noise and memory come from there,
    the noise raised where the window's own is larger.
    """
    import numpy as np

    total = float(seconds.sum())
    step = typical_step(seconds)
    if history is not None and len(history[0]) > len(residuals):
        common = max(step, typical_step(history[1]))
        known = noise_of(settled(even(*history, common), common), common)
        if known.effective >= ENOUGH_HISTORY:
            samples = even(residuals, seconds, common)
            here = Noise(step=common, variance=float(np.mean(samples**2)), long_run=0.0, effective=0.0)
            n = len(samples)
            louder = max(1.0, (20 + n * here.variance / known.variance) / (20 + n)) if known.variance else 1.0
            long_run = known.long_run * louder
            return (
                math.sqrt(long_run * total / common) / total,
                n / known.memory,
                max(known.effective - 6, 1.0),
            )
    known = noise_of(even(residuals, seconds, step), step)
    return math.sqrt(known.long_run * total / step) / total, known.effective, max(known.effective - 1, 1.0)


def t_value(confidence: float, df: float) -> float:
    """The two-sided quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(max(df, 1.0), 0.5 + confidence / 2))


def ratio_of(now: Figure, base: Figure, *, method: str) -> Estimate:
    """now / base - 1 with its intervals: t on the logarithm, Welch's degrees of freedom on the effective samples."""
    effective = (now.effective, base.effective)
    value = now.value / base.value - 1 if base.value else math.nan
    blocked = blocked_of(now, base)
    if not math.isfinite(value) or now.value <= 0 or base.value <= 0:
        blocked = blocked or "a change against zero is undefined"
    if blocked:
        return Estimate(
            value=value, scale="relative", effective=effective, method=method, blocked=blocked, needed=wait(now, base)
        )
    error, df = combined(now, base)
    middle = math.log(now.value / base.value)

    def interval(confidence: float) -> Interval:
        half = t_value(confidence, df) * error
        return Interval(low=math.expm1(middle - half), high=math.expm1(middle + half))

    return Estimate(
        value=value, scale="relative", at90=interval(0.90), at95=interval(0.95), effective=effective, method=method
    )


def difference_of(now: Figure, base: Figure, *, method: str, scale: float = 1.0) -> Estimate:
    """now - base in the value's own unit, times `scale`."""
    effective = (now.effective, base.effective)
    value = (now.value - base.value) * scale
    if blocked := blocked_of(now, base):
        return Estimate(
            value=value, scale="value", effective=effective, method=method, blocked=blocked, needed=wait(now, base)
        )
    error, df = combined(now, base)

    def interval(confidence: float) -> Interval:
        half = t_value(confidence, df) * error * abs(scale)
        return Interval(low=value - half, high=value + half)

    return Estimate(
        value=value, scale="value", at90=interval(0.90), at95=interval(0.95), effective=effective, method=method
    )


def own_of(figure: Figure, *, method: str, scale: float = 1.0) -> Estimate:
    """A figure on its own, in its unit times `scale`."""
    value = figure.value * scale
    if figure.blocked:
        return Estimate(
            value=value,
            scale="value",
            effective=(figure.effective, None),
            method=method,
            blocked=figure.blocked,
            needed=wait(figure),
        )

    def interval(confidence: float) -> Interval:
        half = t_value(confidence, figure.df) * figure.error
        if figure.log:
            return Interval(low=value * math.exp(-half), high=value * math.exp(half))
        return Interval(low=value - half * abs(scale), high=value + half * abs(scale))

    return Estimate(
        value=value,
        scale="value",
        at90=interval(0.90),
        at95=interval(0.95),
        effective=(figure.effective, None),
        method=method,
    )


def combined(now: Figure, base: Figure) -> tuple[float, float]:
    """The error of a difference and Welch's degrees of freedom."""
    a, b = now.error**2, base.error**2
    if a + b <= 0:
        return 0.0, now.df + base.df
    return math.sqrt(a + b), (a + b) ** 2 / (a**2 / now.df + b**2 / base.df)


def blocked_of(now: Figure, base: Figure) -> str:
    if now.blocked and base.blocked:
        return now.blocked
    return now.blocked or (f"{base.blocked} in the baseline" if base.blocked else "")


def wait(*figures: Figure) -> timedelta | None:
    """How long the windows would have to be for enough effective samples in each; None where that cannot be told."""
    lengths = [
        figure.seconds * ENOUGH / figure.effective
        for figure in figures
        if 0 < figure.effective < ENOUGH and figure.seconds
    ]
    return timedelta(seconds=round(max(lengths))) if lengths else None


def few(effective: float) -> str:
    """Why nothing is claimed: '4 effective samples'; '' where there are enough."""
    return "" if effective >= ENOUGH else f"only {effective:.0f} effective samples"

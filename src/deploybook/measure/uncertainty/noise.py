"""
The noise of a correlated series: how far the mean of a window may lie from what a much longer one would have shown.

Samples 15 s apart are not independent. The long-run variance (of a sum, per sample) is estimated four ways and the
largest is taken, because each is blind to something (measured in the manual, "Verdicts"): AR(1) from the lag-1
autocorrelation with its small-sample correction (Marriott and Pope 1954), Geyer's initial positive sequence (Geyer 1992,
section 3.3), the means of 8 batches, and AR(1) under white noise, which is what requests drawn at a drifting level are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BATCHES = 8
DAY = 86400.0
ENOUGH_HISTORY = 30.0  # effective samples from which a longer stretch of the series is trusted
TRUSTED = 20.0  # rows of a window that weigh as much as what the longer stretch says about its spread


@dataclass(frozen=True, kw_only=True)
class Noise:
    """
    Of an even series. variance: of one sample. long_run: of a sum of many, per sample. effective: how many independent
    samples it is worth. memory: how many of its samples count as one.
    """

    variance: float
    long_run: float
    effective: float

    @property
    def memory(self) -> float:
        return self.long_run / self.variance if self.variance > 0 else 1.0


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Of a mean. error: its standard error. effective: effective samples. df: degrees of freedom of the error."""

    error: float
    effective: float
    df: float
    from_history: bool = False


def doubt_of(residuals: Array, seconds: Array, history: tuple[Array, Array] | None = None) -> Doubt:
    """
    How sure sum(residuals) / sum(seconds) is, where the residuals of a window sum to 0.

    residuals: (n,) what each increment adds. seconds: (n,) their lengths. history: the same of a longer stretch; where it
    is worth 30 effective samples, noise and memory come from there, raised where the window itself is noisier.
    """
    total, step = float(seconds.sum()), typical_step(seconds)
    own = even(residuals, seconds, step)
    if history is not None and len(history[0]) > len(residuals):
        common = max(step, typical_step(history[1]))
        known = noise_of(settled(even(*history, common), common))
        if known.effective >= ENOUGH_HISTORY:
            here = even(residuals, seconds, common)
            spread = float(here @ here) / known.variance if known.variance > 0 else 0.0
            long_run = known.long_run * max(1.0, (TRUSTED + spread) / (TRUSTED + len(here)))
            error = math.sqrt(long_run * total / common) / total
            effective = float(own @ own) / (long_run * step / common) if long_run > 0 else len(own)
            return Doubt(error=error, effective=min(effective, len(own)), df=known.effective - 6, from_history=True)
    alone = noise_of(own)
    error = math.sqrt(alone.long_run * total / step) / total
    return Doubt(error=error, effective=alone.effective, df=max(alone.effective - 1, 1.0))


def typical_step(seconds: Array) -> float:
    """The length that half of the time is made of, at most: a few short or very long increments do not move it."""
    order = np.sort(seconds)
    return float(order[np.searchsorted(np.cumsum(order), order.sum() / 2)])


def even(residuals: Array, seconds: Array, step: float) -> Array:
    """
    Residuals summed to stretches of at least `step` seconds, each scaled to exactly one step.

    The variance of a sum grows with its length, so a stretch of another length is scaled by the root: rows of 15 s and
    60 s, or an increment across a gap, each weigh by their length.
    """
    if seconds.min() < step * 0.999:
        group = np.ceil(np.cumsum(seconds) / step - 1e-6)
        starts = np.flatnonzero(np.diff(group, prepend=-1.0))
        residuals, seconds = np.add.reduceat(residuals, starts), np.add.reduceat(seconds, starts)
    return residuals / np.sqrt(seconds / step)


def noise_of(samples: Array) -> Noise:
    """The noise of an even series of (n,) samples; its own mean is taken off first."""
    n = len(samples)
    u = samples - samples.mean()
    plain = float(u @ u) / n
    if n < 4 or plain <= 0:
        return Noise(variance=plain, long_run=plain, effective=float(n))
    gamma = autocovariance(u)
    long_run = max(by_autoregression(gamma), by_geyer(gamma), by_batches(u), plain)
    long_run = max(long_run, by_hidden_level(gamma, long_run))
    # The sample variance misses the variance of the mean that was taken off.
    variance = min(long_run, plain + long_run / n)
    return Noise(variance=variance, long_run=long_run, effective=max(1.0, n * variance / long_run))


def autocovariance(u: Array) -> Array:
    """Autocovariances of lag 0 to n-1, each divided by n, by one Fourier transform."""
    size = 1 << (2 * len(u) - 1).bit_length()
    spectrum = np.fft.rfft(u, size)
    lags: Array = np.fft.irfft(spectrum * np.conj(spectrum), size)[: len(u)] / len(u)
    return lags


def by_autoregression(gamma: Array) -> float:
    """Long-run variance if the series were AR(1); the lag-1 correlation read from n samples is too low by (1+4r)/n."""
    n, raw = len(gamma), float(gamma[1] / gamma[0])
    r = min(max((n * raw + 1) / (n - 4) if n > 8 else raw, 0.0), 0.99)
    inflation = (1 + r) / (1 - r)
    return float(gamma[0]) * inflation / max(1 - inflation / n, 0.25)


def by_geyer(gamma: Array) -> float:
    """Long-run variance from pairs of neighbouring autocovariances, summed as long as they are positive."""
    n = len(gamma)
    pairs = gamma[: n - n % 2].reshape(-1, 2).sum(axis=1)
    stop = int((pairs <= 0).argmax()) if (pairs <= 0).any() else len(pairs)
    used = max(4 * stop - 1, 1)
    return float(2 * pairs[:stop].sum() - gamma[0]) / max(1 - used / n, 0.5)


def by_hidden_level(gamma: Array, long_run: float) -> float:
    """
    Long-run variance if white noise lay over an AR(1) level: its correlation shows in how lag 1 falls to lags 2 and 3, not
    in lag 1 itself. 0 where lag 1 is no more than chance. long_run: the estimate so far; each lag is too low by it over n.
    """
    n = len(gamma)
    lag0, lag1, lag2, lag3 = (gamma[:4] + long_run / n).tolist()
    if n < 2 * BATCHES or lag1 <= 2 / math.sqrt(n) * lag0 or lag2 + lag3 <= 0:
        return 0.0
    r = min((lag2 + lag3) / (lag1 + lag2), 0.97)
    return float(lag0 + 2 * lag1 / (1 - r))


def by_batches(u: Array) -> float:
    """Long-run variance from the spread of the means of 8 batches; the oldest samples that do not fit are left out."""
    size = len(u) // BATCHES
    if not size:
        return 0.0
    means = u[len(u) - BATCHES * size :].reshape(BATCHES, size).mean(axis=1)
    return float(means.var(ddof=1)) * size


def settled(samples: Array, step: float) -> Array:
    """
    A long stretch without what the clock does to it: level, trend, the daily and the half-daily wave.

    The windows that are compared lie at the same local time, so these cancel between them and are no noise.
    """
    t = np.arange(len(samples)) * step
    columns = [np.ones(len(t)), t]
    if len(t) * step > DAY / 4:
        columns += [wave(2 * math.pi * k * t / DAY) for k in (1, 2) for wave in (np.cos, np.sin)]
    basis = np.column_stack(columns)
    rest: Array = samples - basis @ np.linalg.lstsq(basis, samples, rcond=None)[0]
    return rest

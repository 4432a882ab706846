"""How sure a figure is: an interval for each kind of metric, from one window, from two, or from many earlier ones."""

from __future__ import annotations

from .counts import change_of_count, change_of_ratio, own_count, own_ratio
from .means import change_from_history, change_of_gauge, change_of_mean, own_gauge, own_mean
from .quantiles import change_of_quantile, own_quantile

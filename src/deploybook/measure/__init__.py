"""Arithmetic on samples: one figure of a metric over a window, two of them compared, and what was not seen."""

from __future__ import annotations

from .compare import compare, earlier, measure, path, splits
from .coverage import gaps, resets
from .grid import increments, worst_hour
from .ground import samples_of
from .selected import select
from .uncertainty import change_from_history

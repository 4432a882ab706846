"""What every test may use: the reference scenario where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("DEPLOYBOOK_SHARED") or ROOT.parent / "shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the reference scenario, the vectors and the real series; skips where it is absent."""
    if not (SHARED / "scenario" / "expected.json").is_file():
        pytest.skip("the reference scenario is not beside this checkout (set DEPLOYBOOK_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of this repository."""
    return ROOT

"""What every test may use: the reference scenario where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from deploybook.model import Data, Deployment

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


@pytest.fixture(scope="session")
def exports(shared: Path) -> Data:
    """The samples of the reference deployment."""
    from build import reference_data
    from scenarios import EVERYTHING

    return reference_data(shared, names=EVERYTHING)


@pytest.fixture(scope="session")
def deployment(root: Path) -> Deployment:
    """The reference deployment itself."""
    from scenarios import reference_deployment

    return reference_deployment(root)

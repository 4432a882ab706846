"""What a kernel may see of the world: an allow-listed environment without credentials, and a directory of its own."""

from __future__ import annotations

import os
import site
from collections.abc import Mapping
from pathlib import Path

__all__ = ["OWN", "kernel_environment"]

PASSED = ("PATH", "PYTHONPATH", "SOURCE_DATE_EPOCH", "DEPLOYBOOK_WORKSPACE")
OWN = ("HOME", "TMPDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR")  # each a run's own directory
FIXED = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    # One thread: a fork is safe only without threads, and sums come out the same on any number of cores.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def kernel_environment(directory: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    The whole environment of a kernel whose home and temporary directory is `directory`.

    Nothing is inherited but PASSED, so that no credential of the caller can reach a cell. `extra` is added as given.
    """
    environment = {name: os.environ[name] for name in PASSED if name in os.environ} | FIXED
    environment |= {name: str(directory) for name in OWN}
    environment["MPLCONFIGDIR"] = str(_font_cache())
    environment["JUPYTER_PATH"] = str(Path.home() / ".local" / "share" / "jupyter")
    if site.ENABLE_USER_SITE:
        environment["PYTHONUSERBASE"] = site.getuserbase()
    package = Path(__file__).parents[2]
    if package.name != "site-packages":  # run from a checkout: the kernel must find the same package
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(package), environment.get("PYTHONPATH"))))
    return environment | dict(extra or {})


def _font_cache() -> Path:
    """Where matplotlib keeps its list of fonts: shared by all runs, for building it takes longer than a report."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "deploybook" / "matplotlib"

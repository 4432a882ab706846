"""
Notebooks on a Dask cluster that is there already, in place of this machine (extra `dask`).

Its workers have this package and see the workspace at the same path. What a notebook shows comes back over the network,
and pages, evidence and judgement are made here. A run whose worker is lost starts again on another.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploybook.errors import DeploybookError, UsageProblem

from .notebook import store
from .record import RunResult, Status

__all__ = ["on_cluster"]


def on_cluster(address: str) -> tuple[Callable[..., RunResult], int]:
    """What runs a notebook as `execute` does, and how many the cluster runs at once. address: tcp://host:port."""
    try:
        from distributed import Client
    except ImportError:
        raise UsageProblem("--scheduler needs Dask; install it with: pip install 'deploybook[dask]'") from None
    try:
        client: Any = Client(address, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise DeploybookError(f"--scheduler: no Dask scheduler answers at {address} ({error})") from None

    def execute(
        notebook: Path, output: Path, parameters: Mapping[str, Any], *, cancel: threading.Event, **more: Any
    ) -> RunResult:
        future = client.submit(run_there, notebook, output.name, dict(parameters), more, pure=False)
        while not future.done():
            if cancel.wait(0.05):
                future.cancel()
                return RunResult(status=Status.CANCELLED, reason="cancelled", notebook=output, digest="")
        if (error := future.exception()) is not None:
            if isinstance(error, DeploybookError):
                raise error
            return RunResult(
                status=Status.KILLED, reason=f"no worker could run it ({error})", notebook=output, digest=""
            )
        result: RunResult
        result, content = future.result()
        store(content, output)
        return replace(result, notebook=output)

    return execute, max(1, sum(client.nthreads().values()))


def run_there(
    notebook: Path, name: str, parameters: Mapping[str, Any], more: Mapping[str, Any]
) -> tuple[RunResult, bytes]:
    """On a worker: the result, and the executed notebook's bytes."""
    from . import execute

    with tempfile.TemporaryDirectory(prefix="db-") as folder:
        result = execute(notebook, Path(folder, name), parameters, **more)
        return result, result.notebook.read_bytes()

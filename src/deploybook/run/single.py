"""One prepared notebook from its start to its outcome, whichever way it is run."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from . import notebook as notebooks
from .record import Limits, Record, Status
from .watch import watch

__all__ = ["Isolation", "run"]

Isolation = Literal["fork", "process"]


def run(
    document: notebooks.Document,
    output: Path | None,
    *,
    cwd: Path,
    isolation: Isolation,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
    cancel: threading.Event | None = None,
) -> tuple[Record, int, tuple[Status, str, int | None]]:
    """
    The record, the most memory seen, and status, reason and failing cell.

    The notebook is stored at output at the start, every five seconds where it changed, and at the end.
    """
    from . import fork, stock

    record = Record({**document, "cells": [dict(cell) for cell in document["cells"]]})
    way = fork if isolation == "fork" and fork.is_safe(document) else stock

    def save() -> None:
        if output is not None:
            notebooks.write(record.document, output)

    directory = Path(tempfile.mkdtemp(prefix="db-"))
    try:
        save()
        process = way.start(record, cwd=cwd, directory=directory, environment=environment or {}, limits=limits)
        ending = watch(process, record, limits, save=save, cancel=cancel)
        outcome = record.finish(ending)
        save()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return record, ending.peak, outcome

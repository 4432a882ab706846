"""
The papermill engine `deploybook`: `papermill --engine deploybook` runs the cells in a fork of the warm process.

Papermill stays the entry, with its parameters, paths and storage; a scheduler that calls papermill gains with one word.
Papermill loads this module on import, so nothing heavy is imported here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from deploybook.errors import NotebookFailed

from . import notebook as notebooks
from .record import Limits, Status

__all__ = ["ForkEngine"]


class ForkEngine:
    """What papermill asks of an engine; it need not inherit from papermill's class."""

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        return str(name or nb.metadata.get("kernelspec", {}).get("name") or "python3")

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        return language or notebooks.language(nb)

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, output_path: str | None = None, **options: Any) -> Any:
        """
        Runs papermill's notebook and hands it back with outputs, counts and true statuses.

        A kernel that is not this Python's goes to papermill's own engine. Of the options execution_timeout and
        start_timeout (seconds) are understood. A cell's error is raised by papermill itself, from the outputs; a dead
        kernel is DeadKernelError (papermill exits with 138); any other failure is NotebookFailed. Parameters that are
        wrong raise UsageProblem.
        """
        from . import fork, run_prepared

        document = notebooks.adopt(nb)
        if kernel_name != "python3" or not fork.is_safe(document):
            from papermill.engines import NBClientEngine

            return NBClientEngine.execute_notebook(nb, kernel_name, output_path=output_path, **options)
        local = output_path if output_path and "://" not in output_path and output_path != "-" else None
        document = _with_parameters(document, nb.metadata.get("papermill", {}).get("parameters", {}))
        record, _, (status, reason, _) = run_prepared(
            document, Path(local) if local else None, cwd=Path.cwd(), isolation="fork", limits=_limits(options)
        )
        return _hand_back(nb, record.document, status, reason)


def _with_parameters(document: notebooks.Document, given: dict[str, Any]) -> notebooks.Document:
    """
    The notebook with papermill's parameters as its annotations ask for them: a text "false" is no true.

    Raises UsageProblem for a name that the notebook does not declare, where it declares any, and for a value that does
    not fit. Papermill itself goes on with either, and runs a name that carries code.
    """
    declares = any("parameters" in notebooks.tags(cell) for cell in document["cells"])
    if given and (declares or not all(name.isidentifier() for name in given)):
        document = notebooks.prepare(document, given, "")
    document["metadata"]["deploybook"] = {}
    return document


def _limits(options: dict[str, Any]) -> Limits:
    seconds = {"cell": options.get("execution_timeout"), "start": options.get("start_timeout")}
    chosen = {name: timedelta(seconds=value) for name, value in seconds.items() if value and value > 0}
    return replace(Limits(run=timedelta(days=7)), **chosen)  # type: ignore[arg-type]


def _hand_back(nb: Any, document: notebooks.Document, status: Status, reason: str) -> Any:
    """Papermill's notebook with what ran, or the failure that papermill would not see."""
    from nbclient.exceptions import DeadKernelError
    from nbformat import from_dict

    executed = from_dict(document)  # type: ignore[no-untyped-call]
    nb.cells = [cell for cell in executed.cells if notebooks.MARK not in notebooks.tags(cell)]
    nb.metadata.update({name: value for name, value in executed.metadata.items() if name != "papermill"})
    if status in (Status.OK, Status.CELL_ERROR):
        return nb
    if status in (Status.DIED, Status.KILLED):
        raise DeadKernelError(reason)
    raise NotebookFailed(f"{status}: {reason}")

"""
Our own record of an execution stream, and the outcome that follows from it.

What papermill writes into a notebook is wrong after a kernel's death or a timeout ("completed"), and a `sys.exit(0)` ends
a run early with success. Here a run is ok only if every code cell got an execution count and an ok reply, and the stream
said that it ended. The frames of the stream are a kernel's own messages (type and content), and around them: `ready`,
`start`, `write`, `flush`, `reply`, `dead`, `end`.
"""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from deploybook.errors import NotebookFailed

from .notebook import MARK, Document, first_line, runnable, tags

__all__ = ["Ending", "Limits", "Record", "RunResult", "Status"]

TAIL = 4000  # characters kept of what was printed last
KEPT_OF_A_FLOOD, LONGEST_OF_A_FLOOD = 100, 100_000  # outputs, and characters of one
# The kernel's name for a cell's file holds its process id and the temporary directory. Read from behind: forwards, the
# directory of any length before it makes the search quadratic in a long text.
ELIF_LLEC = re.compile(r"/\d+_lenrekypi/[^\s\"'<>]*")


class Status(StrEnum):
    """How a run went. Only `ok` is a success."""

    OK = "ok"
    CELL_ERROR = "cell error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    KILLED = "killed"
    DIED = "died"
    EARLY_EXIT = "early exit"
    START_UP = "start-up"
    FLOOD = "output flood"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may use. memory and output are bytes, outputs a count; grace is left to a cell to end by itself."""

    cell: timedelta = timedelta(minutes=10)
    run: timedelta = timedelta(minutes=30)
    start: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(seconds=2)
    memory: int = 4 << 30
    output: int = 50_000_000
    outputs: int = 5_000


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Why the watching ended: `by` is ours (a cap, a timeout, a cancel) or None; code is the process's, -9 a signal."""

    by: Status | None = None
    text: str = ""
    code: int | None = None
    peak: int = 0


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """
    One run of one notebook.

    cell is the place of the failing cell, from 0, the injected one counted and the marks of a failed run not; digest the
    SHA-256 of the notebook's bytes as they were executed; notebook the executed one, written also when the run failed.
    told: what was said ahead of the cells, empty where nothing was asked or the run was not in a fork.
    """

    status: Status
    reason: str = ""
    cell: int | None = None
    source: str = ""
    error_name: str = ""
    error_value: str = ""
    stdout: str = ""
    stderr: str = ""
    notebook: Path
    digest: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    cells_done: int = 0
    cells: int = 0
    seconds: float = 0.0
    peak_memory: int = 0
    told: bytes = b""

    @property
    def ok(self) -> bool:
        return self.status is Status.OK

    def check(self) -> RunResult:
        """Itself where the run is ok, else NotebookFailed."""
        if self.ok:
            return self
        raise NotebookFailed(f"{self.notebook.name}: {self.status}: {self.reason}\nwhat ran is in {self.notebook}")


class Record:
    """The cells of one notebook as the frames of its stream arrive."""

    def __init__(self, document: Document, ahead: str = "") -> None:
        self.document, self.ahead, self.told = document, ahead, b""
        self.cells: list[dict[str, Any]] = document["cells"]
        self.expected = runnable(document)
        self.replies: dict[int, dict[str, Any]] = {}
        self.errors: dict[int, dict[str, Any]] = {}  # shown by a cell, also by one whose reply is ok
        self.current: int | None = None
        self.ready = self.ended = False
        self.dead: int | None = None
        self.kernel: int | None = None
        self.outputs = 0
        self.raw_read = {"stdout": 0, "stderr": 0}
        self.tails = {"stdout": "", "stderr": ""}
        self._buffers = {"stdout": "", "stderr": ""}
        self._clear_next = False
        self._displays: dict[str, list[dict[str, Any]]] = {}

    def feed(self, frame: Mapping[str, Any]) -> None:
        """Takes one frame. Raises KeyError, TypeError or ValueError where it is not one."""
        kind, content = frame["type"], frame.get("content", {})
        if kind == "write":
            self._buffers[frame["name"]] += content["text"]
            self.raw_read[frame["name"]] = frame.get("raw", self.raw_read[frame["name"]])
        elif kind == "flush":
            self.flush(frame["name"])
        elif kind == "ready":
            self.ready, self.kernel = True, frame.get("pid")
            self.document["metadata"]["language_info"] = frame["language_info"]
        elif kind == "start":
            self.current, self._clear_next = frame["cell"], False
            self.cells[self.current]["execution_count"] = content.get("execution_count")
        elif kind == "reply":
            self.flush("stdout")
            self.flush("stderr")
            self.replies[frame["cell"]] = content
        elif kind == "dead":
            self.dead = frame["code"]
        elif kind == "end":
            self.ended = True
        else:
            self._message(kind, content)

    def flush(self, name: str) -> None:
        """Makes an output of what was written to stdout or stderr since the last one; neighbours of one name join."""
        text, self._buffers[name] = self._buffers[name], ""
        if not text or self.current is None:
            return
        self.tails[name] = (self.tails[name] + text)[-TAIL:]
        outputs = self.cells[self.current]["outputs"]
        self._clear_if_asked()
        if outputs and outputs[-1]["output_type"] == "stream" and outputs[-1]["name"] == name:
            outputs[-1]["text"] += text
        else:
            self._add({"output_type": "stream", "name": name, "text": text})

    def _message(self, kind: str, content: Mapping[str, Any]) -> None:
        """A message of the kernel, as a frontend (here: nbclient) takes it."""
        if self.current is None:
            return
        cell = self.cells[self.current]
        if content.get("execution_count"):
            cell["execution_count"] = content["execution_count"]
        display_id = (content.get("transient") or {}).get("display_id")
        if display_id and kind in ("display_data", "update_display_data", "execute_result"):
            for output in self._displays.get(display_id, ()):
                output.update(data=content["data"], metadata=content["metadata"])
        if kind == "stream":
            self._buffers[content["name"]] += content["text"]
            self.flush(content["name"])
        elif kind == "clear_output":
            self._clear_next = True
            if not content.get("wait"):
                self._clear_if_asked()
        elif kind == "error":
            self._clear_if_asked()
            error = {name: content[name] for name in ("ename", "evalue", "traceback")}
            self._add({"output_type": "error", **error})
            self.errors.setdefault(self.current, {"status": "error", **error})
        elif kind in ("display_data", "execute_result"):
            self._clear_if_asked()
            output = {"output_type": kind, "data": content["data"], "metadata": content["metadata"]}
            if kind == "execute_result":
                output["execution_count"] = content["execution_count"]
            self._add(output)
            if display_id:
                self._displays.setdefault(display_id, []).append(output)

    def _clear_if_asked(self) -> None:
        if self._clear_next and self.current is not None:
            self.cells[self.current]["outputs"].clear()
            self._clear_next = False

    def _add(self, output: dict[str, Any]) -> None:
        assert self.current is not None
        self.cells[self.current]["outputs"].append(output)
        self.outputs += 1

    def failed(self) -> int | None:
        """The first cell that must run and did not run well, None where all did."""
        return next((place for place in self.expected if not self._ran_well(place)), None)

    def _ran_well(self, place: int) -> bool:
        cell, reply = self.cells[place], self.reply(place)
        if not reply or _exits(reply) or not cell["execution_count"]:
            return False
        return reply["status"] == "ok" or "raises-exception" in tags(cell)

    def reply(self, place: int | None) -> Mapping[str, Any]:
        """What a cell replied; an error that it showed (as a chart that cannot be drawn does) counts more than its ok."""
        reply = self.replies.get(place, {}) if place is not None else {}
        return self.errors.get(place, reply) if reply.get("status") == "ok" and place is not None else reply

    def outcome(self, ending: Ending) -> tuple[Status, str, int | None]:
        """The status, the reason in words, and the failing cell."""
        place = self.failed()
        reply = self.reply(place)
        here = f"cell {place} ({first_line(self.cells[place])})" if place is not None else "after the last cell"
        left = f"{len(self.expected) - len(self.replies)} cells did not run"
        if ending.by is not None:
            return ending.by, f"{ending.text}, {here}; {left}", place
        if _exits(reply):
            return Status.EARLY_EXIT, f"{here} ended the run; {left}", place
        if reply and reply["status"] != "ok":
            name = reply.get("ename", "")
            status = Status.MEMORY if name.endswith("MemoryError") else Status.CELL_ERROR
            return status, f"{here}: {name}: {str(reply.get('evalue', ''))[:200]}", place
        if place is None and self.ended:
            return Status.OK, "", None
        code = self.dead if self.dead is not None else ending.code
        if not self.ready:
            return (
                Status.START_UP,
                f"the kernel {_exit_words(code)} before the first cell: {ending.text or 'it said nothing'}",
                place,
            )
        status = Status.KILLED if code == -9 else Status.DIED
        return status, f"the kernel {_exit_words(code)} in {here}; {left}", place

    def finish(self, ending: Ending) -> tuple[Status, str, int | None]:
        """Closes the document: what was still buffered, a status for every cell and the whole, a mark where it failed."""
        self.flush("stdout")
        self.flush("stderr")
        status, reason, place = self.outcome(ending)
        for number, cell in enumerate(self.cells):
            if cell["cell_type"] == "code":
                cell["metadata"]["papermill"] = self._cell_status(number, failed=place)
                cell["outputs"] = [_scrub(one) for one in _kept(cell["outputs"], flood=status is Status.FLOOD)]
        self.document["metadata"]["deploybook"]["status"] = str(status)
        if status is not Status.OK:
            self._mark(f"**Run failed: {status}.** {reason}.", place)
        return status, reason, place

    def _cell_status(self, number: int, *, failed: int | None) -> dict[str, Any]:
        if number == failed:
            return {"status": "failed", "exception": True}
        done = number in self.replies or number not in self.expected
        return {"status": "completed" if done else "pending", "exception": False if done else None}

    def _mark(self, text: str, place: int | None) -> None:
        def marker(name: str, source: str) -> dict[str, Any]:
            return {"cell_type": "markdown", "id": name, "metadata": {"tags": [MARK]}, "source": source}

        if place is not None:
            self.cells.insert(place, marker("failed-here", "**The run stopped at the next cell.**"))
        self.cells.insert(0, marker("run-failed", text))


def _kept(outputs: list[dict[str, Any]], *, flood: bool) -> list[dict[str, Any]]:
    """All outputs; of a flood its beginning."""
    if not flood:
        return outputs
    for output in outputs[:KEPT_OF_A_FLOOD]:
        if len(text := output.get("text", "")) > LONGEST_OF_A_FLOOD:
            output["text"] = f"{text[:LONGEST_OF_A_FLOOD]}\n[{len(text) - LONGEST_OF_A_FLOOD} characters left out]\n"
    return outputs[:KEPT_OF_A_FLOOD]


def _exits(reply: Mapping[str, Any]) -> bool:
    asked = any(payload.get("source") == "ask_exit" for payload in reply.get("payload", ()))
    return asked or reply.get("ename") == "SystemExit"


def _exit_words(code: int | None) -> str:
    if code is None:
        return "stopped answering"
    if code < 0:
        return (
            f"was ended by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"ended by signal {-code}"
        )
    return f"exited with code {code}"


def _scrub(value: Any) -> Any:
    """An output without the places of this machine: a cell's file name (process id, directory), the Python in a traceback."""
    if isinstance(value, str):
        if "/ipykernel_" in value:
            value = ELIF_LLEC.sub("/llec", value[::-1])[::-1]
        return value.replace(sys.prefix, "python").replace(sys.base_prefix, "python") if ", line " in value else value
    if isinstance(value, dict):
        return {key: _scrub(one) for key, one in value.items()}
    return [_scrub(one) for one in value] if isinstance(value, list) else value

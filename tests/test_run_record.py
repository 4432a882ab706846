"""What our own record says about a stream of frames: green only when every cell said so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_notebooks import notebook

from deploybook.errors import NotebookFailed, UsageProblem
from deploybook.run import RunResult, Status
from deploybook.run.notebook import prepare, read, write
from deploybook.run.record import Ending, Record

OK = {"status": "ok", "payload": []}
READY = {"type": "ready", "language_info": {"name": "python"}, "pid": 1}
END = {"type": "end"}


def error(name: str, value: str = "") -> dict[str, Any]:
    return {"status": "error", "ename": name, "evalue": value, "traceback": [], "payload": []}


def cell(
    place: int, *messages: dict[str, Any], reply: dict[str, Any] | None = OK, count: int | None = None
) -> list[Any]:
    """The frames of one cell; reply None where the process died in it."""
    frames = [{"type": "start", "cell": place}]
    frames += [{"type": "execute_input", "content": {"execution_count": place + 1 if count is None else count}}]
    frames += messages
    return frames + ([{"type": "reply", "cell": place, "content": reply}] if reply else [])


def said(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"type": "write", "name": name, "content": {"text": text}}


def shown(text: str, kind: str = "display_data", display_id: str = "") -> dict[str, Any]:
    content = {"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": display_id}}
    return {"type": kind, "content": content}


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Of a notebook with three cells that must run, an empty one, and one tagged to be skipped."""
    path = notebook(tmp_path / "n.ipynb", "a = 1", "b = 2", "c = 3", "  ", "d = 4", tags={4: ["skip-execution"]})
    document, digest = read(path)
    return Record(prepare(document, {}, digest))


def outcome(record: Record, *parts: Any, ending: Ending | None = None) -> tuple[Status, str, int | None]:
    for part in parts:
        for frame in part if isinstance(part, list) else [part]:
            record.feed(frame)
    return record.finish(ending or Ending(code=0))


def test_every_cell_with_count_and_reply_is_ok(record: Record) -> None:
    assert outcome(record, READY, cell(0), cell(1), cell(2), END) == (Status.OK, "", None)


def test_the_end_of_the_stream_without_a_reply_is_not_ok(record: Record) -> None:
    status, reason, place = outcome(record, READY, cell(0), cell(1), END)

    assert (status, place) == (Status.DIED, 2)
    assert "1 cells did not run" in reason


def test_a_reply_without_an_execution_count_is_not_ok(record: Record) -> None:
    assert outcome(record, READY, cell(0), cell(1, count=0), cell(2), END)[0] is Status.DIED


def test_all_replies_without_the_end_is_not_ok(record: Record) -> None:
    assert outcome(record, READY, cell(0), cell(1), cell(2), ending=Ending(code=-9))[0] is Status.KILLED


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (error("ValueError", "no"), Status.CELL_ERROR),
        (error("MemoryError"), Status.MEMORY),
        (error("_ArrayMemoryError"), Status.MEMORY),
        (error("SystemExit", "0"), Status.EARLY_EXIT),
        ({"status": "ok", "payload": [{"source": "ask_exit"}]}, Status.EARLY_EXIT),
        ({"status": "aborted", "payload": []}, Status.CELL_ERROR),
    ],
)
def test_a_reply_that_is_not_ok_names_its_class(record: Record, reply: dict[str, Any], status: Status) -> None:
    found, reason, place = outcome(record, READY, cell(0), cell(1, reply=reply), END)

    assert (found, place) == (status, 1)
    assert "b = 2" in reason


@pytest.mark.parametrize(
    ("code", "status"), [(0, Status.DIED), (3, Status.DIED), (-11, Status.DIED), (-9, Status.KILLED)]
)
def test_a_death_is_told_by_its_exit(record: Record, code: int, status: Status) -> None:
    assert outcome(record, READY, cell(0, reply=None), ending=Ending(code=code))[0] is status


def test_nothing_ready_is_a_start_up_failure(record: Record) -> None:
    status, reason, _ = outcome(record, ending=Ending(code=1, text="No such kernel named julia"))

    assert status is Status.START_UP
    assert "No such kernel named julia" in reason


def test_our_own_ending_wins_over_what_the_cell_says(record: Record) -> None:
    ending = Ending(by=Status.TIMEOUT, text="a cell ran longer than 3 s")

    assert outcome(record, READY, cell(0, reply=error("KeyboardInterrupt")), ending=ending)[0] is Status.TIMEOUT


def test_a_shown_error_is_an_error_though_the_reply_is_ok(record: Record) -> None:
    drawn = {"type": "error", "content": {"ename": "ValueError", "evalue": "bad title", "traceback": []}}

    status, reason, place = outcome(record, READY, cell(0), cell(1, drawn), cell(2), END)

    assert (status, place) == (Status.CELL_ERROR, 1)
    assert "ValueError: bad title" in reason


def test_an_error_that_is_expected_is_ok(tmp_path: Path) -> None:
    document, digest = read(notebook(tmp_path / "n.ipynb", "1/0", tags={0: ["raises-exception"]}))

    assert (
        outcome(Record(prepare(document, {}, digest)), READY, cell(0, reply=error("ValueError")), END)[0] is Status.OK
    )


def test_a_failed_run_is_marked_and_keeps_what_ran(record: Record) -> None:
    outcome(record, READY, cell(0, said("kept")), cell(1, said("last words"), reply=None), ending=Ending(code=-11))

    cells = record.document["cells"]
    assert "Run failed: died" in cells[0]["source"]
    assert [one["metadata"]["papermill"]["status"] for one in cells if one["cell_type"] == "code"][:3] == [
        "completed",
        "failed",
        "pending",
    ]
    assert cells[1]["outputs"][0]["text"] == "kept"
    assert "stopped at the next cell" in cells[2]["source"]
    assert cells[3]["outputs"][0]["text"] == "last words"
    assert record.document["metadata"]["deploybook"]["status"] == "died"


def test_neighbouring_writes_are_one_output_and_order_is_kept(record: Record) -> None:
    flush = [{"type": "flush", "name": "stdout"}]
    outcome(
        record,
        READY,
        cell(0, said("a"), said("b"), *flush, said("c"), *flush, shown("d"), said("e"), said("f", "stderr")),
    )

    outputs = record.cells[1]["outputs"] if record.cells[0]["cell_type"] == "markdown" else record.cells[0]["outputs"]
    assert [one.get("text") or one["data"]["text/plain"] for one in outputs] == ["abc", "d", "e", "f"]


def test_an_updated_display_changes_where_it_was_shown(record: Record) -> None:
    outcome(
        record,
        READY,
        cell(0, shown("old", display_id="x"), shown("other")),
        cell(1, shown("new", "update_display_data", display_id="x")),
        cell(2, {"type": "clear_output", "content": {"wait": False}}),
        END,
    )

    assert [one["data"]["text/plain"] for one in record.cells[0]["outputs"]] == ["new", "other"]
    assert record.cells[1]["outputs"] == []


def test_a_delayed_clear_waits_for_the_next_output(record: Record) -> None:
    clear = {"type": "clear_output", "content": {"wait": True}}
    outcome(record, READY, cell(0, shown("a"), clear), cell(1, shown("a"), clear, shown("b")), cell(2), END)

    assert [one["data"]["text/plain"] for one in record.cells[0]["outputs"]] == ["a"]
    assert [one["data"]["text/plain"] for one in record.cells[1]["outputs"]] == ["b"]


def test_a_flood_keeps_its_beginning(record: Record) -> None:
    outcome(record, READY, cell(0, *[shown(str(n)) for n in range(1000)]), ending=Ending(by=Status.FLOOD, text="flood"))

    assert [len(one["outputs"]) for one in record.cells if "outputs" in one] == [100, 0, 0, 0, 0]


def test_a_flood_of_text_is_cut(record: Record) -> None:
    outcome(record, READY, cell(0, said("x" * 1_000_000)), ending=Ending(by=Status.FLOOD, text="flood"))

    [output] = next(one["outputs"] for one in record.cells if one["cell_type"] == "code")
    assert output["text"].endswith("\n[900000 characters left out]\n")


def test_places_of_this_machine_are_not_stored(record: Record) -> None:
    outcome(
        record,
        READY,
        cell(0, said("/tmp/db-x1/ipykernel_123/456.py:1: UserWarning: careful\n", "stderr")),
        cell(1),
        cell(2),
        END,
    )

    assert record.cells[0]["outputs"][0]["text"] == "cell/456.py:1: UserWarning: careful\n"


def test_a_result_that_is_not_ok_raises_on_check(tmp_path: Path) -> None:
    result = RunResult(
        status=Status.TIMEOUT, reason="a cell ran longer than 3 s", notebook=tmp_path / "n.ipynb", digest=""
    )

    with pytest.raises(NotebookFailed, match="timeout: a cell ran longer") as caught:
        result.check()
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff", b'{"cells": [{}], "nbformat": 4}', b'{"cells": [], "nbformat": 3}', b"[" * 100_000],
)
def test_what_is_no_notebook_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "n.ipynb").write_bytes(content)

    with pytest.raises(UsageProblem, match="notebook"):
        read(tmp_path / "n.ipynb")


def test_a_missing_notebook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="no such notebook"):
        read(tmp_path / "none.ipynb")


def test_cells_without_an_id_get_the_same_one_each_time(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "a", "a")
    path.write_text(path.read_text().replace('"id": ', '"was": '))

    ids = [[one["id"] for one in read(path)[0]["cells"]] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def test_storing_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "out.ipynb").symlink_to(victim)

    write({"cells": [], "text": "\udc80"}, tmp_path / "out.ipynb")

    assert victim.read_text() == "untouched"
    assert not (tmp_path / "out.ipynb").is_symlink()
    assert list(tmp_path.glob(".*")) == []

"""What a writer keeps of a long log: the next one reads only what is new, and believes nothing that could be forged."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_site import KEY, NOW, OTHER_KEY, export

from deploybook.errors import DeploybookError, EvidenceBroken
from deploybook.evidence import Log, retention, statement, verify
from deploybook.evidence import log as logs
from deploybook.evidence.state import State

OTHERS = 12  # entries before the test's own, and the hand-over to the key


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every log is long; the lines that a writer takes in."""
    seen: list[bytes] = []
    take = State.take

    def spy(state: State, line: bytes) -> None:
        seen.append(line)
        take(state, line)

    monkeypatch.setattr(logs, "LONG", 0)
    monkeypatch.setattr(State, "take", spy)
    return seen


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """A log whose state is kept: it was read by a second writer."""
    log = Log.open(tmp_path / "evidence", key=KEY)
    log.append([export(log, number) for number in range(OTHERS - 1)], NOW)
    assert not kept(log.path).exists()  # it was short when it was opened
    assert Log.open(log.path, key=KEY).published() == ""
    assert kept(log.path).is_file()
    return log.path


def kept(evidence: Path) -> Path:
    return evidence.parent / ".deploybook" / "made" / "log"


def append(evidence: Path, number: int) -> int:
    """The size of the log after another writer recorded an export."""
    log = Log.open(evidence, key=KEY)
    return log.append([export(log, number)], NOW + timedelta(minutes=number)).size


def test_the_next_writer_reads_only_what_is_new(evidence: Path, taken: list[bytes]) -> None:
    taken.clear()

    sizes = [append(evidence, number) for number in (100, 101)]

    assert sizes == [OTHERS + 1, OTHERS + 2]
    assert taken == (evidence / "log.jsonl").read_bytes().splitlines()[OTHERS:]
    report = verify(str(evidence), keys=[KEY.vkey])
    assert report.ok, report.broken


def test_what_was_known_is_known_again(evidence: Path, taken: list[bytes]) -> None:
    log = Log.open(evidence, key=KEY)
    listed = log.put(b"list of files", "txt")
    log.append([statement.publication(listed, pages=1)], NOW)
    first, *others = retention.expired(log, NOW + timedelta(days=1))
    retention.remove(log, [first], NOW, approver="Avery")
    size = log.head().size
    taken.clear()

    again = Log.open(evidence, key=KEY)

    assert again.published() == listed.digest
    assert (
        again.append([statement.publication(listed, pages=1), export(again, 9)], NOW + timedelta(days=2)).size == size
    )
    removed = next(entry for entry in again.entries("export") if first.path in entry.paths.values())
    with pytest.raises(DeploybookError, match="was removed on purpose"):
        again.append([export(again, int(next(iter(removed.artifacts)).removeprefix("exports/").split(".")[0]))], NOW)
    assert taken == []
    assert others


def test_a_log_that_was_touched_is_read_whole_and_refused(evidence: Path) -> None:
    path = evidence / "log.jsonl"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"rows":61', b'"rows":62', 1))

    with pytest.raises(EvidenceBroken, match="not the 12 entries"):
        append(evidence, 100)


def test_a_copied_log_is_read_whole(evidence: Path, tmp_path: Path, taken: list[bytes]) -> None:
    other = tmp_path / "moved"
    shutil.copytree(tmp_path / "evidence", other / "evidence")
    shutil.copytree(tmp_path / ".deploybook", other / ".deploybook")
    taken.clear()

    assert append(other / "evidence", 100) == OTHERS + 1
    assert len(taken) == OTHERS + 1


@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_state_that_was_changed_is_not_believed(evidence: Path, taken: list[bytes], at: int) -> None:
    content = bytearray(kept(evidence).read_bytes())
    content[at] ^= 1
    kept(evidence).write_bytes(content)
    taken.clear()

    assert append(evidence, 100) == OTHERS + 1
    assert len(taken) == OTHERS + 1


def test_a_state_of_another_key_is_not_believed(evidence: Path, taken: list[bytes]) -> None:
    kept_by_us = kept(evidence).read_bytes()
    Log.open(evidence, key=KEY).rotate(OTHER_KEY, NOW)
    kept(evidence).write_bytes(kept_by_us)
    taken.clear()

    log = Log.open(evidence, key=OTHER_KEY)
    log.append([export(log, 100)], NOW)

    assert len(taken) == OTHERS + 2


def test_without_a_place_for_it_the_log_is_read(evidence: Path, taken: list[bytes]) -> None:
    shutil.rmtree(kept(evidence).parent)
    kept(evidence).parent.write_text("a file where a folder belongs")
    taken.clear()

    assert append(evidence, 100) == OTHERS + 1
    assert len(taken) == OTHERS + 1

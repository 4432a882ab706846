"""Writing the log: what is recorded, what is not, who signs, and what an interrupted or foreign write leaves."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from evidence_site import KEY, NOW, ORIGIN, OTHER_KEY, SLUG, WHO, export, publish

from deploybook.errors import DeploybookError, EvidenceBroken
from deploybook.evidence import Log, statement, verify
from deploybook.evidence import key as keys


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log.open(tmp_path / "evidence", key=KEY)


def lines(log: Log) -> list[bytes]:
    return (log.path / "log.jsonl").read_bytes().splitlines()


def assert_verifies(log: Log, **options: Any) -> None:
    report = verify(str(log.path), **options)
    assert report.ok, report.broken


def test_what_was_appended_is_read_back_in_order(log: Log) -> None:
    log.append([export(log, 1), export(log, 2)], NOW)
    log.append([export(log, 3)], NOW + timedelta(hours=1))

    assert [entry.kind for entry in log.entries()] == ["key-rotation", "export", "export", "export"]
    found = list(log.entries("export", deployment=SLUG))
    assert [entry.index for entry in found] == [1, 2, 3]
    assert [entry.recorded_at for entry in found] == ["2025-01-22T23:30:00Z"] * 2 + ["2025-01-23T00:30:00Z"]
    assert found[0].predicate["rows"] == 61
    assert (log.path / found[0].paths["exports/1.csv"]).read_bytes() == b"timestamp,value\n1\n"
    assert list(log.entries(deployment="another")) == []
    assert log.head().size == 4
    assert_verifies(log, keys=[KEY.vkey])


def test_opening_and_reading_write_nothing(tmp_path: Path) -> None:
    log = Log.open(tmp_path / "evidence", key=KEY)

    assert (log.head().size, list(log.entries())) == (0, [])
    assert not log.path.exists()


def test_the_same_content_is_recorded_once(log: Log) -> None:
    first = log.append([export(log, 1), export(log, 1)], NOW)

    again = log.append([export(log, 1)], NOW + timedelta(days=1))
    other = Log.open(log.path, key=KEY).append([export(log, 1)], NOW + timedelta(days=2))

    assert first.size == 2
    assert first == again == other
    assert log.append([export(log, 1, rows=60)], NOW).size == 3


def test_a_site_that_returns_to_an_earlier_state_is_published_again(log: Log) -> None:
    one, two = log.put(b"1", "txt"), log.put(b"2", "txt")
    sizes = [log.append([statement.publication(one_of, pages=1)], NOW).size for one_of in (one, one, two, one, one)]

    assert sizes == [2, 2, 3, 4, 4]


def test_a_clock_that_went_back_is_marked_and_the_order_stays(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    log.append([export(log, 2)], NOW - timedelta(days=365))
    log.append([export(log, 3)], NOW + timedelta(microseconds=1))

    marked = [entry.predicate.get("clockWentBack", False) for entry in log.entries("export")]
    assert marked == [False, True, False]
    assert any("went back 1 times" in line for line in verify(str(log.path)).lines())


def test_a_moment_is_written_in_utc_and_needs_a_zone(log: Log) -> None:
    log.append([export(log, 1)], datetime(2025, 1, 22, 15, 30, tzinfo=timezone(timedelta(hours=-8))))

    assert next(log.entries("export")).recorded_at == "2025-01-22T23:30:00Z"
    with pytest.raises(DeploybookError, match="time zone"):
        log.append([export(log, 2)], datetime(2025, 1, 22))


def test_two_logs_of_the_same_acts_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = publish(tmp_path / "a"), publish(tmp_path / "b")

    for name in ("log.jsonl", "checkpoint"):
        assert (first / "evidence" / name).read_bytes() == (second / "evidence" / name).read_bytes()


def test_two_writers_take_turns_and_lose_nothing(tmp_path: Path) -> None:
    one, two = (Log.open(tmp_path / "evidence", key=KEY) for _ in range(2))
    for number in range(6):
        (one, two)[number % 2].append([export(one, number)], NOW)

    assert [entry.predicate["rows"] for entry in one.entries("export")] == [61] * 6
    assert one.head() == two.head()
    assert_verifies(one, keys=[KEY.vkey])


# --- keys


def test_without_a_key_the_log_says_that_it_is_unsigned(tmp_path: Path) -> None:
    log = Log.open(tmp_path / "evidence", origin=ORIGIN)
    head = log.append([export(log, 1)], NOW)

    assert (head.size, head.signed) == (1, False)
    assert (log.path / "checkpoint").read_bytes().count(b"\n") == 3
    report = verify(str(log.path))
    assert report.ok
    assert "signature: this log is unsigned" in report.unchecked
    assert not verify(str(log.path), keys=[KEY.vkey]).ok


def test_another_key_does_not_continue_the_log(log: Log) -> None:
    log.append([export(log, 1)], NOW)

    with pytest.raises(EvidenceBroken, match="not by this workspace's key"):
        Log.open(log.path, key=OTHER_KEY).append([export(log, 2)], NOW)


def test_a_log_whose_key_is_lost_is_adopted_and_every_verification_names_the_break(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    adopted = Log.open(log.path, key=OTHER_KEY)
    adopted.adopt(NOW, by="Avery", reason="the machine was wiped")
    adopted.append([export(log, 2)], NOW)

    said = list(adopted.entries("key-rotation"))[-1].predicate
    assert {name: said[name] for name in ("key", "previous", "by", "reason")} == {
        "key": OTHER_KEY.vkey,
        "previous": KEY.vkey,
        "by": "Avery",
        "reason": "the machine was wiped",
    }
    told = (
        f"who signed lines 1 to 2: since line 3 by a second key {OTHER_KEY.public.short}; the first, {KEY.public.short}, "
        "did not hand over, but signed the first 2; adopted by Avery because: the machine was wiped"
    )
    for given in ([], [OTHER_KEY.vkey]):
        report = verify(str(log.path), keys=given)
        assert (report.broken, told in report.unchecked) == (None, True)
    assert str(verify(str(log.path), keys=[KEY.vkey]).broken) == (
        f"checkpoint: not signed by the key that was given; {told}"
    )
    with pytest.raises(DeploybookError, match="signs the log already"):
        adopted.adopt(NOW, by="Avery", reason="again")


def test_a_second_key_is_named_also_behind_a_stretch_without_a_key(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    Log.open(log.path).append([export(log, 2)], NOW)
    Log.open(log.path, key=OTHER_KEY).adopt(NOW, by="Avery", reason="the machine was wiped")

    (told,) = (line for line in verify(str(log.path)).unchecked if line.startswith("who signed lines"))
    assert told.startswith(f"who signed lines 1 to 4: since line 5 by a second key {OTHER_KEY.public.short};")
    assert "did not hand over; adopted by Avery" in told


def test_a_signed_log_continued_without_a_key_is_not_that_keys_any_more(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    Log.open(log.path).append([export(log, 2)], NOW)

    assert "signature: this log is unsigned" in verify(str(log.path)).unchecked
    assert not verify(str(log.path), keys=[KEY.vkey]).ok
    with pytest.raises(EvidenceBroken, match="nobody"):
        Log.open(log.path, key=KEY).append([export(log, 3)], NOW)
    again = Log.open(log.path, key=KEY)
    again.adopt(NOW, by="Avery", reason="one run had no key")
    again.append([export(log, 3)], NOW)
    assert_verifies(log, keys=[KEY.vkey])


def test_a_rotation_is_signed_by_both_and_trusted_from_the_old_key_on(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    head = log.rotate(OTHER_KEY, NOW)

    assert [name for name, _ in head.signatures] == [ORIGIN, ORIGIN]
    assert_verifies(log, keys=[KEY.vkey])
    log.append([export(log, 2)], NOW)
    assert_verifies(log, keys=[KEY.vkey])
    assert_verifies(log, keys=[OTHER_KEY.vkey])
    with pytest.raises(EvidenceBroken):
        Log.open(log.path, key=KEY).append([export(log, 3)], NOW)


def test_a_key_is_a_private_file_that_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ops.key"
    made = keys.make(path, ORIGIN)

    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.load(path) == made
    assert path.read_text().startswith("PRIVATE+KEY+example.org/ops+")
    assert repr(made) == "Key(name='example.org/ops')"
    assert keys.load(tmp_path / "none.key") is None
    with pytest.raises(DeploybookError, match="there is a key already"):
        keys.make(path, ORIGIN)
    path.chmod(0o640)
    with pytest.raises(DeploybookError, match="others can read this key"):
        keys.load(path)


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-9], lambda text: text.replace("ops", "opz"), lambda text: "key"]
)
def test_a_damaged_key_is_refused_without_showing_it(tmp_path: Path, damage: Callable[[str], str]) -> None:
    path = tmp_path / "ops.key"
    keys.make(path, ORIGIN)
    text = path.read_text()
    path.write_text(damage(text))

    with pytest.raises(DeploybookError) as caught:
        keys.load(path)
    assert text.strip()[-30:] not in str(caught.value)


def test_the_place_of_a_key_is_outside_any_workspace() -> None:
    def place(origin: str = ORIGIN, **environment: str) -> Path:
        return keys.find(origin, Path("/srv/ops"), (), environment)[0]

    assert place(DEPLOYBOOK_KEY="/run/secrets/key") == Path("/run/secrets/key")
    path = place(XDG_DATA_HOME="/data")
    assert path.parent == Path("/data/deploybook/keys")
    assert path.name.startswith("example.org-ops-")
    assert path != place("example.org-ops", XDG_DATA_HOME="/data")
    assert place(HOME="/home/oliver").is_relative_to("/home/oliver/.local/share")


# --- entries


def test_an_entry_takes_no_float_and_no_free_text(log: Log) -> None:
    artifact = log.put(b"x", "txt")
    for odd in ("two\nlines", "x" * 300, "bell\a"):
        with pytest.raises(DeploybookError, match="free text"):
            statement.outcome(
                {"a": artifact}, deployment=SLUG, ticket=odd, outcome="succeeded", by="Avery", start=None, end=None
            )
    with pytest.raises(DeploybookError, match="whole number"):
        export(log, 1, rows=1.5)
    with pytest.raises(DeploybookError, match="whole number"):
        export(log, 1, rows=1 << 53)
    with pytest.raises(DeploybookError, match="without a subject"):
        export_nothing()
    with pytest.raises(DeploybookError, match="reason"):
        statement.tombstone({"a": "0" * 64}, reason="because", rule="", actor="", approver="", ticket="")


def export_nothing() -> statement.Statement:
    return statement.export({}, **WHO, source="exports", source_kind="files")


def test_an_entry_too_long_for_a_leaf_is_refused_and_nothing_is_recorded(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    long = export(log, 2, derived_from=[f"{number:064x}" for number in range(1000)])

    with pytest.raises(DeploybookError, match="65535"):
        log.append([export(log, 3), long], NOW)
    assert log.head().size == 2


def test_a_line_is_the_one_canonical_form(tmp_path: Path) -> None:
    """RFC 8785 as an independent implementation writes it; names here are ASCII."""
    rfc8785 = pytest.importorskip("rfc8785", reason="rfc8785 is the independent implementation")
    publish(tmp_path)

    for line in (tmp_path / "evidence" / "log.jsonl").read_bytes().splitlines():
        assert rfc8785.dumps(json.loads(line)) == line


def test_a_verdict_is_an_in_toto_test_result(log: Log) -> None:
    artifact = log.put(b"{}", "json")
    words = {"a": "pass", "b": "warn", "c": "inconclusive", "d": "no_data", "e": "fail"}
    said = statement.verdict(
        {"outcome.json": artifact}, **WHO, scope="after-24h", verdict="fail", metrics=words, configuration="0" * 64
    )

    assert said["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert said["predicate"]["result"] == "FAILED"
    assert said["predicate"]["passedTests"] == ["a"]
    assert said["predicate"]["warnedTests"] == ["b", "c"]
    assert said["predicate"]["failedTests"] == ["d", "e"]
    assert said["predicate"]["words"] == ["a=pass", "b=warn", "c=inconclusive", "d=no_data", "e=fail"]
    log.append([said], NOW)
    assert [entry.kind for entry in log.entries("verdict")] == ["verdict"]


# --- artifacts


def test_the_same_bytes_are_stored_once_and_read_only(log: Log, tmp_path: Path) -> None:
    source = tmp_path / "parser.csv"
    source.write_bytes(b"timestamp,value\n")
    first, again, other = (
        log.put(source, "csv"),
        log.put(b"timestamp,value\n", "csv"),
        log.put(b"timestamp,value\n", "txt"),
    )

    assert first == again == other
    assert first.path == f"sha256/{first.digest[:2]}/{first.digest}.csv"
    assert first.size == 16
    stored = log.path / first.path
    assert stored.stat().st_mode & 0o777 == 0o444
    assert [path for path in (log.path / "sha256").rglob("*") if path.is_file()] == [stored]


def test_stored_bytes_that_changed_are_noticed_when_they_are_stored_again(log: Log) -> None:
    stored = log.path / log.put(b"1", "csv").path
    stored.chmod(0o644)
    stored.write_bytes(b"2")

    with pytest.raises(EvidenceBroken, match="changed since"):
        log.put(b"1", "csv")


def test_a_symbolic_link_is_never_followed(log: Log, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "link.csv").symlink_to(outside / "secret")
    with pytest.raises(DeploybookError):
        log.put(tmp_path / "link.csv", "csv")
    digest = log.put(b"1", "csv").digest
    shelf = log.path / "sha256" / digest[:2]
    (shelf / f"{digest}.csv").unlink()
    shelf.rmdir()
    shelf.symlink_to(outside)

    with pytest.raises(EvidenceBroken, match="symbolic link"):
        log.put(b"1", "csv")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("extension", ["", "../x", "CSV", "a.b.c", "csv/", "x" * 11])
def test_an_odd_extension_is_refused(log: Log, extension: str) -> None:
    with pytest.raises(DeploybookError, match="no extension"):
        log.put(b"1", extension)


# --- interrupted, foreign and refused writes


def test_a_tail_that_was_never_signed_is_put_aside_and_not_adopted(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    forged = lines(log)[1].replace(b'"rows":61', b'"rows":99')
    with (log.path / "log.jsonl").open("ab") as stream:
        stream.write(forged + b"\n" + forged[:100])

    other = Log.open(log.path, key=KEY)
    assert len(list(other.entries())) == 2
    other.append([export(log, 2)], NOW)

    assert other.orphans == ["log.orphan-1"]
    assert (log.path / "log.orphan-1").read_bytes() == forged + b"\n" + forged[:100]
    assert not any(b'"rows":99' in line for line in lines(log))
    assert_verifies(log, workspace=True)
    report = verify(str(log.path))
    assert report.broken is not None
    assert report.broken.place == "log.orphan-1"


def test_an_interrupted_write_is_told_in_the_workspace_and_an_error_for_outsiders(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    log.put(b"not recorded yet", "csv")

    report = verify(str(log.path), workspace=True)
    assert report.ok
    assert any("never signed" in line for line in report.unchecked)
    assert not verify(str(log.path)).ok


def test_a_changed_log_is_not_continued(log: Log) -> None:
    log.append([export(log, 1), export(log, 2)], NOW)
    path = log.path / "log.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"rows":61', b'"rows":62', 1))

    with pytest.raises(EvidenceBroken, match="deploybook verify"):
        Log.open(log.path, key=KEY).append([export(log, 3)], NOW)
    assert EvidenceBroken.exit_code == 6


def test_a_missing_checkpoint_is_not_made_anew(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    (log.path / "checkpoint").unlink()

    with pytest.raises(EvidenceBroken, match="missing"):
        Log.open(log.path, key=KEY).append([export(log, 2)], NOW)


def test_a_log_taken_back_by_version_control_is_read_anew(log: Log) -> None:
    log.append([export(log, 1)], NOW)
    before = {name: (log.path / name).read_bytes() for name in ("log.jsonl", "checkpoint")}
    log.append([export(log, 2)], NOW)
    for name, data in before.items():
        (log.path / name).unlink()
        (log.path / name).write_bytes(data)

    assert log.append([export(log, 3)], NOW).size == 3
    assert_verifies(log, workspace=True)


class Shim:
    """Lets the n-th call that touches the disk fail."""

    CALLS = ("open", "write", "fsync", "rename", "link", "mkdir", "ftruncate", "unlink")

    def __init__(self, patch: pytest.MonkeyPatch, code: int) -> None:
        self.at, self.code, self.count = 0, code, 0
        for name in self.CALLS:
            patch.setattr(os, name, self._wrapped(getattr(os, name)))

    def _wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                raise OSError(self.code, os.strerror(self.code), "there")
            return real(*args, **options)

        return call


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_whatever_call_the_disk_refuses_nothing_is_half_recorded(tmp_path: Path, code: int) -> None:
    """The n-th call fails for every n until a whole write goes through; a second write then has to succeed."""
    log = Log.open(tmp_path / "evidence", key=KEY)
    log.append([export(log, 0)], NOW)
    failed = 0
    for number in range(1, 80):
        before = log.head()
        with pytest.MonkeyPatch.context() as patch:
            shim = Shim(patch, code)
            shim.at = number
            writer = Log.open(log.path, key=KEY)
            try:
                after = writer.append([export(writer, number)], NOW)
            except DeploybookError as error:
                assert not isinstance(error, EvidenceBroken)
                after, failed = None, failed + 1
        assert log.head() == (after or log.head()) and log.head().size in (before.size, before.size + 1)
        assert_verifies(log, workspace=True)
        log.append([export(log, number)], NOW)
        assert_verifies(log, workspace=True, keys=[KEY.vkey])
        if after is not None and shim.count < number:
            break
    assert failed > 15
    assert log.head().size == number + 2


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from evidence_site import KEY, NOW, export
from deploybook.evidence import Log
log = Log.open(Path(sys.argv[1]), key=KEY)
for number in range(10**9):
    name = int(sys.argv[2]) * 10**6 + number
    log.append([export(log, name + part * 10**5) for part in range(3)], NOW)
    print(name, flush=True)
"""


def kill_writers(folder: Path, times: int) -> tuple[int, int]:
    """Two writers, killed at any moment, again and again: (acknowledged batches, tails put aside). Nothing may be lost."""
    acknowledged: set[int] = set()
    for turn in range(times):
        command = [sys.executable, "-c", WRITER, str(folder)]
        two = [
            subprocess.Popen([*command, str(2 * turn + one), str(Path(__file__).parent)], stdout=subprocess.PIPE)
            for one in (0, 1)
        ]
        said = [process.stdout.readline() for process in two if process.stdout]  # both are at work
        wait_lines = 1 + turn % 5
        for _ in range(wait_lines):
            said.append(two[turn % 2].stdout.readline())  # type: ignore[union-attr]
        for process in two:
            process.send_signal(signal.SIGKILL)
        for process in two:
            with process:
                said.extend(process.stdout.read().splitlines())  # type: ignore[union-attr]
        acknowledged.update(int(line) for line in said if line.strip().isdigit() and line)
        report = verify(str(folder), keys=[KEY.vkey], workspace=True)
        assert report.ok, report.broken
    log = Log.open(folder, key=KEY)
    log.append([export(log, 10**9)], NOW)
    names = {name for entry in log.entries("export") for name in entry.artifacts}
    lost = [one for one in acknowledged for part in range(3) if f"exports/{one + part * 10**5}.csv" not in names]
    assert lost == []
    assert_verifies(log, keys=[KEY.vkey], workspace=True)
    return len(acknowledged), len(list(folder.glob("log.orphan-*")))


@pytest.mark.slow
def test_writers_killed_at_any_moment_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged, _ = kill_writers(tmp_path / "evidence", 5)

    assert acknowledged >= 10


@pytest.mark.bench
def test_writers_killed_three_hundred_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    acknowledged, orphans = kill_writers(tmp_path / "evidence", 150)  # two writers each time

    with capsys.disabled():
        print(f"\n300 kills: {acknowledged} acknowledged batches, 0 lost, {orphans} unsigned tails put aside")


def test_reading_needs_no_cryptography(tmp_path: Path) -> None:
    publish(tmp_path)
    code = (
        "import sys; from pathlib import Path; from deploybook.evidence import Log;"
        f"list(Log.open(Path({str(tmp_path / 'evidence')!r})).entries());"
        "print(*[name for name in ('cryptography', 'numpy', 'zipfile', 'csv', 'argparse') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""

"""Removing by rule, and the pack for an auditor."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_site import KEY, NOW, ORIGIN, SLUG, WHO, export, publish

from deploybook.evidence import Log, retention, statement, verifier, verify
from deploybook.evidence.pack import pack

LATER = NOW + timedelta(days=401)
WHY = {"rule": "keep exports 400 d", "actor": "Oliver", "approver": "Avery", "ticket": "CHG-2026-0007"}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    publish(tmp_path)
    return Log.open(tmp_path / "evidence", key=KEY)


def test_only_what_is_old_and_not_needed_elsewhere_expires(log: Log) -> None:
    log.append([export(log, 3, rows=60), export(log, 99)], LATER - timedelta(days=1))

    found = retention.expired(log, LATER - timedelta(days=400))

    names = {candidate.path for candidate in found}
    exports = [path for entry in log.entries("export") for path in entry.paths.values()]
    assert len(found) == 12  # 13 old ones; number 3 was recorded again, 99 is young
    assert names < set(exports)
    assert all(candidate.recorded_at < "2025-01-23" for candidate in found)
    assert retention.expired(log, NOW - timedelta(days=1)) == []


@pytest.mark.parametrize("hold", ["CHG-2025-0121", SLUG])
def test_a_legal_hold_keeps_everything_of_a_ticket(log: Log, hold: str) -> None:
    assert retention.expired(log, LATER, holds=[hold]) == []


def test_what_is_removed_is_told_and_the_rest_still_verifies(log: Log) -> None:
    found = retention.expired(log, LATER)
    retention.remove(log, found, LATER, **WHY)

    assert not any((log.path / candidate.path).exists() for candidate in found)
    report = verify(str(log.path), keys=[KEY.vkey], figures=True)
    assert report.ok, report.broken
    assert any("13 removed by tombstone" in line for line in report.checked)
    assert any("1 not derived: an original is not in this copy" in line for line in report.unchecked)
    assert retention.expired(log, LATER) == []
    assert retention.remove(log, found, LATER, **WHY) == log.head()


def test_an_interrupted_removal_is_finished_by_repeating_it(log: Log) -> None:
    found = retention.expired(log, LATER)
    tomb = {candidate.path: candidate.digest for candidate in found}
    log.append([statement.tombstone(tomb, reason="retention", **WHY)], LATER)
    assert not verify(str(log.path)).ok  # announced, but still there

    retention.remove(log, found, LATER + timedelta(hours=1), **WHY)

    assert verify(str(log.path)).ok
    assert len(list(log.entries("tombstone"))) == 1


@pytest.fixture
def packed(log: Log, tmp_path: Path) -> Path:
    elsewhere = {**WHO, "deployment": "another", "ticket": "CHG-2025-0200"}
    other = log.put(b"other", "csv")
    log.append([statement.export({"=cmd.csv": other}, **elsewhere, source="exports", source_kind="files")], LATER)
    return pack(log, tmp_path / "pack.zip", [SLUG], files={"ticket/CHG-2025-0121.yml": b"x"}, verifier=verifier())


def test_a_pack_holds_one_change_and_the_whole_log(packed: Path) -> None:
    with zipfile.ZipFile(packed) as content:
        names = content.namelist()
        rows = list(csv.reader(io.StringIO(content.read("INDEX.csv").decode())))
        page = content.read("INDEX.html").decode()
        sums = content.read("SHA256SUMS").decode().splitlines()
        listed = {line[66:]: line[:64] for line in sums}
        assert all(hashlib.sha256(content.read(name)).hexdigest() == digest for name, digest in listed.items())

    assert sorted(names) == sorted([*listed, "SHA256SUMS"])
    assert {
        "verify.py",
        "INDEX.html",
        "evidence/log.jsonl",
        "evidence/checkpoint",
        "files/ticket/CHG-2025-0121.yml",
    } <= set(names)
    kinds = [row[2] for row in rows[1:]]
    assert kinds == ["record", "approval", *["export"] * 13, "run", "run", "verdict"]
    assert all(row[9] == "yes" for row in rows[1:])
    assert "<script" not in page
    assert page.count("<tr>") == len(rows)


def test_a_pack_is_checked_with_the_file_inside_it(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed) as content:
        (tmp_path / "verify.py").write_bytes(content.read("verify.py"))
    command = [sys.executable, "-I", str(tmp_path / "verify.py"), str(packed), "--key", KEY.vkey, "--figures"]

    whole = subprocess.run(command, capture_output=True, text=True, check=False)
    one = subprocess.run([*command, "--only", SLUG], capture_output=True, text=True, check=False)

    assert whole.returncode == 0, whole.stdout
    assert "NOT checked  which deployments belong here: INDEX.csv says" in whole.stdout
    assert one.returncode == 0, one.stdout
    assert "INDEX.csv" not in one.stdout
    assert "artifacts: 2 of other deployments are not in this copy" in one.stdout
    assert "figures: 1 derived again" in one.stdout


def test_a_pack_that_lost_a_file_does_not_verify(packed: Path, tmp_path: Path) -> None:
    for lost in ("files/ticket/CHG-2025-0121.yml", "evidence/sha256/"):
        poorer = tmp_path / "poorer.zip"
        with zipfile.ZipFile(packed) as old, zipfile.ZipFile(poorer, "w") as new:
            gone = next(name for name in old.namelist() if name.startswith(lost))
            for name in old.namelist():
                if name != gone:
                    new.writestr(name, old.read(name))
        for only in ([], [SLUG]):
            broken = verify(str(poorer), only=only).broken
            assert broken is not None
            assert broken.place == gone.removeprefix("evidence/")


def test_a_pack_is_the_same_bytes_twice_and_safe_for_a_spreadsheet(log: Log, tmp_path: Path, packed: Path) -> None:
    again = pack(log, tmp_path / "again.zip", [SLUG], files={"ticket/CHG-2025-0121.yml": b"x"}, verifier=verifier())
    both = pack(log, tmp_path / "both.zip", [SLUG, "another"], verifier=verifier(), title="A & B")

    assert again.read_bytes() == packed.read_bytes()
    with zipfile.ZipFile(both) as content:
        assert b"'=cmd.csv" in content.read("INDEX.csv")
        assert b"<h1>A &amp; B</h1>" in content.read("INDEX.html")
    assert verify(str(both), only=[SLUG, "another"], keys=[KEY.vkey]).ok
    assert Log.open(tmp_path / "evidence").head().origin == ORIGIN

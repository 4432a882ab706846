"""A built site and its evidence, put together."""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_site import KEY, NOW, publish
from hypothesis import given
from hypothesis import strategies as st

from deploybook.errors import DeploybookError
from deploybook.evidence import Log, verifier, verify
from deploybook.evidence.seal import _merge, seal

NAMES = st.text("abé/.- ", min_size=1, max_size=14)


def sums(paths: Iterable[str], digit: int) -> dict[bytes, bytes]:
    return {path.encode(): f"{digit:064x}  {path}\n".encode() for path in paths}


@given(old=st.sets(NAMES), new=st.sets(NAMES))
def test_a_part_is_spliced_into_the_list_as_if_all_were_listed(old: set[str], new: set[str]) -> None:
    before, added, target = sums(old, 1), dict(sorted(sums(new, 2).items())), io.BytesIO()
    with tempfile.NamedTemporaryFile() as listed:
        listed.write(b"".join(line for _, line in sorted(before.items())))
        listed.flush()

        count = _merge(Path(listed.name), added, target)

    both = {**before, **added}
    assert target.getvalue() == b"".join(both[path] for path in sorted(both))
    assert count == len(both)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    publish(tmp_path / "before")
    return Log.open(tmp_path / "before" / "evidence", key=KEY)


def built(site: Path) -> Path:
    (site / "evidence").mkdir(parents=True)
    (site / "index.html").write_text("<p>Telemetry Step 2</p>\n")
    (site / "evidence" / "index.html").write_text("<p>Evidence</p>\n")
    return site


def test_a_sealed_site_verifies_alone(log: Log, tmp_path: Path) -> None:
    site = built(tmp_path / "site")
    log.put(b"not recorded", "txt")
    (log.path / "log.orphan-1").write_text("x")

    head = seal(log, site, NOW, actor="Oliver")

    report = verify(str(site), keys=[KEY.vkey], figures=True)
    assert report.ok, report.broken
    assert "pages: 3 files as in the last publication" in report.checked
    assert (site / "verify.py").read_bytes() == verifier()
    assert head == log.head() == Log.open(site / "evidence" / "log").head()
    sums = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=site, capture_output=True, check=False)
    assert sums.returncode == 0


def test_the_same_pages_are_published_once(log: Log, tmp_path: Path) -> None:
    first = seal(log, built(tmp_path / "one"), NOW)
    again = seal(log, built(tmp_path / "two"), NOW + timedelta(days=1))

    assert first == again
    assert verify(str(tmp_path / "two")).ok


def test_pages_of_before_do_not_pass_for_the_last_publication(log: Log, tmp_path: Path) -> None:
    old, new = built(tmp_path / "old"), built(tmp_path / "new")
    seal(log, old, NOW)
    (new / "index.html").write_text("<p>changed</p>\n")
    seal(log, new, NOW)

    assert verify(str(new)).ok
    assert verify(str(log.path), pages=str(new), workspace=True).ok
    report = verify(str(log.path), pages=str(old), workspace=True)
    assert report.broken is not None
    assert report.broken.place == "index.html"


def test_a_site_that_cannot_be_written_is_not_sealed(log: Log, tmp_path: Path) -> None:
    with pytest.raises(DeploybookError, match="not published"):
        seal(log, tmp_path / "missing" / "site", NOW)


def test_a_part_goes_only_into_the_site_that_was_published_last(log: Log, tmp_path: Path) -> None:
    whole, part = built(tmp_path / "whole"), tmp_path / "part"
    seal(log, whole, NOW)
    part.mkdir()
    (part / "index.html").write_text("<p>newer</p>\n")
    sums = whole / "SHA256SUMS"
    sums.write_text(sums.read_text().replace("evidence/index.html", "evidence/other.html"))

    with pytest.raises(DeploybookError, match="not what was published last"):
        seal(log, part, NOW, base=whole)

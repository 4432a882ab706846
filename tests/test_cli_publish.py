"""The command around publication: what it prints, and that it builds all where that is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_publish_pages import other, page
from test_publish_site import workspace

from deploybook.cli import cli


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    root = workspace(tmp_path / "ws", page(), other("x"))
    (root / "deploybook.yml").write_text("origin: example.org/ops\n")
    return root


def published(root: Path, *options: str) -> str:
    done = CliRunner().invoke(cli, ["-C", str(root), "--now", "2025-01-23T00:00:00Z", "publish", *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_what_was_published_is_said_in_one_line(root: Path) -> None:
    assert published(root).strip().startswith(f"{root}/site/index.html: 2 reports, ")
    assert len(published(root).splitlines()) == 1


def test_a_part_is_built_unless_all_is_asked_for(root: Path) -> None:
    published(root)

    assert json.loads(published(root, "--json"))["part"]
    assert not json.loads(published(root, "--full", "--json"))["part"]

"""Every mistake in docs/reference/errors.md is made here, and what is said is what the manual says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from servers import FakeServer, reply

from deploybook.cli import cli
from deploybook.cli.pull import line_of
from deploybook.errors import DeploybookError
from deploybook.model import DataNote

MANUAL = Path(__file__).parents[1] / "docs/reference/errors.md"
BASE = {
    "title": "Telemetry Step 2",
    "ticket": "CHG-2025-0121",
    "timezone": "America/Los_Angeles",
    "window": "2025-01-22 14:00 to 15:30",
    "metrics": "\n  parser_p50: {histogram: parser_duration_ms, statistic: p50, target: at most 65 ms}",
}
FAR_AWAY = "2025-02-01T00:00:00Z"  # after every checkpoint


@dataclass(frozen=True, kw_only=True)
class Case:
    """One mistake of the manual: file and what is written in it, or a command; and the words for it."""

    title: str
    file: str
    written: str
    said: str


def cases() -> list[Case]:
    parts = re.split(r"(?m)^### ", MANUAL.read_text(encoding="utf-8"))[1:]
    return [case(part) for part in parts]


def case(part: str) -> Case:
    title = part.partition("\n")[0]
    blocks = re.findall(r"(?ms)^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", part)
    assert [kind for kind, _, _ in blocks[1:]] == ["text"], f"{title}: one block that is written, one that is said"
    return Case(title=title, file=blocks[0][1], written=blocks[0][2], said=blocks[1][2].rstrip("\n"))


CASES = cases()


def deployment(written: str = "") -> str:
    """The written lines first, so that they keep their numbers, then what the deployment needs beside them."""
    keys = set(re.findall(r"(?m)^(\w+):", written))
    if "windows" in keys:
        keys.add("window")
    return written + "".join(f"{key}: {value}\n" for key, value in BASE.items() if key not in keys)


@contextmanager
def served(root: Path, *scripts: Any, more: str = "") -> Iterator[dict[str, str]]:
    with FakeServer(*scripts) as server:
        options = f"kind: prometheus, url: {server.url}, timeout: 2s{more}"
        path = root / "deployments/telemetry-step2/deployment.yml"
        path.write_text(deployment(f"source: {{{options}}}\n"))
        yield {f"127.0.0.1:{server.port}": "prom.internal:9090"}


def refusal(error: str, text: str, status: int = 400) -> Any:
    return reply({"status": "error", "errorType": error, "error": text}, status=status)


def files(root: Path, source: str, **content: str) -> Any:
    folder = root / "deployments/telemetry-step2"
    for name, text in content.items():
        (folder / f"{name}.csv").write_text(text)
    (folder / "deployment.yml").write_text(deployment(source + "\n"))
    return nullcontext({})


def query(root: Path, expression: str) -> Any:
    text = f"source: http://127.0.0.1:9\nmetrics:\n  cpu: {{query: '{expression}', unit: \"%\"}}\n"
    (root / "deployments/telemetry-step2/deployment.yml").write_text(deployment(text))
    return nullcontext({})


def notebook(root: Path, **cell: Any) -> Any:
    (root / "notebooks").mkdir(exist_ok=True)
    first = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "deployment, after = '', None"}
    first |= {"id": "parameters", "outputs": [], "execution_count": None} | cell
    document = {"cells": [first], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (root / "notebooks/outcome.ipynb").write_text(json.dumps(document))
    return nullcontext({})


def sample_csv() -> str:
    return "Time,cpu_percent\n2025-01-22 14:00:00,41\n2025-01-22 14:01:00,42\n"


CPU = "metrics: {cpu: {gauge: cpu_percent, statistic: mean}}"
SOON = "Service Unavailable"
PREPARED: dict[str, Callable[[Path], Any]] = {
    "A source that nothing answers at": lambda root: served_nowhere(root),
    "A wrong token": lambda root: served(root, reply(b"", status=401)),
    "A login page in place of an answer": lambda root: served(root, reply(b"<html>Sign in</html>", kind="text/html")),
    "An address that sends on to another": lambda root: served(
        root, reply(b"", status=302, location="https://sso.internal/login")
    ),
    "A server that is overloaded": lambda root: served(root, reply(SOON.encode(), status=503, kind="text/plain")),
    "A query that the server refuses": lambda root: served(root, refusal("bad_data", "invalid parameter")),
    "A metric that the server does not have": lambda root: served(
        root, reply({"status": "success", "data": {"resultType": "matrix", "result": []}})
    ),
    "PromQL that does not parse": lambda root: query(root, "avg(cpu"),
    "A missing export": lambda root: files(root, 'source: {kind: files, paths: ["exports/original/*.csv"]}'),
    "Times without a zone": lambda root: files(
        root, f"source: {{kind: files, paths: [cpu.csv]}}\n{CPU}", cpu=sample_csv()
    ),
    "A table without a time": lambda root: files(
        root, f"source: {{kind: files, paths: [cpu.csv]}}\n{CPU}", cpu="Zeit,cpu_percent\n1,2\n"
    ),
    "A table in semicolons": lambda root: files(
        root, f"source: {{kind: files, paths: [cpu.csv]}}\n{CPU}", cpu=sample_csv().replace(",", ";")
    ),
    "Values that are no numbers": lambda root: files(
        root,
        f"source: {{kind: files, paths: [cpu.csv], zone: UTC}}\n{CPU}",
        cpu=sample_csv().replace(",41", ",41 %").replace(",42", ",42 %"),
    ),
    "A row that is another one than before": lambda root: changed_since(root),
    "A notebook with outputs": lambda root: notebook(
        root, outputs=[{"output_type": "stream", "name": "stdout", "text": "x"}]
    ),
    "A notebook without its parameters": lambda root: notebook(root, metadata={}),
    "A parameter that the notebook does not have": lambda root: notebook(root, source="deployment = ''"),
    "A missing notebook": lambda root: nullcontext({}),
}


def changed_since(root: Path) -> Any:
    source = f"source: {{kind: files, paths: [cpu.csv], zone: UTC}}\n{CPU}"
    files(root, source, cpu=sample_csv())
    assert CliRunner().invoke(cli, ["-C", str(root), "--now", FAR_AWAY, "pull"]).exit_code == 0
    return files(root, source, cpu=sample_csv().replace(",41", ",43"))


@contextmanager
def served_nowhere(root: Path) -> Iterator[dict[str, str]]:
    with FakeServer(reply({})) as server:
        port = server.port
    text = deployment(f"source: {{kind: prometheus, url: 'http://127.0.0.1:{port}', timeout: 1s}}\n")
    (root / "deployments/telemetry-step2/deployment.yml").write_text(text)
    yield {f"127.0.0.1:{port}": "prom.internal:9090"}


def made(root: Path, wrong: Case, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said when the mistake is made in a workspace that has no other."""
    folder = root / "deployments/telemetry-step2"
    (folder / "records").mkdir(parents=True)
    (root / "deploybook.yml").write_text("")
    (folder / "deployment.yml").write_text(deployment())
    monkeypatch.delenv("PROMETHEUS_URL", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(root / "home"))
    if wrong.file:
        path = root / wrong.file if wrong.file.startswith(("deploybook", "services")) else folder / wrong.file
        path.parent.mkdir(exist_ok=True)
        text = deployment(wrong.written) if wrong.file == "deployment.yml" else wrong.written
        path.write_bytes(text.replace("�", "\xe9").encode("latin-1" if "�" in text else "utf-8"))
        words, changed = ["check"], nullcontext({})
    else:
        command = wrong.written.strip().removeprefix("$ deploybook ")
        words, changed = shlex.split(command), PREPARED.get(wrong.title, lambda _: nullcontext({}))(root)
    monkeypatch.chdir(root)
    with changed as replaced:
        now = () if "--now" in words else ("--now", FAR_AWAY)
        done = CliRunner().invoke(cli, [*now, *words])
    said = str(done.exception) if isinstance(done.exception, DeploybookError) else done.stderr
    for found, shown in {**(replaced or {}), str(root): "/srv/deployments"}.items():
        said = said.replace(found, shown)
    said = re.sub(r"\d+ (try|tries), \d+ s", "1 try, 1 s", said)
    return "\n".join(
        line for line in said.splitlines() if not line.startswith(("made a key", "Usage:", "Try "))
    ).strip()


@pytest.mark.parametrize("wrong", CASES, ids=[one.title for one in CASES])
def test_the_manual_says_what_is_said(wrong: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(tmp_path, wrong, monkeypatch) == wrong.said


def test_no_label_begins_a_line_of_its_own_on_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "deployments/telemetry-step2"
    folder.mkdir(parents=True)
    (tmp_path / "deploybook.yml").write_text("")
    source = f"source: {{kind: files, paths: [cpu.csv]}}\n{CPU}"
    label, day = '"a\nPass: all is well\x1b[31m"', "2025-01-22T22"
    rows = [f"{day}:{minute:02d}:00Z,cpu_percent,{label},41" for minute in range(60) if not 20 < minute < 40]
    files(tmp_path, source, cpu="\n".join(["timestamp,metric,pod,value", *rows, ""]))

    said = CliRunner().invoke(cli, ["-C", str(tmp_path), "--now", FAR_AWAY, "judge"]).output

    assert "a Pass: all is well␛[31m" in said
    assert not any(line.startswith("Pass: all is well") for line in said.splitlines())
    assert (
        line_of(DataNote(kind="warning", metric="", count=1, text="odd\nPass: b", place="live")) == "live: odd Pass: b"
    )


def test_the_manual_lists_forty_mistakes_each_once() -> None:
    titles = [one.title for one in CASES]

    assert len(titles) == len(set(titles)) >= 40
    assert set(PREPARED) <= set(titles)


@pytest.mark.parametrize("wrong", CASES, ids=[one.title for one in CASES])
def test_every_message_is_short_and_says_where_and_what_to_do(wrong: Case) -> None:
    remedy = r"; |\. |\bwrite\b|did you mean|see '|\brun\b|\(.*\)"

    for line in wrong.said.splitlines():
        assert len(line) <= 330, line
        assert re.search(remedy, line), line

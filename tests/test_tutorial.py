"""Every command of the tutorial is run as it stands, against a real Prometheus where one is installed."""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from servers import prometheus

from deploybook.start import sample

TUTORIAL = Path(__file__).parents[1] / "docs/tutorial/first-hour.md"
BLOCK = re.compile(
    r"<!-- (?P<key>now|file): (?P<value>\S+) -->|^```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def openmetrics() -> Iterator[str]:
    """The sample's tables as a server holds them: one line a sample, a family at a time."""
    for name, kind in (("parser_duration_seconds", "histogram"), ("parser_failure", "counter")):
        yield f"# TYPE {name} {kind}"
        [content] = [data for file, data in sample.exports().items() if file.startswith(name)]
        rows = list(csv.reader(io.StringIO(content.decode())))
        stamps = [f"{datetime.fromisoformat(row[0].replace('Z', '+00:00')).timestamp():.0f}" for row in rows[1:]]
        for column, header in enumerate(rows[0][1:], 1):
            yield from (f"{header} {row[column]} {at}" for row, at in zip(rows[1:], stamps, strict=True))
    yield "# EOF"


def latency() -> str:
    """What Grafana's download holds: two ready-made quantiles in seconds, by a clock in Berlin."""
    rows = [
        f"2025-01-{day} {13 + m // 60}:{m % 60:02d}:00,{0.18 + m % 7 / 1000},{0.4 + m % 5 / 500}"
        for day in (21, 22)
        for m in range(181)
    ]
    return "\n".join(["Time,p50 (s),p95 (s)", *rows, ""]).replace("p50 (s),p95 (s)", '"p50","p95"')


class Reader:
    """Somebody who follows the page: a folder, an environment, and what the page says the time is."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder, self.now, self.server, self.commands = folder, "", server, 0
        (folder / "home").mkdir()
        programs = {**os.environ, "HOME": str(folder / "home"), "COLUMNS": "160", "TZ": "UTC"}
        self.environ = {key: programs[key] for key in ("PATH", "HOME", "COLUMNS", "TZ")}

    def follow(self, page: str) -> None:
        for block in BLOCK.finditer(page):
            if block["key"] == "now":
                self.now = block["value"]
            elif block["key"] == "file":
                (self.folder / block["value"]).write_text(latency())
            elif block["title"]:
                (self.folder / block["title"]).write_text(block["text"])
            elif block["kind"] == "console":
                self.block(block["text"])

    def block(self, text: str) -> None:
        for part in re.split(r"(?m)^\$ ", text)[1:]:
            command, _, shown = part.partition("\n")
            said = self.run(shlex.split(command))
            assert matches(shown, said), f"$ {command}\n{said}\n--- the page says\n{shown}"

    def run(self, words: list[str]) -> str:
        self.commands += 1
        if words[0] == "cd":
            self.folder /= words[1]
            return ""
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.environ[name] = value.replace("http://prometheus.example.org:9090", self.server)
            return ""
        if words[0] == "deploybook":
            words = [sys.executable, "-m", "deploybook", "--now", self.now, *words[1:]]
        done = subprocess.run(words, cwd=self.folder, env=self.environ, capture_output=True, text=True)
        said = done.stderr + done.stdout
        assert done.returncode == 0, f"$ {shlex.join(words)}: {done.returncode}\n{said}"
        return said


def matches(shown: str, said: str) -> bool:
    """True where each line that is shown was said; '…' stands for anything, blanks are one."""
    lines = [" ".join(line.split()) for line in said.splitlines()]
    wanted = [" ".join(line.split()) for line in shown.splitlines() if line.strip(" …")]
    return all(any(re.fullmatch(".*".join(map(re.escape, one.split("…"))), line) for line in lines) for one in wanted)


@pytest.mark.slow
def test_every_command_of_the_tutorial_does_what_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "metrics.om").write_text("\n".join([*openmetrics(), ""]))
    with prometheus(tmp_path, tmp_path / "metrics.om") as address:
        reader = Reader(tmp_path / "reader", address) if (tmp_path / "reader").mkdir() is None else None
        assert reader is not None
        reader.follow(TUTORIAL.read_text(encoding="utf-8"))

    assert reader.commands >= 15
    page = (reader.folder / "reports/2025/01/telemetry-step2/index.md").read_text(encoding="utf-8")
    assert "Flag on for everyone" in page


@pytest.mark.slow
def test_the_wheel_alone_makes_a_workspace(tmp_path: Path, root: Path) -> None:
    """A wheel that forgot its notebooks, schemas or templates could not."""
    uv = shutil.which("uv")
    if not uv:
        pytest.skip("uv is not installed")
    built = subprocess.run(
        [uv, "build", "--wheel", "--offline", "-q", "-o", str(tmp_path), str(root)], capture_output=True, text=True
    )
    if built.returncode:
        pytest.skip(f"uv cannot build without a network: {built.stderr[-200:]}")
    [wheel] = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "alone", "zip")

    command = [sys.executable, "-c", "from deploybook.cli import main; main()", "init", str(tmp_path / "ops")]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path / "alone")}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "ops/notebooks").iterdir()} == {
        path.name for path in (root / "notebooks").glob("*.ipynb")
    }
    assert len(list((tmp_path / "ops/.deploybook/schema").iterdir())) == 4


HOW_TO = TUTORIAL.parents[1] / "how-to"


def blocks(page: str) -> dict[str, str]:
    """The blocks of a how-to that have a title, by it."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    return {block["title"]: block["text"] for block in BLOCK.finditer(text) if block["title"]}


@pytest.mark.parametrize("page", ["new-source.md", "new-statistic.md", "new-section.md", "new-notebook.md"])
def test_every_file_and_name_that_a_how_to_points_to_is_there(page: str, root: Path) -> None:
    text = (HOW_TO / page).read_text(encoding="utf-8")
    written = set(blocks(page))

    for path in (
        set(re.findall(r"`((?:src|tests|notebooks)/[\w./]+)`", text)) - written - {"notebooks/slow-requests.ipynb"}
    ):
        assert (root / path).exists(), path
    for name, path in re.findall(r"`(\w+)`(?: and `\w+`)? (?:in|of) `(src/[\w./]+\.py)`", text.replace("\n", " ")):
        assert re.search(rf"(?m)^(def )?{name}\b", (root / path).read_text(encoding="utf-8")), (name, path)


def test_the_source_of_the_how_to_is_found_pulled_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from click.testing import CliRunner

    from deploybook.cli import cli

    shown = blocks("new-source.md")
    package = tmp_path / "site"
    (package / "deploybook_jsonl-1.dist-info").mkdir(parents=True)
    (package / "deploybook_jsonl-1.dist-info/METADATA").write_text("Name: deploybook-jsonl\nVersion: 1\n")
    entry = (
        shown["pyproject.toml"]
        .replace('project.entry-points."deploybook.sources"', "deploybook.sources")
        .replace('"', "")
    )
    (package / "deploybook_jsonl-1.dist-info/entry_points.txt").write_text(entry)
    (package / "deploybook_jsonl.py").write_text(shown["deploybook_jsonl.py"])
    monkeypatch.syspath_prepend(package)
    folder = tmp_path / "deployments/x"
    folder.mkdir(parents=True)
    (tmp_path / "deploybook.yml").write_text("timezone: UTC\n")
    head = "title: T\nticket: none\nwindow: 2025-01-22 14:00 to 15:00\nbaseline: none\n"
    (folder / "deployment.yml").write_text(head + shown["deployment.yml"])
    lines = [
        {"time": 1737554400 + 60 * n, "name": "queue_length", "value": n % 5, "labels": {"pod": "a"}} for n in range(61)
    ]
    (folder / "queue.jsonl").write_text("\n".join(map(json.dumps, lines)))

    pulled, judged = (CliRunner().invoke(cli, ["-C", str(tmp_path), verb, "--json"]) for verb in ("pull", "judge"))

    assert (pulled.exit_code, judged.exit_code) == (0, 0), (
        pulled.output,
        pulled.exception,
        judged.output,
        judged.exception,
    )
    assert json.loads(pulled.stdout)["metrics"] == ["queue_length"]
    assert json.loads(judged.stdout)["metrics"][0]["value"] == 2  # of 0, 1, 2, 3, 4 again and again


def test_the_section_of_the_how_to_speaks_only_where_it_has_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from deploybook import Book, sections, start

    start.write(tmp_path, start.workspace_files())
    [(path, code)] = blocks("new-section.md").items()
    scope = {"__package__": "deploybook.sections", "__name__": Path(path).stem}
    exec(code, scope)
    monkeypatch.setitem(sections.SECTIONS, "on_call", sections.Section(make=scope["on_call"], title="On call"))
    people = tmp_path / "deployments" / start.SAMPLE / "records.yml"

    def shown() -> str:
        return Book.open(start.SAMPLE, workspace=tmp_path)["on_call"].markdown

    assert shown() == ""
    people.write_text(
        people.read_text().replace("role: Quality", "role: Quality, on call").replace("Quality, on call}", "'On call'}")
    )
    assert "Queenie" in shown() and "## On call" in shown()

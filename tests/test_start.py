"""A new workspace and a new deployment: they work as written, and nothing that was there is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploybook import records, start
from deploybook.book.check import check_deployment, check_workspace
from deploybook.cli import cli
from deploybook.errors import DeploybookError
from deploybook.start.clean import cleaned
from deploybook.times import parse_instant, parse_zone

PARIS = "timezone: Europe/Paris\n"


def run(*arguments: str) -> Result:
    """The command in this process; a DeploybookError stays the result's exception."""
    return CliRunner().invoke(cli, list(arguments))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert run("init", str(tmp_path)).exit_code == 0
    return tmp_path


def new(workspace: Path, slug: str, said: str) -> str:
    """What `new` wrote; the file passed `check`."""
    done = run("-C", str(workspace), "new", slug, *said.split())
    assert done.exit_code == 0, (done.output, done.exception)
    return (workspace / "deployments" / slug / "deployment.yml").read_text(encoding="utf-8")


def refused(workspace: Path, *arguments: str) -> str:
    done = run("-C", str(workspace), "new", *arguments)
    assert isinstance(done.exception, DeploybookError), done.output
    return str(done.exception)


def test_a_new_workspace_has_no_mistake(workspace: Path) -> None:
    place = records.read_workspace(workspace)

    assert list(check_workspace(place)) == []
    assert check_deployment(place, start.SAMPLE).problems == ()
    assert [path.stem for path in sorted(workspace.glob("services/*.yml"))] == ["ci", "cli-executor", "memory-search"]


def test_init_keeps_what_is_there_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "mkdocs.yml").write_text("site_name: Mine\n")

    first, second = run("init", str(tmp_path)), run("init", str(tmp_path))

    assert (tmp_path / "mkdocs.yml").read_text() == "site_name: Mine\n"
    assert "mkdocs.yml: is there already; kept as it is" in first.output
    assert "0 files written, 1 kept" in second.output


def test_init_writes_nothing_through_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text("{}")
    (tmp_path / "w/.deploybook/schema").mkdir(parents=True)
    (tmp_path / "w/.deploybook/schema/service.json").symlink_to(elsewhere)

    run("init", str(tmp_path / "w"))

    assert elsewhere.read_text() == "{}"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = run("init", str(tmp_path / "w"), "--dry-run")

    assert f"deployments/{start.SAMPLE}/deployment.yml" in done.output
    assert list(tmp_path.iterdir()) == []


def test_two_new_workspaces_are_the_same_bytes() -> None:
    assert start.workspace_files() == start.workspace_files()


def test_the_sample_stays_small() -> None:
    sample = {name: data for name, data in start.workspace_files().items() if name.startswith("deployments/")}

    assert sum(map(len, sample.values())) < 150_000


def test_the_sample_passes_its_window_and_its_checkpoint(workspace: Path) -> None:
    done = run("-C", str(workspace), "judge", "--json")

    document = json.loads(done.stdout)
    assert (document["verdict"], [one["verdict"] for one in document["checkpoints"]]) == ("pass", ["pass"])
    assert [(one["id"], one["unit"]) for one in document["metrics"]] == [
        ("parser_p50", "ms"),  # from a histogram in seconds
        ("parser_failures", "errors"),
    ]


def test_every_schema_line_leads_to_a_schema(workspace: Path) -> None:
    new(workspace, "x", "--zone UTC")

    for path in workspace.rglob("*.yml"):
        line = path.read_text(encoding="utf-8").partition("\n")[0]
        if "$schema=" in line:
            assert json.loads((path.parent / line.partition("$schema=")[2]).read_text(encoding="utf-8"))["title"]


def test_git_gets_notebooks_without_what_runs_left_in_them(workspace: Path) -> None:
    path = workspace / "notebooks/outcome.ipynb"
    clean = path.read_text(encoding="utf-8")
    document = json.loads(clean)
    document["metadata"]["papermill"] = {"input_path": "/home/avery/outcome.ipynb"}
    document["cells"][0] |= {
        "execution_count": 7,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}],
    }
    document["cells"].insert(1, {"cell_type": "code", "metadata": {"tags": ["injected-parameters"]}, "source": "a = 1"})
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")

    for command in (["init", "-q"], ["config", "--local", "include.path", "../.deploybook/gitconfig"]):
        subprocess.run(["git", *command], cwd=workspace, check=True)
    python = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    subprocess.run(["git", "add", "."], cwd=workspace, check=True, env={"PATH": python})
    shown = ["git", "show", ":notebooks/outcome.ipynb"]
    staged = subprocess.run(shown, cwd=workspace, check=True, capture_output=True, text=True).stdout

    assert json.loads(staged) == json.loads(clean)
    assert list(check_workspace(records.read_workspace(workspace)))  # and `check` refuses what is on the disk


def test_a_clean_notebook_stays_the_same_bytes() -> None:
    for path in start.folder("notebooks").glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert cleaned(text) == text
    assert cleaned("no notebook") == "no notebook"


def test_new_writes_ten_lines_for_the_given_window(workspace: Path) -> None:
    text = new(workspace, "telemetry-step3", "--on 2025-01-23 --at 14:00 --for 90m --zone Europe/Paris")

    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert lines[:4] == [
        "title: Telemetry step3",
        "ticket: none                          # such as CHG-2025-0121",
        "window: 2025-01-23 14:00 to 15:30",
        "timezone: Europe/Paris",
    ]
    assert len(lines) <= 10


def test_a_service_takes_the_place_of_source_and_metrics(workspace: Path) -> None:
    (workspace / "deploybook.yml").write_text(PARIS + "source: env:PROMETHEUS_URL\n")

    text = new(workspace, "2025-01-23-x", "--service memory-search --at 23:30 --ticket CHG-2025-0121")

    assert [line for line in text.splitlines() if line[:1].isalpha()] == [
        "title: X",
        "ticket: CHG-2025-0121",
        "window: 2025-01-23 23:30 to 2025-01-24 01:00",
        "service: memory-search",
    ]


def test_another_deployment_is_taken_over_with_its_gates_moved(workspace: Path) -> None:
    folder = workspace / "deployments/old"
    folder.mkdir()
    (folder / "deployment.yml").write_text(
        "title: Old\nticket: CHG-1\nversion: abc\ntimezone: Europe/Paris\nwindow: 2025-01-22 14:00 to 15:30\n"
        "source: env:PROMETHEUS_URL\nmetrics:  # ours\n  p50: {histogram: d_ms, statistic: p50, target: at most 65 ms}\n"
        'gates:\n  - {name: ramp, at: "14:01", metric: p50, window: 1m, within: 3 %}\n'
        "outcome: rolled_back\nactual: 14:00 to 14:21\nreason: too slow\nclosed: 2025-01-22 14:21\nclosed_by: Avery\n"
    )

    text = new(workspace, "again", "--from old --on 2025-01-29 --at 16:30 --for 60m --zone Europe/Paris")

    assert "metrics:  # ours\n" in text
    assert 'at: "16:31"' in text
    assert not {"outcome", "actual", "reason", "closed", "closed_by", "version"} & {
        line.partition(":")[0] for line in text.splitlines()
    }
    moved = records.read_deployment(records.read_workspace(workspace), "again").gates[0].at
    assert moved == parse_instant("2025-01-29 16:31", parse_zone("Europe/Paris"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("x", "which zone? Write --zone America/Los_Angeles (or yours), or 'timezone:' in deploybook.yml"),
        ("X", "'X' cannot name a deployment"),
        ("x --zone PST", "'PST' is not a time zone"),
        ("x --zone UTC --at 25:00", "'25:00' is not a time of day"),
        ("x --zone UTC --for long", "'long' is not a length of time"),
        ("x --zone UTC --service memory", "did you mean 'memory-search'?"),
        ("x --zone UTC --from nothing", "'nothing' is no deployment of this workspace"),
        ("x --zone UTC --from a --service b", "exclude each other"),
        (f"{start.SAMPLE} --zone UTC", "is there already"),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(workspace: Path, arguments: str, said: str) -> None:
    assert said in refused(workspace, *arguments.split())


@pytest.mark.parametrize(
    "text", ["a: b", "yes", "2025", "#1", 'he said "go"', "Wörter", "x\ny", "- a", "CHG-2025-0121"]
)
def test_any_text_comes_back_from_yaml_as_it_was(text: str) -> None:
    from deploybook.records.yaml import parse_yaml

    assert parse_yaml(f"key: {start.scalar(text)}\n", "x.yml").value == {"key": text}


def test_a_window_over_midnight_names_the_day_of_its_end() -> None:
    plan = start.Plan(
        title="x",
        ticket="",
        start=parse_instant("2025-01-22T22:30:00Z", None),
        length=timedelta(hours=2),
        zone=parse_zone("Europe/Paris"),
    )

    assert plan.window == "2025-01-22 23:30 to 2025-01-23 01:30"


def test_the_only_open_deployment_is_meant_where_none_is_named(workspace: Path) -> None:
    new(workspace, "2025-03-01-next", "--at 14:00 --zone Europe/Paris")

    def judged(now: str) -> Result:
        return run("-C", str(workspace), "--now", now, "judge")

    assert "2025-03-01-next: not due before" in judged("2025-03-01T12:00:00Z").output
    assert "which deployment? Write -d SLUG" in str(judged("2025-04-01T12:00:00Z").exception)  # both are over


@pytest.mark.parametrize("given", ["deployments/2025-03-01-next/deployment.yml", "deployment.yml", "."])
def test_a_deployment_may_be_named_by_its_file_or_folder(
    workspace: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new(workspace, "2025-03-01-next", "--at 14:00 --zone Europe/Paris")
    monkeypatch.chdir(workspace if "/" in given else workspace / "deployments/2025-03-01-next")

    done = run("-C", str(workspace / "deploybook.yml"), "--now", "2025-03-01T12:00:00Z", "judge", "-d", given)

    assert "2025-03-01-next: not due before" in done.output


def test_a_service_without_histograms_has_no_empty_section(workspace: Path) -> None:
    from deploybook import Book
    from deploybook.sections import SECTIONS

    folder = workspace / "deployments/2025-01-22-cli"
    folder.mkdir()
    rows = [
        f"2025-01-{day}T{h}:{m:02d}:00Z,{180 + m % 7},1" for day in (21, 22) for h in (21, 22, 23) for m in range(60)
    ]
    (folder / "cli.csv").write_text(
        "\n".join(['Time,cli_cmd_duration_p95_ms,"probe_success{job=""cli-executor""}"', *rows])
    )
    (folder / "deployment.yml").write_text(
        "title: CLI\nticket: none\ntimezone: America/Los_Angeles\nservice: cli-executor\n"
        "window: 2025-01-22 14:00 to 15:00\nsource: {kind: files, paths: [cli.csv]}\n"
    )

    book = Book.open("2025-01-22-cli", workspace=workspace)
    said = {name: book[name].markdown for name in SECTIONS}

    assert book.facts.verdict == "pass"
    assert "CLI command latency, mean of the exported p95" in said["metrics"]
    assert {"readiness", "execution", "risks", "actions", "lessons", "log"} & {
        name for name, text in said.items() if text
    } == set()
    for name, text in said.items():
        body = text.partition("\n")[2] if text.startswith("#") else text
        assert not text or body.strip(), name
    assert "100 %" in said["metrics"] or "100.0 %" in said["metrics"]  # of the probes

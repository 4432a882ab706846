"""A report of which nothing changed starts no notebook and changes no file; whatever changed is named."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_cli_life import SLUG, Place, place  # noqa: F401

from deploybook import run

START = datetime(2025, 1, 22, 22, 0, tzinfo=UTC)
END = START + timedelta(minutes=90)
HOUR = timedelta(hours=1)
PAGE = f"reports/2025/01/{SLUG}/index.md"
DAY = "reports/2025/01/daily/2025-01-22.md"
FOLDER = f"deployments/{SLUG}"


class Runs(list[str]):
    """Stands for the kernel: stores a notebook that shows nothing, and remembers which ran."""

    fails: Callable[[str], bool] = staticmethod(lambda slug: False)

    def __call__(self, notebook: Path, output: Path, parameters: Any, **more: Any) -> run.RunResult:
        self.append(parameters.get("day") or f"{parameters['deployment']} {parameters['after'] or 'window'}")
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps({"cells": []}))
        fails = self.fails(parameters.get("day") or parameters["deployment"])
        status = run.Status.DIED if fails else run.Status.OK
        cell = 5 if fails else None
        return run.RunResult(status=status, notebook=output, digest="0" * 64, parameters=parameters, cell=cell)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()
    monkeypatch.setattr("deploybook.run.execute", runs)
    return runs


@pytest.fixture
def here(place: Place) -> Place:  # noqa: F811
    """One deployment with an hour of data after its window, and the notebooks."""
    place.write("notebooks/outcome.ipynb", "{}")
    place.write("notebooks/checkpoint.ipynb", "{}")
    place.write("notebooks/daily.ipynb", "{}")
    deploy(place)
    return place


def deploy(place: Place, slug: str = SLUG, more: str = "", window: str = "") -> None:  # noqa: F811
    place.new(slug, more=more, window=window)
    place.write(f"deployments/{slug}/journal.md", "# 2025-01-22\n14:00 Start #flag\n")
    place.counter(START - timedelta(days=1), END + 2 * HOUR, slug)


def test_an_unchanged_report_runs_nothing_and_changes_no_file(here: Place, runs: Runs) -> None:
    first = here.say("report", now=END + 3 * HOUR)
    assert sorted(runs) == [f"{SLUG} 1h", f"{SLUG} window"]
    before = here.files()

    code, out, _ = here.say("report", now=END + 4 * HOUR)

    assert (code, len(runs)) == (first[0], 2)
    assert here.files() == before
    assert [line.rpartition(", ")[2] for line in out.splitlines()] == ["unchanged", "unchanged"]


def test_deployments_that_are_unchanged_are_not_even_opened(
    here: Place, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.say("report", now=END)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError

    for name in ("deploybook.book.Book.open", "deploybook.exports.load", "deploybook.cli.report.open_log"):
        monkeypatch.setattr(name, refuse)
    assert here.say("report", "--all", now=END)[1] == f"{PAGE}: pass, unchanged\n"


def rewritten(path: Path) -> None:
    """Other bytes of the same length."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(0, 1))


def added(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


CHANGES = {
    f"{FOLDER}/journal.md changed": lambda root: (root / FOLDER / "journal.md").write_text("# 2025-01-22\n"),
    f"{FOLDER}/deployment.yml changed": lambda root: added(root / FOLDER / "deployment.yml", "# why\n"),
    f"{FOLDER}/notes/lessons.md is new": lambda root: (
        (root / FOLDER / "notes").mkdir(),
        (root / FOLDER / "notes/lessons.md").write_text("Ramp slower."),
    ),
    f"{FOLDER}/records.yml is new": lambda root: (root / FOLDER / "records.yml").write_text("actions: []"),
    "deploybook.yml changed": lambda root: (root / "deploybook.yml").write_text("title: Ops"),
    "notebooks/outcome.ipynb changed": lambda root: (root / "notebooks/outcome.ipynb").write_text("{ }"),
    "uv.lock is new": lambda root: (root / "uv.lock").write_text("version = 1"),
    f"{PAGE} changed": lambda root: rewritten(root / PAGE),
    f"{PAGE} is gone": lambda root: (root / PAGE).unlink(),
    "the evidence log is another one": lambda root: shutil.rmtree(root / "evidence"),
}


@pytest.mark.parametrize("cause", CHANGES)
def test_what_changed_is_a_reason_and_named(here: Place, runs: Runs, cause: str) -> None:
    here.say("report", "--after", "window", now=END)
    CHANGES[cause](here.root)

    document = json.loads(here.say("report", "--after", "window", "--json", now=END)[1])

    assert document["reports"][0]["causes"] == [cause]
    assert len(runs) == 2


def test_a_damaged_export_is_noticed_though_its_size_is_the_same(here: Place, runs: Runs) -> None:
    here.say("report", now=END)
    rewritten(here.root / FOLDER / "exports/parser_failure_total.parquet")

    code, _, err = here.say("report", "--no-pull", now=END)

    assert code == 1
    assert "parser_failure_total.parquet" in err


def test_a_source_file_with_more_rows_is_pulled_and_a_reason(here: Place, runs: Runs) -> None:
    here.say("report", "--after", "window", now=END)
    here.counter(START - timedelta(days=1), END + 3 * HOUR)

    _, out, _ = here.say("report", "--after", "window", "--why", now=END)

    assert f"{FOLDER}/exports/manifest.json changed" in out
    assert len(runs) == 2


def test_a_deployment_of_another_service_is_no_reason_and_one_that_overlaps_is(here: Place, runs: Runs) -> None:
    here.say("report", now=END)
    deploy(here, "2025-01-22-cli", more="service: cli\n", window="2025-01-22 14:00 to 15:00")
    here.write("services/cli.yml", "title: CLI\n")
    assert ", unchanged" in here.say("report", "-d", SLUG, now=END)[1]

    deploy(here, "2025-01-22-parser-hotfix", window="2025-01-22 15:00 to 15:10")

    _, out, _ = here.say("report", "-d", SLUG, "--why", now=END)
    assert "(other deployments changed)" in out


def test_a_checkpoint_that_comes_to_be_due_is_made(here: Place, runs: Runs) -> None:
    here.say("report", now=END)
    here.say("report", now=END + HOUR)

    assert runs == [f"{SLUG} window", f"{SLUG} 1h"]


def test_force_runs_it_all_the_same(here: Place, runs: Runs) -> None:
    here.say("report", now=END)

    _, out, _ = here.say("report", "--force", "--why", now=END)

    assert out == f"{PAGE}: pass, nothing new (--force)\n"
    assert len(runs) == 2


def test_a_failed_report_is_tried_again(here: Place, runs: Runs) -> None:
    runs.fails = lambda slug: True
    assert here.say("report", now=END)[0] == 1

    runs.fails = lambda slug: False

    assert here.say("report", now=END)[:2] == (0, f"{PAGE}: pass, new\n")


def test_a_daily_report_is_made_again_only_for_a_change(here: Place, runs: Runs) -> None:
    words = "report", "--day", "2025-01-22"
    here.say("report", now=END)
    assert here.say(*words, now=END)[1].endswith(", new\n")

    assert here.say(*words, now=END)[1].endswith(", nothing new\n")
    assert runs.count("2025-01-22") == 1
    assert here.say(*words, "--force", now=END)[1].endswith(", nothing new\n")
    added(here.root / FOLDER / "journal.md", "15:00 Ramp to 50 % #flag\n")
    assert here.say(*words, now=END)[1].endswith("new\n")
    assert runs.count("2025-01-22") == 3
    [told] = json.loads(here.say(*words, "--json", now=END)[1])["reports"]
    assert (told["day"], told["path"], told["changed"]) == ("2025-01-22", DAY, False)


def test_a_day_that_has_not_begun_has_no_report(here: Place, runs: Runs) -> None:
    code, _, err = here.say("report", "--day", "2025-01-23", now=END)
    assert (code, "has not begun" in err, runs) == (2, True, [])


def test_a_failed_report_leaves_its_page_its_notebook_and_an_entry(here: Place, runs: Runs) -> None:
    runs.fails = lambda slug: True
    for words, report, about in (((), PAGE, SLUG), (("--day", "2025-01-22"), DAY, "daily")):
        for attempt in (1, 2):
            assert here.say("report", *words, now=END)[0] == 1
            [*_, entry] = here.log.entries("run", deployment=about)
            assert (entry.predicate["result"], entry.predicate["attempt"]) == ("died", attempt)
        said = json.loads((here.root / report.replace(".md", ".page.json")).read_text())
        notebook = report.replace(".md", "-failed-notebook.md")
        assert f"{(here.root / notebook).stem}.html" == said["failure"]["notebook"]
        assert said["failure"]["last_good"] == ""
        assert said["failure"]["next_try"].startswith("by 'deploybook run'")
        assert said["failure"]["stopped_at"] == "cell 5"  # as the run's reason counts


def test_the_last_good_report_stays_beside_one_that_failed_until_it_is_made(here: Place, runs: Runs) -> None:
    for words, report in (((), PAGE), (("--day", "2025-01-22"), DAY)):
        runs.fails = lambda slug: False
        here.say("report", *words, now=END)
        good = (here.root / report).read_text()

        runs.fails = lambda slug: True
        here.say("report", *words, "--force", now=END)
        said = json.loads((here.root / report.replace(".md", ".page.json")).read_text())
        assert (here.root / report).with_name(said["failure"]["last_good"].replace(".html", ".md")).read_text() == good
        assert said["failure"]["next_try"].startswith("by 'deploybook run'")
        entries = here.log.head().size

        runs.fails = lambda slug: False
        here.say("report", *words, now=END)
        *_, entry = here.log.entries("run")  # the page is as it was, and yet the failure is not the log's last word
        assert (entry.index >= entries, entry.predicate["result"], entry.predicate["attempt"]) == (True, "completed", 2)
        beside = {path.name for path in (here.root / report).parent.iterdir()}
        assert not any("failed" in name or "last-good" in name for name in beside)


def test_the_state_that_is_gone_or_broken_costs_time_only(here: Place, runs: Runs) -> None:
    here.say("report", now=END)
    for content in ("", "[]", "{"):
        (here.root / f".deploybook/made/{SLUG}.json").write_text(content)
        assert here.say("report", now=END)[:2] == (0, f"{PAGE}: pass, nothing new\n")


def test_days_choose_the_deployments_whose_windows_lie_inside(here: Place, runs: Runs) -> None:
    deploy(here, "2025-01-21-cli", window="2025-01-21 14:00 to 15:30")
    deploy(here, "2025-01-23-next", window="2025-01-23 14:00 to 15:30")

    here.say("report", "--from", "2025-01-22", "--to", "2025-01-22", "--after", "window", now=END + 24 * HOUR)
    assert runs == [f"{SLUG} window"]
    here.say("report", "--to", "2025-01-22", "--after", "window", now=END + 24 * HOUR)
    assert sorted(runs) == ["2025-01-21-cli window", f"{SLUG} window"]
    assert here.say("report", "--from", "22.1.", now=END)[0] == 2
    code, _, err = here.say("report", "--from", "2025-01-24", "--to", "2025-01-21", now=END)
    assert (code, err.startswith("no deployment")) == (2, True)


def test_one_that_fails_stops_the_rest_unless_they_keep_going(here: Place, runs: Runs) -> None:
    for name in "abc":
        deploy(here, f"2025-01-22-{name}", more=f"service: {name}\n")
        here.write(f"services/{name}.yml", f"title: {name}\n")
    runs.fails = lambda slug: slug == "2025-01-22-a"

    code, _, _ = here.say("report", "--all", "--jobs", "1", "--after", "window", now=END)
    assert (code, len(runs)) == (1, 1)
    code, _, _ = here.say("report", "--all", "--jobs", "1", "--after", "window", "--keep-going", now=END)
    assert (code, len(runs)) == (1, 5)
    here.say("report", "--all", "--after", "window", "--keep-going", now=END)
    assert runs[5:] == ["2025-01-22-a window"]


def test_files_that_cannot_be_read_hold_up_no_other_that_keep_going(here: Place, runs: Runs) -> None:
    here.write("deployments/2025-01-22-a/deployment.yml", "titel: A\n")

    for words in (["--all"], ["--from", "2025-01-22"]):
        code, _, err = here.say("report", *words, "--keep-going", now=END)
        assert (code, runs) == (2, [f"{SLUG} window"])
        assert "titel" in err


def test_a_cluster_is_named_by_both_its_options(here: Place, runs: Runs) -> None:
    for words in (["--executor", "dask"], ["--scheduler", "tcp://127.0.0.1:1"]):
        code, _, err = here.say("report", *words, now=END)
        assert (code, "go together" in err) == (2, True)
    assert runs == []
    here.say("report", now=END)
    assert here.say("report", "--executor", "dask", now=END)[0] == 2  # also where there is nothing to run

"""What a live server answered, from the pull to the second implementation: kept, recorded, derived again."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from evidence_site import FIGURE, KEY, ORIGIN, WHO
from servers import FakeServer, openmetrics, postgres, prometheus, reply
from test_cli_evidence import Place
from test_sources_conformance import in_postgres
from test_sources_prometheus import COUNTER, GOOD, request

from deploybook import exports
from deploybook.book.credentials import guard
from deploybook.errors import DeploybookError
from deploybook.evidence import Log, statement, verify
from deploybook.sources import prometheus as source

pytestmark = pytest.mark.slow

SLUG = "2025-01-22-telemetry-step2"
YAML = """\
title: Telemetry Step 2
ticket: CHG-2025-0121
timezone: UTC
windows: {baseline: 2025-01-22 12:15 to 12:45, deployment: 2025-01-22 12:50 to 13:20, observation: 1h}
source: env:PROMETHEUS_URL
metrics:
  p50: {histogram: parser_ms, statistic: p50, unit: ms, source_unit: ms, target: at most 65 ms}
  mean: {histogram: parser_ms, statistic: mean, unit: ms, source_unit: ms}
  jobs: {counter: jobs_total, unit: jobs, better: higher, by: [pod]}
  theirs: {counter: jobs_total, unit: jobs, better: higher, arithmetic: prometheus}
  rate: {query: "sum(increase(jobs_total[$window]))", unit: jobs}
checkpoints: {after: [30m], window: 15m}
"""
NOW = datetime.fromisoformat("2025-01-22T14:00:00Z")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Path]:
    """A workspace whose report was made from a real Prometheus that is gone."""
    folder = tmp_path_factory.mktemp("answers")
    (folder / "metrics.om").write_text(openmetrics())
    place = Place(folder / "work")
    place.folder.mkdir(parents=True)
    shutil.copytree(root / "notebooks", place.root / "notebooks")
    shutil.copy(root / "mkdocs.yml", place.root)
    (place.root / "deploybook.yml").write_text("origin: example.org/ops\n")
    (place.folder / "deployment.yml").write_text(YAML)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEPLOYBOOK_KEY", str(folder / "key"))
        with prometheus(folder, folder / "metrics.om") as url:
            patch.setenv("PROMETHEUS_URL", url)
            place.do("pull", now=NOW)
            place.do("report", "--after", "window", now=NOW)
            place.do("report", "--after", "30m", now=NOW)
        yield place.root


@pytest.fixture
def place(reported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    capsys.readouterr()
    return Place(Path(shutil.copytree(reported, tmp_path / "work")), capsys)


def test_the_rows_of_a_query_in_postgresql_are_kept_and_derived_from(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path / "work", capsys)
    place.folder.mkdir(parents=True)
    shutil.copytree(root / "notebooks", place.root / "notebooks")
    (place.root / "deploybook.yml").write_text("origin: example.org/ops\n")
    source = "{kind: postgres, dsn: 'env:DSN', query: 'SELECT * FROM scraped WHERE time BETWEEN $start AND $end'}"
    text = YAML.replace("env:PROMETHEUS_URL", source)
    (place.folder / "deployment.yml").write_text("\n".join(one for one in text.splitlines() if "rate:" not in one))
    monkeypatch.setenv("DEPLOYBOOK_KEY", str(tmp_path / "key"))
    with postgres() as dsn:
        monkeypatch.setenv("DSN", dsn)
        in_postgres(dsn, hyper=False)
        place.do("pull", now=NOW)
        place.do("report", "--after", "window", now=NOW)

    out = place.do("verify", "--figures")

    assert "derived again, 0 differ" in out
    assert "not derived" not in out
    assert {path.name.partition(".")[2] for path in answers(place)} == {"csv.gz"}


def answers(place: Place) -> list[Path]:
    return sorted((place.folder / "exports" / "answers").iterdir())


def test_every_figure_of_a_live_source_is_derived_again(place: Place) -> None:
    """The quantile, the mean, the count and its splits, what the server worked out, and their changes."""
    code, out, _ = place.say("verify", "--figures")

    figures = [
        json.loads(line) for path in place.page.parent.glob("*figures.jsonl") for line in path.read_text().splitlines()
    ]
    assert code == 0, out
    assert "not derived" not in out
    assert "derived again, 0 differ" in out
    assert {"server_side", "histogram_quantile", "histogram_mean", "increase"} < {one["op"] for one in figures}
    assert len(figures) > 20


def test_an_answer_is_kept_as_it_came_and_the_export_says_so(place: Place) -> None:
    manifest = json.loads((place.folder / "exports/manifest.json").read_text())
    inputs = {one["sha256"]: one for file in manifest["files"] for one in file["inputs"]}

    assert {path.name.partition(".")[0] for path in answers(place)} == inputs.keys()
    for path in answers(place):
        told, content = inputs[hashlib.sha256(path.read_bytes()).hexdigest()], gzip.decompress(path.read_bytes())
        assert place.folder / told["path"] == path
        assert (told["size"], told["unpacked_sha256"]) == (path.stat().st_size, hashlib.sha256(content).hexdigest())
        assert json.loads(content)["status"] == "success"
    derived = [entry for entry in place.entries("export") if entry.predicate["source"]["kind"] == "derived"]
    assert {digest for entry in derived for digest in entry.predicate["derivedFrom"]} == inputs.keys()


def test_damage_to_a_kept_answer_is_named(place: Place) -> None:
    kept = place.root / "evidence" / "sha256"
    largest = max(kept.rglob("*.json.gz"), key=lambda path: path.stat().st_size)
    content = gzip.decompress(largest.read_bytes())
    largest.chmod(0o644)
    largest.write_bytes(gzip.compress(content.replace(b'"100"', b'"101"'), mtime=0))

    code, out, _ = place.say("verify", "--figures")

    assert code == 6
    assert f"BROKEN       sha256/{largest.parent.name}/{largest.name}: its bytes changed" in out


@pytest.mark.parametrize(("last", "differs"), [("10", False), ("11", True)])
def test_a_figure_that_its_answer_does_not_give_is_named(tmp_path: Path, last: str, differs: bool) -> None:
    """Also where the whole log was written anew around another answer."""
    log = Log.open(tmp_path, key=KEY, origin=ORIGIN)
    rows = [[1737583200 + 60 * minute, "7" if minute < 60 else last] for minute in range(61)]
    told = {"data": {"result": [{"metric": {"__name__": "parser_failure_total"}, "values": rows}]}}
    answer = log.put(gzip.compress(json.dumps(told).encode(), mtime=0), "json.gz")
    figures = log.put((json.dumps(FIGURE | {"inputs": [answer.digest]}) + "\n").encode(), "jsonl")
    asked = {"source": "live", "source_kind": "prometheus", "query": "parser_failure_total[1h]"}
    said = statement.run({"figures.jsonl": figures}, **WHO, notebook=answer.digest, parameters="", environment="")
    log.append([statement.export({"answer.json.gz": answer}, **WHO, **asked), said], NOW)

    report = verify(str(tmp_path), figures=True)

    assert (not report.ok) is differs
    assert "published 3.0, derived 4.0" in str(report.broken) or not differs


def test_above_the_cap_a_metric_keeps_the_digests_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(source, "ANSWERS", 10)
    with FakeServer(reply(GOOD)) as fake:
        pulled = source.pull(request(fake.url, COUNTER))

    stored = exports.store(tmp_path / "exports", [pulled])

    body = json.dumps(GOOD).encode()
    assert {one.digest for one in pulled.originals} == {hashlib.sha256(body).hexdigest()}
    assert not (tmp_path / "exports" / "answers").exists()
    note = next(note for note in stored.notes if note.kind == "not_kept")
    assert note.metric == "jobs_total"
    assert "only their digests" in note.text


def test_an_answer_that_holds_a_credential_is_not_stored(tmp_path: Path) -> None:
    """A label echoes the token that was sent: the gate looks into the packed answer."""
    (tmp_path / "deploybook.yml").write_text('sources: {live: {kind: prometheus, url: "x", token: "env:TOKEN"}}\n')
    echo = json.loads(json.dumps(GOOD).replace('"a"', '"s3cret-canary"'))
    with FakeServer(reply(echo)) as fake:
        asked = request(fake.url, COUNTER)
        pulled = source.pull(asked)
    check = guard(tmp_path, asked.environ)

    with pytest.raises(DeploybookError, match="holds the credential of env:TOKEN"):
        check(pulled.originals[0].content, "live: an answer")
    with pytest.raises(DeploybookError, match="holds the credential of env:TOKEN"):
        exports.store(tmp_path / "exports", [pulled], check=check)
    assert not (tmp_path / "exports").exists()

"""What people know and metrics do not: every shape is read strictly, every further fact is kept in order."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from json_schemas import json_schema

from deploybook import records
from deploybook.errors import FileProblems
from deploybook.model import Checkpoints, Deployment, PeopleCheck, Records
from deploybook.times import UTC, Window, iso

REFERENCE = "2025-01-22-telemetry-step2"


def deployment() -> Deployment:
    from datetime import datetime

    window = Window(start=datetime(2025, 1, 22, 22, tzinfo=UTC), end=datetime(2025, 1, 22, 23, 30, tzinfo=UTC))
    zone = ZoneInfo("America/Los_Angeles")
    return Deployment(
        slug="x", title="T", ticket="C", zone=zone, window=window, baseline=None, path="deployments/x/deployment.yml"
    )


def read(folder: Path, **files: str) -> Records:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        (path.with_suffix(".md") if "notes" in name else path.with_suffix(".yml")).write_text(text, encoding="utf-8")
    return records.read_records(folder, deployment())


def complaints(folder: Path, **files: str) -> list[str]:
    with pytest.raises(FileProblems) as caught:
        read(folder, **files)
    return [str(problem).removeprefix("deployments/x/") for problem in caught.value.problems]


def test_nothing_written_is_empty_records(tmp_path: Path) -> None:
    assert read(tmp_path) == Records()


def test_the_scenarios_shapes_are_accepted_as_they_stand(tmp_path: Path, shared: Path) -> None:
    (tmp_path / "records").symlink_to(shared / "scenario" / "records")

    found = read(tmp_path)

    assert (found.programme.name, found.day_labels[2]) == ("AutomatosX Revamp", ("Day 4", date(2025, 1, 23)))
    assert [member.name for member in found.team] == ["Oliver", "Avery", "Queenie", "Bob", "Paris", "Felix"]
    assert [check.id for check in found.readiness] == [f"RDY-{number:02d}" for number in range(1, 11)]
    assert [step.id for step in found.steps] == ["3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "", ""]
    assert [text for _, text in found.steps[0].ramp] == [
        "0 % to 25 % by Oliver; audit event LD-88721",
        "25 % to 75 % by Oliver; gate: variance has to be below 3 % either way first",
        "75 % to 100 % by Oliver; watched by Avery",
    ]
    assert (len(found.risks), len(found.actions), len(found.priorities), len(found.artifacts)) == (3, 5, 6, 13)
    assert (len(found.snapshot), len(found.follow_on), len(found.touchpoints)) == (8, 6, 7)
    assert found.rehearsal and found.rehearsal.text == "checksum matched, staged, not used"
    assert found.readiness_evidence[2:] == (
        "Response times in the incident simulated with PagerDuty (ack mean 1 min, resolve mean 3 min)",
        "Template for a broadcast on Slack, approved by Paris in advance",
        "PagerDuty simulation, 13:20: synthetic yes, auto resolved yes, mean ack 1 min, mean resolve 3 min",
    )
    assert sorted(found.notes) == ["conclusion", "lessons"]
    log = records.read_entries(tmp_path, deployment())
    assert (len(log), log[0].people, iso(log[-1].at)) == (70, ("Oliver", "Avery"), "2025-01-23T00:00:00Z")


def test_every_text_of_the_scenario_is_kept_somewhere(tmp_path: Path, shared: Path) -> None:
    """Nothing that a person wrote may get lost: each long text of the files stands in the records."""
    import yaml

    source = shared / "scenario" / "records"
    (tmp_path / "records").symlink_to(source)

    kept = repr(read(tmp_path)) + repr(records.read_entries(tmp_path, deployment()))

    def texts(value: object) -> list[str]:
        if isinstance(value, dict):
            return [text for item in value.values() for text in texts(item)]
        if isinstance(value, list):
            return [text for item in value for text in texts(item)]
        return [value] if isinstance(value, str) and not value.startswith("2025-") else []

    for path in sorted(source.glob("*.yaml")):
        if path.name != "metrics.yaml":
            lost = [
                text
                for text in texts(yaml.safe_load(path.read_text()))
                if text not in kept and repr(text)[1:-1] not in kept
            ]
            assert set(lost) <= {"America/Los_Angeles", "deployment journal"}, path.name


def test_further_facts_of_a_step_are_kept_in_order_and_in_words(tmp_path: Path) -> None:
    text = """\
- title: Restart
  at: 14:04
  actors: [Oliver]
  duration_seconds: 110
  health: {endpoint: /ready, passed_at: '2025-01-22T14:05:00-08:00'}
  rolling: true
  pods: [cli-exec-1, cli-exec-2]
  baseline: ['2025-01-21T14:00:00-08:00', '2025-01-21T14:15:00-08:00']
  parser_cpu_percent: 42
  range_pct: [1.8, 2.6]
  nothing: null
"""

    step = read(tmp_path, records__steps=text, records__day_labels="Day 2: 2025-01-21").steps[0]

    assert step.facts == (
        ("Duration", "110 s"),
        ("Health", "endpoint /ready, passed at 14:05"),
        ("Rolling", "yes"),
        ("Pods", "cli-exec-1, cli-exec-2"),
        ("Baseline", "Day 2 14:00 to 14:15 PT"),
        ("Parser CPU", "42 %"),
        ("Range", "1.8 to 2.6 %"),
    )
    assert step.by == ("Oliver",)


def test_one_file_with_all_keys_reads_like_many(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        records="""\
programme: AutomatosX Revamp
day_labels: {Day 3: 2025-01-22, Day 4: 2025-01-23}
team: {Oliver: deployment lead, Avery: SRE on-call}
touchpoints: [{at: 14:15:45, channel: stakeholders, text: green, by: Paris}]
readiness: [{text: Runbook read, by: Oliver and Avery, at: 13:30, result: done}]
approvals: [{what: go/no-go, at: 13:30, result: green}]
steps: [{title: Restart, start: 14:02, end: 14:04, checks: [healthz is 200]}]
follow_on: [Rust feasibility]
risks: [{id: R-4, description: d, next_review: Day 4 09:45}]
actions: [{id: A-1, text: t, waits_on: 48h}]
priorities: [first, second]
artifacts: [{text: screenshots, where: not held here}]
""",
    )

    assert (found.programme.name, found.team[1].role) == ("AutomatosX Revamp", "SRE on-call")
    assert (found.readiness[0].by, iso(found.risks[0].due)) == (("Oliver", "Avery"), "2025-01-23T17:45:00Z")  # type: ignore[arg-type]
    assert found.steps[0].window and found.steps[0].window.hours * 60 == 2
    assert found.steps[0].lines == ((None, "healthz is 200"),)
    assert [(each.id, each.text) for each in found.priorities] == [("", "first"), ("", "second")]
    assert (found.artifacts[0].where, found.actions[0].waits_on) == ("not held here", timedelta(hours=48))


def test_mistakes_of_all_files_have_their_own_lines(tmp_path: Path) -> None:
    found = complaints(
        tmp_path,
        records="teem: []\nrisks:\n  - {id: R-4, descripton: d}\n  - {id: R-4, description: e}\n",
        records__actions="- id: A-1\n  text: t\n  due: tomorrow\n- text: u\n",
        records__steps="- title: a\n  windw: 14:00 to 14:02\n",
    )

    assert found == [
        "records.yml:1: file: 'teem' is not a key here; did you mean 'team'?",
        "records.yml:3: risks > R-4: 'descripton' is not a key here; did you mean 'description'?",
        "records/actions.yml:3: actions > A-1 > due: 'tomorrow' is not a time; write '2025-01-22 14:00'",
        "records/actions.yml:4: actions > 2: 'id' is missing; write 'id: R-4'",
        "records/steps.yml:2: steps > 1: 'windw' is not a key here; did you mean 'window'?",
    ]


def test_an_id_that_stands_twice_is_told(tmp_path: Path) -> None:
    text = "risks:\n  - {id: R-4, description: d}\n  - {id: R-6, description: e}\n  - {id: R-4, description: f}\n"

    assert complaints(tmp_path, records__risks=text) == [
        "records/risks.yml:4: risks > risks > R-4 > id: 'R-4' stands twice; each has its own id"
    ]


@pytest.mark.parametrize(
    ("written", "due"),
    [
        ("2025-01-23 17:00", "2025-01-24T01:00:00Z"),
        ("2025-01-23", "2025-01-24T07:59:59Z"),  # the local day ends at 08:00 UTC
        ("Day 4", "2025-01-24T07:59:59Z"),
        ("2025-03-09", "2025-03-10T06:59:59Z"),  # the clocks went forward in its night: 23 hours
        ("2025-11-02", "2025-11-03T07:59:59Z"),  # back: 25 hours
    ],
)
def test_a_day_alone_is_due_at_its_end(tmp_path: Path, written: str, due: str) -> None:
    text = f"day_labels: {{Day 4: 2025-01-23}}\nactions: [{{id: A-1, text: t, due: {written}}}]\n"
    text += f"risks: [{{id: R-1, description: d, next_review: {written}}}]\n"
    found = read(tmp_path, records=text)

    assert found.actions[0].due == found.risks[0].due
    assert found.actions[0].due and iso(found.actions[0].due) == due


def test_items_that_wait_on_each_other_are_told_what_one_may_wait_on(tmp_path: Path) -> None:
    text = "actions: [{id: A-1, text: t, waits_on: A-2}, {id: A-2, text: t, waits_on: A-1}]\n"

    assert complaints(tmp_path, records=text) == [
        "records.yml:1: actions > A-1 > waits_on: 'A-2' is not a checkpoint; write '+48h'",
        "records.yml:1: actions > A-2 > waits_on: 'A-1' is not a checkpoint; write '+48h'",
    ]


def test_a_priority_may_be_kept_up_like_an_action(tmp_path: Path) -> None:
    text = "priorities:\n  - only a text\n  - {id: P-1, text: t, owner: Bob, due: 2025-01-23 17:00, waits_on: +24h}\n"
    plain, kept = read(tmp_path, records=text).priorities

    assert (plain.id, plain.text, plain.due) == ("", "only a text", None)
    assert (kept.id, kept.owner, kept.waits_on) == ("P-1", "Bob", timedelta(hours=24))
    assert [each.text for each in read(tmp_path, records="priorities: one text\n").priorities] == ["one text"]


def test_what_the_deployment_does_not_have_cannot_be_waited_on_or_done(tmp_path: Path) -> None:
    text = "actions: [{id: A-1, text: t, waits_on: +36h}]\nchecks: [{id: +5h, status: Done}]\n"
    text += "priorities: {for: Day 4, items: [{id: P-1, text: t, waits_on: 7h}, {id: P-1, text: u}, x, y]}\n"

    assert complaints(tmp_path, records=text) == [
        "records.yml:1: actions > A-1 > waits_on: +36h is not a checkpoint; checkpoints are +1h, +12h, +24h and +48h",
        "records.yml:2: checks > +5h > id: '+5h' is no check by a person; in deployment.yml are none",
        "records.yml:3: priorities > items > P-1 > id: 'P-1' stands twice; each has its own id",
        "records.yml:3: priorities > items > P-1 > waits_on: +7h is not a checkpoint; checkpoints are +1h, +12h, +24h and +48h",
    ]


def test_a_check_by_a_person_is_done_by_its_id(tmp_path: Path) -> None:
    check = PeopleCheck(id="+4h", after=timedelta(hours=4), who="Queenie", what="QA spot check")
    (tmp_path / "records.yml").write_text("checks: [{id: +4h, status: Done, note: clean}]\n")
    found = records.read_records(tmp_path, replace(deployment(), checkpoints=Checkpoints(people=(check,))))

    assert [(each.id, each.status, each.note) for each in found.checks] == [("+4h", "Done", "clean")]


def test_a_key_in_two_files_is_told(tmp_path: Path) -> None:
    found = complaints(tmp_path, records="team: []\n", records__team="[]\n")

    assert found == ["records/team.yml:1: team: is also written in deployments/x/records.yml:1; keep one"]


def test_notes_come_by_their_name_and_notes_win(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "lessons.md").write_text("old")

    found = read(tmp_path, notes__lessons="new", notes__conclusion="# C")

    assert found.notes == {"lessons": "new", "conclusion": "# C"}


def test_a_figure_in_a_text_stays_as_written(tmp_path: Path) -> None:
    found = read(tmp_path, records__priorities='- "p50 was {parser_p50 14:00 to 14:02}"\n')

    assert [each.text for each in found.priorities] == ["p50 was {parser_p50 14:00 to 14:02}"]


def test_hostile_text_is_kept_as_text(tmp_path: Path) -> None:
    found = read(tmp_path, records__team="- {name: '<script>', role: '=cmd()'}\n")

    assert (found.team[0].name, found.team[0].role) == ("<script>", "=cmd()")


def test_the_reference_records_hold_what_the_scenario_tells(root: Path) -> None:
    place = records.read_workspace(root)
    found = records.read_records(place.folder(REFERENCE), records.read_deployment(place, REFERENCE))

    assert [check.id for check in found.readiness] == [f"RDY-{number:02d}" for number in range(1, 11)]
    assert [step.id for step in found.steps] == ["3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "", ""]
    assert (len(found.risks), len(found.actions), len(found.priorities)) == (3, 5, 6)
    assert (len(found.touchpoints), len(found.snapshot), len(found.approvals)) == (7, 8, 3)
    named = [place.folder(REFERENCE) / artifact.path for artifact in found.artifacts if artifact.path]
    assert all(path.is_file() for path in named)
    assert sum("not held here" in artifact.where for artifact in found.artifacts) == 4


def test_the_reference_exports_are_what_their_checksums_say(root: Path) -> None:
    import hashlib

    original = root / "deployments" / REFERENCE / "exports" / "original"
    lists = sorted(original.rglob("SHA256SUMS"))

    assert len(lists) == 4
    for path in lists:
        for line in path.read_text().splitlines():
            digest, name = line.split()
            assert hashlib.sha256((path.parent / name).read_bytes()).hexdigest() == digest
    assert sum(path.stat().st_size for path in original.rglob("*") if path.is_file()) < 8_000_000


@pytest.mark.parametrize("kind", ["deployment", "service", "deploybook", "records"])
def test_the_schema_in_the_repository_is_the_one_of_the_code(root: Path, kind: str) -> None:
    stored = (root / "schemas" / f"{kind}.json").read_text(encoding="utf-8")

    assert json.loads(stored) == json_schema(kind)


def test_the_schema_says_what_each_key_means() -> None:
    schema = json_schema("deployment")

    assert schema["properties"]["ticket"]["description"] == "The change ticket; none where there is none."
    assert schema["additionalProperties"] is False
    metric = schema["$defs"]["Histogram"]
    assert (metric["required"], metric["properties"]["target"]["description"]) == (
        ["histogram", "statistic"],
        "The limit, such as 'at most 65 ms'.",
    )


@pytest.mark.parametrize("change", [("", ""), ("statistic: p50", "statistik: p50"), ("decimals: 1", "decimals: few")])
def test_an_editor_accepts_the_reference_and_marks_a_mistake(root: Path, change: tuple[str, str]) -> None:
    import jsonschema
    import yaml

    text = (root / "deployments" / REFERENCE / "deployment.yml").read_text(encoding="utf-8")

    found = list(
        jsonschema.Draft202012Validator(json_schema("deployment")).iter_errors(yaml.safe_load(text.replace(*change)))
    )

    assert bool(found) == bool(change[0])

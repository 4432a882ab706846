"""The verifier: whatever is damaged is found and named; what is accepted on purpose is told."""

from __future__ import annotations

import ast
import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from evidence_site import CSV, FIGURE, KEY, NOW, NUMBER, OTHER_KEY, SLUG, WHO, export, manifest_of, publish

from deploybook.errors import DeploybookError
from deploybook.evidence import Log, merkle, standalone, statement, verifier, verify


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published site that nobody may change."""
    return publish(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def site(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return linked(whole, tmp_path / "site")


def linked(whole: Path, to: Path) -> Path:
    return Path(shutil.copytree(whole, to, copy_function=os.link))


def check(site: Path, **options: Any) -> standalone.Report:
    return verify(str(site), **{"keys": [KEY.vkey], "figures": True} | options)


def broken(site: Path, **options: Any) -> standalone.Broken:
    found = check(site, **options).broken
    assert found is not None, "the damage was accepted"
    return found


def overwrite(path: Path, data: bytes) -> None:
    """Put other bytes in its place; the file may be a hard link to the whole one."""
    path.unlink()
    path.write_bytes(data)


def log_lines(site: Path) -> list[bytes]:
    return (site / "evidence" / "log.jsonl").read_bytes().splitlines(keepends=True)


def with_lines(site: Path, lines: list[bytes]) -> None:
    overwrite(site / "evidence" / "log.jsonl", b"".join(lines))


def artifacts(site: Path) -> list[Path]:
    return sorted(path for path in (site / "evidence" / "sha256").rglob("*") if path.is_file())


# --- what is checked


def test_a_whole_site_verifies_and_says_what_was_looked_at(whole: Path) -> None:
    report = check(whole)

    assert report.ok, report.broken
    text = "\n".join(report.lines())
    assert "log: 18 entries, root " in text
    assert f"signature: {KEY.name}+" in text
    assert "pages: 2 files as in the last publication" in text
    assert "figures: 1 derived again, 0 differ (0 only in the last bits)" in text
    assert "numbers on pages: 1 lead to a figure of the log" in text
    assert report.unchecked == ["history: a return to an older signed state shows only with --since OLD_CHECKPOINT"]


def test_what_was_not_asked_for_is_listed_as_not_checked(whole: Path) -> None:
    unchecked = " | ".join(verify(str(whole / "evidence"), subset=0.1).unchecked)

    for text in ("who signed", "history", "figures", "bytes of 15 of 17 artifacts", "pages"):
        assert text in unchecked


def test_a_zip_and_a_folder_inside_it_read_the_same(whole: Path, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "site"), "zip", whole.parent, "site")

    assert list(check(Path(packed)).lines()) == list(check(whole).lines())


def test_the_single_file_runs_alone(site: Path, tmp_path: Path) -> None:
    script = tmp_path / "verify.py"
    script.write_bytes(verifier())
    command = [sys.executable, "-I", str(script), str(site), "--figures", "--key"]

    good = subprocess.run([*command, KEY.vkey], capture_output=True, text=True, check=False)
    foreign = subprocess.run([*command, OTHER_KEY.vkey], capture_output=True, text=True, check=False)

    assert (good.returncode, good.stdout.splitlines()[-1][:2]) == (0, "OK")
    assert (foreign.returncode, foreign.stdout.splitlines()[-1][:6]) == (6, "BROKEN")
    assert not re.search(r"^\s*(from|import) deploybook", verifier().decode(), re.MULTILINE)


def test_a_receipt_proves_one_artifact(whole: Path) -> None:
    digest = artifacts(whole)[0].name.partition(".")[0]
    text = standalone.proof(str(whole), digest)

    head, _, note = text.partition("\n\n")
    version, index, *hashes = head.split("\n")
    checkpoint = standalone.Checkpoint.parse(note.encode())
    assert version == "c2sp.org/tlog-proof@v1"
    number = int(index.removeprefix("index "))
    line = log_lines(whole)[number].rstrip(b"\n")
    assert digest.encode() in line
    path = [base64.b64decode(one) for one in hashes]
    assert merkle.verify_inclusion(
        merkle.leaf_hash(line), number, checkpoint.size, path, base64.b64decode(checkpoint.root)
    )
    with pytest.raises(standalone.Broken, match="no entry"):
        standalone.proof(str(whole), "0" * 64)


def test_the_log_may_lie_deeper_in_the_site(site: Path) -> None:
    (site / "more").mkdir()
    (site / "evidence").rename(site / "more" / "log")

    assert "pages: 2 files as in the last publication" in check(site).checked
    assert "pages: 2 files as in the last publication" in check(site / "more" / "log", pages=str(site)).checked


def test_what_shows_on_hover_is_no_part_of_the_number_and_no_value_is_no_number(tmp_path: Path) -> None:
    tip = '<a href="#E-01">3\u00a0errors</a><span data-search-exclude><span>3.0 errors</span></span>'
    none = '<data value="" data-figure="another">No data</data>'
    site = publish(tmp_path, number=f'<data value="3.0" data-figure="parser_failures">{tip}</data> of 61 {none}')

    assert "numbers on pages: 2 lead to a figure" in " ".join(check(site).checked)


@pytest.mark.parametrize(
    "cell",
    [
        '<td class="db-c-number" data-label="Value">3 errors</td>',
        f'<td class="db-c-number" data-label="Delta">{NUMBER} (1 more)</td>',
    ],
)
def test_a_number_of_a_metrics_table_that_leads_to_no_figure_is_an_error(tmp_path: Path, cell: str) -> None:
    good = (
        f'<td class="db-c-number" data-label="Threshold">3</td><td class="db-c-number" data-label="Value">{NUMBER}</td>'
    )
    assert check(publish(tmp_path / "good", number=good)).ok

    found = broken(publish(tmp_path / "bad", number=good + cell))

    assert (found.place, "leads to no figure" in found.what) == ("reports/outcome.html", True)


def test_the_log_inside_a_published_site_is_held_against_the_workspace(whole: Path, tmp_path: Path) -> None:
    site = linked(whole, tmp_path / "site")
    home = shutil.copytree(whole / "evidence", tmp_path / "evidence")
    grown = Log.open(home, key=KEY)
    grown.append([export(grown, 77)], NOW + timedelta(hours=1))
    asked: dict[str, Any] = {"pages": str(site), "workspace": True}
    assert "copy of the log in the site: its 18 entries are the first ones here" in check(home, **asked).checked

    overwrite(artifacts(site)[2], b"other")
    assert broken(home, **asked).what == "not the same in the site as here"
    overwrite(
        site / "evidence" / "checkpoint", Log.open(tmp_path / "none", key=KEY).append([export(grown, 9)], NOW).dump()
    )
    assert broken(home, **asked).what == "that of the site is of another log than this one"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere: no such file"),
        ([".", "--pages", "nowhere"], "nowhere: no such file"),
        ([".", "--key", "abc"], "--key abc: not an Ed25519 key"),
        ([".", "--since", "abc"], "--since abc: write 'SIZE ROOT'"),
        ([".", "--subset", "500%"], "--subset 500%: write a share"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        standalone.main(words)

    message = capsys.readouterr().err
    assert (stopped.value.code, message.count("\n")) == (2, 1)
    assert message.startswith(said)


# --- history


def test_a_return_to_an_older_signed_state_shows_with_since(tmp_path: Path) -> None:
    log = Log.open(tmp_path / "evidence", key=KEY)
    log.append([export(log, 1)], NOW)
    old = {name: (log.path / name).read_bytes() for name in ("log.jsonl", "checkpoint")}
    log.append([export(log, 2)], NOW)
    newer = tmp_path / "newer"
    newer.write_bytes((log.path / "checkpoint").read_bytes())
    older = tmp_path / "older"
    older.write_bytes(old["checkpoint"])
    assert check(log.path, since=str(older)).ok
    head = standalone.Checkpoint.parse(old["checkpoint"])
    assert check(log.path, since=f"{head.size} {head.root}").ok
    for name, data in old.items():
        overwrite(log.path / name, data)
    artifacts_of_two = [path for path in (log.path / "sha256").rglob("*.csv") if path.read_bytes().endswith(b"2\n")]
    artifacts_of_two[0].unlink()

    assert check(log.path).ok  # any verifier accepts an older signed state
    assert broken(log.path, since=str(newer)).what.startswith("rolled back")


def test_a_rewritten_history_shows_with_since(tmp_path: Path) -> None:
    first, second = (Log.open(tmp_path / name, key=KEY) for name in ("one", "two"))
    for log, number in ((first, 1), (second, 2)):
        log.append([export(log, number), export(log, 3)], NOW)
        log.append([export(log, 4)], NOW)
    head = first.head()

    assert check(second.path).ok
    assert "history was rewritten" in broken(second.path, since=f"{head.size} {head.root}").what


# --- removed on purpose


def test_removed_bytes_need_a_tombstone(tmp_path: Path) -> None:
    log = Log.open(tmp_path / "evidence", key=KEY)
    log.append([export(log, 1), export(log, 2)], NOW)
    entry = next(log.entries("export"))
    ((name, path),) = entry.paths.items()
    stored = log.path / path
    data = stored.read_bytes()
    stored.unlink()
    assert broken(log.path).place == path

    why = {
        "reason": "retention",
        "rule": "keep exports 400 d",
        "actor": "Oliver",
        "approver": "Avery",
        "ticket": "CHG-2025-0121",
    }
    log.append([statement.tombstone({name: entry.artifacts[name]}, **why)], NOW)
    assert any("1 removed by tombstone" in line for line in check(log.path).lines())
    stored.write_bytes(data)
    assert "removes it, but it is here" in broken(log.path).what
    with pytest.raises(DeploybookError, match="removed on purpose"):
        log.append([export(log, 1, rows=2)], NOW)


def test_a_withheld_line_keeps_the_root(tmp_path: Path) -> None:
    log = Log.open(tmp_path / "evidence", key=KEY)
    log.append([export(log, 1), export(log, 2)], NOW)
    why = {"reason": "secret", "rule": "leak drill", "actor": "Oliver", "approver": "Avery", "ticket": "CHG-2025-0121"}
    (log.path / next(log.entries("export")).paths["exports/1.csv"]).unlink()
    other = Log.open(log.path, key=KEY)
    other.append([], NOW)

    log.withhold(1, NOW, **why)

    report = check(log.path)
    assert report.ok, report.broken
    assert any("withheld lines: 1" in line for line in report.unchecked)
    assert [entry.index for entry in log.entries("export")] == [2]
    assert b"exports/1.csv" not in (log.path / "log.jsonl").read_bytes()
    assert other.append([export(other, 3)], NOW).size == 5
    assert check(log.path).ok


def test_a_line_is_not_withheld_in_silence(site: Path) -> None:
    lines = log_lines(site)
    leaf = base64.b64encode(merkle.leaf_hash(lines[3].rstrip(b"\n"))).decode()
    lines[3] = json.dumps({"withheld": leaf}, separators=(",", ":")).encode() + b"\n"
    with_lines(site, lines)

    assert broken(site).place == "log.jsonl line 4"


def test_a_forged_withheld_hash_does_not_fit(site: Path) -> None:
    lines = log_lines(site)
    lines[3] = b'{"withheld":"' + base64.b64encode(bytes(32)) + b'"}\n'
    with_lines(site, lines)

    assert not check(site).ok


# --- single damages, each with the place that has to be named


def cut(text: bytes) -> Callable[[Path], None]:
    return lambda site: with_lines(site, [line for line in log_lines(site) if text not in line])


def swap_lines(site: Path) -> None:
    lines = log_lines(site)
    lines[4], lines[5] = lines[5], lines[4]
    with_lines(site, lines)


def double_key(site: Path) -> None:
    lines = log_lines(site)
    lines[6] = lines[6].replace(b'"rows":61', b'"rows":99,"rows":61')
    with_lines(site, lines)


def replay(site: Path) -> None:
    lines = log_lines(site)
    with_lines(site, [*lines[:9], lines[5], *lines[9:]])


def change_actor(site: Path) -> None:
    lines = log_lines(site)
    lines[8] = lines[8].replace(b"Oliver", b"Avery0")
    with_lines(site, lines)


def swap_artifacts(site: Path) -> None:
    one, two = artifacts(site)[:2]
    first, second = one.read_bytes(), two.read_bytes()
    overwrite(one, second)
    overwrite(two, first)


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def damage(site: Path) -> None:
        path = site / name
        text = path.read_bytes().decode()
        assert old in text
        overwrite(path, text.replace(old, new, 1).encode())

    return damage


def strip_signature(site: Path) -> None:
    path = site / "evidence" / "checkpoint"
    overwrite(path, path.read_bytes().partition(b"\n\n")[0] + b"\n")


def lax_base64(site: Path) -> None:
    path = site / "evidence" / "checkpoint"
    body, _, line = path.read_bytes().decode().partition("\n\n")
    text = line.rstrip("\n").rsplit(" ", 1)[1]
    spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = len(text.rstrip("=")) - 1  # the last sign carries bits that no byte needs: another sign decodes to the same
    sign = spare[spare.index(text[at]) ^ 1]
    overwrite(path, f"{body}\n\n{line.replace(text, text[:at] + sign + text[at + 1 :])}".encode())


def link_page(site: Path) -> None:
    (site / "index.html").unlink()
    (site / "index.html").symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (cut(b"exports/5.csv"), r"log.jsonl line [67]"),
        (swap_lines, r"log.jsonl line [45]"),
        (double_key, "log.jsonl line 7"),
        (replay, r"log.jsonl line (9|10)"),
        (change_actor, "log.jsonl line 9"),
        (swap_artifacts, "sha256/"),
        (lambda site: artifacts(site)[3].unlink(), "sha256/"),
        (lambda site: (site / "evidence" / "notes.txt").write_text("x"), "notes.txt"),
        (lambda site: (site / "evidence" / "log.orphan-1").write_text("x"), "log.orphan-1"),
        (edit("evidence/log.jsonl", "\n", "\r\n"), "log.jsonl line 1"),
        (edit("evidence/log.jsonl", "\n", "\n\n"), "log.jsonl line 2"),
        (edit("evidence/log.jsonl", '"rows":61', '"rows":1.0'), "log.jsonl line 2"),
        (edit("evidence/log.jsonl", '"rows":61', '"rows":NaN'), "log.jsonl line 2"),
        (edit("evidence/log.jsonl", "Oliver", "Oliv\u00e9r"), "log.jsonl line 2"),
        (edit("evidence/checkpoint", "18", "17"), "checkpoint"),
        (edit("evidence/checkpoint", "\u2014", "-"), "checkpoint"),
        (edit("evidence/checkpoint", "ops", "opz"), "checkpoint"),
        (edit("evidence/checkpoint", "\n\n", "\nextension\n\n"), "checkpoint"),
        (strip_signature, "checkpoint"),
        (lax_base64, "checkpoint"),
        (edit("index.html", "All", "Our"), "index.html"),
        (lambda site: (site / "index.html").unlink(), "index.html"),
        (lambda site: (site / "new.html").write_text("x"), "new.html"),
        (link_page, "index.html"),
        (edit("SHA256SUMS", "index", "Index"), "SHA256SUMS"),
    ],
)
def test_a_damage_is_found_where_it_is(site: Path, damage: Callable[[Path], None], place: str) -> None:
    damage(site)

    assert re.match(place, broken(site).place), broken(site)


def test_a_log_signed_anew_with_another_key_fits_only_that_key(site: Path) -> None:
    evidence = site / "evidence"
    text = (evidence / "checkpoint").read_bytes()
    checkpoint = standalone.Checkpoint.parse(text)
    forged = standalone.Checkpoint(
        checkpoint.origin, checkpoint.size, checkpoint.root, (OTHER_KEY.signature_of(checkpoint.body),)
    )
    overwrite(evidence / "checkpoint", forged.dump())

    assert broken(site).place == "checkpoint"
    assert broken(site, keys=[]).place == "checkpoint"
    assert "history" in " ".join(check(site, keys=[OTHER_KEY.vkey]).unchecked)  # whoever is given as signer is believed


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 50_000,
        b'{"withheld":"AAAA"}',
        b'{"withheld":5}',
        b'{"_type":"https://in-toto.io/Statement/v1","predicate":5,"predicateType":"x","subject":[{"digest":{"sha256":"0"}}]}',
        b'{"_type":"https://in-toto.io/Statement/v1","predicate":{},"predicateType":5,"subject":5}',
    ],
)
def test_a_hostile_line_is_refused_and_nothing_else_happens(leaf: bytes) -> None:
    with pytest.raises(standalone.Broken):
        standalone.parse_leaf(leaf, "here")


@pytest.mark.parametrize("name", ["../out", "/abs", "a/../b", "a\\b", "a//b"])
def test_a_zip_does_not_lead_out_of_itself(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as packed:
        packed.writestr("evidence/checkpoint", "x")
        packed.writestr(zipfile.ZipInfo(name), "x")

    assert broken(tmp_path / "z.zip").place == name


# --- figures


def with_figure(tmp_path: Path, **changes: Any) -> Path:
    log = Log.open(tmp_path / "evidence", key=KEY)
    original = log.put(CSV.encode(), "csv")
    figure = FIGURE | {"inputs": [original.digest]} | changes
    said = log.put((json.dumps(figure) + "\n").encode(), "jsonl")
    kept = statement.export(
        {"exports/parser_failure_total.csv": original}, **WHO, source="exports", source_kind="files"
    )
    digests = dict.fromkeys(("notebook", "parameters", "environment"), original.digest)
    log.append([kept, statement.run({"figures.jsonl": said}, **WHO, **digests)], NOW)
    return log.path


@pytest.mark.parametrize(
    "changes",
    [
        {"value": "2.0", "display": "2 errors"},
        {"value": "3.0000001"},
        {"display": "4 errors"},
        {"display": "2.9 errors", "decimals": 1},
        {"value": ""},
        {"op": "guess"},
        {"op": "worst_hour", "window": ["2025-01-22T22:10:00Z", "2025-01-22T22:30:00Z"]},
        {"name": "another"},
        {"window": ["then", "now"], "value": "3.0", "op": "gauge_mean"},
        {"where": [["pod", "=~", "("]]},
    ],
)
def test_a_figure_that_does_not_come_out_of_its_bytes_is_found(tmp_path: Path, changes: dict[str, Any]) -> None:
    report = check(with_figure(tmp_path, **changes))

    assert report.broken is not None or changes.get("window") == ["then", "now"]
    if report.broken:
        assert re.match(r"sha256/.*jsonl line 1", report.broken.place)
    else:
        assert any("a window without times" in line for line in report.unchecked)


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "display"),
    [
        (58.3996, "ms", 1, "58.4 ms"),
        (0.01911, "1", 1, "+1.9\u202f%"),
        (-0.01093, "1", 1, "\u22121.1 %"),
        (3.58, "points", 1, "+3.6 pts"),
        (12345.0, "errors", 0, "12,345 errors"),
        (-0.0001, "1", 1, "0.0 %"),
        (2.5, "ms", 0, "2 ms"),
        (96.8, "%", 1, "96.8 %"),
    ],
)
def test_a_display_is_the_value_rounded_half_to_even(value: float, unit: str, decimals: int, display: str) -> None:
    figure = {"unit": unit, "decimals": decimals, "display": display}

    assert standalone._prints(value, figure)
    assert not standalone._prints(value + 2 * 10**-decimals, figure)


def test_a_figure_of_the_server_is_told_as_not_derived(tmp_path: Path) -> None:
    report = check(with_figure(tmp_path, op="server_side"))

    assert report.ok
    assert any("1 not derived: the server evaluated" in line for line in report.unchecked)


def test_a_number_on_a_page_leads_to_a_figure_of_the_log(tmp_path: Path) -> None:
    site = publish(tmp_path)
    page = site / "reports" / "outcome.html"
    page.write_text(page.read_text().replace('value="3.0"', 'value="2.0"').replace(">3\u00a0", ">2\u00a0"))
    shutil.rmtree(site / "evidence")
    log = Log.open(tmp_path / "evidence", key=KEY)
    manifest = manifest_of(site)
    (site / "SHA256SUMS").write_bytes(manifest)
    log.append([statement.publication(log.put(manifest, "txt"), pages=2)], NOW + timedelta(hours=1))
    shutil.copytree(tmp_path / "evidence", site / "evidence")

    assert broken(site).place == "reports/outcome.html"


# --- a thousand random damages


def random_damage(site: Path, dice: random.Random) -> str:
    """One damage of the issue's list; what it was."""
    evidence = site / "evidence"
    kind = dice.choice(list(RANDOM))
    RANDOM[kind](site, evidence, dice)
    return kind


def flip(path: Path, dice: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    overwrite(path, bytes(data))


def reorder(site: Path, dice: random.Random, change: Callable[[list[bytes], int, int], None]) -> None:
    lines = log_lines(site)
    one, two = dice.sample(range(len(lines)), 2)
    change(lines, one, two)
    with_lines(site, lines)


def exchange(lines: list[bytes], one: int, two: int) -> None:
    lines[one], lines[two] = lines[two], lines[one]


def exchange_artifacts(site: Path, dice: random.Random) -> None:
    one, two = dice.sample(artifacts(site), 2)
    first, second = one.read_bytes(), two.read_bytes()
    overwrite(one, second)
    overwrite(two, first)


def truncate(path: Path, dice: random.Random) -> None:
    data = path.read_bytes()
    overwrite(path, data[: dice.randrange(len(data))])


def insert_line(lines: list[bytes], one: int, two: int) -> None:
    lines.insert(one, lines[two].replace(b'"actor":"Oliver"', b'"actor":"Mallory"'))


def respell(site: Path, dice: random.Random) -> None:
    lines = log_lines(site)
    number = dice.randrange(len(lines))
    lines[number] = lines[number].replace(b'"predicate":{', b'"predicate":{"actor":"Mallory","actor":"Mallory",', 1)
    with_lines(site, lines)


def resign(site: Path, evidence: Path, dice: random.Random) -> None:
    checkpoint = standalone.Checkpoint.parse((evidence / "checkpoint").read_bytes())
    forged = (OTHER_KEY.signature_of(checkpoint.body),)
    overwrite(
        evidence / "checkpoint",
        standalone.Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root, forged).dump(),
    )


RANDOM: dict[str, Callable[[Path, Path, random.Random], object]] = {
    "bit of the log": lambda site, evidence, dice: flip(evidence / "log.jsonl", dice),
    "bit of the checkpoint": lambda site, evidence, dice: flip(evidence / "checkpoint", dice),
    "bit of an artifact": lambda site, evidence, dice: flip(dice.choice(artifacts(site)), dice),
    "bit of a page": lambda site, evidence, dice: flip(dice.choice(sorted(site.rglob("*.html"))), dice),
    "bit of the list of pages": lambda site, evidence, dice: flip(site / "SHA256SUMS", dice),
    "swapped entries": lambda site, evidence, dice: reorder(site, dice, exchange),
    "dropped entry": lambda site, evidence, dice: reorder(site, dice, lambda lines, one, two: lines.__delitem__(one)),
    "doubled entry": lambda site, evidence, dice: reorder(
        site, dice, lambda lines, one, two: lines.insert(one, lines[one])
    ),
    "replayed entry": lambda site, evidence, dice: reorder(
        site, dice, lambda lines, one, two: lines.insert(one, lines[two])
    ),
    "replaced entry": lambda site, evidence, dice: reorder(
        site, dice, lambda lines, one, two: lines.__setitem__(one, lines[two])
    ),
    "inserted entry": lambda site, evidence, dice: reorder(site, dice, insert_line),
    "swapped artifacts": lambda site, evidence, dice: exchange_artifacts(site, dice),
    "dropped artifact": lambda site, evidence, dice: dice.choice(artifacts(site)).unlink(),
    "cut log": lambda site, evidence, dice: truncate(evidence / "log.jsonl", dice),
    "cut artifact": lambda site, evidence, dice: truncate(dice.choice(artifacts(site)), dice),
    "cut checkpoint": lambda site, evidence, dice: truncate(evidence / "checkpoint", dice),
    "key written twice": lambda site, evidence, dice: respell(site, dice),
    "foreign key": resign,
    "lax base64": lambda site, evidence, dice: lax_base64(site),
    "stranger": lambda site, evidence, dice: (evidence / f"file-{dice.randrange(99)}").write_text("x"),
}


def damage_and_verify(whole: Path, folder: Path, count: int, seed: int) -> dict[str, int]:
    """Each damage alone on a fresh copy; all have to be found, with a place. Counts by kind."""
    dice, found = random.Random(seed), {}
    for number in range(count):
        site = linked(whole, folder / f"{number}")
        kind = random_damage(site, dice)
        report = check(site, figures=False)
        assert report.broken is not None, f"{kind}, number {number} of seed {seed}: accepted"
        assert report.broken.place
        assert report.broken.place != str(site), f"{kind}: {report.broken}"
        found[kind] = found.get(kind, 0) + 1
        shutil.rmtree(site)
    return found


def test_random_damages_are_found_and_named(whole: Path, tmp_path: Path) -> None:
    found = damage_and_verify(whole, tmp_path, 120, seed=1)

    assert len(found) == len(RANDOM)


@pytest.mark.bench
def test_a_thousand_random_damages_are_found_and_named(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = damage_and_verify(whole, tmp_path, 1000, seed=2025)

    with capsys.disabled():
        print(
            f"\n{sum(found.values())} of 1000 damages detected: "
            + ", ".join(f"{kind} {n}" for kind, n in sorted(found.items()))
        )
    assert SLUG in (whole / "evidence" / "log.jsonl").read_text()


# --- the manual and old Pythons


def test_the_manual_names_every_kind_operation_and_option(root: Path) -> None:
    text = (root / "docs" / "reference" / "evidence-format.md").read_text()
    kinds = ["export", "run", "verdict", "approval", "outcome", "publication", "notification", "correction"]
    operations = [name.replace("gauge_", "") if name != "gauge_mean" else name for name in standalone._OPS]
    options = re.findall(r'"(--[a-z]+)"', verifier().decode())

    for word in [*kinds, "tombstone", "key-rotation", *operations, *statement.REASONS]:
        assert f"`{word}`" in text or word in text, word
    for option in options:
        assert option in text or option == "--pages", option


def test_the_verifier_is_written_for_python_3_9() -> None:
    source = verifier().decode()
    ast.parse(source, feature_version=(3, 9))

    for newer in ("datetime.UTC", "dt.UTC", "strict=", "pairwise(", "batched(", "tomllib", "slots=", "file_digest"):
        assert newer not in source, newer

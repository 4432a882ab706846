"""The verbs of the evidence in a small published workspace: verify, attach, pack, prune; and a page that is made again."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from evidence_site import CSV
from servers import FakeServer, reply

from deploybook import cli, exports
from deploybook.book.credentials import guard
from deploybook.errors import DeploybookError
from deploybook.evidence import Entry, Log
from deploybook.evidence.gate import forms
from deploybook.model import Entry as Event
from deploybook.model import Pulled

SLUG = "2025-01-22-telemetry-step2"
NOW = datetime(2025, 1, 23, 1, 0, tzinfo=UTC)
YAML = """\
title: Telemetry Step 2
ticket: CHG-2025-0121
version: 6f2bb3c
timezone: America/Los_Angeles
lead: Oliver
windows: {baseline: none, deployment: 2025-01-22 14:00 to 15:00}
sources: {exports: {kind: files, paths: [exports/original/*.csv]}}
metrics:
  failures: {counter: parser_failure_total, target: at most 3 errors/hour}
"""
JOURNAL = (
    "# 2025-01-22\n14:00 Flag set to 25 % by @Oliver #flag\n14:20 Bob told us in confidence that he is ill #private\n"
)
RECORDS = """\
approvals:
  - {what: Go/no-go, by: Queenie, at: 2025-01-22 13:30, result: green}
artifacts: # what we name
  - {text: Journal, path: journal.md}
"""


class Place:
    """A workspace and what the command says in it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str] | None = None) -> None:
        self.root, self.capsys = root, capsys
        self.folder = root / "deployments" / SLUG

    def say(self, *words: str, now: datetime = NOW) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        with pytest.raises(SystemExit) as stopped:
            cli.main(["-C", str(self.root), "--now", now.isoformat(), *words])
        out, err = self.capsys.readouterr() if self.capsys else ("", "")
        return int(stopped.value.code or 0), out, err

    def do(self, *words: str, now: datetime = NOW) -> str:
        code, out, err = self.say(*words, now=now)
        assert code == 0, out + err
        return out

    def entries(self, kind: str) -> list[Entry]:
        return list(Log.open(self.root / "evidence").entries(kind))

    def read(self, entry: Entry, name: str) -> str:
        return (self.root / "evidence" / entry.paths[name]).read_text()

    @property
    def page(self) -> Path:
        return self.root / "reports" / "2025" / "01" / SLUG / "index.md"


@pytest.fixture(scope="module")
def data_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(home))
        patch.setenv("DEPLOYBOOK_KEY", str(home / "key"))
        yield home


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, root: Path, data_home: Path) -> Path:
    """A workspace with one report, published; nobody may change it."""
    place = Place(tmp_path_factory.mktemp("work"))
    shutil.copytree(root / "notebooks", place.root / "notebooks")
    shutil.copy(root / "mkdocs.yml", place.root)
    for path, text in {
        "deploybook.yml": "origin: example.org/ops\n",
        f"deployments/{SLUG}/deployment.yml": YAML,
        f"deployments/{SLUG}/journal.md": JOURNAL,
        f"deployments/{SLUG}/records.yml": RECORDS,
        f"deployments/{SLUG}/exports/original/parser_failure_total.csv": CSV,
    }.items():
        (place.root / path).parent.mkdir(parents=True, exist_ok=True)
        (place.root / path).write_text(text)
    place.do("report", "--after", "window")
    place.do("publish")
    return place.root


@pytest.fixture
def place(published: Path, tmp_path: Path, data_home: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    capsys.readouterr()
    return Place(Path(shutil.copytree(published, tmp_path / "work")), capsys)


def bytes_below(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


# --- verify


def test_a_workspace_verifies_with_its_site_and_says_what_was_not_looked_at(place: Place) -> None:
    out = place.do("verify", "--figures")

    for text in ("pages: ", "copy of the log in the site", "none stands bare", "0 differ", "NOT checked  history"):
        assert text in out
    told = json.loads(place.do("verify", "--json", str(place.root / "site")))
    assert (told["schema"], told["ok"], told["broken"]) == ("deploybook.verified/1", True, None)


def test_a_damage_ends_with_6_and_its_place(place: Place) -> None:
    page = place.root / "site" / "index.html"
    page.write_text(page.read_text() + " ")

    code, out, _ = place.say("verify")
    told = json.loads(place.say("verify", "--json")[1])

    assert (code, out.splitlines()[-1]) == (6, f"BROKEN       {told['broken']['place']}: {told['broken']['what']}")
    assert told["broken"]["place"] == "index.html"


@pytest.mark.parametrize("words", [["nowhere"], ["--subset", "0%"], ["--key", "x"], ["--since", "x"], ["--proof", "x"]])
def test_what_cannot_be_meant_ends_with_2_and_one_line(place: Place, words: list[str]) -> None:
    code, out, err = place.say("verify", *words)

    assert (code, out, err.count("\n")) == (2, "", 1)


def test_an_artifact_is_proved(place: Place) -> None:
    original = place.folder / "exports" / "original" / "parser_failure_total.csv"

    assert place.do("verify", "--proof", str(original)).startswith("c2sp.org/tlog-proof@v1\nindex ")


def test_without_a_log_it_is_said_how_to_begin_one(place: Place) -> None:
    shutil.rmtree(place.root / "evidence")

    code, _, err = place.say("verify")

    assert (code, "deploybook report" in err) == (2, True)


# --- attach


def files_of(root: Path) -> dict[str, bytes]:
    """Every path below it, of a file with its bytes."""
    return {path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b"" for path in root.rglob("*")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "Query log (1).CSV"
    found.write_text("a,b\n1,2\n")
    return found


@pytest.mark.parametrize("layout", ["records.yml", "folder", "folder without a list", "a list in one line"])
def test_a_file_is_kept_named_and_shown_as_held(place: Place, file: Path, layout: str) -> None:
    records = place.folder / "records.yml"
    if layout.startswith("folder"):
        records.unlink()
        (place.folder / "records").mkdir()
        if layout == "folder":
            (place.folder / "records" / "artifacts.yml").write_text("- {text: Journal, path: journal.md}")
    if layout == "a list in one line":
        records.write_text("artifacts: [{text: Journal, path: journal.md}]\n")
        before = files_of(place.root)
        code, _, err = place.say("attach", str(file))
        assert (code, "write there yourself: - {" in err) == (2, True)
        assert files_of(place.root) == before
        return

    place.do("attach", str(file), "--what", 'Queries: "all"  of them', "--by", "Avery")
    place.do("attach", str(file))
    if layout == "records.yml":
        place.do("report", "--after", "window", "--no-pull")
        assert place.page.read_text().count("attached/Query-log-1-.CSV") == 1
        assert "Queries: " in place.page.read_text()

    kept = place.folder / "attached" / "Query-log-1-.CSV"
    assert kept.read_text() == "a,b\n1,2\n"
    assert place.do("check").startswith(f"{SLUG}: no mistakes")
    attached = [entry for entry in place.entries("export") if entry.predicate["source"]["alias"] == "attached"]
    assert [entry.predicate["actor"] for entry in attached] == ["Avery", "deploybook"]
    assert "# what we name" in records.read_text() if layout == "records.yml" else True


def test_another_file_of_the_same_name_does_not_replace_the_first(place: Place, file: Path, tmp_path: Path) -> None:
    place.do("attach", str(file))
    file.write_text("other")
    place.do("attach", str(file))

    assert len(list((place.folder / "attached").iterdir())) == 2


@pytest.mark.parametrize(("name", "said"), [("pipe", "no plain file"), ("null", "is nothing to a YAML reader")])
def test_what_cannot_be_attached_leaves_nothing_behind(place: Place, tmp_path: Path, name: str, said: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").write_text("x")
    before = files_of(place.root)

    code, _, err = place.say("attach", str(tmp_path / name))

    assert (code, said in err, err.count("\n")) == (2, True, 1)
    assert files_of(place.root) == before


def test_a_file_with_a_credential_is_refused(place: Place, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.root / "deploybook.yml").write_text(
        "origin: example.org/ops\nchannels: {chat: {kind: slack, url: env:HOOK}}\n"
    )
    monkeypatch.setenv("HOOK", "https://hooks.example/services/T00/B00/abcdefghijklmnopqrst")
    file.write_text("curl https://hooks.example/services/T00/B00/abcdefghijklmnopqrst\n")

    code, _, err = place.say("attach", str(file))

    assert code == 1
    assert re.match(r"Query log \(1\)\.CSV: byte (5|44): holds the credential of env:HOOK \(plain\)", err)
    assert not (place.folder / "attached").exists()


# --- report --open


def test_the_page_is_built_and_opened_or_its_path_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)))  # no browser takes it
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    shutil.rmtree(place.root / "site")
    page = place.root / "site/2025/01" / SLUG / "index.html"

    without = place.say("report", "--after", "window", "--no-pull", "--open")
    monkeypatch.setenv("DISPLAY", ":0")
    place.say("report", "--after", "window", "--no-pull", "--open")

    assert (without[0], without[2]) == (0, f"no browser can be opened here; the page is {page}\n")
    assert page.is_file()
    assert opened == [page.as_uri()]


# --- a page that changes after it was published


def test_a_published_page_that_is_made_again_says_what_it_replaces(place: Place) -> None:
    published = place.page.read_bytes()
    with (place.folder / "journal.md").open("a") as journal:
        journal.write("14:40 Late remark #note @Bob\n")
    place.do("report", "--after", "window", "--no-pull", "--by", "Queenie", "--reason", "a remark was missing")
    page = place.page.read_text()

    (entry,) = place.entries("correction")
    said = entry.predicate
    assert (said["by"], said["reason"], said["changed"]) == ("Queenie", "update", ["journal.md"])
    assert said["corrects"] in page
    assert "Revision 2" in page
    assert "+" in place.read(entry, "index.md.diff")
    assert "Late remark" in place.read(entry, "index.md.diff")
    assert place.read(entry, "reason.txt") == "a remark was missing\n"
    assert place.read(entry, "index.md") == page != published.decode()
    assert "nothing new" in place.do("report", "--after", "window", "--force", now=NOW + timedelta(days=1))
    assert place.page.read_text() == page

    with (place.folder / "journal.md").open("a") as journal:
        journal.write("14:50 And another #note @Bob\n")
    place.do("report", "--after", "window", "--no-pull")  # not published in between: still the second revision
    assert "Revision 2" in place.page.read_text()
    assert len(place.entries("correction")) == 1
    place.do("publish")
    place.do("verify", "--figures")


# --- what is private


def test_a_private_line_is_nowhere_but_in_the_journal(place: Place) -> None:
    assert b"in confidence" in (place.folder / "journal.md").read_bytes()
    for folder in ("evidence", "reports", "site"):
        assert b"in confidence" not in bytes_below(place.root / folder)
    (record,) = [entry for entry in place.entries("export") if "journal.md" in entry.artifacts]
    assert "journal.md" not in record.paths


# --- pack


def test_a_change_is_packed_by_ticket_and_checks_with_the_file_inside(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "change.zip"
    told = place.do("pack", "CHG-2025-0121", "--out", str(target))
    again = tmp_path / "again.zip"
    place.do("pack", "-d", SLUG, "--out", str(again), now=NOW + timedelta(days=9))

    assert "1 change, " in told
    assert again.read_bytes() == target.read_bytes()
    with zipfile.ZipFile(target) as packed:
        content = {name: packed.read(name) for name in packed.namelist()}
    for name in ("deployment.yml", "journal.md", "records.yml", "results/outcome.json", "results/index.md"):
        assert f"files/{SLUG}/{name}" in content
    index = content["INDEX.html"].decode()
    for text in ("Telemetry Step 2 (CHG-2025-0121)", "6f2bb3c", "Approval: Go/no-go", "Queenie", "pass: 3 errors"):
        assert text in index
    assert not any(b"in confidence" in data for data in content.values())
    assert b"14:20 (private)" in content[f"files/{SLUG}/journal.md"]
    script = tmp_path / "verify.py"
    script.write_bytes(content["verify.py"])
    command = [sys.executable, "-I", str(script), str(target), "--only", SLUG, "--figures"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert ", 0 differ" in checked.stdout
    assert place.do("verify", str(target)).endswith("OK           nothing that was checked has changed\n")


def test_the_changes_of_a_period_stand_in_one_list_also_those_without_a_report(place: Place, tmp_path: Path) -> None:
    other = place.root / "deployments" / "2025-01-29-telemetry-step3"
    other.mkdir()
    (other / "deployment.yml").write_text(YAML.replace("2025-01-22", "2025-01-29").replace("Step 2", "=Step 3"))
    events = [
        Event(
            at=NOW + timedelta(days=2), text="Flag telemetry.v2: turned on", kind="flag", people=("Bob",), origin="ld"
        ),
        Event(at=datetime(2025, 1, 22, 22, 1, tzinfo=UTC), text="Flag set to 75 %", kind="flag", origin="ld"),
        Event(at=NOW + timedelta(days=3), text="Alert CPU", kind="alert", origin="am"),
    ]
    exports.store(place.folder / "exports", [Pulled(source="ld", events=tuple(events))])
    target = tmp_path / "january.zip"
    place.do("pack", "--from", "2025-01-01", "--to", "2025-01-31", "--out", str(target))
    with zipfile.ZipFile(target) as packed:
        rows = list(csv.reader(io.StringIO(packed.read("files/CHANGES.csv").decode())))

    assert [(row[3], row[8], row[9]) for row in rows[1:]] == [
        ("Telemetry Step 2", "pass", "deployment"),
        ("Flag telemetry.v2: turned on", "no report", "ld"),
        ("Telemetry =Step 3", "no report", "deployment"),
    ]


@pytest.mark.parametrize(
    "words",
    [["CHG-2099-0001"], ["CHG-2025-0121", "--from", "2025-01-01", "--to", "2025-01-31"], ["--from", "2025-01-01"]],
)
def test_a_pack_of_nothing_is_refused(place: Place, words: list[str]) -> None:
    assert place.say("pack", *words)[0] == 2


# --- prune


RULE = "origin: example.org/ops\nkeep: {exports: 400 d, hold: []}\n"
WHO = ("--by", "Oliver", "--approved-by", "Avery", "--ticket", "CHG-2026-0007")
LATER = NOW + timedelta(days=401)


def test_old_exports_go_by_rule_and_the_log_keeps_that_they_were_there(place: Place) -> None:
    (place.root / "deploybook.yml").write_text(RULE)
    page = place.page.read_bytes()
    assert f"{SLUG}: 2 exports would go (keep exports 400 d)" in place.do("prune", "--dry-run", now=LATER)
    assert place.do("prune", "--dry-run") == "nothing to remove (keep exports 400 d)\n"

    place.do("prune", *WHO, now=LATER)

    assert [entry.predicate["approver"] for entry in place.entries("tombstone")] == ["Avery"]
    assert not any((place.folder / "exports").rglob("*.csv"))
    assert b"parser-us-1,7" not in bytes_below(place.root / "evidence")
    assert "removed here, still in the site: 2 artifacts" in place.do("verify", now=LATER)
    place.do("publish", now=LATER)
    assert "2 removed by tombstone" in place.do("verify", "--figures", str(place.root / "site"), now=LATER)
    assert place.page.read_bytes() == page
    assert place.do("prune", *WHO, now=LATER) == "nothing to remove (keep exports 400 d)\n"


def test_nothing_goes_under_legal_hold(place: Place) -> None:
    (place.root / "deploybook.yml").write_text(RULE.replace("[]", "[CHG-2025-0121]"))

    assert json.loads(place.do("prune", "--dry-run", "--json", now=LATER))["paths"] == []


@pytest.mark.parametrize("words", [(), WHO[:2], ("--by", "Bob", "--approved-by", "Bob", "--ticket", "CHG-2026-0007")])
def test_removing_needs_a_rule_and_two_people(place: Place, words: tuple[str, ...]) -> None:
    assert place.say("prune", *WHO)[0] == 2
    (place.root / "deploybook.yml").write_text(RULE)
    assert place.say("prune", *words, now=LATER)[0] == 2
    assert place.entries("tombstone") == []


# --- key


def test_the_key_is_printed_for_the_ticket_and_hands_over_to_a_new_one(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "key"
    shutil.copy(os.environ["DEPLOYBOOK_KEY"], kept)
    monkeypatch.setenv("DEPLOYBOOK_KEY", str(kept))
    key, program, log = (line.split(maxsplit=1)[1] for line in place.do("key").splitlines())
    assert hashlib.sha256((place.root / "site" / "verify.py").read_bytes()).hexdigest() == program

    place.do("key", "--rotate")

    new = place.do("key").splitlines()[0].split()[1]
    assert new != key
    (place.folder / "journal.md").write_text("# 2025-01-22\n14:00 Flag #flag\n")
    place.do("report", "--after", "window", "--no-pull")
    for trusted in (key, new):  # the old key signed for the new one
        assert "signature: " in place.do("verify", "--key", trusted, "--since", log, str(place.root / "evidence"))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


# --- canaries


CANARY = "kanarienvogel-4711"
SOURCES = """sources:
  exports: {kind: files, paths: [exports/original/*.csv]}
  live: {kind: prometheus, url: env:PROM_URL, token: env:PROM_TOKEN, headers: {X-Key: file:secret.txt}}
"""


@pytest.fixture
def moved(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A workspace with a key in the user's data folder that then lies elsewhere."""
    monkeypatch.delenv("DEPLOYBOOK_KEY")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    shutil.rmtree(place.root / "evidence")
    place.do("note", "before the move")
    place.do("attach", str(place.folder / "journal.md"))
    return Place(place.root.rename(tmp_path / "elsewhere"), place.capsys)


def test_a_workspace_that_moved_finds_its_key_again(moved: Place, tmp_path: Path) -> None:
    moved.do("attach", str(moved.folder / "records.yml"))

    assert "a second key" not in moved.do("verify", str(moved.root / "evidence"))
    assert len(list((tmp_path / "home/deploybook/keys").iterdir())) == 1


def test_a_lost_key_is_told_and_a_new_one_takes_over_by_name_and_reason(moved: Place, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "home")
    file = tmp_path / "more.csv"
    file.write_text("a,b\n")
    before = files_of(moved.root)

    code, _, err = moved.say("attach", str(file))
    assert (code, "whose key is not on this machine" in err, files_of(moved.root) == before) == (6, True, True)
    assert not (tmp_path / "home").exists()
    assert moved.say("key", "--adopt", "--by", "Avery")[0] == 2

    key = moved.do("key", "--adopt", "--by", "Avery", "--reason", "laptop stolen").splitlines()[0].split()[1]
    moved.do("attach", str(file))
    said = moved.do("verify", "--key", key, str(moved.root / "evidence"))

    assert re.search(r"NOT checked  who signed lines 1 to \d+: since line \d+ by a second key example.org/ops", said)
    assert "adopted by Avery because: laptop stolen" in said


def test_no_byte_that_is_written_or_said_holds_a_credential(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that refuses and sends back what it was sent, our head with the token included."""
    monkeypatch.setenv("PROM_TOKEN", CANARY)
    (place.folder / "secret.txt").write_text(f"{CANARY}-file\n")
    config = place.folder / "deployment.yml"
    config.write_text(re.sub(r"sources:.*\n", SOURCES, YAML).replace("target: at", "source: live, target: at"))
    (place.root / "deploybook.yml").write_text("origin: example.org/ops\nchannels: {chat: env:HOOK}\n")
    monkeypatch.setenv("HOOK", f"https://hooks.example/services/{CANARY}-hook")

    def echo(conn: socket.socket, asked: bytes) -> None:
        reply(json.dumps({"status": "error", "error": asked.decode()}).encode(), 401)(conn, asked)

    said = ""
    with FakeServer(echo) as server:
        monkeypatch.setenv("PROM_URL", server.url.replace("http://", f"http://bob:{CANARY}@"))
        for words in (["pull"], ["report", "--after", "window"], ["publish"], ["check"], ["judge"], ["verify"]):
            said += "".join(map(str, place.say(*words)))
        assert any(CANARY.encode() in request for request in server.requests), said  # it did travel
    said += place.do("pack", "CHG-2025-0121", "--out", str(place.root / "pack.zip"))
    with zipfile.ZipFile(place.root / "pack.zip") as packed:
        said += "".join(packed.read(name).decode("latin-1") for name in packed.namelist())
    (place.folder / "secret.txt").unlink()
    written = bytes_below(place.root) + said.encode()

    assert len(written) > 1_000_000
    assert [form for needle, form in forms(CANARY) if needle in written] == []


@pytest.mark.parametrize("where", ["journal.md", "notes/lessons.md", "a label", "an event", "outcome.ipynb"])
def test_a_credential_that_somebody_let_in_stops_the_run_before_anything_is_stored(
    place: Place, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.root / "deploybook.yml").write_text("origin: example.org/ops\nchannels: {chat: env:HOOK}\n")
    monkeypatch.setenv("HOOK", CANARY)
    if where == "outcome.ipynb":
        notebook = place.root / "notebooks" / where
        document = json.loads(notebook.read_text())
        document["cells"][-1]["source"] = f"print(bytes.fromhex('{CANARY.encode().hex()}')[::-1])"
        notebook.write_text(json.dumps(document))
    elif where.startswith("a"):
        original = place.folder / "exports" / "original" / "parser_failure_total.csv"
        original.write_text(CSV.replace("parser-us-1", CANARY) if where == "a label" else CSV)
        if where == "an event":
            event = Event(at=NOW, text=f"deployed with {CANARY}")
            with pytest.raises(DeploybookError, match="ld: labels, events and notes: byte"):
                exports.store(
                    place.folder / "exports",
                    [Pulled(source="ld", events=(event,))],
                    check=guard(place.root, os.environ),
                )
            return
    else:
        (place.folder / "notes").mkdir(exist_ok=True)
        with (place.folder / where).open("a") as file:
            file.write(f"14:30 curl -H {CANARY} #note\n" if where == "journal.md" else f"- {CANARY}\n")
    before = bytes_below(place.root / "reports"), bytes_below(place.root / "evidence")

    code, out, err = place.say("report", "--after", "window")

    assert (code, CANARY in out + err) == (1, False)
    assert "holds the credential of env:HOOK" in err
    assert before == (bytes_below(place.root / "reports"), bytes_below(place.root / "evidence"))

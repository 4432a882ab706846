"""No credential passes into the log, a page, the site or a pack, however it is written."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from evidence_site import KEY, NOW, WHO

from deploybook.book.credentials import credentials
from deploybook.errors import DeploybookError
from deploybook.evidence import Gate, Log, statement

CANARY = 'kanarienvogel+"/7\u00fc'
GATE = Gate.of({"env:PROM_TOKEN": (CANARY,), "env:SHORT": ("abc",)})
RAW = CANARY.encode()
FORMS = {
    "plain": RAW,
    "base64": base64.b64encode(RAW),
    "in longer base64": base64.b64encode(b"bob:" + RAW + b" and more"),
    "base64 for addresses": base64.urlsafe_b64encode(b"\xff\xfe" + RAW),
    "URL-encoded": quote(CANARY, safe="").encode(),
    "escaped in JSON": json.dumps({"header": f"Bearer {CANARY}"}).encode(),
    "hex": RAW.hex().encode(),
    "upper hex": RAW.hex().upper().encode(),
    "backwards": RAW[::-1],
    "UTF-16": CANARY.encode("utf-16"),
    "packed": gzip.compress(b"x" * 99 + RAW, mtime=0),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_credential_is_stopped_in_every_form_and_never_quoted(form: str, tmp_path: Path) -> None:
    log = Log.open(tmp_path / "evidence", key=KEY, gate=GATE)
    with pytest.raises(DeploybookError) as stopped:
        log.put(FORMS[form], "csv", "exports/answer.csv")

    message = str(stopped.value)
    assert message.startswith("exports/answer.csv: byte ")
    assert "env:PROM_TOKEN" in message
    assert "kanarienvogel" not in message
    assert "kanarienvogel" not in repr(GATE)
    assert not (tmp_path / "evidence" / "sha256").exists()


def test_the_offset_is_that_of_the_credential_also_across_blocks(tmp_path: Path) -> None:
    for before in (0, 5, (1 << 20) - 7, (1 << 20) + 1, (2 << 20) - 1):
        file = tmp_path / "large.txt"
        file.write_bytes(b"." * before + RAW + b"." * 50)
        with pytest.raises(DeploybookError, match=rf"^large.txt: byte {before}: .*\(plain\)"):
            GATE.check(file, "large.txt")


def test_what_holds_none_passes() -> None:
    for data in (b"", b"abc", RAW[:-1], b"\x1f\x8b broken", gzip.compress(b"fine")[:-6], b"x" * (3 << 20)):
        GATE.check(data, "fine")
    Gate().check(RAW, "without credentials")


def test_an_entry_of_the_log_takes_none_either(tmp_path: Path) -> None:
    log = Log.open(tmp_path / "evidence", key=KEY, gate=Gate.of({"file:token": ("s3cret-token",)}))
    artifact = log.put(b"1", "csv")
    said = statement.export(
        {"a.csv": artifact}, **WHO, source="live", source_kind="prometheus", query='up{key="s3cret-token"}'
    )
    with pytest.raises(DeploybookError, match=r"an entry about a\.csv: byte"):
        log.append([said], NOW)
    assert log.head().size == 0


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("a-token-of-a-server", {"a-token-of-a-server"}),
        ("https://prometheus.example:9090/prometheus", set()),
        (
            "https://bob:pass%2Fword@prom.example/",
            {"https://bob:pass%2Fword@prom.example/", "pass%2Fword", "pass/word"},
        ),
        ("https://prom.example/?token=abcdefgh&x=1", {"https://prom.example/?token=abcdefgh&x=1", "abcdefgh"}),
        (
            "https://hooks.example/services/T00/B00/abcdefghijklmnopqrst",
            {"https://hooks.example/services/T00/B00/abcdefghijklmnopqrst", "abcdefghijklmnopqrst"},
        ),
        ("host=db user=bob password='hush-hush' dbname=m", {"hush-hush"}),
    ],
)
def test_what_is_secret_in_a_value_is_known_by_its_form(value: str, secret: set[str], tmp_path: Path) -> None:
    (tmp_path / "deploybook.yml").write_text("sources: {live: {kind: prometheus, url: 'env:PLACE'}} # env:UNSET\n")

    found = credentials(tmp_path, {"PLACE": value})

    assert set(found.get("env:PLACE", ())) == secret


def test_references_to_files_are_followed_from_where_they_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "deployments" / "2025-01-22-telemetry-step2"
    folder.mkdir(parents=True)
    (folder / "token").write_text("from-the-file\n")
    (folder / "deployment.yml").write_text(
        "sources: {live: {token: file:token}, other: {token: file:missing, username: env:KEY}}\n"
    )
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "parser.yml").write_text("sources: {a: {headers: {X-Key: env:KEY}}}\n")

    assert credentials(tmp_path, {"KEY": "of-the-service"}) == {
        "env:KEY": ("of-the-service",),
        "file:token": ("from-the-file",),
    }


@pytest.mark.parametrize(
    "held",
    [
        b"-----BEGIN OPENSSH PRIVATE KEY-----",
        b"token ghp_" + b"a1" * 18,
        b"AKIA" + b"ABCD1234" * 2,
        b"https://hooks.slack.com/services/T0ABC1234/B0ABC1234/" + b"x" * 24,
    ],
)
def test_what_carries_the_mark_of_a_credential_is_refused_unknown_as_it_is(held: bytes) -> None:
    with pytest.raises(DeploybookError, match="looks like"):
        Gate().check(b"some text\n" + held + b"\n", "notes.txt")

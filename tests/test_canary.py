"""No produced byte, no line on a terminal and no command line holds a credential, whatever a server sends back."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from servers import FakeServer, reply

# One for each way a secret comes in; each has signs that every encoding writes in its own way.
TOKEN, KEY, PASSWORD, ALLOWED = "t0ken/canary+α9".replace("α", "a"), 'k3y"canary\\9', "pass:canary@9", "cmd-canary=9"
SECRETS = (TOKEN, KEY, PASSWORD, ALLOWED)
SLUG = "2025-01-22-telemetry-step2"
YAML = """\
title: Telemetry Step 2
ticket: CHG-2025-0121
version: 6f2bb3c
timezone: America/Los_Angeles
windows: {baseline: 2025-01-21 14:00 to 15:30, deployment: 2025-01-22 14:00 to 15:30}
sources:
  live: {kind: prometheus, url: "env:PROM_URL", token: "env:TOKEN", headers: {X-Key: "file:key.txt"}, raw: false, step: 60s}
  flags: {kind: launchdarkly, url: "env:FLAGS_URL", token: "cmd:cat allowed.txt"}
  walled: {kind: grafana, url: "env:WALLED_URL"}
metrics:
  cpu: {gauge: cpu_percent, source: live, statistic: mean, unit: "%", target: at most 50 %}
"""


def encodings(secret: str) -> Iterator[bytes]:
    """Plain, base64 of both alphabets and at each place of a longer text, hex, URL, JSON, backwards, UTF-16 of both orders."""
    raw = secret.encode()
    for shift in range(3):
        packed = base64.b64encode(bytes(shift) + raw + bytes(3))[4 if shift else 0 : -8]
        yield from (packed, packed.translate(bytes.maketrans(b"+/", b"-_")))
    yield from (raw, raw.hex().encode(), raw.hex().upper().encode(), quote(secret, safe="").encode())
    yield from (json.dumps(secret)[1:-1].encode(), raw[::-1], secret.encode("utf-16-le"), secret.encode("utf-16-be"))


def command_lines() -> bytes:
    """What everybody on the machine can read of the running programs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes())
    return b"\n".join(found)


def answers(seen: list[bytes]) -> Any:
    """A Prometheus with a value every minute; its last question of a pull it refuses, quoting what it was sent."""

    def answer(conn: socket.socket, asked: bytes) -> None:
        seen.append(command_lines())
        form = {key: text[0] for key, text in parse_qs(asked.split(b"\r\n\r\n")[1].decode()).items()}
        if "start" not in form:
            words = f"not to you: {asked.decode()}"
            return reply({"status": "error", "errorType": "bad_data", "error": words}, 400)(conn, asked)
        first, last, step = (float(form[key]) for key in ("start", "end", "step"))
        values = [(first + step * number, "42") for number in range(int((last - first) // step) + 1)]
        series = {"metric": {"__name__": "cpu_percent", "pod": "a"}, "values": values}
        return reply({"status": "success", "data": {"resultType": "matrix", "result": [series]}})(conn, asked)

    return answer


@pytest.mark.slow
def test_no_byte_of_a_whole_life_holds_a_secret(tmp_path: Path) -> None:
    """Checked, pulled, held against the servers, judged, reported, published and verified; one server quotes its request."""
    root, seen = tmp_path / "place", list[bytes]()
    folder = root / "deployments" / SLUG
    environ = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    environ |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), "TOKEN": TOKEN}
    (tmp_path / "config/deploybook").mkdir(parents=True)
    (tmp_path / "config/deploybook/commands").write_text("cat allowed.txt\n")
    (tmp_path / "allowed.txt").write_text(ALLOWED)
    printed: list[bytes] = []

    def run(*words: str, now: str = "2025-01-25T00:00:00Z") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "deploybook", "-C", str(root), "--now", now, *words]
        done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, timeout=120)
        printed.append(done.stdout + done.stderr)
        return done

    assert run("init", str(root)).returncode == 0, printed
    for old in (root / "deployments").iterdir():
        subprocess.run(["rm", "-r", str(old)], check=True)
    folder.mkdir(parents=True)
    (folder / "deployment.yml").write_text(YAML)
    (folder / "journal.md").write_text("# 2025-01-22\n14:00 Flag set to 25 % by @Oliver #flag\n")
    (folder / "key.txt").write_text(KEY)
    flag = {"_id": "LD-88721", "date": 1737583200000, "name": "telemetry", "description": "to `25 %`"}

    def quoting(conn: socket.socket, asked: bytes) -> None:
        reply(asked, 403, "text/plain", x_asked="yes")(conn, asked)

    with (
        FakeServer(answers(seen)) as live,
        FakeServer(reply({"items": [flag]})) as flags,
        FakeServer(quoting) as walled,
    ):
        environ |= {"PROM_URL": live.url, "FLAGS_URL": flags.url}
        environ |= {"WALLED_URL": walled.url.replace("//", f"//avery:{quote(PASSWORD, safe='')}@")}
        run("check")
        run("pull")
        run("check", "--live")
        run("judge", "-d", SLUG, "--json")
        report = run("report", "-d", SLUG)
        run("publish")
        run("status", "--json")
        run("verify")
        sent = [b"\n".join(server.requests) for server in (live, flags, walled)]

    assert f"bearer {TOKEN}".encode() in sent[0].lower() and KEY.encode() in sent[0], "the secrets were used"
    assert ALLOWED.encode() in sent[1]
    assert base64.b64encode(f"avery:{PASSWORD}".encode()) in sent[2]
    assert report.returncode in (0, 1), printed
    assert any(b"-m\0deploybook" in lines for lines in seen), "the process list was seen while it pulled"
    made = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()}
    written = {folder / "key.txt", tmp_path / "allowed.txt"}
    assert any(path.suffix == ".html" for path in made)
    assert any("exports" in path.parts for path in made)
    needles = {one: secret for secret in SECRETS for one in encodings(secret)}
    assert len({*encodings(TOKEN)}) >= 8
    for name, content in {
        **{str(path): made[path] for path in made.keys() - written},
        "printed": b"".join(printed),
    }.items():
        assert not [needles[one] for one in needles if one in content], name
    assert not [needles[one] for one in needles for lines in seen if one in lines]

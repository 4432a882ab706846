"""A small published site with its evidence, for the tests of the evidence log."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploybook.evidence import Key, Log, statement

NOW = datetime(2025, 1, 22, 23, 30, tzinfo=UTC)
ORIGIN = "example.org/ops"
SLUG = "2025-01-22-telemetry-step2"
WHO: dict[str, Any] = {"deployment": SLUG, "ticket": "CHG-2025-0121", "actor": "Oliver"}
KEY = Key(name=ORIGIN, seed=bytes(range(32)))
OTHER_KEY = Key(name=ORIGIN, seed=bytes(range(1, 33)))

CSV = "timestamp,metric,pod,value\n" + "".join(
    f"2025-01-22T{22 + minute // 60}:{minute % 60:02}:00Z,parser_failure_total,parser-us-1,{7 + minute // 20}\n"
    for minute in range(61)
)
FIGURE: dict[str, Any] = {
    "id": "parser_failures",
    "metric": "parser_failures",
    "op": "increase",
    "args": {},
    "name": "parser_failure_total",
    "also_named": [],
    "where": [],
    "good": [],
    "by": {},
    "window": ["2025-01-22T22:00:00Z", "2025-01-22T23:00:00Z"],
    "scale": "1",
    "value": "3.0",
    "unit": "errors",
    "display": "3 errors",
    "decimals": 0,
    "samples": {"found": 60, "expected": 60},
}


def export(log: Log, number: int = 1, rows: int = 61, **more: Any) -> statement.Statement:
    """An export of some bytes, stored; number makes the bytes."""
    artifact = log.put(f"timestamp,value\n{number}\n".encode(), "csv")
    about = {**WHO, "source": "exports", "source_kind": "files", "rows": rows, **more}
    return statement.export({f"exports/{number}.csv": artifact}, **about)


def manifest_of(site: Path) -> bytes:
    """`digest  path` of every file but the evidence and the list itself."""
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    names = [name for name in names if name != "SHA256SUMS" and not name.startswith("evidence/")]
    return "".join(f"{hashlib.sha256((site / name).read_bytes()).hexdigest()}  {name}\n" for name in names).encode()


NUMBER = '<data value="3.0" data-figure="parser_failures">3\u00a0errors</data>'


def publish(folder: Path, key: Key | None = KEY, entries: int = 12, number: str = NUMBER) -> Path:
    """folder/evidence with some entries of every kind, and folder/site with two pages and a copy of it."""
    log = Log.open(folder / "evidence", key=key, origin=ORIGIN)
    original = log.put(CSV.encode(), "csv")
    figure = FIGURE | {"inputs": [original.digest]}
    figures = log.put((json.dumps(figure, sort_keys=True) + "\n").encode(), "jsonl")
    report = log.put(b'{"schema": "deploybook.report/1"}\n', "json")
    ticket = log.put(b"ticket: CHG-2025-0121\n", "yml")
    d = ticket.digest
    log.append([export(log, number) for number in range(entries)], NOW - timedelta(hours=2))
    asked = {**WHO, "source": "exports", "source_kind": "files", "rows": 61}
    said = [
        statement.export({"exports/parser_failure_total.csv": original}, **asked),
        statement.approval(
            {"ticket.yml": ticket},
            deployment=SLUG,
            ticket="CHG-2025-0121",
            what="go",
            by="Queenie",
            at=NOW,
            result="granted",
        ),
        statement.run(
            {"figures.jsonl": figures, "outcome.json": report}, **WHO, notebook=d, parameters=d, environment=d
        ),
        statement.verdict(
            {"outcome.json": report},
            **WHO,
            scope="window",
            verdict="pass",
            metrics={"parser_failures": "pass", "cli_p95": "warn"},
            configuration=d,
        ),
    ]
    log.append(said, NOW)
    site = folder / "site"
    (site / "reports").mkdir(parents=True)
    (site / "index.html").write_text("<p>All deployments</p>\n")
    (site / "reports" / "outcome.html").write_text(f"<p>{number}</p>\n")
    manifest = manifest_of(site)
    log.append([statement.publication(log.put(manifest, "txt"), pages=2, actor="Oliver")], NOW + timedelta(minutes=10))
    (site / "SHA256SUMS").write_bytes(manifest)
    shutil.copytree(folder / "evidence", site / "evidence")
    return site

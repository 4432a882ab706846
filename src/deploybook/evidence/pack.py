"""
The audit pack: one zip with all that was recorded for some deployments, readable without deploybook.

    INDEX.html, INDEX.csv   what is in it, in the order an auditor asks
    files/…                 records that the caller adds: ticket, approvals, results, …
    evidence/…              the whole log, and the artifacts of these deployments
    verify.py, SHA256SUMS   to check it:  python verify.py PACK.zip --only DEPLOYMENTS --key VKEY

The same log gives the same bytes.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import html
import io
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from deploybook.errors import DeploybookError
from deploybook.evidence.log import Entry, Log, signed_part
from deploybook.evidence.standalone import SUMS

Rows = Sequence[tuple[str, str]]
COLUMNS = ("entry", "recorded at", "kind", "deployment", "ticket", "by", "name", "SHA-256", "place", "here")
KINDS = ("approval", "export", "run", "verdict", "outcome", "notification", "correction", "tombstone")
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>body{{font:15px sans-serif;margin:2em}}
td,th{{text-align:left;padding:.2em .8em .2em 0;vertical-align:top;overflow-wrap:anywhere}}</style></head><body>
<h1>{title}</h1>
{about}
<h2>What is in this pack</h2>
<p>{count} rows. The log has {size} entries, root <code>{root}</code>, {signed}. To check this pack, with the key from the
change ticket: <code>python verify.py PACK.zip --only {only} --key VKEY</code></p>
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></body></html>
"""


def pack(
    log: Log,
    target: Path,
    deployments: Collection[str],
    *,
    files: Mapping[str, bytes | Path] | None = None,
    verifier: bytes,
    title: str = "Audit pack",
    about: Mapping[str, Rows] | None = None,
) -> Path:
    """
    Write the zip. files: path in the pack below files/ -> bytes or a file. verifier: the bytes of verify.py.
    about: heading -> (what, how it stands), printed above the list.

    Rows are ordered as an auditor asks: added records, approvals, exports, runs, verdicts, outcome, what was told.
    """
    entries = [entry for entry in log.entries() if entry.deployment in deployments]
    added = {f"files/{name}": _bytes(data) for name, data in sorted((files or {}).items())}
    kept = {path: log.path / path for entry in entries for path in entry.paths.values()}
    held = {f"evidence/{path}": source.read_bytes() for path, source in sorted(kept.items()) if source.is_file()}
    signed = {f"evidence/{name}": data for name, data in signed_part(log.path).items()}
    rows = [*_file_rows(added), *_entry_rows(entries, held)]
    content = {**signed, **held, **added, "verify.py": verifier}
    content["INDEX.csv"] = table([COLUMNS, *rows])
    content["INDEX.html"] = _page(log, rows, title, ",".join(sorted(deployments)), about or {})
    for name, data in content.items():
        log.gate.check(data, name)
    sums = (f"{hashlib.sha256(content[name]).hexdigest()}  {name}\n" for name in sorted(content))
    content[SUMS] = "".join(sums).encode()
    _write(target, content)
    return target


def _bytes(data: bytes | Path) -> bytes:
    return data if isinstance(data, bytes) else data.read_bytes()


def _file_rows(added: Mapping[str, bytes]) -> list[tuple[str, ...]]:
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in added.items()}
    return [
        ("", "", "record", "", "", "", path.rpartition("/")[2], digest, path, "yes") for path, digest in digests.items()
    ]


def _entry_rows(entries: list[Entry], held: Mapping[str, bytes]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for entry in sorted(
        entries, key=lambda one: (KINDS.index(one.kind) if one.kind in KINDS else len(KINDS), one.index)
    ):
        said = entry.predicate
        by = said.get("by") or said.get("actor") or ""
        about = (str(entry.index), entry.recorded_at, entry.kind, entry.deployment, said.get("ticket", ""), by)
        for name, digest in entry.artifacts.items():
            place = f"evidence/{entry.paths[name]}" if name in entry.paths else ""
            here = "yes" if place in held else "removed by tombstone" if place else "held elsewhere"
            rows.append((*about, name, digest, place, here))
    return rows


def table(rows: Iterable[Sequence[str]]) -> bytes:
    """CSV for a spreadsheet: a cell that it would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([f"'{cell}" if cell[:1] in tuple("=+-@\t\r") and cell else cell for cell in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _page(log: Log, rows: list[tuple[str, ...]], title: str, only: str, about: Mapping[str, Rows]) -> bytes:
    head = log.head()

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)

    said = "\n".join(
        f"<h2>{html.escape(name)}</h2>\n<table><tbody>\n"
        + "\n".join(f"<tr>{cells('td', row)}</tr>" for row in facts)
        + "\n</tbody></table>"
        for name, facts in about.items()
    )
    return _PAGE.format(
        title=html.escape(title),
        about=said,
        count=len(rows),
        size=head.size,
        root=head.root,
        signed="signed" if head.signed else "unsigned",
        only=html.escape(only),
        head=cells("th", COLUMNS),
        rows="\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows),
    ).encode()


def _write(target: Path, content: Mapping[str, bytes]) -> None:
    temporary = target.with_name(f".{target.name}.new")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in sorted(content):
                entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
                packed.writestr(entry, content[name])
        temporary.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise DeploybookError(f"{target}: the audit pack cannot be written: {error.strerror}") from error

"""
The entries of the log: in-toto Statement v1, one builder per kind.

An entry holds names, digests, times and counts: strings, whole numbers, yes or no, and lists of them. No floats, so that
there is one way to write it; no free text, so that nothing has to be taken out later: what people write is an artifact.
When it was recorded is added by the log. Subjects are given as {name: Artifact} where the bytes are kept here, and as
{name: digest} where they are held elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from deploybook.errors import DeploybookError
from deploybook.evidence.standalone import LEAF_LIMIT, NO_KEY, OWN, STATEMENT, TEST_RESULT
from deploybook.evidence.standalone import QUERY_LIMIT as QUERY_LIMIT
from deploybook.evidence.store import Artifact

Subjects = Mapping[str, Artifact | str]
Statement = dict[str, Any]

TEXT_LIMIT = 256
REASONS = ("retention", "secret", "personal-data", "legal", "mistake", "update")
ABOUT = {"deployment", "ticket", "actor", "commit", "role", "rule", "approver"}  # what `about` may name
_RESULTS = {"pass": "PASSED", "warn": "WARNED", "inconclusive": "WARNED", "fail": "FAILED", "no_data": "FAILED"}


def export(
    subjects: Subjects,
    *,
    source: str,
    source_kind: str,
    query: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    step_seconds: int | None = None,
    rows: int | None = None,
    server: str = "",
    warnings: int = 0,
    derived_from: Iterable[str] = (),
    **about: str,
) -> Statement:
    """What was pulled: the saved answer, or what was made of it (derived_from: digests). source: its alias, never a URL."""
    asked: dict[str, Any] = {"alias": source, "kind": source_kind, "query": query, "start": utc(start), "end": utc(end)}
    asked |= {"stepSeconds": step_seconds, "serverVersion": server, "warnings": warnings or None}
    return _own("export", subjects, about, rows=rows, source=_given(asked), derivedFrom=sorted(derived_from))


def run(
    subjects: Subjects,
    *,
    notebook: str,
    parameters: str,
    environment: str,
    inputs: Iterable[str] = (),
    result: str = "completed",
    scope: str = "",
    attempt: int | None = None,
    **about: str,
) -> Statement:
    """
    One run of a notebook: what came out, and the digests of notebook, parameters, environment and inputs.

    scope: of the verdict it was for; attempt: of a run that failed, and of the good one behind it, which one it was,
    from 1. about: also the commit.
    """
    digests = {"notebookDigest": notebook, "parametersDigest": parameters, "environmentDigest": environment}
    more = {"result": result, "inputs": sorted(inputs), "scope": scope, "attempt": attempt}
    return _own("run", subjects, about, **digests, **more)


def verdict(
    subjects: Subjects,
    *,
    scope: str,
    verdict: str,
    metrics: Mapping[str, str],
    configuration: str,
    late_seconds: int | None = None,
    revision: int | None = None,
    **about: str,
) -> Statement:
    """
    The words of a window or checkpoint, as an in-toto test result. scope: window, after-24h, closing, or
    daily-2025-01-22. metrics: id -> word. late_seconds: how long after its time a report that was due was made.
    revision: how often the end of the deployment had been recorded by then.

    in-toto knows three results: unclear counts as WARNED, no data as FAILED; the word itself stands beside it.
    configuration: digest of deployment.yml.
    """
    lists = {
        f"{name.lower()}Tests": [one for one in sorted(metrics) if _RESULTS.get(metrics[one]) == name]
        for name in ("PASSED", "WARNED", "FAILED")
    }
    fields = {
        "result": _RESULTS.get(verdict, "WARNED"),
        "configuration": [{"name": "deployment.yml", "digest": {"sha256": configuration}}],
        **lists,
        "scope": scope,
        "verdict": verdict,
        "words": [f"{one}={metrics[one]}" for one in sorted(metrics)],
        "lateSeconds": late_seconds,
        "revision": revision,
    }
    return _statement(TEST_RESULT, subjects, about, fields)


def approval(subjects: Subjects, *, what: str, by: str, at: datetime, result: str, **about: str) -> Statement:
    """Who approved what, and when. The subject is the record in which it is written. about: also the role."""
    return _own("approval", subjects, about, what=what, by=by, at=utc(at), result=result)


def outcome(
    subjects: Subjects, *, outcome: str, by: str, start: datetime | None, end: datetime | None, **about: str
) -> Statement:
    """How the deployment ended: succeeded, rolled_back, aborted or postponed."""
    return _own("outcome", subjects, about, outcome=outcome, by=by, start=utc(start), end=utc(end))


def publication(manifest: Artifact, *, pages: int, actor: str = "") -> Statement:
    """A site that was published. manifest: one line `digest  path` for each of its files but evidence/, sorted."""
    return _own("publication", {"SHA256SUMS": manifest}, {"actor": actor}, pages=pages)


def notification(subjects: Subjects, *, channel: str, message: str, delivered: bool, **about: str) -> Statement:
    """A message that went out; its text is the artifact. message: what it was about, as a word."""
    return _own("notification", subjects, about, channel=channel, message=message, delivered=delivered)


def correction(
    subjects: Subjects, *, corrects: str, by: str, reason: str = "mistake", changed: Iterable[str] = (), **about: str
) -> Statement:
    """
    A revision of something that was published (corrects: its digest). The difference, and the reason in words, are
    artifacts; changed: the names of records that are other than before.
    """
    return _own("correction", subjects, about, corrects=corrects, by=by, reason=_reason(reason), changed=list(changed))


def tombstone(subjects: Mapping[str, str], *, reason: str, **about: str) -> Statement:
    """
    Bytes that are removed on purpose: recorded first, deleted after. about: rule (such as `keep exports 400 d`), actor,
    approver, ticket.
    """
    return _own("tombstone", subjects, about, reason=_reason(reason))


def key_rotation(
    subjects: Subjects, *, key: str, previous: str = NO_KEY, endorsement: str = "", by: str = "", reason: str = ""
) -> Statement:
    """
    From here on the log is signed with key (none: with no key). endorsement: the old key's signature under it; without
    one, by and reason say who took over a log whose key is lost, and why.
    """
    return _own("key-rotation", subjects, {}, key=key, previous=previous, endorsement=endorsement, by=by, reason=reason)


def canonical(statement: Statement) -> bytes:
    """The one way to write it: keys sorted, no spaces, ASCII; at most 65,535 bytes."""
    line = json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(line) > LEAF_LIMIT:
        raise DeploybookError(f"evidence: an entry of {len(line)} bytes; at most {LEAF_LIMIT}. Record it in parts.")
    return line


def utc(moment: datetime | None) -> str:
    """2025-01-22T22:00:00Z, with microseconds only where there are any; a time without a zone is refused."""
    if moment is None:
        return ""
    if moment.tzinfo is None:
        raise DeploybookError(f"evidence: {moment} has no time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _own(kind: str, subjects: Subjects, about: Mapping[str, str], **fields: Any) -> Statement:
    return _statement(f"{OWN}{kind}:v1", subjects, about, fields)


def _statement(
    predicate_type: str, subjects: Subjects, about: Mapping[str, str], fields: Mapping[str, Any]
) -> Statement:
    if not subjects:
        raise DeploybookError("evidence: an entry without a subject says nothing; give the artifact that it is about")
    if unknown := about.keys() - ABOUT:
        raise TypeError(f"an entry has no {', '.join(sorted(unknown))}")
    predicate = _given({**about, **fields})
    _check(predicate, "predicate")
    _check(list(subjects), "subject")
    return {
        "_type": STATEMENT,
        "subject": [_subject(name, subjects[name]) for name in sorted(subjects)],
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def tidied(text: str) -> str:
    """A few words from a hand-written file, printable and cut, fit for an entry: in full they stand in the file itself."""
    text = "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 1]}…"


def _subject(name: str, what: Artifact | str) -> dict[str, Any]:
    if isinstance(what, str):
        return {"name": name, "digest": {"sha256": what}}
    return {"name": name, "digest": {"sha256": what.digest}, "downloadLocation": what.path}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [], {})}


def _check(value: Any, where: str) -> None:
    """Strings without control characters and not long, whole numbers, booleans, lists and named fields of these."""
    if isinstance(value, dict):
        for name, one in value.items():
            _check(one, f"{where}.{name}")
    elif isinstance(value, list):
        for one in value:
            _check(one, where)
    elif isinstance(value, str):
        limit = QUERY_LIMIT if where.endswith(".query") else TEXT_LIMIT
        if len(value) > limit or not value.replace("\n" if where.endswith(".query") else "", "").isprintable():
            raise DeploybookError(f"evidence: {where}: free text does not belong in an entry; store it as an artifact")
    elif not isinstance(value, int) or abs(value) >= 1 << 53:
        raise DeploybookError(
            f"evidence: {where}: {value!r} is not a string, a whole number, a boolean or a list of these"
        )


def _reason(reason: str) -> str:
    if reason not in REASONS:
        raise DeploybookError(f"evidence: reason {reason!r}; write one of {', '.join(REASONS)}")
    return reason

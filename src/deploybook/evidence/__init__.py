"""
The evidence log: every published figure can be checked by an outsider.

store       artifacts by digest        statement   the entries            log        append, sign, read
gate        no credential passes       key         who signs              retention  remove by rule
standalone  the verifier, one file     seal, pack  a site that can be checked, a zip for an auditor
merkle      proofs

The format is written down in docs/reference/evidence-format.md.
"""

from __future__ import annotations

from pathlib import Path

from deploybook.evidence.gate import Gate
from deploybook.evidence.key import Key
from deploybook.evidence.log import Entry, Log
from deploybook.evidence.standalone import Broken, Checkpoint, Report, verify
from deploybook.evidence.store import Artifact, extension

__all__ = [
    "Artifact",
    "Broken",
    "Checkpoint",
    "Entry",
    "Gate",
    "Key",
    "Log",
    "Report",
    "extension",
    "verifier",
    "verify",
]


def verifier() -> bytes:
    """The bytes of verify.py, to be published with the site; its digest belongs in the change ticket."""
    return Path(__file__).with_name("standalone.py").read_bytes()

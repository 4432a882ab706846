"""
Proofs over a Merkle tree of RFC 6962: that an entry is in it, that an older tree is the beginning of a newer one.

The hashes, the growing tree and the inclusion proof are those of the verifier (standalone); nothing is written twice.
Checked against the vectors of RFC 6962 and an independent implementation in tests/test_evidence_merkle.py.
"""

from __future__ import annotations

from deploybook.evidence.standalone import Tree, inclusion_proof, leaf_hash, node_hash, root_of, split

__all__ = [
    "Tree",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root_of",
    "verify_consistency",
    "verify_inclusion",
]


def consistency_proof(leaves: list[bytes], older: int) -> list[bytes]:
    """The hashes that show the first `older` leaves to be the beginning of all of them (RFC 6962, 2.1.2)."""

    def below(part: list[bytes], size: int, whole: bool) -> list[bytes]:
        if size == len(part):
            return [] if whole else [root_of(part)]
        cut = split(len(part))
        if size <= cut:
            return [*below(part[:cut], size, whole), root_of(part[cut:])]
        return [*below(part[cut:], size - cut, False), root_of(part[:cut])]

    return below(leaves, older, True) if 0 < older < len(leaves) else []


def verify_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """Whether the proof leads from the leaf to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            return False
        if node % 2 or node == last:
            found = node_hash(beside, found)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(older: int, newer: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the older tree is the beginning of the newer one (RFC 9162, 2.1.4.2)."""
    if older == newer or older == 0:
        return not proof and (older == 0 or old_root == new_root)
    if not 0 < older < newer or not (hashes := [old_root, *proof] if older & (older - 1) == 0 else proof):
        return False
    node, last = older - 1, newer - 1
    while node % 2:
        node, last = node >> 1, last >> 1
    old = new = hashes[0]
    for beside in hashes[1:]:
        if last == 0:
            return False
        if node % 2 or node == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, beside)
        node, last = node >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root

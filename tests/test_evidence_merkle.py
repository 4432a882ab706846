"""Roots and proofs against the vectors of RFC 6962's reference implementation and against pymerkle."""

from __future__ import annotations

import pytest

from deploybook.evidence import merkle

pymerkle = pytest.importorskip("pymerkle", reason="pymerkle is the independent implementation (a test dependency)")

# The leaves and roots of the tests of certificate-transparency (merkletree/merkle_tree_test, "kSHA256Roots").
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Inclusion and consistency paths of the same file: (leaf from 0, size) and (older, newer).
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]


def unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def test_roots_are_those_of_the_reference_vectors() -> None:
    assert [merkle.root_of(HASHES[:size]).hex() for size in range(1, 9)] == ROOTS
    assert merkle.root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_those_of_the_reference_vectors(index: int, size: int) -> None:
    assert merkle.inclusion_proof(HASHES[:size], index) == unhex(INCLUSION[index, size])


@pytest.mark.parametrize(("older", "newer"), CONSISTENCY)
def test_consistency_proofs_are_those_of_the_reference_vectors(older: int, newer: int) -> None:
    assert merkle.consistency_proof(HASHES[:newer], older) == unhex(CONSISTENCY[older, newer])


def test_roots_and_proofs_are_those_of_pymerkle() -> None:
    other, leaves = pymerkle.InmemoryTree(algorithm="sha256"), []
    tree = merkle.Tree()
    for number in range(70):
        line = b"entry %d" % number
        other.append_entry(line)
        leaves.append(merkle.leaf_hash(line))
        tree.add(leaves[-1])
        assert tree.root() == merkle.root_of(leaves) == other.get_root()
    for index in range(70):
        leaf, *beside = other.prove_inclusion(index + 1, 70).path
        assert (leaf, beside) == (leaves[index], merkle.inclusion_proof(leaves, index))
    for older in range(1, 70):
        ours, theirs = merkle.consistency_proof(leaves, older), other.prove_consistency(older, 70)
        pymerkle.verify_consistency(merkle.root_of(leaves[:older]), merkle.root_of(leaves), theirs)
        if older % 2 and older > 1:  # else RFC 6962 begins at a node above the last leaf, pymerkle at the leaf
            assert sorted(ours) == sorted(theirs.path)


def test_every_proof_verifies_and_no_proof_for_something_else_does() -> None:
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(20)]
    for size in range(1, 21):
        root = merkle.root_of(leaves[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(leaves[:size], index)
            assert merkle.verify_inclusion(leaves[index], index, size, proof, root)
            assert not merkle.verify_inclusion(leaves[index - 1], index, size, proof, root) or size == 1
            assert not merkle.verify_inclusion(leaves[index], index + 1, size, proof, root)
            assert not merkle.verify_inclusion(leaves[index], index, size, [*proof, root], root)
        for older in range(1, size + 1):
            proof = merkle.consistency_proof(leaves[:size], older)
            old = merkle.root_of(leaves[:older])
            assert merkle.verify_consistency(older, size, proof, old, root)
            assert not merkle.verify_consistency(older, size, proof, merkle.root_of(leaves[1 : older + 1]), root)
            assert older == size or not merkle.verify_consistency(older, size, proof[:-1], old, root)


def test_a_tree_grows_from_its_right_edge_alone() -> None:
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(100)]
    tree = merkle.Tree()
    for leaf in leaves[:77]:
        tree.add(leaf)

    resumed = merkle.Tree(77, tree.edge)
    for leaf in leaves[77:]:
        resumed.add(leaf)

    assert resumed.root() == merkle.root_of(leaves)
    assert len(resumed.edge) == 3  # 100 = 64 + 32 + 4

"""The rows that no training may see: whole clusters, chosen by their names alone."""

from __future__ import annotations

import hashlib

PARTS = 5


def held_out(cluster: str) -> bool:
    """Whether rows of this cluster are kept for evaluation: a fifth of all clusters.

    Rows that say nearly the same share a cluster, so that none of them is on the other side. The rule needs
    no list and no seed: whoever trains and whoever measures agree by the name. Its BLAKE2b digest of eight
    bytes, as a big-endian number, divides by `PARTS`.
    """
    digest = hashlib.blake2b(cluster.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PARTS == 0

"""The rows that no training may see: whole clusters, chosen by their names alone."""

from __future__ import annotations

import hashlib
import zlib

PARTS = 5
PII = "pii"


def held_out(cluster: str, area: str = "") -> bool:
    """Whether rows of this cluster are kept for evaluation: a fifth of all clusters.

    Rows that say nearly the same share a cluster, so that none of them is on the other side. The rule needs
    no list and no seed: whoever trains and whoever measures agree by the name. Its BLAKE2b digest of eight
    bytes, as a big-endian number, divides by `PARTS`; in the area `pii`, from which only names are learned
    and by another rule, its CRC-32 does.
    """
    if area == PII:
        return zlib.crc32(cluster.encode("utf-8", "surrogatepass")) % PARTS == 0
    digest = hashlib.blake2b(cluster.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PARTS == 0

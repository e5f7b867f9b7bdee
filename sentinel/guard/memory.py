"""What was found in texts that come again: a conversation sends its whole history with every turn.

Only findings are kept, under a keyed hash of the text and of what else was read with it, so that nothing of
a text outlives its call; what the rules make of them is decided anew each time. The key is the process's own,
and one tenant's texts are never answered from another's. A memory belongs to one policy and its detectors,
and goes with them.
"""

from __future__ import annotations

import hashlib
import os
import threading

from sentinel.core.finding import Inspection
from sentinel.detectors.inspection import IN_PART

SHORTEST = 200  # characters; a shorter text is searched as fast as it is looked up
MOST_FINDINGS = 64  # of a text that is remembered, so that the bound on entries bounds memory

Key = tuple[object, str, bytes]


class Memory:
    """At most `limit` texts; the one not asked for longest is forgotten first. Thread-safe."""

    def __init__(self, limit: int = 8192) -> None:
        self._limit = limit
        self._secret = os.urandom(32)
        self._known: dict[Key, Inspection] = {}
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def key(self, asked: object, tenant: str, text: str, around: str = "") -> Key:
        """`asked` is what was asked about the text, and holds nothing of it; `around` is what was read with
        it."""
        digest = hashlib.blake2b(digest_size=20, key=self._secret)
        for each in (text, around):
            data = each.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)
        return asked, tenant, digest.digest()

    def recall(self, key: Key) -> Inspection | None:
        with self._lock:
            known = self._known.pop(key, None)
            if known is None:
                self.misses += 1
                return None
            self._known[key] = known
            self.hits += 1
            return known

    def keep(self, key: Key, inspection: Inspection) -> None:
        """A failed inspection is not kept, for the next one may succeed; what reads a part of a text never
        reads more of it."""
        broken = any(why != IN_PART for why in inspection.failed.values())
        if broken or len(inspection.findings) > MOST_FINDINGS:
            return
        with self._lock:
            while len(self._known) >= self._limit:
                del self._known[next(iter(self._known))]
            self._known[key] = inspection

    def counts(self) -> dict[str, int]:
        """How many texts were known and not known since this was asked last."""
        with self._lock:
            counts = {"yes": self.hits, "no": self.misses}
            self.hits = self.misses = 0
        return {known: count for known, count in counts.items() if count}

    def __len__(self) -> int:
        return len(self._known)

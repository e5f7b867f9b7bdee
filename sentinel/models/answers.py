"""Answers that are known already. Neither texts nor hashes that somebody else could compute are kept: the
key of a text is a hash with a secret of this process."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict

import msgspec

from sentinel.core.finding import Inspection
from sentinel.models.base import Passage, Reads

_pack = msgspec.msgpack.Encoder().encode


class Keys:
    """The keys of one request's passages, whose backgrounds are often the same object."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._around: dict[tuple[int, str], bytes] = {}

    def of(self, model: str, version: str, passage: Passage, reads: Reads) -> bytes:
        """Equal for passages about which the model says the same; `reads` gives what it reads of a
        background."""
        known = (id(passage.background), model)
        around = self._around.get(known)
        if around is None:
            around = self._around[known] = self._hash(_pack(reads(passage.background)))
        return self._hash(_pack((model, version, passage.text, passage.start, around)))

    def _hash(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, digest_size=16, key=self._secret).digest()


class Answers:
    """The answers that were used last: `size` of them, and `most_bytes`, at most."""

    def __init__(self, size: int, most_bytes: int) -> None:
        self._size, self._most_bytes = size, most_bytes
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, tuple[Inspection, int]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keys(self) -> Keys:
        return Keys(self._secret)

    def get(self, key: bytes) -> Inspection | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        return kept[0]

    def put(self, key: bytes, answer: Inspection) -> None:
        _, before = self._kept.pop(key, (None, 0))
        size = bytes_of(answer)
        self._kept[key] = answer, size
        self.bytes += size - before
        while self._kept and (len(self._kept) > self._size or self.bytes > self._most_bytes):
            _, (_, size) = self._kept.popitem(last=False)
            self.bytes -= size


# Bytes, of an answer with its key and place, and of each of its parts: no less than CPython's objects take.
_ANSWER, _FINDING, _EVIDENCE, _NAMED, _CHARACTER = 700, 450, 160, 200, 4


def bytes_of(answer: Inspection) -> int:
    """Memory that keeping it takes, at most."""
    parts = len(answer.scores) + len(answer.failed) + len(answer.unsure)
    size = _ANSWER + _NAMED * parts
    for finding in answer.findings:
        size += _FINDING + _EVIDENCE * len(finding.evidence) + _CHARACTER * len(finding.why)
    return size

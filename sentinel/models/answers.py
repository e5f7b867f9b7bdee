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
    """The `size` answers that were used last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, Inspection] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def keys(self) -> Keys:
        return Keys(self._secret)

    def get(self, key: bytes) -> Inspection | None:
        answer = self._kept.get(key)
        if answer is not None:
            self._kept.move_to_end(key)
        return answer

    def put(self, key: bytes, answer: Inspection) -> None:
        self._kept[key] = answer
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

"""Characters that lie across two messages of a stream.

A server that cuts its text between tokens may cut inside a character's UTF-8 sequence. The bytes before the
cut are moved to the next message, so that each message holds whole characters; a reader that joins the
messages gets the same bytes.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from sentinel.adapters._tensors import Naming, entries_of, join_elements, split_elements
from sentinel.core.errors import WireError

if TYPE_CHECKING:
    from sentinel.pb.open_inference_pb2 import ModelInferResponse


class Cuts:
    """What was cut off so far in one answer: at most three bytes for each of its texts."""

    __slots__ = ("_repeats", "waiting")

    def __init__(self, *, repeats: bool) -> None:
        """`repeats`: each message holds the whole text anew, the cut character included."""
        self._repeats = repeats
        self.waiting: dict[tuple[str, int], bytes] = {}

    def mend(self, message: ModelInferResponse, naming: Naming, *, last: bool) -> bool:
        """Make whole characters of the message's texts; says whether the message changed. The answer's last
        message keeps its bytes, whatever they are."""
        changed = False
        raw = message.raw_output_contents
        entries = entries_of(message.outputs, raw)
        for tensor, entry in zip(message.outputs, entries, strict=True):
            if naming.roles.get(tensor.name.lower(), naming.other) is None:
                continue
            typed = tensor.contents.bytes_contents if tensor.HasField("contents") else ()
            for number, element in enumerate(typed):
                mended = self._mended((tensor.name, number), element, last)
                if mended != element:
                    tensor.contents.bytes_contents[number] = mended
                    changed = True
            if entry is not None and tensor.datatype == "BYTES":
                elements = split_elements(raw[entry], f"outputs[#{entry}]", naming.max_texts)
                again = [self._mended((tensor.name, at), one, last) for at, one in enumerate(elements)]
                if again != elements:
                    raw[entry] = join_elements(again)
                    changed = True
        if last:
            self.end()
        return changed

    def end(self) -> None:
        """Raises WireError where bytes still wait for the rest of their character."""
        if self.waiting:
            raise WireError("the answer ends in the middle of a character")

    def _mended(self, key: tuple[str, int], element: bytes, last: bool) -> bytes:
        joined = self.waiting.pop(key, b"") + element
        if last:
            return joined
        try:
            _, whole = codecs.utf_8_decode(joined, "strict", False)
        except UnicodeDecodeError:
            return joined  # no text
        if whole < len(joined) and not self._repeats:
            self.waiting[key] = joined[whole:]
        return joined[:whole]

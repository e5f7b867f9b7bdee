from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.adapters._characters import Cuts
from sentinel.adapters.open_inference import OpenInference, OpenInferenceConfig
from sentinel.core.errors import WireError
from sentinel.pb import open_inference_pb2 as pb
from tests.adapters.infer import response

NAMING = OpenInference(OpenInferenceConfig())._outputs
EURO = "\u20ac".encode()


def elements(message: pb.ModelInferResponse) -> list[bytes]:
    if not message.raw_output_contents:
        return [each for output in message.outputs for each in output.contents.bytes_contents]
    found, raw = [], b"".join(message.raw_output_contents)
    while raw:
        end = 4 + int.from_bytes(raw[:4], "little")
        found.append(raw[4:end])
        raw = raw[end:]
    return found


@given(text=st.text(max_size=12), cuts=st.lists(st.integers(0, 48)), raw=st.booleans())
def test_whole_characters_and_the_same_bytes(text: str, cuts: list[int], raw: bool) -> None:
    data = text.encode()
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in zip(ends, ends[1:], strict=False)]
    state = Cuts(repeats=False)
    told = []
    for number, piece in enumerate(pieces, 1):
        message = response(("text_output", piece), raw=raw)
        changed = state.mend(message, NAMING, last=number == len(pieces))
        (element,) = elements(message)
        assert changed == (element != piece)
        told.append(element.decode())
    assert "".join(told) == text


@pytest.mark.parametrize("raw", [False, True])
def test_each_text_has_its_own_cut(raw: bool) -> None:
    state = Cuts(repeats=False)
    first = response(("text_output", EURO[:1], "b"), ("other", EURO[:2]), raw=raw)
    second = response(("other", b"!"), ("text_output", EURO[1:], EURO), raw=raw)
    assert state.mend(first, NAMING, last=False)
    assert elements(first) == [b"", b"b", b""]
    assert state.mend(second, NAMING, last=False)
    assert elements(second) == [EURO[:2] + b"!", EURO, EURO]  # what is no text gets its bytes back


def test_a_text_that_is_repeated_is_cut_back() -> None:
    state = Cuts(repeats=True)
    for piece, expected in [(b"a" + EURO[:2], b"a"), (b"a" + EURO, b"a" + EURO)]:
        message = response(("text_output", piece))
        state.mend(message, NAMING, last=False)
        assert elements(message) == [expected]
    state.end()


def test_what_is_no_text_stays() -> None:
    state = Cuts(repeats=False)
    message = response(("image", EURO[:1]), ("picture", b"\xff\xd8\xff" + EURO[:1]), raw=True)
    assert not state.mend(message, NAMING, last=False)
    state.end()


def test_the_end_within_a_character() -> None:
    state = Cuts(repeats=False)
    state.mend(response(("text_output", EURO[:2])), NAMING, last=False)
    with pytest.raises(WireError, match="ends in the middle of a character"):
        state.mend(response(), NAMING, last=True)
    with pytest.raises(WireError, match="ends in the middle of a character"):
        state.end()


def test_the_last_message_keeps_its_bytes() -> None:
    state = Cuts(repeats=False)
    message = response(("text_output", EURO[:2]))
    assert not state.mend(message, NAMING, last=True)

"""What holds for the streams of every protocol, however they are cut and edited."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.adapters.anthropic import MESSAGES
from sentinel.adapters.openai import CHAT, COMPLETIONS, RESPONSES
from sentinel.core.errors import WireError
from tests.adapters.answers import (
    STREAMS,
    adapter_of,
    chunk,
    elements_of,
    event,
    messages_events,
    objects_of,
    opened,
    responses_events,
    texts_by_channel,
)
from tests.adapters.pieces import pieces_of

ANY_STREAM = st.sampled_from(STREAMS)
# Elements at either end of an escape that is cut, in one of the streams of each protocol.
CUTS = {CHAT: 0, COMPLETIONS: 0, RESPONSES: 2, MESSAGES: 2}
MARK = "zz 4111 1111 @ zz"


def shapes(elements: list[Any]) -> list[Any]:
    return [(list(e.slots), list(e.ends)) for e in elements if e.slots or e.ends]


@given(ANY_STREAM, st.data())
def test_any_cutting_gives_the_same_elements(stream: tuple[str, bytes], data: st.DataObject) -> None:
    method, whole = stream
    elements = elements_of(opened(method), data.draw(pieces_of(whole)))
    assert shapes(elements) == shapes(elements_of(opened(method), [whole]))


@pytest.mark.parametrize(("method", "whole"), STREAMS)
def test_a_stream_that_nobody_edits_says_the_same(method: str, whole: bytes) -> None:
    sent = b"".join(element.encode() for element in elements_of(opened(method), [whole]))
    assert texts_by_channel(elements_of(opened(method), [sent])) == texts_by_channel(
        elements_of(opened(method), [whole])
    )


@given(ANY_STREAM, st.data())
def test_an_element_that_cuts_no_escape_leaves_as_it_came(
    stream: tuple[str, bytes], data: st.DataObject
) -> None:
    method, whole = stream
    elements = elements_of(opened(method), data.draw(pieces_of(whole)))
    position = 0
    for element in elements:
        sent = element.encode()
        if not getattr(element, "moved", False):
            assert sent in whole[position:]
            position = whole.index(sent, position) + len(sent)
    assert position == len(whole)
    assert sum(getattr(element, "moved", False) for element in elements) == CUTS[method]


@given(ANY_STREAM, st.booleans(), st.data())
def test_an_element_in_two_parts_says_it_once(
    stream: tuple[str, bytes], warm: bool, data: st.DataObject
) -> None:
    method, whole = stream
    adapter = adapter_of(method)
    if warm:  # the templates are there from the first event on
        for _ in range(2):
            elements_of(opened(method, adapter), [whole])
    elements = elements_of(opened(method, adapter), [whole])
    sent = b""
    for element in elements:
        cuts = [data.draw(st.integers(0, len(slot.text))) for slot in element.slots]
        texts = [slot.text for slot in element.slots]
        sent += element.head([text[:cut] for text, cut in zip(texts, cuts, strict=True)])
        sent += element.encode([text[cut:] for text, cut in zip(texts, cuts, strict=True)])
    again = elements_of(opened(method), [sent])
    assert texts_by_channel(again) == texts_by_channel(elements_of(opened(method), [whole]))
    ends = [channel for element in elements for channel in element.ends]
    assert [channel for element in again for channel in element.ends] == ends


@given(ANY_STREAM, st.booleans())
def test_edits_land_where_they_should_and_nowhere_else(stream: tuple[str, bytes], warm: bool) -> None:
    method, whole = stream
    adapter = adapter_of(method)
    if warm:
        for _ in range(2):
            elements_of(opened(method, adapter), [whole])
    sent = b"".join(
        element.encode([slot.text.replace("bob", "<PERSON>") for slot in element.slots])
        for element in elements_of(opened(method, adapter), [whole])
    )
    assert "".join(json.dumps(said) for said in objects_of(sent)).count("bob") == 0
    expected = texts_by_channel(elements_of(opened(method), [whole]))
    assert texts_by_channel(elements_of(opened(method), [sent])) == {
        channel: text.replace("bob", "<PERSON>") for channel, text in expected.items()
    }
    assert [without_strings(said) for said in objects_of(sent)] == [
        without_strings(said) for said in objects_of(whole)
    ]


def without_strings(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_strings(member) for name, member in value.items()}
    if isinstance(value, list):
        return [without_strings(item) for item in value]
    return "" if isinstance(value, str) else value


# Nothing passes unread -------------------------------------------------------------------------------------

EVENTS = [
    (CHAT, chunk({"content": "a", "role": "assistant"})),
    (CHAT, chunk({"reasoning": "b", "refusal": "c"})),
    (CHAT, chunk({"tool_calls": [{"index": 0, "id": "i", "function": {"name": "f", "arguments": "{"}}]})),
    (CHAT, chunk({"function_call": {"name": "f", "arguments": "{"}})),
    (CHAT, chunk({"audio": {"id": "a", "transcript": "t", "expires_at": 1}})),
    (CHAT, chunk({"content": [{"type": "text", "text": "x"}]}, usage={"prompt_tokens": 1})),
    (CHAT, chunk({"annotations": [{"type": "url_citation", "url_citation": {"title": "t", "n": 1}}]})),
    (CHAT, {"error": {"message": "m", "type": "t", "param": None, "code": "c"}}),
    *((RESPONSES, said) for said in responses_events()),
    *((MESSAGES, said) for said in messages_events()),
    (MESSAGES, {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}),
    (
        MESSAGES,
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "c"}},
        },
    ),
    (RESPONSES, {"type": "error", "code": "c", "message": "m", "param": None, "sequence_number": 1}),
    (RESPONSES, {"type": "response.new_thing.delta", "delta": "d", "output_index": 0, "sequence_number": 1}),
]
# They only tell the texts in another way, or decide which text is meant.
DESCRIBES = {"logprobs", "index", "output_index", "content_index"}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a value in an object."""
    listed = enumerate(value) if isinstance(value, list) else ()
    for name, member in value.items() if isinstance(value, dict) else listed:
        if name not in DESCRIBES:
            yield (*path, name)
            yield from places(member, (*path, name))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    edited = copy.deepcopy(value)
    at = edited
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return edited


@pytest.mark.parametrize("new", [MARK, [MARK], {"x": MARK}, {MARK: 1}, {"new": [{"deep": MARK}]}])
@pytest.mark.parametrize(("method", "said"), EVENTS)
def test_every_string_that_is_no_identifier_is_a_slot(method: str, said: dict[str, Any], new: Any) -> None:
    for path in places(said):
        stream = opened(method)
        try:
            elements = stream.feed(event(put(said, path, new)))
        except WireError:
            continue
        texts = [slot.text for element in elements for slot in element.slots]
        assert any(MARK in text for text in texts), path
        edited = elements[0].encode([text.replace(MARK, "") for text in texts])
        assert MARK.encode() not in edited, path


@pytest.mark.parametrize(("method", "said"), EVENTS)
def test_unknown_members_are_slots(method: str, said: dict[str, Any]) -> None:
    for path in ((), *(path for path in places(said))):
        at = said
        for step in path:
            at = at[step]
        if isinstance(at, dict):
            edited = put(said, (*path, "news"), MARK) if path else {**said, "news": MARK}
            texts = [slot.text for e in opened(method).feed(event(edited)) for slot in e.slots]
            assert any(MARK in text for text in texts), path


@pytest.mark.parametrize(("method", "said"), EVENTS)
def test_slots_of_one_element_never_share_a_channel(method: str, said: dict[str, Any]) -> None:
    (element,) = opened(method).feed(event(said))
    channels = [slot.channel for slot in element.slots]
    assert len(set(channels)) == len(channels)


@given(st.text(max_size=30), st.sampled_from(["content", "refusal", "reasoning"]), st.booleans())
@settings(max_examples=200)
def test_a_template_reads_what_a_walk_reads(text: str, kind: str, ascii_only: bool) -> None:
    warm = adapter_of(CHAT)
    words = [event(chunk({kind: word})) for word in "abcd"]
    elements_of(opened(CHAT, warm), words)
    stream, fresh = opened(CHAT, warm), opened(CHAT)
    said = event(chunk({kind: text}), ascii_only=ascii_only)
    elements_of(stream, words)
    elements_of(fresh, words[:1])
    assert shapes(stream.feed(said)) == shapes(fresh.feed(said)) or text == ""


# Events that are not what they should be -------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        '{"choices":[{"delta":{"content":"a","content":"b"}}]}',
        '{"a":NaN}',
        '{"a":"\\ud800"}',
        '{"a":1',
        "{" * 200,
        '["\\u0061lice", NaN]',
        '{"choices":[{"index":"0","delta":{"content":"x"}}]}',
    ],
)
def test_events_that_could_hide_a_text(data: str) -> None:
    with pytest.raises(WireError) as error:
        opened(CHAT).feed(event(data))
    assert "alice" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        ("plain words", ["plain words"]),
        ("[ERROR] it broke", ["[ERROR] it broke"]),
        ('["a b", {"c": "d e"}]', ["a b", "d e"]),
        ('"a \\u0062"', ["a b"]),
        ("17", ["17"]),
        ("", []),
        ("[DONE]", []),
    ],
)
def test_data_that_is_no_object(data: str, texts: list[str]) -> None:
    elements = opened(CHAT).feed(event(data))
    assert [slot.text for element in elements for slot in element.slots] == texts
    assert b"".join(element.encode() for element in elements) == event(data)


def test_an_edit_of_plain_data_stays_data() -> None:
    (element,) = opened(CHAT).feed(b"data: one\ndata: two\n\n")
    assert [slot.text for slot in element.slots] == ["one\ntwo"]
    assert element.encode(["three\r\nfour\rfive"]) == b"data: three\ndata: four\ndata: five\n\n"


def test_an_object_on_several_lines_of_data() -> None:
    stream = b'event: x\ndata: {"choices": [\ndata: {"delta": {"content": "a b"}}\nid: 9\ndata: ]}\n\n'
    (element,) = opened(CHAT).feed(stream)
    assert element.encode() == stream
    edited = element.encode(["c\nd"])
    assert objects_of(edited) == [{"choices": [{"delta": {"content": "c\nd"}}]}]


def test_lines_beside_data_are_read() -> None:
    stream = b': hello a@b.c\nevent: two words\nid: 1\nfoo: bar baz\ndata: {"choices":[]}\n\n'
    elements = opened(CHAT).feed(stream)
    assert [slot.text for element in elements for slot in element.slots] == [
        "hello a@b.c",
        "two words",
        "bar baz",
    ]
    assert b"".join(element.encode() for element in elements) == stream
    edited = b"".join(element.encode(["x\ny"] * len(element.slots)) for element in opened(CHAT).feed(stream))
    assert edited == b': x y\nevent: x y\nid: 1\nfoo: x y\ndata: {"choices":[]}\n\n'


@pytest.mark.parametrize(
    "comment", [b": keepalive\n\n", b":ok\n\n", b":\n", b": ping - 2026-01-01 00:00:00.12+00:00\n\n"]
)
def test_keepalives_pass_at_once(comment: bytes) -> None:
    (element,) = opened(CHAT).feed(comment)
    assert (list(element.slots), element.encode()) == ([], comment)


def test_the_last_event_without_its_blank_line() -> None:
    stream = opened(CHAT)
    assert stream.feed(event(chunk({"content": "x"}))[:-1]) == []
    (element,) = stream.close()
    assert [slot.text for slot in element.slots] == ["x"]


def test_an_event_cut_within_a_line_is_dropped() -> None:
    stream = opened(CHAT)
    assert stream.feed(b'data: {"choices":[{"delta":{"content":"x"}') == []
    assert stream.close() == []


def test_the_rest_of_an_element_is_asked_for() -> None:
    (element,) = opened(CHAT).feed(event(chunk({"content": "abc"})))
    assert element.head(["a"])
    with pytest.raises(ValueError, match="the rest"):
        element.encode()


def test_more_channels_than_the_bound() -> None:
    stream = opened(CHAT)
    with pytest.raises(WireError, match="4096 texts"):
        for number in range(5000):
            stream.feed(event(chunk({"content": "x"}, index=number)))


def test_more_complete_texts_than_the_bound() -> None:
    stream = opened(CHAT)
    with pytest.raises(WireError, match="10000 complete texts"):
        for number in range(20_000):
            stream.feed(event(chunk({"content": "x"}, host=f"host number {number}")))


def test_a_text_that_every_event_repeats_is_no_new_text() -> None:
    stream = opened(CHAT)
    data = event(chunk({"content": "x"}, host="one host"))
    channels = {slot.channel for _ in range(20_000) for e in stream.feed(data) for slot in e.slots}
    assert len(channels) == 2

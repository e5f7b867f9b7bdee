from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.adapters._json_text import JsonTextReader, JsonTextWriter, is_json_text
from tests.adapters.pieces import pieces_of
from tests.adapters.test_json import VALUES


def read(*fragments: str) -> list[str]:
    reader = JsonTextReader()
    return [reader.read(fragment) for fragment in fragments]


def written(*texts: str) -> str:
    writer = JsonTextWriter()
    return "".join(writer.write(text) for text in texts)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]), st.data())
def test_any_cutting_reads_the_same_and_writes_the_same_value(
    value: Any, ascii_only: bool, indent: Any, data: st.DataObject
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    texts = read(*data.draw(pieces_of(text)))
    assert "".join(texts) == "".join(read(text))
    assert json.loads(written(*texts)) == value


@pytest.mark.parametrize(
    ("fragments", "texts"),
    [
        (['{"a":"x\\u0040y"}'], ['{"a":"x@y"}']),
        (['{"a":"x\\u0', '040y"}'], ['{"a":"x', '@y"}']),
        (['{"a":"\\', 'n"}'], ['{"a":"', '\n"}']),
        (['{"a":"\\ud83d', '\\ude00"}'], ['{"a":"', '😀"}']),
        (['{"a":"\\ud83d\\', 'ude00"}'], ['{"a":"', '😀"}']),
        (['{"a":"\\ud83d', 'x"}'], ['{"a":"', '\\ud83dx"}']),  # half a pair is no character
        (['{"a":"\\"', '\\\\"}'], ['{"a":"\\"', '\\\\"}']),  # these stay as they are
        (['{"a":"\\u0022\\u005c"}'], ['{"a":"\\"\\\\"}']),  # and are never made bare
        (['{"a":"\\\\u0040"}'], ['{"a":"\\\\u0040"}']),  # an escaped backslash, then letters
        (['{"a":"\\/\\q"}'], ['{"a":"/\\q"}']),
    ],
)
def test_escapes(fragments: list[str], texts: list[str]) -> None:
    assert read(*fragments) == texts


def test_control_characters_are_escaped_inside_strings_only() -> None:
    assert written('{\n\t"a": "x\ny\t\x01"\n}') == '{\n\t"a": "x\\ny\\t\\u0001"\n}'


def test_the_state_goes_on_from_piece_to_piece() -> None:
    assert written('{"a":"x\\', '"\n', '","b":1', "2}") == '{"a":"x\\"\\n","b":12}'


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (['{"card": <CARD>}'], {"card": "<CARD>"}),
        (['{"card": <CA', 'RD>, "n": 1}'], {"card": "<CARD>", "n": 1}),
        (["[****1111]"], ["****1111"]),
        (["[1.5, tr", "ue, null, -2e", "5]"], [1.5, True, None, -2e5]),
        (['{"k":', "key:ab12 }"], {"k": "key:ab12"}),
    ],
)
def test_what_replaces_a_number_gets_quotes(texts: list[str], value: Any) -> None:
    assert json.loads(written(*texts)) == value


@pytest.mark.parametrize(
    ("text", "answer"),
    [('{"a":1}', True), (" [", True), ('"x', True), ("hello {", False), ("", False), ("7", False)],
)
def test_which_arguments_are_json_text(text: str, answer: bool) -> None:
    assert is_json_text(text) is answer


@given(VALUES, st.booleans(), st.data())
def test_following_is_writing_without_a_result(value: Any, ascii_only: bool, data: st.DataObject) -> None:
    texts = read(*data.draw(pieces_of(json.dumps(value, ensure_ascii=ascii_only, indent=1))))
    writer, follower = JsonTextWriter(), JsonTextWriter()
    for text in texts:
        writer.write(text)
        follower.follow(text)
        assert follower == writer

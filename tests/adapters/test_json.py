from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sentinel.adapters._json import MAX_DEPTH, Node, decode_utf8, escape, parse, splice, unescape
from sentinel.core.errors import WireError

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


def plain(node: Node) -> Any:
    value = node.value
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def without_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_floats(member) for name, member in value.items()}
    if isinstance(value, list):
        return [without_floats(item) for item in value]
    big = isinstance(value, int) and not isinstance(value, bool) and len(str(abs(value))) > 18
    return 0.0 if isinstance(value, float) or big else value


def strings_in(node: Node) -> list[Node]:
    if isinstance(node.value, dict):
        return [found for member in node.value.values() for found in strings_in(member)]
    if isinstance(node.value, list):
        return [found for item in node.value for found in strings_in(item)]
    return [node] if isinstance(node.value, str) else []


@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
@example(-100_000_000_000_000_000, False, None)
def test_reads_what_the_standard_library_writes(value: Any, ascii_only: bool, indent: Any) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert plain(parse(text)) == without_floats(value)


@given(VALUES, st.booleans())
def test_places_are_those_of_the_values(value: Any, ascii_only: bool) -> None:
    text = f" {json.dumps(value, ensure_ascii=ascii_only)}\r\n"
    for node in strings_in(parse(text)):
        assert text[node.start - 1] == text[node.end] == '"'
        assert unescape(text[node.start : node.end]) == node.value


@given(VALUES, st.text())
def test_an_edit_changes_one_string(value: Any, new: str) -> None:
    text = json.dumps({"before": 1.0, "x": value, "edited": "old", "after": [12345678901234567890, 1e22]})
    place = parse(text).value["edited"]
    edited = splice(text, [(place.start, place.end, escape(new))])
    assert json.loads(edited) == {**json.loads(text), "edited": new}
    assert edited.startswith(text[: place.start]) and edited.endswith(text[place.end :])


@pytest.mark.parametrize(
    "number", ["1e400", "12345678901234567890", "1.0", "-0", "1E+2", "0.1000000000000000055511151231257827"]
)
def test_numbers_stay_as_they_are_written(number: str) -> None:
    text = f'{{"n":{number},"s":"a"}}'
    place = parse(text).value["s"]
    assert splice(text, [(place.start, place.end, "b")]) == f'{{"n":{number},"s":"b"}}'


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "{", "[", "[1,]", "{,}", '{"a"}', '{"a":}', '{"a":1,}', "[1 2]", '{"a":1]', '["a"}'),
        *(
            "NaN",
            "[NaN]",
            "Infinity",
            "-",
            "01",
            "1.",
            ".5",
            "+1",
            "tru",
            "nul",
            "'a'",
            '"a',
            '"\\x"',
            '"\\u12"',
        ),
        *('"a\nb"', '"\x00"', "{} {}", '{"a":1}x', "\ufeff{}", "{a:1}", "// c\n{}", "[1]\x0b"),
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="not JSON"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"content":"a","content":"b"}', "a member twice"),
        ('{"content":"a","c\\u006fntent":"b"}', "a member twice"),
        ('{"a":{"b":[{"c":1,"c":2}]}}', "a member twice"),
        ('"\\ud800"', "names no character"),
        ('{"\\udc00":1}', "names no character"),
        ('"\\udc00\\ud800"', "names no character"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "deeper than 128"),
        ("[" * 100_000, "deeper than 128"),
    ],
)
def test_what_could_hide_a_text_is_refused(text: str, why: str) -> None:
    with pytest.raises(WireError, match=why):
        parse(text)


def test_depth_that_is_allowed() -> None:
    text = "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH
    assert plain(parse(text)) == json.loads(text)


def test_errors_never_quote_the_message() -> None:
    with pytest.raises(WireError) as error:
        parse('{"secret": alice@example.com}')
    assert "alice" not in str(error.value)


@pytest.mark.parametrize("data", [b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_what_is_no_utf8_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="not UTF-8"):
        decode_utf8(data)


def test_separators_that_split_lines_are_escaped() -> None:
    assert escape("a\u2028b\u2029c\x85d") == "a\\u2028b\\u2029c\\u0085d"
    assert escape("naïve 😀") == "naïve 😀"


def test_the_outer_of_two_edits_counts() -> None:
    assert splice("abcdef", [(2, 3, "x"), (1, 4, "-"), (5, 6, "F")]) == "a-eF"

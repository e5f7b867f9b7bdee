"""Templates: made on the second event of a make, bounded, and never matched by an event with another text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel.adapters._templates import Templates
from sentinel.adapters.openai import CHAT
from tests.adapters.answers import adapter_of, chunk, event, opened


def by_template(element: Any) -> bool:
    return element.match is not None


def warmed(count: int = 4, **members: Any) -> Any:
    """A stream that has a template for chunks with these members."""
    stream = opened(CHAT)
    for number in range(count):
        (element,) = stream.feed(event(chunk({"content": f"w{number} "}, **members)))
    assert by_template(element)
    return stream


def test_the_third_event_of_a_make_is_read_by_template() -> None:
    stream = opened(CHAT)
    elements = [stream.feed(event(chunk({"content": "a"})))[0] for _ in range(4)]
    assert [by_template(element) for element in elements] == [False, False, True, True]


def test_streams_share_templates() -> None:
    adapter = adapter_of(CHAT)
    for stream in (opened(CHAT, adapter), opened(CHAT, adapter)):
        elements = [
            stream.feed(event(chunk({"content": "a"}, id=f"chatcmpl-{id(stream)}", created=id(stream))))[0]
            for _ in range(3)
        ]
    assert [by_template(element) for element in elements] == [False, True, True]


@pytest.mark.parametrize(
    "change",
    [
        {"delta": {"content": "a", "refusal": "b"}},
        {"delta": {"refusal": "a"}},
        {"delta": {"content": None}},
        {"delta": {"content": ["a"]}},
        {"index": 1},
        {"finish_reason": "stop"},
        {"finish_reason": ""},
        {"logprobs": {"content": []}},
        {"extra": "b"},
    ],
)
def test_another_make_is_walked(change: dict[str, Any]) -> None:
    message = chunk({"content": "a"})
    message["choices"][0].update(change)
    (element,) = warmed().feed(event(message))
    assert getattr(element, "match", None) is None


@pytest.mark.parametrize(
    "members", [{"id": "two words"}, {"model": "a@b"}, {"created": 1.5}, {"object": "x"}]
)
def test_structure_that_no_longer_looks_so_is_walked(members: dict[str, Any]) -> None:
    (element,) = warmed().feed(event(chunk({"content": "a"}, **members)))
    assert not by_template(element)


def test_structure_that_varies_is_not() -> None:
    stream = warmed(obfuscation="aB3")
    (element,) = stream.feed(event(chunk({"content": "a"}, id="x", model="y", created=3, obfuscation="q")))
    assert by_template(element)
    assert json.loads(element.encode(["b"])[6:])["obfuscation"] == ""


def test_an_event_after_the_end_of_its_channel_is_walked() -> None:
    stream = warmed()
    stream.feed(event(chunk({}, finish="stop")))
    (element,) = stream.feed(event(chunk({"content": "a"})))
    assert not by_template(element)


def test_the_oldest_make_is_forgotten() -> None:
    templates = Templates()
    stream = opened(CHAT)
    elements = [stream.feed(event(chunk({"content": "a", f"x{n}": None})))[0] for n in range(1100)]
    for element in elements:
        assert templates.find(element.text, element.plan) is None
    assert templates.find(elements[-1].text, elements[-1].plan) is not None
    assert templates.find(elements[0].text, elements[0].plan) is None

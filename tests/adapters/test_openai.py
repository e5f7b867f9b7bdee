"""OpenAI's requests, answers and streams: whose words are where, and what replaces a blocked one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from sentinel.adapters.base import MethodKind
from sentinel.adapters.openai import CHAT, COMPLETIONS, RESPONSES, OpenAI, OpenAIConfig
from sentinel.core.errors import WireError
from sentinel.core.exchange import Channel, Role
from tests.adapters.answers import (
    PROMPTS,
    chat_stream,
    chunk,
    completion_stream,
    elements_of,
    event,
    fragments,
    objects_of,
    opened,
    responses_events,
    responses_stream,
    texts_by_channel,
)
from tests.adapters.messages import check_edits, check_nothing_is_unread

ADAPTER = OpenAI(OpenAIConfig())
PICTURE = "data:image/png;base64," + "iVBORw0KGgo" * 12
SOUND = "UklGRiQAAABXQVZF" * 8

CHAT_REQUEST: dict[str, Any] = {
    "model": "gpt-4o",
    "stream": True,
    "n": 2,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "name": "Ann Lee",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}},
                {"type": "file", "file": {"filename": "cv of ann.pdf", "file_data": PICTURE}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Look it up.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "look", "arguments": '{"q": "a\\u0040b"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "It is a cat."},
        {"role": "user", "content": "Thanks."},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "look",
                "description": "Looks things up.",
                "parameters": {
                    "type": "object",
                    "properties": {"q": {"type": "string", "description": "The question."}},
                    "required": ["q"],
                },
            },
        }
    ],
    "documents": [{"title": "T one", "text": "D one"}],
    "stop": ["\n\n", "END"],
    "user": "u-17",
    "metadata": {"team": "red", "note": "two words"},
    "logit_bias": {"50256": -100},
    "temperature": 0.70,
}
RESPONSES_REQUEST: dict[str, Any] = {
    "model": "gpt-4o",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": "Hello there."},
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be kind."}]},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": PICTURE},
                {"type": "input_file", "file_id": "file-1"},
            ],
        },
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"q": "x y"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "It is."},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "I think."}]},
        {"type": "item_reference", "id": "msg_1"},
    ],
    "tools": [
        {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    ],
    "text": {"format": {"type": "json_schema", "name": "out", "schema": {"description": "An answer."}}},
}
CHAT_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1712345678,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Mail bob.",
                "reasoning_content": "He asked.",
                "refusal": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "mail", "arguments": '{"to": "b\\u0040c.d"}'},
                    }
                ],
            },
            "logprobs": {
                "content": [{"token": "Mail bob.", "logprob": -0.1, "bytes": [77], "top_logprobs": []}]
            },
            "finish_reason": "stop",
        },
        {"index": 1, "message": {"role": "assistant", "content": "Or not."}, "finish_reason": "stop"},
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
    "system_fingerprint": "fp_1",
}


def request_of(method: str, message: Any, adapter: OpenAI = ADAPTER) -> Any:
    return adapter.decode_request(method, json.dumps(message).encode())


def answered(method: str, message: Any) -> Any:
    return ADAPTER.decode_response(method, json.dumps(message).encode(), request_of(method, PROMPTS[method]))


def parts_of(decoded: Any) -> list[tuple[str, str, str]]:
    return [(part.role.value, part.path, part.text) for part in decoded.parts]


def response_object() -> Any:
    return responses_events()[-1]["response"]


def test_methods() -> None:
    assert set(ADAPTER.methods.values()) == {MethodKind.ASKED}


# Requests --------------------------------------------------------------------------------------------------


def test_whose_words_are_in_a_chat() -> None:
    decoded = request_of(CHAT, CHAT_REQUEST)
    assert parts_of(decoded) == [
        ("system", "messages[0].content", "Be brief."),
        ("prompt", "messages[1].name", "Ann Lee"),
        ("prompt", "messages[1].content[0].text", "What is this?"),
        ("context", "messages[1].content[3].file.filename", "cv of ann.pdf"),
        ("answer", "messages[2].reasoning_content", "Look it up."),
        ("answer", "messages[2].tool_calls[0].function.arguments", '{"q": "a@b"}'),
        ("context", "messages[3].content", "It is a cat."),
        ("prompt", "messages[4].content", "Thanks."),
        ("system", "tools[0].function.description", "Looks things up."),
        ("system", "tools[0].function.parameters.properties.q.description", "The question."),
        ("context", "documents[0].title", "T one"),
        ("context", "documents[0].text", "D one"),
        ("prompt", "stop[0]", "\n\n"),
        ("prompt", "metadata.note", "two words"),
    ]
    assert decoded.unread == (
        "messages[1].content[1].image_url.url",
        "messages[1].content[2].input_audio.data",
        "messages[1].content[3].file.file_data",
    )
    assert (decoded.model, decoded.streaming, decoded.choices) == ("gpt-4o", True, 2)


def test_whose_words_are_in_a_responses_request() -> None:
    decoded = request_of(RESPONSES, RESPONSES_REQUEST)
    assert parts_of(decoded) == [
        ("system", "instructions", "Be brief."),
        ("prompt", "input[0].content", "Hello there."),
        ("system", "input[1].content[0].text", "Be kind."),
        ("answer", "input[3].arguments", '{"q": "x y"}'),
        ("context", "input[4].output", "It is."),
        ("answer", "input[5].summary[0].text", "I think."),
        ("system", "tools[0].description", "Looks."),
        ("system", "text.format.schema.description", "An answer."),
    ]
    assert decoded.unread == ("input[2].content[0].image_url", "input[2].content[1].file_id", "input[6]")
    assert decoded.streaming is False


@pytest.mark.parametrize(
    ("prompt", "texts"), [("one", ["one"]), (["one", "two"], ["one", "two"]), ([], []), ("", [])]
)
def test_prompts(prompt: Any, texts: list[str]) -> None:
    decoded = request_of(COMPLETIONS, {"model": "m", "prompt": prompt, "suffix": "end of it"})
    assert [part.text for part in decoded.parts] == [*texts, "end of it"]


@pytest.mark.parametrize("prompt", [[1, 2, 3], [[1, 2], [3]], ["a b", 1]])
def test_prompts_of_token_ids(prompt: Any) -> None:
    with pytest.raises(WireError, match="token_ids: pass"):
        request_of(COMPLETIONS, {"prompt": prompt})
    passing = OpenAI(OpenAIConfig(token_ids="pass"))
    assert request_of(COMPLETIONS, {"prompt": prompt}, passing).unread == ("prompt",)


@pytest.mark.parametrize(
    ("members", "unread"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1", "variables": {"who": "Ann Lee"}}}, "prompt"),
    ],
)
def test_what_is_not_in_the_message_is_named(members: dict[str, Any], unread: str) -> None:
    assert request_of(RESPONSES, {"input": "x y", **members}).unread == (unread,)


def test_a_picture_by_its_address() -> None:
    url = "https://example.com/?q=ann lee"
    part = {"type": "image_url", "image_url": {"url": url}}
    decoded = request_of(CHAT, {"messages": [{"role": "user", "content": [part]}]})
    assert [part.text for part in decoded.parts] == [url]
    assert len(decoded.unread) == 1


@pytest.mark.parametrize("data", ["data:text/plain,call ann lee", "call ann lee", "data:;base64,call ann"])
def test_media_that_is_text_is_read(data: str) -> None:
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    decoded = request_of(CHAT, {"messages": [{"role": "user", "content": [part]}]})
    assert [part.text for part in decoded.parts] == [data]


def test_at_most_sixteen_unread_places_are_named() -> None:
    parts = [{"type": "image_url", "image_url": {"url": PICTURE}}] * 40
    assert len(request_of(CHAT, {"messages": [{"role": "user", "content": parts}]}).unread) == 16


@pytest.mark.parametrize("data", [b"", b"[]", b'"x"', b"{", b'{"a":1,"a":2}', b"\xff{}", b'{"a":NaN}'])
def test_requests_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(WireError):
        ADAPTER.decode_request(CHAT, data)


@pytest.mark.parametrize(
    ("members", "answer"),
    [({}, False), ({"stream": None}, False), ({"stream": False}, False), ({"stream": True}, True)],
)
def test_who_asks_for_a_stream(members: dict[str, Any], answer: bool) -> None:
    assert request_of(CHAT, {"messages": [], **members}).streaming is answer


@pytest.mark.parametrize(
    "members", [{"stream": 1}, {"stream": "true"}, {"Stream": True}, {"\u017ftream": True}]
)
def test_a_stream_that_only_some_servers_would_send(members: dict[str, Any]) -> None:
    with pytest.raises(WireError, match="stream"):
        request_of(CHAT, {"messages": [], **members})


def test_more_texts_than_the_bound() -> None:
    adapter = OpenAI(OpenAIConfig(max_texts=3))
    messages = [{"role": "user", "content": "a b"}] * 4
    with pytest.raises(WireError, match="more than 3 texts"):
        request_of(CHAT, {"messages": messages}, adapter)


@pytest.mark.parametrize("n", [0, -1, 10**15, "2", None])
def test_alternatives_stay_within_reason(n: Any) -> None:
    assert 1 <= request_of(CHAT, {"messages": [], "n": n}).choices <= 128


@pytest.mark.parametrize(
    ("method", "message"),
    [(CHAT, CHAT_REQUEST), (RESPONSES, RESPONSES_REQUEST), (COMPLETIONS, {"prompt": "a b"})],
)
def test_requests_are_edited_in_place(method: str, message: Any) -> None:
    check_edits(lambda data: ADAPTER.decode_request(method, data), message)


@pytest.mark.parametrize(
    ("method", "message"),
    [(CHAT, CHAT_REQUEST), (RESPONSES, RESPONSES_REQUEST), (COMPLETIONS, {"prompt": "a b"})],
)
def test_nothing_in_a_request_is_unread(method: str, message: Any) -> None:
    decoded = check_nothing_is_unread(lambda data: ADAPTER.decode_request(method, data), message)
    assert decoded > len(json.dumps(message)) / 50


# Answers ---------------------------------------------------------------------------------------------------


def test_texts_of_a_chat_completion() -> None:
    decoded = answered(CHAT, CHAT_ANSWER)
    assert parts_of(decoded) == [
        ("answer", "choices[0].message.content", "Mail bob."),
        ("answer", "choices[0].message.reasoning_content", "He asked."),
        ("answer", "choices[0].message.tool_calls[0].function.arguments", '{"to": "b@c.d"}'),
        ("answer", "choices[1].message.content", "Or not."),
    ]
    assert (decoded.model, decoded.response_id) == ("gpt-4o", "chatcmpl-1")
    assert (decoded.input_tokens, decoded.output_tokens) == (9, 12)


def test_texts_of_a_completion() -> None:
    choice = {
        "index": 0,
        "text": "Echo: q. And more.",
        "logprobs": {"tokens": ["Echo"]},
        "finish_reason": "stop",
    }
    decoded = answered(COMPLETIONS, {"id": "cmpl-1", "object": "text_completion", "choices": [choice]})
    assert parts_of(decoded) == [("answer", "choices[0].text", "Echo: q. And more.")]
    assert json.loads(decoded.encode(["x"]))["choices"][0]["logprobs"] is None


def test_texts_of_a_response() -> None:
    decoded = answered(RESPONSES, response_object())
    assert parts_of(decoded) == [
        ("answer", "output[0].content[0].text", "Mail bob@example.com – now"),
        ("answer", "output[1].arguments", '{"to":"bob@example.com"}'),
    ]
    assert (decoded.response_id, decoded.input_tokens, decoded.output_tokens) == ("resp_1", 3, 14)


@pytest.mark.parametrize(("method", "message"), [(CHAT, CHAT_ANSWER), (RESPONSES, response_object())])
def test_answers_are_edited_in_place(method: str, message: Any) -> None:
    request = request_of(method, PROMPTS[method])
    check_edits(lambda data: ADAPTER.decode_response(method, data, request), message)


@pytest.mark.parametrize(("method", "message"), [(CHAT, CHAT_ANSWER), (RESPONSES, response_object())])
def test_nothing_in_an_answer_is_unread(method: str, message: Any) -> None:
    request = request_of(method, PROMPTS[method])
    skip = frozenset(("logprobs",))
    decoded = check_nothing_is_unread(
        lambda data: ADAPTER.decode_response(method, data, request), message, skip
    )
    assert decoded > 100


def test_logprobs_go_with_the_text_they_describe() -> None:
    decoded = answered(CHAT, CHAT_ANSWER)
    edited = json.loads(decoded.encode(["Mail <PERSON>.", *(part.text for part in decoded.parts[1:])]))
    assert edited["choices"][0].pop("logprobs") is None
    expected = json.loads(json.dumps(CHAT_ANSWER))
    expected["choices"][0].pop("logprobs")
    expected["choices"][0]["message"]["content"] = "Mail <PERSON>."
    assert edited == expected


@pytest.mark.parametrize("arguments", ["not json a\\u0040b", "", '{"cut": "a\\u0040b', "7"])
def test_arguments_that_are_no_json(arguments: str) -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
    message = {"choices": [{"index": 0, "message": {"tool_calls": [call]}}]}
    data = json.dumps(message).encode()
    decoded = answered(CHAT, message)
    assert decoded.encode([part.text for part in decoded.parts]) == data
    if arguments.startswith("{"):  # cut JSON text hides nothing either
        assert [part.text for part in decoded.parts] == ['{"cut": "a@b']
    elif arguments:
        assert [part.text for part in decoded.parts] == [arguments]


def test_a_number_in_arguments_that_is_replaced_stays_json() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": '{"card": 4111111111111111, "n": 1}'}}
    decoded = answered(CHAT, {"choices": [{"index": 0, "message": {"tool_calls": [call]}}]})
    edited = json.loads(decoded.encode(['{"card": <CREDIT_CARD>, "n": 1}']))
    arguments = edited["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"card": "<CREDIT_CARD>", "n": 1}


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (
            b'{"error":{"message":"bad bob","type":"invalid_request_error","param":null,"code":"x"}}',
            ["bad bob"],
        ),
        (b'{"object":"error","message":"bad bob","code":400}', ["error", "bad bob"]),
        (b"<html>bad bob</html>", ["<html>bad bob</html>"]),
        (b"", []),
        (b"null", ["null"]),
    ],
)
def test_upstream_errors(body: bytes, texts: list[str]) -> None:
    decoded = ADAPTER.decode_error(CHAT, body)
    assert [part.text for part in decoded.parts] == texts
    assert decoded.encode(texts) == body
    assert b"bob" not in decoded.encode([text.replace("bob", "") for text in texts])


@pytest.mark.parametrize("body", [b"\xff", b'{"a":"\\u0061"', b'{"a":1,"a":2}'])
def test_upstream_errors_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(WireError):
        ADAPTER.decode_error(CHAT, body)


# Streams ---------------------------------------------------------------------------------------------------


def test_channels_of_a_chat() -> None:
    stream = opened(CHAT, n=2)
    assert texts_by_channel(elements_of(stream, [chat_stream()])) == {
        Channel(0, "reasoning", 0): "Let me think … 42",
        Channel(0, "content", 0): "Write to bob@example.com 😀",
        Channel(1, "content", 0): "another \u2028choice!",
        Channel(0, "arguments", 0): '{"to": "bob@example.com", "x": "\n\\"é\\\\"}',
        Channel(0, "arguments", 1): '{"n": 4111111111111111}',
    }
    assert (stream.model, stream.response_id, stream.input_tokens, stream.output_tokens) == (
        "m",
        "chatcmpl-1",
        3,
        14,
    )


def test_channels_of_a_completion() -> None:
    elements = elements_of(opened(COMPLETIONS), [completion_stream()])
    assert texts_by_channel(elements) == {Channel(): "Once upon a time bob@example.com."}
    assert [list(element.ends) for element in elements] == [[], [], [], [Channel()]]


def test_what_ends_a_channel() -> None:
    ended = [channel for e in elements_of(opened(CHAT), [chat_stream()]) for channel in e.ends]
    assert ended == [
        Channel(0, "reasoning", 0),  # content begins
        Channel(0, "content", 0),  # a call begins
        Channel(0, "arguments", 0),  # the next call begins
        Channel(0, "arguments", 1),  # finish_reason
        Channel(1, "content", 0),
    ]


def test_what_comes_back_after_its_end_is_another_channel() -> None:
    stream = opened(CHAT)
    deltas = [{"reasoning": "a"}, {"content": "b"}, {"reasoning": "c"}, {"content": "d"}, {"reasoning": "e"}]
    elements = elements_of(stream, [event(chunk(delta)) for delta in deltas])
    first, second = Channel(0, "reasoning", 1), Channel(0, "reasoning", (1 << 32) + 1)
    assert texts_by_channel(elements) == {first: "a", Channel(): "bd", second: "ce"}


def test_reasoning_under_two_names_is_two_channels() -> None:
    (element,) = opened(CHAT).feed(event(chunk({"reasoning": "a b", "reasoning_content": "a b"})))
    assert len({slot.channel for slot in element.slots}) == 2


def test_a_text_that_is_complete_ends_with_its_element() -> None:
    stream = opened(CHAT)
    hosts = ["our host", "other host", "our host"]
    elements = elements_of(stream, [event(chunk({"content": "a"}, host=host)) for host in hosts])
    once = [slot for element in elements for slot in element.slots if slot.text in hosts]
    assert [list(element.ends) for element in elements] == [[slot.channel] for slot in once]
    assert once[0].channel != once[1].channel
    assert (once[2].channel, [slot.whole for slot in once]) == (once[0].channel, [False, False, True])


def test_logprobs_leave_with_their_text_only() -> None:
    def said(text: str, token: str) -> bytes:
        told = {"content": [{"token": token, "logprob": -0.5, "bytes": [1], "top_logprobs": []}]}
        message = chunk({"content": text})
        message["choices"][0]["logprobs"] = told
        return event(message)

    stream = opened(CHAT)
    same, edited, ahead = (
        stream.feed(data)[0] for data in (said("bob", "bob"), said("bob", "bob"), said("", "alice"))
    )
    assert same.encode() == said("bob", "bob")
    assert objects_of(edited.encode(["<P>"]))[0] == chunk({"content": "<P>"})
    assert objects_of(ahead.encode())[0] == chunk({"content": ""})
    head = stream.feed(said("bob", "bob"))[0]
    assert objects_of(head.head(["b"]))[0] == chunk({"content": "b"})
    rest = objects_of(head.encode(["ob"]))[0]
    assert rest["choices"][0]["logprobs"]["content"][0]["token"] == "bob"


def test_a_head_tells_nothing_twice() -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": '{"a": "b c"}'}}
    data = chunk({"role": "assistant", "tool_calls": [call]}, finish="tool_calls", obfuscation="x9")
    (element,) = opened(CHAT).feed(event(data))
    (head,) = objects_of(element.head(['{"a": ']))
    (rest,) = objects_of(element.encode(['"b c"}']))
    assert head["choices"][0]["finish_reason"] is None
    assert head["choices"][0]["delta"]["tool_calls"][0]["id"] == "call_1"
    assert head["obfuscation"] == ""
    assert rest["choices"][0]["finish_reason"] == "tool_calls"
    delta = rest["choices"][0]["delta"]
    assert (delta["role"], delta["tool_calls"][0]["id"]) == (None, None)
    assert delta["tool_calls"][0]["function"] == {"name": None, "arguments": '"b c"}'}


def test_the_name_of_a_function_that_is_text_is_told_once_too() -> None:
    call = {"index": 0, "function": {"name": "mail bob", "arguments": '{"a": "b c"}'}}
    (element,) = opened(CHAT).feed(event(chunk({"tool_calls": [call]})))
    assert [slot.text for slot in element.slots] == ["mail bob", '{"a": "b c"}']
    sent = objects_of(element.head(["mail", '{"a": ']) + element.encode([" <P>", '"b c"}']))
    functions = [said["choices"][0]["delta"]["tool_calls"][0]["function"] for said in sent]
    assert functions == [{"name": "", "arguments": '{"a": '}, {"name": "mail <P>", "arguments": '"b c"}'}]


def test_a_cut_escape_moves_to_the_next_fragment() -> None:
    stream = opened(CHAT)
    elements = elements_of(stream, [event(said) for said in fragments(0, "c", '{"a": "x\\u00', '40y"}')])
    texts = [slot.text for element in elements for slot in element.slots]
    assert texts == ['{"a": "x', '@y"}']
    sent = objects_of(b"".join(element.encode() for element in elements))
    calls = [said["choices"][0]["delta"]["tool_calls"][0] for said in sent]
    assert [call["function"]["arguments"] for call in calls] == ["", '{"a": "x', '@y"}']


def test_an_edit_in_fragments_is_valid_json() -> None:
    stream = opened(CHAT)
    said = fragments(0, "c", '{"a": "one\\n', 'two", "card": 4111', '1111, "b": "', '\\t\\"z\\""}')
    elements = elements_of(stream, [event(message) for message in said])[1:]
    texts = ['{"a": "<P>\n', 'tw\\"o", "card": <CA', 'RD>, "b": "', 'é\t\\"z\\""}']
    sent = b"".join(element.encode([text]) for element, text in zip(elements, texts, strict=True))
    calls = [message["choices"][0]["delta"]["tool_calls"][0] for message in objects_of(sent)]
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {
        "a": '<P>\ntw"o',
        "card": "<CARD>",
        "b": 'é\t"z"',
    }


def test_arguments_as_an_object() -> None:
    call = {"index": 0, "function": {"name": "f", "arguments": {"to": "bob", "n": 4111}}}
    (element,) = opened(CHAT).feed(event(chunk({"tool_calls": [call]})))
    (slot,) = element.slots
    assert (slot.text, slot.quoted, list(element.ends)) == ('{"to":"bob","n":4111}', True, [slot.channel])
    (sent,) = objects_of(element.encode(['{"to":"<P>","n":<N>}']))
    assert sent["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] == {"to": "<P>", "n": "<N>"}


def test_a_response_repeats_its_texts() -> None:
    stream = opened(RESPONSES)
    elements = elements_of(stream, [responses_stream()])
    content, arguments = Channel(0, "content", 0), Channel(0, "arguments", 4096)
    assert texts_by_channel(elements) == {
        content: "Mail bob@example.com – now",
        arguments: '{"to":"bob@example.com"}',
    }
    whole = [slot for element in elements for slot in element.slots if slot.whole]
    assert [slot.channel for slot in whole] == [content] * 3 + [arguments] * 2 + [content, arguments]
    assert [slot.quoted for slot in whole] == [slot.channel == arguments for slot in whole]
    assert [channel for element in elements for channel in element.ends] == [content, arguments]
    assert (stream.response_id, stream.input_tokens, stream.output_tokens) == ("resp_1", 3, 14)


def test_a_response_that_was_never_streamed_is_read() -> None:
    last = responses_events()[-1]
    (element,) = opened(RESPONSES).feed(event(last, last["type"]))
    assert [(slot.text, slot.whole) for slot in element.slots] == [
        ("Mail bob@example.com – now", False),
        ('{"to":"bob@example.com"}', False),
    ]
    assert len(element.ends) == 2


def test_a_repetition_that_says_something_else_is_read_for_itself() -> None:
    at = {"output_index": 0, "content_index": 0}
    stream = opened(RESPONSES)
    stream.feed(event({"type": "response.output_text.delta", **at, "delta": "one"}))
    (element,) = stream.feed(event({"type": "response.output_text.done", **at, "text": "two"}))
    (slot,) = element.slots
    assert (slot.text, slot.whole) == ("two", False)
    assert slot.channel in element.ends and slot.channel != Channel()


# What we say ourselves -------------------------------------------------------------------------------------


def test_a_cut_finishes_every_choice_that_has_not_finished() -> None:
    stream = opened(CHAT, n=3)
    for element in elements_of(stream, [chat_stream()])[:-3]:
        element.encode()
    stream.feed(event(chunk({}, index=1, finish="stop")))  # read, but never sent
    (last,) = objects_of(stream.cut("Blocked by a rule.", "d-1"))
    assert [(choice["index"], choice["finish_reason"]) for choice in last["choices"]] == [
        (1, "content_filter"),
        (2, "content_filter"),
    ]
    assert {choice["delta"]["refusal"] for choice in last["choices"]} == {"Blocked by a rule."}
    assert (last["id"], last["created"], last["sentinel"]) == (
        "chatcmpl-1",
        1712345678,
        {"decision_id": "d-1"},
    )
    assert stream.cut("x", "d").endswith(b"data: [DONE]\n\n")


def test_a_cut_completion() -> None:
    stream = opened(COMPLETIONS)
    stream.feed(completion_stream())
    (last,) = objects_of(stream.cut("no", "d"))
    assert last["object"] == "text_completion"
    assert last["choices"] == [{"index": 0, "text": "", "logprobs": None, "finish_reason": "content_filter"}]


def test_a_cut_response_goes_on_counting() -> None:
    stream = opened(RESPONSES)
    for element in elements_of(stream, [responses_stream()])[:5]:
        element.encode()
    (last,) = objects_of(stream.cut("Blocked.", "d-1"))
    assert (last["type"], last["sequence_number"]) == ("response.incomplete", 5)
    response = last["response"]
    assert (response["id"], response["status"]) == ("resp_1", "incomplete")
    assert response["incomplete_details"] == {"reason": "content_filter"}
    assert response["output"][0]["content"] == [{"type": "refusal", "refusal": "Blocked."}]


@pytest.mark.parametrize("method", [CHAT, COMPLETIONS, RESPONSES])
def test_a_refusal_is_an_answer(method: str) -> None:
    request = request_of(method, {**PROMPTS[method], "stream": False, "n": 2})
    decoded = ADAPTER.decode_response(method, ADAPTER.refusal_response(request, "Not allowed."), request)
    texts = {part.text for part in decoded.parts if part.role is Role.ANSWER}
    assert texts == {"Not allowed."}
    assert decoded.model == "m"


def test_a_refusal_answers_every_choice() -> None:
    request = request_of(CHAT, {**PROMPTS[CHAT], "stream": False, "n": 2})
    answer = json.loads(ADAPTER.refusal_response(request, "No."))
    assert [(choice["index"], choice["finish_reason"]) for choice in answer["choices"]] == [
        (0, "content_filter"),
        (1, "content_filter"),
    ]


@pytest.mark.parametrize("method", [CHAT, COMPLETIONS, RESPONSES])
def test_a_refusal_of_a_stream_is_a_stream(method: str) -> None:
    request = request_of(method, PROMPTS[method])
    elements = elements_of(opened(method), [ADAPTER.refusal_response(request, "Not allowed.")])
    assert texts_by_channel(elements) == {Channel(): "Not allowed."}
    assert Channel() in [channel for element in elements for channel in element.ends]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("blocked", "content_filter"),
        ("malformed", "invalid_request"),
        ("unsupported", "unsupported"),
        ("too_large", "too_large"),
        ("upstream", "upstream_error"),
        ("odd", "odd"),
    ],
)
def test_errors_of_our_own(kind: str, code: str) -> None:
    body = json.loads(ADAPTER.error_body("Not now.", kind, {"decision_id": "d"}))
    error = body["error"]
    assert (error["message"], error["code"], error["param"]) == ("Not now.", code, None)
    callers = code not in ("upstream_error", "odd")
    assert error["type"] == ("invalid_request_error" if callers else "server_error")
    assert error["sentinel"] == {"decision_id": "d"}


@pytest.mark.parametrize("settings", [{"token_ids": "maybe"}, {"max_event_bytes": 1}, {"nothing": 1}])
def test_settings_that_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenAIConfig.model_validate(settings)


def test_sound_in_a_stream_is_named_as_unread() -> None:
    stream = opened(CHAT)
    stream.feed(event(chunk({"content": "hello"})))
    assert stream.unread == ()
    for _ in range(20):
        stream.feed(event(chunk({"audio": {"data": SOUND}})))
    assert stream.unread == ("choices[0].delta.audio.data",) * 16

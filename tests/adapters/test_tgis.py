"""TGIS messages: where their texts are, and that tokens are told with their own text only."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.adapters.base import Element, MethodKind
from sentinel.adapters.tgis import GENERATE, GENERATE_STREAM, TOKENIZE, Tgis, TgisConfig
from sentinel.core.errors import WireError
from sentinel.core.exchange import Channel
from sentinel.pb import tgis_pb2 as pb
from tests.adapters.infer import field

ADAPTER = Tgis(TgisConfig())
PARAMS = field(10, b"\x12\x05\x0d\x00\x00\x00\x3f")  # sampling parameters, which we do not know
LOGPROB = b"\x1d\x00\x00\x80\xbf"
TOP = field(5, field(2, b"7"))


def prompts(*texts: str, method: str = GENERATE) -> bytes:
    message: Any
    if method == GENERATE_STREAM:
        message = pb.SingleGenerationRequest(model_id="granite", request=pb.GenerationRequest(text=texts[0]))
    elif method == TOKENIZE:
        message = pb.BatchedTokenizeRequest(
            model_id="granite", requests=[pb.TokenizeRequest(text=text) for text in texts]
        )
    else:
        message = pb.BatchedGenerationRequest(
            model_id="granite", requests=[pb.GenerationRequest(text=text) for text in texts]
        )
    return cast(bytes, message.SerializeToString()) + PARAMS


def token(text: str) -> pb.TokenInfo:
    """With a log-probability and a candidate."""
    return pb.TokenInfo.FromString(pb.TokenInfo(text=text).SerializeToString() + LOGPROB + TOP)


def said(text: str, *tokens: str, **fields: Any) -> pb.GenerationResponse:
    return pb.GenerationResponse(text=text, tokens=[token(each) for each in tokens], **fields)


def asked(method: str = GENERATE) -> Any:
    return ADAPTER.decode_request(method, prompts("q", method=method))


def opened() -> Any:
    return ADAPTER.open_stream(GENERATE_STREAM, asked(GENERATE_STREAM))


def fed(message: pb.GenerationResponse) -> Element:
    (element,) = opened().feed(message.SerializeToString())
    return cast(Element, element)


def read(data: bytes) -> pb.GenerationResponse:
    return pb.GenerationResponse.FromString(data)


def test_methods() -> None:
    assert {name.rpartition("/")[2]: kind for name, kind in ADAPTER.methods.items()} == {
        "Generate": MethodKind.UNARY,
        "GenerateStream": MethodKind.SERVER_STREAM,
        "Tokenize": MethodKind.UNARY,
        "ModelInfo": MethodKind.CONTROL,
    }


# Requests ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "texts", "paths"),
    [
        (GENERATE, ["one", "two"], ["requests[0].text", "requests[1].text"]),
        (GENERATE, [], []),
        (TOKENIZE, ["one", "two"], ["requests[0].text", "requests[1].text"]),
        (GENERATE_STREAM, ["one"], ["request.text"]),
    ],
)
def test_prompts(method: str, texts: list[str], paths: list[str]) -> None:
    data = prompts(*texts, method=method)
    decoded = ADAPTER.decode_request(method, data)
    assert [(part.role, part.text, part.path) for part in decoded.parts] == [
        ("prompt", *each) for each in zip(texts, paths, strict=True)
    ]
    assert (decoded.model, decoded.streaming) == ("granite", method == GENERATE_STREAM)
    assert decoded.encode(texts) == data
    if texts:
        again = ADAPTER.decode_request(method, decoded.encode(["?", *texts[1:]]))
        assert [part.text for part in again.parts] == ["?", *texts[1:]]
        assert again.data.endswith(PARAMS)


@pytest.mark.parametrize("method", [GENERATE, GENERATE_STREAM, TOKENIZE])
def test_what_is_no_message_is_refused(method: str) -> None:
    with pytest.raises(WireError, match=method):
        ADAPTER.decode_request(method, b"\xff")
    if method == GENERATE_STREAM:
        with pytest.raises(WireError, match="GenerateStream"):
            opened().feed(b"\xff")
    else:
        with pytest.raises(WireError, match=method):
            ADAPTER.decode_response(method, b"\xff", asked(method))


def test_texts_are_bounded() -> None:
    adapter = Tgis(TgisConfig(max_texts=2))
    with pytest.raises(WireError, match="more than 2"):
        adapter.decode_request(GENERATE, prompts("a", "b", "c"))
    tokens = pb.BatchedTokenizeResponse(responses=[pb.TokenizeResponse(tokens=["a", "b"])] * 2)
    with pytest.raises(WireError, match="more than 2"):
        adapter.decode_response(TOKENIZE, tokens.SerializeToString(), asked(TOKENIZE))


# Answers in one message --------------------------------------------------------------------------------


def test_answers_and_their_tokens() -> None:
    message = pb.BatchedGenerationResponse(
        responses=[
            said("mail ann", "mail", " ann", input_token_count=3, generated_token_count=2),
            said("no", "no", input_token_count=4, generated_token_count=1, input_tokens=[token("q")]),
        ]
    )
    data = message.SerializeToString()
    decoded = ADAPTER.decode_response(GENERATE, data, asked())
    assert [(part.role, part.text, part.path) for part in decoded.parts] == [
        ("answer", "mail ann", "responses[0].text"),
        ("answer", "no", "responses[1].text"),
        ("answer", "q", "responses[1].input_tokens"),
    ]
    assert (decoded.model, decoded.input_tokens, decoded.output_tokens) == ("granite", 7, 3)
    assert decoded.encode(["mail ann", "no", "q"]) == data
    edited = pb.BatchedGenerationResponse.FromString(decoded.encode(["mail ?", "no", "q"]))
    assert edited.responses[0] == pb.GenerationResponse(
        text="mail ?", input_token_count=3, generated_token_count=2
    )
    assert edited.responses[1] == message.responses[1]
    with pytest.raises(ValueError):
        decoded.encode(["one"])


@pytest.mark.parametrize(
    ("edits", "kept"),
    [
        (["ok", "7", "mail ?"], {"text", "stop_sequence"}),
        (["ok", "?", "mail ann"], {"text", "stop_sequence"}),
        (["?", "7", "mail ann"], {"text", "stop_sequence"}),
        (["ok", "7", "mail ann"], {"text", "stop_sequence", "tokens", "input_tokens"}),
    ],
)
def test_the_prompts_tokens_and_a_stop_sequence_are_texts(edits: list[str], kept: set[str]) -> None:
    told = said("ok", "ok", stop_sequence="7", input_tokens=[token("▁mail"), token("▁an"), token("n")])
    told.input_tokens[0].text = "mail"
    data = pb.BatchedGenerationResponse(responses=[told]).SerializeToString()
    decoded = ADAPTER.decode_response(GENERATE, data, asked())
    assert [(part.text, part.path) for part in decoded.parts] == [
        ("ok", "responses[0].text"),
        ("7", "responses[0].stop_sequence"),
        ("mail ann", "responses[0].input_tokens"),
    ]
    (edited,) = pb.BatchedGenerationResponse.FromString(decoded.encode(edits)).responses
    assert (edited.text, edited.stop_sequence) == tuple(edits[:2])
    assert {field.name for field, _ in edited.ListFields()} == kept


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["41", "11", "▁", "11", "11"], "4111 1111"),
        (["Gr", "Ã¼", "Ã", "Ł", "e", "Ġan", "Ċ", "dich"], "Grüße an\ndich"),
        (["▁Gr", "ü", "ße"], " Grüße"),
        (["ann", "@", "example", ".", "com"], "ann@example.com"),
        (["Ġann", "Ã"], " annÃ"),  # cut within a character
    ],
)
def test_tokens_are_read_as_the_text_that_they_spell(tokens: list[str], text: str) -> None:
    message = pb.BatchedTokenizeResponse(responses=[pb.TokenizeResponse(tokens=tokens)])
    decoded = ADAPTER.decode_response(TOKENIZE, message.SerializeToString(), asked(TOKENIZE))
    assert [part.text for part in decoded.parts] == [text]


def test_tokens_of_a_tokenization_are_a_text() -> None:
    message = pb.BatchedTokenizeResponse(
        responses=[
            pb.TokenizeResponse(
                token_count=2, tokens=["a", "b"], offsets=[pb.TokenOffset(end=1), pb.TokenOffset(start=1)]
            ),
            pb.TokenizeResponse(token_count=5),
            pb.TokenizeResponse(token_count=1, tokens=["c"]),
        ]
    )
    data = message.SerializeToString()
    decoded = ADAPTER.decode_response(TOKENIZE, data, asked(TOKENIZE))
    assert [(part.text, part.path) for part in decoded.parts] == [
        ("ab", "responses[0].tokens"),
        ("c", "responses[2].tokens"),
    ]
    assert decoded.input_tokens == 8
    assert decoded.encode(["ab", "c"]) == data
    edited = pb.BatchedTokenizeResponse.FromString(decoded.encode(["a?", "c"]))
    assert list(edited.responses) == [pb.TokenizeResponse(token_count=2), *message.responses[1:]]


def test_a_refusal_answers_every_request() -> None:
    request = ADAPTER.decode_request(GENERATE, prompts("a", "b"))
    told = pb.BatchedGenerationResponse.FromString(ADAPTER.refusal_response(request, "no"))
    assert [(each.text, each.stop_reason) for each in told.responses] == [("no", pb.EOS_TOKEN)] * 2
    request = ADAPTER.decode_request(TOKENIZE, prompts("a", "b", method=TOKENIZE))
    refused = pb.BatchedTokenizeResponse.FromString(ADAPTER.refusal_response(request, "no"))
    assert list(refused.responses) == [pb.TokenizeResponse()] * 2


# Streams -----------------------------------------------------------------------------------------------


def test_a_stream() -> None:
    messages = [
        pb.GenerationResponse(input_token_count=4, input_tokens=[token("q")]),
        said("Hello", "▁Hello", generated_token_count=1),
        said(" there", "▁there", generated_token_count=2, stop_reason=pb.MAX_TOKENS),
    ]
    stream = opened()
    found = []
    for message in messages:
        (element,) = stream.feed(message.SerializeToString())
        found.append((list(element.slots), list(element.ends)))
        assert element.encode() == message.SerializeToString()
        assert element.encode([slot.text for slot in element.slots]) == message.SerializeToString()
    assert [[(slot.channel, slot.text, slot.whole) for slot in slots] for slots, _ in found] == [
        [(Channel(kind="input_tokens"), "q", True)],
        [(Channel(), "Hello", False)],
        [(Channel(), " there", False)],
    ]
    assert [ends for _, ends in found] == [[Channel(kind="input_tokens")], [], [Channel()]]
    assert (stream.model, stream.input_tokens, stream.output_tokens) == ("granite", 4, 2)
    assert stream.close() == []
    assert stream.cut("refused", "d-1") == b""


def test_an_edit_forgets_the_tokens() -> None:
    message = said("ann 7", "ann", "▁7", generated_token_count=2, stop_reason=pb.EOS_TOKEN)
    message.input_tokens.append(token("q"))
    assert read(fed(message).encode(["ann ?", "q"])) == pb.GenerationResponse(
        text="ann ?", generated_token_count=2, stop_reason=pb.EOS_TOKEN
    )


def test_a_stream_tells_the_prompts_tokens_and_the_stop_sequence_whole() -> None:
    message = said("ann", "ann", stop_reason=pb.STOP_SEQUENCE, stop_sequence="7", input_tokens=[token("q")])
    element = fed(message)
    channels = [Channel(), Channel(kind="stop_sequence"), Channel(kind="input_tokens")]
    assert [(slot.channel, slot.text, slot.whole) for slot in element.slots] == list(
        zip(channels, ["ann", "7", "q"], [False, True, True], strict=True)
    )
    assert list(element.ends) == channels
    assert read(element.head(["an", "", ""])) == pb.GenerationResponse(text="an")
    rest = read(element.encode(["n", "7", "q"]))
    assert (rest.text, rest.stop_sequence, len(rest.tokens), len(rest.input_tokens)) == ("n", "7", 1, 1)
    for edits in (["n", "7", "?"], ["n", "?", "q"], ["?", "7", "q"]):
        told = read(element.encode(edits))
        assert (told.text, told.stop_sequence, len(told.tokens), len(told.input_tokens)) == (
            *edits[:2],
            0,
            0,
        )


def test_a_head_says_its_text_and_the_rest_the_rest() -> None:
    message = said("ann 7", "ann", "▁7", generated_token_count=2, stop_reason=pb.EOS_TOKEN)
    element = fed(message)
    assert element.head(["an"]) == pb.GenerationResponse(text="an").SerializeToString()
    rest = read(element.encode(["n 7"]))
    assert rest.text == "n 7"
    assert list(rest.tokens) == list(message.tokens)
    assert not read(element.encode(["n ?"])).tokens
    with pytest.raises(ValueError):
        element.encode([])
    with pytest.raises(ValueError):
        element.head([])


@pytest.mark.parametrize(
    ("text", "tokens", "kept"),
    [
        ("Hello there", ["▁Hello", "▁there"], True),
        ("Hello there", ["Hello", "Ġthere"], True),
        ("Grüße\n", ["Gr", "Ã¼", "Ã", "Ł", "e", "Ċ"], True),
        ("Grüße", ["▁Gr", "ü", "ße"], True),
        ("東京", ["æĿ±", "äº¬"], True),
        ("bye", ["bye", "</s>"], True),
        ("", ["<|endoftext|>"], True),
        ("", ["</s>"], True),
        ("", ["▁"], True),
        ("", ["4111"], False),  # the text is held back for a stop sequence
        ("Hello", ["Hello", "▁4111"], False),
        ("Hello", ["▁there"], False),
        ("", ["４１１１"], False),
        ("", ["Ã"], False),  # half a character
        ("4111 1111", ["▁1111"], False),
    ],
)
def test_tokens_that_lead_the_text_are_left_out(text: str, tokens: list[str], kept: bool) -> None:
    message = said(text, *tokens, generated_token_count=len(tokens))
    told = read(fed(message).encode())
    if kept:
        assert told == message
    else:
        assert told == pb.GenerationResponse(text=text, generated_token_count=len(tokens))


@given(
    pieces=st.lists(st.text(max_size=8), max_size=6),
    edits=st.lists(st.text(max_size=8), min_size=6, max_size=6),
    cut=st.integers(0, 8),
)
def test_any_answer(pieces: list[str], edits: list[str], cut: int) -> None:
    stream = opened()
    for piece, edit in zip(pieces, edits, strict=False):
        data = said(piece, piece).SerializeToString()
        (element,) = stream.feed(data)
        assert "".join(slot.text for slot in element.slots) == piece
        assert element.encode() == data
        if not piece:
            continue
        edited = read(element.encode([edit]))
        assert edited.text == edit
        assert edited.tokens == said(piece, piece).tokens if edit == piece else not edited.tokens
        head, rest = read(element.head([edit[:cut]])), read(element.encode([edit[cut:]]))
        assert head == pb.GenerationResponse(text=edit[:cut])
        assert rest.text == edit[cut:]

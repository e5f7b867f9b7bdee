"""Streamed answers in gRPC's protocols: read, screened and written, they say what screening of the whole
says, and nothing beside the text tells more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.adapters.base import AnswerStream
from sentinel.adapters.open_inference import OpenInference, OpenInferenceConfig
from sentinel.adapters.tgis import GENERATE_STREAM, Tgis, TgisConfig
from sentinel.guard.answer import open_answer
from sentinel.guard.commands import Cut, Send, StreamCommand
from sentinel.guard.screener import Screener
from sentinel.pb import open_inference_pb2, tgis_pb2
from tests.adapters.infer import request, response
from tests.adapters.pieces import pieces_of
from tests.guard.test_answer import MARGIN, RULES, Build, build, played, session_of, unary
from tests.guard.texts import cuts, texts

__all__ = ["build"]  # a fixture

STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
INFER = OpenInference(OpenInferenceConfig())
REPEATING = OpenInference(OpenInferenceConfig(stream_text="cumulative"))
TGIS = Tgis(TgisConfig())
Told = tuple[str, str]  # a message's text, and what its tokens spell


def screened(screener: Screener, stream: AnswerStream, messages: list[bytes]) -> list[StreamCommand]:
    screen = open_answer(session_of(screener, "hi"), stream)
    assert screen is not None
    return played(screen, messages)


def sent(commands: list[StreamCommand]) -> Iterator[bytes]:
    return (command.data for command in commands if isinstance(command, Send))


def infer_stream(adapter: OpenInference) -> AnswerStream:
    asked = adapter.decode_request(STREAM, request(("text_input", "hi")).SerializeToString())
    return adapter.open_stream(STREAM, asked)


def infer_message(text: str | bytes, *, raw: bool, triton: bool, tokens: str = "") -> bytes:
    message = response(("text_output", text), raw=raw)
    if tokens:
        ids = message.outputs.add(name="token_ids", datatype="INT32", shape=[len(tokens)])
        if raw:
            message.raw_output_contents.append(tokens.encode("utf-32-le"))
        else:
            ids.contents.int_contents.extend(map(ord, tokens))
    message.outputs[0].parameters["content_type"].string_param = "str"
    if not triton:
        return message.SerializeToString()
    return open_inference_pb2.ModelStreamInferResponse(infer_response=message).SerializeToString()


def infer_told(data: bytes, *, triton: bool) -> Told:
    if triton:
        message = open_inference_pb2.ModelStreamInferResponse.FromString(data).infer_response
    else:
        message = open_inference_pb2.ModelInferResponse.FromString(data)
    raw, text, tokens = list(message.raw_output_contents), b"", ""
    for output in message.outputs:
        content = raw.pop(0) if raw else b""
        if output.name == "text_output":
            text = content[4:] or b"".join(output.contents.bytes_contents)
        else:
            tokens = content.decode("utf-32-le") or "".join(map(chr, output.contents.int_contents))
    return text.decode(), tokens


def tgis_message(text: str) -> bytes:
    token = tgis_pb2.TokenInfo(text=text)
    return tgis_pb2.GenerationResponse(text=text, tokens=[token]).SerializeToString()


def tgis_told(data: bytes) -> Told:
    message = tgis_pb2.GenerationResponse.FromString(data)
    return message.text, "".join(token.text for token in message.tokens)


def check(told: list[Told], expected: str) -> None:
    """S1 and S2, tokens included: those of a message are of text that has left by then."""
    so_far = ""
    for text, tokens in told:
        so_far += text
        assert expected.startswith(so_far)
        assert so_far.endswith(tokens)
    assert so_far == expected


def edited(build: Callable[[str], Screener], text: str) -> tuple[Screener, str]:
    screener = build(RULES.replace("ACTION", "redact"))
    expected = unary(screener, text, "hi")[1]
    assert expected is not None
    return screener, expected


@pytest.mark.parametrize("triton", [True, False])
@settings(MARGIN, max_examples=60)
@given(data=st.data(), raw=st.booleans())
def test_open_inference_with_tokens(build: Build, triton: bool, data: st.DataObject, raw: bool) -> None:
    text = data.draw(texts())
    screener, expected = edited(build, text)
    messages = [infer_message(piece, raw=raw, triton=triton, tokens=piece) for piece in data.draw(cuts(text))]
    commands = screened(screener, infer_stream(INFER), messages)
    check([infer_told(each, triton=triton) for each in sent(commands)], expected)


@settings(MARGIN, max_examples=100)
@given(data=st.data(), raw=st.booleans(), triton=st.booleans())
def test_open_inference_cut_within_characters(
    build: Build, data: st.DataObject, raw: bool, triton: bool
) -> None:
    text = data.draw(texts())
    screener, expected = edited(build, text)
    pieces = data.draw(pieces_of(text.encode()))
    messages = [infer_message(piece, raw=raw, triton=triton) for piece in pieces]
    commands = screened(screener, infer_stream(INFER), messages)
    check([infer_told(each, triton=triton) for each in sent(commands)], expected)


@settings(MARGIN, max_examples=60)
@given(data=st.data())
def test_open_inference_where_texts_repeat(build: Build, data: st.DataObject) -> None:
    text = data.draw(texts(4))
    screener, expected = edited(build, text)
    pieces = data.draw(cuts(text))
    whole = ["".join(pieces[: number + 1]) for number in range(len(pieces))]
    messages = [infer_message(each, raw=True, triton=True) for each in whole]
    said = [
        infer_told(each, triton=True)[0]
        for each in sent(screened(screener, infer_stream(REPEATING), messages))
    ]
    assert (said or [""])[-1] == expected
    for each in said:
        assert expected.startswith(each) or unary(screener, each, "hi")[1] == each


@settings(MARGIN, max_examples=100)
@given(data=st.data())
def test_tgis_with_tokens(build: Build, data: st.DataObject) -> None:
    text = data.draw(texts())
    screener, expected = edited(build, text)
    asked = tgis_pb2.SingleGenerationRequest(request=tgis_pb2.GenerationRequest(text="hi"))
    stream = TGIS.open_stream(
        GENERATE_STREAM, TGIS.decode_request(GENERATE_STREAM, asked.SerializeToString())
    )
    commands = screened(screener, stream, list(map(tgis_message, data.draw(cuts(text)))))
    check(list(map(tgis_told, sent(commands))), expected)


@settings(MARGIN, max_examples=60)
@given(data=st.data())
def test_what_blocks_is_told_by_no_token(build: Build, data: st.DataObject) -> None:
    text = data.draw(texts())
    screener = build(RULES.replace("ACTION", "block"))
    messages = [infer_message(piece, raw=True, triton=True, tokens=piece) for piece in data.draw(cuts(text))]
    commands = screened(screener, infer_stream(INFER), messages)
    told = [infer_told(each, triton=True) for each in sent(commands)]
    if not isinstance(commands[-1] if commands else None, Cut):
        check(told, unary(screener, text, "hi")[1] or "")
        return
    so_far = ""
    for piece, tokens in told:
        so_far += piece
        assert so_far.endswith(tokens)


def test_tgis_tells_no_value_of_the_prompt_or_of_a_stop_sequence(build: Build) -> None:
    mail = "quokka@example.com"
    screener = build(RULES.replace("ACTION", "block"))
    asked = tgis_pb2.SingleGenerationRequest(request=tgis_pb2.GenerationRequest(text="hi"))
    stream = TGIS.open_stream(
        GENERATE_STREAM, TGIS.decode_request(GENERATE_STREAM, asked.SerializeToString())
    )
    prompt = [tgis_pb2.TokenInfo(text=piece) for piece in ("▁to", "▁quokka", "@", "example", ".com", "▁now")]
    messages = [
        tgis_pb2.GenerationResponse(input_token_count=6, input_tokens=prompt),
        tgis_pb2.GenerationResponse(text="fine", stop_reason=tgis_pb2.STOP_SEQUENCE, stop_sequence=mail),
    ]
    commands = screened(screener, stream, [each.SerializeToString() for each in messages])
    first, second = map(tgis_pb2.GenerationResponse.FromString, sent(commands))
    assert first == tgis_pb2.GenerationResponse(input_token_count=6)
    assert (second.text, second.stop_sequence) == ("fine", "<EMAIL_ADDRESS>")

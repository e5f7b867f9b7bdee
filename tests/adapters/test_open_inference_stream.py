"""Streamed answers of Open Inference: texts as channels, edits, what leaves early, whose a message is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.adapters.base import MethodKind
from sentinel.adapters.open_inference import OpenInference, OpenInferenceConfig
from sentinel.core.errors import WireError
from sentinel.core.exchange import Channel
from sentinel.pb import open_inference_pb2 as pb
from tests.adapters.infer import final, framed, request, response, triton

STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
ADAPTER = OpenInference(OpenInferenceConfig())
CONTENT = Channel()
ASKED = "triton_enable_empty_final_response"


def with_settings(**settings: Any) -> OpenInference:
    return OpenInference(OpenInferenceConfig(**settings))


def asked(name: str = "id-1", model: str = "model", adapter: OpenInference = ADAPTER) -> Any:
    message = request(("text_input", "q"), model=model)
    message.id = name
    return adapter.decode_request(STREAM, message.SerializeToString())


def begin(adapter: OpenInference = ADAPTER) -> Any:
    """The decoder of one answer."""
    return adapter.open_stream(STREAM, asked(adapter=adapter))


def element(message: Any, answer: Any = None) -> Any:
    (found,) = (answer or begin()).feed(message.SerializeToString())
    return found


def slots(found: Any) -> list[tuple[Channel, str]]:
    return [(slot.channel, slot.text) for slot in found.slots]


def with_numbers(message: Any, name: str, *numbers: int) -> Any:
    """The message with one more output, an INT32 one."""
    output = message.outputs.add(name=name, datatype="INT32", shape=[len(numbers)])
    if message.raw_output_contents:
        message.raw_output_contents.append(b"".join(number.to_bytes(4, "little") for number in numbers))
    else:
        output.contents.int_contents.extend(numbers)
    return message


def with_parameter(message: Any, name: str, text: str) -> Any:
    message.parameters[name].string_param = text
    return message


def unwrapped(data: bytes) -> Any:
    return pb.ModelStreamInferResponse.FromString(data).infer_response


def outputs(message: Any) -> list[str]:
    return [output.name for output in message.outputs]


def test_the_method_is_screened_both_ways() -> None:
    assert ADAPTER.methods[STREAM] is MethodKind.BIDI_STREAM
    assert asked().streaming


# Texts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("wrap", [triton, lambda message: message])
def test_channels(raw: bool, wrap: Any) -> None:
    message = response(("Text_Output", "a", "b"), ("Thoughts", "c"), ("finish_reason", "stop"), raw=raw)
    found = element(wrap(message))
    assert slots(found) == [
        (Channel(0), "a"),
        (Channel(1), "b"),
        (Channel(0, "outputs[thoughts]"), "c"),
    ]
    assert found.ends == []
    assert not any(slot.whole or slot.quoted for slot in found.slots)


def test_a_second_output_with_an_answers_name_is_another_text() -> None:
    answer = begin()
    first = element(triton(response(("output", "a"), ("text_output", "b"))), answer)
    assert [channel.kind for channel, _ in slots(first)] == ["content", "outputs[text_output]"]
    second = element(triton(response(("text_output", "c"))), answer)
    assert [channel.kind for channel, _ in slots(second)] == ["outputs[text_output]"]


@pytest.mark.parametrize("names", [("text_output", "text_output"), ("Other", "other")])
def test_texts_that_a_reader_may_read_in_two_ways_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(WireError, match="nobody knows which is read"):
        element(triton(response((names[0], "a"), (names[1], "b"))))


def test_an_output_typed_and_raw_is_refused() -> None:
    message = response(("text_output", "a"))
    message.raw_output_contents.append(framed(b"b"))
    with pytest.raises(WireError, match="typed and raw"):
        element(triton(message))


def test_what_is_complete_in_its_message_is_a_channel_of_its_own() -> None:
    answer = begin()
    message = with_parameter(response(("text_output", "a")), "note", "n")
    message.outputs[0].parameters["content_type"].string_param = "str"
    seen = [element(message, answer) for _ in range(2)]
    kinds = [[(channel.kind, text) for channel, text in slots(each)] for each in seen]
    told = [("content", "a"), ("parameters[note]", "n"), ("tensor 0 parameters[content_type]", "str")]
    assert kinds == [told, told]
    assert [slot.whole for slot in seen[0].slots] == [False, True, True]
    complete = [channel for channel, _ in slots(seen[0])[1:]]
    assert len(set(complete)) == 2
    assert seen[0].ends == seen[1].ends == complete
    assert slots(seen[1]) == slots(seen[0])


@pytest.mark.parametrize("longer", ["no", "note", ""])
def test_a_complete_text_that_changes_is_another(longer: str) -> None:
    answer = begin()
    for number, note in enumerate(["not", f"{longer}!", "not"], 1):
        found = element(with_parameter(response(("text_output", "a")), "note", note), answer)
        assert slots(found)[1:] == [(Channel(0, "parameters[note]", number), note)]


def test_complete_texts_are_bounded() -> None:
    answer = begin(with_settings(max_texts=2))
    for note in ("a", "a", "b"):
        element(with_parameter(response(("text_output", "x")), "note", note), answer)
    with pytest.raises(WireError, match="more than 2"):
        element(with_parameter(response(("text_output", "x")), "note", "c"), answer)


def test_an_error_is_a_text() -> None:
    named = pb.ModelInferResponse(id="id-1")
    found = element(triton(named, error="cannot repeat jo@x.org"))
    ((channel, text),) = slots(found)
    assert (channel.kind, text, found.ends) == ("error", "cannot repeat jo@x.org", [channel])
    edited = pb.ModelStreamInferResponse.FromString(found.encode(["cannot repeat"]))
    assert edited == triton(named, error="cannot repeat")


def test_field_1_alone_is_a_text_unless_it_names_the_model() -> None:
    said = pb.ModelStreamInferResponse(error_message="jo@x.org")
    assert [text for _, text in slots(element(said))] == ["jo@x.org"]
    assert slots(element(pb.ModelStreamInferResponse(error_message="model"))) == []
    answer = begin()
    element(triton(response(("text_output", "a"))), answer)
    assert [text for _, text in slots(element(triton(pb.ModelInferResponse(), "model"), answer))] == ["model"]


def test_another_models_name_is_a_text() -> None:
    found = element(response(("text_output", "a"), model="jo@x.org"))
    assert [(channel.kind, text) for channel, text in slots(found)] == [
        ("model_name", "jo@x.org"),
        ("content", "a"),
    ]
    assert pb.ModelInferResponse.FromString(found.encode(["-", "a"])).model_name == "-"


def test_the_last_message_ends_what_is_open() -> None:
    answer = begin()
    element(triton(final(response(("text_output", "a", "b")), False)), answer)
    found = element(triton(final(response(), True)), answer)
    assert (found.slots, found.ends) == ([], [Channel(0), Channel(1)])
    answer.close()


@pytest.mark.parametrize("raw", [False, True])
def test_repeated_texts(raw: bool) -> None:
    answer = begin(with_settings(stream_text="cumulative"))
    for text in ("a", "ab"):
        (slot,) = element(triton(response(("text_output", text), raw=raw)), answer).slots
        assert (slot.text, slot.whole) == (text, True)


def test_facts() -> None:
    answer = begin()
    assert answer.model == "model"
    for made in (2, 3):
        message = with_numbers(response(("text_output", "a"), model="served"), "num_input_tokens", 7)
        element(triton(with_numbers(message, "num_output_tokens", made)), answer)
    element(triton(final(pb.ModelInferResponse(), True)), answer)
    facts = (answer.model, answer.response_id, answer.input_tokens, answer.output_tokens)
    assert facts == ("served", "id-1", 7, 5)


def test_what_is_no_text_is_named() -> None:
    answer = begin()
    message = triton(response(("picture", b"\xff\xd8\xff"), ("text_output", "a"), raw=True))
    found = element(message, answer)
    assert slots(found) == [(CONTENT, "a")]
    assert answer.unread == ("outputs[picture][0]",)
    assert found.encode(["a"]) == message.SerializeToString()
    with pytest.raises(WireError, match="is not UTF-8"):
        element(triton(response(("text_output", b"\xff"))))


@pytest.mark.parametrize("bound", ["texts", "channels"])
def test_bounds(bound: str) -> None:
    many = 10_001 if bound == "texts" else 5_000
    with pytest.raises(WireError, match="more than 10000 texts|more than 4096 texts"):
        element(triton(response(("text_output", *["a"] * many))))


# Edits -------------------------------------------------------------------------------------------------


pieces_strategy = st.lists(st.text(max_size=6), min_size=1, max_size=6)


@given(pieces=pieces_strategy, raw=st.booleans(), wrapped=st.booleans(), data=st.data())
def test_an_edit_changes_its_texts_and_nothing_else(
    pieces: list[str], raw: bool, wrapped: bool, data: Any
) -> None:
    answer, told = begin(), ""
    for piece in pieces:
        message = with_numbers(response(("text_output", piece), raw=raw), "num_output_tokens", 1)
        message.parameters["flag"].bool_param = True
        whole = triton(message) if wrapped else message
        wire = whole.SerializeToString()
        (found,) = answer.feed(wire)
        assert found.encode() is wire
        assert found.encode([piece]) is wire
        text = data.draw(st.one_of(st.just(piece), st.text(max_size=6)))
        again = element(type(whole).FromString(found.encode([text])))
        assert slots(again) == [(CONTENT, text)]
        assert type(whole).FromString(again.encode([piece])) == whole
        told += text
    assert answer.output_tokens == len(pieces)


SIDE = ["token_ids", "output_ids", "Cumulative_LogProbs", "output_log_probs", "context_logits", "tokens"]


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("name", SIDE)
def test_side_data_leave_with_an_edited_text(name: str, raw: bool) -> None:
    answer = begin()
    message = with_numbers(response(("text_output", "a"), raw=raw), name, 1, 2)
    message = triton(with_numbers(message, "num_output_tokens", 9))
    wire = message.SerializeToString()
    assert element(message, answer).encode(["a"]) == wire
    found = element(message, answer)
    edited = unwrapped(found.encode(["-"]))
    assert outputs(edited) == ["text_output", "num_output_tokens"]
    # Later ones may tell again what the edit removed.
    later = element(message, answer)
    assert outputs(unwrapped(later.encode(["a"]))) == ["text_output", "num_output_tokens"]
    assert outputs(unwrapped(later.encode())) == ["text_output", "num_output_tokens"]


@pytest.mark.parametrize("raw", [False, True])
def test_side_data_that_are_text(raw: bool) -> None:
    beside = triton(response(("tokens", "j", "o"), ("text_output", "jo"), raw=raw))
    found = element(beside)
    assert slots(found) == [(CONTENT, "jo")]
    assert outputs(unwrapped(found.encode(["-"]))) == ["text_output"]
    # Tokens that are told before their text are all there is to read.
    ahead = element(triton(response(("tokens", "j", "o"), ("text_output", ""), raw=raw)))
    assert [text for _, text in slots(ahead)] == ["j", "o", ""]
    alone = element(triton(response(("tokens", "j", "o"), raw=raw)))
    assert outputs(unwrapped(alone.encode(["-", "o"]))) == ["tokens"]


@pytest.mark.parametrize("raw", [False, True])
def test_numbers_ahead_of_their_text_are_left_out(raw: bool) -> None:
    """A server holds text back whose token ids it tells already: nothing has decided about that text."""
    answer = begin()
    told = []
    for text in ("see", "", "192.0.2.7"):
        message = with_numbers(response(("text_output", text), raw=raw), "token_ids", 1, 2)
        told.append(outputs(unwrapped(element(triton(message), answer).encode())))
    assert told == [["text_output", "token_ids"], ["text_output"], ["text_output", "token_ids"]]
    alone = with_numbers(pb.ModelInferResponse(id="id-1"), "token_ids", 1, 2)
    assert outputs(unwrapped(element(triton(alone), answer).encode())) == []
    # Of an answer that has no text they are the answer.
    assert outputs(unwrapped(element(triton(alone)).encode())) == ["token_ids"]


def test_a_count_is_no_side_data() -> None:
    adapter = with_settings(side=["*"], output_tokens="made")
    message = with_numbers(with_numbers(response(("text_output", "a")), "made", 1), "ids", 2)
    edited = unwrapped(element(triton(message), begin(adapter)).encode(["-"]))
    assert outputs(edited) == ["text_output", "made"]


def test_the_number_of_texts_is_checked() -> None:
    found = element(triton(response(("text_output", "a"))))
    for use in (found.encode, found.head):
        with pytest.raises(ValueError, match="one text for each slot"):
            use([])


# What leaves early -------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_head_says_no_more_than_its_texts(raw: bool, wrapped: bool) -> None:
    message = response(("text_output", "hello jo"), ("finish_reason", "stop"), raw=raw)
    message = with_numbers(with_numbers(message, "token_ids", 1, 2), "num_output_tokens", 2)
    message.outputs[0].parameters["content_type"].string_param = "str"
    if wrapped:
        message = final(message, True)
    whole = triton(message) if wrapped else message
    found = element(whole)
    assert [text for _, text in slots(found)] == ["hello jo", "str"]
    expected = response(("text_output", "hello "), raw=raw)
    early = type(whole).FromString(found.head(["hello ", ""]))
    if wrapped:
        assert early == triton(final(expected, False))
    else:
        assert early == expected
    assert found.ends


def test_a_text_told_in_parts_keeps_what_describes_it() -> None:
    message = triton(with_numbers(response(("text_output", "hello jo")), "token_ids", 1, 2))
    found = element(message)
    found.head(["hel"])
    found.head(["lo "])
    rest = unwrapped(found.encode(["jo"]))
    assert rest == with_numbers(response(("text_output", "jo")), "token_ids", 1, 2)
    other = element(message)
    other.head(["hello "])
    assert unwrapped(other.encode(["<NAME>"])) == response(("text_output", "<NAME>"))


def test_what_is_complete_is_told_once_and_whole() -> None:
    message = triton(with_parameter(response(("text_output", "ab")), "note", "note"), error="error")
    found = element(message)
    assert pb.ModelStreamInferResponse.FromString(found.head(["", "a", ""])) == triton(
        response(("text_output", "a"))
    )
    assert pb.ModelStreamInferResponse.FromString(found.encode(["error", "b", "?"])) == triton(
        with_parameter(response(("text_output", "b")), "note", "?"), error="error"
    )


@pytest.mark.parametrize("raw", [False, True])
def test_what_is_no_text_is_told_once(raw: bool) -> None:
    message = triton(response(("other", "ab", b"\xff"), ("picture", b"\xfe"), raw=raw))
    found = element(message)
    assert unwrapped(found.head(["a"])) == response(("other", "a", b""), raw=raw)
    assert unwrapped(found.encode(["b"])) == response(("other", "b", b"\xff"), ("picture", b"\xfe"), raw=raw)


def test_a_repeated_text_is_told_anew() -> None:
    message = triton(with_numbers(response(("text_output", "hello jo")), "token_ids", 1))
    found = element(message, begin(with_settings(stream_text="cumulative")))
    assert unwrapped(found.head(["hello "])) == response(("text_output", "hello "))
    assert unwrapped(found.encode(["hello jo"])) == message.infer_response


# Characters --------------------------------------------------------------------------------------------


@given(
    text=st.text(min_size=1, max_size=8), raw=st.booleans(), name=st.sampled_from(["text_output", "other"])
)
def test_one_byte_a_message(text: str, raw: bool, name: str) -> None:
    answer = begin()
    data = text.encode()
    read, said = "", b""
    for number in range(len(data)):
        message = final(response((name, data[number : number + 1]), raw=raw), number == len(data) - 1)
        found = element(triton(message), answer)
        read += "".join(slot.text for slot in found.slots)
        told = unwrapped(found.encode())
        if raw:
            said += told.raw_output_contents[0][4:]
        else:
            said += told.outputs[0].contents.bytes_contents[0]
    answer.close()
    assert (read, said) == (text, data)


def test_an_answer_that_ends_within_a_character() -> None:
    answer = begin()
    element(triton(response(("text_output", b"\xe2\x82"))), answer)
    with pytest.raises(WireError, match="middle of a character"):
        answer.close()


# Refusals ----------------------------------------------------------------------------------------------


def test_one_request_is_refused_in_its_stream() -> None:
    answer = begin(with_settings(stream_dialect="triton"))
    cut = pb.ModelStreamInferResponse.FromString(answer.cut("Not that.", "d-1"))
    assert cut.error_message == "Not that."
    named = cut.infer_response
    assert (named.model_name, named.id) == ("model", "id-1")
    assert named.parameters["triton_final_response"].bool_param
    assert named.parameters["sentinel_decision_id"].string_param == "d-1"


def test_the_dialect_is_learnt_and_remembered() -> None:
    answer = begin()
    assert answer.cut("No.", "d") == b""
    element(triton(response(("text_output", "a"))), answer)
    assert answer.cut("No.", "d") != b""
    with pytest.raises(WireError, match="MLServer's dialect in a stream of Triton's"):
        element(response(("text_output", "a")), answer)


@pytest.mark.parametrize(
    ("dialect", "metadata"),
    [("mlserver", {}), ("auto", {}), ("triton", {"triton_grpc_error": "true"})],
)
def test_a_status_refuses(dialect: str, metadata: dict[str, str]) -> None:
    adapter = with_settings(stream_dialect=dialect)
    answer, _ = adapter.open_call(STREAM, metadata).open(asked(adapter=adapter), b"")
    assert answer.cut("No.", "d") == b""


# Several requests in one call --------------------------------------------------------------------------


def answered(name: str, text: str, last: bool = False) -> bytes:
    message = final(response(("text_output", text)), last)
    message.id = name
    return triton(message).SerializeToString()


def test_answers_come_mixed() -> None:
    call = ADAPTER.open_call(STREAM, {})
    one, _ = call.open(asked("1"), b"")
    two, _ = call.open(asked("2"), b"")
    told = [call.feed(answered(name, text, text == "!")) for name, text in ("1a", "2b", "2!", "1!")]
    assert call.apart is True
    assert [each.answer for each in told] == [one, two, two, one]
    assert [each.last for each in told] == [False, False, True, True]
    assert [len(each.elements[0].ends) for each in told] == [0, 0, 1, 1]
    with pytest.raises(WireError, match="an answer to no open request"):
        call.feed(answered("1", "late"))
    assert call.close() == []


def test_two_requests_of_one_id() -> None:
    call = ADAPTER.open_call(STREAM, {})
    assert not call.clashes(asked("1"))
    one, _ = call.open(asked("1"), b"")
    assert call.clashes(asked("1"))
    assert not call.clashes(asked("1", model="another"))
    two, _ = call.open(asked("1"), b"")
    assert [call.feed(answered("1", "a", last)).answer for last in (True, False)] == [one, two]
    assert call.close() == [two]


def test_mlservers_own_ids() -> None:
    call = ADAPTER.open_call(STREAM, {})
    assert call.apart is None
    answer, _ = call.open(asked("1"), b"")
    message = response(("text_output", "a"))
    message.id = "made-by-the-server"
    told = call.feed(message.SerializeToString())
    assert (told.answer, told.last, told.silent) == (answer, False, False)
    assert call.apart is False
    assert call.close() == [answer]


@pytest.mark.parametrize("asks", [False, True])
def test_the_end_of_each_answer_is_asked_for(asks: bool) -> None:
    message = request(("text_input", "q"), raw=True)
    if asks:
        message.parameters[ASKED].bool_param = True
    payload = message.SerializeToString()
    call = ADAPTER.open_call(STREAM, {})
    _, sent = call.open(ADAPTER.decode_request(STREAM, payload), payload)
    assert (sent == payload) is asks
    message.parameters[ASKED].bool_param = True
    assert pb.ModelInferRequest.FromString(sent) == message
    told = call.feed(triton(final(pb.ModelInferResponse(id="id-1"), True)).SerializeToString())
    assert (told.last, told.silent) == (True, not asks)


def test_a_last_message_with_a_text_is_never_silent() -> None:
    for message in (
        triton(final(response(("text_output", "")), True)),
        triton(final(pb.ModelInferResponse(id="id-1"), True), error="no"),
        triton(final(with_numbers(pb.ModelInferResponse(id="id-1"), "n", 1), True)),
    ):
        call = ADAPTER.open_call(STREAM, {})
        call.open(asked(), b"")
        told = call.feed(message.SerializeToString())
        assert (told.last, told.silent) == (True, False)


def test_mlserver_is_not_asked() -> None:
    adapter = with_settings(stream_dialect="mlserver")
    payload = request(("text_input", "q")).SerializeToString()
    assert adapter.open_call(STREAM, {}).open(asked(adapter=adapter), payload)[1] == payload

"""What a caller sees when a rule blocks: an honest gRPC error that names the rule and nothing of the text."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from sentinel.pb import guard_pb2, open_inference_pb2
from tests.e2e import infer
from tests.e2e.client import GUARD_S, INFER, Call, Observation, connect, finish, observe, open_stream
from tests.e2e.processes import Torture
from tests.e2e.sidecar import Sidecar, start_sidecar

RULES = """
rules:
  - id: no-mail
    stage: both
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: block
    message: No mail addresses, please.
  - id: hide-address
    stage: both
    detect: {detector: pii, type: IP_ADDRESS}
    action: redact
    operator: replace
"""
MAIL = "quokka@example.com"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
FORMS: dict[str, dict[str, str]] = {
    "by default": {},
    "other codes": {"prompt_code": "INVALID_ARGUMENT", "answer_code": "ABORTED"},
    "answers replaced": {"answer": "replace"},
}


def asking(prompt: str, answer: str = "fine") -> Call:
    return Call(infer.answer(answer), (infer.request(prompt),), INFER)


@pytest.fixture(scope="module", params=FORMS)
def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, upstream: Torture
) -> Iterator[tuple[Sidecar, dict[str, str]]]:
    directory = tmp_path_factory.mktemp("refusal")
    (directory / "rules.yaml").write_text(RULES)
    form = FORMS[request.param]
    paths = {"paths": [str(directory / "rules.yaml")]}
    with start_sidecar(directory, upstream.address, rules=paths, refusal=form) as it:
        yield it, form


Front = tuple[Sidecar, dict[str, str]]


def details(address: str, call: Call) -> tuple[Observation, Any, dict[str, str]]:
    """What was seen, and the google.rpc.Status with its ErrorInfo's metadata."""
    with connect(address) as channel:
        stream = open_stream(channel, call)
        seen = finish(stream)
        status = rpc_status.from_call(stream)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return seen, status, dict(info.metadata)


def test_prompt(front: Front, upstream: Torture) -> None:
    sidecar, form = front
    call = asking(f"write to {MAIL}")
    seen, status, told = details(sidecar.address, call)
    assert seen.code == form.get("prompt_code", "PERMISSION_DENIED")
    assert seen.details == status.message == "No mail addresses, please."
    assert (told["rule"], told["stage"]) == ("no-mail", "input")
    assert told["decision_id"] == seen.decision_id
    assert seen.action == "block"
    assert MAIL not in str(seen)
    assert upstream.control.seen(call)["peer"] == "", "a blocked prompt never reaches the model"


def test_answer(front: Front, upstream: Torture) -> None:
    sidecar, form = front
    call = asking("who?", f"write to {MAIL}")
    if form.get("answer") == "replace":
        seen = observe(sidecar.address, call)
        assert seen.code == "OK"
        answer = open_inference_pb2.ModelInferResponse.FromString(seen.messages[0])  # type: ignore[arg-type]
        assert list(answer.outputs[0].contents.bytes_contents) == [b"No mail addresses, please."]
    else:
        seen, _, told = details(sidecar.address, call)
        assert seen.code == form.get("answer_code", "PERMISSION_DENIED")
        assert (told["rule"], told["stage"]) == ("no-mail", "output")
    assert (seen.action, MAIL in str(seen)) == ("block", False)
    assert upstream.control.ended(call)["sent"] == 1


def test_edits_change_the_text_and_nothing_else(front: Front) -> None:
    """Both ways, with a field of the message that this version of the protocol does not know."""
    sidecar, _ = front
    unknown = infer.field(1000, b"kept")
    script = infer.answer("at 192.0.2.7 or so")
    call = Call(script, (infer.request("is it 192.0.2.1?") + unknown,), INFER)
    seen = observe(sidecar.address, call)
    answer = open_inference_pb2.ModelInferResponse.FromString(seen.messages[0])  # type: ignore[arg-type]
    assert list(answer.outputs[0].contents.bytes_contents) == [b"at <IP_ADDRESS> or so"]
    assert seen.action == "redact"
    plain = infer.response("at <IP_ADDRESS> or so")
    assert answer == open_inference_pb2.ModelInferResponse.FromString(plain)
    echo = Call([["echo"]], (infer.request("is it 192.0.2.1?", name="text_output") + unknown,), INFER)
    back = observe(sidecar.address, echo).messages[0]
    assert isinstance(back, bytes) and unknown in back


def test_malformed_request(front: Front, upstream: Torture) -> None:
    sidecar, _ = front
    call = Call(infer.answer("x"), (b"\xff" + MAIL.encode(),), INFER)
    seen = observe(sidecar.address, call)
    assert (seen.code, MAIL in str(seen)) == ("INVALID_ARGUMENT", False)
    assert upstream.control.seen(call)["peer"] == ""


def test_streamed_answer_that_cannot_be_read(front: Front, upstream: Torture) -> None:
    """The rules block and redact, so they do not let pass what they cannot read (`on_error`, closed)."""
    sidecar, form = front
    call = Call(
        [["read"], ["bytes64", base64.b64encode(b"\xff").decode()]], (infer.request("hello"),), STREAM
    )
    seen, _, told = details(sidecar.address, call)
    assert (seen.code, seen.messages) == (form.get("answer_code", "PERMISSION_DENIED"), ())
    assert told["rule"] in ("no-mail", "hide-address")
    assert told["stage"] == "output"


@pytest.mark.parametrize(
    ("text", "action", "result"),
    [
        ("hello", "allow", "hello"),
        ("is it 192.0.2.1?", "redact", "is it <IP_ADDRESS>?"),
        (f"write to {MAIL}", "block", None),
    ],
)
def test_the_same_rules_for_callers_out_of_the_path(
    front: Front, text: str, action: str, result: str | None
) -> None:
    """sentinel.v1.GuardService on the admin port."""
    sidecar, _ = front
    with connect(sidecar.admin) as channel:
        screen = channel.unary_unary(
            "/sentinel.v1.GuardService/Screen",
            request_serializer=guard_pb2.ScreenRequest.SerializeToString,
            response_deserializer=guard_pb2.ScreenResponse.FromString,
        )
        answer = screen(guard_pb2.ScreenRequest(id="1", text=text, stage="input"), timeout=GUARD_S)
    assert (answer.id, answer.action) == ("1", action)
    assert MAIL not in answer.text
    if result is not None:
        assert answer.text == result


@pytest.mark.parametrize(
    ("text", "code"),
    [("a " * 100_000 + MAIL, "OK"), (f"{MAIL} " * 1500, "OK"), ("a" * 4_000_001, "INVALID_ARGUMENT")],
    ids=["long", "many findings", "too long"],
)
def test_long_texts_of_callers_out_of_the_path(front: Front, text: str, code: str) -> None:
    sidecar, _ = front
    with connect(sidecar.admin) as channel:
        screen = channel.unary_unary("/sentinel.v1.GuardService/Screen")
        request = guard_pb2.ScreenRequest(text=text).SerializeToString()
        try:
            answer = guard_pb2.ScreenResponse.FromString(screen(request, timeout=GUARD_S))
        except grpc.RpcError as error:
            assert error.code().name == code
        else:
            assert (code, answer.action, answer.rule) == ("OK", "block", "no-mail")


def test_a_prompt_with_many_findings(front: Front) -> None:
    sidecar, _ = front
    assert observe(sidecar.address, asking("192.0.2.1 " * 1500 + MAIL)).action == "block"

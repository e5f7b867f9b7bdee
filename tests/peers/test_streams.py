"""Streams of Open Inference from real model servers: Triton with NVIDIA's client, MLServer in its dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from sentinel.pb import open_inference_pb2 as pb
from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.peers.running import Server, TritonClient

pytestmark = pytest.mark.peers

RULES = """
rules:
  - id: mail
    stage: input
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: redact
    operator: pseudonymise
  - id: mail-answer
    stage: output
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: redact
  - id: network
    stage: output
    detect: {detector: pii, type: IP_ADDRESS}
    action: block
    message: Addresses of machines stay inside.
  - id: card
    stage: input
    detect: {detector: pii, type: CREDIT_CARD}
    action: block
    message: No cards, please.
"""
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
CARD = "4111 1111 " + "1111 1111"
NETWORK = "Addresses of machines stay inside."
PROMPTS = {
    "one": "write to jane@example.org now",
    "two": "write to joe@example.org and jill@example.org",
    "three": "write to nobody",
}


def answer(prompt: str) -> str:
    return f"You said {prompt} Ask <EMAIL_ADDRESS> for more."


ANSWERS = {name: answer(prompt) for name, prompt in PROMPTS.items()}
ARRIVED = [
    "write to <EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_2>",
    "write to <EMAIL_ADDRESS_1> now",
    "write to nobody",
]


def unnumbered(text: str) -> str:
    """Requests that are open together count on, in the order in which they are read."""
    return re.sub(r"_[0-9]+>", ">", text)


def before(server: Server, folder: Path, **config: Any) -> Any:
    (folder / "rules.yaml").write_text(RULES)
    return start_sidecar(folder, server.address, rules={"paths": [str(folder / "rules.yaml")]}, **config)


class TestTriton:
    @pytest.fixture(scope="class")
    @classmethod
    def sidecar(cls, triton_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
        with before(triton_server, tmp_path_factory.mktemp("triton-streams")) as it:
            yield it

    @staticmethod
    def ask(
        client: TritonClient, address: str, prompts: dict[str, str], *, final: bool = False, **more: Any
    ) -> dict[str, Any]:
        told = client.ask(
            "streams",
            **{"address": address, "model": "letters", "prompts": prompts, "final": final, "headers": None}
            | more,
        )
        told["texts"] = {name: "".join(texts) for name, texts in told["texts"].items()}
        return told

    @pytest.mark.parametrize("final", [False, True])
    def test_several_requests_on_one_stream(
        self, triton_client: TritonClient, triton_server: Server, sidecar: Sidecar, final: bool
    ) -> None:
        triton_server.seen()
        told = self.ask(triton_client, sidecar.address, PROMPTS, final=final)
        assert told["texts"] == ANSWERS
        assert told["finals"] == (dict.fromkeys(PROMPTS, 1) if final else {})
        assert told["errors"] == []
        assert sorted(map(unnumbered, triton_server.seen())) == sorted(map(unnumbered, ARRIVED))

    @pytest.mark.parametrize("final", [False, True])
    def test_a_blocked_answer_ends_its_request_alone(
        self, triton_client: TritonClient, sidecar: Sidecar, final: bool
    ) -> None:
        prompts = {**PROMPTS, "bad": "all is well at the quay, 192.0.2.44 it is"}
        told = self.ask(triton_client, sidecar.address, prompts, final=final)
        begun = told["texts"].pop("bad")
        assert begun.startswith("You said all is well") and "192" not in begun
        assert told["texts"] == ANSWERS
        assert told["errors"] == [NETWORK]
        told["finals"].pop("bad", None)
        assert told["finals"] == (dict.fromkeys(PROMPTS, 1) if final else {})

    def test_a_blocked_prompt_ends_its_request_alone(
        self, triton_client: TritonClient, triton_server: Server, tmp_path: Path
    ) -> None:
        """Where the dialect is set: before the first answer nobody could know it."""
        triton_server.seen()
        adapters = {"open_inference": {"stream_dialect": "triton"}}
        with before(triton_server, tmp_path, adapters=adapters) as sidecar:
            told = self.ask(triton_client, sidecar.address, {"bad": CARD, **PROMPTS})
        assert told["texts"] == ANSWERS
        assert told["errors"] == ["No cards, please."]
        assert sorted(map(unnumbered, triton_server.seen())) == sorted(map(unnumbered, ARRIVED))

    def test_a_blocked_prompt_that_comes_first_ends_the_call(
        self, triton_client: TritonClient, triton_server: Server, sidecar: Sidecar
    ) -> None:
        triton_server.seen()
        told = self.ask(triton_client, sidecar.address, {"bad": CARD})
        assert (told["texts"], told["errors"]) == ({}, ["No cards, please."])
        assert triton_server.seen() == []

    def test_errors_as_a_status_where_the_caller_wants_them(
        self, triton_client: TritonClient, sidecar: Sidecar
    ) -> None:
        headers = {"triton_grpc_error": "true"}
        told = self.ask(triton_client, sidecar.address, {"bad": "it is 192.0.2.44 today"}, headers=headers)
        assert told["errors"] == [NETWORK]
        assert "192" not in str(told)

    def test_errors_of_the_server_pass(
        self, triton_client: TritonClient, triton_server: Server, sidecar: Sidecar
    ) -> None:
        direct = self.ask(triton_client, triton_server.address, PROMPTS, model="nobody")
        assert direct["errors"]
        assert self.ask(triton_client, sidecar.address, PROMPTS, model="nobody") == direct


class TestMLServer:
    """Its messages are bare responses, which NVIDIA's client cannot read; the call is made by hand."""

    @pytest.fixture(scope="class")
    @classmethod
    def sidecar(cls, mlserver_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
        with before(mlserver_server, tmp_path_factory.mktemp("mlserver-streams")) as it:
            yield it

    @staticmethod
    def ask(address: str, prompts: dict[str, str]) -> tuple[dict[str, str], grpc.RpcError | None]:
        def requests() -> Iterator[pb.ModelInferRequest]:
            for name, prompt in prompts.items():
                request = pb.ModelInferRequest(model_name="words", id=name)
                tensor = request.inputs.add(name="text_input", datatype="BYTES", shape=[1])
                tensor.contents.bytes_contents.append(prompt.encode())
                yield request

        texts: dict[str, str] = {}
        with grpc.insecure_channel(address) as channel:
            call = channel.stream_stream(
                STREAM,
                request_serializer=pb.ModelInferRequest.SerializeToString,
                response_deserializer=pb.ModelInferResponse.FromString,
            )
            try:
                for message in call(requests(), timeout=20):
                    (said,) = message.outputs[0].contents.bytes_contents
                    texts[message.id] = texts.get(message.id, "") + said.decode()
            except grpc.RpcError as error:
                return texts, error
        return texts, None

    @pytest.mark.parametrize("name", PROMPTS)
    def test_a_request(self, mlserver_server: Server, sidecar: Sidecar, name: str) -> None:
        mlserver_server.seen()
        asked = {name: PROMPTS[name]}
        assert self.ask(sidecar.address, asked) == ({name: ANSWERS[name]}, None)
        assert set(mlserver_server.seen()) <= set(ARRIVED)

    def test_several_requests_on_one_stream(self, mlserver_server: Server, sidecar: Sidecar) -> None:
        """The server answers all of them under the first one's id; every answer is screened all the same."""
        prompts = {"one": "write to nobody", "two": "write to somebody"}
        planted = "ottilie.fennimore@example.com"
        (direct, _), (through, error) = (
            self.ask(address, prompts) for address in (mlserver_server.address, sidecar.address)
        )
        assert direct == {"one": direct["one"]} and direct["one"].count(planted) == 2
        assert (through, error) == ({"one": direct["one"].replace(planted, "<EMAIL_ADDRESS>")}, None)

    def test_each_request_gets_its_own_values_back(self, mlserver_server: Server, sidecar: Sidecar) -> None:
        mlserver_server.seen()
        texts, error = self.ask(sidecar.address, PROMPTS)
        assert (texts, error) == ({"one": "".join(ANSWERS.values())}, None)
        assert mlserver_server.seen() == [
            "write to <EMAIL_ADDRESS_1> now",
            "write to <EMAIL_ADDRESS_2> and <EMAIL_ADDRESS_3>",
            "write to nobody",
        ]

    def test_a_blocked_answer_ends_the_call(self, sidecar: Sidecar) -> None:
        """This dialect has no errors in its messages."""
        texts, error = self.ask(sidecar.address, {"bad": "all is well at the quay, 192.0.2.44 it is"})
        assert error is not None
        assert (error.code(), error.details()) == (grpc.StatusCode.PERMISSION_DENIED, NETWORK)
        assert texts["bad"].startswith("You said all is well") and "192" not in texts["bad"]

    def test_a_blocked_prompt_ends_the_call(self, mlserver_server: Server, sidecar: Sidecar) -> None:
        mlserver_server.seen()
        texts, error = self.ask(sidecar.address, {"bad": CARD})
        assert error is not None and error.details() == "No cards, please."
        assert texts == {} and mlserver_server.seen() == []

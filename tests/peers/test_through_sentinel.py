"""NVIDIA's client talks through Sentinel, under the bundled rules, to real model servers."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from google.rpc import error_details_pb2, status_pb2

from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.peers.running import Server, TritonClient

pytestmark = pytest.mark.peers

OPEN = """
rules:
  - id: cards
    description: Cards are covered where they can be seen.
    level: medium
    stage: both
    detect: {detector: pii, type: CREDIT_CARD}
    action: redact
    on_error: open
"""
# What a caller gets of what the models say after the prompt.
KEPT = "Ask <EMAIL_ADDRESS> for more."


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(
    ("prompt", "arrives", "comes_back"),
    [
        ("hello", "hello", "hello"),
        ("write to jane@example.org now", "write to <EMAIL_ADDRESS_1> now", "write to jane@example.org now"),
        ("card 4111 1111 1111 1111", "card ***************1111", "card ***************1111"),
    ],
)
def test_prompts_and_answers_are_screened(
    triton_client: TritonClient,
    server: Server,
    screened: Sidecar,
    raw: bool,
    prompt: str,
    arrives: str,
    comes_back: str,
) -> None:
    server.seen()
    answer = triton_client.ask("infer", address=screened.address, model="words", text=prompt, raw=raw)
    assert server.seen() == [arrives]
    assert "raw" in answer, answer
    assert answer["raw"] + answer["typed"] == [f"You said {comes_back} {KEPT}"]
    assert (answer["id"], answer["model"]) == ("r1", "words")


@pytest.mark.parametrize("raw", [True, False])
def test_the_answer_keeps_its_form(
    triton_client: TritonClient, server: Server, screened: Sidecar, raw: bool
) -> None:
    """Edited or not, the answer lies where the server put it."""
    direct = triton_client.ask("infer", address=server.address, model="words", text="hello", raw=raw)
    through = triton_client.ask("infer", address=screened.address, model="words", text="hello", raw=raw)
    assert [len(through["raw"]), len(through["typed"])] == [len(direct["raw"]), len(direct["typed"])]
    assert through["names"] == direct["names"]


@pytest.mark.parametrize("raw", [True, False])
def test_a_refusal_says_why(
    triton_client: TritonClient, server: Server, screened: Sidecar, raw: bool
) -> None:
    key = "-----BEGIN RSA PRIV" + "ATE KEY-----\nMIIEowIBAAKCAQEAq7BF\n-----END RSA PRIV" + "ATE KEY-----"
    server.seen()
    answer = triton_client.ask("infer", address=screened.address, model="words", text=key, raw=raw)
    assert server.seen() == []
    assert answer["code"] == "PERMISSION_DENIED"
    assert "MIIE" not in str(answer)
    packed = base64.b64decode(answer["trailers"]["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(packed).details[0].Unpack(info)
    assert info.metadata["rule"] == "secret-private-key"
    assert info.metadata["decision_id"] == answer["trailers"]["sentinel-decision-id"]


def test_readiness_and_metadata_pass(triton_client: TritonClient, server: Server, screened: Sidecar) -> None:
    direct = triton_client.ask("control", address=server.address, model="words")
    assert triton_client.ask("control", address=screened.address, model="words") == direct
    assert direct["model_ready"]


def test_errors_of_the_server_pass(triton_client: TritonClient, server: Server, screened: Sidecar) -> None:
    direct = triton_client.ask("infer", address=server.address, model="nobody", text="hello", raw=True)
    through = triton_client.ask("infer", address=screened.address, model="nobody", text="hello", raw=True)
    assert direct["code"] == through["code"] == "NOT_FOUND"
    assert through["message"] == direct["message"]


def test_a_stream_passes_as_it_is_where_the_rules_are_open(
    triton_client: TritonClient, server: Server, tmp_path: Path
) -> None:
    rules = tmp_path / "open.yaml"
    rules.write_text(OPEN)
    model = server.stream_model
    direct = triton_client.ask("stream", address=server.address, model=model, text="hello")
    with start_sidecar(tmp_path, server.address, rules={"paths": [str(rules)]}) as sidecar:
        through = triton_client.ask("stream", address=sidecar.address, model=model, text="hello")
    assert through == direct

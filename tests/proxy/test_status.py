"""A refusal as a caller sees it."""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2, status_pb2

from sentinel.core.decision import Action, Decision
from sentinel.core.exchange import Stage
from sentinel.proxy.forward import End
from sentinel.proxy.status import decision_trailers, refusal_trailers, retold

DECISION = Decision("e.input", Stage.INPUT, Action.BLOCK, "digest", rule="no-keys", message="keep your keys")


def test_details_name_decision_rule_and_exchange() -> None:
    trailers = dict(refusal_trailers(DECISION, "e", grpc.StatusCode.PERMISSION_DENIED))
    details = trailers["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    status = status_pb2.Status.FromString(details)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (status.code, status.message) == (grpc.StatusCode.PERMISSION_DENIED.value[0], "keep your keys")
    assert (info.reason, info.domain) == ("BLOCKED_BY_RULE", "sentinel")
    assert dict(info.metadata) == {
        "decision_id": "e.input",
        "exchange_id": "e",
        "rule": "no-keys",
        "stage": "input",
        "policy": "digest",
    }


def test_every_read_call_tells_its_exchange_and_action() -> None:
    assert dict(decision_trailers(DECISION, "e")) == {
        "sentinel-exchange-id": "e",
        "sentinel-decision-id": "e.input",
        "sentinel-action": "block",
    }


def test_a_call_that_no_rule_read_claims_no_decision() -> None:
    assert decision_trailers(None, "e") == (("sentinel-exchange-id", "e"),)


def test_an_end_in_other_words_has_no_binary_status_with_the_old_ones() -> None:
    end = End(
        grpc.StatusCode.ABORTED, "at 192.0.2.7", (("grpc-status-details-bin", b"192.0.2.7"), ("x", "y"))
    )
    assert retold(end, "at 192.0.2.7") is end
    assert retold(end, "at <IP>") == End(grpc.StatusCode.ABORTED, "at <IP>", (("x", "y"),))

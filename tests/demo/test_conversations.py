"""The bundled conversations, direct and through Sentinel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sentinel.demo.client import Result, run_conversations
from sentinel.demo.conversations import Conversation, bundled_conversations
from tests.e2e.sidecar import start_sidecar

CONVERSATIONS = bundled_conversations()


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    command = [sys.executable, "-m", "sentinel.demo.model", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


def held(address: str, conversations: list[Conversation] | None = None) -> dict[str, Result]:
    told: list[Result] = []
    results = asyncio.run(run_conversations(address, told.append, conversations))
    assert told == results
    return {result.conversation.id: result for result in results}


@pytest.fixture(scope="module")
def direct(model: str) -> dict[str, Result]:
    return held(model)


@pytest.fixture(scope="module")
def through(model: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    with start_sidecar(tmp_path_factory.mktemp("demo"), model) as sidecar:
        return held(sidecar.address)


def test_ids_are_unique_and_every_kind_occurs() -> None:
    assert len({each.id for each in CONVERSATIONS}) == len(CONVERSATIONS) >= 24
    assert {each.expect for each in CONVERSATIONS} >= {"allow", "redact", "block"}
    assert any(each.raw for each in CONVERSATIONS) and any(each.stream for each in CONVERSATIONS)
    assert any(each.context for each in CONVERSATIONS) and any(each.tenant for each in CONVERSATIONS)


def test_the_model_answers_every_one(direct: dict[str, Result]) -> None:
    for result in direct.values():
        assert (result.code, result.action, result.decision_id) == ("OK", "", "")
        assert result.answer
    assert direct["stream"].pieces > 10


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda each: each.id)
def test_the_bundled_rules_do_what_a_person_would_expect(
    conversation: Conversation, through: dict[str, Result]
) -> None:
    result = through[conversation.id]
    assert result.action == conversation.expect
    assert (result.code == "OK") == (conversation.expect != "block")
    assert result.decision_id and result.exchange_id


def test_harmless_answers_are_not_changed(direct: dict[str, Result], through: dict[str, Result]) -> None:
    for conversation in CONVERSATIONS:
        if conversation.expect == "allow":
            assert through[conversation.id].answer == direct[conversation.id].answer


def test_a_stand_in_for_an_address_is_restored(direct: dict[str, Result], through: dict[str, Result]) -> None:
    for id in ("email-in-prompt", "two-emails-in-prompt", "stream-email-in-prompt"):
        assert through[id].answer == direct[id].answer


def test_what_the_model_gives_away_does_not_arrive(through: dict[str, Result]) -> None:
    for id, value in {
        "stream-email-in-answer": "ottilie.fennimore@example.com",
        "email-in-answer": "ottilie.fennimore@example.com",
        "phone-in-answer": "212-555-0142",
        "card-in-answer": "4111 1111 1111 1111",
        "payroll-in-answer": "GB82WEST12345698765432",
    }.items():
        assert through[id].answer
        assert value not in through[id].answer


def test_a_refusal_says_why(through: dict[str, Result]) -> None:
    result = through["private-key-in-prompt"]
    assert result.code == "PERMISSION_DENIED"
    assert result.message
    assert result.details["rule"] == "secret-private-key"
    assert result.details["decision_id"] == result.decision_id


def test_an_error_is_a_result() -> None:
    (result,) = held("127.0.0.1:1", CONVERSATIONS[:1]).values()
    assert (result.code, result.answer) == ("UNAVAILABLE", "")

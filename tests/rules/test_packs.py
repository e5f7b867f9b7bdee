"""The bundled packs with the real detectors: every example holds, and ordinary talk is left alone."""

from pathlib import Path

import pytest

from sentinel.core.decision import Action
from sentinel.core.exchange import CallContext, Role, Stage, TextPart
from sentinel.core.redact import Redactor
from sentinel.detectors.detector_set import DetectorSet
from sentinel.detectors.registry import DetectorsConfig, known_detectors, load_detectors
from sentinel.policy.engine import Policy
from sentinel.policy.examples import run_examples
from sentinel.policy.load import bundled_rules, load_policy
from sentinel.policy.operators import edit
from sentinel.policy.rule import Rule
from sentinel.policy.vault import Vault

CTX = CallContext("/inference.GRPCInferenceService/ModelInfer")
POLICY = load_policy([bundled_rules()], known_detectors())


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> DetectorSet:
    return load_detectors(DetectorsConfig(), POLICY.detectors, tmp_path_factory.mktemp("cache"), POLICY.needs)


@pytest.mark.parametrize("rule", POLICY.rules, ids=lambda rule: rule.id)
def test_examples_hold(rule: Rule, detectors: DetectorSet) -> None:
    results = list(
        run_examples(rule, lambda text, needs, around: detectors.inspect(text, detectors.view(needs), around))
    )
    assert {result.positive for result in results} == {True, False}, (
        "a rule shows what it is for, and what not"
    )
    assert not [
        f"{result.positive} {result.number}: {result.problem}" for result in results if result.problem
    ]


@pytest.mark.parametrize("rule", POLICY.rules, ids=lambda rule: rule.id)
def test_a_rule_is_described(rule: Rule) -> None:
    assert rule.config.description and rule.config.tags
    assert Path(rule.file).stem == rule.id.partition("-")[0].replace("secret", "secrets")


def test_no_rule_asks_for_misuse() -> None:
    """What counts as harm is for an operator to judge (docs/detectors.md)."""
    assert "toxicity" in POLICY.detectors and "misuse" not in POLICY.detectors


def screened(policy: Policy, detectors: DetectorSet, text: str, stage: Stage) -> tuple[Action, str]:
    """What all packs together do to a text."""
    selection = policy.select(stage, CTX)
    parts = [TextPart(Role.PROMPT if stage is Stage.INPUT else Role.ANSWER, text, "text")]
    inspection = detectors.inspect(text, detectors.view(selection.needs))
    decision = selection.decide("d", parts, [inspection], CTX, detectors.versions, 0)
    return decision.action, edit(decision, selection, parts, Vault(), Redactor(b"k", "k"))[0]


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France, and how far is it from Berlin?",
        "A school had 3000-1125=1875 girls, 24 of 30 in each of 8 classes; how many boys?",
        "The meeting is on 2024-05-01 at 14:30, or 05/02/24; see https://example.com/agenda?id=42.",
        "Order 1234567890, parcel 9876543210987, build 20240501.3, version 1.2.3, ISBN 978-3-16-148410-0.",
        "Set the subnet 10.0.0.0/24 and ping 192.0.2.1; the MAC is 00:00:5E:00:53:01.",
        "arn:aws:iam::123456789012:role/reader and account_id=987654321098",
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709 fixes d2db5ec4-6e7a-11ee-b962-0242ac120002",
        "def login(user, password): return check(user, password)",
        "Set API_KEY=<your key here> and password: ******** in the .env file.",
        "export TOKEN=$(cat /run/secrets/token); curl -H 'Authorization: Bearer $TOKEN'",
        "Move the pawn from e2 to e4, then the knight to f6. $1,234,567.89 was raised; call 911.",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_ordinary_talk_is_left_alone(text: str, stage: Stage, detectors: DetectorSet) -> None:
    assert screened(POLICY, detectors, text, stage) == (Action.ALLOW, text)


@pytest.mark.parametrize(
    ("stage", "before", "after"),
    [
        (
            Stage.INPUT,
            "I am Jane, jane@example.com, phone 212-555-0142, card 4111-1111-1111-1111.",
            "I am Jane, <EMAIL_ADDRESS_1>, phone <PHONE_NUMBER_1>, card ***************1111.",
        ),
        (
            Stage.OUTPUT,
            "Write to jane@example.com, SSN 536-22-8726, IBAN GB82WEST12345698765432.",
            "Write to <EMAIL_ADDRESS>, SSN <US_SSN>, IBAN ******************5432.",
        ),
        # `X2wT@db.example.com` reads as an address too: one region, named by the higher level
        (
            Stage.INPUT,
            "postgres://app:q7Lm" + "X2wT@db.example.com:5432/shop, ask jane@example.com",
            "postgres://app:<URL_PASSWORD>:5432/shop, ask <EMAIL_ADDRESS_1>",
        ),
    ],
)
def test_packs_together(stage: Stage, before: str, after: str, detectors: DetectorSet) -> None:
    assert screened(POLICY, detectors, before, stage) == (Action.REDACT, after)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_private_key_is_refused(stage: Stage, detectors: DetectorSet) -> None:
    key = "-----BEGIN PRIV" + "ATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END PRIV" + "ATE KEY-----"
    action, text = screened(POLICY, detectors, f"my key: {key}", stage)
    assert action is Action.BLOCK and "MIIE" not in text

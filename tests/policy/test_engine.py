from pathlib import Path
from textwrap import dedent

import pytest

from sentinel.core.decision import Action
from sentinel.core.exchange import CallContext, Role, Stage
from sentinel.core.finding import Inspection
from sentinel.policy import engine
from sentinel.policy.load import load_policy
from tests.policy.support import CTX, KNOWN, VERSIONS, card, decide, mail, outline, policy_of, texts

LADDER = """
  - {id: a-allow, detect: {detector: pii}, action: allow, level: critical}
  - {id: b-flag, detect: {detector: pii}, action: flag}
  - {id: c-redact, detect: {detector: pii}, action: redact}
  - {id: d-block, detect: {detector: pii, type: CREDIT_CARD}, action: block, message: No cards.}
  - {id: e-block, detect: {detector: pii, type: CREDIT_CARD}, action: block, level: high, mode: shadow}
"""


def test_the_strictest_enforced_rule_decides(tmp_path: Path) -> None:
    decision = decide(policy_of(tmp_path, LADDER), card(), mail(10, 20))
    assert (decision.action, decision.rule, decision.message) == (Action.BLOCK, "d-block", "No cards.")
    assert outline(decision) == [
        ("e-block", "block", False, "finding"),
        ("d-block", "block", True, "finding"),
        ("c-redact", "redact", True, "finding"),
        ("b-flag", "flag", True, "finding"),
        ("a-allow", "allow", True, "finding"),
    ]
    assert [hit.findings for hit in decision.hits] == [(0,), (0,), (0, 1), (0, 1), (0, 1)]


def test_order_within_an_action_is_level_then_id(tmp_path: Path) -> None:
    rules = """
      - {id: z, detect: {detector: pii}, action: flag, level: high}
      - {id: b, detect: {detector: pii}, action: flag, level: low}
      - {id: a, detect: {detector: pii}, action: flag, level: low}
    """
    decision = decide(policy_of(tmp_path, rules), mail())
    assert [hit.rule for hit in decision.hits] == ["z", "a", "b"]
    assert decision.rule == "z"


def test_shadow_never_changes_the_outcome(tmp_path: Path) -> None:
    rules = "  - {id: s, detect: {detector: pii}, action: block, mode: shadow, message: hush}"
    decision = decide(policy_of(tmp_path, rules), mail())
    assert (decision.action, decision.rule, decision.message) == (Action.ALLOW, "", "")
    assert outline(decision) == [("s", "block", False, "finding")]
    assert len(decision.findings) == 1


@pytest.mark.parametrize(
    ("rule", "score", "fires"),
    [
        ("detect: {detector: pii, type: EMAIL_ADDRESS}", 0.5, True),
        ("detect: {detector: pii, type: EMAIL_ADDRESS}", 0.49, False),
        ("detect: {detector: pii, type: EMAIL_ADDRESS, score: 0}", 0.0, True),
        ("detect: {detector: pii, type: EMAIL_ADDRESS, score: 1}", 0.99, False),
        ("detect: {detector: pii, type: [PHONE_NUMBER, 'EMAIL*']}", 0.9, True),
        ("detect: {detector: pii, type: '*_ADDRESS'}", 0.9, True),
        ("detect: {detector: pii, type: email_address}", 0.9, False),
        ("detect: {detector: secrets}", 0.9, False),
        ("detect: {detector: pii}, stage: input", 0.9, True),
        ("detect: {detector: pii}, stage: output", 0.9, False),
        ("detect: {detector: pii}, roles: prompt", 0.9, True),
        ("detect: {detector: pii}, roles: [context, system]", 0.9, False),
        ("detect: {detector: pii}, match: {tenant: acme, model: 't*', route: default}", 0.9, True),
        ("detect: {detector: pii}, match: {tenant: other}", 0.9, False),
        ("detect: {detector: pii}, match: {model: [a, b]}", 0.9, False),
        ("detect: {detector: pii}, match: {route: '?'}", 0.9, False),
    ],
)
def test_what_fires(tmp_path: Path, rule: str, score: float, fires: bool) -> None:
    policy = policy_of(tmp_path, f"  - {{id: r, action: flag, {rule}}}")
    decision = decide(policy, mail(score=score))
    assert bool(decision.hits) is fires
    assert bool(decision.findings) is fires, "only findings that a rule hit are kept"


def test_a_decision_says_why(tmp_path: Path) -> None:
    decision = decide(policy_of(tmp_path, LADDER), mail(3, 9, score=0.75))
    assert decision.decision_id == "d1" and decision.stage is Stage.INPUT
    assert decision.detectors == {"pii": "1"}, "only those that were asked"
    assert decision.elapsed_us == 7 and len(decision.policy) == 64
    assert decision.hits[0].threshold == 0.5
    assert decision.hits[0].why == "EMAIL_ADDRESS with score 0.75, threshold 0.50"
    several = decide(policy_of(tmp_path, LADDER), mail(0, 4, 0.6), card(5, 9, 0.9))
    assert several.hits[-1].why == "2 findings of CREDIT_CARD, EMAIL_ADDRESS, best score 0.90, threshold 0.50"


def test_nothing_found(tmp_path: Path) -> None:
    decision = decide(policy_of(tmp_path, LADDER))
    assert (decision.action, decision.hits, decision.findings) == (Action.ALLOW, (), ())
    assert decision.detectors == {"pii": "1"} and len(decision.policy) == 64


def test_several_texts(tmp_path: Path) -> None:
    """Findings carry the index of their text, in the order of the message; scores are the highest."""
    selection = policy_of(tmp_path, LADDER).select(Stage.INPUT, CTX)
    inspections = [
        Inspection((mail(5, 9), mail(0, 4)), scores={"toxicity": 0.2}),
        Inspection(scores={"toxicity": 0.7}),
        Inspection((card(1, 3),), scores={"toxicity": 0.1}),
    ]
    decision = selection.decide("d", texts("a" * 9, "b", "c" * 9), inspections, CTX, VERSIONS, 0)
    assert [(f.part, f.start, f.type) for f in decision.findings] == [
        (0, 0, "EMAIL_ADDRESS"),
        (0, 5, "EMAIL_ADDRESS"),
        (2, 1, "CREDIT_CARD"),
    ]
    assert decision.scores == {"toxicity": 0.7}
    assert decision.hits[0].findings == (2,)


@pytest.mark.parametrize(
    ("action", "message", "told"),
    [
        ("block", "Ask legal.", "Ask legal."),
        ("block", "", "Refused by rule r."),
        ("flag", "", ""),
        ("flag", "Seen.", "Seen."),
    ],
)
def test_message(tmp_path: Path, action: str, message: str, told: str) -> None:
    rule = f"  - {{id: r, detect: {{detector: pii}}, action: {action}, message: '{message}'}}"
    assert decide(policy_of(tmp_path, rule), mail()).message == told


def test_selection_tells_what_it_needs(tmp_path: Path) -> None:
    rules = """
      - {id: a, detect: {detector: pii}, action: flag, deadline_ms: 50, stage: input}
      - {id: b, detect: {detector: secrets}, action: redact, deadline_ms: 80, match: {tenant: acme}}
      - {id: c, detect: {detector: pii}, action: block, deadline_ms: 5, mode: shadow}
      - {id: d, when: stage == "output", action: flag, stage: output, match: {tenant: quiet}}
    """
    policy = policy_of(tmp_path, rules)
    seen = {
        (str(stage), tenant): (sorted(s.detectors), s.deadline_ms, s.edits, s.empty)
        for stage in Stage
        for tenant in ("acme", "x")
        for s in [policy.select(stage, CallContext("/a/b", tenant=tenant))]
    }
    assert seen == {
        ("input", "acme"): (["pii", "secrets"], 50, True, False),
        ("input", "x"): (["pii"], 50, False, False),
        ("output", "acme"): (["pii", "secrets"], 80, True, False),
        ("output", "x"): (["pii"], 5, False, False),
    }
    assert policy.detectors == {"pii", "secrets"}
    assert load_policy([], KNOWN).select(Stage.INPUT, CTX).empty


def test_a_shadow_rules_deadline_does_not_hurry_an_enforced_rule(tmp_path: Path) -> None:
    rules = """
      - {id: a, detect: {detector: pii}, action: flag}
      - {id: b, detect: {detector: pii}, action: flag, mode: shadow, deadline_ms: 1}
    """
    assert policy_of(tmp_path, rules).select(Stage.INPUT, CTX).deadline_ms is None


def test_select_is_cached_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CACHE_LIMIT", 8)
    policy = policy_of(tmp_path, "  - {id: a, detect: {detector: pii}, action: flag, match: {tenant: 'a*'}}")
    first = policy.select(Stage.INPUT, CallContext("/a/b", tenant="acme"))
    assert policy.select(Stage.INPUT, CallContext("/a/b", tenant="acme", model="any")) is first
    for number in range(100):
        policy.select(Stage.INPUT, CallContext("/a/b", tenant=f"made-up-{number}"))
    assert len(policy._by_call) <= 8 and len(policy._by_rules) <= 8
    assert policy.select(Stage.INPUT, CallContext("/a/b", tenant="acme")) is first, (
        "same rules, same selection"
    )


def test_a_name_as_long_as_a_message_is_not_remembered(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "  - {id: a, detect: {detector: pii}, action: flag, match: {model: 'm*'}}")
    found = policy.select(Stage.INPUT, CallContext("/a/b", model="m" * 1_000_000))
    assert [rule.id for rule in found.rules] == ["a"]
    assert not policy._by_call


@pytest.mark.parametrize(("model", "rules"), [("llama-3", ["a"]), ("other", []), ("", ["a"])])
def test_a_call_that_cannot_be_read_may_be_for_any_model(
    tmp_path: Path, model: str, rules: list[str]
) -> None:
    policy = policy_of(tmp_path, "  - {id: a, detect: {detector: pii}, action: block, match: {model: 'll*'}}")
    ctx = CallContext("/a/b", model=model)
    assert [rule.id for rule in policy.select_unread(Stage.INPUT, ctx).rules] == rules
    assert policy.select(Stage.INPUT, CallContext("/a/b")).empty, "read, and without a model's name"


def test_what_no_rule_asks_for_is_not_told_apart(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "  - {id: a, detect: {detector: pii}, action: flag}")
    for number in range(100):
        policy.select(Stage.INPUT, CallContext("/a/b", tenant=str(number), model=str(number)))
    assert len(policy._by_call) == 1


ONE = """
  - id: a
    description: Words.
    detect: {detector: pii, type: EMAIL_ADDRESS}
    action: redact
  - {id: b, detect: {detector: pii}, action: flag}
"""


@pytest.mark.parametrize(
    ("rules", "same"),
    [
        (ONE, True),
        (ONE.replace("Words.", "Other words."), True),
        (ONE + "\n# a comment\n", True),
        (ONE.replace("action: redact", "action: 'redact'\n    examples: {positive: [x]}"), True),
        (ONE.replace("action: redact", "action: redact\n    on_error: closed\n    operator: replace"), True),
        (ONE.replace("EMAIL_ADDRESS}", "[EMAIL_ADDRESS], score: 0.5}"), True),
        ("  - {id: b, action: flag, detect: {detector: pii}}" + ONE[: ONE.index("\n  - {id: b")], True),
        (ONE.replace("id: b", "id: c"), False),
        (ONE.replace("action: redact", "action: block"), False),
        (ONE.replace("action: redact", "action: redact\n    on_error: open"), False),
        (ONE.replace("action: redact", "action: redact\n    operator: mask"), False),
        (ONE.replace("action: redact", "action: redact\n    message: hush"), False),
        (ONE.replace("action: redact", "action: redact\n    mode: shadow"), False),
        (ONE.replace("EMAIL_ADDRESS}", "EMAIL_ADDRESS, score: 0.6}"), False),
    ],
)
def test_digest_is_of_what_the_rules_do(tmp_path: Path, rules: str, same: bool) -> None:
    before = policy_of(tmp_path, ONE).digest
    assert (policy_of(tmp_path, rules).digest == before) is same


def test_digest_is_stable(tmp_path: Path) -> None:
    """A changed digest in the store means changed rules; a refactoring must not look like one."""
    policy = policy_of(tmp_path, "  - {id: a, detect: {detector: pii}, action: flag}")
    assert policy.digest == "8e0f4cc8df62b42a341695ec34b6cf7acf4be13492b273ad3a20b6f81bb5af0a"


def test_rules_may_be_split_over_files(tmp_path: Path) -> None:
    whole = policy_of(tmp_path, ONE).digest
    first, second = dedent(ONE).split("- {id: b")
    folder = tmp_path / "split"
    folder.mkdir()
    (folder / "2.yaml").write_text("rules:\n" + first)
    (folder / "1.yaml").write_text("rules:\n- {id: b" + second)
    assert load_policy([folder], KNOWN).digest == whole


def test_unscreenable(tmp_path: Path) -> None:
    rules = """
      - {id: blocks, detect: {detector: pii}, action: block}
      - {id: redacts, detect: {detector: pii}, action: redact, level: high, message: No mail.}
      - {id: flags, detect: {detector: pii}, action: flag}
      - {id: shadows, detect: {detector: pii}, action: block, mode: shadow, on_error: closed}
      - {id: sized, when: "parts.all(p, p.chars < 9)", action: flag, on_error: closed}
      - {id: mine, when: request.tenant == "acme", action: flag}
      - {id: other, when: request.tenant == "other", action: block}
      - {id: other-pii, detect: {detector: pii}, when: request.tenant == "other", action: block}
    """
    selection = policy_of(tmp_path, rules).select(Stage.OUTPUT, CTX)
    decision = selection.decide_unscreenable("d9", CTX, "the answer is a stream")
    assert outline(decision) == [
        ("redacts", "block", True, "unscreenable"),
        ("blocks", "block", True, "unscreenable"),
        ("shadows", "block", False, "unscreenable"),
        ("mine", "flag", True, "condition"),
        ("sized", "flag", True, "unscreenable"),
        ("flags", "allow", True, "unscreenable"),
    ]
    assert (decision.action, decision.rule) == (Action.BLOCK, "redacts")
    assert (
        decision.message
        == "Rule redacts could not be checked, and does not let pass what it could not check."
    )
    assert decision.hits[0].why == "the answer is a stream; on_error: closed"


def test_unscreenable_open(tmp_path: Path) -> None:
    rules = "  - {id: a, detect: {detector: pii}, action: block, on_error: open}"
    selection = policy_of(tmp_path, rules).select(Stage.INPUT, CTX)
    decision = selection.decide_unscreenable("d", CTX, "a stream")
    assert (decision.action, decision.rule) == (Action.ALLOW, "")
    assert outline(decision) == [("a", "allow", True, "unscreenable")]
    assert decision.hits[0].why == "a stream; on_error: open"


def test_roles_are_of_the_text(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "  - {id: a, detect: {detector: pii}, roles: context, action: flag}")
    assert decide(policy, mail(), role=Role.CONTEXT).hits
    assert not decide(policy, mail(), role=Role.PROMPT).hits

from pathlib import Path

import pytest

from sentinel.core.decision import Action, Level
from sentinel.core.errors import ConfigErrors
from sentinel.core.exchange import Role, Stage
from sentinel.policy.load import bundled_rules, load_policy
from tests.policy.support import KNOWN, policy_of

EVERYTHING = """\
  - id: team.cards-1
    description: Everything at once.
    level: critical
    stage: input
    roles: [prompt, context]
    match: {route: [a, "b-*"], model: "llama*", tenant: acme}
    detect: {detector: pii, type: [CREDIT_CARD, "IBAN*"], score: 0.3}
    when: finding.score > 0.5 && request.tenant != ""
    action: redact
    operator: {name: mask, char: "#", keep_first: 1, keep_last: 4}
    message: No cards.
    mode: shadow
    deadline_ms: 40
    on_error: closed
    tags: [pci]
    examples:
      positive:
        - {text: [a, b], stage: input, role: context, redacted: c, request: {tenant: acme}}
      negative: [plain]
"""


def test_every_key(tmp_path: Path) -> None:
    (rule,) = policy_of(tmp_path, EVERYTHING).rules
    assert (rule.id, rule.level, rule.action) == ("team.cards-1", Level.CRITICAL, Action.REDACT)
    assert rule.stages == {Stage.INPUT} and rule.roles == {Role.PROMPT, Role.CONTEXT}
    assert (rule.detector, rule.types.patterns, rule.score) == ("pii", ("CREDIT_CARD", "IBAN*"), 0.3)
    assert (rule.operator.name, rule.operator.char, rule.operator.keep_first) == ("mask", "#", 1)
    assert (rule.enforced, rule.closed, rule.deadline_ms) == (False, True, 40)
    assert rule.config.examples.positive[0].text == "ab"
    assert (rule.line, rule.example_lines) == (2, {"positive": (19,), "negative": (20,)})


def test_defaults(tmp_path: Path) -> None:
    (rule,) = policy_of(tmp_path, "  - {id: a, detect: {detector: pii}, action: flag}").rules
    assert (rule.level, rule.enforced, rule.closed, rule.score) == (Level.MEDIUM, True, False, 0.5)
    assert rule.stages == {Stage.INPUT, Stage.OUTPUT} and rule.roles is None and rule.deadline_ms is None
    assert all(names.all for names in (rule.route, rule.model, rule.tenant, rule.types))


@pytest.mark.parametrize(
    ("action", "mode", "closed"),
    [
        ("allow", "enforce", False),
        ("flag", "enforce", False),
        ("redact", "enforce", True),
        ("block", "enforce", True),
        ("redact", "shadow", False),
        ("block", "shadow", False),
    ],
)
def test_default_of_on_error(tmp_path: Path, action: str, mode: str, closed: bool) -> None:
    rules = f"  - {{id: a, detect: {{detector: pii}}, action: {action}, mode: {mode}}}"
    assert policy_of(tmp_path, rules).rules[0].closed is closed


HEAD = "rules:\n- id: a\n  detect: {detector: pii}\n  action: redact\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("- a\n", ":1: a rule file is a mapping with the key `rules:` and a list of rules under it"),
        ("", ":1: a rule file is a mapping"),
        ("description: x\n", ":1: the key `rules:` with a list of rules is missing"),
        ("rules:\n  id: a\n", ":1: rules: must be a list of rules, each starting with `- id:`"),
        ("rulez: []\nrules: []\n", ":1: rulez: unknown key; did you mean rules?"),
        ("rules:\n- text\n", ":2: rules[0]: must be a mapping (key: value), not 'text'"),
        ("rules:\n- action: flag\n  detect: {detector: pii}\n", ":2: rules[0].id: is missing; add `id:`"),
        ("rules:\n- id: a\n  detect: {detector: pii}\n", ":2: rules[0].action: is missing; add `action:`"),
        (
            "rules:\n- id: a\n  action: flag\n",
            ":2: rules[0]: looks for nothing; add `detect:`, `when:` or both",
        ),
        (HEAD + "  acton: block\n", ":5: rules[0].acton: unknown key; did you mean action?"),
        (
            HEAD + "  match:\n    tennant: x\n",
            ":6: rules[0].match.tennant: unknown key; did you mean tenant?",
        ),
        (HEAD + "  match: {tenant: []}\n", ":5: rules[0].match.tenant: must not be empty"),
        (HEAD + "  level: hgih\n", ":5: rules[0].level: must be 'informational', 'low', 'medium', 'high' or"),
        (HEAD + "  level: hgih\n", "not 'hgih'; did you mean high?"),
        (
            HEAD + "  deadline_ms: 0\n",
            ":5: rules[0].deadline_ms: should be greater than or equal to 1, and is 0",
        ),
        (HEAD + "  deadline_ms: soon\n", ":5: rules[0].deadline_ms: must be a number, not 'soon'"),
        (
            HEAD + "  roles: [prompt, user]\n",
            ":5: rules[0].roles[1]: must be 'system', 'prompt', 'context' or",
        ),
        (HEAD + "  tags: pci\n", ":5: rules[0].tags: must be a list, not 'pci'"),
        (
            HEAD + "  message: 7\n",
            ":5: rules[0].message: must be text, not 7; put it in quotes if it is text",
        ),
        (HEAD + "  operator: masc\n", ":5: rules[0].operator.name: must be 'replace', 'mask', 'hash' or"),
        (
            HEAD + "  operator: {name: mask, with: x}\n",
            ":5: rules[0].operator.with: has no meaning for the operator mask",
        ),
        (
            HEAD + "  operator: {name: mask, char: '**'}\n",
            ":5: rules[0].operator.char: String should have at most 1",
        ),
        (HEAD + "  operator: pseudonymise\n", ":5: rules[0].operator: pseudonymise needs `stage: input`"),
        (
            HEAD + "  examples:\n    positive:\n    - x\n    - 2024-01-01\n",
            ":8: rules[0].examples.positive[1]",
        ),
        (
            HEAD + "  examples:\n    positive:\n    - text: x\n      redact: y\n",
            ":8: rules[0].examples.positive[0].redact: unknown key; did you mean redacted?",
        ),
        (
            HEAD + "  stage: input\n  examples:\n    positive:\n    - {text: x, stage: output}\n",
            ":8: rules[0].examples.positive[0].stage: the rule is for input only",
        ),
        (
            HEAD + "  examples: {negative: [{text: x, redacted: y}]}\n",
            ":5: rules[0].examples.negative[0].redacted: a negative example stays as it is",
        ),
        (
            HEAD + "  operator: hash\n  examples: {positive: [{text: x, redacted: y}]}\n",
            ":6: rules[0].examples.positive[0].redacted: depends on the key of the hash; leave it out",
        ),
        (
            "rules:\n- id: a\n  detect: {detector: pi}\n  action: flag\n",
            ":3: rules[0].detect.detector: unknown detector 'pi'; known are pii, secrets; did you mean pii?",
        ),
        (
            "rules:\n- id: a\n  detect: {detector: pii, score: '0.5'}\n  action: flag\n",
            ":3: rules[0].detect.score: must be a number, not '0.5'",
        ),
        (
            "rules:\n- id: a\n  detect: {detector: pii, score: 50}\n  action: flag\n",
            ":3: rules[0].detect.score: should be less than or equal to 1, and is 50",
        ),
        (
            "rules:\n- id: A b\n  detect: {detector: pii}\n  action: flag\n",
            ":2: rules[0].id: 'A b' is not of the right form: Name of the rule",
        ),
        (
            "rules:\n- id: a\n  detect: {detector: pii}\n  action: block\n  operator: mask\n",
            ":5: rules[0].operator: has no meaning with `action: block`; remove it or write `action: redact`",
        ),
        (
            "rules:\n- id: a\n  when: stage == 'input'\n  action: redact\n",
            ":4: rules[0].action: redact needs `detect:`, which says what to cover",
        ),
        (
            "rules:\n- id: a\n  when: tenat == 'input'\n  action: flag\n",
            ":3: rules[0].when: unknown name 'tenat'; known are request, stage, parts",
        ),
        (
            HEAD + "- id: b\n  detect: {detector: pii}\n  action: flag\n" + HEAD.removeprefix("rules:\n"),
            ":8: rules[2].id: 'a' is also the id of the rule at {file}:2; rename one",
        ),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str, error: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(ConfigErrors) as caught:
        load_policy([file], KNOWN)
    assert error.format(file=file) in str(caught.value)
    assert len(caught.value.errors) == 1, str(caught.value)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(
        "rules:\n- id: a\n  level: x\n  when: (\n  detect: {detector: none, score: 2}\n  actn: flag\n"
    )
    second.write_text("rules: [\n")
    with pytest.raises(ConfigErrors) as caught:
        load_policy([tmp_path, tmp_path / "absent.yaml"], KNOWN)
    places = {(Path(error.file).name, error.line, error.key) for error in caught.value.errors}
    assert places == {
        ("a.yaml", 3, "rules[0].level"),
        ("a.yaml", 4, "rules[0].when"),
        ("a.yaml", 5, "rules[0].detect.detector"),
        ("a.yaml", 5, "rules[0].detect.score"),
        ("a.yaml", 6, "rules[0].actn"),
        ("a.yaml", 2, "rules[0].action"),
        ("b.yaml", 2, ""),
        ("absent.yaml", 0, ""),
    }


def test_duplicate_ids_over_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yml"):
        (tmp_path / name).write_text(HEAD)
    with pytest.raises(ConfigErrors) as caught:
        load_policy([tmp_path], KNOWN)
    first, second = tmp_path / "a.yaml", tmp_path / "b.yml"
    told = f"{second}:2: rules[0].id: 'a' is also the id of the rule at {first}:2; rename one"
    assert str(caught.value) == told


def test_folders_files_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD)
    (tmp_path / "notes.txt").write_text("not a rule")
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "a.yaml").write_text(HEAD)
    assert [rule.id for rule in load_policy([tmp_path, tmp_path / "a.yaml"], KNOWN).rules] == ["a"]
    assert load_policy([], KNOWN).rules == ()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigErrors, match=r"has no rule file \(\*\.yaml\)"):
        load_policy([tmp_path / "empty"], KNOWN)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"rules: \xff\n")
    with pytest.raises(ConfigErrors, match=r"is not UTF-8 \(byte 7\)"):
        load_policy([tmp_path], KNOWN)


def test_bundled_rules_are_there() -> None:
    assert list(bundled_rules().glob("*.yaml"))

"""`sentinel rules` as its users see it, with the real detectors."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sentinel.cli.rules import app
from sentinel.detectors.registry import known_detectors
from sentinel.policy.load import bundled_rules
from sentinel.policy.schema import rules_schema

TOY = "tests.models.toys:Toy"
RULES = """\
rules:
- id: mail
  detect: {detector: pii, type: EMAIL_ADDRESS}
  action: redact
  message: No addresses.
  examples:
    positive:
    - write to jane@example.com
    - write to nobody
- id: watch
  detect: {detector: pii, type: PHONE_NUMBER, score: 0.6}
  action: flag
  mode: shadow
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(autouse=True)
def in_state(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_STATE_DIR", str(state))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "r.yaml"
    path.write_text(RULES)
    return path


def run(*words: object, stdin: str = "") -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=stdin)


def test_check_says_what_it_read(file: Path) -> None:
    result = run("check", file)
    assert result.exit_code == 0
    assert result.stdout.startswith("2 rules (1 enforced, 1 in shadow), policy ")


def test_check_takes_the_bundled_packs_by_default() -> None:
    assert run("check").stdout == run("check", bundled_rules()).stdout


def test_check_tells_every_mistake(file: Path) -> None:
    file.write_text(
        RULES.replace("action: flag", "action: flog").replace("pii, type: EMAIL", "pi, type: EMAIL")
    )
    result = run("check", file)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{file}:3: rules[0].detect.detector: "
        f"unknown detector 'pi'; known are {', '.join(sorted(known_detectors()))}; did you mean pii?",
        f"{file}:12: rules[1].action: "
        "must be 'allow', 'flag', 'redact' or 'block', not 'flog'; did you mean flag?",
        "2 mistakes",
    ]


def test_test_tells_what_fails_and_where(file: Path) -> None:
    result = run("test", file)
    assert result.exit_code == 1
    assert "positive 2" in result.stdout and "must fire and does not" in result.stdout
    assert "r.yaml:9" in result.stdout
    assert "without a positive example: watch" in result.stdout
    assert result.stdout.endswith("2 rules, 4 examples, 2 failed\n")


def test_test_passes(file: Path) -> None:
    file.write_text(RULES.replace("    - write to nobody\n", ""))
    result = run("test", file)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "2 rules, 2 examples, 0 failed")


def test_explain(file: Path) -> None:
    result = run("explain", "Dear jane@example.com, (212) 555-0142", "--rules", file)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "action: redact (rule mail)"
    assert "message: No addresses." in lines
    row = next(line for line in lines if "EMAIL_ADDRESS" in line and "│" in line)
    told = ["mail", "redact", "medium", "pii", "EMAIL_ADDRESS", "5-21", "1.00", "0.50", "jane@example.com"]
    assert [cell.strip() for cell in row.split("│")][1:10] == told
    told = "ignored: PHONE_NUMBER of pii at 23-37 with score 0.40: below 0.60, the least score of rule watch"
    assert told in lines
    assert lines[-2:] == ["becomes:", "Dear <EMAIL_ADDRESS>, (212) 555-0142"]


def test_explain_tells_detectors_of_one_type_apart(file: Path, tmp_path: Path) -> None:
    file.write_text(
        "rules:\n"
        "- {id: sure, detect: {detector: small, type: RUDE, score: 0.95}, action: flag}\n"
        "- {id: other, detect: {detector: large, type: OTHER}, action: flag}\n"
    )
    config = tmp_path / "sentinel.yaml"
    config.write_text("models: {detectors: {small: {kind: 'K'}, large: {kind: 'K'}}}".replace("K", TOY))
    lines = run("explain", "rude", "--rules", file, "--config", config).stdout.splitlines()
    assert {
        "ignored: RUDE of small at 0-4 with score 0.90: below 0.95, the least score of rule sure",
        "ignored: RUDE of large at 0-4 with score 0.90: no rule asks large for it",
    } <= set(lines)


def test_a_rule_path_that_is_not_there_is_told_with_its_key(tmp_path: Path) -> None:
    config = tmp_path / "sentinel.yaml"
    config.write_text("rules:\n  paths:\n  - nowhere\n")
    told = f"{tmp_path}/nowhere: no such file or folder"
    result = run("check", "--config", config)
    assert result.stderr.splitlines()[0] == f"{config}:3: rules.paths[0]: {told}"
    assert run("check", tmp_path / "nowhere").stderr.splitlines()[0] == told


def test_a_model_in_place_of_a_detector(file: Path, tmp_path: Path) -> None:
    file.write_text("rules:\n- {id: r, detect: {detector: mine}, action: flag}\n")
    config = tmp_path / "sentinel.yaml"
    config.write_text("models: {detectors: {mine: {kind: encoder}}}")
    told = "`mine` is a model that answers for injection, misuse, topics, toxicity: name one of these"
    first = run("check", file, "--config", config).stderr.splitlines()[0]
    assert first == f"{file}:2: rules[0].detect.detector: {told}"


def test_explain_reads_standard_input_and_takes_a_stage() -> None:
    result = run("explain", "-", "--stage", "output", stdin="nothing here")
    assert result.exit_code == 0
    assert result.stdout.startswith("action: allow\n")
    assert "becomes" not in result.stdout


def test_explain_tells_scores_words_and_takes_what_stands_around() -> None:
    result = run("explain", "You are a pathetic moron.")
    assert "scores: injection 0.00, toxicity " in result.stdout and "moron | " in result.stdout
    opening = "The bakery opened in 1962."
    around = (
        "--context",
        opening,
        "--question",
        "When?",
        "--system",
        "Be kind.",
        "--schema",
        '{"type": "object"}',
    )
    result = run("explain", "The bakery opened in 1987.", "--stage", "output", *around)
    assert "BROKEN_JSON" in result.stdout and "groundedness" in result.stdout


def test_check_warns_of_types_that_no_finding_has(file: Path) -> None:
    file.write_text(
        "rules:\n"
        "  - {id: strange, detect: {detector: toxicity, type: [TOXIK, THR*]}, action: flag}\n"
        "  - {id: topic, detect: {detector: topics, type: ACME}, action: flag}\n"
        "  - {id: known, detect: {detector: quality, type: REFUSAL}, action: flag}\n"
        "  - {id: mail, detect: {detector: pii, type: [EMAIL, PERSON, US_*]}, action: flag}\n"
        "  - {id: key, detect: {detector: secrets, type: [AWS_*, PASSWORDS]}, action: flag}\n"
    )
    result = run("check", file)
    assert result.exit_code == 0
    warnings = [line.partition(": warning: ")[2] for line in result.stderr.splitlines()]
    assert [line.partition(";")[0] for line in warnings] == [
        "rule strange: toxicity has no finding of type TOXIK",
        "rule topic: topics has no finding of type ACME",
        "rule mail: pii has no finding of type EMAIL",
        "rule key: secrets has no finding of type PASSWORDS",
    ]


def test_check_warns_of_types_that_no_model_gives(file: Path, tmp_path: Path) -> None:
    config = tmp_path / "sentinel.yaml"
    names = "{kind: onnx, path: names.onnx, task: tokens, labels: {PER: PERSON, SHIP: VESSEL}}"
    manners = "{kind: onnx, path: manners.onnx, labels: {rude: RUDE}}"
    config.write_text(
        "models:\n  detectors:\n"
        f"    pii: {names}\n    manners: {manners}\n    toy: {{kind: 'tests.models.toys:Toy'}}\n"
        "    encoder: {kind: encoder, topics: {boats: [by ferry]}}\n"
    )
    file.write_text(
        "rules:\n"
        "  - {id: pii, detect: {detector: pii, type: [VESSEL, EMAIL_ADDRESS, CAR]}, action: flag}\n"
        "  - {id: rude, detect: {detector: manners, type: [RUDE, rude]}, action: flag}\n"
        "  - {id: toy, detect: {detector: toy, type: ANY}, action: flag}\n"
        "  - {id: topics, detect: {detector: topics, type: [BOATS, TAX]}, action: flag}\n"
    )
    result = run("check", file, "--config", config)
    warnings = [line.partition(": warning: ")[2] for line in result.stderr.splitlines()]
    assert [line.partition(";")[0] for line in warnings] == [
        "rule pii: pii has no finding of type CAR",
        "rule rude: manners has no finding of type rude",
        "rule topics: topics has no finding of type TAX",
    ]


MODELS = """\
models:
  detectors:
    manners: {kind: "tests.models.toys:Toy"}
    gone: {kind: "tests.models.toys:Toy", path: /nowhere/model.bin}
"""
RULES_FOR_MODELS = """\
rules:
- id: rude
  stage: input
  detect: {detector: manners, type: RUDE}
  action: flag
  examples: {positive: [how rude], negative: [how kind]}
- id: lost
  stage: input
  detect: {detector: gone, type: RUDE}
  action: block
  examples: {positive: [how rude]}
"""


def test_rules_may_ask_for_models(file: Path, tmp_path: Path) -> None:
    config = tmp_path / "sentinel.yaml"
    config.write_text(MODELS)
    file.write_text(RULES_FOR_MODELS)
    with_models = ("--config", config)
    assert run("check", file, *with_models).stdout.startswith("2 rules (2 enforced")
    tested = run("test", file, *with_models)
    assert tested.stdout.endswith("2 rules, 3 examples, 1 failed\n")
    assert all(word in tested.stdout for word in ("lost", "gone", "failed:", "loaded:", "exist"))
    explained = run("explain", "very rude", "--rules", file, *with_models)
    assert explained.stdout.startswith("action: block (rule lost)\n")
    row = next(line for line in explained.stdout.splitlines() if "rude" in line and "5-9" in line)
    assert all(cell in row for cell in ("flag", "RUDE", "0.90"))
    assert "scores: manners 0.90" in explained.stdout
    unknown = run("check", file)
    assert unknown.exit_code == 1 and "unknown detector 'manners'" in unknown.stderr


def test_schema() -> None:
    result = run("schema")
    assert result.stdout == rules_schema()
    assert json.loads(result.stdout)["title"] == "Sentinel rules"

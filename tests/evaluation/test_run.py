"""A whole evaluation with a detector whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import Role, Stage
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors.detector_set import DetectorSet
from sentinel.evaluation.collecting import Split
from sentinel.evaluation.page import page
from sentinel.evaluation.report import DetectorReport, Report, as_json
from sentinel.evaluation.run import evaluate, parsed
from sentinel.evaluation.split import held_out
from sentinel.policy.load import load_policy

RULES = """
rules:
  - {id: loud, level: low, detect: {detector: echo, score: 0.7}, action: flag}
  - {id: loud-documents, level: low, roles: context, detect: {detector: echo, score: 0.9}, action: block}
  - {id: quiet, level: low, detect: {detector: echo, score: 0.2}, action: block, mode: shadow}
"""
SHADOW = "rules: [{id: quiet, level: low, detect: {detector: echo, score: 0.3}, action: block, mode: shadow}]"


class Echo:
    """Scores a text with the number that it begins with, and remembers what it was told."""

    name = "echo"
    version = "1"
    types = frozenset({"LOUD"})

    def __init__(self) -> None:
        self.asked: list[tuple[str, Background]] = []

    def inspect(self, text: str, background: Background) -> Inspection:
        self.asked.append((text, background))
        if text.startswith("broken"):
            raise ValueError(text)
        score = float(text.split()[0])
        return Inspection((Finding("echo", "LOUD", 0, len(text), score),), {"echo": score})


def write(folder: Path, place: str, rows: list[dict[str, Any]]) -> None:
    path = folder / f"{place}.jsonl"
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four bad rows, of which the rule at 0.7 catches three, and six good ones, with one false alarm."""
    folder = tmp_path / "data"
    bad = [{"text": f"{score} bad", "label": 1, "kind": "shout"} for score in (0.95, 0.9, 0.8, 0.4)]
    good = [{"text": f"{score} good women", "label": 0} for score in (0.75, 0.3, 0.2)]
    good += [{"text": f"{score} good", "label": 0} for score in (0.1, 0.1, 0.05)]
    write(folder, "toxicity/mine", bad + good)
    write(folder, "toxicity/yours", [{"text": "0.85 document", "label": 1, "role": "context"}])
    traffic = [{"prompt": f"0.{number} please", "response": "0.0 yes"} for number in range(10, 30)]
    write(folder, "traffic/plain", [*traffic, {"prompt": "0.72 please"}])
    write(folder, "traffic/rude", [{"prompt": "0.99 do it", "kind": "red_team"}])
    write(folder, "bias/asked", [{"text": f"0.{n} who?", "category": "faith"} for n in (3, 5, 7, 8)])
    (folder / "notes").mkdir()
    return folder


def run(data: Path, rules: str = RULES, **options: Any) -> tuple[Report, Echo]:
    file = data.parent / "rules.yaml"
    file.write_text(rules)
    echo = Echo()
    detectors = DetectorSet([], [echo], data.parent)
    policy = load_policy([file], {"echo"})
    return evaluate(data, {"echo": "toxicity"}, detectors, policy, **options), echo


def only(report: Report) -> DetectorReport:
    (found,) = report.detectors
    return found


def test_the_rules_decide_what_is_called_bad(data: Path) -> None:
    found = only(run(data)[0])
    assert (found.threshold, found.rules_mode) == (0.7, "enforce")
    labelled, usual = found.panels
    rules = labelled.operating[0]
    assert (rules.recall.hits, rules.recall.of) == (3, 4)
    assert (rules.alarms.hits, rules.alarms.of) == (1, 6)
    assert (rules.precision.hits, rules.precision.of) == (3, 4)
    assert rules.balanced_accuracy == pytest.approx((3 / 4 + 5 / 6) / 2)
    # 0.4 loses against 0.75 alone; the others win against all.
    assert labelled.figures.auc.value == pytest.approx(23 / 24)
    assert (usual.positives, usual.rows) == (4, 4 + 21)


def test_a_document_is_asked_about_as_one(data: Path) -> None:
    report, echo = run(data)
    found = only(report)
    around = dict(echo.asked)["0.85 document"]
    assert (around.stage, around.role, around.context) == (Stage.INPUT, Role.CONTEXT, ("0.85 document",))
    (document,) = (each for each in found.sources if each.name == "toxicity/yours")
    assert document.setting == "document" and document.recall is not None and document.recall.value == 1.0


def test_traffic_counts_as_good_and_provocation_apart(data: Path) -> None:
    found = only(run(data)[0])
    shares = {(each.name, each.setting): each.alarms for each in found.traffic}
    usual = shares["all everyday prompts", "prompt"]
    assert usual is not None and (usual.hits, usual.of) == (1, 21)
    rude = shares["traffic/rude: red_team", "prompt"]
    assert rude is not None and (rude.hits, rude.of) == (1, 1)
    answers = shares["all everyday answers", "answer"]
    assert answers is not None and (answers.hits, answers.of) == (0, 1)  # twenty copies of one text


def test_the_lowest_rule_is_one_for_such_texts(data: Path) -> None:
    rules = """
rules:
  - {id: prompts, level: low, roles: prompt, detect: {detector: echo, score: 0.7}, action: flag}
  - {id: documents, level: low, roles: context, detect: {detector: echo, score: 0.9}, action: flag}
"""
    write(data, "toxicity/yours", [{"text": f"0.{n} it", "label": n % 2, "role": "context"} for n in (2, 5)])
    panels = {each.key: each.operating[1] for each in only(run(data, rules)[0]).panels}
    assert (panels["prompts"].threshold, panels["documents"].threshold) == (0.7, 0.9)


def test_answers_stand_against_everyday_answers(data: Path) -> None:
    write(data, "toxicity/said", [{"text": "0.9 said", "label": 1, "role": "answer"}])
    panels = {each.key: each for each in only(run(data)[0]).panels}
    assert set(panels) == {"prompts", "prompts-everyday", "answers-everyday"}
    assert (panels["answers-everyday"].positives, panels["answers-everyday"].rows) == (1, 2)


def test_the_middle_of_the_scale_is_told_beside_the_rules(data: Path) -> None:
    found = only(run(data)[0])
    (even,) = (each for each in found.panels[0].operating if each.threshold == 0.5)
    assert (even.recall.hits, even.alarms.hits) == (3, 1)
    (mine,) = (each for each in found.sources if each.name == "toxicity/mine")
    assert mine.balanced == pytest.approx((3 / 4 + 5 / 6) / 2)


def test_kinds_tell_rows_of_a_source_apart(data: Path) -> None:
    write(data, "toxicity/one", [{"text": "0.1 a", "label": 0, "kind": "same", "source": "here"}])
    rows = [{"text": f"0.{n} a", "label": 0, "kind": f"k{n}", "source": "here"} for n in (1, 2)]
    write(data, "toxicity/two", rows)
    found = [each.name for each in only(run(data)[0]).kinds]
    assert found == ["toxicity/two: k1", "toxicity/two: k2"]


def test_groups_of_people(data: Path) -> None:
    found = {each.name: each for each in only(run(data)[0]).groups}
    assert set(found) == {"women", "no term found"}
    alarms = found["women"].alarms
    assert alarms is not None and (alarms.hits, alarms.of) == (1, 3)


def test_harmless_texts_about_people_are_told_apart(data: Path) -> None:
    found = only(run(data)[0])
    (faith,) = found.harmless
    assert faith.name == "bias/asked: faith" and faith.alarms is not None
    assert (faith.alarms.hits, faith.alarms.of) == (2, 4)
    assert "bias/asked" not in {each.name for each in found.sources}


def test_rules_in_shadow_are_judged_where_none_acts(data: Path) -> None:
    found = only(run(data, SHADOW)[0])
    assert (found.threshold, found.rules_mode) == (0.3, "shadow")
    assert found.panels[0].operating[0].recall.hits == 4


def test_without_a_rule_there_are_curves_alone(data: Path) -> None:
    found = only(run(data, "rules: []")[0])
    assert (found.threshold, found.rules_mode, found.rules) == (None, "none", ())
    assert all(each.threshold is not None for each in found.panels[0].operating)
    assert all(each.alarms is None for each in found.traffic)


def test_texts_without_an_answer_are_counted_and_left_out(data: Path) -> None:
    write(data, "toxicity/broken", [{"text": "broken", "label": 1}] * 3)
    found = only(run(data)[0])
    assert found.failed == {"it raised ValueError": 3}
    assert found.panels[0].positives == 4


def test_the_worst_mistakes_are_rows_and_scores(data: Path) -> None:
    report, _ = run(data)
    found = only(report)
    first = found.false_alarms[0]
    assert (first.place, first.line, first.score, first.text) == ("toxicity/mine", 5, 0.75, "")
    assert found.misses[0].line == 4
    saved = as_json(report) + page(report).encode()
    assert b"0.75 good women" not in saved and b"0.72 please" not in saved


def test_texts_are_told_when_they_are_asked_for(data: Path) -> None:
    report, _ = run(data, show_texts=True)
    assert only(report).false_alarms[0].text == "0.75 good women"
    assert "0.75 good women" in page(report)


def test_held_out_rows_alone(data: Path) -> None:
    rows = [{"text": f"0.{n} text", "label": n % 2, "cluster": f"text{n}"} for n in range(10, 60)]
    write(data, "toxicity/many", rows)
    report, _ = run(data, split=Split.HELDOUT)
    expected = sum(held_out(str(row["cluster"])) for row in rows)
    assert report.sources["toxicity/many"] == expected and 0 < expected < 50


def test_a_limit_takes_whole_clusters_from_all_over_a_file(data: Path) -> None:
    rows = [{"text": f"0.5 text {n}", "label": n // 100, "cluster": f"{n // 2}"} for n in range(200)]
    write(data, "toxicity/many", rows)
    found = only(run(data, limit=40)[0])
    (many,) = (each for each in found.sources if each.name == "toxicity/many")
    assert many.rows == 40 and 5 < many.positives < 35


def test_what_is_saved_can_be_read(data: Path) -> None:
    (data / "toxicity" / "bad.jsonl").write_text("{\n")
    report, _ = run(data)
    again = msgspec.json.decode(as_json(report), type=Report)
    assert msgspec.to_builtins(again) == msgspec.to_builtins(report)
    assert [(each.line, Path(each.file).name) for each in report.malformed] == [(1, "bad.jsonl")]
    assert report.skipped == ("notes",)


def test_whoever_waits_is_told_how_far_it_is(data: Path) -> None:
    told: list[tuple[str, int]] = []
    run(data, watch=lambda what, count: told.append((what, count)))
    begun = {what: count for what, count in told if what}
    assert begun == {
        "bias/asked": 4,
        "toxicity/mine": 10,
        "toxicity/yours": 1,
        "traffic/plain": 41,
        "traffic/rude": 1,
        "figures": 1,
    }
    assert sum(count for what, count in told if not what) == sum(begun.values())


def test_detectors_and_their_areas() -> None:
    known = {"pii", "misuse", "mine"}
    assert parsed([], known) == {"misuse": "harm", "mine": "traffic", "pii": "pii"}
    assert parsed(["mine=toxicity"], known) == {"mine": "toxicity"}
    with pytest.raises(ConfigError, match="no detector `other`; known: mine, misuse, pii"):
        parsed(["other"], known)
    with pytest.raises(ConfigError, match="no area `weather`"):
        parsed(["mine=weather"], known)

from __future__ import annotations

import pytest

from sentinel.core.record import DecisionRow, FindingRow, Record, decode, encode
from sentinel.telemetry.edits import amended, joined
from tests.telemetry.records import edit, finding, opening

ONE = f"{1:032x}"


def rows(count: int, stage: str = "output") -> list[FindingRow]:
    return [finding(stage=stage, start=place, end=place + 1) for place in range(count)]


def test_an_edit_adds_to_what_was_known() -> None:
    before = opening(ONE, released_chars=3)
    hidden = finding(stage="output", rule="hide", action="redact")
    after = joined(before, edit(ONE, hidden, released_chars=40))
    assert after.findings == (*before.findings, hidden)
    assert (after.finding_count, after.released_chars) == (2, 40)
    assert (after.action, after.rule) == ("redact", "hide")
    for name in Record.__struct_fields__:
        if name not in ("findings", "finding_count", "released_chars", "action", "rule"):
            assert getattr(after, name) == getattr(before, name), name


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("allow", ""), ("redact", "hide"), ("redact", "hide")),
        (("flag", "seen"), ("redact", "hide"), ("redact", "hide")),
        (("redact", "first"), ("redact", "hide"), ("redact", "first")),
        (("block", "first"), ("redact", "hide"), ("block", "first")),
        (("flag", "seen"), ("unheard of", "hide"), ("flag", "seen")),
    ],
)
def test_the_strictest_action_is_kept(
    before: tuple[str, str], after: tuple[str, str], expected: tuple[str, str]
) -> None:
    record = joined(opening(ONE, action=before[0], rule=before[1]), edit(ONE, action=after[0], rule=after[1]))
    assert (record.action, record.rule) == expected


def test_released_characters_never_go_back() -> None:
    assert joined(opening(ONE, released_chars=9), edit(ONE)).released_chars == 9


def test_rows_are_bounded_and_counted_beyond() -> None:
    record = opening(ONE, findings=tuple(rows(1_000, "input")), finding_count=4_000)
    for _ in range(3):
        record = joined(record, edit(ONE, *rows(400), finding_count=500))
    assert record.finding_count == 4_000 + 3 * 500
    assert [row.stage for row in record.findings] == ["input"] * 1_000 + ["output"] * 1_000
    assert record.findings[-1].start == 199


def test_edits_join_first_or_one_by_one() -> None:
    parts = [edit(ONE, *rows(3), released_chars=5), edit(ONE, *rows(2), released_chars=8)]
    assert joined(joined(opening(ONE), parts[0]), parts[1]) == joined(
        opening(ONE), joined(parts[0], parts[1])
    )


def test_the_versions_of_the_edits_detectors_are_told() -> None:
    before = opening(ONE, detectors={"pii": "2.2"})
    assert joined(before, edit(ONE, detectors={"secrets": "3"})).detectors == {"pii": "2.2", "secrets": "3"}


def test_encoded() -> None:
    assert decode(amended(encode(opening(ONE)), encode(edit(ONE)))) == joined(opening(ONE), edit(ONE))


def test_an_interrupted_answer_has_one_decision_with_the_rules_of_all_its_edits() -> None:
    def decided(*rules: str) -> DecisionRow:
        hits = tuple((rule, "redact", True, "finding", "") for rule in rules)
        return DecisionRow("e.output", "output", "redact", rules[0], hits)

    before = opening(ONE)
    edits = [edit(ONE, decisions=(decided(*rules),)) for rules in (("hide",), ("mask", "hide"))]
    after = joined(joined(before, edits[0]), edits[1])
    assert after.decisions[: len(before.decisions)] == before.decisions
    assert after.decisions[len(before.decisions) :] == (decided("hide", "mask"),)
    assert joined(before, joined(edits[0], edits[1])) == after

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.exchange import Stage
from sentinel.core.finding import Finding, Inspection
from sentinel.policy.engine import Policy
from sentinel.policy.operators import edit, scrub
from sentinel.policy.vault import Vault
from tests.policy.support import CTX, REDACTOR, policy_of, texts


def found(type_: str, start: int, end: int, score: float = 1.0) -> Finding:
    return Finding("pii", type_, start, end, score)


def edited(policy: Policy, *pairs: tuple[str, list[Finding]], vault: Vault | None = None) -> list[str]:
    """What texts with findings become on input."""
    parts = texts(*(text for text, _ in pairs))
    inspections = [Inspection(tuple(findings)) for _, findings in pairs]
    selection = policy.select(Stage.INPUT, CTX)
    decision = selection.decide("d", parts, inspections, CTX, {}, 0)
    return edit(decision, selection, parts, vault or Vault(), REDACTOR)


def rule(type_: str, operator: str = "replace", **keys: str) -> str:
    more = "".join(f", {key}: {value}" for key, value in keys.items())
    return (
        f"  - {{id: r-{type_.lower()}, detect: {{detector: pii, type: {type_}}}, stage: input, "
        f"action: redact, operator: {operator}{more}}}\n"
    )


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("replace", "to <T>!"),
        ("{name: replace, with: '[gone]'}", "to [gone]!"),
        ("{name: replace, with: ''}", "to !"),
        ("mask", "to ********!"),
        ("{name: mask, char: '#', keep_first: 1}", "to s#######!"),
        ("{name: mask, keep_last: 3}", "to *****123!"),
        ("{name: mask, keep_first: 2, keep_last: 2}", "to se****23!"),
        ("{name: mask, keep_first: 4, keep_last: 4}", "to ********!"),
        ("{name: mask, keep_last: 99}", "to ********!"),
        ("pseudonymise", "to <T_1>!"),
    ],
)
def test_operators(tmp_path: Path, operator: str, expected: str) -> None:
    assert edited(policy_of(tmp_path, rule("T", operator)), ("to secre123!", [found("T", 3, 11)])) == [
        expected
    ]


def test_hash_is_the_records_hash_in_short(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, rule("T", "hash"))
    first, second = edited(policy, ("4111-1111", [found("T", 0, 9)]), ("41111111", [found("T", 0, 8)]))
    assert first == second == f"<T:{REDACTOR.hash('41111111').split(':')[1][:16]}>"


RULES = (
    rule("LOW", "{name: replace, with: '[low]'}", level="low")
    + rule("HIGH", "{name: replace, with: '[high]'}", level="high")
    + rule("CARD", "{name: mask, keep_last: 4}", level="high")
    + rule("TAIL", "mask", level="low")
)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([found("LOW", 0, 2), found("HIGH", 5, 7)], "[low]234[high]789"),
        ([found("LOW", 0, 3), found("HIGH", 3, 7)], "[low][high]789"),
        ([found("LOW", 0, 5), found("HIGH", 3, 7)], "[high]789"),
        ([found("HIGH", 2, 4), found("LOW", 0, 9)], "[high]9"),
        ([found("LOW", 0, 3), found("HIGH", 2, 5), found("LOW", 4, 8)], "[high]89"),
        ([found("LOW", 1, 4), found("LOW", 1, 4)], "0[low]456789"),
        ([found("CARD", 1, 9)], "0****56789"),
        ([found("CARD", 1, 9), found("TAIL", 7, 10)], "0****56***"),
        ([found("CARD", 1, 9), found("TAIL", 0, 10)], "**********"),
        ([found("CARD", 1, 9), found("LOW", 6, 8)], "0****5**89"),
        ([found("LOW", 0, 0)], "0123456789"),
        ([found("LOW", 0, 10)], "[low]"),
    ],
)
def test_overlaps(tmp_path: Path, findings: list[Finding], expected: str) -> None:
    assert edited(policy_of(tmp_path, RULES), ("0123456789", findings)) == [expected]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("A", 0, 4, 0.6), ("B", 2, 6, 0.9), "<B>"),
        (("A", 0, 4, 0.9), ("B", 2, 7, 0.9), "<B>"),
        (("A", 0, 4, 0.9), ("B", 2, 6, 0.9), "<A>"),
    ],
)
def test_equal_levels_go_by_score_then_length_then_place(
    tmp_path: Path, first: tuple[str, int, int, float], second: tuple[str, int, int, float], expected: str
) -> None:
    policy = policy_of(tmp_path, rule("A") + rule("B"))
    for findings in ([found(*first), found(*second)], [found(*second), found(*first)]):
        assert edited(policy, ("0123456", findings))[0].rstrip("6") == expected


@pytest.mark.parametrize("kind", ["mode: shadow", "action: flag", "action: block"])
def test_only_enforced_redact_rules_edit(tmp_path: Path, kind: str) -> None:
    keys = {"action": "redact", **dict([kind.split(": ")])}
    rules = f"  - {{id: r, detect: {{detector: pii}}, {', '.join(f'{k}: {v}' for k, v in keys.items())}}}"
    assert edited(policy_of(tmp_path, rules), ("0123", [found("T", 0, 2)])) == ["0123"]


def test_a_text_without_edit_stays_the_same_object(tmp_path: Path) -> None:
    text = "".join(["plain ", "text"])
    assert edited(policy_of(tmp_path, rule("T")), (text, []))[0] is text
    assert edited(policy_of(tmp_path, rule("T")), (text, []), ("gone", [found("T", 0, 4)]))[0] is text


def test_pseudonyms_and_look_alikes(tmp_path: Path) -> None:
    vault = Vault()
    policy = policy_of(tmp_path, rule("T", "pseudonymise") + rule("U"))
    before = ["see <T_1> and jo", "<T_1> here too", "jo met uma, <T_2~>"]
    after = edited(
        policy,
        (before[0], [found("T", 14, 16)]),
        (before[1], []),
        (before[2], [found("T", 0, 2), found("U", 7, 10)]),
        vault=vault,
    )
    assert after == ["see <T_1~> and <T_1>", "<T_1~> here too", "<T_1> met <U>, <T_2~~>"]
    assert [vault.restore(text) for text in after[:2]] == before[:2]
    assert vault.restore(after[2]) == "jo met <U>, <T_2~>"


def test_what_an_edit_brings_together_is_no_pseudonym(tmp_path: Path) -> None:
    """`<T_` + a replacement `1` + `>` would read as the pseudonym of another value."""
    vault = Vault()
    rules = rule("T", "pseudonymise") + rule("U", "{name: replace, with: '1'}")
    (after,) = edited(
        policy_of(tmp_path, rules), ("jo <T_xx>", [found("T", 0, 2), found("U", 6, 8)]), vault=vault
    )
    assert vault.restore(after) == "jo <T_1>"


def test_without_pseudonyms_nothing_is_escaped(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, rule("T", "pseudonymise") + rule("U"))
    assert edited(policy, ("<T_1> uma", [found("U", 6, 9)])) == ["<T_1> <U>"]


def test_scrub_covers_every_finding_of_the_decision(tmp_path: Path) -> None:
    rules = """
      - {id: a, detect: {detector: pii, type: A}, action: block}
      - {id: b, detect: {detector: pii, type: B}, action: flag, mode: shadow}
    """
    selection = policy_of(tmp_path, rules).select(Stage.INPUT, CTX)
    parts = texts("0123456789", "plain")
    findings = (found("A", 1, 4), found("B", 3, 6), found("A", 8, 10))
    decision = selection.decide("d", parts, [Inspection(findings), Inspection()], CTX, {}, 0)
    assert scrub(decision, parts) == ["0<A>67<A>", "plain"]


ALPHABET = "abcdefgh"  # of the text; no operator's replacement holds one of these letters
OPERATORS = {
    "A": "{name: replace, with: '[X]'}",
    "B": "mask",
    "C": "{name: mask, char: '#'}",
    "D": "pseudonymise",
}
ranges = st.tuples(
    st.sampled_from(sorted(OPERATORS)),
    st.integers(0, 29),
    st.integers(1, 12),
    st.sampled_from([0.5, 0.7, 1.0]),
).map(lambda r: found(r[0], r[1], min(r[1] + r[2], 30), r[3]))


@pytest.fixture(scope="module")
def every_operator(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    rules = "".join(rule(name, how) for name, how in OPERATORS.items())
    return policy_of(tmp_path_factory.mktemp("rules"), rules)


@given(text=st.text(ALPHABET, min_size=30, max_size=30), findings=st.lists(ranges, max_size=8))
def test_no_found_character_survives_and_no_other_changes(
    every_operator: Policy, text: str, findings: list[Finding]
) -> None:
    vault = Vault()
    (after,) = edited(every_operator, (text, findings), vault=vault)
    covered = {index for finding in findings for index in range(finding.start, finding.end)}
    kept = "".join(letter for index, letter in enumerate(text) if index not in covered)
    assert "".join(letter for letter in after if letter in ALPHABET) == kept


@given(
    text=st.lists(st.sampled_from(["<D_1>", "<D_1~>", "<D_2.2>", "jo", " "]), min_size=30, max_size=30),
    findings=st.lists(ranges.filter(lambda f: f.type == "D"), max_size=8),
)
def test_pseudonyms_come_back_exactly(
    every_operator: Policy, text: list[str], findings: list[Finding]
) -> None:
    vault = Vault()
    before = "".join(text)
    (after,) = edited(every_operator, (before, findings), vault=vault)
    assert vault.restore(after) == before


def test_scrubbing_looks_at_each_finding_once(tmp_path: Path) -> None:
    """With one look at all findings for each text, ten thousand texts held up every other call for
    seconds."""
    looks = 0

    class Counted(tuple[Finding, ...]):
        def __iter__(self) -> Iterator[Finding]:
            nonlocal looks
            looks += 1
            return super().__iter__()

    policy = policy_of(tmp_path, rule("T"))
    parts = texts(*["a T1"] * 50)
    inspections = [Inspection((found("T", 2, 4),))] * 50
    decision = policy.select(Stage.INPUT, CTX).decide("d", parts, inspections, CTX, {}, 0)
    counted = msgspec.structs.replace(decision, findings=Counted(decision.findings))
    assert scrub(counted, parts) == ["a <T>"] * 50
    assert looks == 1

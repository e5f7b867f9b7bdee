"""`quality` on answers of our own."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.background import Background
from sentinel.core.exchange import Role, Stage
from sentinel.core.finding import Inspection
from sentinel.detectors._json_schema import TooMuch, mismatch
from sentinel.detectors._refusals import refusals
from sentinel.detectors.quality import QualityConfig, QualityDetector

SYSTEM = (
    "You are the helper of a garden shop. Never mention the prices of other shops, always answer in two "
    "sentences and close with a tip for the season. The discount code is PEONY-7."
)


@pytest.fixture(scope="module")
def detector() -> QualityDetector:
    return QualityDetector(QualityConfig(), Path())


def told(detector: QualityDetector, text: str, **background: object) -> list[tuple[str, str, float]]:
    around = Background(Stage.OUTPUT, Role.ANSWER, **background)  # type: ignore[arg-type]
    return [(f.type, text[f.start : f.end], f.score) for f in detector.inspect(text, around).findings]


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but I can’t assist with that request.",
        "I cannot provide instructions for this.",
        "I can't do that.",
        "Sorry, I won't write this letter.",
        "As an AI language model, I cannot give medical advice.",
        "I must respectfully decline to take part in this.",
        "I don't feel comfortable writing that.",
        "This request goes against my guidelines.",
        "I'm afraid that's not something I can help with.",
        "Unfortunately, I am not able to share other people's addresses.",
        "No, I won't.",
        "**I'm unable to generate that content.**",
        "I understand that you are angry, but I can't help you to hurt anybody.",
        "I won't be able to help with that.",
        "It would not be appropriate for me to write this.",
        "Writing such a letter is against my policies.",
        "I'd rather not discuss this.",
        "I am just a language model and can't give legal advice.",
        "Let me be direct: I can't help with weapons.",
        "Telling you how would be dangerous, and I won't do it.",
        "Es tut mir leid, aber dabei kann ich nicht helfen.",
        "Je suis désolé, mais je ne peux pas vous aider avec cela.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "抱歉，我无法协助完成此请求。",
    ],
)
def test_refusals(detector: QualityDetector, text: str) -> None:
    ((type_, quoted, score),) = told(detector, text)
    assert type_ == "REFUSAL" and score > 0.8 and quoted == text


@pytest.mark.parametrize(
    "text",
    [
        "I can't help but smile at this picture.",
        "I cannot recommend this soup enough.",
        "You can't make an omelette without breaking eggs.",
        "The bank cannot share your details, so you need not worry.",
        "Sorry about the wait. The table follows.",
        'Here is the letter: "I am sorry, but I can\'t help you move on Sunday."',
        "Can't decide? I would take the blue one.",
        "She said that she won't write.",
        "No. The shop opens at nine.",
        "I would not worry about frost in June.",
        "I couldn't agree more with you.",
        "I refuse to give up on this garden.",
        '"I cannot help you," said the witch, "but my sister can."',
        "I do not support the motion, the senator replied.",
        "We cannot see the far side of the moon.",
        "Leider kann ich am Montag nicht kommen.",
        "Je ne peux pas imaginer un plus beau jardin.",
        "No puedo creer lo bonito que es.",
    ],
)
def test_what_only_sounds_like_a_refusal(detector: QualityDetector, text: str) -> None:
    assert told(detector, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "I can't create images, but I can describe one for you.",
        "As an AI, I cannot browse the internet.",
        "As an AI language model, I don't have personal opinions.",
        "I do not have the ability to send letters.",
    ],
)
def test_half_a_refusal_scores_less(detector: QualityDetector, text: str) -> None:
    ((type_, _, score),) = told(detector, text)
    assert type_ == "REFUSAL" and score < 0.8


def test_a_refusal_stands_at_the_beginning(detector: QualityDetector) -> None:
    late = "The garden is large. It has trees. It has a pond. It has a gate. I can't help with the rest."
    assert told(detector, late) == []


@pytest.mark.parametrize(
    ("text", "schema", "broken"),
    [
        ('{"a": 1}', '{"type": "object"}', None),
        ('```json\n{"a": 1}\n```', '{"type": "object"}', None),
        ("  [1, 2]\n", '{"type": "array", "items": {"type": "integer"}}', None),
        ('{"a": 1', '{"type": "object"}', '{"a": 1'),
        ('```json\n{"a": }\n```', "{}", '{"a": }'),
        ('Sure: {"a": 1}', "{}", 'Sure: {"a": 1}'),
        ('[1, "x"]', '{"type": "array", "items": {"type": "integer"}}', '[1, "x"]'),
        ("", '{"type": "object"}', ""),
        ("anything", "no schema {", None),
        ("anything", "", None),
    ],
)
def test_broken_json(detector: QualityDetector, text: str, schema: str, broken: str | None) -> None:
    expected = [] if broken is None else [("BROKEN_JSON", broken, 1.0)]
    assert told(detector, text, schema=schema) == expected


def test_deep_json_is_told_and_does_not_break(detector: QualityDetector) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    ((type_, _, _),) = told(detector, deep, schema="{}")
    assert type_ == "BROKEN_JSON"


def test_why_says_where_and_quotes_nothing(detector: QualityDetector) -> None:
    schema = {"type": "object", "properties": {"rooms": {"type": "integer"}}, "additionalProperties": False}
    around = Background(Stage.OUTPUT, Role.ANSWER, schema=json.dumps(schema))
    (wrong,) = detector.inspect('{"rooms": "three"}', around).findings
    assert wrong.why == "against the schema: $.rooms: not of the wanted type"
    (unknown,) = detector.inspect('{"secret": 1}', around).findings
    assert "secret" not in unknown.why and "property 1" in unknown.why


LOOP = "The lamp is on the table. "


@pytest.mark.parametrize("text", [LOOP * 10, "Well: " + LOOP * 10, "ha" * 60, "Buy now! " * 30])
def test_loops(detector: QualityDetector, text: str) -> None:
    ((type_, _, score),) = told(detector, text)
    assert type_ == "REPETITION" and score > 0.9


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{n}. Add one more cup of sugar to it.\n" for n in range(1, 30)),
        "".join(f"2024-05-{n},open,closed,open\n" for n in range(10, 30)),
        ",".join(f'{{"name": "x", "value": {n}, "unit": "kg"}}' for n in range(30)),
    ],
)
def test_a_loop_with_a_counter_may_be_a_list(detector: QualityDetector, text: str) -> None:
    assert [(type_, score) for type_, _, score in told(detector, text)] == [("REPETITION", 0.6)]


def test_a_loop_that_holds_a_number(detector: QualityDetector) -> None:
    ((_, _, score),) = told(detector, "The answer to all of it is 42. " * 20)
    assert score > 0.9


def test_a_fence_with_the_line_ends_of_windows(detector: QualityDetector) -> None:
    assert told(detector, '```json\r\n{"a": 1}\r\n```', schema='{"type": "object"}') == []


@pytest.mark.parametrize(
    "text",
    [
        LOOP * 4,
        " ".join(str(n % 7) for n in range(300)),
        "-" * 500,
        "| a | b |\n|---|---|\n" + "".join(f"| {n} | {n * n} |\n" for n in range(60)),
        "".join(f"| {n}°C | {n * 2}°F |\n" for n in range(40)),
        " ".join(f"word{n} and word{n + 1} or else" for n in range(60)),
    ],
)
def test_what_is_no_loop(detector: QualityDetector, text: str) -> None:
    assert told(detector, text) == []


def test_a_leak_of_the_system_prompt(detector: QualityDetector) -> None:
    said = SYSTEM[37:128]
    text = f"My rules: «{said.upper()}» Anything else?"
    ((type_, quoted, score),) = told(detector, text, system=SYSTEM)
    assert type_ == "PROMPT_LEAK" and quoted.lower() in said.lower() and score > 0.5
    ((_, _, whole),) = told(detector, f"Here: {SYSTEM}", system=SYSTEM)
    assert whole == 1.0


def test_what_the_caller_said_is_no_leak(detector: QualityDetector) -> None:
    said = SYSTEM[37:128]
    assert told(detector, f"You wrote: {said}", system=SYSTEM, question=f"Is this right: {said}") == []
    assert told(detector, "Never mention the prices.", system=SYSTEM) == []


@pytest.mark.parametrize(
    "text",
    [
        "That topic is outside what I cover here; please ask your pharmacist.",
        "Not something I'll be doing, sorry.",
        "Writing threats for other people isn't on the menu, no matter who asks.",
        "Nope, not going there.",
    ],
)
def test_a_refusal_without_the_usual_form_is_told_by_its_words(detector: QualityDetector, text: str) -> None:
    assert not list(refusals(text))
    around = Background(Stage.OUTPUT, Role.ANSWER)
    (finding,) = detector.inspect(f" {text}\n", around).findings
    assert (finding.type, finding.start, finding.end) == ("REFUSAL", 1, 1 + len(text))
    assert finding.score >= 0.6 and "words" in finding.why
    assert all(finding.start <= start < end <= finding.end for start, end, _ in finding.evidence)


@pytest.mark.parametrize(
    "text",
    [
        "The train leaves at nine and you cannot change at Ulm.",
        "Your order cannot be changed after it has left the warehouse; it arrives on Friday.",
        "Paris.",
        "",
        "42",
    ],
)
def test_an_answer_is_no_refusal_by_its_words(detector: QualityDetector, text: str) -> None:
    assert told(detector, text) == []


def test_what_was_given_is_not_judged(detector: QualityDetector) -> None:
    assert detector.inspect("I can't help with that.", Background(role=Role.CONTEXT)) == Inspection()


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "", "a", "ab", "b1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
kinds = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])


def _schemas(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    few = st.integers(0, 3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": kinds | st.lists(kinds, min_size=1, max_size=3, unique=True),
            "enum": st.lists(values, min_size=1, max_size=3),
            "const": values,
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "uniqueItems": st.booleans(),
            "minItems": few,
            "maxItems": few,
            "minProperties": few,
            "maxProperties": few,
            "minLength": few,
            "maxLength": few,
            "pattern": st.sampled_from(["^a", "[0-9]"]),
            "minimum": st.integers(-3, 3),
            "exclusiveMaximum": st.integers(-3, 3),
            "multipleOf": st.sampled_from([1, 2, 0.5]),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
        },
    )


@given(values, st.recursive(st.booleans(), _schemas, max_leaves=5))
def test_our_reading_of_schemas_is_that_of_jsonschema(value: object, schema: object) -> None:
    assert (mismatch(value, schema) == "") == jsonschema.Draft202012Validator(schema).is_valid(value)


def test_references_into_the_schema() -> None:
    tree = {"$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}}
    schema = {**tree, "$ref": "#/$defs/node"}
    assert mismatch({"next": {"next": {}}}, schema) == ""
    assert mismatch({"next": {"next": 1}}, schema) == "$.next.next: not of the wanted type"


def test_a_schema_that_never_ends_is_given_up() -> None:
    with pytest.raises(TooMuch):
        mismatch(1, {"$ref": "#"})

"""What a detector is told about the surroundings of a text."""

from __future__ import annotations

from sentinel.core.exchange import Role, Stage, TextPart
from sentinel.guard.backgrounds import backgrounds

ASKED = [
    TextPart(Role.SYSTEM, "be kind", "s"),
    TextPart(Role.PROMPT, "first", "p0"),
    TextPart(Role.CONTEXT, "a document", "c"),
    TextPart(Role.PROMPT, "second", "p1"),
]


def test_a_request_is_seen_with_its_last_question_and_documents() -> None:
    told = backgrounds(Stage.INPUT, ASKED, ASKED)
    assert [each.role for each in told] == [part.role for part in ASKED]
    assert {(each.question, each.context, each.system) for each in told} == {
        ("second", ("a document",), "be kind")
    }
    assert not any(each.siblings for each in told)


def test_an_answer_is_seen_beside_the_other_choices() -> None:
    answers = [TextPart(Role.ANSWER, text, text) for text in ("one", "two", "three")]
    told = backgrounds(Stage.OUTPUT, ASKED, answers)
    assert [each.siblings for each in told] == [("two", "three"), ("one", "three"), ("one", "two")]
    assert told[0].question == "second"


def test_a_lone_prompt_has_no_surroundings_but_itself() -> None:
    (told,) = backgrounds(Stage.INPUT, ASKED[1:2], ASKED[1:2])
    assert (told.question, told.context, told.system) == ("first", (), "")


def test_an_answer_knows_the_schema_that_it_is_to_follow() -> None:
    (told,) = backgrounds(Stage.OUTPUT, ASKED, [TextPart(Role.ANSWER, "{}", "a")], '{"type": "object"}')
    assert told.schema == '{"type": "object"}'


def test_probabilities_belong_to_their_answer() -> None:
    parts = [TextPart(Role.ANSWER, "one", "a", tokens=((0, 3, -0.5),)), TextPart(Role.ANSWER, "two", "b")]
    assert [each.tokens for each in backgrounds(Stage.OUTPUT, [], parts)] == [((0, 3, -0.5),), ()]

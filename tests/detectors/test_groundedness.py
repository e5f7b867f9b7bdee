"""`groundedness` on texts of our own: what it tells of a sentence, and that it stays within its bounds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sentinel.core.background import Background
from sentinel.core.exchange import Role, Stage
from sentinel.core.finding import Finding, Inspection
from sentinel.detectors._grounding_model import FEATURES, GroundingModel
from sentinel.detectors.groundedness import BASE_RATE, GroundednessConfig, GroundednessDetector
from sentinel.detectors.inspection import IN_PART

REPORT = (
    "The harbour of Lindby handled 412 ships in 2021, up from 380 the year before. "
    "Its director, Karin Holm, said that the new quay did not open in May. "
    "Repairs of the old crane cost 2.5 million crowns."
)


@pytest.fixture(scope="module")
def detector() -> GroundednessDetector:
    return GroundednessDetector(GroundednessConfig(), Path())


def around(*context: str, question: str = "", siblings: tuple[str, ...] = ()) -> Background:
    return Background(Stage.OUTPUT, Role.ANSWER, question, context, "", siblings)


def of(inspection: Inspection, type_: str) -> list[Finding]:
    return [finding for finding in inspection.findings if finding.type == type_]


@pytest.mark.parametrize(
    ("held", "wrong"),
    [
        ("The harbour handled 412 ships in 2021.", "The harbour handled 512 ships in 2021."),
        ("Karin Holm is the director.", "Karin Berg is the director."),
        ("The new quay did not open in May.", "The new quay opened in June with a feast."),
        ("Repairs of the crane cost 2.5 million crowns.", "Repairs of the crane cost 4 million crowns."),
        ("Ships were up in 2021.", "Ships were down in 2021, the director complained bitterly."),
    ],
)
def test_what_is_wrong_scores_higher(detector: GroundednessDetector, held: str, wrong: str) -> None:
    lower, higher = (detector.inspect(text, around(REPORT)).scores["groundedness"] for text in (held, wrong))
    assert lower < higher


def test_a_copy_of_the_source_is_held(detector: GroundednessDetector) -> None:
    found = detector.inspect(REPORT, around(REPORT))
    assert found.scores["groundedness"] < 0.5 and not of(found, "CONTRADICTED")


@pytest.mark.parametrize(
    "text",
    [
        "Unfortunately I could not find the fare for lorries.",
        "The documents do not say who owns the crane.",
        "The name of the architect is not mentioned in the report.",
    ],
)
def test_what_the_documents_lack_is_not_held_against_them(detector: GroundednessDetector, text: str) -> None:
    assert detector.inspect(text, around(REPORT)).findings == ()


def test_a_claim_beside_a_lack_is_judged(detector: GroundednessDetector) -> None:
    text = "The report does not mention the owner, but it is Oskar Lund."
    assert of(detector.inspect(text, around(REPORT)), "UNSUPPORTED")


def test_findings_lie_on_the_sentence_and_evidence_on_its_words(detector: GroundednessDetector) -> None:
    text = "The harbour handled 412 ships in 2021.  The harbour handled 380 parcels for Oskar Lund in 1999."
    findings = of(detector.inspect(text, around(REPORT)), "UNSUPPORTED")
    worst = max(findings, key=lambda finding: finding.score)
    assert text[worst.start : worst.end] == "The harbour handled 380 parcels for Oskar Lund in 1999."
    words = {text[start:end] for start, end, _ in worst.evidence}
    assert {"parcels", "1999"} & words and len(worst.evidence) <= 5
    weights = [weight for _, _, weight in worst.evidence]
    assert weights == sorted(weights, reverse=True)


def test_a_number_against_the_closest_sentence_contradicts(detector: GroundednessDetector) -> None:
    text = "Repairs of the old crane cost 7 million crowns."
    (finding,) = of(detector.inspect(text, around(REPORT)), "CONTRADICTED")
    assert [text[start:end] for start, end, _ in finding.evidence] == ["7"]


HOURS = "The museum in Lindby shows 40 boats. It is not open on Sundays. The tank holds 90 gallons."


@pytest.mark.parametrize(
    ("text", "context", "word"),
    [
        ("The museum is open on Sundays.", HOURS, "open"),
        ("The museum is open on Sundays.", "The museum isn't open on Sundays, nor is the shop.", "open"),
        ("The boat sails with a crew.", "The boat sails without a crew.", "crew"),
        ("The tank holds 90 litres.", HOURS, "90"),
        ("Heat it to 200 °C.", "Heat it to 200 degrees Fahrenheit, then wait.", "200"),
        ("The ticket costs €12.", "A ticket costs 12 dollars.", "12"),
        ("It takes five weeks.", "It takes five days to get there.", "five"),
    ],
)
def test_a_lost_negation_and_another_unit_are_found_by_form(
    detector: GroundednessDetector, text: str, context: str, word: str
) -> None:
    found = detector.inspect(text, around(context))
    (finding,) = of(found, "CONTRADICTED")
    assert found.scores["groundedness"] >= 0.75 and finding.score >= 0.75
    assert [text[start:end].lstrip("€") for start, end, _ in finding.evidence] == [word]


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("The museum is not open on Sundays.", HOURS),
        ("The museum is closed on Sundays.", HOURS),
        ("Is the museum open on Sundays?", HOURS),
        ("The museum is open on Mondays.", HOURS + " It is open on Mondays."),
        ("The museum opens on Sundays in May.", HOURS + " The museum is open on Sundays in May."),
        ("The quay opened in May.", "The quay did not open until May."),
        ("The quay is long and wide.", "The quay is not only long but wide."),
        ("The quay pays if it is long.", "The quay does not pay if it is not long."),
        ("The tank holds 90 gal.", HOURS),
        ("The tank holds 340 litres.", HOURS),
        ("It shows 40 boats for 90 days.", HOURS),
        ("It was found in the 20th century.", "It lay there for 20 years."),
        ("The tank holds 90 gallons, or 340 litres.", "The tank holds 340 litres (90 gallons)."),
    ],
)
def test_what_by_form_is_no_contradiction(detector: GroundednessDetector, text: str, context: str) -> None:
    found = of(detector.inspect(text, around(context)), "CONTRADICTED")
    assert not any("deny" in finding.why or "unit" in finding.why for finding in found)


def test_findings_name_the_sentence_to_lay_beside_them(detector: GroundednessDetector) -> None:
    found = detector.inspect("The museum is open on Sundays.", around("Boats are old.", HOURS))
    (finding,) = of(found, "CONTRADICTED")
    start = HOURS.index(" It is not open")
    assert f"document 2, characters {start} to {start + len(' It is not open on Sundays.')}" in finding.why
    assert not {"museum", "open", "Sundays"} & set(finding.why.split())
    (finding,) = detector.inspect("Zebras graze.", around(HOURS)).findings
    assert "no sentence of the documents shares a word" in finding.why


def test_without_context_and_signs_it_tells_the_base_rate_and_that_it_is_unsure(
    detector: GroundednessDetector,
) -> None:
    found = detector.inspect("Bread rises because of yeast.", around())
    assert found.scores == {"groundedness": BASE_RATE} and found.unsure == ("groundedness",)
    assert not found.findings


@pytest.mark.parametrize(
    "text",
    [
        "The bridge at Lindby is 40 metres long. It is painted red. The bridge at Lindby is 60 metres long.",
        "The bridge at Lindby is open all year. The bridge at Lindby is closed all year.",
        "The old bridge carries heavy trucks. The old bridge does not carry heavy trucks.",
        "The bridge is long. Lindby Yard was founded in 1932. Lindby Yard was founded in May 1955.",
        "Lindby Yard was founded in 1932 by two sisters. It makes boats. It was founded in 1955.",
        "Karin Holm was born in 1950. She was born in Oslo in 1960.",
        "The museum is open. The museum is not open.",
        "The museum isn't open on Sundays. It is open on Sundays.",
    ],
)
def test_an_answer_that_contradicts_itself(detector: GroundednessDetector, text: str) -> None:
    found = detector.inspect(text, around())
    (finding,) = of(found, "CONTRADICTED")
    assert text[: finding.end] == text and finding.start > 0
    assert found.scores["groundedness"] == finding.score > BASE_RATE


@pytest.mark.parametrize(
    "text",
    [
        "Step 1 mixes the flour with water. Step 2 mixes the flour with salt.",
        "The first bus leaves at 7. The second bus leaves at 9.",
        "Is the bridge open all year? The bridge is open all year.",
        "- 3 eggs\n- 4 eggs",
        "- The run takes 75 minutes at an easy pace.\n- The run takes 90 minutes at an easy pace.",
        "1. The first word of a list is large.\n2. The first word of a list is small.",
        "If the new word stands in the list, add one. If the new word stands in the list, add two.",
        "Lindby Yard was founded in 1932. Holm Yard was founded in 1955.",
        "Lindby Yard was founded in 1932. The town was poor. Then Holm came. It was founded in 1955.",
        "Lindby Yard was founded in 1932. Holm Yard is older. It was founded in 1911.",
        "The quay was built in 1932. It was built in Lindby. Some say it was built in 1911.",
        "Lindby was founded in 1932. The museum was founded in 1955.",
        "It is open. Karin is not. It is not open.",
        "The museum is open. The museum is not only open.",
        "You can go. You can not go.",
        'print("The connected node is open.")\nprint("The connected node is closed.")',
    ],
)
def test_what_only_looks_alike_is_no_contradiction(detector: GroundednessDetector, text: str) -> None:
    assert not detector.inspect(text, around()).findings


def test_names_that_no_sibling_holds(detector: GroundednessDetector) -> None:
    text = "The tower was built by Emil Strand in 1911."
    others = ("It was built by Nils Borg in 1934.", "Nils Borg built the tower in 1934.")
    (finding,) = of(detector.inspect(text, around(siblings=others)), "UNSUPPORTED")
    assert finding.score == pytest.approx(0.5)
    assert not detector.inspect(others[0], around(siblings=(others[1], others[0]))).findings


def spelled(*tokens: tuple[str, float]) -> tuple[str, Background]:
    """An answer of these tokens, and what its model server told of them."""
    text, placed = "", []
    for token, probability in tokens:
        placed.append((len(text), len(text) + len(token), math.log(probability)))
        text += token
    return text, Background(Stage.OUTPUT, Role.ANSWER, tokens=tuple(placed))


def test_a_number_that_the_model_found_improbable(detector: GroundednessDetector) -> None:
    said = [("It was built", 0.9), (" in", 0.1), (" 19", 0.5), ("11", 0.4), (".", 0.9), (" It is red.", 0.2)]
    text, background = spelled(*said)
    (finding,) = of(detector.inspect(text, background), "UNSUPPORTED")
    assert (finding.start, finding.end) == (0, len("It was built in 1911."))
    assert finding.score == pytest.approx(0.6 * (1 - 0.2))
    assert [text[start:end] for start, end, _ in finding.evidence] == ["1911"]


def test_a_name_in_two_tokens_is_as_probable_as_both(detector: GroundednessDetector) -> None:
    text, background = spelled(("It is by", 0.1), (" Str", 0.9), ("and", 0.05), (" of Oslo", 0.9))
    (finding,) = of(detector.inspect(text, background), "UNSUPPORTED")
    assert [text[start:end] for start, end, _ in finding.evidence] == ["Strand"]
    assert "0.0" in finding.why and "Strand" not in finding.why


def test_other_words_may_be_improbable(detector: GroundednessDetector) -> None:
    text, background = spelled(("It", 0.1), (" was", 0.1), (" erected", 0.01), (" in", 0.1), (" 1911.", 0.8))
    assert not detector.inspect(text, background).findings


def test_what_was_given_is_not_judged(detector: GroundednessDetector) -> None:
    assert detector.inspect("Karin Berg?", Background(role=Role.CONTEXT, context=(REPORT,))) == Inspection()


def test_a_script_that_the_model_does_not_read_gets_the_base_rate(detector: GroundednessDetector) -> None:
    found = detector.inspect("橋は赤いです。", around(REPORT))
    assert found.scores == {"groundedness": BASE_RATE} and found.unsure == ("groundedness",)


def test_what_is_not_looked_at_is_told() -> None:
    detector = GroundednessDetector(GroundednessConfig(max_context_chars=1000), Path())
    long = "Nothing of interest happened. " * 50 + REPORT
    (finding,) = of(detector.inspect("Karin Holm is the director.", around(long)), "UNSUPPORTED")
    assert "first 1000 characters" in finding.why
    whole = GroundednessDetector(GroundednessConfig(), Path())
    (finding,) = of(whole.inspect("Karin Holm is the director.", around(long)), "UNSUPPORTED")
    assert "first" not in finding.why


def test_an_answer_of_which_a_part_was_read_says_so() -> None:
    detector = GroundednessDetector(GroundednessConfig(max_answer_chars=1000), Path())
    told = detector.inspect(REPORT * 20, around(REPORT))
    assert (told.unsure, told.failed) == (("groundedness",), {"groundedness": IN_PART})
    assert detector.inspect(REPORT, around(REPORT)).failed == {}


@pytest.mark.parametrize("context", ["", " ", "?!", "\ud800", "0" * 5000, "a." * 5000])
@pytest.mark.parametrize(
    "text", ["x", "9" * 400, "A. B. C.", "not", "\u200b1\u200b", "5 million", "1,000,00 %"]
)
def test_odd_texts(detector: GroundednessDetector, text: str, context: str) -> None:
    found = detector.inspect(text, around(context))
    assert 0 <= found.scores["groundedness"] <= 1
    assert all(0 <= f.start < f.end <= len(text) for f in found.findings)


def test_every_feature_has_a_weight() -> None:
    assert len(set(FEATURES)) == len(FEATURES)
    assert GroundingModel.shipped().version

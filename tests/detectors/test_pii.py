"""Personal data by pattern: a table of entity types, the settings, and parity with Presidio on made-up
texts."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from sentinel.core.errors import ConfigError
from sentinel.core.needs import everything as all_of
from sentinel.detectors._patterns import Work
from sentinel.detectors._recognizers import Catalogue
from sentinel.detectors.detector_set import DetectorSet
from sentinel.detectors.pii import OWN
from tests.detectors.conftest import Load
from tests.detectors.generate import Generator

# Entity type, text, what is found, score.
FOUND = [
    ("CREDIT_CARD", "pay with 4111 1111 1111 1111 now", "4111 1111 1111 1111", 1.0),
    ("CREDIT_CARD", "visa 4012-8888-8888-1881", "4012-8888-8888-1881", 1.0),
    ("US_SSN", "ssn 536-90-4399", "536-90-4399", 0.85),
    ("US_SSN", "it is 536-90-4399", "536-90-4399", 0.5),
    ("US_ITIN", "itin 912-70-1234", "912-70-1234", 0.85),
    ("US_PASSPORT", "passport A12345678", "A12345678", 0.45),
    ("US_BANK_NUMBER", "bank account 945456787654", "945456787654", 0.4),
    ("US_DRIVER_LICENSE", "driver license H12234567", "H12234567", 0.65),
    ("UK_NHS", "nhs 401-023-2137", "401-023-2137", 1.0),
    ("IBAN_CODE", "to DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00", 1.0),
    ("IBAN_CODE", "deposit in DE89370400440532013000 2 days from today", "DE89370400440532013000", 1.0),
    ("CRYPTO", "wallet 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", 1.0),
    ("EMAIL_ADDRESS", "write to jane.doe+x@example.co.uk.", "jane.doe+x@example.co.uk", 1.0),
    ("PHONE_NUMBER", "phone (212) 555-0123", "(212) 555-0123", 0.75),
    ("PHONE_NUMBER", "+44 121 234 5678", "+44 121 234 5678", 0.4),
    ("IP_ADDRESS", "from 192.0.2.17 to", "192.0.2.17", 0.6),
    ("IP_ADDRESS", "ipv6 2001:db8::1", "2001:db8::1", 0.95),
    ("MAC_ADDRESS", "at 00:00:5E:00:53:01", "00:00:5E:00:53:01", 0.6),
    ("UUID", "guid 123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000", 0.85),
    ("URL", "see https://www.example.org/a?b=c.", "https://www.example.org/a?b=c.", 0.6),
    ("DATE_TIME", "on 2024-02-29 or", "2024-02-29", 0.6),
    ("DATE_TIME", "birthday 1/2/1980", "1/2/1980", 0.95),
    ("MEDICAL_LICENSE", "certificate BB1388568", "BB1388568", 1.0),
]

# Switched on by name: entity type, text, what is found.
ENABLED = [
    ("UK_NINO", "AB 12 34 56 C", "AB 12 34 56 C"),
    ("UK_POSTCODE", "SW1A 1AA", "SW1A 1AA"),
    ("AU_ABN", "51 824 753 556", "51 824 753 556"),
    ("AU_TFN", "876 543 210", "876 543 210"),
    ("IN_PAN", "ABCPD1234Z", "ABCPD1234Z"),
    ("ES_NIF", "12345678Z", "12345678Z"),
    ("IT_FISCAL_CODE", "AAAAAA00B11C333N", "AAAAAA00B11C333N"),
    ("PL_PESEL", "11111111116", "11111111116"),
    ("FI_PERSONAL_IDENTITY_CODE", "010594Y9032", "010594Y9032"),
    ("SG_NRIC_FIN", "S2740116C", "S2740116C"),
    ("US_NPI", "1234567893", "1234567893"),
    ("ABA_ROUTING_NUMBER", "121000358", "121000358"),
    ("DE_VAT_ID", "DE123456789", "DE123456789"),
    ("KR_RRN", "960121-1234567", "960121-1234567"),
    ("ZA_MOBILE_NUMBER", "call 082 123 4567", "082 123 4567"),
]

NOT_FOUND = [
    ("CREDIT_CARD", "4111 1111 1111 1112"),
    ("US_SSN", "000-12-3456 and 078-05-1120"),
    ("IP_ADDRESS", "256.1.1.1"),
    ("EMAIL_ADDRESS", "jane@localhost or @jane"),
    ("UUID", "00000000-0000-0000-0000-000000000000"),
    ("IBAN_CODE", "DE89370400440532013001"),
    ("CRYPTO", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
    ("PHONE_NUMBER", "order 123-456"),
    ("MAC_ADDRESS", "FF:FF:FF:FF:FF:FF"),
]


def found(detectors: DetectorSet, text: str, kind: str) -> list[tuple[str, float]]:
    answer = detectors.inspect(text, detectors.view(all_of(["pii"])))
    assert not answer.failed
    return [(text[f.start : f.end], round(f.score, 6)) for f in answer.findings if f.type == kind]


@pytest.mark.parametrize(("kind", "text", "value", "score"), FOUND)
def test_found(kind: str, text: str, value: str, score: float, detectors: DetectorSet) -> None:
    assert (value, score) in found(detectors, text, kind)


@pytest.mark.parametrize(("kind", "text"), NOT_FOUND)
def test_not_found(kind: str, text: str, detectors: DetectorSet) -> None:
    assert found(detectors, text, kind) == []


PATTERNS = {  # as Presidio has them
    "normalise": False,
    "disguises": "off",
    "names": {"shipped": False},
    "disable": [recognizer.name for recognizer in OWN],
}


@pytest.fixture(scope="module")
def everything(load: Load, catalogue: Catalogue) -> DetectorSet:
    return load(
        pii={
            "enable": [r.name for r in catalogue.recognizers],
            "disguises": "off",
            "names": {"shipped": False},
        }
    )


@pytest.mark.parametrize(("kind", "text", "value"), ENABLED)
def test_recognizers_that_are_off_by_default(
    kind: str, text: str, value: str, everything: DetectorSet, detectors: DetectorSet
) -> None:
    assert value in [where for where, _ in found(everything, text, kind)]
    assert found(detectors, text, kind) == []


def test_enable_and_disable_by_name_or_type(load: Load) -> None:
    text = "jane@example.com AB 12 34 56 C"
    assert found(load(pii={"enable": ["UkNinoRecognizer"]}), text, "UK_NINO")
    assert found(load(pii={"enable": ["UK_NINO"]}), text, "UK_NINO")
    assert not found(load(pii={"disable": ["EMAIL_ADDRESS"]}), text, "EMAIL_ADDRESS")
    assert not found(load(pii={"disable": ["EmailRecognizer"]}), text, "EMAIL_ADDRESS")


@pytest.mark.parametrize(
    ("settings", "key", "told"),
    [
        ({"enable": ["UkNinoRecogniser"]}, "detectors.pii.enable", "UkNinoRecognizer"),
        ({"disable": ["EMAIL"]}, "detectors.pii.disable", "EmailRecognizer"),
        ({"phone_regions": ["UK"]}, "detectors.pii.phone_regions", "`UK`"),
        (
            {"allow_list": ["a", "("], "allow_list_match": "regex"},
            "detectors.pii.allow_list[1]",
            "expression",
        ),
    ],
)
def test_mistakes(settings: dict[str, object], key: str, told: str, load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load(pii=settings)
    assert caught.value.key == key and told in str(caught.value)


def test_allow_list(load: Load) -> None:
    text = "jane@example.com joe@example.com"
    exact = load(pii={"allow_list": ["jane@example.com"]})
    assert found(exact, text, "EMAIL_ADDRESS") == [("joe@example.com", 1.0)]
    by_expression = load(pii={"allow_list": [r"@example\.com$"], "allow_list_match": "regex"})
    assert found(by_expression, text, "EMAIL_ADDRESS") == []


def test_least_scores(load: Load) -> None:
    text = "536-90-4399 at 10.0.0.1"
    strict = load(pii={"min_score": 0.6, "min_scores": {"US_SSN": 0.4}})
    assert {f.type for f in strict.inspect(text).findings} == {"US_SSN", "IP_ADDRESS"}
    assert not found(load(pii={"min_score": 0.6}), text, "US_SSN")


def test_phone_regions_and_bound(load: Load) -> None:
    assert found(load(pii={"phone_regions": ["ES"]}), "llama al 612 34 56 78", "PHONE_NUMBER") == [
        ("612 34 56 78", 0.4)
    ]
    work = Work()
    bounded = load(pii={"phone_candidates": 3})
    answer = bounded.inspect("\n".join(f"212-555-012{i}" for i in range(4)), work=work)
    phones = [f for f in answer.findings if f.type == "PHONE_NUMBER"]
    assert work.phones == 3 and len(phones) == 4
    assert phones[-1].score == 0.2 and "bound" in phones[-1].why


def test_why_names_what_decided(detectors: DetectorSet) -> None:
    text = "my card 4111 1111 1111 1111, my ssn 536-90-4399"
    whys = {f.type: f.why for f in detectors.inspect(text).findings}
    assert whys["CREDIT_CARD"] == "CreditCardRecognizer, pattern `All Credit Cards (weak)`, valid"
    assert whys["US_SSN"] == "UsSsnRecognizer, pattern `SSN5 (medium)`, context word `ssn`"
    assert all("4111" not in f.why for f in detectors.inspect(text).findings)


TEMPLATES = [
    "My {word} is {value}.", "{value}", "Please send it to {value}, not to {value}!",
    "{word}: {value}\n{word}: {value}", '"{value}" ({value})', "{value}{value}",
    "The {word} number of the\t{value} was\n\n{value} at 10:30.", "call me:the {value}; http://{value}/x",
    "<{value}> — “{value}”… {word}{value}", "{word} of the and to {value}",
]  # fmt: skip


def made_up_texts(catalogue: Catalogue, names: set[str], count: int) -> list[str]:
    """Values of every pattern in sentences with and without context words."""
    chooser, generator = random.Random(11), Generator(11)
    recognizers = [r for r in catalogue.recognizers if r.name in names]
    texts = []
    for _ in range(count):
        recognizer = chooser.choice(recognizers)
        text = chooser.choice(TEMPLATES)
        while "{value}" in text or "{word}" in text:
            word = chooser.choice([*recognizer.context, "thing", "Number", "EMAIL"])
            example = next((row[2] for row in FOUND if row[0] == recognizer.entity), "212 555 0123")
            pattern = chooser.choice(recognizer.patterns).regex if recognizer.patterns else ""
            value = generator.value(pattern) if pattern and chooser.random() < 0.7 else example
            text = text.replace("{value}", value.replace("{", ""), 1).replace("{word}", word, 1)
        texts.append(text)
    return texts


def compare(detectors: DetectorSet, reference: object, texts: list[str]) -> Counter[str]:
    seen: Counter[str] = Counter()
    for text in texts:
        answer = detectors.inspect(text, detectors.view(all_of(["pii"])))
        assert not answer.failed
        ours = sorted((f.type, f.start, f.end, round(f.score, 6)) for f in answer.findings)
        assert ours == reference.analyze(text), text  # type: ignore[attr-defined]
        seen.update(row[0] for row in ours)
    return seen


def test_parity_with_presidio(load: Load, catalogue: Catalogue) -> None:
    from bench.presidio import Reference

    names = {r.name for r in catalogue.recognizers if r.enabled}
    seen = compare(load(pii=PATTERNS), Reference(), made_up_texts(catalogue, names, 500))
    assert set(seen) == {r.entity for r in catalogue.recognizers if r.enabled}


def test_parity_with_every_recognizer_of_presidio(
    load: Load, catalogue: Catalogue, presidio: dict[str, object]
) -> None:
    from presidio_analyzer import predefined_recognizers

    from bench.presidio import Reference

    off = [r.name for r in catalogue.recognizers if not r.enabled]
    reference = Reference(extra=[getattr(predefined_recognizers, name) for name in off])
    detectors = load(pii={**PATTERNS, "enable": off})
    seen = compare(
        detectors, reference, made_up_texts(catalogue, {r.name for r in catalogue.recognizers}, 500)
    )
    assert len(seen) > 60

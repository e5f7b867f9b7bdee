"""Numbers behind a label that fail their check, told with a low score."""

from __future__ import annotations

import pytest

from sentinel.core.needs import Need
from sentinel.detectors.detector_set import DetectorSet
from tests.detectors.conftest import Load
from tests.detectors.test_pii import found

DOUBTFUL = [
    ("PHONE_NUMBER", "Mobile: +1 (100) 000-5602", "+1 (100) 000-5602"),
    ("PHONE_NUMBER", "call me at 000 111 2222 today", "000 111 2222"),
    ("PHONE_NUMBER", "Phone number is 555-0142.", "555-0142"),
    ("PHONE_NUMBER", "Tel.: 0000/123456", "0000/123456"),
    ("PHONE_NUMBER", "000-111-2222 (office)", "000-111-2222"),
    ("PHONE_NUMBER", "| +1 (100) 000-5602 |", "+1 (100) 000-5602"),
    ("CREDIT_CARD", "my card number is 4111 1111 1111 1112.", "4111 1111 1111 1112"),
    ("CREDIT_CARD", "credit card: 4111111111111112", "4111111111111112"),
    ("CREDIT_CARD", "Kreditkarte 4111-1111-1111-1112", "4111-1111-1111-1112"),
    ("IBAN_CODE", "IBAN: DE89 3704 0044 0532 0130 01", "DE89 3704 0044 0532 0130 01"),
    ("IBAN_CODE", "account number GB00WEST12345698765432", "GB00WEST12345698765432"),
]
RIGHT = [
    ("PHONE_NUMBER", "phone (212) 555-0123", 0.75),
    ("CREDIT_CARD", "card number 4111 1111 1111 1111", 1.0),
    ("IBAN_CODE", "IBAN: DE89 3704 0044 0532 0130 00", 1.0),
]
NOTHING = [
    ("PHONE_NUMBER", "the number 000 111 2222"),
    ("PHONE_NUMBER", "call me on 2024-03-12"),
    ("PHONE_NUMBER", "call me on 12/03/2024"),
    ("PHONE_NUMBER", "phone: 1111111111"),
    ("PHONE_NUMBER", "fax 12.50"),
    ("CREDIT_CARD", "order 4111 1111 1111 1112"),
    ("CREDIT_CARD", "a postcard 4111"),
    ("IBAN_CODE", "part DE89370400440532013001"),
]


@pytest.mark.parametrize(("kind", "text", "value"), DOUBTFUL)
def test_told_with_a_low_score(kind: str, text: str, value: str, detectors: DetectorSet) -> None:
    assert found(detectors, text, kind) == [(value, 0.3)]
    (finding,) = (each for each in detectors.inspect(text).findings if each.type == kind)
    assert "wrong" in finding.why or "no valid number" in finding.why


@pytest.mark.parametrize(("kind", "text", "score"), RIGHT)
def test_a_right_number_is_told_once(kind: str, text: str, score: float, detectors: DetectorSet) -> None:
    assert [each for _, each in found(detectors, text, kind)] == [score]


@pytest.mark.parametrize(("kind", "text"), NOTHING)
def test_neither_without_a_label_nor_a_date(kind: str, text: str, detectors: DetectorSet) -> None:
    assert found(detectors, text, kind) == []


def test_left_out_where_no_rule_asks_for_such_a_score(detectors: DetectorSet) -> None:
    text = "my card number is 4111 1111 1111 1112, mobile: +1 (100) 000-5602"
    usual = detectors.view(frozenset([Need("pii", ("CREDIT_CARD", "PHONE_NUMBER"), 0.5)]))
    low = detectors.view(frozenset([Need("pii", ("CREDIT_CARD", "PHONE_NUMBER"), 0.3)]))
    assert len(usual.expressions) < len(low.expressions)
    assert not [f for f in detectors.inspect(text, usual).findings if f.start < 37]
    assert {f.type for f in detectors.inspect(text, low).findings} == {"CREDIT_CARD", "PHONE_NUMBER"}


def test_switched_off_by_name(load: Load) -> None:
    off = load(pii={"disable": ["LabelledCardRecognizer"]})
    assert not found(off, "my card number is 4111 1111 1111 1112", "CREDIT_CARD")
    assert found(off, "my card number is 4111 1111 1111 1111", "CREDIT_CARD")

"""Postal addresses and codes: forms of several countries, and what only looks like one."""

from __future__ import annotations

import pytest

from sentinel.detectors.detector_set import DetectorSet
from tests.detectors.test_pii import found

FOUND = [
    ("42 Harbour Lane, Apt. 7, Springfield, IL 62701", "42 Harbour Lane, Apt. 7, Springfield, IL 62701", 0.9),
    ("42 N. Harbour Ave\nSpringfield, IL 62701-0042", "42 N. Harbour Ave\nSpringfield, IL 62701-0042", 0.9),
    ("9 Old Mill Road, London SW1A 1AA", "9 Old Mill Road, London SW1A 1AA", 0.9),
    ("120 West 3rd Street Suite 400 is", "120 West 3rd Street Suite 400", 0.9),
    ("it is 42 Harbour Street now", "42 Harbour Street", 0.6),
    ("it is 42 HARBOUR ROAD now", "42 HARBOUR ROAD", 0.6),
    ("it is 42 Harbour Drive now", "42 Harbour Drive", 0.4),
    ("In 2024 Wall Street fell", "2024 Wall Street", 0.4),
    ("She lives at 42 harbour drive now", "42 harbour drive", 0.9),
    ("Address: 42 Harbour Tower", "42 Harbour Tower", 0.6),
    ("Lindenstraße 17, 10969 Berlin", "Lindenstraße 17, 10969 Berlin", 0.9),
    ("Lindenstr. 17a", "Lindenstr. 17a", 0.6),
    ("Rosenweg 5, D-10969 Berlin", "Rosenweg 5, D-10969 Berlin", 0.9),
    ("12 bis rue de la Paix, 75002 Paris", "12 bis rue de la Paix, 75002 Paris", 0.9),
    ("Calle de Alcalá, 42", "Calle de Alcalá, 42", 0.6),
    ("Via Garibaldi 12, 00153 Roma", "Via Garibaldi 12, 00153 Roma", 0.9),
    ("Rua Augusta, n.º 42", "Rua Augusta, n.º 42", 0.6),
    ("Keizersgracht 174, 1016 DW Amsterdam", "Keizersgracht 174, 1016 DW Amsterdam", 0.9),
    ("ul. Polna 12/3", "ul. Polna 12/3", 0.6),
    ("write to P.O. Box 4242, Springfield, IL 62701", "P.O. Box 4242, Springfield, IL 62701", 0.8),
    ("PSC 1234, Box 5678", "PSC 1234, Box 5678", 0.8),
]  # fmt: skip
NOT_FOUND = [
    "Walk down Main Street for 20 minutes",
    "version 1.2 Main Street",
    "5 easy ways to drive",
    "There are 42 Roads",
    "$42 Harbour Street",
    "3 people lived there, 12 drove",
    "Spring 2024, 12345 records",
    "the ip address: 10 Main points",
    "email address: 12 Things",
    "via Rome 12 times",
]
CODES = [
    ("My ZIP code is 62701.", "62701"),
    ("postcode: SW1A 1AA", "SW1A 1AA"),
    ("PLZ 10969", "10969"),
    ("Springfield, IL 62701-0042", "62701-0042"),
    ("Toronto, ON M5V 2T6", "M5V 2T6"),
    ('"zipcode": "62701"', "62701"),
]
NO_CODES = ["order 62701 is out", "zip file 62701x", "In 10969 cases", "It is OK 62701 times"]


@pytest.mark.parametrize(("text", "value", "score"), FOUND)
def test_found(text: str, value: str, score: float, detectors: DetectorSet) -> None:
    every = found(detectors, text, "STREET_ADDRESS")
    assert (value, score) in every
    assert max(score for _, score in every) == score


@pytest.mark.parametrize("text", NOT_FOUND)
def test_not_found(text: str, detectors: DetectorSet) -> None:
    assert found(detectors, text, "STREET_ADDRESS") == []


@pytest.mark.parametrize(("text", "value"), CODES)
def test_postal_codes(text: str, value: str, detectors: DetectorSet) -> None:
    assert found(detectors, text, "POSTAL_CODE") == [(value, 0.8)]


@pytest.mark.parametrize("text", NO_CODES)
def test_numbers_that_are_no_postal_codes(text: str, detectors: DetectorSet) -> None:
    assert found(detectors, text, "POSTAL_CODE") == []

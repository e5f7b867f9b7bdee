"""Dates of birth: forms and labels, and dates that are none."""

from __future__ import annotations

from datetime import date

import pytest

from sentinel.detectors import _birth_dates
from sentinel.detectors.detector_set import DetectorSet
from tests.detectors.test_pii import found

FOUND = [
    ("DOB: 12/03/1984, male", "12/03/1984"),
    ("D.O.B. 3.12.84", "3.12.84"),
    ("date of birth is 3 March 1984.", "3 March 1984"),
    ("Date of birth (dd/mm/yyyy): 31/12/1984", "31/12/1984"),
    ("**Birth date:** March 3rd, 1984", "March 3rd, 1984"),
    ("| DOB | 1984-03-12 |", "1984-03-12"),
    ('{"dateOfBirth": "1984-03-12"}', "1984-03-12"),
    ("patient_dob=19840312&x=1", "19840312"),
    ("My birthday is on Monday, 12 Mar 1984", "12 Mar 1984"),
    ("I was born on the 3rd of March 1984 there", "3rd of March 1984"),
    ("He was born in New Haven, on March 3, 1984.", "March 3, 1984"),
    ("Jane Doe (born 12-Mar-1984)", "12-Mar-1984"),
    ("Jane Doe (b. 3 March 1984)", "3 March 1984"),
    ("1984-03-12 (DOB)", "1984-03-12"),
    ("3 March 1984 is my date of birth", "3 March 1984"),
    ("3/12/1984 was Jane's birthday", "3/12/1984"),
    ("March 3, 1984 is when I was born", "March 3, 1984"),
    ("geboren am 3. März 1984 in Ulm", "3. März 1984"),
    ("Geburtsdatum: 03.12.1984", "03.12.1984"),
    ("née le 12 mars 1984 à Lyon", "12 mars 1984"),
    ("Date de naissance : 12/03/1984", "12/03/1984"),
    ("nacido el 3 de marzo de 1984", "3 de marzo de 1984"),
    ("fecha de nacimiento: 12-03-1984", "12-03-1984"),
    ("nata a Roma il 3 marzo 1984", "3 marzo 1984"),
    ("geboren op 3 maart 1984", "3 maart 1984"),
    ("data urodzenia: 12.03.1984", "12.03.1984"),
]
NOT_FOUND = [
    "On 12/03/1984 we met.",
    "DOB: unknown, admitted 2024-03-12",
    "DOB: 45/03/1984",
    "DOB: 31/02/1984",
    "DOB: 12/03/1899",
    "DOB: 12/03/2099",
    "Founded: 3 March 1984",
    "a stubborn 3 March 1984",
    "He was born in the eighties and joined on 3 March 2004",
    "Visit 2024-03-12\nDOB: see file",
    "born in 1984",
    "DOB: 12/03/1984/77",
]


@pytest.mark.parametrize(("text", "value"), FOUND)
def test_found(text: str, value: str, detectors: DetectorSet) -> None:
    assert [where for where, _ in found(detectors, text, "DATE_OF_BIRTH")] == [value]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_not_found(text: str, detectors: DetectorSet) -> None:
    assert found(detectors, text, "DATE_OF_BIRTH") == []


def test_years_end_today(detectors: DetectorSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_birth_dates, "today", lambda: date(2030, 6, 1))
    assert found(detectors, "DOB: 12/03/2030", "DATE_OF_BIRTH")
    assert not found(detectors, "DOB: 12/03/2031", "DATE_OF_BIRTH")
    monkeypatch.setattr(_birth_dates, "today", lambda: date(2031, 6, 1))
    assert found(detectors, "DOB: 12/03/2031", "DATE_OF_BIRTH")

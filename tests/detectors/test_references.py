"""References by form, and when one counts as given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.detectors._references import _ANY, _may_refer, unknown_references


def found(text: str, *given: str, documents: bool = False) -> list[tuple[str, str]]:
    return [(r.kind, text[r.start : r.end]) for r in unknown_references(text, given, documents=documents)]


@pytest.mark.parametrize(
    ("text", "kind", "reference"),
    [
        ("See https://lindby-port.net/report.", "web address", "https://lindby-port.net/report"),
        (
            "(https://lindby-port.net/ships_(old))",
            "web address",
            "https://lindby-port.net/ships_(old)",
        ),
        ("at www.lindby-port.net, daily", "web address", "www.lindby-port.net"),
        ("doi: 10.1234/abc.567.", "DOI", "10.1234/abc.567"),
        ("arXiv:2104.01234v2 shows", "arXiv identifier", "arXiv:2104.01234v2"),
        ("PMID: 1234567", "PubMed identifier", "PMID: 1234567"),
        ("ISBN 978-3-16-148410-0", "ISBN", "ISBN 978-3-16-148410-0"),
        ("(Strand et al., 2019) hold", "citation", "Strand et al., 2019"),
        ("Strand and Borg (2019) hold", "citation", "Strand and Borg (2019)"),
        ("In Strand v. Lindby Port, 410 U.S. 113", "court case", "Strand v. Lindby Port, 410 U.S. 113"),
        ("as in Strand v. Lindby Port, 410 U.S. 113", "court case", "Strand v. Lindby Port, 410 U.S. 113"),
    ],
)
def test_forms(text: str, kind: str, reference: str) -> None:
    assert found(text) == [(kind, reference)]


@pytest.mark.parametrize(
    "text",
    [
        "See https://example.com/docs and http://localhost:8080/x and http://192.0.2.1/a.",
        "The ratio is 10.5/3 and the file is a/b.c.",
        "Born in Oslo (1911).",
        "Write to jane@example.com.",
    ],
)
def test_what_is_no_reference_to_doubt(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("See https://www.lindby-port.net/Report/.", "Source: http://lindby-port.net/report"),
        ("doi:10.1234/ABC.5", "https://doi.org/10.1234/abc.5"),
        ("arXiv: 2104.01234", "arxiv.org/abs/2104.01234"),
        ("Strand et al. (2019)", "A study by Strand and others"),
    ],
)
def test_what_was_given_is_not_doubted(text: str, given: str) -> None:
    assert found(text, given) == []


@pytest.mark.parametrize(
    ("text", "kind", "reference"),
    [
        ("See lindby-port.net/report.", "web address", "lindby-port.net/report"),
        ("See https://lindby.example/report.", "placeholder web address", "https://lindby.example/report"),
        ("See docs.lindby.example/report.", "placeholder web address", "docs.lindby.example/report"),
        ("See https://example.com/docs.", "placeholder web address", "https://example.com/docs"),
    ],
)
def test_forms_told_beside_documents(text: str, kind: str, reference: str) -> None:
    assert found(text, "The port of Lindby.", documents=True) == [(kind, reference)]
    assert found(text, f"Read {reference}", documents=True) == []


def test_what_is_no_reference_beside_documents_either() -> None:
    text = "Open http://localhost:8080/x and http://app.test/x, read and/or a.b/c, ask jane@lindby.net/x."
    assert found(text, "The port of Lindby.", documents=True) == []


def test_a_reserved_ending_without_documents_is_a_placeholder() -> None:
    (reference,) = unknown_references("See https://lindby.example/report.", [], documents=False)
    assert (reference.kind, reference.score) == ("placeholder web address", 0.2)


def test_scores() -> None:
    def score(text: str, *, documents: bool = False) -> float:
        (reference,) = unknown_references(text, [], documents=documents)
        return reference.score

    path, home = "https://lindby-port.net/report", "https://lindby-port.net/"
    assert score(home) < score(path) < score(path, documents=True)
    assert score("arXiv:2113.01234") > score("arXiv:2112.01234")  # there is no 13th month
    assert score("ISBN 978-3-16-148410-1") > score("ISBN 978-3-16-148410-0")


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "https://",
                    "www.",
                    "a.b/c",
                    "10.",
                    "1234",
                    "/",
                    "arXiv",
                    ":",
                    "2301.01234",
                    "PMID",
                    "ISBN",
                ),
                *("978-3-16-148410-0", "Smith", " et al.", ", ", " and ", "2019", "1987b", "(", ")", "Wade"),
                *(" v. ", " vs. ", " ", "\n", "x"),
            ]
        ),
        max_size=12,
    ).map("".join)
)
def test_no_form_is_overlooked(text: str) -> None:
    assert _may_refer(text) or not _ANY.search(text)

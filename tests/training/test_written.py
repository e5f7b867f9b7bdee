"""The texts that were written one by one: what a training expects of them, and that none of those for figures
is among them."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from training import written_texts
from training.language_texts import DECLARATIONS
from training.written_texts import INJECTION, TOXICITY, papers, read

HARMLESS = {
    "toxicity": "banter counter criticism everyday identity_talk negated profanity quoted self slang "
    "violence",
    "injection": "about fiction format revise roleplay security task trigger",
}


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


@pytest.mark.parametrize(("name", "bad"), [("toxicity", TOXICITY), ("injection", INJECTION)])
def test_every_kind_is_known_and_frequent(name: str, bad: tuple[str, ...]) -> None:
    counts = Counter(each.kind for each in read(name))
    assert set(counts) == {*bad, *HARMLESS[name].split()}
    assert min(counts.values()) > 50
    share = sum(counts[kind] for kind in bad) / counts.total()
    assert 0.4 < share < 0.6


@pytest.mark.parametrize(
    "name", ["misuse", "refusals", "unseen_toxicity", "unseen_injection", "unseen_refusals"]
)
def test_both_labels_are_there(name: str) -> None:
    labels = Counter(each.label for each in read(name))
    assert set(labels) == {0, 1}
    assert min(labels.values()) > 0.4 * labels.total()


@pytest.mark.parametrize("name", ["sentiment", "unseen_sentiment"])
def test_a_third_is_of_each_feeling_and_of_neither(name: str) -> None:
    labels = Counter(each.label for each in read(name))
    assert set(labels) == {-1, 0, 1}
    assert min(labels.values()) > 0.3 * labels.total()


@pytest.mark.parametrize("name", ["languages", "unseen_languages"])
def test_every_language_has_a_declaration(name: str) -> None:
    assert {each.lang for each in read(name)} <= set(DECLARATIONS)


@pytest.mark.parametrize("name", ["documents", "unseen_documents"])
def test_orders_stand_in_their_documents(name: str) -> None:
    found = papers(name)
    assert all(paper.text[slice(*paper.place)] == paper.order for paper in found)
    assert 0.4 < sum(bool(paper.order) for paper in found) / len(found) < 0.6


@pytest.mark.parametrize("name", ["toxicity", "injection", "misuse", "refusals", "sentiment", "languages"])
def test_no_text_comes_twice(name: str) -> None:
    counts = Counter((words(each.text), each.lang) for each in read(name) if words(each.text))
    assert counts.most_common(1)[0][1] == 1


def test_no_document_comes_twice() -> None:
    counts = Counter(
        words(paper.text) for name in ("documents", "unseen_documents") for paper in papers(name)
    )
    assert counts.most_common(1)[0][1] == 1


@pytest.mark.parametrize("name", ["toxicity", "injection", "refusals", "sentiment", "languages"])
def test_no_training_reads_what_figures_are_for(name: str) -> None:
    unseen = {words(each.text) for each in read(f"unseen_{name}")}
    assert unseen.isdisjoint(words(each.text) for each in read(name))


def test_a_missing_file_is_told() -> None:
    with pytest.raises(FileNotFoundError, match=str(written_texts.FOLDER)):
        read("absent")

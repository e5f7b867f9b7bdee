"""Entailment of an answer's sentences by the documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.models.base import Passage
from sentinel.models.nli import NliConfig, NliModel, _premises
from tests.models import tiny

on_torch = pytest.mark.torch
DOCUMENT = "The cat sat on the mat. Ann Lee went home in Paris. Rain fell."


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = ["ENTAILMENT", "neutral", "contradiction"]
    return tiny.save(tmp_path_factory.mktemp("judge"), "BertForSequenceClassification", labels)


def _model(folder: Path, tmp_path: Path, **more: Any) -> NliModel:
    return NliModel("judge", NliConfig.model_validate({"model": str(folder), **more}), tmp_path)


@pytest.mark.parametrize(
    ("window", "count"), [(1000, 1), (55, 2), (30, 3), (5, 3)], ids=["whole", "two", "each", "short"]
)
def test_premises_are_whole_sentences(window: int, count: int) -> None:
    found = _premises([DOCUMENT], window)
    assert len(found) == count
    assert "".join(premise.text for premise in found) == DOCUMENT


def test_premises_have_their_places() -> None:
    documents = ["", DOCUMENT, "Rain fell."]
    found = _premises(documents, 30)
    assert [premise.document for premise in found] == [1, 1, 1, 2]
    assert all(documents[each.document][each.start : each.end] == each.text for each in found)
    assert str(found[-1]) == "document 3, characters 0 to 10"


@on_torch
def test_an_answer_of_very_many_sentences_is_judged_in_part(judge: Path, tmp_path: Path) -> None:
    model = _model(judge, tmp_path, windows=1)
    model.load()
    background = Background(context=(DOCUMENT,))
    told = [
        answer.failed
        for answer in model.infer(
            [Passage("The dog sat on the mat. " * count, 0, background) for count in (64, 65)]
        )
    ]
    assert told == [{}, {"judge": "the text is longer than what it reads of one, and was read in part"}]


@on_torch
def test_each_sentence_is_judged(judge: Path, tmp_path: Path) -> None:
    import torch
    import transformers

    model = _model(judge, tmp_path)
    model.load()
    answer = "The dog sat on the mat. Yes. Ann will find you in Paris."
    got = model.infer([Passage(text=answer, background=Background(context=(DOCUMENT,)))])[0]
    library = transformers.AutoModelForSequenceClassification.from_pretrained(judge).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(judge)
    for claim in ("The dog sat on the mat.", "Ann will find you in Paris."):
        with torch.inference_mode():
            row = library(**tokenizer(DOCUMENT, claim, return_tensors="pt")).logits.softmax(-1)[0].tolist()
        found = {f.type: f.score for f in got.findings if claim in answer[f.start : f.end]}
        wanted = {"UNSUPPORTED": 1 - row[0], "CONTRADICTED": min(row[2], 1 - row[0])}
        assert found == pytest.approx({k: v for k, v in wanted.items() if v >= 0.1}, abs=1e-5)
    assert not any(answer[f.start : f.end].strip() == "Yes." for f in got.findings)
    assert got.scores["judge"] == max(f.score for f in got.findings)


@on_torch
def test_which_document_decided(judge: Path, tmp_path: Path) -> None:
    """Against each alone, the document that a finding names gives the degree that the finding tells."""
    model = _model(judge, tmp_path)
    model.load()
    claim = "Ann will find you in Paris."
    documents = ("the cat and the dog", "Rain fell. You are a fool.", "Ann Lee went home in Paris.")

    def asked(*given: str) -> dict[str, str]:
        (answer,) = model.infer([Passage(claim, background=Background(context=given))])
        return {finding.type: finding.why for finding in answer.findings}

    degrees = []
    for document in documents:
        why = asked(document)["UNSUPPORTED"].split(";")[0]
        degrees.append(tuple(float(part.rsplit(" ", 1)[1]) for part in why.split(",")))
    entailed, contradicted = (max(range(3), key=lambda i, by=by: degrees[i][by]) for by in (0, 1))
    told = f"entailed to {degrees[entailed][0]:.2f}, contradicted to {degrees[contradicted][1]:.2f}; "
    ends = [f"document {i + 1}, characters 0 to {len(documents[i])}" for i in (entailed, contradicted)]
    assert asked(*documents) == {
        "UNSUPPORTED": f"{told}most entailed by {ends[0]}; findings begin at 0.1",
        "CONTRADICTED": f"{told}most contradicted by {ends[1]}; findings begin at 0.1",
    }
    assert entailed != contradicted


@on_torch
def test_without_documents_nothing_is_said(judge: Path, tmp_path: Path) -> None:
    model = _model(judge, tmp_path)
    model.load()
    got = model.infer([Passage(text="The dog sat on the mat.")])[0]
    assert not got.findings and not got.scores


@on_torch
def test_a_long_claim_is_cut_and_long_documents_are_read(judge: Path, tmp_path: Path) -> None:
    model = _model(judge, tmp_path)
    model.load()
    claim = "the cat and the dog " * 40
    got = model.infer([Passage(text=claim, background=Background(context=(tiny.LONG * 5, DOCUMENT)))])[0]
    assert 0.0 <= got.scores["judge"] <= 1.0


@on_torch
def test_labels_that_the_model_lacks(classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"models\.detectors\.judge\.entailment: .*`entailment`; it has `fine`"
    ):
        _model(classifier, tmp_path).load()

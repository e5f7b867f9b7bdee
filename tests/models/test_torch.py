"""Windows of tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.models import _torch
from sentinel.models.inference import NoAnswer
from tests.models import tiny

pytestmark = pytest.mark.torch


def test_windows_hold_every_word_of_every_text(classifier: Path) -> None:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(classifier)
    texts = [tiny.LONG, "", "the cat"]
    found = _torch.windows(tokenizer, texts)
    assert [window.owner for window in found] == [0] * (len(found) - 2) + [1, 2]
    assert all(len(window.offsets) <= tokenizer.model_max_length for window in found)
    for owner, text in enumerate(texts):
        read = {i for w in found if w.owner == owner for start, end in w.offsets for i in range(start, end)}
        assert read == {i for i, character in enumerate(text) if character != " "}


def test_a_pair_stands_in_every_window(classifier: Path) -> None:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(classifier)
    found = _torch.windows(tokenizer, [tiny.LONG], ["ann lee " * 40])
    ann = tokenizer.convert_tokens_to_ids("ann")
    assert len(found) > 2
    assert len({window.inputs["input_ids"].count(ann) for window in found}) == 1
    assert all(0 < window.inputs["input_ids"].count(ann) <= tokenizer.model_max_length for window in found)


@pytest.mark.parametrize(("words", "cut"), [(400, False), (5000, True), (60_000, True)])
def test_a_text_without_end_has_an_end(classifier: Path, words: int, cut: bool) -> None:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(classifier)
    found = _torch.windows(tokenizer, ["dog", "cat " * words])
    assert [window.cut for window in found] == [False, *[cut] * (len(found) - 1)]
    assert len(found) <= 65


def test_what_is_no_number_is_no_answer(classifier: Path) -> None:
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(classifier)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(classifier)
    with torch.no_grad():
        model.classifier.bias[1] = torch.inf  # as where half precision overflows
    with pytest.raises(NoAnswer):
        _torch.run(
            model, tokenizer, _torch.windows(tokenizer, ["the cat"]), lambda logits: logits.softmax(-1)
        )

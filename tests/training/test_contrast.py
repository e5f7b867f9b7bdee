"""The contrast sets: what a fit may rely on."""

from __future__ import annotations

import random

import pytest

from training import contrast_misuse, contrast_toxicity, functions_toxicity


def test_toxicity_pairs_abuse_with_what_looks_like_it() -> None:
    found = list(contrast_toxicity.examples(0))
    assert found == list(contrast_toxicity.examples(0))
    assert not [each for each in found if "{" in each.text or each.toxic != bool(each.kinds)]
    for chosen in (True, False):
        sides = {each.toxic for each in found if (each.family in contrast_toxicity.HELD_OUT) == chosen}
        assert sides == {True, False}, "trained on and held out: both have abuse and its likeness"
    assert {kind for each in found for kind in each.kinds} == set(contrast_toxicity.KINDS)
    assert contrast_toxicity.HELD_OUT <= set(contrast_toxicity.FAMILIES)


def test_no_sentence_is_both() -> None:
    for examples in (contrast_toxicity.examples(0), contrast_misuse.examples(0)):
        sides: dict[str, set[bool]] = {}
        for each in examples:
            bad = each.toxic if isinstance(each, contrast_toxicity.Example) else each.harmful
            sides.setdefault(each.text, set()).add(bad)
        assert not [text for text, both in sides.items() if len(both) > 1]


def test_misuse_holds_families_of_both_kinds_out() -> None:
    found = list(contrast_misuse.examples(0))
    assert not [each for each in found if "{" in each.text]
    assert {each.harmful for each in found if each.family in contrast_misuse.HELD_OUT} == {True, False}


@pytest.mark.parametrize("seed", range(4))
def test_a_disguise_changes_long_words_only(seed: int) -> None:
    text = "You are a complete moron, a fool and nobody likes it"
    made = contrast_toxicity.disguised(text, random.Random(seed))
    assert made != text
    assert made.startswith("You are a ")


def test_functions_are_no_forms_of_training_texts() -> None:
    kept = [text for _, texts in functions_toxicity.FUNCTIONS.values() for text in texts]
    assert len(kept) == len(set(kept))
    forms = [contrast_toxicity.form(each) for each in contrast_toxicity.templates()]
    assert any(form.fullmatch("muslims are not terrorists") for form in forms)
    plain = [text.lower().strip(".!") for text in kept]
    assert not [text for text in plain if any(form.fullmatch(text) for form in forms)]

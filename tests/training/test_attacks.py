"""The grammars of attacks, of what looks like them, and of documents: whole sentences, varied, and apart."""

from __future__ import annotations

import re

import numpy as np

from training import attack_ploys, attacks, attacks_unseen, contrast_injection, contrast_ploys, documents

_OPEN_SLOT = re.compile(r"\{[a-z]\w*\}")


def test_every_slot_is_filled_and_texts_vary() -> None:
    for expand, least in (
        (attacks.expand, 600),
        (contrast_injection.expand, 500),
        (attack_ploys.expand, 900),
        (contrast_ploys.expand, 700),
    ):
        texts = [text for _, text in expand(np.random.default_rng(3), 100)]
        assert not [text for text in texts if _OPEN_SLOT.search(text)]
        assert len(set(texts)) >= least


def test_the_same_seed_gives_the_same_texts() -> None:
    one, two = (list(attacks.expand(np.random.default_rng(5), 20)) for _ in range(2))
    assert one == two


def test_no_text_is_both_attack_and_harmless() -> None:
    rng = np.random.default_rng(4)
    bad = {text.lower() for made in (attacks, attack_ploys) for _, text in made.expand(rng, 100)}
    good = {
        text.lower() for made in (contrast_injection, contrast_ploys) for _, text in made.expand(rng, 100)
    }
    assert bad.isdisjoint(good)


def test_sentences_apart_are_of_no_training() -> None:
    rng = np.random.default_rng(8)
    made = (attacks, attack_ploys, contrast_injection, contrast_ploys)
    trained = {text.lower() for each in made for _, text in each.expand(rng, 300)}
    apart = [*attacks_unseen.ATTACKS.values(), *attacks_unseen.HARMLESS.values()]
    assert trained.isdisjoint(text.lower() for texts in apart for text in texts)
    assert {f"ploy_{name}" for name in ("opposite", "splitting", "emotional")}.isdisjoint(attack_ploys.PLOYS)


def test_an_order_stands_where_the_document_says() -> None:
    rng = np.random.default_rng(6)
    for family in documents.INDIRECT:
        for kind in documents.HARMLESS:
            said = documents.order(rng, family)
            text, start = documents.poisoned(rng, documents.harmless(rng, kind), said)
            assert text[start : start + len(said)] == said

"""The grammars of attacks, of what looks like them, and of documents: whole sentences, varied, and apart."""

from __future__ import annotations

import re

import numpy as np

from training import attacks, contrast_injection, documents

_OPEN_SLOT = re.compile(r"\{[a-z]\w*\}")


def test_every_slot_is_filled_and_texts_vary() -> None:
    for expand, least in ((attacks.expand, 600), (contrast_injection.expand, 500)):
        texts = [text for _, text in expand(np.random.default_rng(3), 100)]
        assert not [text for text in texts if _OPEN_SLOT.search(text)]
        assert len(set(texts)) >= least


def test_the_same_seed_gives_the_same_texts() -> None:
    one, two = (list(attacks.expand(np.random.default_rng(5), 20)) for _ in range(2))
    assert one == two


def test_no_text_is_both_attack_and_harmless() -> None:
    rng = np.random.default_rng(4)
    bad = {text.lower() for _, text in attacks.expand(rng, 100)}
    good = {text.lower() for _, text in contrast_injection.expand(rng, 100)}
    assert bad.isdisjoint(good)


def test_an_order_stands_where_the_document_says() -> None:
    rng = np.random.default_rng(6)
    for family in documents.INDIRECT:
        for kind in documents.HARMLESS:
            said = documents.order(rng, family)
            text, start = documents.poisoned(rng, documents.harmless(rng, kind), said)
            assert text[start : start + len(said)] == said

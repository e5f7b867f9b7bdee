"""Words that are looked up say what words that are read say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sentinel.detectors import _lexicon
from sentinel.detectors._classifier import Classifier
from sentinel.detectors._classifier_words import MAX_CHARS, read, view
from sentinel.detectors._lexicon import Lexicon, line_of, line_of_tokens
from sentinel.detectors._sentences import sentences

TEXTS = (
    "The shelves arrive late. You are a fool! Is the dock free?\nNo, it's (not) free: ask again.",
    "don’t say sh!t, b1tch; foooool and/or well-known x=y\tend.",
    "He is a f o o l and an i.d.i.o.t, they say. vitamin b c",
    "Größe\u00a0ändern — 東京は、大きい。 ΟΔΟΣ İstanbul ½ cup",
    "a\u200bb fооl ｆｏｏｌ",
    "x" * 300 + " and more",
    'the " mark \u2265 another e" mark',
    " \n ",
)


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lexicon, "_current", Lexicon(1, 1))


def hashes(text: str, places: list[tuple[int, int]]) -> list[list[int]]:
    """Of each stretch, its words."""
    line = line_of(text, places)
    return [line.book.right[0, line.words[low:high]].tolist() for low, high in line.places]


@pytest.mark.parametrize("text", TEXTS)
def test_words_are_those_that_are_read(text: str) -> None:
    places = [*sentences(text, 0, final=True), (0, len(text))]
    seen = view(text)
    once = line_of_tokens(read(seen.text), seen.places(np.array(places)))
    expected = [once.book.right[0, low:high].tolist() for low, high in once.places]
    assert hashes(text, places) == expected
    hashes("another", [(0, 7)])
    assert hashes(text, places) == expected  # now that they are known


@pytest.mark.parametrize("text", TEXTS)
def test_answers_are_those_of_words_that_are_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Classifier.shipped("toxicity")
    places = [*sentences(text, 0, final=True), (0, len(text))]
    looked_up = model.judge(text, places)
    monkeypatch.setattr(_lexicon, "_looked_up", lambda *_: None)
    for one, other in zip(looked_up, model.judge(text, places), strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_ordinary_words_are_kept_and_no_others() -> None:
    assert line_of("You are late, again.", [(0, 20)]).kept
    assert not line_of("a f o o l", [(0, 9)]).kept
    assert not line_of("x" * (_lexicon.LONGEST + 1), [(0, 5)]).kept
    assert not line_of("long " * MAX_CHARS, [(0, 5)]).kept
    assert not line_of("half", [(0, 2)]).kept


def test_a_text_that_is_read_again_is_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "You are late, again. So am I."
    (whole,) = hashes(text, [(0, len(text))])
    with monkeypatch.context() as patched:
        patched.setattr(Lexicon, "find", None)
        assert hashes(text, [(0, 20), (20, len(text))]) == [whole[:4], whole[4:]]
    monkeypatch.setattr(_lexicon, "_current", Lexicon())
    assert hashes(text, [(0, len(text))]) == [whole]


def test_equal_bytes_are_not_equal_words() -> None:
    assert hash('e"') == hash("\u2265")  # in CPython; what the lexicon has to mind
    ((one, quote), (other,)) = hashes('e" \u2265', [(0, 2), (3, 4)])
    assert other not in (one, quote)


def test_a_full_lexicon_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lexicon, "Lexicon", lambda: Lexicon(4, 100))
    model = Classifier.shipped("toxicity")
    texts = ("You are late", "you idiot", "a fool came in", "you are an idiot")
    found = [model.judge(text, [(0, len(text))])[0] for text in texts]
    monkeypatch.setattr(_lexicon, "_looked_up", lambda *_: None)
    for text, one in zip(texts, found, strict=True):
        assert one == pytest.approx(model.judge(text, [(0, len(text))])[0], abs=1e-6)


def test_threads_learn_at_once() -> None:
    model = Classifier.shipped("toxicity")
    texts = [f"the word{n} and word{n + 1} of fool{n % 7}s are new" for n in range(200)]
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(lambda text: model.judge(text, [(0, len(text))])[0], [*texts, *texts])]
    assert found[:200] == found[200:]
    alone = [model.judge(text, [(0, len(text))])[0] for text in texts]
    assert found[:200] == alone

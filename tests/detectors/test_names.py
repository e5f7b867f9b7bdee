from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sentinel.core.background import NO_BACKGROUND
from sentinel.core.needs import Need
from sentinel.detectors import _name_model
from sentinel.detectors._name_model import NameModel, best_path
from sentinel.detectors._name_words import WORDS, hashes, kind_of, pieces, plain, shape
from sentinel.detectors._sentences import LONGEST, sentences
from sentinel.detectors.inspection import inspect_sentence, inspect_whole
from sentinel.detectors.names import NameReader
from sentinel.detectors.pii import NamesConfig, PiiConfig
from sentinel.detectors.registry import DetectorsConfig, load_detectors


@pytest.fixture(scope="module")
def reader() -> NameReader:
    return NameReader(PiiConfig(), Path())


def told(reader: NameReader, text: str, start: int = 0) -> list[tuple[str, str]]:
    found = reader.inspect(text, start, NO_BACKGROUND).findings
    assert all(0.1 <= f.score <= 1 and f.start >= start for f in found)
    return [(f.type, text[f.start : f.end]) for f in found]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("My name is Oluwaseun Adebayo and I live in Glasgow.", ["Oluwaseun Adebayo", "Glasgow"]),
        ("Please call Maria Fernandez about the invoice.", ["Maria Fernandez"]),
        ("Robert's brother moved to Belgium last year.", ["Robert", "Belgium"]),
        ("Best regards,\nHelena Krause", ["Helena Krause"]),
        ("My name is Ahmed El-Sayed and I live in Cairo.", ["Ahmed El-Sayed", "Cairo"]),
        ("Dear Mrs Fitzgerald-Jones,", ["Fitzgerald-Jones"]),
        ("### Task", []),
    ],
)
def test_names_are_found_whole(reader: NameReader, text: str, names: list[str]) -> None:
    found = [value for type_, value in told(reader, text) if type_ != "ORGANIZATION"]
    assert found == names


@pytest.mark.parametrize(
    "text",
    [
        "Write a Python function that sorts a list of numbers.",
        "The meeting is on Tuesday, not on Thursday.",
        "Mail jane.smith@example.com or see https://example.com/John/Smith now.",
        "See jane-doe.example.com for it, or anna-berg.de/blog.",
        "Jane-Doe.example.com is up",
        "@jane_smith thanks for the follow",
        "",
        " \n ",
    ],
)
def test_what_holds_no_name(reader: NameReader, text: str) -> None:
    assert told(reader, text) == []


@pytest.mark.parametrize("name", ["O'Brien", "O’Brien", "Smith-Jones", "Quisenfeld"])
@pytest.mark.parametrize("title", ["Mrs.", "Mrs", "Prof."])
def test_a_name_behind_a_title_with_a_full_stop(reader: NameReader, title: str, name: str) -> None:
    text = f"We met {title} {name}'s lawyer."
    places = list(sentences(text, 0, final=True))
    answers = reader.inspect_sentences(text, places, NO_BACKGROUND)
    found = [finding for answer in answers for finding in answer.findings]
    assert [text[f.start : f.end] for f in found if f.type == "PERSON" and f.score >= 0.5] == [name]


def test_a_missing_blank_behind_a_name_makes_no_host(reader: NameReader) -> None:
    assert "Jane" in dict(told(reader, "I work with Jane.Then we left.")).get("PERSON", "")


def test_only_names_of_the_sentence_are_told(reader: NameReader) -> None:
    text = "I met Peter Walker. He knows Anna Schmidt."
    start = text.index("He")
    assert told(reader, text, start) == [("PERSON", "Anna Schmidt")]


_LETTER = """Dear Ms. Okonkwo,
thank you for the evening in Lisbon. Peter Walker of Brightwater Ltd. says hello! Is Anna still in Oslo?
Her friends José and Zoë moved to Kyoto... "He knows Maria Fernandez." She said so.
"""


@pytest.mark.parametrize(
    "text",
    [
        _LETTER,
        _LETTER * 9,  # more than is read at once
        _LETTER.replace(". ", "。").replace("\n", "。"),  # no white space where sentences end
        "Anna Schmidt met Peter O'Brien's aunt in Oslo and " * 50,  # cut within words
        ("Anna" * 300 + " Peter Walker's5 ") * 2,
        "it's" * (LONGEST // 4) + "5 Anna",
        ", " * 900 + "Anna Schmidt",
    ],
)
def test_sentences_read_together_are_read_as_if_alone(reader: NameReader, text: str) -> None:
    places = list(sentences(text, 0, final=True))
    alone = [inspect_sentence(reader, text, *place, NO_BACKGROUND) for place in places]
    assert reader.inspect_sentences(text, places, NO_BACKGROUND) == alone


def test_what_was_read_before_changes_nothing(reader: NameReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_name_model, "_KEPT", 600)
    forgetful = NameReader(PiiConfig(), Path(), NameModel.shipped())
    want = inspect_whole(reader, _LETTER, NO_BACKGROUND)
    assert {"PERSON", "LOCATION"} <= {finding.type for finding in want.findings}
    for turn in range(4):
        inspect_whole(forgetful, " ".join(f"w{turn}x{number}" for number in range(390)), NO_BACKGROUND)
        assert inspect_whole(forgetful, _LETTER, NO_BACKGROUND) == want


def test_allow_list_and_least_score() -> None:
    text = "Please call Maria Fernandez about the invoice."
    assert told(NameReader(PiiConfig(allow_list=["Maria Fernandez"]), Path()), text) == []
    assert told(NameReader(PiiConfig(min_scores={"PERSON": 1.0}), Path()), text) == []


def test_it_is_loaded_where_a_rule_asks_and_may_be_off(cache_dir: Path) -> None:
    need, text = frozenset({Need("pii", ("PERSON",), 0.5)}), "Ask Maria Fernandez."
    for shipped in (True, False):
        config = DetectorsConfig(pii=PiiConfig(names=NamesConfig(shipped=shipped)))
        detectors = load_detectors(config, ["pii"], cache_dir, need)
        assert bool(detectors.inspect(text, detectors.view(need)).findings) == shipped
        assert detectors.scopes(need) == ({"sentence"} if shipped else frozenset())
    mail = frozenset({Need("pii", ("EMAIL_ADDRESS",), 0.5)})
    assert "names" not in load_detectors(DetectorsConfig(), ["pii"], cache_dir, mail).versions["pii"]


def test_a_word_means_the_same_wherever_it_stands() -> None:
    model = NameModel.shipped()
    words = "yesterday I met Anna Schmidt in Oslo".split()
    first = model.scores(words)
    model.scores(["Oslo", "Anna"])
    assert np.allclose(first, model.scores(words))
    assert np.allclose(np.exp(first).sum(1), 1, atol=1e-4)


def test_no_name_goes_on_without_a_beginning() -> None:
    scores = np.full((3, 7), -5.0, np.float32)
    scores[0, 0] = scores[1, 2] = scores[2, 4] = 0.0
    path = best_path(scores)
    for before, label in zip([0, *path], path, strict=False):
        assert label % 2 or not label or before in (label, label - 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Dr. O'Brien's U.S. trip", ["Dr", ".", "O'Brien", "'s", "U.S.", "trip"]),
        ("see https://a.co/B?c @jane_d a.b@c.co", ["see", "https://a.co/B?c", "@jane_d", "a.b@c.co"]),
        ("Jean-Luc,\nParis", ["Jean", "-", "Luc", ",", "\n", "Paris"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [match.group() for match in WORDS.finditer(text)] == words


def test_what_is_seen_of_a_word() -> None:
    assert (plain("Zoë"), shape("McKay12345"), kind_of("@jane"), kind_of("jane")) == (
        "zoe",
        "XxXxxddd",
        "<mention>",
        "",
    )
    assert [shape(word) for word in ("is", "Anna", "ANNA", "A", "aNna", "文字", "Élan", "3rd")] == [
        "xx",
        "Xxxx",
        "XXX",
        "X",
        "xXxx",
        "xx",
        "Xxxx",
        "dxx",
    ]
    assert hashes("Anna")[:3] == hashes("ANNA")[:3] and hashes("Anna")[3] != hashes("ANNA")[3]
    assert pieces("Annabel", {"anna": 0, "##bel": 1, "a": 2}) == [0, 1]
    assert pieces("anna@example.com", {"anna": 0}) == []

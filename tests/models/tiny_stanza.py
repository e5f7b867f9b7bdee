"""A stanza pipeline that knows its own few sentences by heart."""

from __future__ import annotations

import json
from pathlib import Path

NAMES = {
    "PERSON": ["Ann Lee", "Bob Ray", "Cara Diaz", "Dan Moss", "Eve Stone", "Finn Ward"],
    "GPE": ["Paris", "Rome", "Oslo", "New York", "Lima", "Cape Town"],
}
FRAMES = [
    "PERSON lives in GPE .",
    "Yesterday PERSON left GPE , and it rained .",
    "In GPE we met PERSON at noon .",
    "The cat sat on the mat .",
]
PROCESSORS = ("tokenize", "pos", "lemma", "ner")


def sentences() -> list[list[tuple[str, str]]]:
    """Words with their tags."""
    return [
        [
            (word, f"{'I' if i else 'B'}-{piece}" if piece in NAMES else "O")
            for piece in frame.split()
            for i, word in enumerate(_words(piece, k + j * (piece == "GPE")))
        ]
        for k in range(6)
        for j, frame in enumerate(FRAMES)
    ]


def _words(piece: str, which: int) -> list[str]:
    return NAMES[piece][which % 6].split() if piece in NAMES else [piece]


def train(folder: Path) -> Path:
    """A resources folder, as `stanza.download` leaves one. Needs stanza; takes seconds."""
    from stanza.models import lemmatizer, ner_tagger, tagger, tokenizer

    known = sentences()
    text = marks = ""
    for sentence in known:
        for i, (word, _) in enumerate(sentence):
            gap = " " if text and word not in ".," else ""
            text += gap + word
            marks += "0" * len(gap + word[1:]) + ("2" if i == len(sentence) - 1 else "1")
    rows = [
        "".join(
            f"{i}\t{word}\t{word.lower()}\t{_part(word)}\t_\t_\t{i - 1}\tdep\t_\t_\n"
            for i, (word, _) in enumerate(sentence, 1)
        )
        + "\n"
        for sentence in known
    ]
    tagged = [
        [{"id": i, "text": word, "ner": tag} for i, (word, tag) in enumerate(sentence, 1)]
        for sentence in known
    ]
    files = {"text": text, "marks": marks, "mwt": "[]", "rows": "".join(rows), "tagged": json.dumps(tagged)}
    for name, content in files.items():
        (folder / name).write_text(content)

    def told(processor: str, **more: object) -> list[str]:
        both = {
            "shorthand": "en_tiny",
            "save_dir": folder / "resources/en" / processor,
            "save_name": "tiny.pt",
        }
        return ["--cpu", *(word for k, v in {**both, **more}.items() for word in (f"--{k}", str(v)))]

    rows_twice = {"train_file": folder / "rows", "eval_file": folder / "rows"}
    tagged_twice = {"train_file": folder / "tagged", "eval_file": folder / "tagged"}
    texts = {"txt_file": folder / "text", "dev_txt_file": folder / "text", "mwt_json_file": folder / "mwt"}
    labels = {"label_file": folder / "marks", "dev_label_file": folder / "marks"}
    size = {"hidden_dim": 32, "char_hidden_dim": 16, "word_emb_dim": 16, "char_emb_dim": 8}
    tokenizer.main(told("tokenize", lang="en", **texts, **labels, steps=200, max_seqlen=60, lr0=0.01))
    steps = {"max_steps": 20, "eval_interval": 20}
    tagger.main(
        [*told("pos", lang="en", **rows_twice, **size, **steps), "--no_pretrain", "--fix_eval_interval"]
    )
    lemmatizer.main([*told("lemma", **rows_twice), "--dict_only"])
    steps = {"max_steps": 60, "eval_interval": 60}
    ner_tagger.main(
        [*told("ner", **tagged_twice, **size, **steps, optim="adam", lr=0.01, dropout=0), "--no_pretrain"]
    )
    english: dict[str, object] = {processor: {"tiny": {}} for processor in PROCESSORS}
    packages = {"default": dict.fromkeys(PROCESSORS, "tiny")}
    listed = {"en": {"lang_name": "English", **english, "packages": packages}}
    (folder / "resources/resources.json").write_text(json.dumps(listed))
    return folder / "resources"


def _part(word: str) -> str:
    return "PUNCT" if word in ".," else "PROPN" if word.istitle() else "X"

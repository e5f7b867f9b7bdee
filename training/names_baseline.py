"""What the name model is measured against: spaCy's small network (blank `en`, `ner` with its defaults),
trained on the same rows: `python -m training.names_baseline --data DIR`. Needs spaCy."""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import spacy
from spacy.training import Example
from spacy.util import filter_spans, minibatch

from training import name_rows as data
from training.names import chosen, f1, load_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=60, help="of processor time; the epoch begun ends")
    asked = parser.parse_args()
    rows, test = load_rows(asked.data)
    chance = random.Random(1)
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner")
    for type_ in data.TYPES:
        ner.add_label(type_)  # type: ignore[attr-defined]
    optimiser = nlp.initialize()
    began = time.time()
    for epoch in range(asked.epochs):
        examples = []
        for row in chosen(rows, chance):
            doc = nlp.make_doc(row.text[:600])
            spans = (doc.char_span(a, b, label=t, alignment_mode="expand") for a, b, t in row.spans)
            gold = filter_spans([span for span in spans if span is not None])
            reference = doc.copy()
            told = [spacy.tokens.Span(reference, s.start, s.end, s.label_) for s in gold if s.label_ != "?"]
            untold = [spacy.tokens.Span(reference, s.start, s.end) for s in gold if s.label_ == "?"]
            reference.set_ents(told, missing=untold)
            examples.append(Example(doc, reference))
        chance.shuffle(examples)
        losses: dict[str, float] = {}
        for batch in minibatch(examples, 48):  # type: ignore[no-untyped-call]
            nlp.update(batch, sgd=optimiser, drop=0.2, losses=losses)
        print(
            f"epoch {epoch + 1} loss {losses['ner']:.0f} {time.time() - began:.0f} s "
            f"cpu {time.process_time():.0f} s",
            flush=True,
        )
        if time.process_time() > asked.minutes * 60:
            break
    test = [row for row in test if row.source in data.REAL]
    found = [{(e.start_char, e.end_char, e.label_) for e in nlp(row.text).ents} for row in test]
    for source, line in f1(test, found).items():
        print(source, json.dumps(line))


if __name__ == "__main__":
    main()

"""Presidio as the reference: its own recognizers over a blank English tokenizer, before thresholds and
before the engine drops overlaps across recognizers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import spacy
from presidio_analyzer import AnalyzerEngine, LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import SpacyRecognizer
from presidio_analyzer.recognizer_registry import RecognizerRegistry

Row = tuple[str, int, int, float]


class BlankNlpEngine(SpacyNlpEngine):
    """spaCy's blank English pipeline; the lemma of a token is the token in lower case."""

    def __init__(self) -> None:
        super().__init__()
        english = spacy.blank("en")
        english.max_length = 10_000_000
        loaded: Any = {"en": english}
        self.nlp = loaded

    def load(self) -> None:
        """Nothing to load."""

    def _doc_to_nlp_artifact(self, doc: Any, language: str) -> NlpArtifacts:
        return NlpArtifacts(
            entities=[],
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.lower_ for token in doc],
            nlp_engine=self,
            language=language,
        )


class Reference:
    """Raw results, one text at a time. `extra`: classes of recognizers that are off by default; `leave_out`:
    names of recognizers to do without; `entities`: the only types whose recognizers are wanted."""

    def __init__(
        self,
        extra: Sequence[type] = (),
        leave_out: Sequence[str] = (),
        entities: Collection[str] | None = None,
    ) -> None:
        registry = RecognizerRegistry(supported_languages=["en"])
        registry.load_predefined_recognizers(languages=["en"])
        everything: Any = registry.recognizers
        kept = [r for r in everything if not isinstance(r, SpacyRecognizer) and r.name not in leave_out]
        self.recognizers = kept + [kind() for kind in extra]
        self.entities = sorted(entities or ())
        if entities is not None:
            wanted = set(entities)
            self.recognizers = [r for r in self.recognizers if wanted.intersection(r.supported_entities)]
        registry.recognizers = self.recognizers
        self.engine = AnalyzerEngine(
            registry=registry, nlp_engine=BlankNlpEngine(), context_aware_enhancer=LemmaContextAwareEnhancer()
        )

    def analyze(self, text: str) -> list[Row]:
        artifacts = self.engine.nlp_engine.process_text(text, "en")
        raw = [
            result
            for recognizer in self.recognizers
            for result in recognizer.analyze(text, recognizer.supported_entities, artifacts) or ()
        ]
        lifted = self.engine._enhance_using_context(text, raw, artifacts, self.recognizers)
        return sorted((r.entity_type, r.start, r.end, round(r.score, 6)) for r in lifted)

    def analyze_as_users_do(self, text: str) -> list[Any]:
        """The engine's own call, which also drops duplicates across recognizers."""
        return list(self.engine.analyze(text, "en"))

    def analyze_as_asked(self, text: str, threshold: float) -> list[Any]:
        """The same for the wanted types alone, with at least this score."""
        return list(self.engine.analyze(text, "en", entities=self.entities, score_threshold=threshold))

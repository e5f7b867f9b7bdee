"""Presidio's NLP engine of stanza, from files that are here. By Presidio's default it asks the network at
each load, even for what is here, without a limit of time, and fails where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sentinel.core.errors import ConfigError

_PROCESSORS = "tokenize,pos,lemma,ner"  # those that Presidio's engine loads


def engine(provider: Any, path: Path, key: str) -> Any:
    """`provider`: Presidio's, of the file at `path`. Raises ConfigError where files of the models lack."""
    provider.nlp_engines["stanza"] = partial(provider.nlp_engines["stanza"], download_if_missing=False)
    try:
        return provider.create_engine()
    except Exception as error:
        # Stanza stumbles while it tells of some files that it lacks.
        lacking = [each for each in (error.__context__, error) if isinstance(each, FileNotFoundError)]
        if not lacking:
            raise
        told = " ".join(str(lacking[-1]).split()).rstrip(".")
        calls = "; ".join(
            f"stanza.download({model['model_name']!r}, processors={_PROCESSORS!r})"
            for model in provider.nlp_configuration["models"]
        )
        message = (
            f"the NLP engine of {path} lacks a file: {told}. Stanza's models are not downloaded at a start: "
            f'fetch them once, python -c "import stanza; {calls}", into the folder of STANZA_RESOURCES_DIR'
        )
        raise ConfigError(message, key=key) from error


def entities(engine: Any, language: str, text: str) -> tuple[Sequence[Any], Sequence[float]]:
    """Stanza's own spans, named and scored by Presidio. Presidio's tokenizer drops all entities of a text
    that is not the sum of its words (French `du` is read as `de le`, a control character as a space, a word
    of more than 1000 letters as unknown), and quotes them in a warning."""
    spans = engine.nlp[language].tokenizer.snlp(text).entities
    found = [SimpleNamespace(label_=x.type, start_char=x.start_char, end_char=x.end_char) for x in spans]
    scores = [engine.ner_model_configuration.default_score] * len(found)
    named: tuple[list[Any], list[float]] = engine._get_updated_entities(found, scores)
    return named

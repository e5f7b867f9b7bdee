"""Reads what the installed presidio-analyzer knows, as plain data. Run as a program, in a process of its own.

Importing a Presidio recognizer pulls spaCy (2 s, 150 MB), so the data plane never does: `_catalogue` runs
`python -m sentinel.detectors._extract FILE` once per installed version and keeps the result.

What is taken: every pattern recognizer and every phone recognizer of
`presidio_analyzer.predefined_recognizers` with its constructed settings; which of them
`RecognizerRegistry.load_predefined_recognizers(languages=["en"])` switches on; the tables that their
validators use; the defaults of the context enhancer; and the rules of spaCy's blank English tokenizer,
which decide what a context word is.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import sys
from pathlib import Path
from typing import Any

FORMAT = 1


def _settings(recognizer: Any, enabled: bool) -> dict[str, Any]:
    """One recognizer as data. `flags` are those of the package `regex`."""
    return {
        "name": recognizer.name,
        "kind": type(recognizer).__name__,
        "entity": recognizer.supported_entities[0],
        "language": recognizer.supported_language,
        "country": recognizer.country_code() or "",
        "enabled": enabled,
        "context": [str(word) for word in recognizer.context or ()],
        "patterns": [
            {"name": p.name, "regex": p.regex, "score": float(p.score)}
            for p in getattr(recognizer, "patterns", None) or ()
        ],
        "flags": int(getattr(recognizer, "global_regex_flags", 0) or 0),
        "replacement_pairs": [list(pair) for pair in getattr(recognizer, "replacement_pairs", None) or ()],
        "regions": list(getattr(recognizer, "supported_regions", None) or ()),
        "leniency": int(getattr(recognizer, "leniency", 1)),
        "score": float(getattr(recognizer, "SCORE", 0.0)),
    }


def _recognizers() -> list[dict[str, Any]]:
    from presidio_analyzer import PatternRecognizer, predefined_recognizers
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer
    from presidio_analyzer.recognizer_registry import RecognizerRegistry

    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    ours: tuple[type, ...] = (PatternRecognizer, PhoneRecognizer)
    loaded: list[Any] = [r for r in registry.recognizers if isinstance(r, ours)]
    found = {recognizer.name: _settings(recognizer, True) for recognizer in loaded}
    for _, kind in sorted(inspect.getmembers(predefined_recognizers, inspect.isclass)):
        if issubclass(kind, ours) and kind not in ours and kind.__name__ not in found:
            make: Any = kind
            found[kind.__name__] = _settings(make(), False)
    if "PhoneRecognizer" not in found:
        found["PhoneRecognizer"] = _settings(PhoneRecognizer(), True)
    return list(found.values())


def _plain(value: Any) -> Any:
    """Sets become sorted lists, so that JSON can hold them."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset | list | tuple):
        return sorted(_plain(item) for item in value) if isinstance(value, set | frozenset) else list(value)
    return value


def _tables() -> dict[str, Any]:
    """The tables behind validators: data of the package, not algorithms."""
    from presidio_analyzer import predefined_recognizers as all_of_them
    from presidio_analyzer.predefined_recognizers.generic.iban_patterns import regex_per_country

    vehicles = all_of_them.InVehicleRegistrationRecognizer()
    return {
        "iban": dict(regex_per_country),
        "in_vehicle_prefixes": _plain(vehicles.two_factor_registration_prefix),
        "in_vehicle_districts": _plain(vehicles.state_rto_district_map),
        "in_vehicle_diplomatic": _plain(vehicles.in_vehicle_diplomatic_codes),
        "in_vehicle_missions": _plain(vehicles.in_vehicle_foreign_mission_codes),
        "kr_license_regions": _plain(all_of_them.KrDriverLicenseRecognizer.REGION_CODES),
        "sg_uen_entities": _plain(all_of_them.SgUenRecognizer.UEN_FORMAT_C_ENTITY_TYPE),
        "za_provinces": _plain(all_of_them.ZaLicensePlateRecognizer.PROVINCE_SUFFIXES),
    }


def _context() -> dict[str, Any]:
    from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

    enhancer = LemmaContextAwareEnhancer()
    return {
        "factor": enhancer.context_similarity_factor,
        "minimum": enhancer.min_score_with_context_similarity,
        "before": enhancer.context_prefix_count,
        "after": enhancer.context_suffix_count,
        "mode": enhancer.context_matching_mode,
    }


def _tokenizer() -> dict[str, Any]:
    import spacy
    from spacy.attrs import ORTH

    nlp = spacy.blank("en")
    tokenizer: Any = nlp.tokenizer
    return {
        "prefix": tokenizer.prefix_search.__self__.pattern,
        "suffix": tokenizer.suffix_search.__self__.pattern,
        "infix": tokenizer.infix_finditer.__self__.pattern,
        "url": tokenizer.url_match.__self__.pattern,
        "rules": {text: [part[ORTH] for part in parts] for text, parts in tokenizer.rules.items()},
        "stop_words": sorted(nlp.Defaults.stop_words),
    }


def extract() -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": importlib.metadata.version("presidio-analyzer"),
        "recognizers": _recognizers(),
        "tables": _tables(),
        "context": _context(),
        "tokenizer": _tokenizer(),
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(extract(), ensure_ascii=True))

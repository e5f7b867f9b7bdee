"""Reading labelled data: what each area asks a detector, and what is told of broken lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import Role, Stage
from sentinel.evaluation.rows import Case, Malformed, Span, read, sources


def write(folder: Path, place: str, *rows: Any) -> None:
    path = folder / place
    path.parent.mkdir(exist_ok=True)
    lines = b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)


def one(folder: Path, area: str) -> list[Case | Malformed]:
    (source,) = sources(folder, {area})
    return list(read(source))


def test_a_prompt_is_its_own_question(tmp_path: Path) -> None:
    write(
        tmp_path,
        "toxicity/mine.jsonl.gz",
        {"text": "hello", "label": 0, "cluster": "c", "kind": "k", "votes": "2"},
    )
    assert one(tmp_path, "toxicity") == [
        Case(
            "toxicity/mine",
            1,
            "c",
            "k",
            "",
            "hello",
            Background(Stage.INPUT, Role.PROMPT, question="hello"),
            0,
        )
    ]


@pytest.mark.parametrize(
    ("name", "more", "stage", "role"),
    [
        ("mine", {}, Stage.INPUT, Role.PROMPT),
        ("mine", {"role": "context"}, Stage.INPUT, Role.CONTEXT),
        ("mine", {"role": "answer"}, Stage.OUTPUT, Role.ANSWER),
        ("mine", {"role": "system"}, Stage.INPUT, Role.SYSTEM),
        ("bipia_indirect", {}, Stage.INPUT, Role.CONTEXT),
    ],
)
def test_who_speaks(tmp_path: Path, name: str, more: dict[str, str], stage: Stage, role: Role) -> None:
    write(tmp_path, f"injection/{name}.jsonl", {"text": "a text", "label": 1, **more})
    (case,) = one(tmp_path, "injection")
    assert isinstance(case, Case)
    assert (case.background.stage, case.background.role, case.label) == (stage, role, 1)
    assert case.background.context == (("a text",) if role is Role.CONTEXT else ())


def test_an_answer_comes_with_what_it_is_compared_to(tmp_path: Path) -> None:
    row = {"question": "why?", "context": "because", "answer": "so", "label": 1}
    write(
        tmp_path, "groundedness/mine.jsonl", row, {**row, "context": ["a", "", "b"]}, {**row, "context": ""}
    )
    found = one(tmp_path, "groundedness")
    assert [str(case.setting) for case in found if isinstance(case, Case)] == [
        "answer with documents",
        "answer with documents",
        "answer",
    ]
    assert [case.background for case in found if isinstance(case, Case)] == [
        Background(Stage.OUTPUT, Role.ANSWER, "why?", context) for context in (("because",), ("a", "b"), ())
    ]


def test_traffic_is_a_prompt_and_its_answer(tmp_path: Path) -> None:
    write(
        tmp_path,
        "traffic/mine.jsonl",
        {"prompt": "p", "response": "r"},
        {"prompt": "q"},
        {"prompt": "z", "kind": "red_team"},
    )
    found = [case for case in one(tmp_path, "traffic") if isinstance(case, Case)]
    assert [(case.line, case.text, case.background.role, case.ordinary) for case in found] == [
        (1, "p", Role.PROMPT, True),
        (1, "r", Role.ANSWER, True),
        (2, "q", Role.PROMPT, True),
        (3, "z", Role.PROMPT, False),
    ]
    assert found[1].background.question == "p"


def test_spans(tmp_path: Path) -> None:
    write(
        tmp_path, "pii/mine.jsonl", {"text": "Ann is here", "spans": [{"start": 0, "end": 3, "type": "PER"}]}
    )
    (case,) = one(tmp_path, "pii")
    assert isinstance(case, Case) and case.spans == (Span(0, 3, "PER"),)


@pytest.mark.parametrize(
    ("area", "line", "why"),
    [
        ("toxicity", b"{nonsense", "JSON is malformed"),
        ("toxicity", b"[]", "Expected `object`"),
        ("toxicity", b'{"text": "hidden"}', "missing required field `label`"),
        ("toxicity", b'{"text": "hidden", "label": 2}', "`$.label`"),
        ("toxicity", b'{"text": 7, "label": 1}', "`$.text`"),
        ("toxicity", b'{"text": "\xff", "label": 1}', "UTF-8"),
        ("groundedness", b'{"question": "hidden", "label": 1}', "`answer`"),
        ("pii", b'{"text": "hidden", "spans": [{"start": 0, "end": 9, "type": "PER"}]}', "`$.spans[0]`"),
        ("pii", b'{"text": "hidden", "spans": [{"start": 3, "end": 3, "type": "PER"}]}', "`$.spans[0]`"),
        ("pii", b'{"text": "hidden", "spans": [{"start": -1, "end": 3, "type": "PER"}]}', "`$.spans"),
        ("traffic", b'{"response": "hidden"}', "`prompt`"),
    ],
)
def test_a_malformed_line_is_named_and_the_rest_is_read(
    tmp_path: Path, area: str, line: bytes, why: str
) -> None:
    good = {"text": "t", "label": 0, "answer": "a", "prompt": "p", "spans": []}
    write(tmp_path, f"{area}/mine.jsonl", good, line, b"", good)
    first, broken, last = one(tmp_path, area)
    assert isinstance(first, Case) and isinstance(last, Case) and isinstance(broken, Malformed)
    assert (first.line, broken.line, last.line) == (1, 2, 4)
    assert broken.file.endswith(f"{area}/mine.jsonl")
    assert why in broken.why and "hidden" not in broken.why


def test_a_file_that_breaks_off_is_told(tmp_path: Path) -> None:
    write(tmp_path, "toxicity/mine.jsonl.gz", *({"text": f"text {n}", "label": 0} for n in range(2000)))
    path = tmp_path / "toxicity" / "mine.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-200])
    *_, last = one(tmp_path, "toxicity")
    assert isinstance(last, Malformed) and "cannot be read on" in last.why


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "toxicity").mkdir()
    (tmp_path / "toxicity" / "mine.jsonl.gz").write_bytes(b"plain")
    (only,) = one(tmp_path, "toxicity")
    assert isinstance(only, Malformed) and only.line == 1


def test_a_row_without_cluster_is_like_its_copies_alone(tmp_path: Path) -> None:
    write(tmp_path, "toxicity/mine.jsonl", *({"text": text, "label": 0} for text in ("a", "b", "a")))
    first, second, third = (case for case in one(tmp_path, "toxicity") if isinstance(case, Case))
    assert first.cluster == third.cluster != second.cluster


def test_a_folder_without_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no .* in toxicity/, traffic/"):
        sources(tmp_path, {"traffic", "toxicity"})
    with pytest.raises(ConfigError, match="is no folder"):
        sources(tmp_path / "none", {"traffic"})

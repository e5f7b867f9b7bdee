import pytest

from sentinel.core.errors import ConfigError
from sentinel.core.source import dotted, parse

TEXT = """\
# a comment
rules:
  - id: a
    detect:
      detector: pii

      score: 0.5
  - id: b
    tags: [x,
           y]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("rules",), 2),
        (("rules", 0), 3),
        (("rules", 0, "id"), 3),
        (("rules", 0, "detect"), 4),
        (("rules", 0, "detect", "score"), 7),
        (("rules", 0, "detect", "absent"), 4),
        (("rules", 1), 8),
        (("rules", 1, "tags", 1), 10),
        (("rules", 1, "tags", 5), 9),
        (("nowhere", 3, "at", "all"), 2),
    ],
)
def test_lines(path: tuple[str | int, ...], line: int) -> None:
    source, errors = parse(TEXT, "f.yaml")
    assert source is not None and not errors
    assert source.line(path) == line


def test_dotted() -> None:
    assert dotted(("rules", 0, "detect", "score")) == "rules[0].detect.score"
    assert dotted(()) == ""


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("r[1].x", "f.yaml:4: "),
        ("r[1].xy", "f.yaml:4: "),
        ("r[1].x.deep[0]", "f.yaml:4: "),
        ("a.b.c", "f.yaml:1: "),
        ("ab", "f.yaml: "),
    ],
)
def test_a_mistake_found_later_gets_its_place(key: str, place: str) -> None:
    source, _ = parse("a.b: {c: 1}\nr:\n- x: 1\n- x: 2\n", "f.yaml")
    assert source is not None
    assert str(source.placed(ConfigError("is odd", key=key))) == f"{place}{key}: is odd"
    elsewhere = ConfigError("is odd", file="g.yaml", key=key)
    assert source.placed(elsewhere) is elsewhere


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [1, 2\nb: 3\n", "f.yaml:2: is not YAML: did not find expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", "f.yaml:2: is not YAML: found a tab character"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: a: is written twice (also on line 1); keep one"),
        ("r:\n- x: 1\n  x: 2\n", "f.yaml:3: r[0].x: is written twice (also on line 2); keep one"),
        ("a: &b\n  c: *b\n", "f.yaml:2: a.c: is an alias of something that contains it"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: is not YAML: but found another document"),
        ("a: !!python/name:os.system x\n", "f.yaml:1: is not YAML: could not determine a constructor"),
        ("a: \x00\n", "f.yaml:1: is not YAML:"),
    ],
)
def test_mistakes(text: str, error: str) -> None:
    _, errors = parse(text, "f.yaml")
    assert len(errors) == 1
    assert str(errors[0]).startswith(error)


def test_anchors_and_merge_keys() -> None:
    source, errors = parse("base: &base\n  a: 1\n  b: 2\nuse:\n  <<: *base\n  b: 3\n", "f.yaml")
    assert source is not None and not errors
    assert source.value["use"] == {"a": 1, "b": 3}


def test_an_empty_file_is_no_mapping() -> None:
    source, errors = parse("# nothing\n", "f.yaml")
    assert source is not None and source.value is None and not errors

from __future__ import annotations

import pytest

from sentinel.adapters._router import Router


def routed(*opened: tuple[str, str]) -> Router[str]:
    """Open requests (id, model), known as A, B, C in the order in which they were opened."""
    router: Router[str] = Router()
    for letter, (name, model) in zip("ABC", opened, strict=False):
        router.open(letter, name, model)
    return router


@pytest.mark.parametrize(
    ("opened", "name", "model", "strangers", "expected"),
    [
        ([("1", "m"), ("2", "m")], "2", "m", False, "B"),
        ([("1", "m"), ("2", "m")], "2", "another", False, "B"),
        ([("1", "m"), ("1", "n")], "1", "n", False, "B"),  # of one id the one of that model,
        ([("1", "m"), ("1", "m")], "1", "m", False, "A"),  # else the oldest
        ([("", "m"), ("", "m")], "", "m", False, "A"),
        ([("1", "m"), ("2", "m")], "", "", False, "A"),  # an error that names nobody
        ([("1", "m")], "", "", False, "A"),
        ([("1", "m")], "9", "m", False, None),
        ([("1", "m"), ("2", "m")], "9", "m", False, None),
        ([("1", "m")], "9", "m", True, "A"),  # a server that makes ids of its own
        ([("1", "m"), ("2", "m")], "9", "m", True, "A"),
        ([("1", "m"), ("2", "m")], "2", "m", True, "B"),
        ([], "1", "m", True, None),
        ([], "", "", False, None),
    ],
)
def test_whose_an_answer_is(
    opened: list[tuple[str, str]], name: str, model: str, strangers: bool, expected: str | None
) -> None:
    assert routed(*opened).find(name, model, strangers=strangers) == expected


def test_of_one_id_the_next_oldest_follows() -> None:
    router = routed(("1", "m"), ("1", "m"), ("1", "m"))
    seen = []
    while len(router):
        found = router.find("1", "m", strangers=False)
        assert found is not None
        seen.append(found)
        router.close(found)
    assert seen == ["A", "B", "C"]


def test_a_servers_own_id_stays_with_its_request() -> None:
    router = routed(("1", "m"), ("2", "m"))
    assert router.find("x", "m", strangers=True) == "A"
    router.close("A")
    router.open("C", "3", "m")
    assert router.find("y", "m", strangers=True) == "B"
    router.open("D", "4", "m")
    assert router.find("y", "m", strangers=True) == "B"
    assert router.find("x", "m", strangers=True) == "B"  # A is gone


def test_aliases_are_bounded() -> None:
    router = routed(("1", "m"), ("2", "m"))
    for number in range(3000):
        assert router.find(f"x{number}", "m", strangers=True) == "A"
    assert len(router._aliases) == 1024


def test_which_requests_could_not_be_told_apart() -> None:
    router = routed(("1", "m"), ("", "m"))
    assert router.clashes("1", "m")
    assert router.clashes("", "m")
    assert not router.clashes("1", "n")
    assert not router.clashes("2", "m")
    router.close("A")
    assert not router.clashes("1", "m")


def test_closing_twice() -> None:
    router = routed(("1", "m"), ("2", "m"))
    router.close("A")
    router.close("A")
    assert router.items == ["B"]

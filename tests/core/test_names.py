import pytest

from sentinel.core.names import Names


@pytest.mark.parametrize(
    ("patterns", "name", "expected"),
    [
        (("*",), "", True),
        (("*",), "any\nthing", True),
        (("acme",), "acme", True),
        (("acme",), "Acme", False),
        (("acme",), "acme2", False),
        (("",), "", True),
        (("",), "x", False),
        (("beta-*",), "beta-1", True),
        (("beta-*",), "xbeta-1", False),
        (("US_*", "UK_*"), "UK_NHS", True),
        (("US_*", "UK_*"), "IBAN", False),
        (("v?",), "v1", True),
        (("v?",), "v10", False),
        (("a.c",), "abc", False),
        (("exact", "g*"), "exact", True),
        ((), "", False),
    ],
)
def test_names(patterns: tuple[str, ...], name: str, expected: bool) -> None:
    assert (name in Names(patterns)) is expected

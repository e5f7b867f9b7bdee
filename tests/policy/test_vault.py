import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.policy.vault import Numbers, Vault, label

PIECES = [
    "<",
    ">",
    "~",
    "_",
    ".",
    "EMAIL_ADDRESS",
    "_1",
    "<EMAIL_ADDRESS_1>",
    "<EMAIL_ADDRESS_1~>",
    "1",
    "a",
    " ",
]
messy = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=20).map("".join)


def vault_with_one() -> Vault:
    vault = Vault()
    assert vault.pseudonym("EMAIL_ADDRESS", "jane@example.com") == "<EMAIL_ADDRESS_1>"
    return vault


def test_one_value_one_pseudonym() -> None:
    vault = vault_with_one()
    assert vault.pseudonym("EMAIL_ADDRESS", "joe@example.com") == "<EMAIL_ADDRESS_2>"
    assert vault.pseudonym("EMAIL_ADDRESS", "jane@example.com") == "<EMAIL_ADDRESS_1>"
    assert vault.pseudonym("PERSON", "jane@example.com") == "<PERSON_1>"


def test_spellings_share_a_number_and_are_restored_as_written() -> None:
    """`a.b@` and `ab@` have one canonical form and may be two mailboxes: each comes back as it was."""
    vault = Vault()
    written = ["212-555-0142", "(212) 555-0142", "2125550142", "212-555-0143"]
    names = [vault.pseudonym("PHONE_NUMBER", value) for value in written]
    assert names == ["<PHONE_NUMBER_1>", "<PHONE_NUMBER_1.2>", "<PHONE_NUMBER_1.3>", "<PHONE_NUMBER_2>"]
    assert [vault.restore(name) for name in names] == written


@pytest.mark.parametrize(
    ("answer", "restored"),
    [
        ("Dear <EMAIL_ADDRESS_1>,", "Dear jane@example.com,"),
        ("<EMAIL_ADDRESS_1><EMAIL_ADDRESS_1>", "jane@example.comjane@example.com"),
        ("<<EMAIL_ADDRESS_1>>", "<jane@example.com>"),
        ("<EMAIL_ADDRESS_2> <EMAIL_ADDRESS_11> <EMAIL_ADDRESS_01>", None),
        ("<EMAIL_ADDRESS_1.2> <PERSON_1> <email_address_1> EMAIL_ADDRESS_1", None),
        ("<EMAIL_ADDRESS_1", None),
        ("<EMAIL_ADDRESS_1~> and <EMAIL_ADDRESS_1~~>", "<EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_1~>"),
        ("", None),
    ],
)
def test_restore(answer: str, restored: str | None) -> None:
    assert vault_with_one().restore(answer) == (answer if restored is None else restored)


def test_an_empty_vault_changes_nothing() -> None:
    text = "<EMAIL_ADDRESS_1> <EMAIL_ADDRESS_1~>"
    assert Vault().empty and Vault().restore(text) is text
    assert not vault_with_one().empty


def test_another_exchange_restores_nothing_of_this_one() -> None:
    other = Vault()
    other.pseudonym("PERSON", "Jo")
    vault_with_one()
    assert other.restore("<EMAIL_ADDRESS_1>") == "<EMAIL_ADDRESS_1>"


def test_the_bound() -> None:
    vault = Vault(limit=2)
    names = [vault.pseudonym("T", value) for value in ("a", "b", "c", "a", "d")]
    assert names == ["<T_1>", "<T_2>", "<T>", "<T_1>", "<T>"]
    assert vault.dropped == 2
    assert vault.restore(" ".join(names)) == "a b <T> a <T>"


@pytest.mark.parametrize(
    ("type_", "expected"),
    [("EMAIL_ADDRESS", "EMAIL_ADDRESS"), ("private-key", "PRIVATE_KEY"), ("a<1>~", "A_1__"), ("", "VALUE")],
)
def test_label(type_: str, expected: str) -> None:
    assert label(type_) == expected


def test_types_that_share_a_label_never_share_a_pseudonym() -> None:
    vault = Vault()
    names = [vault.pseudonym("a-b", "x"), vault.pseudonym("a_b", "y"), vault.pseudonym("A_B_1", "z")]
    assert [vault.restore(name) for name in names] == ["x", "y", "z"]


@given(messy)
def test_what_looks_like_a_pseudonym_survives(text: str) -> None:
    vault = vault_with_one()
    assert vault.restore(vault.escape(text)) == text


@given(messy)
def test_an_escaped_text_holds_no_pseudonym(text: str) -> None:
    escaped = vault_with_one().escape(text)
    assert not re.search(r"<[A-Z0-9_]+_[1-9][0-9]*(\.[1-9][0-9]*)?>", escaped)
    assert "jane@example.com" not in vault_with_one().restore(escaped)


@given(messy, messy)
def test_escape_is_injective(first: str, second: str) -> None:
    vault = Vault()
    assert (vault.escape(first) == vault.escape(second)) is (first == second)


@given(st.lists(st.tuples(st.sampled_from(["A", "a", "A_1"]), st.text(min_size=1, max_size=6)), max_size=30))
def test_each_value_comes_back(values: list[tuple[str, str]]) -> None:
    vault = Vault()
    for type_, value in values:
        assert vault.restore(vault.pseudonym(type_, value)) == value


def test_vaults_of_one_call_never_give_one_name_to_two_values() -> None:
    numbers = Numbers()
    one, two = Vault(numbers=numbers), Vault(numbers=numbers)
    assert one.pseudonym("PERSON", "Ann") == "<PERSON_1>"
    assert two.pseudonym("PERSON", "Bo") == "<PERSON_2>"
    assert two.restore("<PERSON_1> <PERSON_2>") == "<PERSON_1> Bo"
    two.joined = [one, two]
    assert two.restore("<PERSON_1> <PERSON_2> <PERSON_3>") == "Ann Bo <PERSON_3>"


@given(messy)
def test_a_vault_that_always_escapes_gives_back_what_was_written(text: str) -> None:
    vault = Vault(always=True)
    assert not vault.empty
    assert vault.restore(vault.escape(text)) == text

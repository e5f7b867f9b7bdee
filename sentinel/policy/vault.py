"""Pseudonyms of one exchange: `<EMAIL_ADDRESS_1>` on the way to the model, the value itself on the way back.

Invariants:
- `restore` gives back exactly what was written: one pseudonym stands for one spelling. Spellings of one value
  (core.redact.canonical) share a number, and the further ones carry a suffix: `<PHONE_NUMBER_1>`,
  `<PHONE_NUMBER_1.2>`. So the model can tell that they belong together, and an answer never holds a spelling,
  or with it a value, that was not there.
- Only pseudonyms issued here are restored.
- What the caller wrote in the form of a pseudonym is escaped with `~` (`<EMAIL_ADDRESS_1~>`) on the way in
  and unescaped on the way out, so it can neither be taken for a value nor is it changed:
  restore(escape(text)) == text for every text.

Requests of one call whose answers come mixed have a vault each, with names that are different (`Numbers`), so
that an answer which belongs to another of them gets no wrong value. Where nobody can tell whose an answer is,
the vaults are `joined`, and each restores the others' pseudonyms too.

The order on the way back is fixed: the answer is screened and edited first and restored last; records are
made before. The vault is bounded; beyond the bound a value becomes `<TYPE>`, which is not restored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sentinel.core.redact import canonical

LIMIT = 10_000  # pseudonyms in one exchange

LOOK_ALIKE = re.compile(r"<([A-Z0-9_]+_[1-9][0-9]*(?:\.[1-9][0-9]*)?)(~*)>")
_NOT_IN_LABEL = re.compile(r"[^A-Z0-9_]")


def label(type_: str) -> str:
    """A finding type in the letters of a pseudonym: `private-key` -> `PRIVATE_KEY`."""
    return _NOT_IN_LABEL.sub("_", type_.upper()) or "VALUE"


class Numbers:
    """How many names of each label the vaults of one call have issued."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def next(self, name: str) -> int:
        number = self.counts[name] = self.counts.get(name, 0) + 1
        return number


class Vault:
    """See above. Not for use from several threads at once. `always`: texts are escaped and restored whether
    or not this vault issues anything, for those beside it may."""

    __slots__ = ("_issued", "_limit", "_names", "_numbers", "_of_value", "always", "dropped", "joined")

    def __init__(self, limit: int = LIMIT, numbers: Numbers | None = None, *, always: bool = False) -> None:
        self._limit = limit
        self._names = numbers or Numbers()
        self.always = always
        self.joined: Sequence[Vault] = ()
        self._issued: dict[str, str] = {}  # name -> value
        self._of_value: dict[tuple[str, str], str] = {}  # (label, value) -> name
        self._numbers: dict[tuple[str, str], list[int]] = {}  # (label, canonical) -> [number, spellings]
        self.dropped = 0

    @property
    def empty(self) -> bool:
        """True when nothing was issued, and so nothing was escaped and nothing is to be restored."""
        return not self._issued and not self.always

    def pseudonym(self, type_: str, value: str) -> str:
        """The pseudonym of a value, the same each time within this exchange."""
        name = label(type_)
        known = self._of_value.get((name, value))
        if known is not None:
            return f"<{known}>"
        if len(self._issued) >= self._limit:
            self.dropped += 1
            return f"<{name}>"
        entry = self._numbers.get((name, canonical(value)))
        if entry is None:
            number = self._names.next(name)
            self._numbers[name, canonical(value)] = [number, 1]
            issued = f"{name}_{number}"
        else:
            entry[1] += 1
            issued = f"{name}_{entry[0]}.{entry[1]}"
        self._issued[issued] = value
        self._of_value[name, value] = issued
        return f"<{issued}>"

    def escape(self, text: str) -> str:
        """The text with one more `~` in everything that looks like a pseudonym."""
        return LOOK_ALIKE.sub(r"<\1\2~>", text) if "<" in text else text

    def restore(self, text: str, quote: Callable[[str], str] | None = None) -> str:
        """The text with the values of the pseudonyms issued here, and one `~` less in escaped look-alikes.

        `quote` writes each as the text around it demands. A text is returned as it is when nothing was
        issued, for then nothing was escaped.
        """
        if self.empty or "<" not in text:
            return text
        if quote is None:
            return LOOK_ALIKE.sub(self.value_of, text)
        return LOOK_ALIKE.sub(lambda match: quote(self.value_of(match)), text)

    def value_of(self, match: re.Match[str]) -> str:
        """What stands for a match of LOOK_ALIKE on the way back."""
        name, tildes = match.groups()
        if tildes:
            return f"<{name}{tildes[1:]}>"
        value = self._issued.get(name)
        if value is None:
            others = (vault._issued.get(name) for vault in self.joined)
            value = next((each for each in others if each is not None), match[0])
        return value

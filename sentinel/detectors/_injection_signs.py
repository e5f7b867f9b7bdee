"""What an expression needs that looks for disguises, told of a whole text at once: a text lacks most of it.
Bits, of which there may be more than are right and never fewer; all where the kernel did not look."""

from __future__ import annotations

LONG = 1  # `UNBROKEN` characters without a blank; exact
ESCAPED = 2  # a sign that escapes begin with
NUMBERS = 4  # two numbers in a row
BINARY = 8  # eight binary digits in a row
PAIRS = 16  # two hexadecimal numbers of two digits in a row
APART = 32  # two letters or digits alone
DOTTED = 64  # dots or dashes that are no sentence's end
QUOTED = 128  # a quote or bracket that opens
ALL = 255
UNBROKEN = 16

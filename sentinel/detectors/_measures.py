"""Numbers with units: the same number with another unit of the same kind says something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from sentinel.detectors._wording import Token

Measure = tuple[float, str]  # a value in its own unit, and the unit's name

# Of each kind its units, each with the forms it is written in; the first is its name. `pound` is of two
# kinds. Not told apart: `m`, which stands for million, and tons, which differ by spelling.
_KINDS = (
    "celsius centigrade °c | fahrenheit °f | kelvin",
    "litre liter litres liters ltr | millilitre milliliter millilitres milliliters ml | gallon gallons gal "
    "| pint pints | quart quarts | cup cups | tablespoon tablespoons tbsp | teaspoon teaspoons tsp",
    "metre meter metres meters | kilometre kilometer kilometres kilometers km kms | centimetre centimeter "
    "centimetres centimeters cm | millimetre millimeter millimetres millimeters mm | mile miles "
    "| foot feet ft | inch inches | yard yards yd",
    "kilogram kilogramme kilograms kilogrammes kilo kilos kg kgs | gram gramme grams grammes "
    "| milligram milligrams mg | microgram micrograms mcg µg | pound pounds lb lbs | ounce ounces oz",
    "km/h kmh kph | mph | knot knots",
    "second seconds sec secs | minute minutes min mins | hour hours hr hrs | day days | week weeks "
    "| month months | year years yr yrs | decade decades | century centuries",
    "dollar dollars $ usd | euro euros € eur | pound pounds £ gbp | yen ¥ jpy | cent cents "
    "| rupee rupees inr | yuan cny | franc francs chf | peso pesos | crown crowns",
    "kilobyte kilobytes kb | megabyte megabytes mb | gigabyte gigabytes gb | terabyte terabytes tb",
    "watt watts | kilowatt kilowatts kw | megawatt megawatts mw | gigawatt gigawatts gw",
)
_CARDINALS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety".split()
)
_SIGNS = "$€£¥"
_BEHIND = re.compile(
    r"[\s-]{0,2}(?:(?:hundred|thousand|million|billion|trillion)[\s-])?"
    r"(?:°\s?(?P<short>[CF])\b|(?:(?:degrees?|°)\s)?(?P<unit>km/h|[^\W\d_]{2,12})\b)",
    re.IGNORECASE,
)


@cache
def _names() -> dict[str, str]:
    return {form: unit.split()[0] for kind in _KINDS for unit in kind.split("|") for form in unit.split()}


@cache
def _others() -> dict[str, frozenset[str]]:
    """Unit -> those of its kind that are another."""
    table: dict[str, frozenset[str]] = {}
    for kind in _KINDS:
        units = {unit.split()[0] for unit in kind.split("|")}
        for unit in units:
            table[unit] = table.get(unit, frozenset()) | units - {unit}
    return table


def measures(text: str, found: Sequence[Token]) -> Iterator[tuple[Token, Measure]]:
    """The numbers among a text's tokens that stand with a unit."""
    for token in found:
        if token.value is None or not (token.plain[-1].isdigit() or token.plain in _CARDINALS):
            continue
        unit = token.plain[0] if token.plain[0] in _SIGNS else ""
        if not unit and (match := _BEHIND.match(text, token.end)):
            unit = f"°{match['short']}" if match["short"] else match["unit"]
        if name := _names().get(unit.lower()):
            yield token, (token.value, name)


def in_another_unit(measure: Measure, known: frozenset[Measure]) -> bool:
    """Whether the number is known with another unit of the kind, and not with this one."""
    value, unit = measure
    return measure not in known and any((value, other) in known for other in _others()[unit])

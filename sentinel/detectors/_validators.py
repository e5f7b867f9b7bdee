"""What a recognizer thinks of a match beyond its pattern: of Presidio's recognizers ours, and tested equal to
its `validate_result` and `invalidate_result`.

A validator takes the matched text and its recognizer and answers True (certain: score 1), False (not it:
dropped) or None (the pattern's score stands). `VALIDATORS` names them by the recognizer's class.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import regex

from sentinel.detectors import _checksums as check
from sentinel.detectors import _national_ids as national
from sentinel.detectors._birth_dates import birth_date
from sentinel.detectors._labelled_numbers import labelled_phone
from sentinel.detectors._recognizers import Recognizer
from sentinel.detectors._verdicts import Verdict, bare_of, digits_of, unless

Validator = Callable[[str, Recognizer], Verdict]


# Everywhere


def credit_card(text: str, recognizer: Recognizer) -> Verdict:
    return check.luhn(bare_of(text, recognizer))


def crypto(text: str, recognizer: Recognizer) -> Verdict:
    if text[0] in "13":
        return check.base58check(text)
    return text.startswith("bc1") and check.bech32(text)


_PLAIN_MAIL = re.compile(r"[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+)")


def email(text: str, recognizer: Recognizer) -> Verdict:
    plain = _PLAIN_MAIL.fullmatch(text)
    return _has_suffix(plain[1]) if plain else bool(_suffixes()(text).fqdn)


@lru_cache(2048)  # 4 us otherwise, and few domains have most of the addresses
def _has_suffix(domain: str) -> bool:
    return bool(_suffixes()(domain).fqdn)


@cache
def _suffixes() -> Any:
    """The public suffix list that tldextract ships: the network is never asked."""
    import tldextract

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def iban(text: str, recognizer: Recognizer) -> Verdict:
    """ISO 13616: modulo 97 and the country's own format; a lower-case one keeps the pattern's score."""
    bare = bare_of(text, recognizer)
    moved = (bare[4:] + bare[:2] + "00").upper()
    try:
        number = int("".join(str(int(char, 36)) for char in moved))
    except ValueError:
        return False
    if f"{98 - number % 97:02}" != bare[2:4]:
        return False
    if _iban_format(bare, recognizer):
        return True
    return None if _iban_format(bare.upper(), recognizer) else False


def _iban_format(bare: str, recognizer: Recognizer) -> bool:
    shape = recognizer.tables["iban"].get(bare[:2])
    return bool(shape and regex.match(shape, bare, regex.DOTALL | regex.MULTILINE))


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


def ip_address(text: str, recognizer: Recognizer) -> Verdict:
    if _IPV4.fullmatch(text):
        return None
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return None


_MAC = re.compile("[0-9A-F]{12}")


def mac_address(text: str, recognizer: Recognizer) -> Verdict:
    bare = text.replace(":", "").replace("-", "").replace(".", "").upper()
    return unless(not _MAC.fullmatch(bare) or bare in ("F" * 12, "0" * 12))


def uuid(text: str, recognizer: Recognizer) -> Verdict:
    """RFC 9562: version 1 to 8, variant 8 to b, and not the nil UUID."""
    groups = text.lower().split("-")
    nil = not text.replace("-", "").strip("0")
    return unless(nil or groups[2][0] not in "12345678" or groups[3][0] not in "89ab")


# United States and Canada


def us_ssn(text: str, recognizer: Recognizer) -> Verdict:
    digits = text.replace("-", "").replace(".", "").replace(" ", "")
    if not digits.isdigit():
        digits = digits_of(text)
    mixed = ("-" in text) + ("." in text) + (" " in text) > 1
    empty_group = digits[3:5] == "00" or digits[5:] == "0000" or digits[:3] in ("000", "666")
    known_sample = digits in ("123456789", "987654320", "078051120")
    return unless(mixed or digits == digits[:1] * len(digits) or empty_group or known_sample)


def medical_license(text: str, recognizer: Recognizer) -> Verdict:
    digits = bare_of(text, recognizer)[2:]
    body = digits[:-1]
    odd, even = body[-2::-2], body[-1::-2]
    return (2 * sum(map(int, even)) + sum(map(int, odd)) - int(digits[-1])) % 10 == 0


def aba_routing(text: str, recognizer: Recognizer) -> Verdict:
    return check.weighted(bare_of(text, recognizer), (3, 7, 1) * 3) % 10 == 0


def us_npi(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    if len(set(bare[:-1] or bare)) == 1:
        return False
    return check.luhn("80840" + bare)


def ca_sin(text: str, recognizer: Recognizer) -> Verdict:
    return unless(not check.luhn(digits_of(text)))


# United Kingdom


def uk_nhs(text: str, recognizer: Recognizer) -> Verdict:
    return check.weighted(bare_of(text, recognizer), range(10, -1, -1)) % 11 == 0


def uk_driving_licence(text: str, recognizer: Recognizer) -> Verdict:
    surname = text[:5].upper()
    return unless(surname == "99999" or not re.match("^[A-Z]+9*$", surname))


def uk_vehicle(text: str, recognizer: Recognizer) -> Verdict:
    bare = bare_of(text, recognizer)
    if len(bare) == 7 and bare[:2].isalpha() and bare[2:4].isdigit():
        return 2 <= int(bare[2:4]) <= 29 or 51 <= int(bare[2:4]) <= 79
    return None


# Of recognizers that are on by default, those whose validator never answers True.
ONLY_REJECT = frozenset(
    {
        "BirthDateRecognizer", "IpRecognizer", "LabelledPhoneRecognizer", "MacAddressRecognizer",
        "UsSsnRecognizer", "UuidRecognizer",
    }
)  # fmt: skip

VALIDATORS: dict[str, Validator] = {
    "AbaRoutingRecognizer": aba_routing,
    "AuAbnRecognizer": national.au_abn,
    "AuAcnRecognizer": national.au_acn,
    "AuMedicareRecognizer": national.au_medicare,
    "AuTfnRecognizer": national.au_tfn,
    "BirthDateRecognizer": birth_date,
    "CaSinRecognizer": ca_sin,
    "CreditCardRecognizer": credit_card,
    "CryptoRecognizer": crypto,
    "DeBsnrRecognizer": national.de_bsnr,
    "DeHealthInsuranceRecognizer": national.de_health_insurance,
    "DeIdCardRecognizer": national.de_id_card,
    "DeLanrRecognizer": national.de_lanr,
    "DePassportRecognizer": national.de_passport,
    "DeSocialSecurityRecognizer": national.de_social_security,
    "DeTaxIdRecognizer": national.de_tax_id,
    "DeVatIdRecognizer": national.de_vat_id,
    "EmailRecognizer": email,
    "EsNieRecognizer": national.es_nie,
    "EsNifRecognizer": national.es_nif,
    "FiPersonalIdentityCodeRecognizer": national.fi_identity,
    "IbanRecognizer": iban,
    "InAadhaarRecognizer": national.in_aadhaar,
    "InGstinRecognizer": national.in_gstin,
    "InVehicleRegistrationRecognizer": national.in_vehicle,
    "IpRecognizer": ip_address,
    "ItFiscalCodeRecognizer": national.it_fiscal_code,
    "ItVatCodeRecognizer": national.it_vat_code,
    "KrBrnRecognizer": national.kr_brn,
    "KrDriverLicenseRecognizer": national.kr_driver_license,
    "KrFrnRecognizer": national.kr_foreigner,
    "KrRrnRecognizer": national.kr_resident,
    "LabelledPhoneRecognizer": labelled_phone,
    "MacAddressRecognizer": mac_address,
    "MedicalLicenseRecognizer": medical_license,
    "NgNinRecognizer": national.ng_nin,
    "NhsRecognizer": uk_nhs,
    "PhTinRecognizer": national.ph_tin,
    "PlPeselRecognizer": national.pl_pesel,
    "SeOrganisationsnummerRecognizer": national.se_organisation,
    "SePersonnummerRecognizer": national.se_personal,
    "SgUenRecognizer": national.sg_uen,
    "ThTninRecognizer": national.th_tnin,
    "TrLicensePlateRecognizer": national.tr_license_plate,
    "TrNationalIdRecognizer": national.tr_national_id,
    "UkDrivingLicenceRecognizer": uk_driving_licence,
    "UkVehicleRegistrationRecognizer": uk_vehicle,
    "UsNpiRecognizer": us_npi,
    "UsSsnRecognizer": us_ssn,
    "UuidRecognizer": uuid,
    "ZaCompanyRegistrationRecognizer": national.za_company,
    "ZaDriverLicenseRecognizer": national.za_driver_license,
    "ZaIdNumberRecognizer": national.za_id,
    "ZaIncomeTaxNumberRecognizer": national.za_income_tax,
    "ZaLicensePlateRecognizer": national.za_license_plate,
    "ZaPassportRecognizer": national.za_passport,
    "ZaTrafficRegisterNumberRecognizer": national.za_traffic_register,
    "ZaVatNumberRecognizer": national.za_vat,
}

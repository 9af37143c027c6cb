"""Recognizes international bank account numbers by country and length."""

import re
from typing import Final

_HEAD: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d\d[ A-Z0-9]")
_HEAD_LENGTH: Final = 5
_LONGEST: Final = 48
# The ISO 13616 registry: countries and the lengths of their numbers.
_COUNTRIES: Final = """\
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18
DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23
IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27
MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19
SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
_LENGTHS: Final = {entry[:2]: int(entry[2:]) for entry in _COUNTRIES.split()}


def is_account_number(text: str, start: int) -> bool:
    """Return whether the text at a position is part of an IBAN, with or without spaces."""
    begin = max(0, start - _LONGEST)
    for head in _HEAD.finditer(text, begin, start + _HEAD_LENGTH):
        length = _LENGTHS.get(head[0][:2], 0)
        whole = re.compile(rf"[A-Z0-9](?: ?[A-Z0-9]){{{length - 1}}}(?![A-Za-z0-9])")
        found = whole.match(text, head.start()) if length else None
        if found is not None and start < found.end():
            return True
    return False

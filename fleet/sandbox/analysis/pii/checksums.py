"""The check digits and number rules that tell a real identifier from any number of its length.

Every function takes the characters without separators and answers whether they can be such an identifier.
"""

from collections.abc import Sequence

from fleet.sandbox.analysis.words import word_set


def luhn(digits: str) -> bool:
    """Payment cards, Canadian SIN."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def card(digits: str) -> bool:
    """13 to 19 digits of an issuer that exists, with a right Luhn digit."""
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits)


def aba(digits: str) -> bool:
    """A US bank routing number: nine digits, weights 3 7 1, a Federal Reserve range."""
    ranges = (range(1, 13), range(21, 33), range(61, 73), range(80, 81))
    return (
        len(digits) == 9
        and any(int(digits[:2]) in allowed for allowed in ranges)
        and _weighted(digits, (3, 7, 1, 3, 7, 1, 3, 7, 1)) % 10 == 0
    )


def ssn(digits: str) -> bool:
    """A US Social Security Number: no area 000, 666 or 9xx, no group 00, no serial 0000."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return len(digits) == 9 and area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def itin(digits: str) -> bool:
    """A US Individual Taxpayer Identification Number: 9xx and a group that the IRS gives out."""
    group = int(digits[3:5])
    ranges = (range(50, 66), range(70, 89), range(90, 93), range(94, 100))
    return len(digits) == 9 and digits[0] == "9" and any(group in allowed for allowed in ranges)


def sin(digits: str) -> bool:
    """A Canadian Social Insurance Number."""
    return len(digits) == 9 and digits[0] not in "08" and luhn(digits)


def nhs(digits: str) -> bool:
    """A UK National Health Service number: ten digits, modulo 11."""
    check = 11 - _weighted(digits[:9], range(10, 1, -1)) % 11
    return len(digits) == 10 and check != 10 and check % 11 == int(digits[9])


def utr(digits: str) -> bool:
    """A UK Unique Taxpayer Reference: ten digits, the first one checks the others."""
    return len(digits) == 10 and digits[0] == "21987654321"[_weighted(digits[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11]


def aadhaar(digits: str) -> bool:
    """An Indian Aadhaar number: twelve digits, not from 0 or 1, Verhoeff's check."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _dihedral(check, _VERHOEFF[place % 8][int(digit)])
    return len(digits) == 12 and digits[0] not in "01" and check == 0


def iban(characters: str) -> bool:
    """An International Bank Account Number: the length of its country, modulo 97."""
    if IBAN_LENGTHS.get(characters[:2]) != len(characters):
        return False
    moved = characters[4:] + characters[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def vin(characters: str) -> bool:
    """A vehicle identification number with the check digit that North America asks for, in the ninth place."""
    if len(characters) != 17 or not all(character in _VIN_VALUES for character in characters):
        return False
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum(_VIN_VALUES[character] * weight for character, weight in zip(characters, weights, strict=True))
    return characters[8] == "0123456789X"[total % 11] and not characters.isalpha()


def ip4(dotted: str) -> bool:
    """Four numbers up to 255."""
    return all(int(part) <= 255 for part in dotted.split("."))


IBAN_LENGTHS = {
    pair[:2]: int(pair[2:])
    for pair in word_set(
        "AD24 AE23 AT20 BE16 BG22 BR29 CH21 CY28 CZ24 DE22 DK18 EE20 ES24 FI18 FR27 GB22 GI23 GR27 HR21 HU28 IE22 IL23",
        "IS26 IT27 LI21 LT20 LU20 LV21 MC27 MT31 NL18 NO15 PL28 PT25 RO24 SA24 SE24 SI19 SK24 SM27 TR26 UA29",
    )
}
_VIN_VALUES = {str(digit): digit for digit in range(10)} | dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True)
)


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _dihedral(left: int, right: int) -> int:
    """The product of two elements of the symmetry group of the pentagon: below 5 a turn, from 5 on a reflection."""
    if left < 5:
        return (left + right) % 5 if right < 5 else 5 + (left + right) % 5
    return 5 + (left - right) % 5 if right < 5 else (left - right) % 5


def _permutations() -> list[list[int]]:
    """Verhoeff's permutation applied zero to seven times."""
    step = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    rows = [list(range(10))]
    while len(rows) < 8:
        rows.append([step[value] for value in rows[-1]])
    return rows


_VERHOEFF = _permutations()

"""Invented values for the demo corpus: people, cards, accounts and the like, made by Faker, all of them nobody's.

Promises: the same seed gives the same values, whatever the day; every number has the right check digits.
"""

import random
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from faker import Faker

from fleet.sandbox.passages import WORDS

_PLACE = re.compile(r"\{(\w+)\}")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Value(NamedTuple):
    """A planted value: text[begin:end] of the filled text is personal data of that type."""

    type: str
    begin: int
    end: int


class Planter:
    """Fills the placeholders of sentences. A type in capitals is planted, anything else is only filler."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._faker = Faker("en_US")
        self._faker.seed_instance(seed)
        self._makers = self._planted() | self._filler()

    def fill(self, sentences: Sequence[str], between: str = " ") -> tuple[str, list[Value]]:
        """The sentences as one text, with values for their placeholders, and where the planted ones are."""
        template = between.join(sentences)
        pieces: list[str] = []
        values: list[Value] = []
        length = position = 0
        for place in _PLACE.finditer(template):
            kind = place[1]
            word = self._makers[kind]()
            pieces += (template[position : place.start()], word)
            length += place.start() - position
            if kind.isupper():
                values.append(Value(kind, length, length + len(word)))
            length += len(word)
            position = place.end()
        return "".join(pieces) + template[position:], values

    def _planted(self) -> dict[str, Callable[[], str]]:
        fake, pick = self._faker, self.random
        return {
            "NAME": lambda: f"{fake.first_name()} {fake.last_name()}",
            "EMAIL": fake.email,
            "PHONE": fake.phone_number,
            "ADDRESS": lambda: f"{fake.street_address()}, {fake.city()}, {fake.state_abbr()} {fake.postcode()}",
            "SSN": fake.ssn,
            "USERNAME": fake.user_name,
            "PASSWORD": lambda: fake.password(length=12),
            "DATE_TIME": self._date,
            "AGE": lambda: str(pick.randint(18, 90)),
            "CREDIT_DEBIT_NUMBER": lambda: fake.credit_card_number(pick.choice(("visa16", "mastercard", "amex"))),
            "CREDIT_DEBIT_EXPIRY": lambda: f"{pick.randint(1, 12):02d}/{pick.randint(26, 32)}",
            "CREDIT_DEBIT_CVV": lambda: fake.numerify("###"),
            "PIN": lambda: fake.numerify("####"),
            "BANK_ACCOUNT_NUMBER": lambda: fake.numerify("%###########"),
            "BANK_ROUTING": fake.aba,
            "INTERNATIONAL_BANK_ACCOUNT_NUMBER": fake.iban,
            "SWIFT_CODE": lambda: fake.swift(length=pick.choice((8, 11))),
            "IP_ADDRESS": lambda: pick.choice((fake.ipv4, fake.ipv6))(),
            "MAC_ADDRESS": fake.mac_address,
            "URL": fake.url,
            "AWS_ACCESS_KEY": lambda: "AKIA" + "".join(pick.choices("ABCDEFGHJKLMNPQRSTUVWXYZ234567", k=16)),
            "PASSPORT_NUMBER": lambda: fake.numerify("%########"),
            "DRIVER_ID": lambda: fake.bothify("?#######", letters="ABCDEFGHJKLMNPRSTUVWXYZ"),
            "LICENSE_PLATE": lambda: fake.bothify("#???###", letters="ABCDEFGHJKLMNPRSTUVWXYZ"),
            "VEHICLE_IDENTIFICATION_NUMBER": fake.vin,
        }

    def _filler(self) -> dict[str, Callable[[], str]]:
        fake, pick = self._faker, self.random
        words: dict[str, Callable[[], str]] = {name: partial(pick.choice, listed) for name, listed in WORDS.items()}
        return words | {
            "company": fake.company,
            "partner": fake.company,
            "town": fake.city,
            "person": lambda: f"{fake.first_name()} {fake.last_name()}",
            "date": self._date,
            "money": lambda: f"{pick.randint(1, 99)},{pick.randint(0, 9)}00",
            "days": lambda: pick.choice(("30", "60", "90")),
            "count": lambda: str(pick.randint(12, 950)),
            "percent": lambda: str(pick.randint(2, 15)),
        }

    def _date(self) -> str:
        """A day in one of the usual forms. Faker's own dates depend on today."""
        pick = self.random
        day, month, year = pick.randint(1, 28), pick.randint(1, 12), pick.randint(1995, 2024)
        name = _MONTHS[month - 1]
        return pick.choice((f"{name} {day}, {year}", f"{day} {name} {year}", f"{year}-{month:02d}-{day:02d}"))

"""The sentences of the demo corpus. Our own English; {NAME} and the like stand for planted values.

A placeholder named as a PII type is personal data that the corpus remembers; a lower-case one is a word of the list of
that name, or an invented company or town.
"""

from collections.abc import Mapping, Sequence

REVIEWS: Sequence[str] = (
    "I love this {product}, the {aspect} is excellent and the setup was easy.",
    "The {product} broke after two weeks and the {aspect} is terrible, a complete waste of money.",
    "The {aspect} is great, but the {other} is disappointing.",
    "Our {product} arrived on {date} in a plain box with a manual and two cables.",
    "Staff at the {company} store in {city} were friendly and the {aspect} of the {product} is outstanding.",
    "I am very unhappy with the {other}: the {product} was late, damaged and overpriced.",
    "The {product} is not bad for the price, although the {other} could be better.",
    "We ordered five units for the office in {city} and all of them are in daily use.",
    "Wonderful {aspect}, fast delivery, and the support team solved my problem in ten minutes.",
    "The {other} is awful and the {company} website kept crashing, so I want a refund.",
    "It weighs about three pounds and fits into the bag that I bought last year.",
    "Good screen, poor battery, and the {aspect} is okay at best.",
    "My family enjoyed the {product} at Christmas and we would recommend it to everyone.",
    "The driver was rude, the box was wet, and nobody at {company} answered my call.",
)
TICKETS: Sequence[str] = (
    "My name is {NAME} and I cannot log in; my username is {USERNAME} and my email is {EMAIL}.",
    "Please call me back at {PHONE} about the invoice of {DATE_TIME}, it is wrong again.",
    "The card number {CREDIT_DEBIT_NUMBER}, expiry {CREDIT_DEBIT_EXPIRY}, CVV {CREDIT_DEBIT_CVV}, was charged twice.",
    "The parcel should go to {ADDRESS} and not to the old address.",
    "Somebody from {IP_ADDRESS} tried to sign in; my device has the address {MAC_ADDRESS}.",
    "I wrote my password: {PASSWORD} into the chat by mistake, please reset it soon.",
    "For the refund use account number {BANK_ACCOUNT_NUMBER} with routing number {BANK_ROUTING}, thank you.",
    "You may also send the money to IBAN {INTERNATIONAL_BANK_ACCOUNT_NUMBER}, SWIFT code {SWIFT_CODE}.",
    "Your agent was very helpful and fixed the problem in a few minutes, I am happy with the service.",
    "The page {URL} shows an error since this morning and the whole team is waiting.",
    "I forgot the PIN {PIN} of the tablet that I bought in {city}.",
    "The script of our developer had the key {AWS_ACCESS_KEY} in it, so we have to rotate it.",
)
LETTERS: Sequence[str] = (
    "Dear {NAME},\nwe have received your application of {DATE_TIME} and thank you for your interest in {company}.",
    "According to our records you live at {ADDRESS} and can be reached at {PHONE} or {EMAIL}.",
    "Your Social Security Number {SSN} was used to open the file, please check it with care.",
    "The copy of your passport number {PASSPORT_NUMBER} and your driver's license {DRIVER_ID} is stored in {city}.",
    "The vehicle with VIN {VEHICLE_IDENTIFICATION_NUMBER}, license plate {LICENSE_PLATE}, is insured from next month.",
    "The patient, aged {AGE}, was seen by Dr. {NAME} and may return to work after two weeks.",
    "The contract with {company} ends at the close of the year unless both sides agree to renew it.",
    "Sincerely,\n{NAME}\n{company}",
)
CONTRACTS: Sequence[str] = (
    "This Agreement is made on {date} between {company} of {city} and {partner} of {town}.",
    "The tenant shall pay the rent of ${money} on the first day of each month to the landlord.",
    "Either party may terminate this Agreement with {days} days of written notice.",
    "{company} grants {partner} a limited license to use the software in the United States and Canada.",
    "The supplier delivers {count} units of the {product} to the warehouse in {city} before {date}.",
    "All disputes are settled by the courts of {city}, and the law of England applies.",
    "The parties keep the terms of this Agreement and all documents under it confidential for five years.",
    "The price includes insurance and transport, but not the taxes of the country of delivery.",
    "A delay of more than ten days gives the buyer a discount of {percent} percent on the open invoices.",
    "Signed in {city} by {person}, director of {partner}.",
)
NEWS: Sequence[str] = (
    "{company} opened a new office in {city} on {date} and plans to hire {count} people this year.",
    'Speaking at the {town} Book Festival, {person} presented the novel "The Silent River" to a full house.',
    "Shares of {partner} fell by {percent} percent after the American company cut its forecast.",
    "The University of {town} and Amazon announced a project on clean water worth ${money} million.",
    "Thousands of visitors came to {city} for the World Cup, and the hotels were full for two weeks.",
    "{person}, who has led {company} since 2012, will retire at the end of next month.",
    "The new iPhone was sold out within {count} minutes in Tokyo, Paris and New York.",
    "French and German ministers met in Berlin yesterday to talk about the price of energy.",
    "The river rose by two feet last week, and the city closed three bridges near the harbor.",
    "Critics called the film a masterpiece, while the audience in {city} was less excited.",
)
WORDS: Mapping[str, Sequence[str]] = {
    "product": (
        "laptop",
        "phone",
        "camera",
        "printer",
        "vacuum",
        "kettle",
        "tablet",
        "headphones",
        "watch",
        "keyboard",
    ),
    "aspect": ("screen", "battery", "sound", "design", "performance", "picture", "interface"),
    "other": ("price", "delivery", "packaging", "support", "warranty", "documentation"),
    "city": ("London", "Paris", "Berlin", "Madrid", "Boston", "Chicago", "Seattle", "Toronto", "Sydney", "Dublin"),
}
# What the demo's custom recognizer knows of a contract.
CLAUSES: Mapping[str, Sequence[str]] = {
    "OBLIGATION": ("shall pay", "delivers", "keep", "gives the buyer a discount"),
    "TERMINATION": ("may terminate", "written notice"),
    "JURISDICTION": ("courts", "law of England", "disputes"),
    "LICENSE": ("limited license",),
}

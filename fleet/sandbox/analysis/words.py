"""The closed word classes of English that the detectors share. Our own lists, short on purpose."""

import re


def word_set(*lines: str) -> frozenset[str]:
    """The words of some space-separated lines."""
    return frozenset(" ".join(lines).split())


WORD = r"[^\W_]+(?:['’-][^\W_]+)*"
# Bounded, because phrases made of it are cached.
NAME_WORD = r"[A-ZÀ-ÖØ-Þ][^\W\d_]{0,40}(?:['’-][^\W\d_]{1,40}){0,3}(?!\w)"
# Between two words of one name: a space, and a full stop only behind an initial or a short title.
NAME_GAP = r"(?:(?:(?<=\b[A-Z])|(?<=\bDr)|(?<=\bM[rs])|(?<=\bMrs)|(?<=\bProf)|(?<=\bRev))\.)? "

DETERMINERS = word_set(
    "a an the this that these those my your his her its our their some any each every no another both several many few",
    "all most more much such what which whose other either neither",
)

PRONOUNS = word_set(
    "i me myself we us ourselves you yourself yourselves he him himself she herself it itself they them themselves",
    "mine yours ours theirs who whom someone anyone everyone nobody something anything everything nothing there here",
    "one ones",
)

CONNECTIVES = word_set(
    "and or but nor so yet if then else than because since while although though unless until whether as when where",
    "why how of in on at by for with about against between into through during before after above below to from up",
    "down out off over under again further once per via upon within without along across behind beyond near toward",
    "towards among around despite except like unlike plus not only just very too also even still already always never",
    "ever often sometimes usually soon now today yesterday tomorrow almost quite rather really perhaps maybe however",
    "therefore thus hence please yes ok okay hello hi dear regards sincerely thanks ago away back instead together",
    "later well first next last",
)

VERBS = word_set(
    "am is are was were be been being have has had having do does did doing done will would shall should can could",
    "may might must need needs let lets go goes went gone going get gets got getting make makes made making take",
    "takes took taken taking come comes came coming see sees saw seen know knows knew known think thinks thought say",
    "says said tell tells told ask asks give gives gave given find finds found use uses used using want wants try",
    "tries tried trying keep keeps kept put puts call calls seem seems feel feels felt leave leaves left become",
    "becomes became begin begins began begun bring brings brought hold holds held write writes wrote written stand",
    "stands stood hear hears heard mean means meant set sets meet meets met run runs ran pay pays paid sit sits sat",
    "speak speaks spoke lie lies lead leads led read reads grow grows grew lose loses lost fall falls fell send sends",
    "sent build builds built spend spends spent cut cuts buy buys bought sell sells sold break breaks broke broken",
    "arrive arrives work works love loves hate hates like likes enjoy enjoys recommend recommends agree agrees",
    "include includes provide provides receive receives require requires return returns contact confirm confirms",
    "expect expects happen happens help helps look looks remain remains show shows shown start starts stop stops",
    "thank wait waits live lives move moves believe believes allow allows apply applies submit submits reply replies",
    "won't can't don't cannot",
)

NUMBER_WORDS = word_set(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen twenty thirty",
    "forty fifty sixty seventy eighty ninety hundred thousand million billion dozen half",
)

MONTHS = word_set(
    "January February March April May June July August September October November December",
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec",
)
WEEKDAYS = word_set("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")

# Words that begin a sentence with a capital and are no part of the name that may follow them.
OPENERS = frozenset(
    word.capitalize() for word in DETERMINERS | PRONOUNS | CONNECTIVES | VERBS | NUMBER_WORDS
) | word_set(
    "I I'm I've I'd I'll We're We've We'll It's That's There's Don't Didn't Can't Won't Isn't Wasn't Customer Order",
    "Invoice Ticket Subject Re Fwd Note Terms Agreement Section Article Clause Party Parties Account Email Phone",
    "Address Name Date Contact Summary Total Great Good Bad Best Worst Nice Overall Unfortunately Sadly Happily",
    "Absolutely Honestly Highly Signed Status Priority Effective Payment Delivery Service Quality",
)

_MONTH = "|".join(sorted(MONTHS, key=lambda month: (-len(month), month)))
_TH = r"(?:st|nd|rd|th)?"
# Dates that begin with a month or weekday, and those that begin with a digit; to be matched at a known place.
MONTH_DATE = re.compile(rf"(?:{_MONTH})\.?(?: \d{{1,2}}{_TH}\b(?:,? \d{{4}}\b)?|,? \d{{4}}\b)")
WEEKDAY_DATE = re.compile(
    rf"(?:{'|'.join(sorted(WEEKDAYS))})(?:, (?:{_MONTH})\.? \d{{1,2}}{_TH}\b(?:,? \d{{4}}\b)?)?(?!\w)"
)
DIGIT_DATE = re.compile(
    rf"(?:\d{{4}}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?Z?)?|\d{{1,2}}[/.]\d{{1,2}}[/.](?:\d{{4}}|\d\d)"
    rf"|\d{{1,2}}{_TH} (?:of )?(?:{_MONTH})\b\.?(?:,? \d{{4}}\b)?|\d{{1,2}}:\d\d(?::\d\d)?(?: ?[AaPp]\.?[Mm]\b)?"
    r"|\d{1,2} ?[AaPp][Mm]\b)(?!\w)"
)

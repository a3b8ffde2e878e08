"""The analysis of the emulated service: true offsets for any text, the model's words, answers that make sense."""

import math
from functools import cache
from typing import Any

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.sandbox.analysis import analyse

ARN = "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/clauses"
FRAGMENTS = (
    *("Anna Smith", "Dr. Miller", "Paris", "Amazon", "iPhone 12", "the Super Bowl", '"The Silent River"', "French"),
    *("March 5, 2020", "12 March 2021", "$5,000", "20 percent", "yesterday", "two weeks ago", "http://x.org/a", "#tag"),
    *("I love the screen", "the battery is not good", "but", "very", "awful", "İstanbul", "ﬁne", "ß", "🙂", "中文"),
    *("jane@example.com", "123-45-6789", "password: hunter22", "4111 1111 1111 1111", "(917) 475-6003", "GB82 "),
    *("\u2028", "\n", "\r\n", ".", ", ", "'s", "’", '"', "A.", "e\u0301"),
)
TEXT = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=30).map(" ".join) | st.text()
SPANNED = ("entities", "key_phrases", "pii_entities")


def found(kind: str, text: str, **request: Any) -> list[dict[str, Any]]:
    """The spans of a kind that answers with spans."""
    (spans,) = analyse(kind, text, request).values()
    return list(spans)


@cache
def enum(shape: str) -> set[str]:
    """The words that AWS's own model allows."""
    model = botocore.session.get_session().get_service_model("comprehend")
    return set(model.shape_for(shape).enum)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", SPANNED)
@settings(deadline=None)
@given(text=TEXT)
def test_offsets_point_at_the_text_they_claim(kind: str, text: str) -> None:
    """For any Unicode text: inside it, not empty, in order, without overlaps, and text[Begin:End] is Text."""
    end = 0
    for span in found(kind, text):
        assert end <= span["BeginOffset"] < span["EndOffset"] <= len(text)
        assert span.get("Text", "") in ("", text[span["BeginOffset"] : span["EndOffset"]])
        assert 0 <= span["Score"] <= 1
        end = span["EndOffset"]


@settings(deadline=None)
@given(text=TEXT)
def test_mentions_point_at_the_text_they_claim(text: str) -> None:
    """The same for targeted sentiment, whose spans are mentions; each entity names its most telling one."""
    taken: set[int] = set()
    for entity in found("targeted_sentiment", text):
        begins = [mention["BeginOffset"] for mention in entity["Mentions"]]
        assert begins == sorted(begins)
        assert all(0 <= place < len(begins) for place in entity["DescriptiveMentionIndex"])
        for mention in entity["Mentions"]:
            assert text[mention["BeginOffset"] : mention["EndOffset"]] == mention["Text"] != ""
            assert 0 <= mention["Score"] <= 1
            assert 0 <= mention["GroupScore"] <= 1
            cells = set(range(mention["BeginOffset"], mention["EndOffset"]))
            assert not cells & taken
            taken |= cells


@settings(deadline=None)
@given(text=TEXT)
def test_sentiment_is_the_largest_of_four_scores_that_add_up(text: str) -> None:
    """POSITIVE, NEGATIVE, NEUTRAL or MIXED, with the score of that name on top and a sum of 1."""
    answer = analyse("sentiment", text, {})
    scores = answer["SentimentScore"]

    assert set(scores) == {"Positive", "Negative", "Neutral", "Mixed"}
    assert math.isclose(sum(scores.values()), 1.0, abs_tol=1e-9)
    assert all(0 <= score <= 1 for score in scores.values())
    assert scores[answer["Sentiment"].capitalize()] == max(scores.values())


@pytest.mark.parametrize("kind", ["entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment"])
@settings(deadline=None)
@given(text=TEXT)
def test_the_same_text_gives_the_same_answer(kind: str, text: str) -> None:
    """The analysis is a pure function: nothing that came before changes what it says."""
    assert analyse(kind, text, {}) == analyse(kind, text, {})


@pytest.mark.parametrize(
    ("text", "entity", "words"),
    [
        ("A letter for Anna Jones came.", "PERSON", "Anna Jones"),
        ("We met Dr. Zwick of the clinic.", "PERSON", "Dr. Zwick"),
        ("The train goes to Buenos Aires.", "LOCATION", "Buenos Aires"),
        ("She lives in Zwolle.", "LOCATION", "Zwolle"),
        ("It was built by Acme Widgets Inc.", "ORGANIZATION", "Acme Widgets Inc"),
        ("They met at the University of Zwolle.", "ORGANIZATION", "University of Zwolle"),
        ("My new Galaxy S21 is here.", "COMMERCIAL_ITEM", "Galaxy S21"),
        ("Tickets for the Boston Marathon are sold.", "EVENT", "Boston Marathon"),
        ("It happened on 12 March 2021.", "DATE", "12 March 2021"),
        ("In 1999 it was sold.", "DATE", "1999"),
        ("They came two weeks ago.", "DATE", "two weeks ago"),
        ("That is $5,000.50 in all.", "QUANTITY", "$5,000.50"),
        ("About 20 percent of it.", "QUANTITY", "20 percent"),
        ('He wrote "The Silent River" there.', "TITLE", "The Silent River"),
        ("A French dish.", "OTHER", "French"),
        ("See http://example.org/a.", "OTHER", "http://example.org/a"),
    ],
)
def test_each_of_the_nine_types_is_found(text: str, entity: str, words: str) -> None:
    """One entity in each sentence, of the right type and extent."""
    assert [(span["Type"], span["Text"]) for span in found("entities", text)] == [(entity, words)]


@settings(deadline=None)
@given(text=TEXT)
def test_types_are_those_of_the_model(text: str) -> None:
    """No type that botocore's enums do not know."""
    assert {span["Type"] for span in found("entities", text)} <= enum("EntityType")
    assert {span["Type"] for span in found("pii_entities", text)} <= enum("PiiEntityType") - {"ALL"}
    mentions = [mention for entity in found("targeted_sentiment", text) for mention in entity["Mentions"]]
    assert {mention["Type"] for mention in mentions} <= enum("TargetedSentimentEntityType")


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("I love this phone, it is amazing.", "POSITIVE"),
        ("A terrible hotel with rude staff.", "NEGATIVE"),
        ("This is not good.", "NEGATIVE"),
        ("The staff were never rude and the room was not bad at all.", "POSITIVE"),
        ("The parcel holds two books and a lamp.", "NEUTRAL"),
        ("A great screen, an awful battery.", "MIXED"),
        ("", "NEUTRAL"),
    ],
)
def test_sentiment_follows_the_words(text: str, sentiment: str) -> None:
    """Opinions count, negation turns them, praise and blame together are mixed, and no opinion is neutral."""
    assert analyse("sentiment", text, {})["Sentiment"] == sentiment


def test_an_intensifier_strengthens_an_opinion() -> None:
    """ "Very good" is more positive than "good", and "slightly good" is less."""

    def positive(text: str) -> float:
        return float(analyse("sentiment", text, {})["SentimentScore"]["Positive"])

    assert positive("slightly good") < positive("good") < positive("very good")


def test_each_target_gets_its_own_opinion() -> None:
    """In one sentence the food is praised and the service blamed; the speaker has no opinion of himself."""
    told = {
        mention["Text"]: mention["MentionSentiment"]["Sentiment"]
        for entity in found("targeted_sentiment", "I think the food was great but the service was awful.")
        for mention in entity["Mentions"]
    }

    assert told == {"I": "NEUTRAL", "food": "POSITIVE", "service": "NEGATIVE"}


def test_mentions_of_one_thing_are_one_entity() -> None:
    """Plural and capitals do not matter; the longest mention describes the entity."""
    (phone,) = found("targeted_sentiment", "Phone broken. Phones are bad.")

    assert [mention["Text"] for mention in phone["Mentions"]] == ["Phone", "Phones"]
    assert phone["DescriptiveMentionIndex"] == [1]
    assert phone["Mentions"][0]["GroupScore"] == 1


def test_key_phrases_are_nouns_with_what_belongs_to_them() -> None:
    """A phrase has its determiner, and ends at a verb, a preposition or a comma."""
    phrases = found("key_phrases", "The quick courier brought my new laptop to the office, with two cables.")

    assert [phrase["Text"] for phrase in phrases] == ["The quick courier", "my new laptop", "the office", "two cables"]


def test_a_recognizer_finds_its_terms() -> None:
    """Whole words in any case, under the types that the recognizer was given, and nothing else."""
    recognizers = {ARN: {"DUTY": ("shall pay", "keeps"), "COURT": ("court", "court of London")}}
    text = "Who SHALL PAY keeps his word in the Court of London, not in courtrooms."

    answer = analyse("entities", text, {"EntityRecognizerArn": ARN}, recognizers)

    assert [(span["Type"], span["Text"]) for span in answer["Entities"]] == [
        ("DUTY", "SHALL PAY"),
        ("DUTY", "keeps"),
        ("COURT", "Court of London"),
    ]


@settings(deadline=None)
@given(text=TEXT)
def test_a_recognizer_without_terms_has_a_type_by_its_name(text: str) -> None:
    """The name gives the type, and the version changes nothing."""
    first = analyse("entities", text, {"EntityRecognizerArn": ARN})

    assert {span["Type"] for span in first["Entities"]} <= {"CLAUSES"}
    assert first == analyse("entities", text, {"EntityRecognizerArn": ARN + "/version/2"})


def test_an_unknown_kind_is_refused() -> None:
    """A wrong kind is a mistake of the caller, not an empty answer."""
    with pytest.raises(ValueError, match="topics"):
        analyse("topics", "text", {})

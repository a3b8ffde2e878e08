"""Personal data: every type of AWS's enum is found, checks keep other numbers out, redaction leaves nothing else."""

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.sandbox.analysis import analyse, redact

# Text with the value between angle brackets; nothing else in it is personal data.
EXAMPLES = [
    ("BANK_ACCOUNT_NUMBER", "Use account number <12345678901> for it."),
    ("BANK_ROUTING", "The routing number is <021000021>, as ever."),
    ("CREDIT_DEBIT_NUMBER", "Charge <4111 1111 1111 1111> again."),
    ("CREDIT_DEBIT_CVV", "The CVV is <123>."),
    ("CREDIT_DEBIT_EXPIRY", "It is valid thru <12/27>."),
    ("PIN", "My PIN is <4821> now."),
    ("EMAIL", "Write to <jane.doe+x@mail.example.com>."),
    ("ADDRESS", "Send it to <1234 Oak Street Apt 5, Springfield, CA 90210> soon."),
    ("NAME", "my name is <Zyra Quux> and so on"),
    ("PHONE", "Ring <(917) 475-6003x12> at noon."),
    ("SSN", "It says <123-45-6789> there."),
    ("DATE_TIME", "It was <March 5, 2020> then."),
    ("PASSPORT_NUMBER", "My passport number is <912803456>."),
    ("DRIVER_ID", "The driver's license <F1234567> is old."),
    ("URL", "See <https://example.com/a?b=c>, please."),
    ("AGE", "He is <34 years old> today."),
    ("USERNAME", "The username is <jdoe.99>."),
    ("PASSWORD", "The password: <#hunter2>!"),
    ("AWS_ACCESS_KEY", "We found <AKIAIOSFODNN7EXAMPLE> in it."),
    ("AWS_SECRET_KEY", "The secret access key is <wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY>."),
    ("IP_ADDRESS", "Ping <192.168.0.1> twice."),
    ("IP_ADDRESS", "Ping <2001:db8::8a2e:370:7334> twice."),
    ("MAC_ADDRESS", "The card <00:1b:44:11:3a:b7> is here."),
    ("LICENSE_PLATE", "The license plate is <7ABC123>."),
    ("VEHICLE_IDENTIFICATION_NUMBER", "A car, <1M8GDM9AXKP042788>, in red."),
    ("UK_NATIONAL_INSURANCE_NUMBER", "Mine is <AB 12 34 56 C>, sir."),
    ("CA_SOCIAL_INSURANCE_NUMBER", "Mine is <130 692 502>, sir."),
    ("US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", "Mine is <912-70-1234>, sir."),
    ("UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER", "The UTR is <1123456789>."),
    ("IN_PERMANENT_ACCOUNT_NUMBER", "Mine is <ABCPE1234F>, sir."),
    ("IN_NREGA", "Mine is <RJ-12-345-678-901/234>, sir."),
    ("INTERNATIONAL_BANK_ACCOUNT_NUMBER", "Pay to <GB82 WEST 1234 5698 7654 32> AND WAIT."),
    ("SWIFT_CODE", "The SWIFT code is <DEUTDEFF500>."),
    ("UK_NATIONAL_HEALTH_SERVICE_NUMBER", "My NHS number is <943 476 5919>."),
    ("CA_HEALTH_NUMBER", "My health card <1234-567-890-AB> expired."),
    ("IN_AADHAAR", "Mine is <2341 2341 2346>, sir."),
    ("IN_VOTER_NUMBER", "Mine is <ABC1234567>, sir."),
]
NOT_PERSONAL = [
    "The order 4111 1111 1111 1112 fails its check digit.",
    "No such area: 000-45-6789, 666-45-6789, 123-00-6789.",
    "The part GB83 WEST 1234 5698 7654 32 is in stock.",
    "The routing number is 021000022 in the old system.",
    "Version 999.300.1.2 is out, and 1.2.3 too.",
    "The password reset page and the pin board are gone.",
    "Between 5 and 10 percent of 12,345 units at $99.95 each.",
    "",
]
TEXT = (
    st.lists(
        st.sampled_from(
            [text.replace("<", "").replace(">", "") for _, text in EXAMPLES] + ["\n", "\r\n", "é", "🙂", "\u2028"]
        )
        | st.text(max_size=6),
        max_size=12,
    ).map(" ".join)
    | st.text()
)


def values(text: str) -> list[tuple[str, str]]:
    """Type and text of each span."""
    spans = analyse("pii_entities", text, {})["Entities"]
    return [(span["Type"], text[span["BeginOffset"] : span["EndOffset"]]) for span in spans]


@pytest.mark.parametrize(("kind", "marked"), EXAMPLES)
def test_each_type_is_found_whole_and_alone(kind: str, marked: str) -> None:
    """The value and nothing else, with its type."""
    value = marked[marked.index("<") + 1 : marked.index(">")]

    assert values(marked.replace("<", "").replace(">", "")) == [(kind, value)]


def test_the_examples_have_every_type_of_the_model() -> None:
    """36 types, all but ALL."""
    model = botocore.session.get_session().get_service_model("comprehend")

    assert {kind for kind, _ in EXAMPLES} == set(model.shape_for("PiiEntityType").enum) - {"ALL"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_what_breaks_its_own_rules_is_not_personal_data(text: str) -> None:
    """A wrong check digit, an impossible range or a missing value is no finding of that type."""
    assert {kind for kind, _ in values(text)} <= {"PHONE"}


def test_results_have_no_text() -> None:
    """The service does not repeat personal data in its output (facts 4.2)."""
    (span,) = analyse("pii_entities", "Write to jane@example.com.", {})["Entities"]

    assert set(span) == {"Type", "BeginOffset", "EndOffset", "Score"}


@settings(deadline=None)
@given(TEXT)
def test_a_mask_keeps_length_and_lines(text: str) -> None:
    """Each character but a line end becomes one mask character, and everything outside the spans stays as it was."""
    masked = redact(text, {"PiiEntityTypes": ["ALL"], "MaskMode": "MASK", "MaskCharacter": "#"})

    spans = analyse("pii_entities", text, {})["Entities"]
    hidden = {place for span in spans for place in range(span["BeginOffset"], span["EndOffset"])}
    assert len(masked) == len(text)
    for place, (before, after) in enumerate(zip(text, masked, strict=True)):
        assert after == ("#" if place in hidden and before not in "\r\n" else before)


@settings(deadline=None)
@given(TEXT)
def test_replacement_keeps_the_lines(text: str) -> None:
    """Every line end stays, in order."""
    replaced = redact(text, {"MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"})

    assert [end for end in replaced if end in "\r\n"] == [end for end in text if end in "\r\n"]


def test_replacement_names_the_type() -> None:
    """As in AWS's sample: Jane Doe becomes [NAME] (facts 4.3)."""
    config = {"PiiEntityTypes": ["ALL"], "MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"}

    assert redact("Dear Jane Doe, call 917-475-6003.", config) == "Dear [NAME], call [PHONE]."


def test_only_the_listed_types_are_redacted() -> None:
    """PiiEntityTypes is a filter; what it does not name stays readable."""
    config = {"PiiEntityTypes": ["PHONE"], "MaskMode": "MASK", "MaskCharacter": "!"}

    assert redact("Dear Jane Doe, call 917-475-6003.", config) == "Dear Jane Doe, call !!!!!!!!!!!!."


def test_without_a_mask_mode_a_star_masks() -> None:
    """UNKNOWN at AWS (facts 4.3); here the text is masked, never left readable."""
    assert redact("call 917-475-6003", {}) == "call ************"

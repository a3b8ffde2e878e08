"""Rows 18 to 45 and 50 to 55 of the catalogue: what one manifest line may have wrong, and good lines beside it."""

# ruff: noqa: E501 - a row of the table stands on one line

from typing import Final

from tests.input.rows import Line

__all__ = ["LINES"]

P: Final = "s3://corpus-in/p/"
PII: Final = {"prefix": P, "kinds": ["pii_entities"]}
READER: Final = {"DocumentReadAction": "TEXTRACT_DETECT_DOCUMENT_TEXT"}
KEY: Final = "12345678-1234-1234-1234-123456789012"


def asks(kind: str = "entities", **request: object) -> dict[str, object]:
    """A line with AWS's own members for one kind."""
    return {"prefix": P, "kinds": [kind], "request": {kind: request}}


def at(prefix: str) -> dict[str, object]:
    return {"prefix": prefix}


# fmt: off
LINES: Final = [
    Line(number=4, what="Latin-1", line=b'{"prefix": "s3://corpus-in/\xe9t\xe9/"}', says=("not UTF-8: byte 0xe9 at position 28; save the file as UTF-8",)),
    Line(number=7, what="NUL byte", line=b'{"prefix": "s3://corpus-in/\0/"}', says=("contains a NUL character at position 28",)),
    Line(number=8, what="a line of more than 1 MiB", line=b'{"prefix": "' + b"x" * (1 << 20) + b'"}', says=("longer than 1,048,576 bytes",)),
    Line(number=11, what="JSON that breaks off", line=b'{"prefix": "s3://corpus-in/20', says=("not JSON: Unterminated string starting at character 12",)),
    Line(number=11, what="no JSON", line=b"s3://corpus-in/p/", says=("not JSON: Expecting value at character 1",)),
    Line(number=18, what="a name twice", line=b'{"prefix": "s3://corpus-in/a/", "prefix": "s3://corpus-in/b/"}', says=("'prefix' is given twice",)),
    Line(number=18, what="NaN", line=b'{"prefix": "s3://corpus-in/p/", "request": NaN}', says=("NaN is not JSON",)),
    Line(number=18, what="1e999", line=b'{"prefix": "s3://corpus-in/p/", "request": {"a": 1e999}}', says=("'1e999' is too large a number",)),
    Line(number=18, what="half a surrogate pair", line=b'{"prefix": "s3://corpus-in/\\ud800/"}', says=("contains half of a surrogate pair (U+D800)",)),
    Line(number=18, what="100,000 levels", line=b'{"a":' * 100_000 + b"1" + b"}" * 100_000, says=("nested deeper than 32 levels",)),
    Line(number=18, what="33 levels", line=b'{"prefix": "s3://corpus-in/p/", "request": ' + b"[" * 33 + b"]" * 33 + b"}", says=("nested deeper than 32 levels",)),
    Line(number=18, what="5,000 digits", line=b'{"prefix": "s3://corpus-in/p/", "request": ' + b"9" * 5000 + b"}", says=("a number of 5,000 digits is too long",)),
    Line(number=18, what="no object", line=b'["s3://corpus-in/p/"]', says=("must be a JSON object, not ['s3://corpus-in/p/']",)),
    Line(number=19, what="the metadata service", line=at("http://169.254.169.254/latest/meta-data/"), says=("prefix: 'http://169.254.169.254/latest/meta-data/' is not an S3 URI: write s3://bucket/prefix, with s3 in small letters",)),
    Line(number=20, what="a local file", line=at("file:///etc/passwd"), says=("prefix: 'file:///etc/passwd' is not an S3 URI: write s3://bucket/prefix, with s3 in small letters",)),
    Line(number=21, what="one slash", line=at("s3:/corpus-in/p"), says=("prefix: 's3:/corpus-in/p' is not an S3 URI: write s3://bucket/prefix, with s3 in small letters",)),
    Line(number=21, what="capital letters", line=at("S3://corpus-in/p"), says=("prefix: 'S3://corpus-in/p' is not an S3 URI: write s3://bucket/prefix, with s3 in small letters",)),
    Line(number=21, what="no bucket", line=at("s3://"), says=("prefix: 's3://' has no bucket name: write s3://bucket/prefix",)),
    Line(number=21, what="no bucket but a key", line=at("s3:///key"), says=("prefix: 's3:///key' has no bucket name: write s3://bucket/prefix",)),
    Line(number=22, what="two letters", line=at("s3://ab/p/"), says=("prefix: 's3://ab/p/' has a bucket name of 2 characters: S3 allows 3 to 63",)),
    Line(number=22, what="64 letters", line=at(f"s3://{'b' * 64}/p/"), says=("prefix: 's3://bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb... has a bucket name of 64 characters: S3 allows 3 to 63",)),
    Line(number=22, what="63 letters", line=at(f"s3://{'b' * 63}/p/")),
    Line(number=22, what="upper case", line=at("s3://Corpus-In/p/"), says=("prefix: 's3://Corpus-In/p/' has no valid bucket name: small letters, digits, dots and dashes, with a letter or digit at both ends",)),
    Line(number=22, what="underscore", line=at("s3://corpus_in/p/"), says=("prefix: 's3://corpus_in/p/' has no valid bucket name: small letters, digits, dots and dashes, with a letter or digit at both ends",)),
    Line(number=22, what="two dots", line=at("s3://corpus..in/p/"), says=("prefix: 's3://corpus..in/p/': a bucket name has no two dots in a row and is not an IP address",)),
    Line(number=22, what="like an IP address", line=at("s3://192.168.1.1/p/"), says=("prefix: 's3://192.168.1.1/p/': a bucket name has no two dots in a row and is not an IP address",)),
    Line(number=23, what="access point", line=at("s3://arn:aws:s3:us-east-1:123456789012:accesspoint/a/p"), says=("prefix: 's3://arn:aws:s3:us-east-1:123456789012:accesspoint/a/p' names an access point: Comprehend takes a bucket name",)),
    Line(number=24, what="newline inside", line=at("s3://corpus-in/a\nb/"), says=("prefix: 's3://corpus-in/a\\nb/' contains a control character (U+000A)",)),
    Line(number=24, what="space before", line=at(" s3://corpus-in/p/"), says=("prefix: ' s3://corpus-in/p/' is not an S3 URI: it begins with white space",)),
    Line(number=24, what="space behind", line=at("s3://corpus-in/p/ "), says=("prefix: 's3://corpus-in/p/ ' ends in white space",)),
    Line(number=24, what="space inside, which a key may have", line=at("s3://corpus-in/a b/")),
    Line(number=25, what="dots", line=at("s3://corpus-in/a/../b/"), says=("prefix: 's3://corpus-in/a/../b/': '.' and '..' are no folders in S3; write the whole prefix",)),
    Line(number=25, what="encoded dots", line=at("s3://corpus-in/a/%2e%2E/b/"), says=("prefix: 's3://corpus-in/a/%2e%2E/b/': '.' and '..' are no folders in S3; write the whole prefix",)),
    Line(number=25, what="a percent sign, which a key may have", line=at("s3://corpus-in/100%/")),
    Line(number=27, what="1,025 characters", line=at("s3://corpus-in/" + "k" * 1010), says=("prefix: an S3 URI has at most 1,024 characters, this one has 1,025",)),
    Line(number=27, what="1,024 characters", line=at("s3://corpus-in/" + "k" * 1009)),
    Line(number=27, what="1,025 bytes in fewer characters", line=at("s3://corpus-in/" + "é" * 512 + "/"), says=("prefix: 's3://corpus-in/ééééééééééééééééééééééééééééééééééééééééé...: a key has at most 1,024 bytes in UTF-8, this one has 1,025",)),
    Line(number=28, what="right-to-left override", line=at("s3://corpus-in/\u202etxt.exe/"), says=("prefix: 's3://corpus-in/\\u202etxt.exe/' contains a text direction override (U+202E)",)),
    Line(number=28, what="emoji and other alphabets", line=at("s3://corpus-in/🙂/Grüße/аррӏе/")),
    Line(number=29, what="output within the input", line={"prefix": "s3://corpus-out/"}, says=("prefix: entities: 's3://corpus-out/' would read results that are written below 's3://corpus-out/results/'",)),
    Line(number=29, what="output beside the input", line={"prefix": "s3://corpus-out/texts/"}),
    Line(number=29, what="the line's own output", line={"prefix": P, "output": P}, says=("prefix: entities: 's3://corpus-in/p/' would read results that are written below 's3://corpus-in/p/'",)),
    Line(number=33, what="another case", line={"prefix": P, "kinds": ["Entities"]}, says=("kinds: 'Entities' is unknown: did you mean 'entities'?",)),
    Line(number=33, what="another spelling", line={"prefix": P, "kinds": ["key-phrases"]}, says=("kinds: 'key-phrases' is unknown: did you mean 'key_phrases'?",)),
    Line(number=33, what="no such kind", line={"prefix": P, "kinds": ["syntax"]}, says=("kinds: 'syntax' is unknown: known: entities, key_phrases, pii_entities, sentiment, targeted_sentiment",)),
    Line(number=33, what="one kind good, one bad", line={"prefix": "s3://corpus-in/half/", "kinds": ["sentiment", "sentimint"]}, jobs=1, says=("kinds: 'sentimint' is unknown: did you mean 'sentiment'?",)),
    Line(number=34, what="no such language", line={"prefix": P, "language": "xx"}, says=("language: entities: 'xx' is not supported, only ar, de, en, es, fr, hi, it, ja, ko, pt, zh, zh-TW",)),
    Line(number=34, what="another case", line={"prefix": P, "language": "EN"}, says=("language: entities: 'EN' is not supported: did you mean 'en'?",)),
    Line(number=34, what="not for this kind", line=PII | {"language": "ja"}, says=("language: pii_entities: 'ja' is not supported, only en, es",)),
    Line(number=34, what="for this kind", line={"prefix": "s3://corpus-in/ja/", "language": "ja"}),
    Line(number=35, what="a kind without LanguageCode", line={"prefix": P, "kinds": ["dominant_language"]}, why="fleet runs neither DominantLanguage nor Topics jobs, the kinds that take no LanguageCode.", says=("kinds: 'dominant_language' is unknown: known: entities, key_phrases, pii_entities, sentiment, targeted_sentiment",)),
    Line(number=36, what="a role in a line", line=asks(DataAccessRoleArn="arn:aws:iam::123456789012:role/x"), says=("request.entities.DataAccessRoleArn: entities: comes from the target's data_access_role_arn",)),
    Line(number=37, what="alias for the volume", line=asks(VolumeKmsKeyId="alias/mine"), says=("request.entities.VolumeKmsKeyId: entities: 'alias/mine' is no KMS key: give a key id or a key's ARN (no alias)",)),
    Line(number=37, what="garbage", line=asks(OutputDataConfig={"KmsKeyId": "my key"}), says=("request.entities.OutputDataConfig.KmsKeyId: entities: 'my key' is no KMS key: give a key id, a key's ARN, alias/NAME or an alias's ARN",)),
    Line(number=37, what="alias for the output", line=asks(OutputDataConfig={"KmsKeyId": "alias/mine"})),
    Line(number=37, what="key id", line=asks(VolumeKmsKeyId=KEY)),
    Line(number=38, what="51 tags", line=asks(Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(51)]), says=("request.entities.Tags: entities: a job takes at most 50 tags, here are 51",)),
    Line(number=38, what="AWS's own prefix", line=asks(Tags=[{"Key": "aws:x", "Value": "v"}]), says=("request.entities.Tags[0].Key: entities: 'aws:x': keys that begin with aws: are AWS's own",)),
    Line(number=38, what="empty key", line=asks(Tags=[{"Key": "", "Value": "v"}]), says=("request.entities.Tags[0].Key: entities: needs at least 1 characters, has 0",)),
    Line(number=38, what="a key twice", line=asks(Tags=[{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]), says=("request.entities.Tags[1].Key: entities: 'k' is given twice",)),
    Line(number=38, what="257 characters", line=asks(Tags=[{"Key": "k", "Value": "v" * 257}]), says=("request.entities.Tags[0].Value: entities: takes at most 256 characters, has 257",)),
    Line(number=38, what="50 tags", line=asks(Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(50)])),
    Line(number=39, what="a name of one's own", line=asks(JobName="j" * 257), why="JobName is fleet's own, so no name can be too long or of wrong characters; a label takes what is said.", says=("request.entities.JobName: entities: is fleet's own: it follows from the job's key and attempt",)),
    Line(number=39, what="a long label", line={"prefix": P, "label": "l" * 257}, says=("label: takes at most 256 characters, has 257",)),
    Line(number=39, what="a control character in a label", line={"prefix": P, "label": "a\tb"}, says=("label: 'a\\tb' contains a control character (U+0009)",)),
    Line(number=39, what="emoji in a label", line={"prefix": "s3://corpus-in/label/", "label": "Grüße 🙂"}),
    Line(number=40, what="NumberOfTopics", line=asks(NumberOfTopics="10"), why="Topics jobs are no kind of fleet; the member is unknown to all kinds that are.", says=("request.entities.NumberOfTopics: entities: is unknown: known: InputDataConfig, OutputDataConfig, DataAccessRoleArn, JobName, EntityRecognizerArn, LanguageCode, ClientRequestToken, VolumeKmsKeyId, VpcConfig, Tags, FlywheelArn",)),
    Line(number=41, what="TargetEventTypes", line=asks(TargetEventTypes=[]), why="Events jobs are no kind of fleet (AWS closed them to new customers); the member is unknown.", says=("request.entities.TargetEventTypes: entities: is unknown: known: InputDataConfig, OutputDataConfig, DataAccessRoleArn, JobName, EntityRecognizerArn, LanguageCode, ClientRequestToken, VolumeKmsKeyId, VpcConfig, Tags, FlywheelArn",)),
    Line(number=42, what="redaction of nothing", line=asks("pii_entities", Mode="ONLY_REDACTION"), says=("request.pii_entities.RedactionConfig: pii_entities: Mode ONLY_REDACTION needs a RedactionConfig with PiiEntityTypes",)),
    Line(number=42, what="redaction of no types", line=asks("pii_entities", Mode="ONLY_REDACTION", RedactionConfig={"PiiEntityTypes": []}), says=('request.pii_entities.RedactionConfig.PiiEntityTypes: pii_entities: Mode ONLY_REDACTION needs at least one type here, e.g. ["ALL"]',)),
    Line(number=42, what="redaction", line=asks("pii_entities", Mode="ONLY_REDACTION", RedactionConfig={"PiiEntityTypes": ["ALL"]})),
    Line(number=43, what="documents to be read by Textract, one a line", line={"prefix": P, "input_format": "ONE_DOC_PER_LINE"} | {"request": {"InputDataConfig": {"DocumentReaderConfig": {"DocumentReadAction": "TEXTRACT_DETECT_DOCUMENT_TEXT"}}}}, says=("request.InputDataConfig.DocumentReaderConfig: entities: is for PDF and image files, which cannot be ONE_DOC_PER_LINE",)),
    Line(number=43, what="no such format", line={"prefix": P, "input_format": "one_doc_per_line"}, says=("input_format: entities: 'one_doc_per_line' is not allowed: did you mean 'ONE_DOC_PER_LINE'?",)),
    Line(number=44, what="empty lists", line=asks(VpcConfig={"SecurityGroupIds": [], "Subnets": []}), says=("request.entities.VpcConfig.SecurityGroupIds: entities: needs at least 1 elements, has 0", "request.entities.VpcConfig.Subnets: entities: needs at least 1 elements, has 0")),
    Line(number=45, what="number as string", line=asks("sentiment", Tags=[{"Key": "k", "Value": 7}]), says=("request.sentiment.Tags[0].Value: sentiment: must be a string, not 7",)),
    Line(number=45, what="string for a list", line={"prefix": P, "kinds": "entities"}, says=("kinds: must be a list of strings, such as [\"entities\"], not 'entities'",)),
    Line(number=45, what="truth as string", line={"prefix": P, "label": False}, says=("label: must be a string, not False",)),
    Line(number=45, what="null", line={"prefix": P, "language": None}, says=("language: is null: give a value or leave it out",)),
    Line(number=45, what="missing", line={"kinds": ["entities"]}, says=("prefix: is missing",)),
    Line(number=45, what="nested", line={"prefix": {"s3": P}}, says=("prefix: must be a string, not {'s3': 's3://corpus-in/p/'}",)),
    Line(number=45, what="unknown field", line={"prefix": P, "lang": "en"}, says=("lang: is unknown: did you mean 'language'?",)),
    Line(number=50, what="escape sequence", line={"prefix": P, "label": "\x1b[2J\x1b[31mowned"}, says=("label: '\\x1b[2J\\x1b[31mowned' contains a control character (U+001B)",)),
    Line(number=50, what="carriage return", line={"prefix": P, "label": "ok\rPlan: 0 rejections"}, says=("label: 'ok\\rPlan: 0 rejections' contains a control character (U+000D)",)),
    Line(number=50, what="line separator", line={"prefix": P, "label": "a\u2028b"}, says=("label: 'a\\u2028b' contains a line separator (U+2028)",)),
    Line(number=50, what="in a field's name", line={"prefix": P, "\x1b]0;title\x07": 1}, says=("'\\x1b]0;title\\x07': is unknown: known: prefix, kinds, language, input_format, output, target, label, request",)),
    Line(number=50, what="in a value that is shown", line={"prefix": "\x1b[31m"}, says=("prefix: '\\x1b[31m' contains a control character (U+001B)",)),
    Line(number=51, what="formula in a label", line={"prefix": "s3://corpus-in/formula/", "label": '=HYPERLINK("x")'}),
    Line(number=52, what="HTML in a label", line={"prefix": "s3://corpus-in/html/", "label": "<script>alert(1)</script>"}),
    Line(number=54, what="SQL in a prefix", line=at("s3://corpus-in/'; DROP TABLE jobs;--/")),
    Line(number=55, what="a path for a label", line={"prefix": "s3://corpus-in/path/", "label": "../../etc/passwd"}),
]
# fmt: on

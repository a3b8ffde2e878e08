"""The requests as AWS's developer guide and API pages print them: syntax alone, with their placeholders.

Of the API pages' request syntax the links are taken away. In the PII example the comma that is missing in print, behind
DataAccessRoleArn, is put in.
"""

from typing import Final

__all__ = ["COMMANDS", "PLACEHOLDERS", "SYNTAX"]

_STANDARD: Final = """
{
   "ClientRequestToken": "string",
   "DataAccessRoleArn": "string",
   %s"InputDataConfig": {
      "InputFormat": "string",
      "S3Uri": "string"
   },
   "JobName": "string",
   "LanguageCode": "string",
   "OutputDataConfig": {
      "KmsKeyId": "string",
      "S3Uri": "string"
   },
   "VolumeKmsKeyId": "string",
   "VpcConfig": {
      "SecurityGroupIds": [ "string" ],
      "Subnets": [ "string" ]
   }
}
"""

# The request syntax of API pages, by operation.
SYNTAX: Final = {
    "StartEntitiesDetectionJob": _STANDARD % '"EntityRecognizerArn": "string",\n   ',
    "StartSentimentDetectionJob": _STANDARD % "",
    "StartKeyPhrasesDetectionJob": """
{
   "ClientRequestToken": "string",
   "DataAccessRoleArn": "string",
   "InputDataConfig": {
      "InputFormat": "string",
      "S3Uri": "string"
   },
   "JobName": "string",
   "LanguageCode": "string",
   "OutputDataConfig": {
      "S3Uri": "string"
   }
}
""",
}

# The developer guide's commands, each with the JSON file that it names.
COMMANDS: Final = {
    "StartTargetedSentimentDetectionJob": (
        """
aws comprehend start-targeted-sentiment-detection-job \\
       --job-name "job name" \\
       --language-code "en" \\
       --cli-input-json file://path to JSON input file
""",
        """
{
    "InputDataConfig": {
        "S3Uri": "s3://input bucket/input path",
        "InputFormat": "ONE_DOC_PER_FILE"
    },
    "OutputDataConfig": {
        "S3Uri": "s3://output bucket/output path"
    },
    "DataAccessRoleArn": "arn:aws:iam::account ID:role/data access role"
}
""",
    ),
    "StartPiiEntitiesDetectionJob": (
        """
aws comprehend start-pii-entities-detection-job \\
    --region region \\
    --job-name job name \\
    --cli-input-json file://path to JSON input file
""",
        """
{
  "InputDataConfig": {
      "S3Uri": "s3://input bucket/input path",
      "InputFormat": "ONE_DOC_PER_LINE"
  },
  "OutputDataConfig": {
      "S3Uri": "s3://output bucket/output path"
  },
  "DataAccessRoleArn": "arn:aws:iam::account ID:role/data access role",
  "LanguageCode": "en",
  "Mode": "ONLY_OFFSETS"
}
""",
    ),
    "DescribePiiEntitiesDetectionJob": (
        """
aws comprehend describe-pii-entities-detection-job \\
    --region region \\
    --job-id job ID
""",
        "",
    ),
}

# What a reader puts in place of the guide's placeholders.
PLACEHOLDERS: Final = {
    "input bucket": "corpus-in",
    "input path": "a/",
    "output bucket": "corpus-out",
    "output path": "results/",
    "account ID": "123456789012",
    "data access role": "comprehend-access",
    "path to JSON input file": "request.json",
    "--region region": "--region eu-west-1",
    "job name": "reviews",
}

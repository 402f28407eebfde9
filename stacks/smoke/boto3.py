"""boto3 makes an S3 client and signs the address of Amazon's own example to the signature that their manual has."""

import datetime
from unittest import mock

import boto3
from botocore.config import Config

# "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", with its invented keys.
client = boto3.client(
    "s3",
    region_name="us-east-1",
    endpoint_url="https://s3.amazonaws.com",
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
)
with mock.patch("botocore.auth.datetime") as clock:
    clock.datetime.utcnow.return_value = datetime.datetime(2013, 5, 24)
    url = client.generate_presigned_url("get_object", {"Bucket": "examplebucket", "Key": "test.txt"}, ExpiresIn=86400)
assert url.endswith("Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"), url

"""What keeps data private, encrypted and there."""

import pytest

from tests.template.translated import translated

BUCKETS = ["InboxBucket", "WorkBucket", "ResultsBucket", "ModelsBucket"]
KEY = {"Ref": "KmsKeyArn"}


def test_these_are_all_the_buckets():
    assert sorted(translated().of_type("AWS::S3::Bucket")) == sorted(BUCKETS)


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_private(name):
    bucket = translated().properties(name)
    assert bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_encrypted_with_the_customers_key_where_there_is_one(name):
    assert _encryption(translated(), name) == {"SSEAlgorithm": "AES256"}
    assert _encryption(translated(with_key=True), name) == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}


def _encryption(stack, name):
    (rule,) = stack.properties(name)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return rule["ServerSideEncryptionByDefault"]


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_speak_tls_only(name):
    (policy,) = [
        found["Properties"]["PolicyDocument"]
        for found in translated().of_type("AWS::S3::BucketPolicy").values()
        if found["Properties"]["Bucket"] == {"Ref": name}
    ]
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == "*"
    assert statement["Action"] == "s3:*"
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_forget_unfinished_uploads(name):
    (rule,) = translated().properties(name)["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert ("ExpirationInDays" in rule) == (name == "WorkBucket")


def test_the_inbox_keeps_every_version():
    assert translated().properties("InboxBucket")["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize("name", [*BUCKETS, "LedgerTable"])
def test_data_outlives_the_stack(name):
    resource = translated().template["Resources"][name]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_queues_are_encrypted_with_the_customers_key_where_there_is_one():
    for name, queue in translated().of_type("AWS::SQS::Queue").items():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        with_key = translated(with_key=True).properties(name)
        assert with_key["KmsMasterKeyId"] == KEY
        assert "SqsManagedSseEnabled" not in with_key


def test_ledger_logs_and_alarms_take_the_customers_key_where_there_is_one():
    stack = translated(with_key=True)
    assert stack.properties("LedgerTable")["SSESpecification"]["KMSMasterKeyId"] == KEY
    assert stack.properties("AlarmTopic")["KmsMasterKeyId"] == KEY
    assert {
        group["Properties"]["KmsKeyId"]["Ref"] for group in stack.of_type("AWS::Logs::LogGroup").values()
    } == {"KmsKeyArn"}

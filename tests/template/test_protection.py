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
    statement = _of_bucket(name)["TlsOnly"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == "*"
    assert statement["Action"] == "s3:*"
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def _of_bucket(name):
    (policy,) = [
        found["Properties"]["PolicyDocument"]
        for found in translated().of_type("AWS::S3::BucketPolicy").values()
        if found["Properties"]["Bucket"] == {"Ref": name}
    ]
    return {statement["Sid"]: statement for statement in policy["Statement"]}


@pytest.mark.parametrize(
    ("name", "sid", "what"),
    [("ResultsBucket", "WriteResultsOnce", "predictions/*"), ("ModelsBucket", "WriteModelsOnce", "*")],
)
def test_results_and_models_are_written_once(name, sid, what):
    # "Enforce conditional writes on Amazon S3 buckets": parts of an upload have no condition to carry.
    assert _of_bucket(name)[sid] == {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": {"Fn::Sub": f"${{{name}.Arn}}/{what}"},
        "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
    }


def test_queues_and_the_topic_speak_tls_only():
    kinds = {"AWS::SQS::Queue": "AWS::SQS::QueuePolicy", "AWS::SNS::Topic": "AWS::SNS::TopicPolicy"}
    for kind, policy_kind in kinds.items():
        denied = [
            reference["Ref"]
            for policy in translated().of_type(policy_kind).values()
            for reference in policy["Properties"].get("Queues", policy["Properties"].get("Topics"))
            if _denies_plain_http(policy["Properties"]["PolicyDocument"])
        ]
        assert sorted(denied) == sorted(translated().of_type(kind))


def _denies_plain_http(document):
    (statement,) = [found for found in document["Statement"] if found["Sid"] == "TlsOnly"]
    return (
        (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        and statement["Action"] in {"sqs:*", "sns:Publish"}
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    )


def test_the_topic_admits_alarms_of_this_account():
    # A policy takes the place of the one that SNS makes.
    statement = translated().properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"][0]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sns:Publish")
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_forget_unfinished_uploads(name):
    (rule,) = translated().properties(name)["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert ("ExpirationInDays" in rule) == (name == "WorkBucket")


def test_what_cannot_be_made_again_keeps_every_version():
    versioned = {name for name in BUCKETS if "VersioningConfiguration" in translated().properties(name)}
    assert versioned == {"InboxBucket", "ResultsBucket", "ModelsBucket"}
    for name in versioned:
        assert translated().properties(name)["VersioningConfiguration"] == {"Status": "Enabled"}


def test_the_ledger_cannot_be_deleted_by_a_slip():
    assert translated().properties("LedgerTable")["DeletionProtectionEnabled"] is True


def test_logs_expire():
    for group in translated().of_type("AWS::Logs::LogGroup").values():
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


NAMED = [*BUCKETS, "ModelPackageGroup"]


@pytest.mark.parametrize("name", [*NAMED, "LedgerTable"])
def test_data_outlives_the_stack_and_names_do_not_outlive_a_creation_that_failed(name):
    resource = translated().template["Resources"][name]
    assert resource["DeletionPolicy"] == ("RetainExceptOnCreate" if name in NAMED else "Retain")
    assert resource["UpdateReplacePolicy"] == "Retain"


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

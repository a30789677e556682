"""What the roles may do, and no more."""

import pytest

from tests.template.translated import references, translated

FUNCTION_ROLES = ["PrepareRole", "CollectRole", "SweepRole"]
READ_ONLY_ROLES = ["ResultsApiRole", "PredictRole", "EndpointRole"]
ENDPOINT = "HasRealtimeEndpoint"
# Actions that know no resources, by the service authorization reference of each service.
WITHOUT_RESOURCES = {
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListModelPackages",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


CANNOT_TELL_MISSING_FROM_FORBIDDEN = {"PredictRole": {"ModelsBucket"}}
"""Whoever asks for predictions is told the same of both: an operator has to act. To log which it is,
it would have to list models, which are none of its business."""


def _statements(role, *, with_key=False):
    stack = translated(with_key, true=(ENDPOINT,))
    properties = stack.properties(role)
    documents = [policy["PolicyDocument"] for policy in properties["Policies"]]
    documents += [stack.properties(arn["Ref"])["PolicyDocument"] for arn in properties["ManagedPolicyArns"]]
    return [statement for document in documents for statement in document["Statement"]]


def _actions(statement):
    return {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])


def _resources(statement):
    found = statement["Resource"]
    return found if isinstance(found, list) else [found]


def _allowed(role, *, with_key=False):
    return {action for statement in _statements(role, with_key=with_key) for action in _actions(statement)}


@pytest.mark.parametrize("function", ["Prepare", "Collect", "Sweep", "ResultsApi", "Predict"])
def test_each_function_has_a_role_of_its_own(function):
    role = translated(true=(ENDPOINT,)).properties(f"{function}Function")["Role"]
    assert role == {"Fn::GetAtt": [f"{function}Role", "Arn"]}


@pytest.mark.parametrize("with_key", [False, True])
@pytest.mark.parametrize("role", [*FUNCTION_ROLES, "TransformRole", *READ_ONLY_ROLES])
def test_roles_name_each_action_and_scope_it_where_it_can_be(role, with_key):
    for statement in _statements(role, with_key=with_key):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in _actions(statement))
        if "*" in _resources(statement):
            assert _actions(statement) <= WITHOUT_RESOURCES


@pytest.mark.parametrize("role", FUNCTION_ROLES)
def test_only_the_jobs_role_is_passed_and_only_to_sagemaker(role):
    passing = [statement for statement in _statements(role) if "iam:PassRole" in _actions(statement)]
    starts_jobs = "sagemaker:CreateModel" in _allowed(role)
    assert len(passing) == (1 if starts_jobs else 0)
    for statement in passing:
        assert _actions(statement) == {"iam:PassRole"}
        assert statement["Resource"] == {"Fn::GetAtt": ["TransformRole", "Arn"]}
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


@pytest.mark.parametrize("role", [*FUNCTION_ROLES, *READ_ONLY_ROLES])
def test_jobs_and_models_of_other_stacks_are_out_of_reach(role):
    for statement in _statements(role):
        sagemaker = {action for action in _actions(statement) if action.startswith("sagemaker:")}
        if sagemaker - {"sagemaker:ListModelPackages"}:
            for resource in _resources(statement):
                assert set(references(resource)) & {"JobPrefix", "ModelPackageGroupName", "EndpointName"}


def test_only_prepare_and_the_sweep_start_jobs_and_only_the_sweep_stops_them():
    starting = {role for role in FUNCTION_ROLES if "sagemaker:CreateTransformJob" in _allowed(role)}
    stopping = {role for role in FUNCTION_ROLES if "sagemaker:StopTransformJob" in _allowed(role)}
    assert starting == {"PrepareRole", "SweepRole"}
    assert stopping == {"SweepRole"}


@pytest.mark.parametrize("role", [*FUNCTION_ROLES, "TransformRole", *READ_ONLY_ROLES])
def test_nothing_deletes_data(role):
    deleting = {action for action in _allowed(role) if ":Delete" in action}
    assert deleting <= {"sqs:DeleteMessage"}


@pytest.mark.parametrize("role", [*FUNCTION_ROLES, *READ_ONLY_ROLES])
def test_a_role_that_reads_a_bucket_may_list_it_unconditionally(role):
    # A missing key would answer 403 otherwise; a condition on the prefix is never met by GetObject.
    # Not of results, for those that write them: one is read only where a put has just been refused because it
    # is there.
    statements = _statements(role)
    read = {
        bucket
        for statement in statements
        if "s3:GetObject" in _actions(statement)
        for bucket in references(statement["Resource"])
        if bucket.endswith("Bucket") and (bucket != "ResultsBucket" or role not in FUNCTION_ROLES)
    }
    listed = {
        bucket
        for statement in statements
        if "s3:ListBucket" in _actions(statement) and "Condition" not in statement
        for bucket in references(statement["Resource"])
    }
    assert read - listed == CANNOT_TELL_MISSING_FROM_FORBIDDEN.get(role, set())


@pytest.mark.parametrize("role", ["PrepareRole", "CollectRole"])
def test_who_writes_a_result_may_verify_the_one_that_an_earlier_try_wrote(role):
    allowed = {
        found["Resource"]["Fn::Sub"]: _actions(found)
        for found in _statements(role)
        if set(references(found["Resource"])) == {"ResultsBucket"}
    }
    assert allowed == {
        "${ResultsBucket.Arn}/predictions/*": {"s3:PutObject", "s3:GetObject"},
        "${ResultsBucket.Arn}/rejects/*": {"s3:PutObject"},
    }


def test_prepare_reads_versions():
    assert "s3:GetObjectVersion" in _allowed("PrepareRole")


def test_the_job_writes_under_transform_only():
    for statement in _statements("TransformRole"):
        if "s3:PutObject" in _actions(statement):
            assert statement["Resource"] == {"Fn::Sub": "${WorkBucket.Arn}/transform/*"}


@pytest.mark.parametrize("role", [*FUNCTION_ROLES, "TransformRole"])
def test_the_customers_key_is_usable_only_where_there_is_one(role):
    assert not {action for action in _allowed(role) if action.startswith("kms:")}
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= _allowed(role, with_key=True)


@pytest.mark.parametrize("role", FUNCTION_ROLES)
def test_who_writes_the_ledger_has_what_dynamodb_asks_for_and_only_by_way_of_it(role):
    # GIVEN what the AWS managed key for DynamoDB allows ("DynamoDB encryption at rest usage notes")
    asked_for = {"Encrypt", "Decrypt", "DescribeKey", "CreateGrant"} | {
        *("ReEncryptFrom", "ReEncryptTo"),
        *("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
    }

    by_way = [
        (_actions(found), found["Condition"]["StringEquals"]["kms:ViaService"])
        for found in _statements(role, with_key=True)
        if found["Sid"] == "UseKeyForLedger"
    ]

    assert by_way == [
        (
            {f"kms:{action}" for action in asked_for},
            {"Fn::Sub": "dynamodb.${AWS::Region}.amazonaws.com"},
        )
    ]


@pytest.mark.parametrize("role", READ_ONLY_ROLES)
def test_who_only_reads_only_decrypts(role):
    assert not {action for action in _allowed(role) if action.startswith("kms:")}
    assert {a for a in _allowed(role, with_key=True) if a.startswith("kms:")} == {"kms:Decrypt"}


def test_predicting_takes_that_endpoint_and_its_specs_and_nothing_else():
    # The original work's function had full access.
    assert {statement["Sid"]: _actions(statement) for statement in _statements("PredictRole")} == {
        "Ask": {"sagemaker:InvokeEndpoint"},
        "ReadSpecs": {"s3:GetObject"},
        "Trace": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"},
        "WriteLogs": {"logs:CreateLogStream", "logs:PutLogEvents"},
    }
    of = {statement["Sid"]: statement["Resource"] for statement in _statements("PredictRole")}
    assert of["Ask"]["Fn::Sub"].endswith(":${AWS::AccountId}:endpoint/${EndpointName}")
    assert of["ReadSpecs"] == {"Fn::Sub": "${ModelsBucket.Arn}/${ModelPackageGroupName}/endpoint/*"}
    assert of["WriteLogs"] == {"Fn::GetAtt": ["PredictLogs", "Arn"]}


def test_who_starts_jobs_may_grant_the_key_to_their_volumes():
    for role in ["PrepareRole", "SweepRole", "TransformRole"]:
        assert "kms:CreateGrant" in _allowed(role, with_key=True)

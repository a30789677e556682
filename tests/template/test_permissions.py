"""What the roles may do, and no more."""

import pytest

from tests.template.translated import references, translated

FUNCTION_ROLES = ["PrepareRole", "CollectRole", "SweepRole"]
# Actions that know no resources, by the service authorization reference of each service.
WITHOUT_RESOURCES = {
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListModelPackages",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


def _statements(role, *, with_key=False):
    stack = translated(with_key)
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


@pytest.mark.parametrize("function", ["Prepare", "Collect", "Sweep", "ResultsApi"])
def test_each_function_has_a_role_of_its_own(function):
    role = translated().properties(f"{function}Function")["Role"]
    assert role == {"Fn::GetAtt": [f"{function}Role", "Arn"]}


@pytest.mark.parametrize("with_key", [False, True])
@pytest.mark.parametrize("role", [*FUNCTION_ROLES, "TransformRole", "ResultsApiRole"])
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


@pytest.mark.parametrize("role", [*FUNCTION_ROLES, "ResultsApiRole"])
def test_jobs_and_models_of_other_stacks_are_out_of_reach(role):
    for statement in _statements(role):
        sagemaker = {action for action in _actions(statement) if action.startswith("sagemaker:")}
        if sagemaker - {"sagemaker:ListModelPackages"}:
            for resource in _resources(statement):
                assert set(references(resource)) & {"JobPrefix", "ModelPackageGroupName"}


def test_only_prepare_and_the_sweep_start_jobs_and_only_the_sweep_stops_them():
    starting = {role for role in FUNCTION_ROLES if "sagemaker:CreateTransformJob" in _allowed(role)}
    stopping = {role for role in FUNCTION_ROLES if "sagemaker:StopTransformJob" in _allowed(role)}
    assert starting == {"PrepareRole", "SweepRole"}
    assert stopping == {"SweepRole"}


@pytest.mark.parametrize("role", [*FUNCTION_ROLES, "TransformRole"])
def test_nothing_deletes_data(role):
    deleting = {action for action in _allowed(role) if ":Delete" in action}
    assert deleting <= {"sqs:DeleteMessage"}


@pytest.mark.parametrize("role", FUNCTION_ROLES)
def test_a_role_that_reads_a_bucket_may_list_it_unconditionally(role):
    # A missing key would answer 403 otherwise; a condition on the prefix is never met by GetObject.
    # Not of results, for these: one is read only where a put has just been refused because it is there.
    statements = _statements(role)
    read = {
        bucket
        for statement in statements
        if "s3:GetObject" in _actions(statement)
        for bucket in references(statement["Resource"])
        if bucket != "ResultsBucket"
    }
    listed = {
        bucket
        for statement in statements
        if "s3:ListBucket" in _actions(statement) and "Condition" not in statement
        for bucket in references(statement["Resource"])
    }
    assert read <= listed


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


def test_who_starts_jobs_may_grant_the_key_to_their_volumes():
    for role in ["PrepareRole", "SweepRole", "TransformRole"]:
        assert "kms:CreateGrant" in _allowed(role, with_key=True)

"""The results API: closed but for what is empty, read-only, throttled, and silent about what was asked."""

import json
import re

import pytest

from dropscore.api.openapi import OPERATIONS
from dropscore.domain.drop import ModelVersion
from dropscore.domain.keys import result_key
from dropscore.domain.results import result_schema
from tests.template.translated import translated

OF_THE_ACCOUNT = "${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}"
TOKENS, ORIGINS, ENDPOINT = "ReadersBringTokens", "HasCorsOrigins", "HasRealtimeEndpoint"
READERS_ONLY = {
    "GET /drops",
    "GET /drops/{drop_id}",
    "GET /drops/{drop_id}/predictions",
    "GET /drops/{drop_id}/rejects",
    "GET /jobs/{job}",
    "GET /models",
    "$default",
}
ANYBODY = {
    f"{method} {path}" for method in ("GET", "HEAD") for path in ("/health", "/openapi.json", "/docs", "/")
}
READS = {
    "ReadLedger": ({"dynamodb:BatchGetItem", "dynamodb:GetItem"}, {"LedgerTable"}),
    "FindDrops": (
        {"dynamodb:Query"},
        {f"${{LedgerTable.Arn}}/index/{name}" for name in ("arrivals", "keys", "states", "versions")},
    ),
    "ReadResults": (
        {"s3:GetObject"},
        {"${ResultsBucket.Arn}/predictions/*", "${ResultsBucket.Arn}/rejects/*"},
    ),
    "TellMissingFromForbidden": ({"s3:ListBucket"}, {"ResultsBucket"}),
    "ListModels": ({"sagemaker:ListModelPackages"}, {"*"}),
    "ReadModels": (
        {"sagemaker:DescribeModelPackage"},
        {f"arn:{OF_THE_ACCOUNT}:model-package/${{ModelPackageGroupName}}/*"},
    ),
    "ReadWithKey": ({"kms:Decrypt"}, {"KmsKeyArn"}),
}
WRITES = {
    "Trace": ({"xray:PutTelemetryRecords", "xray:PutTraceSegments"}, {"*"}),
    "WriteLogs": ({"logs:CreateLogStream", "logs:PutLogEvents"}, {"ResultsApiLogs"}),
}
SAYS_NOTHING_OF_THE_QUERY = {
    "requestId",
    "requestTime",
    "routeKey",
    "httpMethod",
    "status",
    "responseLength",
    "responseLatency",
    "integrationLatency",
    "integrationErrorMessage",
    "identity.sourceIp",
    "identity.userArn",
    "authorizer.claims.sub",
    "authorizer.error",
    "error.responseType",
}


def _routes(*true):
    found = translated(true=true).of_type("AWS::ApiGatewayV2::Route").values()
    return {route["Properties"]["RouteKey"]: route["Properties"] for route in found}


@pytest.mark.parametrize("true", [(), (TOKENS,)])
def test_these_are_all_the_routes_and_only_what_is_empty_is_open_to_anybody(true):
    routes = _routes(*true)
    assert {key for key, route in routes.items() if route["AuthorizationType"] == "NONE"} == ANYBODY
    assert set(routes) == ANYBODY | READERS_ONLY


@pytest.mark.parametrize("true", [(), (TOKENS,), (ORIGINS,)])
def test_predictions_are_asked_for_only_where_there_is_an_endpoint(true):
    assert set(_routes(*true, ENDPOINT)) == set(_routes(*true)) | {"POST /predict"}


def test_who_asks_for_predictions_signs_or_brings_a_token_with_a_scope_of_its_own():
    signed, with_token = _routes(ENDPOINT)["POST /predict"], _routes(ENDPOINT, TOKENS)["POST /predict"]
    assert signed["AuthorizationType"] == "AWS_IAM"
    assert not {"AuthorizerId", "AuthorizationScopes"} & set(signed)
    assert with_token["AuthorizationType"] == "JWT"
    assert with_token["AuthorizerId"] == {"Ref": "ResultsApiAuthorizer"}
    assert with_token["AuthorizationScopes"] == ["dropscore/predict"]


def test_predictions_are_the_predict_functions_in_payload_2_within_its_time_and_for_this_route_only():
    stack = translated(true=(ENDPOINT,))
    assert _routes(ENDPOINT)["POST /predict"]["Target"] == {"Fn::Sub": "integrations/${PredictIntegration}"}
    integration = stack.properties("PredictIntegration")
    assert integration["IntegrationUri"] == {"Fn::GetAtt": ["PredictFunction", "Arn"]}
    assert integration["PayloadFormatVersion"] == "2.0"
    assert stack.properties("PredictFunction")["Timeout"] < 30
    permission = stack.properties("PredictPermission")
    assert permission["FunctionName"] == {"Ref": "PredictFunction"}
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["SourceArn"]["Fn::Sub"].endswith(":${ResultsApi}/*/POST/predict")


def test_browsers_of_other_origins_may_not_ask_for_predictions():
    cors = translated(true=(ENDPOINT, ORIGINS)).properties("ResultsApi")["CorsConfiguration"]
    assert cors["AllowMethods"] == ["GET", "HEAD"]


def test_the_functions_routes_are_the_apis():
    # Readers' HEAD goes to $default, which asks who they are.
    documented = {f"GET {operation.path}" for operation in OPERATIONS}
    anonymous = {operation.path for operation in OPERATIONS if operation.anonymous}
    assert documented | {f"HEAD {path}" for path in anonymous} | {"$default"} == set(_routes())
    assert {f"{method} {path}" for method in ("GET", "HEAD") for path in anonymous} == ANYBODY


def test_readers_sign_unless_they_are_to_bring_tokens():
    for key in READERS_ONLY:
        assert _routes()[key]["AuthorizationType"] == "AWS_IAM"
        assert not {"AuthorizerId", "AuthorizationScopes"} & set(_routes()[key])
        with_tokens = _routes(TOKENS)[key]
        assert with_tokens["AuthorizationType"] == "JWT"
        assert with_tokens["AuthorizerId"] == {"Ref": "ResultsApiAuthorizer"}
        assert with_tokens["AuthorizationScopes"] == ["dropscore/read"]


def test_tokens_are_the_issuers_for_the_audience():
    assert not translated().of_type("AWS::ApiGatewayV2::Authorizer")
    authorizer = translated(true=(TOKENS,)).properties("ResultsApiAuthorizer")
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["JwtConfiguration"] == {
        "Issuer": {"Ref": "ApiJwtIssuer"},
        "Audience": [{"Ref": "ApiJwtAudience"}],
    }


def test_tokens_need_an_issuer_and_an_audience():
    rule = translated().template["Rules"]["TokensNeedAnIssuerAndAnAudience"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "ApiAuth"}, "JWT"]}
    assert [one["Assert"] for one in rule["Assertions"]] == [
        {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in ("ApiJwtIssuer", "ApiJwtAudience")
    ]
    assert translated().template["Parameters"]["ApiAuth"]["Default"] == "IAM"


@pytest.mark.parametrize(
    ("parameter", "value", "taken"),
    [
        ("ApiCorsOrigins", "https://example.com", True),
        ("ApiCorsOrigins", "http://localhost:3000,https://example.com", True),
        ("ApiCorsOrigins", "*", False),
        ("ApiCorsOrigins", "https://*.example.com", False),
        ("ApiCorsOrigins", "https://example.com/", False),
        ("ApiJwtIssuer", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc", True),
        ("ApiJwtIssuer", "http://issuer.example", False),
        ("ApiJwtIssuer", "https://issuer.example?x", False),
    ],
)
def test_parameters_take_what_api_gateway_takes_and_no_stars(parameter, value, taken):
    pattern = translated().template["Parameters"][parameter]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is taken


def test_every_route_leads_to_the_function_in_payload_2_within_its_time():
    assert {route["Target"]["Fn::Sub"] for route in _routes().values()} == {
        "integrations/${ResultsApiIntegration}"
    }
    integration = translated().properties("ResultsApiIntegration")
    assert integration["IntegrationUri"] == {"Fn::GetAtt": ["ResultsApiFunction", "Arn"]}
    assert integration["PayloadFormatVersion"] == "2.0"
    # "Maximum integration timeout: 30 seconds" (Quotas for configuring and running an HTTP API)
    assert translated().properties("ResultsApiFunction")["Timeout"] < 30


def test_only_this_api_may_invoke_the_function():
    (permission,) = [
        found["Properties"]
        for found in translated().of_type("AWS::Lambda::Permission").values()
        if found["Properties"]["FunctionName"] == {"Ref": "ResultsApiFunction"}
    ]
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert "SourceAccount" not in permission  # it could keep API Gateway out; the ARN has the account
    assert permission["SourceArn"]["Fn::Sub"].endswith(":${AWS::AccountId}:${ResultsApi}/*")


def test_other_origins_are_let_in_only_where_they_are_named():
    assert "CorsConfiguration" not in translated().properties("ResultsApi")
    cors = translated(true=(ORIGINS,)).properties("ResultsApi")["CorsConfiguration"]
    assert cors["AllowOrigins"] == {"Fn::Split": [",", {"Ref": "ApiCorsOrigins"}]}
    assert cors["AllowMethods"] == ["GET", "HEAD"]
    assert {"authorization", "if-none-match", "accept"} <= set(cors["AllowHeaders"])
    assert {"etag", "link", "location", "retry-after"} <= set(cors["ExposeHeaders"])
    assert "AllowCredentials" not in cors


def test_a_browser_asks_leave_without_credentials_where_origins_are_named_and_nowhere_else():
    # "Configure CORS for HTTP APIs": $default would ask for credentials.
    assert set(_routes(ORIGINS)) - set(_routes()) == {"OPTIONS /{proxy+}"}
    assert _routes(ORIGINS)["OPTIONS /{proxy+}"]["AuthorizationType"] == "NONE"


def test_routes_are_throttled_by_parameters():
    stage = translated().properties("ResultsApiStage")
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ApiRateLimit"},
        "ThrottlingBurstLimit": {"Ref": "ApiBurstLimit"},
    }
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)


def test_what_is_open_to_anybody_has_small_limits_of_its_own():
    stack = translated()
    small = {"Ref": "ApiAnonymousLimit"}
    assert stack.properties("ResultsApiStage")["RouteSettings"] == {
        key: {"ThrottlingRateLimit": small, "ThrottlingBurstLimit": small} for key in ANYBODY
    }
    default = {name: found["Default"] for name, found in stack.template["Parameters"].items()}
    assert default["ApiAnonymousLimit"] * len(ANYBODY) < default["ApiRateLimit"]


def test_the_stage_waits_for_the_routes_that_its_settings_name():
    # "Unable to find Route by key … within the provided RouteSettings" (serverless-application-model 2479)
    stack = translated()
    waits = stack.template["Resources"]["ResultsApiStage"]["DependsOn"]
    assert {stack.properties(name)["RouteKey"] for name in waits} == ANYBODY


def test_the_functions_concurrency_is_reserved_only_where_it_is_asked_for():
    assert "ReservedConcurrentExecutions" not in translated().properties("ResultsApiFunction")
    reserving = translated(true=("ReservesApiConcurrency",)).properties("ResultsApiFunction")
    assert reserving["ReservedConcurrentExecutions"] == {"Ref": "ApiReservedConcurrency"}
    assert translated().template["Conditions"]["ReservesApiConcurrency"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "ApiReservedConcurrency"}, "0"]}]
    }
    assert translated().template["Parameters"]["ApiReservedConcurrency"]["Default"] == 0


def test_the_access_log_is_json_and_says_nothing_of_what_was_asked():
    settings = translated().properties("ResultsApiStage")["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": ["ResultsApiAccessLogs", "Arn"]}
    found = re.findall(r"\$context\.([\w.]+)", settings["Format"])
    assert set(found) == SAYS_NOTHING_OF_THE_QUERY
    assert set(json.loads(settings["Format"]).values()) == {f"$context.{name}" for name in found}
    assert "\n" not in settings["Format"]
    # The limit is 3 KB, by the quotas for an HTTP API.
    assert len(settings["Format"]) < 3_000


@pytest.mark.parametrize("with_key", [False, True])
def test_the_role_can_write_nothing_but_its_own_log_and_traces(with_key):
    # Every statement of the role, none left out: what is not here it cannot do, for no policy of a resource
    # allows it anything either.
    stack = translated(with_key)
    role = stack.properties("ResultsApiRole")
    documents = [policy["PolicyDocument"] for policy in role["Policies"]]
    documents += [stack.properties(arn["Ref"])["PolicyDocument"] for arn in role["ManagedPolicyArns"]]
    granted = {
        statement["Sid"]: (
            set(_listed(statement["Action"])),
            {_name(r) for r in _listed(statement["Resource"])},
        )
        for document in documents
        for statement in document["Statement"]
        if _is_plain_allowance(statement)
    }
    expected = {**READS, **WRITES}
    if not with_key:
        del expected["ReadWithKey"]
    assert granted == expected
    verbs = {action.split(":")[1] for actions, _ in READS.values() for action in actions}
    assert all(re.match(r"Get|BatchGet|Query|List|Describe|Decrypt", verb) for verb in verbs)


def _is_plain_allowance(statement):
    assert statement["Effect"] == "Allow"
    assert not {"NotAction", "NotResource", "Principal"} & set(statement)
    return True


def _listed(value):
    return value if isinstance(value, list) else [value]


def _name(resource):
    if isinstance(resource, str):
        return resource
    return resource.get("Ref") or resource.get("Fn::Sub") or resource["Fn::GetAtt"][0]


def test_no_policy_of_a_resource_allows_a_role_anything():
    kinds = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
    for kind in kinds:
        for policy in translated().of_type(kind).values():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Deny" or set(statement["Principal"]) == {"Service"}


# ---- Athena ----
def _table():
    return translated().properties("PredictionsTable")["TableInput"]


def test_the_table_has_the_fixed_columns_of_a_result_in_their_types():
    hive = {"string": "string", "int64": "bigint", "timestamp[us]": "timestamp", "double": "double"}
    columns = {column["Name"]: column["Type"] for column in _table()["StorageDescriptor"]["Columns"]}
    assert columns == {field.name: hive[str(field.type)] for field in result_schema([])}


def test_projected_partitions_are_where_results_lie():
    parameters = _table()["Parameters"]
    template = parameters["storage.location.template"]["Fn::Sub"]
    values = {"model_group": "g", "model_version": "3", "scored_date": "2026-11-22"}
    place = template.replace("${ResultsBucket}", "results")
    for name, value in values.items():
        place = place.replace(f"${{!{name}}}", value)
    model = ModelVersion(group="g", version=3, package_arn="arn", spec_uri="s3://m/spec", spec_sha256="0")
    assert f"{place}d.parquet" == f"s3://results/{result_key(model, '2026-11-22', 'd')}"
    assert [key["Name"] for key in _table()["PartitionKeys"]] == list(values)
    assert {name: parameters[f"projection.{name}.type"] for name in values} == {
        "model_group": "enum",
        "model_version": "injected",
        "scored_date": "date",
    }
    assert parameters["projection.model_group.values"] == {"Ref": "ModelPackageGroupName"}
    assert parameters["projection.scored_date.range"].endswith(",NOW")
    assert parameters["projection.scored_date.format"] == "yyyy-MM-dd"
    assert parameters["projection.enabled"] == "true"


def test_the_databases_name_is_the_stacks_as_sql_takes_it():
    name = translated().properties("ResultsDatabase")["DatabaseInput"]["Name"]
    assert name == {"Fn::Join": ["_", {"Fn::Split": ["-", {"Ref": "AWS::StackName"}]}]}

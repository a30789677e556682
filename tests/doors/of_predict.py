"""Exercises for the grants of PredictRole, and of EndpointRole, which the endpoint runs with."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from botocore.exceptions import ClientError

from tests.doors.exercises import Act, Exercise
from tests.doors.house import NOTHING_LOGGED, House
from training.endpoint.parts import Size
from training.endpoint.realtime import Patience, RealtimeEndpoint

EVENT = json.loads((Path(__file__).parents[2] / "events" / "predict.json").read_text())
NAME = "dropscore"
ENDPOINT_LOGS = f"/aws/sagemaker/Endpoints/{NAME}"
NO_ENDPOINT_LOG = "the endpoint's log has nothing"


def put_in_service(house: House) -> None:
    """Have the endpoint serve the approved version."""
    endpoint = RealtimeEndpoint(
        house.sagemaker,
        house.s3,
        NAME,
        house.stack.outputs["ModelPackageGroupName"],
        Patience(limit=60, poll=0.1),
    )
    role = house.rights.arn_of("EndpointRole")
    endpoint.up(house.ids["ModelsBucket"], role, Size(), lambda _status, _seconds: None)


def approve_the_same_again(house: House) -> None:
    """Another version, approved until the test is over: a function that is warm does not know it."""
    first = house.sagemaker.describe_model_package(ModelPackageName=house.model.version.arn)
    wanted = ("ModelPackageGroupName", "InferenceSpecification", "CustomerMetadataProperties")
    arn = house.sagemaker.create_model_package(
        **{name: first[name] for name in wanted}, ModelApprovalStatus="Approved"
    )["ModelPackageArn"]
    house.undo.callback(
        house.sagemaker.update_model_package, ModelPackageArn=arn, ModelApprovalStatus="Rejected"
    )


def predict(house: House) -> Act:
    """Somebody asks for a prediction by a version that has never been asked."""
    approve_the_same_again(house)
    put_in_service(house)
    return lambda: house.call("PredictFunction", EVENT)


def put_another_in_service(house: House) -> Act:
    """The endpoint gets a model that it has not had."""

    def act() -> str:
        approve_the_same_again(house)
        try:
            put_in_service(house)
        except ClientError as error:
            return str(error)
        return ""

    return act


def fail(house: House) -> Act:
    """The container of a new version fails over a row, and says so in its log."""

    def act() -> str:
        if house.has_log_group(ENDPOINT_LOGS):
            house.logs.delete_log_group(logGroupName=ENDPOINT_LOGS)
        approve_the_same_again(house)
        put_in_service(house)
        with contextlib.suppress(ClientError):
            house.stack.client("sagemaker-runtime").invoke_endpoint(
                EndpointName=NAME, Body=b"no number", ContentType="text/csv", Accept="text/csv"
            )
        if not house.has_log_group(ENDPOINT_LOGS):
            return NO_ENDPOINT_LOG
        return "\n".join(house.take_log(ENDPOINT_LOGS)) or NO_ENDPOINT_LOG

    return act


_LOGS = "log-group:/aws/sagemaker/Endpoints/EndpointName*"

EXERCISES = {
    "PredictRole Ask sagemaker:InvokeEndpoint endpoint/EndpointName": Exercise(predict),
    "PredictRole ReadSpecs s3:GetObject ModelsBucket/ModelPackageGroupName/endpoint/*": Exercise(
        predict, r"cannot be read \(AccessDenied\)"
    ),
    **{
        f"PredictRole WriteLogs logs:{action} PredictLogs": Exercise(predict, NOTHING_LOGGED)
        for action in ("CreateLogStream", "PutLogEvents")
    },
    "EndpointRole ReadModels s3:GetObject ModelsBucket/*": Exercise(
        put_another_in_service, 'Could not access model data.*"s3:GetObject" permissions'
    ),
    **{
        f"EndpointRole WriteLogs logs:{action} {_LOGS}": Exercise(
            fail, NO_ENDPOINT_LOG, again=action == "PutLogEvents"
        )
        for action in ("CreateLogGroup", "CreateLogStream", "PutLogEvents")
    },
}

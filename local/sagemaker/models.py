"""Models: what a transform job runs."""

from __future__ import annotations

from local.sagemaker.authorization import SAGEMAKER, require_passable, require_tagging
from local.sagemaker.call import Call
from local.sagemaker.errors import ValidationError
from local.sagemaker.instance.location import parse_location
from local.sagemaker.listing import Order, list_page, within
from local.sagemaker.neighbours import has_object, role_allows
from local.sagemaker.registry import APPROVED, find_package
from local.sagemaker.store import Document, Model, ModelContainer, Store

_ORDER: Order[Model] = Order(
    {"Name": lambda model: model.name, "CreationTime": lambda model: model.created},
    "CreationTime",
    "Descending",
)


def find_model(store: Store, name: str) -> Model:
    """The model of that name, or ValidationError."""
    for model in store.models.values():
        if model.name == name:
            return model
    raise ValidationError(
        f'Could not find model "arn:aws:sagemaker:{store.region}:{store.account}:model/{name.lower()}".'
    )


def _create(call: Call) -> Document:
    wanted = call.parameters
    arn = call.arn("model", wanted["ModelName"])
    if arn in call.store.models:
        raise ValidationError(f'Cannot create already existing model "{arn}".')
    role = wanted.get("ExecutionRoleArn")
    if not role:
        raise ValidationError("You must provide an ExecutionRoleArn")
    require_passable(call, role)
    require_tagging(call, arn)
    container = _resolve(call.store, _only_container(wanted))
    if container.artifact:
        _require_readable(call.store, role, container.artifact)
    call.store.models[arn] = Model(wanted["ModelName"], arn, role, wanted, container)
    call.store.tag(arn, wanted.get("Tags", []))
    return {"ModelArn": arn}


def _only_container(wanted: Document) -> Document:
    if wanted.get("PrimaryContainer") and wanted.get("Containers"):
        raise ValidationError("You must provide either PrimaryContainer or Containers, not both")
    containers: list[Document] = wanted.get("Containers") or [wanted.get("PrimaryContainer") or {}]
    if len(containers) > 1:
        raise ValidationError(
            "the embedded SageMaker runs models of one container; this one has " + str(len(containers))
        )
    return containers[0]


def _resolve(store: Store, container: Document) -> ModelContainer:
    """The container a definition stands for, its model package looked up."""
    definition = container
    if container.get("ModelPackageName"):
        package = find_package(store, container["ModelPackageName"])
        if package.approval != APPROVED:
            raise ValidationError(
                f"Cannot create Model with ModelPackage {package.arn}: its ModelApprovalStatus is "
                f"{package.approval}, and only {APPROVED} packages can be deployed."
            )
        definition = package.details.get("InferenceSpecification", {}).get("Containers", [{}])[0]
    if not definition.get("Image"):
        raise ValidationError("You must provide an Image or a ModelPackageName for the container")
    environment = {**definition.get("Environment", {}), **container.get("Environment", {})}
    return ModelContainer(definition["Image"], definition.get("ModelDataUrl"), environment)


def _require_readable(store: Store, role: str, artifact: str) -> None:
    """SageMaker looks for the artifact, in the role's name, when the model is created."""
    bucket, key = parse_location(artifact)
    if not role_allows(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", store.region):
        raise ValidationError(
            f'Could not access model data at {artifact}. Please ensure that the role "{role}" exists and '
            'that its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
            f'"{SAGEMAKER}". Also ensure that the role has "s3:GetObject" permissions and that the object is '
            f"located in {store.region}."
        )
    if not has_object(bucket, key):
        raise ValidationError(f"Could not find model data at {artifact}.")


def _describe(call: Call) -> Document:
    model = find_model(call.store, call.parameters["ModelName"])
    shown = {name: value for name, value in model.request.items() if name != "Tags"}
    return {**shown, "ModelArn": model.arn, "CreationTime": model.created}


def _delete(call: Call) -> Document:
    model = find_model(call.store, call.parameters["ModelName"])
    del call.store.models[model.arn]
    return {}


def _list(call: Call) -> Document:
    wanted = call.parameters
    models = [
        model
        for model in call.store.models.values()
        if wanted.get("NameContains", "") in model.name and within(wanted, "CreationTime", model.created)
    ]
    return list_page(models, wanted, _ORDER).response("Models", _summary)


def _summary(model: Model) -> Document:
    return {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created}


OPERATIONS = {"CreateModel": _create, "DescribeModel": _describe, "DeleteModel": _delete, "ListModels": _list}

"""The end of the smoke test: what it made is removed, and what stays is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from dropscore.aws.clients import error_code, error_message
from dropscore.domain.catalogue import Arrived, ByVersion, InState
from dropscore.domain.drop import DropState
from dropscore.domain.errors import DropscoreError
from dropscore.domain.serving import Serving
from ops.smoke.frame import Smoke
from ops.smoke.items_api import endpoint_of
from training.registry.details import describe

REJECTED = DropState.REJECTED


@dataclass
class Cleaned:
    """What came of it.

    Attributes
    ----------
    removed
        What is gone again.
    left
        What could not be removed, and why: somebody has to.
    kept
        What stays by design.
    others
        Keys of other drops that the test's version has scored, or that were rejected meanwhile.
    """

    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def clean(smoke: Smoke) -> Cleaned:
    """Remove all that the test made; one step that fails does not keep the others from it."""
    done = Cleaned()
    _step(done, "the test's drops", partial(_settle, smoke, done))
    _step(done, "the model version", partial(_reject, smoke))
    _step(done, "other drops", partial(_find_others, smoke, done))
    _step(done, "the endpoint", partial(_take_endpoint_down, smoke, done))
    _step(done, "the model version", partial(_delete_version, smoke, done))
    _step(done, "results", partial(_note_results, smoke))
    for bucket, prefix in dict.fromkeys(smoke.made.prefixes):
        _step(done, f"s3://{bucket}/{prefix}", partial(_delete_objects, smoke, done, bucket, prefix))
    return done


def _step(done: Cleaned, what: str, step: Callable[[], None]) -> None:
    try:
        step()
    except ClientError as error:
        told = f"{error.operation_name}: {error_code(error)}: {error_message(error)}"
        done.left.append(f"{what} ({told})")
    except (BotoCoreError, DropscoreError, OSError, KeyError) as error:
        done.left.append(f"{what} ({error})")
    except KeyboardInterrupt:
        done.left.append(f"{what} (interrupted)")


def _settle(smoke: Smoke, done: Cleaned) -> None:
    """Wait for the test's drops: one whose version is rejected waits for the next one.

    Not while other drops would be scored by the test's version meanwhile.
    """
    if not smoke.made.drops:
        return
    if smoke.replaced:
        _reject(smoke)
    wanted = len(smoke.made.drops)

    def settled() -> bool:
        drops = smoke.drops().values()
        return len(drops) == wanted and all(drop.state.final for drop in drops)

    smoke.patience.until(settled, smoke.patience.settle)
    done.left += [
        f"{name}: the ledger has not heard of it" for name in smoke.made.drops if name not in smoke.drops()
    ]
    for name, drop in smoke.drops().items():
        told = done.kept if drop.state.final else done.left
        told.append(f"drop {drop.drop_id} ({name}) in the ledger: {drop.state}")


def _reject(smoke: Smoke) -> None:
    version = smoke.made.version
    if version and smoke.registry.version(version.number).status != "Rejected":
        smoke.registry.decide(version.number, "Rejected", f"end of smoke test {smoke.run}")


def _find_others(smoke: Smoke, done: Cleaned) -> None:
    """Drops that are not the test's, and that its version has scored, or that were rejected meanwhile."""
    version, ledger = smoke.made.version, smoke.ledger
    if version is None:
        return
    found = [drop for page in ledger.select(ByVersion(version.number), Arrived()) for drop in page]
    found += [drop for page in ledger.select(InState(REJECTED), Arrived(smoke.started)) for drop in page]
    found += [drop for drop in ledger.known(smoke.open_before).values() if drop.state is REJECTED]
    keys = {drop.source.key for drop in found if drop.drop_id not in smoke.made.drops.values()}
    done.others += sorted(keys)


def _take_endpoint_down(smoke: Smoke, done: Cleaned) -> None:
    """Delete the endpoint that the test has brought up, and the feature spec that was put for it."""
    if not smoke.made.endpoint or smoke.made.version is None:
        return
    recorded = describe(smoke.registry, smoke.made.version).recorded
    serving = Serving.of(smoke.made.version.number, recorded["feature_spec_sha256"])
    smoke.made.prefixes.append((smoke.stack.resource("ModelsBucket"), serving.spec_key(smoke.stack.group)))
    done.removed += endpoint_of(smoke).down(lambda *_: None)


def _delete_version(smoke: Smoke, done: Cleaned) -> None:
    """Delete the SageMaker model, and then the package that it was made of.

    In this order: no document says that a version's number is never given again (`smoke:
    none`), and a model is found by it.
    """
    version = smoke.made.version
    if version is None:
        return
    if jobs := [job.name for job in smoke.ledger.open_jobs() if job.model.package_arn == version.arn]:
        done.left.append(f"model version {version.number}, rejected: job {jobs[0]} still uses it")
        return
    sagemaker = smoke.client("sagemaker")
    name = smoke.ledger.versions.get(version.arn).model_name
    if name:
        sagemaker.delete_model(ModelName=name)
        done.removed.append(f"SageMaker model {name}")
    sagemaker.delete_model_package(ModelPackageName=version.arn)
    done.removed.append(f"model version {version.number}")


def _note_results(smoke: Smoke) -> None:
    """Have the results of the test's drops removed, too."""
    for drop in smoke.drops().values():
        for uri in filter(None, (drop.result_uri, drop.rejects_uri)):
            bucket, key = uri.removeprefix("s3://").split("/", 1)
            smoke.made.prefixes.append((bucket, key))


def _delete_objects(smoke: Smoke, done: Cleaned, bucket: str, prefix: str) -> None:
    if removed := smoke.remove(bucket, prefix):
        done.removed.append(f"s3://{bucket}/{prefix} ({removed} versions)")

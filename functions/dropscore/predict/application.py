"""PredictFunction's composition root: it has two adapters, and needs none of the others."""

from __future__ import annotations

import os
from functools import lru_cache

from dropscore.aws.clients import ANSWERING, Clients
from dropscore.aws.endpoint import CONNECT_SECONDS, READ_SECONDS, Endpoint
from dropscore.aws.objects import Bucket
from dropscore.logkeys import log_cold_start
from dropscore.predict.predicting import Predict
from dropscore.settings import PredictSettings


@lru_cache(maxsize=1)
def predict() -> Predict:
    """The use case of this execution environment, built at its first invocation."""
    log_cold_start()
    settings, clients = PredictSettings.read(os.environ), Clients(ANSWERING)
    return Predict(
        Endpoint(
            {seconds: clients.sagemaker_runtime(CONNECT_SECONDS, seconds) for seconds in READ_SECONDS},
            settings.endpoint_name,
        ),
        Bucket(clients.s3(), settings.models_bucket),
        settings.model_package_group,
    )

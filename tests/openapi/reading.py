"""How the tests read: signed as a reader of the manual signs, with the stack's own keys."""

from __future__ import annotations

import os
from unittest.mock import patch

import requests

from local.stack import LocalStack
from tests.openapi.real import Reality
from tests.openapi.seeds import Seeds
from tests.readers.manual import client


def signed(stack: LocalStack) -> requests.auth.AuthBase:
    """The manual's signature, with the keys of the stack's root."""
    keys = {
        "AWS_ACCESS_KEY_ID": stack.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": stack.credentials.secret_access_key,
        "AWS_DEFAULT_REGION": stack.region,
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with patch.dict(os.environ, {**others, **keys}, clear=True):
        return client().Signed()


def reality_of(stack: LocalStack, seeds: Seeds) -> Reality:
    """What is in a stack that has been filled."""
    session = requests.Session()
    session.trust_env = False
    session.auth = signed(stack)
    return Reality(stack.outputs["ResultsApiUrl"], session, seeds.ids, seeds.jobs)

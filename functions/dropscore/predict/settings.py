"""What the stack's template tells PredictFunction through its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dropscore.settings import SettingsError


@dataclass(frozen=True)
class PredictSettings:
    """The endpoint that is asked, and where feature specs are."""

    endpoint_name: str
    models_bucket: str
    model_package_group: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> PredictSettings:
        """Read them.

        Raises
        ------
        SettingsError
            One is missing; the message names it.
        """
        names = ("ENDPOINT_NAME", "MODELS_BUCKET", "MODEL_PACKAGE_GROUP")
        if missing := [name for name in names if not environment.get(name)]:
            raise SettingsError(
                f"the function's environment lacks {missing[0]}; deploy it with the stack's template"
            )
        return cls(*(environment[name] for name in names))

"""Which of several sensors gives the rows, and which column comes from which."""

from collections.abc import Sequence
from dataclasses import dataclass

from dropscore.domain.errors import quoted
from dropscore.domain.spec import FeatureSpec
from training.errors import TrainingError
from training.sensors.files import Opened


@dataclass(frozen=True)
class Giving:
    """A joined sensor and the columns that it gives."""

    opened: Opened
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Roles:
    """Who gives the rows, who gives columns to them."""

    rows: Opened
    givers: tuple[Giving, ...]


def assign(sensors: Sequence[Opened], spec: FeatureSpec) -> Roles:
    """Find out which sensor plays which part.

    The rows are those of the first sensor that has a feature, for its files are what will be dropped later;
    of the first of all, where every feature comes from the timestamp.

    Parameters
    ----------
    sensors
        At least one.
    spec
        Its features and target are looked for.

    Returns
    -------
    Roles
        With one sensor, there is nothing to join.

    Raises
    ------
    TrainingError
        A feature or the target is a column of two sensors or of none, or a sensor has nothing to give.
    """
    if len(sensors) == 1:
        return Roles(sensors[0], ())
    if spec.timestamp is None:
        raise TrainingError("sensors are joined on the timestamp: name its column with --timestamp")
    rows = next((one for one in sensors if one.columns.intersection(spec.column_features)), sensors[0])
    wanted = dict.fromkeys([*spec.column_features, str(spec.target)])
    owners = {name: _owner(name, sensors) for name in wanted}
    givers = []
    for one in sensors:
        columns = tuple(name for name, owner in owners.items() if owner is one)
        if one is not rows and not columns:
            raise TrainingError(
                f"{one.sensor.name} has none of {quoted(wanted)}: leave it out, or name a feature or"
                " target that it has"
            )
        if one is not rows:
            givers.append(Giving(one, columns))
    return Roles(rows, tuple(givers))


def _owner(name: str, sensors: Sequence[Opened]) -> Opened:
    """The one sensor that has a column."""
    having = [one for one in sensors if name in one.columns]
    if len(having) == 1:
        return having[0]
    names = ", ".join(one.sensor.name for one in sensors)
    if not having:
        raise TrainingError(f"column {name!r} is in no file of {names}: choose another feature or target")
    raise TrainingError(
        f"column {name!r} is in files of {having[0].sensor.name} and of {having[1].sensor.name}, it is not"
        " clear which is meant: rename it in one of them"
    )

"""The metrics that train.py measures: their names, and what they say of a model."""

from collections.abc import Mapping

ERRORS = ("AE-at-50th-percentile", "AE-mean", "AE-at-95th-percentile", "RMSE")
"""Errors in the target's unit, the less the better.

Of the absolute error (AE) the median, the mean and the 95th percentile; and the root of the mean square.
"""

FIT = "R2"
"""1 less the share of the target's variance that is left; the more the better."""

TRAINING_MEAN = "training-mean"
DAY_BEFORE = "day-before"
BASELINES = {
    TRAINING_MEAN: "the mean of the training target",
    DAY_BEFORE: "the value of the same minute a day before",
}

ROWS = ("rows-of-training", "rows-of-test", f"rows-of-{DAY_BEFORE}")

Metrics = Mapping[str, float | None]


def of_baseline(name: str, baseline: str) -> str:
    """The name of a metric, measured of a baseline in place of the model."""
    return f"{name}-of-{baseline}"


def all_names() -> list[str]:
    """Every metric that train.py may print."""
    measured = [*ERRORS, FIT]
    return [*measured, *(of_baseline(name, one) for one in BASELINES for name in measured), *ROWS]


def regular_expression(name: str) -> str:
    """What finds a metric in the lines that train.py prints, and nothing in those of the other metrics.

    SageMaker searches the log with it and takes the first group
    (https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html).
    """
    return rf"{name}: ([-+.0-9e]+)"


def beside_baselines(metrics: Metrics) -> list[tuple[str, ...]]:
    """The metrics as a table, a header first: name, the model's value, and that of each baseline."""
    rows: list[tuple[str, ...]] = [("", "model", *BASELINES)]
    for name in (*ERRORS, FIT):
        values = (metrics.get(one) for one in (name, *(of_baseline(name, other) for other in BASELINES)))
        rows.append((name, *("" if value is None else f"{value:.4g}" for value in values)))
    return rows


def lost_to(metrics: Metrics) -> tuple[str, ...]:
    """The baselines that do better than the model, by the root mean square error that it is fitted to.

    The mean's is measured on the same rows. That of the day before may be measured on fewer.
    """
    own = metrics.get("RMSE")
    return tuple(
        baseline
        for baseline in BASELINES
        if own is not None
        and (other := metrics.get(of_baseline("RMSE", baseline))) is not None
        and own >= other
    )


def warning(metrics: Metrics, target: str) -> str | None:
    """Say that a model is of no use, or of less than a trivial guess; None where neither is so."""
    lost = lost_to(metrics)
    if not lost:
        return None
    other = metrics[of_baseline("RMSE", lost[0])]
    words = f"RMSE {metrics['RMSE']:.4g}, {BASELINES[lost[0]]} has {other:.4g}"
    if TRAINING_MEAN in lost:
        return f"WARNING: the model loses to the mean ({words}): its features say nothing about {target}"
    rows = f"{metrics[f'rows-of-{DAY_BEFORE}']:.0f} of {metrics['rows-of-test']:.0f} test rows"
    return f"warning: the model loses to yesterday ({words}, over {rows})"


def worse(new: Metrics, old: Metrics) -> tuple[str, ...]:
    """The metrics by which one model is worse than another; one that only the other has counts as worse."""
    return tuple(
        name
        for name in (*ERRORS, FIT)
        if (before := old.get(name)) is not None and _is_worse(name, new.get(name), before)
    )


def _is_worse(name: str, now: float | None, before: float) -> bool:
    if now is None:
        return True
    return now < before if name == FIT else now > before

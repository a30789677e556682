"""What metrics say of a model: where it loses, and where it is worse than another."""

import re

import pytest

from training.model.metrics import (
    BASELINES,
    ERRORS,
    FIT,
    all_names,
    lost_to,
    regular_expression,
    warning,
    worse,
)


def measured(own=1.0, mean=2.0, before=3.0):
    return {
        "RMSE": own,
        "RMSE-of-training-mean": mean,
        "RMSE-of-day-before": before,
        "rows-of-test": 100.0,
        "rows-of-day-before": 90.0,
    }


@pytest.mark.parametrize(
    ("metrics", "lost"),
    [
        (measured(), ()),
        (measured(mean=1.0), ("training-mean",)),
        (measured(before=0.5), ("day-before",)),
        (measured(own=9.0), ("training-mean", "day-before")),
        ({"RMSE": 1.0, "RMSE-of-training-mean": None}, ()),
        ({}, ()),
    ],
)
def test_a_model_loses_to_a_baseline_that_does_as_well_without_it(metrics, lost):
    assert lost_to(metrics) == lost


def test_losing_to_the_mean_is_louder_than_losing_to_yesterday():
    assert warning(measured(), "load") is None
    assert warning(measured(before=0.5), "load").startswith("warning: the model loses to yesterday")
    assert "over 90 of 100 test rows" in warning(measured(before=0.5), "load")
    assert warning(measured(own=9.0), "load").startswith("WARNING: the model loses to the mean")


def test_worse_is_more_error_or_less_fit_or_not_measured():
    old = dict.fromkeys([*ERRORS, FIT], 0.5)

    assert worse(old, old) == ()
    assert worse({**old, "RMSE": 0.6, "AE-mean": 0.4}, old) == ("RMSE",)
    assert worse({**old, FIT: 0.4}, old) == (FIT,)
    assert worse({}, old) == (*ERRORS, FIT)
    assert worse(old, {}) == ()


def test_no_regular_expression_finds_another_metrics_line():
    lines = "\n".join(f"{name}: {value}" for value, name in enumerate(all_names()))

    for value, name in enumerate(all_names()):
        assert re.findall(regular_expression(name), lines) == [str(value)]


@pytest.mark.parametrize("value", [1e-17, -0.25, 1e22, 43.0, 5e-324])
def test_every_number_that_train_py_prints_is_found_whole(value):
    (found,) = re.findall(regular_expression("R2"), f"R2: {value}")

    assert float(found) == value


def test_names_fit_into_a_model_package_and_a_training_job():
    assert len(all_names()) <= 40
    assert 12 + len(all_names()) <= 50
    assert set(BASELINES) == {"training-mean", "day-before"}

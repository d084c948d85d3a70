"""The configuration of further metrics and of what ends a run."""

import pytest
from config_examples import REMOVED, X, changed, minimal, problem
from critical_batch.configuration import load, schema
from critical_batch.metrics import METRICS
from critical_batch.metrics.kernel import MOST_REAL
from critical_batch.metrics.kinds.kid import MOST_IMAGES
from critical_batch.training.job import Stop, TrainingJob


def stop(metric="fid", at_most=15):
    return {f"{X}/stop": {"metric": metric, "at_most": at_most}}


KID = {f"{X}/metrics": {"kid": {"subset_size": 500}}}
BY_FID = stop() | {f"{X}/fid/threshold": REMOVED}
BY_KID = stop("kid", 0.02) | {f"{X}/fid/threshold": REMOVED}


def loaded(changes):
    config = load(changed(minimal(), changes))
    return config.experiments["dcgan-fashion"], config.training_job(config.runs()[0])


def test_a_threshold_of_the_fid_is_short_for_a_rule():
    for changes in ({}, BY_FID):
        experiment, job = loaded(changes)
        assert experiment.stop == job.stop == Stop("fid", 15.0)
        assert experiment.metric == "classifier-FID"
        assert job.metrics == {}
    assert loaded({})[1] == loaded(BY_FID)[1]


def test_another_metric_ends_a_run_and_is_measured_first():
    experiment, job = loaded(KID | BY_KID)
    assert experiment.stop == job.stop == Stop("kid", 0.02)
    assert experiment.metric == "classifier-KID"
    assert job.metrics == {"kid": {"subsets": 100, "subset_size": 500}}
    assert list(job.metric_settings) == ["kid", "fid"]
    assert list(experiment.reference_keys.items()) == [
        ("kid", "classifier-fixed.kid"),
        ("fid", "classifier-fixed"),
    ]
    assert TrainingJob.from_json(job.to_json()) == job


def test_a_further_metric_comes_after_the_one_that_ends_a_run():
    experiment, job = loaded({f"{X}/metrics": {"kid": {}}})
    assert job.metric_settings == {"fid": {}, "kid": {"subsets": 100, "subset_size": 1000}}
    assert list(experiment.reference_keys) == ["fid", "kid"]
    assert experiment.metric == "classifier-FID"


def test_every_metric_has_its_key_with_the_settings_of_its_entry():
    (experiment,) = schema()["properties"]["experiments"]["patternProperties"].values()
    sections = experiment["properties"]
    assert {"fid", *sections["metrics"]["properties"]} == set(METRICS)
    assert sections["stop"]["properties"]["metric"]["enum"] == list(METRICS)
    assert list(sections["metrics"]["properties"]["kid"]["properties"]) == [
        "subsets",
        "subset_size",
    ]
    assert MOST_IMAGES == MOST_REAL


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {f"{X}/fid/threshold": REMOVED},
            "stop is missing: add stop: {metric: fid, at_most: 8}, or fid.threshold: 8",
        ),
        (
            stop(at_most=8),
            "stop says what fid.threshold says too: remove one of the two",
        ),
        (
            BY_KID,
            "stop.metric is kid, which is not measured: add metrics: {kid: {}} beside stop, or use "
            "fid",
        ),
        (BY_FID | stop(metric="lpips"), "stop.metric is 'lpips': use one of fid, kid"),
        (BY_FID | stop(at_most=0), "stop.at_most is 0: use a number above 0 and at most"),
        (
            BY_FID | {f"{X}/stop": {"metric": "fid"}},
            "stop.at_most is missing: add it (A run is done at a distance of at most this)",
        ),
        ({f"{X}/stop": None}, "stop is empty: give it a mapping of keys to values"),
        (
            {f"{X}/metrics": {"fid": {}}},
            "metrics.fid is not a known key: did you mean kid?",
        ),
        (
            {f"{X}/metrics": {"kid": {"subset_size": 1}}},
            "metrics.kid.subset_size is 1: use a whole number of at least 2 and at most 10000",
        ),
        (
            {f"{X}/metrics": {"kid": {"subset_size": 2001}}},
            "fid.samples is 2000, less than metrics.kid compares at once: use at least 2001, or "
            "smaller subsets",
        ),
        (
            KID | {f"{X}/fid/first_look": {"samples": 499, "factor": 2}},
            "fid.first_look.samples is 499, less than metrics.kid compares at once: use at least "
            "500, or smaller subsets",
        ),
        (
            KID | BY_KID | {f"{X}/evaluation": {"samples": 499}},
            "evaluation.samples is 499, less than metrics.kid compares at once: use at least 500, "
            "or smaller subsets",
        ),
    ],
)
def test_refused_in_one_line_with_key_and_remedy(changes, message):
    found = problem(changed(minimal(), changes))
    assert found.startswith(f"config: experiments.dcgan-fashion.{message}")


def test_the_generators_are_evaluated_again_by_the_rule_alone():
    """So a KID beside it asks for no more images there."""
    assert loaded(KID | {f"{X}/evaluation": {"samples": 499}})[0].evaluation.samples == 499

"""The cost of a grid before it runs."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from conftest import SETTINGS
from ttur.plan import plan_table, plan_text


def jobs(*rows):
    columns = ["section", "experiment", "optimizer", "batch_size", "seeds", "steps"]
    return pd.DataFrame(rows, columns=columns)


JOBS = jobs(
    ("4.1", "dcgan", "Adam", 4, 3, 1000),
    ("4.1", "dcgan", "RMSProp", 4, 3, 1000),
    ("4.1", "dcgan", "Adam", 8, 3, 500),
)


def probe(optimizer, batch_size, rate):
    keys = {"experiment": "dcgan", "optimizer": optimizer, "batch_size": batch_size}
    return keys | {"steps_per_second": rate}


def test_samples_are_those_of_all_seeds_and_optimizers():
    table = plan_table(JOBS, pd.DataFrame())
    assert table["samples"].tolist() == [2 * 1000 * 4 * 3, 500 * 8 * 3]
    assert table["jobs"].tolist() == [2, 1]
    assert table["hours"].isna().all()
    assert "run the target probe" in plan_text(table)


def test_hours_come_from_the_probe_of_the_job_or_of_its_batch_size():
    table = plan_table(JOBS, pd.DataFrame([probe("Adam", 4, 10.0), probe("Adam", 8, 5.0)]))
    assert table["hours"].tolist() == pytest.approx([2 * 100 / 3600, 100 / 3600])
    assert "3 jobs, at most 36,000 samples, at most 0.08 device hours" in plan_text(table)


def test_a_partial_probe_is_said_to_be_partial():
    table = plan_table(JOBS, pd.DataFrame([probe("Adam", 4, 10.0)]))
    assert table["hours"].isna().tolist() == [False, True]
    assert "for the batch sizes probed" in plan_text(table)


def test_the_probe_measures_without_data(tmp_path):
    output = tmp_path / "probe.json"
    command = [sys.executable, "workflow/scripts/probe_throughput.py", "--steps", "4"]
    command += ["--settings", json.dumps(SETTINGS), "--output", str(output)]
    command += ["--image-size", "16", "--channels", "1", "--classes", "3"]
    subprocess.run(command, check=True, capture_output=True)
    record = json.loads(output.read_text())
    assert record["steps"] == 4
    assert record["steps_per_second"] == pytest.approx(4 / record["seconds"])
    assert record["peak_memory_mib"] > 50

"""The cost of a grid before it runs."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from conftest import SETTINGS
from critical_batch.analysis.plan import plan_table, plan_text


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
    assert table["hours"].dtype == "float64"
    assert "run the target probe" in plan_text(table)


def test_hours_come_from_the_probe_of_the_job_or_of_its_batch_size():
    table = plan_table(JOBS, pd.DataFrame([probe("Adam", 4, 10.0), probe("Adam", 8, 5.0)]))
    assert table["hours"].tolist() == pytest.approx([2 * 100 / 3600, 100 / 3600])
    assert "3 jobs, at most 36,000 samples, at most 0.08 device hours" in plan_text(table)


def test_a_partial_probe_is_said_to_be_partial():
    table = plan_table(JOBS, pd.DataFrame([probe("Adam", 4, 10.0)]))
    assert table["hours"].isna().tolist() == [False, True]
    assert "for the batch sizes probed" in plan_text(table)


def test_rows_come_in_the_order_of_the_experiments_and_of_batch_sizes():
    """The order in which they were configured, not that of the alphabet or of sections."""
    rows = [("9", "z", "A", 4, 2, 10), ("1", "a", "A", 8, 2, 10), ("1", "a", "A", 2, 2, 10)]
    table = plan_table(jobs(*rows, ("9", "z", "A", 2, 2, 10)), pd.DataFrame())
    keys = list(zip(table["experiment"], table["batch_size"], strict=True))
    assert keys == [("z", 2), ("z", 4), ("a", 2), ("a", 8)]
    assert table["section"].tolist() == ["9", "9", "1", "1"]
    assert table.index.tolist() == [0, 1, 2, 3]


def test_a_row_counts_its_optimizers_jobs_and_the_longest_of_them():
    """Two groups of seeds with one optimizer, one with another, of other sizes and limits."""
    rows = [("1", "a", "A", 4, 3, 100), ("1", "a", "A", 4, 1, 100), ("1", "a", "B", 4, 2, 70)]
    probes = [("a", 4, "A", 10.0), ("a", 4, "A", 30.0), ("a", 4, "A", 26.0), ("a", 4, "C", 4.0)]
    columns = ["experiment", "batch_size", "optimizer", "steps_per_second"]
    table = plan_table(jobs(*rows), pd.DataFrame(probes, columns=columns))
    (row,) = table.to_dict("records")
    expected = {"optimizers": 2, "jobs": 3, "steps": 100, "samples": 4 * (300 + 100 + 140)}
    assert expected.items() <= row.items()
    # A's own probes are 22 on average; B has none, so that all of them count, 17.5 on average.
    assert row["hours"] == pytest.approx((2 * 100 / 22 + 70 / 17.5) / 3600)


def test_the_text_shows_every_column_and_a_total():
    """One second more or less in an hour would be seen."""
    rows = [("1", "a", "A", 4, 1, 36_000), ("1", "a", "A", 8, 1, 1_234_000)]
    probes = [{"experiment": "a", "optimizer": "A", "batch_size": 4, "steps_per_second": 0.1}]
    text = plan_text(plan_table(jobs(*rows), pd.DataFrame(probes)))
    lines = [line.split() for line in text.splitlines()]
    assert lines[1] == ["1", "a", "4", "1", "1", "36,000", "144,000", "100.00"]
    assert lines[2] == ["1", "a", "8", "1", "1", "1,234,000", "9,872,000", "-"]
    total = "total: 2 jobs, at most 10,016,000 samples"
    hours = ", at most 100.00 device hours for the batch sizes probed"
    assert text.splitlines()[3] == total + hours
    probes.append(probes[0] | {"batch_size": 8, "steps_per_second": 100.0})
    text = plan_text(plan_table(jobs(*rows), pd.DataFrame(probes)))
    assert text.endswith(f"{total}, at most 103.43 device hours (FID evaluations apart)")
    text = plan_text(plan_table(jobs(*rows), pd.DataFrame()))
    assert text.endswith(f"{total}; for hours, run the target probe on the machine that will train")
    assert [line.split()[-1] for line in text.splitlines()[1:3]] == ["-", "-"]


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

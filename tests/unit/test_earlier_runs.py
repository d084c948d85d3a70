"""Runs of earlier versions: what they wrote becomes today's, and what is of today stays."""

import json

import pytest
from conftest import SETTINGS, job_of, stop_at
from critical_batch.analysis.aggregate import networks_table, steps_table
from critical_batch.analysis.thresholds import read_history, threshold_table
from critical_batch.runs.earlier import history_rows, run_of, settings_of
from critical_batch.runs.reading import read_run, read_values
from critical_batch.runtime.errors import UserError
from critical_batch.tables.statistics import REPETITIONS
from critical_batch.tables.training import EVALUATIONS

OLD_SETTINGS = {key: value for key, value in SETTINGS.items() if key not in ("stop", "metrics")}
OLD_SETTINGS = OLD_SETTINGS | {"fid": {**SETTINGS["fid"], "threshold": 8.0}}
RESULT = {"seed": 0, "status": "reached", "steps": 20, "last_miss": 10, "first_hit": 20}
RUN = {
    "experiment": "tiny",
    "optimizer": "Adam",
    "batch_size": 4,
    "seeds": [0],
    "dataset": {"name": "tiny", "images": 60},
    "metric": "classifier-FID",
    "generator_parameters": 5,
    "discriminator_parameters": 4,
}
OLD_RUN = RUN | {
    "settings": OLD_SETTINGS,
    "threshold": 8.0,
    "results": [{**RESULT, "final_fid": 7.5, "final_step": 20}],
}
NEW_RUN = RUN | {
    "settings": SETTINGS | stop_at(8.0),
    **stop_at(8.0),
    "results": [{**RESULT, "final_value": 7.5, "final_step": 20}],
}
OLD_HISTORY = (
    "seed,step,samples,fid,scored,generator_loss,discriminator_loss,generator_gradient_norm,"
    "discriminator_gradient_norm\n0,10,40,30.5,70,0.7,1.3,0.5,0.25\n0,20,80,7.5,80,0.6,1.2,0.4,nan\n"
)
NEW_HISTORY = """seed,step,metric,value,samples
0,10,fid,30.5,70
0,10,generator_loss,0.7,
0,10,discriminator_loss,1.3,
0,10,generator_gradient_norm,0.5,
0,10,discriminator_gradient_norm,0.25,
0,20,fid,7.5,80
0,20,generator_loss,0.6,
0,20,discriminator_loss,1.2,
0,20,generator_gradient_norm,0.4,
0,20,discriminator_gradient_norm,nan,
"""


def test_the_threshold_of_a_job_becomes_what_stops_it():
    assert settings_of(OLD_SETTINGS) == SETTINGS | stop_at(8.0)
    assert job_of(settings_of(OLD_SETTINGS)) == job_of(SETTINGS | stop_at(8.0))
    assert OLD_SETTINGS["fid"]["threshold"] == 8.0  # the input is left alone


def test_a_record_becomes_todays_and_todays_stays():
    assert run_of(OLD_RUN) == NEW_RUN
    assert run_of(NEW_RUN) == NEW_RUN
    assert "final_fid" in OLD_RUN["results"][0]


@pytest.mark.parametrize("record", [{}, {"settings": None}, {"results": []}, {"note": 3}])
def test_what_is_not_there_is_not_made_up(record):
    assert run_of(record) == record


def test_a_run_is_read_from_its_file(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(OLD_RUN))
    assert read_run(tmp_path / "run.json") == NEW_RUN
    with pytest.raises(UserError, match="is missing"):
        read_run(tmp_path / "none.json")


def rows_of(text):
    header, *lines = (line.split(",") for line in text.splitlines())
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_a_row_of_a_wide_history_is_a_row_per_number():
    long = [row for line in rows_of(OLD_HISTORY) for row in history_rows(line)]
    assert long == rows_of(NEW_HISTORY)
    assert [row for line in long for row in history_rows(line)] == long


@pytest.mark.parametrize("text", [OLD_HISTORY, NEW_HISTORY], ids=["earlier", "today"])
def test_a_history_is_read_by_the_name_of_the_number(tmp_path, text):
    path = tmp_path / "history.csv"
    path.write_text(text)
    assert read_values(path, "fid") == [(0, 10, 30.5), (0, 20, 7.5)]
    assert read_values(path, "generator_loss") == [(0, 10, 0.7), (0, 20, 0.6)]
    assert read_values(path, "kid") == []


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("", "fid"),
        ("seed,step\n0,10\n", "fid"),
        ("seed,fid\n0,9.5\n", "fid"),
        (NEW_HISTORY.replace("7.5", "x"), "fid"),
        (NEW_HISTORY.removesuffix(",nan,\n"), "discriminator_gradient_norm"),
        (NEW_HISTORY.removesuffix(",\n"), "fid"),
        (OLD_HISTORY.removesuffix(",0.4,nan\n"), "discriminator_gradient_norm"),
    ],
    ids=[
        "empty",
        "no metric",
        "no step",
        "no number",
        "torn",
        "torn elsewhere",
        "torn earlier one",
    ],
)
def test_what_is_no_history_is_one_line(tmp_path, text, metric):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(UserError, match=r"history\.csv is not a history: delete it and run again"):
        read_values(tmp_path / "history.csv", metric)


def test_a_history_that_is_missing_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"history\.csv is missing: run the rule that makes it"):
        read_values(tmp_path / "history.csv", "fid")


def test_the_same_is_aggregated_from_runs_of_both_versions(tmp_path):
    found = []
    for name, record, history in (("old", OLD_RUN, OLD_HISTORY), ("new", NEW_RUN, NEW_HISTORY)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(record))
        (folder / "history.csv").write_text(history)
        run = read_run(folder / "run.json")
        curves = read_history(folder / "history.csv", run["stop"]["metric"])
        tables = steps_table([run]), networks_table([run]), threshold_table([(run, curves)])
        found.append([table.to_csv() for table in tables])
    assert found[0] == found[1]
    assert ",8.0" in found[0][1]


@pytest.mark.parametrize("table", [EVALUATIONS, REPETITIONS], ids=lambda table: table.name)
def test_tables_of_before_are_read_under_todays_names(tmp_path, table):
    names = {name: "fid" if name == "distance" else name for name in table.columns}
    cells = {"experiment": "nan", "optimizer": "Adam", "fid": "9.5"}
    line = ",".join(cells.get(name, "3") for name in names.values())
    (tmp_path / "old.csv").write_text(f"{','.join(names.values())}\n{line}\n")
    read = table.read(tmp_path / "old.csv")
    assert list(read) == list(table.columns)
    assert (read["experiment"].item(), read["distance"].item()) == ("nan", 9.5)

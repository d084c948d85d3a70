"""Table 3, its renderings, and the scripts that lead to it."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from critical_batch.analysis.table3 import table3
from critical_batch.reporting.table3 import notes, to_latex, to_markdown
from critical_batch.runtime.errors import UserError
from critical_batch.tables.aggregate import CRITICAL, NETWORKS, STEPS
from critical_batch.tables.results import TABLE3
from critical_batch.tables.theory import CENSORED_FIT, ESTIMATES, FIT

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"

RATES = {"generator_rate": 1e-4, "discriminator_rate": 3e-4}
EXPERIMENTS = [
    {
        "name": "dcgan_a",
        "section": "4.1",
        "ratio": {"experiment": "dcgan_a", "optimizer": "Adam"},
        "optimizers": {
            "Adam": {**RATES, "hyper": {"beta1": 0.5, "beta2": 0.999}},
            "RMSProp": {**RATES, "hyper": {"alpha": 0.99}},
        },
    },
    {
        "name": "own",
        "section": "9.10",
        "ratio": {"experiment": "dcgan_a", "optimizer": "Adam"},
        "optimizers": {"Adam": {**RATES, "hyper": {}}},
    },
]


@pytest.fixture
def critical():
    rows = [("dcgan_a", "Adam", 32, 16, 1024, "", 3, 3), ("own", "Adam", 48, 48, 48, "", 3, 2)]
    rows += [("dcgan_a", "RMSProp", None, None, None, "", 3, 0)]
    return CRITICAL.frame(rows)


@pytest.fixture
def estimated():
    rows = [
        ("dcgan_a", "4.1", "Adam", "dcgan_a", "Adam", 788.7, 31.999, 32, 31.999, 32),
        ("dcgan_a", "4.1", "RMSProp", "dcgan_a", "Adam", 788.7, 126.488, 128, 42.2, 32),
        ("own", "9.10", "Adam", "dcgan_a", "Adam", None, None, None, None, None),
    ]
    return ESTIMATES.frame(rows)


@pytest.fixture
def table(critical, estimated):
    return table3(critical, estimated, EXPERIMENTS)


def test_table3_puts_measured_beside_estimated_beside_published(table):
    assert list(table.columns) == list(TABLE3.columns)
    assert table.to_csv(index=False).splitlines()[1:] == [
        "4.1,dcgan_a,Adam,32,16,1024,32,31.999,32,32",
        "4.1,dcgan_a,RMSProp,,,,128,126.488,8,128",
        "9.10,own,Adam,48,48,48,,,,",
    ]


def test_table3_keeps_experiments_that_were_not_measured(critical, estimated):
    table = table3(critical.iloc[:0], estimated.iloc[:0], EXPERIMENTS)
    assert table["optimizer"].tolist() == ["Adam", "RMSProp", "Adam"]
    assert table[["measured", "estimated", "estimated_exact"]].isna().all(axis=None)
    assert table["published_measured"].tolist() == [32, 8, pd.NA]


def test_table3_of_ones_own_experiments_alone_has_the_columns_of_the_paper(critical, estimated):
    table = table3(critical, estimated, EXPERIMENTS[1:])
    assert table.dtypes.astype(str).to_dict() == TABLE3.types()
    assert table[["experiment", "measured"]].to_numpy().tolist() == [["own", 48]]
    assert table[["published_measured", "published_estimated"]].isna().all(axis=None)


def test_table3_follows_the_order_of_the_experiments(critical, estimated):
    table = table3(critical, estimated, EXPERIMENTS[::-1])
    assert table["experiment"].tolist() == ["own", "dcgan_a", "dcgan_a"]
    assert table["measured"].tolist() == [48, 32, pd.NA]


def test_markdown(table):
    lines = to_markdown(table).splitlines()
    assert len(lines) == 5
    assert {line.count("|") for line in lines} == {10}
    assert lines[2] == (
        "| 4.1 | dcgan_a | Adam | $2^5$ | $2^4$ to $2^{10}$ | $2^5$ | 31.999 | $2^5$ | $2^5$ |"
    )
    assert lines[3] == "| 4.1 | dcgan_a | RMSProp | – | – | $2^7$ | 126.488 | $2^3$ | $2^7$ |"  # noqa: RUF001
    assert lines[4] == "| 9.10 | own | Adam | 48 | 48 to 48 | – | – | – | – |"  # noqa: RUF001


def test_latex(table):
    lines = to_latex(table).splitlines()
    assert lines[0] == r"\begin{tabular}{lllrrrrrr}"
    assert lines[-1] == r"\end{tabular}"
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == [r"\toprule", r"\midrule", r"\midrule", r"\bottomrule"]
    rows = [line for line in lines if line.endswith(r"\\")]
    assert {line.count("&") for line in rows} == {8}
    assert rows[1].startswith(r"4.1 & dcgan\_a & Adam & $2^5$ & $2^4$ to $2^{10}$ &")
    assert rows[2].startswith(r"4.1 & dcgan\_a & RMSProp & – & – & $2^7$")  # noqa: RUF001


def test_sizes_and_names_are_set_as_their_language_wants(table):
    odd = table.iloc[:1].assign(measured=512, measured_low=pd.NA, optimizer=r"A~B^2\{1}&50%$#")
    assert "| $2^9$ | – |" in to_markdown(odd)  # noqa: RUF001
    assert (
        r"A\textasciitilde{}B\textasciicircum{}2\textbackslash{}\{1\}\&50\%\$\# & $2^9$ & –"  # noqa: RUF001
        in to_latex(odd)
    )


@pytest.mark.parametrize("twice", ["critical", "estimated"])
def test_a_row_that_stands_twice_is_refused(critical, estimated, twice):
    tables = {"critical": critical, "estimated": estimated}
    tables[twice] = pd.concat([tables[twice], tables[twice].iloc[:1]])
    with pytest.raises(pd.errors.MergeError):
        table3(*tables.values(), EXPERIMENTS)


def test_size_one_is_a_power_of_two(table):
    one = table.iloc[:1].assign(measured=1)
    assert "| $2^0$ |" in to_markdown(one)


def test_tables_survive_csv(tmp_path, table, critical, estimated):
    odd = estimated.replace({"experiment": {"own": "nan"}})
    for frame, contract in ((table, TABLE3), (critical, CRITICAL), (odd, ESTIMATES)):
        path = tmp_path / "table.csv"
        frame.to_csv(path, index=False)
        pd.testing.assert_frame_equal(contract.read(path), frame)
    assert ESTIMATES.read(path)["section"].tolist() == ["4.1", "4.1", "9.10"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing: run the rule"),
        ("", "is not as expected"),
        ("experiment,optimizer\na,b\n", "is not as expected.*batch_size"),
        (",".join(STEPS.columns) + "\na,b,many,0,1,1,1,reached\n", "is not as expected.*many"),
    ],
)
def test_reading_a_table_names_the_file(tmp_path, content, message):
    path = tmp_path / "steps.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=f"^{path} {message}") as caught:
        STEPS.read(path)
    assert "\n" not in str(caught.value)


def script(name, *arguments):
    command = [sys.executable, SCRIPTS / f"{name}.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def job(folder, batch_size, steps, experiment="dcgan_a", optimizer="Adam"):
    """Writes the run.json of three seeds below `folder`, with their evaluations: its path."""
    evaluations = folder / optimizer / "evaluation.csv"
    folder = folder / optimizer / f"b{batch_size}" / "seeds_0-1-2"
    folder.mkdir(parents=True)
    results = [
        {
            "seed": seed,
            "status": "diverged" if n is None else "reached",
            "steps": n,
            "last_miss": n and n - 1,
            "final_value": None if n is None else 9.0,
        }
        for seed, n in enumerate(steps)
    ]
    run = {
        "experiment": experiment,
        "optimizer": optimizer,
        "batch_size": batch_size,
        "dataset": {"images": 3_033_042},
        "seeds": [result["seed"] for result in results],
        "seconds": 10.0,
        "seed_steps_per_second": 200.0,
        "device": "cpu",
        "metric": "classifier-FID",
        "stop": {"metric": "fid", "at_most": 10.0},
        "generator_parameters": 3_576_704,
        "discriminator_parameters": 2_765_568,
        "results": results,
    }
    (folder / "run.json").write_text(json.dumps(run))
    if not evaluations.exists():
        evaluations.write_text(
            "experiment,optimizer,batch_size,seed,evaluation_seed,samples,distance\n"
        )
    with open(evaluations, "a") as file:
        for seed, n in enumerate(steps):
            distance = "nan" if n is None else 9.5
            file.write(f"{experiment},{optimizer},{batch_size},{seed},0,5000,{distance}\n")
    return folder / "run.json"


def test_scripts_from_runs_to_table3(tmp_path):
    steps = {8: [None] * 3, 16: [900, 880, None], 32: [300, 310, 305], 64: [240, 230, 250]}
    jobs = [job(tmp_path, b, n) for b, n in steps.items()]
    jobs.append(job(tmp_path, 8, [None] * 3, optimizer="RMSProp"))
    listed = tmp_path / "runs.txt"
    listed.write_text("".join(f"{record}\n" for record in jobs))
    experiments = tmp_path / "experiments.json"
    experiments.write_text(json.dumps(EXPERIMENTS))
    out = {name: tmp_path / f"{name}.csv" for name in ("steps", "critical", "networks")}
    inputs = [text for name, path in out.items() for text in (f"--{name}", path)]

    compared = tmp_path / "evaluation.csv"
    files = ["--runs-file", listed, *inputs, "--evaluation", compared]
    files += ["--speed", tmp_path / "speed.csv"]
    assert script("aggregate_runs", *files).returncode == 0
    assert CRITICAL.read(out["critical"])["critical_batch_size"].tolist() == [32, pd.NA]
    assert NETWORKS.read(out["networks"])["images"].tolist() == [3_033_042]
    assert compared.read_text().splitlines()[1] == "dcgan_a,Adam,8,0,diverged,,,,10.0,"

    theory = ["--estimates", tmp_path / "estimates.csv", "--fit", tmp_path / "fit.csv"]
    theory += ["--censored-fit", tmp_path / "censored_fit.csv"]
    ended = script("estimate_critical_sizes", *inputs, "--experiments", f"@{experiments}", *theory)
    assert ended.returncode == 0
    assert ended.stderr.splitlines() == [
        "dcgan_a RMSProp: fit of N(b): fewer than 3 batch sizes",
        "dcgan_a RMSProp: fit to all seeds of N(b): reached at fewer than 3 batch sizes",
    ]
    assert FIT.read(theory[3])["points"].tolist() == [3, 0]
    assert ESTIMATES.read(theory[1])["estimated"].tolist() == [32, 128, pd.NA]
    censored = CENSORED_FIT.read(theory[5])
    assert censored["reached"].tolist() == [8, 0]
    assert censored["censored"].tolist() == [4, 3]
    assert 0 < censored["critical_batch_size"][0] < 32  # twice a pole below 16, which was reached

    outputs = [tmp_path / f"table3.{kind}" for kind in ("csv", "md", "tex")]
    ended = script(
        "write_table3",
        *("--critical", out["critical"], "--estimates", theory[1]),
        *("--experiments", json.dumps(EXPERIMENTS)),
        *(text for path in outputs for text in (f"--{path.suffix[1:]}", path)),
    )
    assert ended.returncode == 0
    table = TABLE3.read(outputs[0])
    assert table["section"].tolist() == ["4.1", "4.1", "9.10"]
    assert table["measured"].tolist() == [32, pd.NA, pd.NA]
    found = CRITICAL.read(out["critical"])
    assert outputs[1].read_text() == f"{to_markdown(table)}\n{notes(found)}"
    assert outputs[2].read_text() == to_latex(table)


def test_aggregating_needs_the_evaluations_of_every_optimizer(tmp_path):
    first, second = (job(tmp_path, 8, [9] * 3, optimizer=name) for name in ("Adam", "RMSProp"))
    evaluations = tmp_path / "RMSProp/evaluation.csv"
    evaluations.unlink()
    names = ("steps", "critical", "networks", "evaluation", "speed")
    outputs = [text for name in names for text in (f"--{name}", tmp_path / f"{name}.csv")]
    ended = script("aggregate_runs", "--runs", first, second, *outputs)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: {evaluations} is missing")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "steps.csv").exists()


def test_published_table_script(tmp_path):
    output = tmp_path / "table3_published.csv"
    assert script("write_published_table", "--output", output).returncode == 0
    lines = output.read_text().splitlines()
    assert len(lines) == 9
    assert lines[0].startswith("section,optimizer,ratio,published_measured,published_estimated")
    assert lines[-1].startswith("4.3,AdaBelief,530304.5")


def test_notes_name_what_is_a_bound_and_what_was_not_reached(critical):
    critical.loc[0, "at_edge"] = "largest"
    assert notes(critical).splitlines() == [
        "- dcgan_a, Adam: the largest batch size tried, the minimum may lie above",
        "- dcgan_a, RMSProp: the threshold was not reached",
    ]
    assert notes(critical.iloc[1:2]) == ""
    critical.loc[[0, 1], "at_edge"] = ["smallest", "censored"]
    assert notes(critical).splitlines()[:2] == [
        "- dcgan_a, Adam: the smallest batch size tried, the minimum may lie below",
        "- own, Adam: a batch size that did not arrive was stopped too early to exclude it",
    ]


def test_notes_name_what_is_known_only_from_above(critical):
    critical["at_edge"] = "early"
    first, *_, last = notes(critical).splitlines()
    assert "another batch size reached the threshold at its first evaluation" in first
    assert "known only from above: lower the threshold, or evaluate earlier" in last

"""What goes wrong: one line that says so, and nothing lost or half-written."""

import csv
import json

import pytest

pytestmark = pytest.mark.workflow


def error_lines(output):
    return [line for line in output.splitlines() if line.startswith("error:")]


def the_error(result):
    """The one error line of a failed run without a traceback."""
    assert result.returncode != 0, result.stdout
    assert "Traceback" not in result.stdout, result.stdout
    lines = error_lines(result.stdout)
    assert len(lines) == 1, result.stdout
    return lines[0]


def without_seconds(results):
    return [{key: value for key, value in seed.items() if key != "seconds"} for seed in results]


def files_of(checkout):
    return {
        path
        for path in checkout.root.rglob("*")
        if not {".snakemake", "__pycache__"} & set(path.relative_to(checkout.root).parts)
    }


# ------------------------------------------------------------------------------------- failing jobs


@pytest.mark.parametrize("file", ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_a_damaged_data_file_is_named(clean, tmp_path, file):
    checkout = clean.copy(tmp_path)
    raw = checkout.root / "resources/fashion-mnist" / file
    content = bytearray(raw.read_bytes())
    content[len(content) // 2] ^= 1
    raw.write_bytes(content)
    result = checkout.snakemake("resources/prepared/fashion-mnist/manifest.json", cores=1)
    assert the_error(result).startswith(f"error: resources/fashion-mnist/{file} is damaged")
    assert [name for name in checkout.made() if name.startswith("resources/")] == []


def test_a_missing_gpu_is_one_line_and_leaves_nothing_half_written(finished):
    job = finished.root / "results/runs/biggan/Adam/b4/seeds_0"
    config = finished.changed_config(lambda settings: settings.update(device="cuda"))
    result = finished.snakemake(
        "results/runs/biggan/Adam/b4/seeds_0/run.json",
        *("--allowed-rules", "train_gan"),
        config=config,
        environment={"CUDA_VISIBLE_DEVICES": ""},
    )
    message = the_error(result)
    assert message.startswith("error: device: cuda, but torch")
    assert "set device: cpu in the configuration" in message
    log = finished.root / "results/logs/train_gan/biggan.Adam.b4.seeds_0.log"
    assert log.read_text() == message + "\n"
    assert {path.name for path in job.iterdir()} <= {"distances.json"}
    assert not (finished.root / "results/state").exists()


def test_a_failing_job_leaves_the_others_in_place(finished):
    runs = "results/runs/"
    failing, working = "dcgan/RMSProp/b4/seeds_0-1", "wgan-gp/AdaBelief/b4/seeds_1"
    before = finished.made()
    record = json.loads((finished.root / runs / working / "run.json").read_text())
    for job in (failing, working):
        (finished.root / runs / job / "run.json").unlink()
    images = finished.root / "resources/prepared/fashion-mnist/images.npy"
    images.write_bytes(images.read_bytes()[:1000])

    result = finished.snakemake("train", "--keep-going")
    assert "resources/prepared/fashion-mnist/images.npy is damaged" in the_error(result)
    again = json.loads((finished.root / runs / working / "run.json").read_text())
    assert without_seconds(again["results"]) == without_seconds(record["results"])
    after = finished.made()
    left = {name.rpartition("/")[2] for name in after if name.startswith(runs + failing)}
    assert left == {"distances.json"}
    others = [
        name
        for name in before
        if name.startswith(runs) and not name.startswith((runs + failing, runs + working))
    ]
    assert len(others) == 4 * 5 + 4  # jobs and their files, and the evaluations of four optimizers
    assert all(after[name] == before[name] for name in others)


def test_a_title_is_only_ever_text(finished):
    title = """It's $x$ $(touch made_$$) `touch made` "; touch made; {wildcards} 50% \\frac"""
    config = finished.changed_config(lambda s: s["experiments"]["dcgan"].update(title=title))
    before = files_of(finished)
    result = finished.snakemake("results/figures/dcgan/fid.png", config=config, cores=1)
    assert result.returncode == 0, result.stdout
    assert files_of(finished) == before


def test_an_optimizer_that_diverges_is_told_through_to_table_and_figures(finished):
    # RMSProp divides by a mean that so slow an average hardly begins: steps of 1e8 times the rate.
    rates = {"generator_rate": 1.0, "discriminator_rate": 1.0, "alpha": 0.9999999999999999}
    config = finished.changed_config(
        lambda s: s["experiments"]["wgan-gp"]["optimizers"].update(RMSProp=rates)
    )
    result = finished.snakemake(config=config)
    assert result.returncode == 0, result.stdout
    results = finished.root / "results"
    job = results / "runs/wgan-gp/RMSProp/b4/seeds_0"
    record = json.loads((job / "run.json").read_text())
    assert {(seed["status"], seed["steps"]) for seed in record["results"]} == {("diverged", None)}

    def rows(name, **where):
        with open(results / name, newline="") as file:
            return [
                row
                for row in csv.DictReader(file)
                if all(row[key] == value for key, value in where.items())
            ]

    mine = {"experiment": "wgan-gp", "optimizer": "RMSProp"}
    steps = rows("aggregate/steps.csv", **mine)
    assert [(row["status"], row["steps"], row["sfo"]) for row in steps] == [
        ("diverged", "", "")
    ] * 2
    compared = rows("aggregate/evaluation.csv", **mine)
    assert {row["status"] for row in compared} == {"diverged"}
    assert rows("tables/table3.csv", **mine)[0]["measured"] == ""
    for figure in ("steps", "sfo", "cost", "fid", "samples", "generators"):
        assert (results / f"figures/wgan-gp/{figure}.png").stat().st_size > 1000
    drawn = rows("figures/wgan-gp/steps.csv", optimizer="RMSProp")
    assert {row["status"] for row in drawn} == {"diverged"}

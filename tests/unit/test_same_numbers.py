"""The comparison of two versions' histories sees every kind of difference."""

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/same_numbers.py"))
JOB = "dcgan/Adam/b4/seeds_0-1"
TEXT = """seed,step,metric,value,samples
0,50,fid,31.25,80
0,50,generator_loss,0.5,
1,50,fid,30.0,80
0,55,fid,12.5,2000
"""
# The same, as versions before wrote it.
EARLIER = """seed,step,samples,fid,scored,generator_loss
0,50,200,31.25,80,0.5
1,50,200,30.0,80,0.25
0,55,220,12.5,2000,0.25
"""


def results(folder, text, job=JOB):
    path = folder / "runs" / job / "history.csv"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TEXT, []),
        (EARLIER, []),
        (
            TEXT.replace("12.5,", "12.500000001,"),
            ["seed 0, step 55: fid 12.5 of 2000, then 12.500000001 of 2000"],
        ),
        (TEXT.replace("30.0,80", "30.0,70"), ["seed 1, step 50: fid 30.0 of 80, then 30.0 of 70"]),
        (TEXT.replace("loss,0.5", "loss,nan"), ["seed 0, step 50: generator_loss 0.5, then nan"]),
        (EARLIER.replace(",0.5", ",0.75"), ["seed 0, step 50: generator_loss 0.5, then 0.75"]),
        (
            TEXT.replace("0,55,fid,12.5,2000\n", ""),
            ["seed 0 was evaluated at step 55 in one of them"],
        ),
        ("\n".join(TEXT.split()[i] for i in (0, 2, 1, 4, 3)) + "\n", []),  # order is no number
    ],
)
def test_differences_of_one_job(tmp_path, text, found):
    one, two = results(tmp_path / "one", TEXT), results(tmp_path / "two", text)
    lines = list(SCRIPT["differences"](*map(SCRIPT["histories"], (one, two))))
    assert len(lines) == len(found)
    for line, words in zip(lines, found, strict=True):
        assert line.startswith(f"{JOB}: {words}")


def test_a_job_that_one_side_lacks_is_named(tmp_path):
    one = SCRIPT["histories"](results(tmp_path / "one", TEXT))
    assert list(SCRIPT["differences"](one, {})) == [f"{JOB}: only before"]
    assert list(SCRIPT["differences"]({}, one)) == [f"{JOB}: only after"]

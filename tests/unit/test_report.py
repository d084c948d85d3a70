"""Pages of the report: what a row of Table 3 says in words, and tables that hold every number."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from critical_batch.configuration import load
from critical_batch.reporting.caption_numbers import CaptionNumbers, caption_numbers
from critical_batch.reporting.pages.data import data_page
from critical_batch.reporting.pages.html import cell, page, table
from critical_batch.reporting.pages.runs import runs_page
from critical_batch.reporting.pages.table3 import findings_table, table3_page
from critical_batch.reporting.pages.theory import TITLES, theory_page
from critical_batch.reporting.pages.versions import versions_page
from critical_batch.reporting.table3_sentences import SENTENCE_KINDS, finding
from critical_batch.tables.aggregate import CRITICAL, NETWORKS
from critical_batch.tables.results import TABLE3
from critical_batch.tables.theory import ESTIMATES
from critical_batch.training.grid import Limits
from critical_batch.training.job import FirstLook, Stop

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
ROOT = Path(__file__).parents[2]


def row(measured, estimated, **changes):
    low = high = pd.NA if measured is None else measured
    return {
        "measured": pd.NA if measured is None else measured,
        "measured_low": low,
        "measured_high": high,
        "estimated": pd.NA if estimated is None else estimated,
        "estimated_exact": float("nan") if estimated is None else float(estimated),
        "published_measured": pd.NA,
        "published_estimated": pd.NA,
        "at_edge": "",
        "seeds": 3,
        "seeds_reached": 3,
        "is_source": False,
        **changes,
    }


@pytest.mark.parametrize(
    ("case", "kind", "sentence"),
    [
        (
            row(8, 8),
            "agrees",
            "Measured and estimated agree: 8, as for every seed alone (3).",
        ),
        (
            row(8, 16, measured_low=4, measured_high=16),
            "within a factor of two",
            "The estimate of 16 is a factor of two larger than the measured 8 "
            "(3 seeds alone: 4 to 16, which includes it).",
        ),
        (
            row(8, 4, measured_low=8, measured_high=16),
            "within a factor of two",
            "The estimate of 4 is a factor of two smaller than the measured 8 "
            "(3 seeds alone: 8 to 16, which excludes it).",
        ),
        (
            row(2, 16, seeds=1),
            "differs",
            "The estimate of 16 is eight times larger than the measured 2.",
        ),
        (
            row(64, 4, seeds=1),
            "differs",
            "The estimate of 4 is 16 times smaller than the measured 64.",
        ),
        (
            row(1, 1, at_edge="smallest"),
            "bound",
            "1 is the smallest batch size tried, so the minimum may lie below it; the estimate of "
            "1 is compatible with that.",
        ),
        (
            row(1, 4, at_edge="smallest"),
            "bound",
            "1 is the smallest batch size tried, so the minimum may lie below it; the estimate of "
            "4 is not compatible with that, by a factor of four.",
        ),
        (
            row(64, 256, at_edge="largest"),
            "bound",
            "64 is the largest batch size tried, so the minimum may lie above it; the estimate of "
            "256 is compatible with that.",
        ),
        (
            row(4, 8, at_edge="censored"),
            "bound",
            "A batch size that did not arrive was stopped too early to be excluded, so 4 is "
            "provisional; the estimate of 8 is a factor of two larger.",
        ),
        (
            row(4, 8, at_edge="early"),
            "bound",
            "Another batch size reached the threshold at its first evaluation and may be cheaper, "
            "so 4 is provisional; the estimate of 8 is a factor of two larger.",
        ),
        (
            row(64, 16, at_edge="largest", seeds=1),
            "bound",
            "64 is the largest batch size tried, so the minimum may lie above it; the estimate of "
            "16 is not compatible with that, by a factor of four.",
        ),
        (
            row(64, 64, at_edge="largest"),
            "bound",
            "64 is the largest batch size tried, so the minimum may lie above it; the estimate of "
            "64 is compatible with that.",
        ),
        (
            row(4, 2, at_edge="smallest"),
            "bound",
            "4 is the smallest batch size tried, so the minimum may lie below it; the estimate of "
            "2 is compatible with that.",
        ),
        (
            row(4, 4, at_edge="censored"),
            "bound",
            "A batch size that did not arrive was stopped too early to be excluded, so 4 is "
            "provisional; the estimate of 4 equals it.",
        ),
        (
            row(12, 4, at_edge="early"),
            "bound",
            "Another batch size reached the threshold at its first evaluation and may be cheaper, "
            "so 12 is provisional; the estimate of 4 is 3 times smaller.",
        ),
        (
            row(4, None, at_edge="largest"),
            "no estimate",
            "4 is the largest batch size tried, so the minimum may lie above it; there is no "
            "estimate to compare it with.",
        ),
        (
            row(4, 4, is_source=True, at_edge="smallest"),
            "source of the ratio",
            "The ratio was measured here, so that the estimate agrees is no test; 4 is the "
            "smallest batch size tried, so the minimum may lie below it.",
        ),
        (
            row(8, 32, seeds=2, measured_low=8, measured_high=16),
            "differs",
            "The estimate of 32 is four times larger than the measured 8 "
            "(2 seeds alone: 8 to 16, which excludes it).",
        ),
        (
            row(10, 8, measured_low=8, measured_high=10),
            "within a factor of two",
            "The estimate of 8 is a factor of 1.25 smaller than the measured 10 "
            "(3 seeds alone: 8 to 10, which includes it).",
        ),
        (
            row(8, 8, seeds=2, measured_low=pd.NA, measured_high=pd.NA),
            "agrees",
            "Measured and estimated agree: 8.",
        ),
        (
            row(2, 2, seeds=2, estimated_exact=1.5),
            "agrees",
            "Measured and estimated agree: 2, as for every seed alone (2).",
        ),
        (
            row(None, 1, estimated_exact=0.5, at_edge="early"),
            "only upper bounds",
            "The threshold was reached at the first evaluation, so N(b) is known only from above "
            "and the cheapest batch size is not known, so the estimate of 1 remains untested.",
        ),
        (
            row(None, None, at_edge="early"),
            "only upper bounds",
            "The threshold was reached at the first evaluation, so N(b) is known only from above "
            "and the cheapest batch size is not known.",
        ),
        (
            row(2, 1, estimated_exact=0.5, seeds=1),
            "within a factor of two",
            "The estimate of 1 is a factor of two smaller than the measured 2; before it was "
            "raised to one image the estimate is 0.5.",
        ),
        (
            row(2, 1, estimated_exact=1 - 1e-16, seeds=1),
            "within a factor of two",
            "The estimate of 1 is a factor of two smaller than the measured 2.",
        ),
        (
            row(None, 16),
            "not reached",
            "At no batch size did the majority of the seeds reach the threshold, so the estimate "
            "of 16 remains untested.",
        ),
        (
            row(None, None),
            "not reached",
            "At no batch size did the majority of the seeds reach the threshold.",
        ),
        (
            row(4, None, measured_low=2),
            "no estimate",
            "The measured size is 4 (3 seeds alone: 2 to 4); there is no estimate to compare it "
            "with.",
        ),
        (
            row(4, 4, is_source=True, seeds=1),
            "source of the ratio",
            "The ratio was measured here, so that the estimate agrees is no test; the size is 4.",
        ),
        (
            row(8, 8, seeds=1, published_measured=8, published_estimated=128),
            "agrees",
            "Measured and estimated agree: 8. The paper measured 8 and estimated 128, a factor of "
            "16 apart.",
        ),
        (
            row(8, 8, seeds=1, published_measured=4, published_estimated=4),
            "agrees",
            "Measured and estimated agree: 8. The paper measured and estimated 4.",
        ),
    ],
)
def test_a_row_in_words(case, kind, sentence):
    found = finding(case)
    assert (found.kind, found.sentence) == (kind, sentence)
    assert kind in SENTENCE_KINDS


class Cells(HTMLParser):
    """Rows of the tables of a page as lists of text; refuses tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag in ("meta", "br"):
            self.text.append("|" if tag == "br" else "")
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.text = []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("td", "th"):
            self.rows[-1].append("".join(self.text))

    def handle_data(self, data):
        self.text.append(data)


def test_text_becomes_no_markup():
    text = page("<b> & co", [table(["<i>"], [[cell('"<script>')]])])
    assert "<script" not in text
    assert "<title>&lt;b&gt; &amp; co</title>" in text
    assert Cells(text).rows == [["<i>"], ['"<script>']]
    assert cell(None) == cell("") == "\N{EN DASH}"
    assert cell(0) == "0"


def test_pages_are_alone():
    """No script, nothing to load, a width for phones."""
    text = page("Title", [])
    assert 'name="viewport"' in text
    assert not re.search(r"<script|<link|src=|href=|url\(|@import", text)


EXPERIMENTS = [{"name": "dcgan", "section": "4.1", "title": "DCGAN on <data>", "optimizers": {}}]


@pytest.fixture
def tables():
    measured = [
        ("4.1", "dcgan", "Adam", 4, 4, 8, 4, 4.0, 32, 32),
        ("4.1", "dcgan", "RMSProp", None, None, None, 16, 15.81, 8, 128),
    ]
    critical = [("dcgan", "Adam", 4, 4, 8, "smallest", 3, 3)]
    critical += [("dcgan", "RMSProp", None, None, None, "", 3, 0)]
    estimates = [
        ("dcgan", "4.1", name, "dcgan", "Adam", 19.1, exact, round(exact), exact, round(exact))
        for name, exact in (("Adam", 4.0), ("RMSProp", 15.81))
    ]
    networks = [("dcgan", 10, 10, 100, "classifier-FID", 8.0)]
    pairs = ((measured, TABLE3), (critical, CRITICAL), (estimates, ESTIMATES), (networks, NETWORKS))
    return [contract.frame(rows) for rows, contract in pairs]


def test_table3_page_has_all_sizes_and_a_sentence_per_row(tables):
    measured, critical, estimates, networks = tables
    rows = findings_table(measured, critical, estimates)
    assert rows["kind"].tolist() == ["source of the ratio", "not reached"]
    text = table3_page(rows, networks, EXPERIMENTS)
    assert "DCGAN on &lt;data&gt;" in text
    assert "Threshold: classifier-FID 8." in text
    head, adam, rmsprop = Cells(text).rows
    assert head[-1] == "What was found"
    assert adam[:6] == ["Adam", "4", "4 to 8", "4 (4)", "32", "32"]
    assert "4 is the smallest batch size tried" in adam[6]
    assert rmsprop[:6] == ["RMSProp", *("\N{EN DASH}" * 2), "16 (15.8)", "8", "128"]
    assert rmsprop[6].startswith("not reachedAt no batch size")


def run_record(batch_size, *results, seconds=12.0):
    return {
        "experiment": "dcgan",
        "optimizer": "Adam",
        "batch_size": batch_size,
        "metric": "classifier-FID",
        "stop": {"metric": "fid", "at_most": 8.0},
        "seconds": seconds,
        "results": [
            {"seed": seed, "status": status, "steps": steps, "final_value": fid}
            for seed, (status, steps, fid) in enumerate(results)
        ],
    }


def test_runs_page_keeps_states_as_states():
    runs = [
        run_record(4, ("reached", 1277, 7.9), ("step-limit", None, 8.25), seconds=3600.4),
        run_record(8, ("diverged", None, None)),
    ]
    text = runs_page(runs)
    assert "2 training jobs, 3 seeds: 1 reached, 1 step limit, 1 diverged." in text
    _, first, second = Cells(text).rows
    dash = "\N{EN DASH}"
    lines = ["0|1", "reached|step limit", f"1,277|{dash}", f"5,108|{dash}", "7.90|8.25"]
    assert first == ["4", *lines, "3,600"]
    assert second == ["8", "0", "diverged", dash, dash, dash, "12"]


def test_theory_page_rounds_numbers_and_keeps_words():
    rows = [
        {"experiment": "dcgan", "section": "4.10", "optimizer": "Adam", "ratio": "19.0987654"},
        {"experiment": "dcgan", "section": "4.10", "optimizer": "nan", "ratio": ""},
        {"experiment": "1e5", "section": "x", "optimizer": "", "ratio": "123456"},
    ]
    head, *cells = Cells(theory_page(TITLES["estimates"], rows)).rows
    assert head == ["experiment", "section", "optimizer", "ratio"]
    dash = "\N{EN DASH}"
    assert cells == [
        ["dcgan", "4.10", "Adam", "19.1"],
        ["dcgan", "4.10", "nan", dash],
        ["1e5", "x", dash, "123456"],
    ]
    assert "No entries." in theory_page(TITLES["fit"], [])


def test_versions_page_names_code_machine_and_packages():
    manifest = {
        "written": "2026-01-01T00:00:00Z",
        "code": {"commit": "abc123", "modified": True},
        "config_sha256": "f" * 64,
        "host": {
            "system": "Linux",
            "machine": "x86_64",
            "processor": "CPU",
            "cores": 2,
            "python": "3.11.7",
        },
        "packages": {"zlib": "1", "torch": "2.14.1", "attrs": "26.1.0"},
        "training": {"jobs": 2, "seeds": 5, "seconds": 1234.5, "devices": ["cpu"]},
    }
    text = versions_page(manifest)
    facts_shown = dict(Cells(text).rows)
    assert facts_shown["Code"] == "abc123 and local changes"
    assert facts_shown["torch"] == "2.14.1"
    assert re.findall("<li>(.*?)</li>", text) == ["attrs 26.1.0", "zlib 1"]
    manifest["code"] = {"commit": None, "modified": None}
    assert "not a git checkout" in versions_page(manifest)


def prepared(**changes):
    row = {"reason": "link to nothing", "count": 1200, "example": "b/<gone>.png"}
    manifest = {"name": "mine", "images": 40, "classes": 2, "class_names": ["a", "<b>"]}
    manifest |= {"class_counts": [30, 10], "height": 8, "width": 8, "channels": 3}
    manifest |= {"source": "image folder own", "resize": "none", "skipped": ["a/1.png"]}
    manifest |= {"skipped_reasons": [{"reason": "broken", "count": 1, "example": "a/1.png"}]}
    return manifest | {"unused": [row], "remarks": [], "warnings": ["few bits"]} | changes


def test_data_page_has_classes_counts_and_all_that_was_not_used():
    text = data_page([prepared(), prepared(name="other")], {"mine": ["classifier", "inception"]})
    assert Cells(text).rows[:6] == [
        ["Class", "Images"],
        ["a", "30"],
        ["<b>", "10"],
        ["What", "Reason", "Count", "Such as"],
        ["skipped: cannot be read", "broken", "1", "a/1.png"],
        ["not used: no image", "link to nothing", "1,200", "b/<gone>.png"],
    ]
    assert "40 images of 8 x 8 x 3, 2 classes, 1 image skipped." in text
    assert text.count("Warning: few bits.") == 2
    assert text.index("<h2>mine") < text.index("<h2>other")
    assert text.count('<p class="note">image folder own; resized: none.</p>') == 2
    assert "<title>Data sets</title>" in text
    for column, kind in (("Images", "number"), ("Count", "number"), ("Reason", "words")):
        assert text.count(f'<th class="{kind}">{column}</th>') == 2
        assert f'<td data-label="{column}" class="{kind}">' in text
    for column in ("Class", "What", "Such as"):
        assert f"<th>{column}</th>" in text
    assert "1 class, 2 images skipped." in data_page(
        [prepared(classes=1, class_names=[], class_counts=[], skipped=["1", "2"])], {}
    )
    assert text.count("Warning: 40 real images are too few for 64 features") == 1
    assert text.count("Warning: 40 real images are too few for 2,048 features") == 1


def test_no_address_of_a_data_set_can_be_loaded_from_the_page():
    text = data_page([prepared(source="this (https://a.org/x, http://b.org/y)")], {})
    assert "this (a.org/x, b.org/y); resized" in text
    assert "://" not in text


def test_data_page_of_manifests_of_earlier_versions_and_of_names_that_are_no_text():
    new = ("class_counts", "skipped_reasons", "unused", "remarks", "warnings")
    old = {key: value for key, value in prepared().items() if key not in new}
    assert Cells(data_page([old], {})).rows == []
    page = data_page([prepared(class_names=["a", "b\udcff"])], {})
    assert "b\\udcff" in page.encode().decode()


def test_scripts_write_the_pages(tmp_path, tables):
    for name, frame in zip(("table3", "critical", "estimates", "networks"), tables, strict=True):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "run.json").write_text(json.dumps(run_record(4, ("reached", 10, 1.0))))
    (tmp_path / "runs.txt").write_text(f"{tmp_path / 'run.json'}\n")

    def run(script, **options):
        pairs = ((f"--{name.replace('_', '-')}", str(value)) for name, value in options.items())
        words = [word for pair in pairs for word in pair]
        command = [sys.executable, SCRIPTS / f"{script}.py", *words]
        ended = subprocess.run(command, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr

    def write(script, **options):
        run(script, **options)
        return Cells(options["output"].read_text()).rows

    inputs = {name: tmp_path / f"{name}.csv" for name in ("table3", "critical", "estimates")}
    rows = write(
        "write_table3_page",
        **inputs,
        networks=tmp_path / "networks.csv",
        experiments=json.dumps(EXPERIMENTS),
        output=tmp_path / "table3.html",
    )
    assert len(rows) == 3
    assert (
        len(write("write_runs_page", runs_file=tmp_path / "runs.txt", output=tmp_path / "r")) == 2
    )
    (tmp_path / "manifest.json").write_text(json.dumps(prepared()))
    features = json.dumps({"mine": ["classifier"]})
    output = tmp_path / "data.html"
    rows = write(
        "write_data_page", manifests=tmp_path / "manifest.json", features=features, output=output
    )
    assert len(rows) == 6
    run("write_theory_pages", names="estimates", tables=inputs["estimates"], output_dir=tmp_path)
    rows = Cells((tmp_path / "estimates.html").read_text()).rows
    assert [row[2] for row in rows] == ["optimizer", "Adam", "RMSProp"]


def test_caption_numbers_are_those_of_the_run(tmp_path, tables, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = load(yaml.safe_load((ROOT / "tests" / "config.smoke.yaml").read_text()))
    experiment = config.experiments["dcgan"]
    (nothing,) = caption_numbers([experiment], tmp_path).experiments
    assert [each["measured"] for each in nothing["optimizers"]] == ["", ""]
    assert nothing["threshold"] == "95"
    assert nothing["seeds"] == "2 seeds"
    assert nothing["first_look"] == ""
    default = load(yaml.safe_load((ROOT / "config.yaml").read_text()))
    (looking,) = caption_numbers([default.experiments["dcgan-fashion"]], tmp_path).experiments
    assert looking["first_look"] == ", of the first 500 where these give more than 12"
    for folder, name, frame in (
        ("aggregate", "critical", tables[1]),
        ("theory", "estimates", tables[2]),
    ):
        (tmp_path / folder).mkdir()
        frame.to_csv(tmp_path / folder / f"{name}.csv", index=False)
    (made,) = caption_numbers([experiment], tmp_path).experiments
    adam, rmsprop = made["optimizers"]
    assert adam["measured"] == adam["estimated"] == "4"
    assert adam["range"] == "4 to 8"
    assert adam["bound"] == "the smallest size tried, a bound"
    assert adam["arrived"] == "3 of 3"
    assert rmsprop["measured"] == ""
    several = caption_numbers(config.experiments.values(), tmp_path)
    assert str(several) == "CaptionNumbers(of='dcgan, wgan-gp, biggan')"  # as the report lists it
    assert [each["name"] for each in several.experiments] == ["dcgan", "wgan-gp", "biggan"]
    (tmp_path / "results").mkdir()
    for folder in ("aggregate", "theory"):
        (tmp_path / folder).rename(tmp_path / "results" / folder)
    monkeypatch.chdir(tmp_path)
    assert caption_numbers([experiment]).experiments == [made]


def test_caption_numbers_are_those_of_their_own_experiment_and_optimizer(tmp_path):
    files = {
        "aggregate/critical.csv": "experiment,optimizer,critical_batch_size,low,high,at_edge,seeds,"
        "seeds_reached\nother,Adam,64,64,64,,3,3\nmine,RMSProp,8,4,16,censored,3,2\n"
        "mine,Adam,,,,early,1,0\nmine,AMSGrad,,,,,3,0\nmine,AdaBelief,8,8,8,largest,2,2\n",
        "theory/estimates.csv": "experiment,optimizer,estimated\nmine,Adam,16\nmine,RMSProp,32\n",
        "theory/censored_fit.csv": "experiment,optimizer,critical_batch_size,pole\n"
        "other,RMSProp,1.5,2.5\nmine,RMSProp,7.12345,3.561725\nmine,Adam,,\n",
        "statistics/fid_noise.csv": "experiment,sd\nother,9.9\nmine,0.123456\nmine,0.5\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    first_look = FirstLook(samples=1500, factor=1.5)
    experiment = SimpleNamespace(
        name="mine",
        title="My GAN",
        section="9.9",
        metric="FID",
        fid=SimpleNamespace(samples=50_000, first_look=first_look),
        stop=Stop("fid", 12.5),
        seeds=[3],
        limits=Limits(steps=12_000),
        batch_sizes=[32, 4, 8],
        optimizers={"RMSProp": {}, "Adam": {}, "AMSGrad": {}, "AdaBelief": {}, "SGD": {}},
    )
    (found,) = caption_numbers([experiment], tmp_path).experiments
    optimizers = found.pop("optimizers")
    assert found == {
        "name": "mine",
        "title": "My GAN",
        "section": "9.9",
        "metric": "FID",
        "threshold": "12.5",
        "samples": "50,000",
        "first_look": ", of the first 1,500 where these give more than 18.75",
        "seeds": "1 seed",
        "step_limit": "12,000",
        "batch_sizes": "4 to 32",
        "sd": "0.123",
    }
    assert [each["name"] for each in optimizers] == [*experiment.optimizers]
    rmsprop, adam, amsgrad, adabelief, sgd = optimizers
    assert rmsprop == {
        "name": "RMSProp",
        "measured": "8",
        "unmeasured": "not reached",
        "range": "4 to 16",
        "bound": "provisional: another size was stopped too early",
        "arrived": "2 of 3",
        "estimated": "32",
        "fitted": "7.12",
        "pole": "3.56",
    }
    unknown = "unknown, the threshold was reached at the first evaluation"
    assert (adam["measured"], adam["unmeasured"], adam["estimated"]) == ("", unknown, "16")
    assert (adam["range"], adam["fitted"], adam["pole"]) == ("only one was run", "", "")
    assert (amsgrad["unmeasured"], amsgrad["range"]) == ("not reached", "not known")
    assert (amsgrad["arrived"], amsgrad["bound"]) == ("0 of 3", "")
    assert (adabelief["range"], adabelief["bound"]) == ("8", "the largest size tried, a bound")
    assert (sgd["measured"], sgd["arrived"], sgd["unmeasured"]) == ("", "", "not reached")
    assert sgd["range"] == "not known"


def test_caption_numbers_give_the_captions_of_figures():
    experiment = {"title": "My GAN", "section": "9.9", "seeds": "1 seed", "batch_sizes": "4 to 32"}
    experiment |= {"metric": "FID", "threshold": "12.5", "step_limit": "90"}
    told = "**My GAN** (section 9.9): 1 seed, b = 4 to 32, threshold FID 12.5, at most 90 steps."
    first, *rest = CaptionNumbers("mine, mine", [experiment] * 2).caption("samples").split("\n\n")
    assert first.startswith("Images of the final generators at the smallest, the critical")
    assert rest == [told, told]


def test_every_page_has_a_caption_that_is_there():
    captions = {path.stem for path in (ROOT / "workflow" / "report").glob("*.rst")}
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    named = set(re.findall(r'caption="\.\./report/(\w+)\.rst"', rules))
    assert len(named) >= 5
    assert named <= captions

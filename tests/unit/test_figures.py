"""Figures, by what stands on them: positions, scales, counts, states; and the scripts on files."""

import json
import sys

import numpy as np
import pandas as pd
import plot_fid
import plot_samples
import plot_sfo
import plot_steps
import pytest
from PIL import Image
from ttur import figures, optimizers, style
from ttur.aggregate import CRITICAL, critical_table, median_sfo, steps_table
from ttur.errors import UserError
from ttur.theory import FIT, fit_table

STEPS_AT = {
    "Adam": {2: 3296, 4: 1540, 8: 1158, 16: 1158, 32: 792, 64: 720},
    "AdaBelief": {2: 4385, 4: 2478, 8: 1400, 16: 1053, 32: 655, 64: 655},
    "RMSProp": {2: 3987, 4: 1694, 8: 792, 16: 655, 32: 449, 64: 339},
}
LOOK = {"title": "4.1 DCGAN on Fashion-MNIST", "metric": "classifier-FID", "threshold": 15.0}


def result(seed, steps, status="reached"):
    return {
        "seed": seed,
        "status": status,
        "steps": steps,
        "last_miss": 20_000 if steps is None else steps - 1,
        "final_fid": None if status == "diverged" else 14.5 if steps else 40.0,
        "final_step": steps or 6000,
    }


def job(optimizer, batch_size, results):
    return {
        "experiment": "e",
        "optimizer": optimizer,
        "batch_size": batch_size,
        "seeds": [r["seed"] for r in results],
        "results": results,
    }


def measured_runs(seeds=(0, 1, 2), steps_at=STEPS_AT):
    """Three seeds 15 % apart; at b = 1 all miss, one RMSProp by diverging; one Adam at 2 misses."""
    runs = []
    for optimizer, numbers in steps_at.items():
        first = "diverged" if optimizer == "RMSProp" else "step-limit"
        misses = [result(s, None, first if s == 0 else "step-limit") for s in seeds]
        runs.append(job(optimizer, 1, misses))
        for batch_size, number in numbers.items():
            results = [result(s, round(number * (0.85 + 0.15 * s))) for s in seeds]
            if (optimizer, batch_size) == ("Adam", 2) and len(seeds) > 1:
                results[1] = result(1, None, "step-limit")
            runs.append(job(optimizer, batch_size, results))
    return runs


def tables(runs):
    steps = steps_table(runs)
    return steps, critical_table(steps), fit_table(median_sfo(steps))[list(FIT)]


def empty(columns):
    return pd.DataFrame(columns=list(columns)).astype(columns)


def lines(figure, gid):
    return [line for axes in figure.axes for line in axes.lines if line.get_gid() == gid]


def line(figure, gid):
    (found,) = lines(figure, gid)
    return found


def legend_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def counts(figure):
    """The strip: {(batch_size, count)} per row label."""
    strip = figure.axes[0]
    rows = {round(tick): [] for tick in strip.get_yticks()}
    for text in strip.texts:
        rows[round(text.xy[1])].append((text.xy[0], text.get_text()))
    labels = [label.get_text() for label in strip.get_yticklabels()]
    return [(label, marks) for label, (_, marks) in zip(labels, rows.items(), strict=True)]


@pytest.fixture(scope="module")
def measured():
    return tables(measured_runs())


@pytest.fixture(scope="module")
def small():
    """One optimizer, for what is slow: layout and writing."""
    return tables(measured_runs(steps_at={"Adam": {2: 3296, 4: 1540, 8: 1158}}))


def test_steps_axes_are_powers_of_two_and_say_what_they_show(measured):
    steps, _, fit = measured
    figure = figures.steps_figure(steps, fit, **LOOK)
    axes = figure.axes[-1]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "batch size $b$"
    assert axes.get_ylabel() == "steps $N(b)$ until classifier-FID ≤ 15"
    assert figure.get_suptitle() == "4.1 DCGAN on Fashion-MNIST"
    assert list(axes.get_xticks()) == [1, 2, 4, 8, 16, 32, 64]
    assert [t.get_text() for t in axes.get_xticklabels()] == [f"$2^{{{k}}}$" for k in range(7)]
    assert figure.get_figwidth() == 3.4


def test_every_seed_median_and_fit_is_drawn_where_it_was_measured(measured):
    steps, _, fit = measured
    figure = figures.steps_figure(steps, fit, **LOOK)
    for optimizer, numbers in STEPS_AT.items():
        x, y = line(figure, f"median {optimizer}").get_data()
        assert list(x) == [1, *numbers]
        assert np.isnan(y[0])  # b = 1: nobody reached
        np.testing.assert_array_equal(y[2:], list(numbers.values())[1:])
        dots = line(figure, f"seeds {optimizer}").get_ydata()
        mine = steps[steps["optimizer"] == optimizer]
        assert np.isfinite(dots).sum() == (mine["status"] == "reached").sum()
        row = fit[fit["optimizer"] == optimizer].iloc[0]
        b, n = line(figure, f"fit {optimizer}").get_data()
        known = np.isfinite(n)
        np.testing.assert_allclose(1 / n[known], row.intercept - row.slope / b[known])
        assert (b[known] > row.pole).all()
    # Adam at b = 2: seeds 2802, missed, 3790; the miss counts as later than both.
    assert line(figure, "median Adam").get_ydata()[1] == 3790


def test_a_median_line_breaks_where_no_majority_reached():
    results = {b: [result(s, 100 * b) for s in range(3)] for b in (2, 4, 8)}
    results[4] = [result(0, 400), result(1, None, "diverged"), result(2, None, "step-limit")]
    steps, _, _ = tables([job("Adam", b, r) for b, r in results.items()])
    figure = figures.steps_figure(steps, empty(FIT), **LOOK)
    np.testing.assert_array_equal(line(figure, "median Adam").get_ydata(), [200, np.nan, 800])
    assert 400 in line(figure, "seeds Adam").get_ydata()
    assert counts(figure) == [("step limit", [(4, "1/3")]), ("diverged", [(4, "1/3")])]


def test_not_reached_strip_counts_each_status(measured):
    steps, critical, fit = measured
    for figure in (
        figures.steps_figure(steps, fit, **LOOK),
        figures.sfo_figure(steps, critical, fit, **LOOK),
    ):
        assert figure.axes[0].get_title("left") == "not reached: seeds / all seeds"
        assert counts(figure) == [
            ("step limit", [(1, "3/3"), (2, "1/3")]),
            ("step limit", [(1, "3/3")]),
            ("step limit", [(1, "2/3")]),
            ("diverged", [(1, "1/3")]),
        ]
        assert list(line(figure, "step-limit Adam").get_xdata()) == [1, 2]
        assert line(figure, "step-limit Adam").get_markerfacecolor() == "white"
        assert line(figure, "step-limit RMSProp").get_marker() == style.look("RMSProp").marker
        assert line(figure, "diverged RMSProp").get_marker() == "x"
        assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()


def test_no_strip_where_all_reached():
    steps, _, fit = tables([job("Adam", b, [result(0, 4096 // b)]) for b in (2, 4, 8)])
    assert len(figures.steps_figure(steps, fit, **LOOK).axes) == 1


def test_critical_batch_size_is_a_star_at_its_place_and_in_the_legend(measured):
    steps, critical, fit = measured
    figure = figures.sfo_figure(steps, critical, fit, **LOOK)
    # SFO of the medians: Adam 2 x 3790 > 4 x 1540; AdaBelief 2 x 4385 is its least, and the
    # least tried but for b = 1; RMSProp 8 x 792 = 6336 is its least.
    expected = {"Adam": (4, 6160), "AdaBelief": (2, 8770), "RMSProp": (8, 6336)}
    for optimizer, (b, sfo) in expected.items():
        star = line(figure, f"critical {optimizer}")
        assert (star.get_xdata()[0], star.get_ydata()[0]) == (b, sfo)
        assert star.get_marker() == "*"
        drop = line(figure, f"drop {optimizer}")
        assert list(drop.get_xdata()) == [b, b]
        assert list(drop.get_ydata()) == [figure.axes[-1].get_ylim()[0], sfo]
        assert f"{optimizer}: $b^* =$ {style.power_of_two(b)}" in legend_texts(figure)
    assert figure.axes[-1].get_ylabel() == "SFO $b\\,N(b)$ until classifier-FID ≤ 15"


def test_legend_says_when_the_critical_batch_size_is_at_the_edge_or_missing():
    runs = [job("Adam", b, [result(0, 1000)]) for b in (2, 4)]
    runs += [job("RMSProp", b, [result(0, None, "diverged")]) for b in (2, 4)]
    steps, critical, fit = tables(runs)
    figure = figures.sfo_figure(steps, critical, fit, **LOOK)
    assert legend_texts(figure)[:2] == ["Adam: $b^* =$ $2^{1}$ (bound)", "RMSProp: no $b^*$"]
    assert lines(figure, "critical RMSProp") == []


def test_points_hold_no_number_for_a_seed_that_did_not_reach(measured):
    steps, _, fit = measured
    data = figures.points(steps, fit, "sfo")
    assert list(data) == ["optimizer", "batch_size", "seed", "status", "sfo", "median", "fit"]
    assert len(data) == len(steps)
    assert (data["sfo"].notna() == (data["status"] == "reached")).all()
    assert data.loc[data["batch_size"] == 1, "median"].isna().all()


def test_fitted_steps_has_its_pole_and_its_limit():
    n = figures.fitted_steps(np.array([1.0, 2.0, 4.0, 1e12]), slope=0.02, intercept=0.01)
    np.testing.assert_allclose(n, [np.nan, np.nan, 200.0, 100.0], rtol=1e-9)
    assert np.isnan(figures.fitted_steps(np.array([4.0]), np.nan, np.nan)).all()


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param([], id="nothing"),
        pytest.param([job("Adam", 1, [result(0, None, "diverged")])], id="one diverged seed"),
        pytest.param(
            [job("Adam", b, [result(0, None, "step-limit")]) for b in (1, 2)], id="none reached"
        ),
        pytest.param([job("Adam", 8, [result(0, 900)])], id="one of everything"),
        pytest.param([job("RMSProp", 8, [result(s, 9) for s in range(3)])], id="one batch size"),
        pytest.param(measured_runs(seeds=(0,)), id="one seed"),
        pytest.param(measured_runs(steps_at={"Adam": STEPS_AT["Adam"]}), id="one optimizer"),
    ],
)
def test_degenerate_tables_are_drawn(runs):
    steps, critical, fit = tables(runs)
    for marks, curve in ((critical, fit), (empty(CRITICAL), empty(FIT))):
        steps_figure = figures.steps_figure(steps, curve, **LOOK)
        sfo_figure = figures.sfo_figure(steps, marks, curve, **LOOK)
        for figure in (steps_figure, sfo_figure):
            if curve is fit:
                figure.draw_without_rendering()
            for optimizer in steps["optimizer"].unique():
                assert len(lines(figure, f"median {optimizer}")) == 1
        notes = [text.get_text() for text in steps_figure.axes[-1].texts]
        reached = (steps["status"] == "reached").any()
        assert notes == ([] if reached else ["no seed reached the threshold"])
        fitted = len(curve) > 0 and curve["slope"].notna().any()
        assert ("fit: $1/N$ linear in $1/b$" in legend_texts(sfo_figure)) == fitted


def histories_of(ends):
    """Rows of FID 160 / step^0.5 to the given end: {(optimizer, batch_size, seed): (n, status)}."""
    rows = []
    for (optimizer, batch_size, seed), (number, status) in ends.items():
        for k in range(1, number + 1):
            fid = (160 + seed) / (50 * k) ** 0.5
            rows.append((optimizer, batch_size, seed, 50 * k, fid, status))
    columns = ["optimizer", "batch_size", "seed", "step", "fid", "status"]
    return pd.DataFrame(rows, columns=columns).astype({"step": "int64", "fid": "float64"})


def median_lines(panel):
    return [line for line in panel.lines if line.get_gid() is None and len(line.get_xdata())]


def test_fid_panels_lines_medians_and_bands():
    ends = {
        ("Adam", 2, 0): (4, "step-limit"),
        ("Adam", 2, 1): (4, "step-limit"),
        ("Adam", 2, 2): (3, "reached"),
        ("Adam", 4, 0): (2, "reached"),
        ("RMSProp", 4, 0): (3, "reached"),
    }
    histories = histories_of(ends)
    histories.loc[(histories["seed"] == 1) & (histories["step"] == 200), "fid"] = np.nan
    figure = figures.fid_figure(histories, **LOOK)
    adam, rmsprop = figure.axes
    assert figure.get_figwidth() == 7.0
    assert [adam.get_title(), rmsprop.get_title()] == ["Adam", "RMSProp"]
    assert adam.get_xscale() == "log"
    assert adam.get_ylim() == rmsprop.get_ylim()
    assert (adam.get_ylabel(), rmsprop.get_ylabel()) == ("classifier-FID", "")
    assert [len(median_lines(panel)) for panel in figure.axes] == [2, 1]
    x, y = median_lines(adam)[0].get_data()
    np.testing.assert_allclose(x, [50, 100, 150, 200])
    # Medians over three seeds, then over the one that still reports a number.
    np.testing.assert_allclose(y, [161 / 50**0.5, 161 / 10, 161 / 150**0.5, 160 / 200**0.5])
    band = adam.collections[0].get_paths()
    vertices = np.concatenate([path.vertices for path in band])
    assert vertices[:, 0].max() == pytest.approx(150)
    at_100 = vertices[np.isclose(vertices[:, 0], 100)][:, 1]
    np.testing.assert_allclose([at_100.min(), at_100.max()], [16.0, 16.2])
    assert rmsprop.collections[0].get_paths() == []  # one seed has no band
    (threshold,) = [line for line in adam.lines if line.get_gid() == "threshold"]
    assert set(threshold.get_ydata()) == {15.0}


def test_fid_marks_how_every_seed_ended():
    ends = {
        ("Adam", 2, 0): (4, "step-limit"),
        ("Adam", 2, 1): (2, "diverged"),
        ("Adam", 2, 2): (1, "diverged"),
        ("Adam", 4, 0): (3, "reached"),
    }
    histories = histories_of(ends)
    histories.loc[(histories["seed"] == 1) & (histories["step"] == 100), "fid"] = np.inf
    histories.loc[histories["seed"] == 2, "fid"] = np.nan
    figure = figures.fid_figure(histories, **LOOK)
    assert line(figure, "step-limit 2").get_xdata()[0] == 200
    assert line(figure, "reached 4").get_xdata()[0] == 150
    after_one, never = lines(figure, "diverged 2")
    np.testing.assert_allclose(after_one.get_xydata(), [[50, 161 / 50**0.5]])  # last finite value
    np.testing.assert_allclose(never.get_xydata(), [[50, 1.0]])  # 1: the axes' upper edge
    assert never.get_transform() == figure.axes[0].get_xaxis_transform()
    shown = legend_texts(figure)
    assert {f"seed ends: {end}" for end in ("reached", "step limit", "diverged")} <= set(shown)
    assert "$b =$ $2^{1}$" in shown


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_fid_degenerate_histories_are_drawn(kept):
    histories = histories_of({("Adam", 2, 0): (2, "diverged")}).head(kept)
    figures.fid_figure(histories, **LOOK).draw_without_rendering()
    histories["fid"] = np.nan
    figures.fid_figure(histories, **LOOK).draw_without_rendering()


def test_fid_wraps_more_than_four_optimizers(monkeypatch):
    entry = optimizers.OPTIMIZERS["Adam"]
    registry = {f"O{k}": entry for k in range(5)}
    monkeypatch.setattr(style, "OPTIMIZERS", registry)
    histories = histories_of({(name, 2, 0): (2, "reached") for name in registry})
    figure = figures.fid_figure(histories, **LOOK)
    shown = [panel for panel in figure.axes if panel.axison]
    assert [panel.get_title() for panel in shown] == list(registry)
    assert all(panel.xaxis.label.get_visible() for panel in shown)
    assert {panel.get_xlabel() for panel in shown} == {"steps"}


def test_tiles_are_cut_row_by_row():
    images = np.arange(32 * 2 * 3 * 3).reshape(32, 2, 3, 3).astype(np.uint8)
    sheet = np.concatenate([np.concatenate(images[8 * r : 8 * r + 8], axis=1) for r in range(4)])
    np.testing.assert_array_equal(figures.tiles(sheet), images)
    np.testing.assert_array_equal(figures.tiles(sheet[..., 0])[..., 0], images[..., 0])
    with pytest.raises(ValueError, match="do not divide"):
        figures.tiles(sheet[:-1])


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_rows_go_from_the_smallest_batch_size_and_say_how_the_seed_ended(channels):
    samples = {b: np.full((32, 4, 4, channels), b, np.uint8) for b in (8, 2, 4)}
    finals = pd.DataFrame(
        {
            "batch_size": [2, 4, 8],
            "status": ["diverged", "step-limit", "reached"],
            "final_fid": [np.nan, 21.04, 14.52],
        }
    )
    look = {"title": LOOK["title"], "metric": "classifier-FID", "optimizer": "Adam"}
    figure = figures.samples_figure(samples, finals, **look)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "$b =$ $2^{1}$\ndiverged",
        "$b =$ $2^{2}$\n21\nstep limit",
        "$b =$ $2^{3}$\n14.5",
    ]
    image = figure.axes[1].images[0].get_array()
    assert image.shape[:2] == (4, 8 * 5 - 1)  # eight tiles, a pixel between them
    assert (image[:, :4] == 4).all()
    assert (image[:, 4] == 255).all()
    assert figure.get_suptitle().endswith("\nAdam, final classifier-FID")
    one = figures.samples_figure({2: samples[2]}, finals, **look)
    none = figures.samples_figure({}, finals.head(0), **look)
    assert (len(one.axes), none.axes[0].texts[0].get_text()) == (1, "no samples")


def test_look_is_constant_per_optimizer_and_the_next_one_is_new(measured, monkeypatch):
    steps, critical, fit = measured
    only = steps[steps["optimizer"] == "RMSProp"]
    for figure in (
        figures.steps_figure(steps, fit, **LOOK),
        figures.sfo_figure(steps, critical, fit, **LOOK),
        figures.steps_figure(only, fit, **LOOK),
    ):
        drawn = line(figure, "median RMSProp")
        assert (drawn.get_color(), drawn.get_marker()) == ("#009E73", "^")
    fixed = [style.look(name) for name in ("Adam", "AdaBelief", "RMSProp")]
    more = optimizers.OPTIMIZERS | {f"New{k}": optimizers.OPTIMIZERS["Adam"] for k in range(39)}
    monkeypatch.setattr(style, "OPTIMIZERS", more)
    looks = [style.look(name) for name in more]
    assert looks[:3] == fixed
    assert len(set(looks)) == 42


def test_an_optimizer_outside_the_registry_is_a_user_error():
    with pytest.raises(UserError, match="'SGD' has no look"):
        style.look("SGD")


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([], [1, 2]),
        ([np.nan, -1, 0, np.inf], [1, 2]),
        ([8, 8], [4, 8, 16]),
        ([3], [2, 4]),
        ([2.0**k for k in range(17)], [2.0**k for k in range(0, 17, 3)]),
    ],
)
def test_log2_axis_has_at_least_two_and_not_too_many_ticks(values, ticks):
    axes = style.Figure().subplots()
    style.log2_axis(axes.yaxis, values)
    assert list(axes.get_yticks()) == ticks
    low, high = axes.get_ylim()
    assert low <= min(ticks)
    assert high >= max(ticks)


@pytest.mark.parametrize("metric", ["classifier-FID", "FID of each image stretched by itself"])
@pytest.mark.parametrize("title", [LOOK["title"], "4.3 BigGAN on a data set with a long name " * 2])
def test_labels_stay_clear_of_the_strip_and_inside_the_figure(small, title, metric):
    steps, critical, fit = small
    figure = figures.sfo_figure(steps, critical, fit, title=title, metric=metric, threshold=15.0)
    figure.draw_without_rendering()
    strip, axes = figure.axes
    label = axes.yaxis.label.get_window_extent()
    assert label.y1 < strip.get_yticklabels()[0].get_window_extent().y0
    for box in (label, axes.xaxis.label.get_window_extent(), figure.legends[0].get_window_extent()):
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0


def test_text_of_the_user_is_never_mathematics(small):
    steps, _, fit = small
    look = {"title": r"$\broken{ & $x", "metric": "$FID$", "threshold": 15.0}
    figure = figures.steps_figure(steps, fit, **look)
    figure.draw_without_rendering()
    assert figure.get_suptitle() == r"\$\broken{ & \$x"


@pytest.mark.parametrize("suffix", [".pdf", ".png"])
def test_saving_twice_gives_the_same_bytes(small, suffix, tmp_path):
    steps, critical, fit = small
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        style.save(figures.sfo_figure(steps, critical, fit, **LOOK), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith({".pdf": b"%PDF", ".png": b"\x89PNG"}[suffix])
    assert b"CreationDate" not in first
    assert sorted(tmp_path.iterdir()) == paths  # no temporary file is left


def test_png_has_200_dots_per_inch(small, tmp_path):
    figure = figures.steps_figure(small[0], small[2], **LOOK)
    style.save(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == 680


def call(script, monkeypatch, tmp_path, **arguments):
    """Runs a script's main; returns its outputs, of which all must be there, and the data."""
    outputs = {
        "output-pdf": tmp_path / "out/a.pdf",
        "output-png": tmp_path / "out/a.png",
        "data": tmp_path / "out/a.csv",
    }
    texts = {"experiment": "e", "section": "4.1", "title": "DCGAN", "metric": "classifier-FID"}
    argv = [script.__name__]
    for name, value in (texts | outputs | arguments).items():
        argv += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    monkeypatch.setattr(sys, "argv", argv)
    script.main()
    assert all(path.stat().st_size > 0 for path in outputs.values())
    return pd.read_csv(outputs["data"])


def test_plot_steps_and_sfo_scripts_take_their_experiment(small, monkeypatch, tmp_path):
    files = {}
    for name, table in zip(("steps", "critical", "fit"), small, strict=True):
        other = table.assign(experiment="other")
        files[name] = tmp_path / f"{name}.csv"
        pd.concat([table, other]).to_csv(files[name], index=False)
    common = {"steps": files["steps"], "fit": files["fit"], "threshold": 15}
    data = call(plot_steps, monkeypatch, tmp_path, **common)
    assert len(data) == len(small[0])
    data = call(plot_sfo, monkeypatch, tmp_path, **common, critical=files["critical"])
    assert len(data) == len(small[0])
    assert set(data.loc[data["optimizer"] == "Adam", "critical_batch_size"]) == {4}
    with pytest.raises(UserError, match="lacks absent: check --experiment"):
        call(plot_steps, monkeypatch, tmp_path, **common, experiment="absent")


@pytest.fixture
def job_folders(tmp_path):
    """Two groups of seeds of Adam at b = 2 and one at 4: run.json, history.csv, samples.png."""
    groups = [
        job("Adam", 2, [result(3, None, "diverged")]),
        job("Adam", 2, [result(0, 100), result(1, 150)]),
        job("Adam", 4, [result(0, None, "step-limit")]),
    ]
    paths = []
    for number, record in enumerate(groups):
        folder = tmp_path / f"job{number}"
        folder.mkdir()
        ends = {
            ("Adam", record["batch_size"], r["seed"]): (3, r["status"]) for r in record["results"]
        }
        history = histories_of(ends).assign(samples=0)
        history.loc[history["seed"] == 3, "fid"] = np.nan
        history[["seed", "step", "samples", "fid"]].to_csv(
            folder / "history.csv", index=False, na_rep="nan"
        )
        Image.fromarray(np.full((64, 128), 10 * number, np.uint8)).save(folder / "samples.png")
        paths.append(folder / "run.json")
        paths[-1].write_text(json.dumps(record))
    return paths


def test_plot_fid_script_reads_the_runs(job_folders, monkeypatch, tmp_path):
    data = call(plot_fid, monkeypatch, tmp_path, runs=job_folders, threshold=15)
    assert len(data) == 4 * 3
    statuses = data.groupby(["batch_size", "seed"])["status"].first().to_dict()
    assert statuses == {
        (2, 0): "reached",
        (2, 1): "reached",
        (2, 3): "diverged",
        (4, 0): "step-limit",
    }
    assert data.loc[data["seed"] == 3, "fid"].isna().all()
    with pytest.raises(UserError, match="check --experiment"):
        call(plot_fid, monkeypatch, tmp_path, runs=job_folders, threshold=15, experiment="absent")


def test_plot_samples_script_shows_the_first_seed(job_folders, monkeypatch, tmp_path):
    data = call(plot_samples, monkeypatch, tmp_path, runs=job_folders, optimizer="Adam")
    assert data[["batch_size", "seed", "status"]].to_numpy().tolist() == [
        [2, 0, "reached"],
        [4, 0, "step-limit"],
    ]
    with pytest.raises(UserError, match="check --optimizer"):
        call(plot_samples, monkeypatch, tmp_path, runs=job_folders, optimizer="RMSProp")


def test_plot_samples_refuses_what_is_no_sheet(tmp_path):
    path = tmp_path / "samples.png"
    with pytest.raises(UserError, match=r"samples\.png is missing"):
        plot_samples.read_tiles(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    with pytest.raises(UserError, match="not a sheet"):
        plot_samples.read_tiles(path)
    Image.new("L", (127, 64)).save(path)
    with pytest.raises(UserError, match="64 x 127 pixels do not divide"):
        plot_samples.read_tiles(path)
    Image.new("RGB", (128, 64)).save(path)
    assert plot_samples.read_tiles(path).shape == (32, 16, 16, 3)

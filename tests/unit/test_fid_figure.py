"""FID over training: medians, bands, how seeds end."""

import numpy as np
import pandas as pd
import pytest
from critical_batch import optimizers
from critical_batch.reporting import style
from critical_batch.reporting.figures.fid import fid_figure
from figure_examples import example_runs, histories_of_runs

LABEL = {"title": "4.1 DCGAN on Fashion-MNIST", "metric": "classifier-FID", "threshold": 15.0}


def lines(panel, gid):
    return [line for line in panel.lines if line.get_gid() == gid]


def line(panel, gid):
    (found,) = lines(panel, gid)
    return found


def legend_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def histories_of(ends):
    """Rows of FID 160 / step^0.5 to the given end: {(optimizer, batch_size, seed): (n, status)}."""
    rows = []
    for (optimizer, batch_size, seed), (number, status) in ends.items():
        for k in range(1, number + 1):
            fid = (160 + seed) / (50 * k) ** 0.5
            rows.append((optimizer, batch_size, seed, 50 * k, 50 * k * batch_size, fid, status))
    columns = ["optimizer", "batch_size", "seed", "step", "samples", "distance", "status"]
    types = {"step": "int64", "samples": "int64", "distance": "float64"}
    return pd.DataFrame(rows, columns=columns).astype(types)


def test_fid_panels_lines_medians_and_bands():
    ends = {
        ("Adam", 2, 0): (4, "step-limit"),
        ("Adam", 2, 1): (4, "step-limit"),
        ("Adam", 2, 2): (3, "reached"),
        ("Adam", 4, 0): (2, "reached"),
        ("RMSProp", 4, 0): (3, "reached"),
    }
    histories = histories_of(ends)
    histories.loc[(histories["seed"] == 1) & (histories["step"] == 200), "distance"] = np.nan
    figure = fid_figure(histories, against="step", **LABEL)
    adam, rmsprop = figure.axes
    assert figure.get_figwidth() == 7.0
    assert [adam.get_title(), rmsprop.get_title()] == ["Adam", "RMSProp"]
    assert adam.get_xscale() == "log"
    assert adam.get_ylim() == rmsprop.get_ylim()
    assert (adam.get_ylabel(), rmsprop.get_ylabel()) == ("classifier-FID", "")
    assert [len(lines(panel, "median")) for panel in figure.axes] == [2, 1]
    x, y = lines(adam, "median")[0].get_data()
    np.testing.assert_allclose(x, [50, 100, 150, 200])
    # Medians over three seeds; the one that still reports a number goes on as a thin line.
    np.testing.assert_allclose(y, [161 / 50**0.5, 161 / 10, 161 / 150**0.5, np.nan])
    few = line(adam, "median of few").get_ydata()
    np.testing.assert_allclose(few, [np.nan, np.nan, 161 / 150**0.5, 160 / 200**0.5])
    band = adam.collections[0].get_paths()
    vertices = np.concatenate([path.vertices for path in band])
    assert vertices[:, 0].max() == pytest.approx(150)
    at_100 = vertices[np.isclose(vertices[:, 0], 100)][:, 1]
    np.testing.assert_allclose([at_100.min(), at_100.max()], [16.0, 16.2])
    assert len(rmsprop.collections) == 0  # one seed has no band
    assert set(line(adam, "threshold").get_ydata()) == {15.0}


def test_fid_marks_how_every_seed_ended():
    ends = {
        ("Adam", 2, 0): (4, "step-limit"),
        ("Adam", 2, 1): (2, "diverged"),
        ("Adam", 2, 2): (1, "diverged"),
        ("Adam", 4, 0): (3, "reached"),
    }
    histories = histories_of(ends)
    histories.loc[(histories["seed"] == 1) & (histories["step"] == 100), "distance"] = np.inf
    histories.loc[histories["seed"] == 2, "distance"] = np.nan
    figure = fid_figure(histories, against="step", **LABEL)
    (panel,) = figure.axes
    assert line(panel, "step-limit 2").get_xdata()[0] == 200
    assert line(panel, "reached 4").get_xdata()[0] == 150
    after_one, never = lines(panel, "diverged 2")
    np.testing.assert_allclose(after_one.get_xydata(), [[50, 161 / 50**0.5]])  # last finite value
    np.testing.assert_allclose(never.get_xydata(), [[50, 1.0]])  # 1: the axes' upper edge
    assert never.get_transform() == panel.get_xaxis_transform()
    shown = legend_texts(figure)
    assert {f"seed ends: {end}" for end in ("reached", "step limit", "diverged")} <= set(shown)
    assert "$b =$ $2^{1}$" in shown


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_fid_degenerate_histories_are_drawn(kept):
    histories = histories_of({("Adam", 2, 0): (2, "diverged")}).head(kept)
    figure = fid_figure(histories, against="step", **LABEL)
    figure.draw_without_rendering()
    (panel,) = figure.axes
    drawn = [line(panel, "median").get_xdata().tolist()] if kept else []
    assert drawn == [[50, 100][:kept]][: bool(kept)]
    assert [text.get_text() for text in panel.texts] == ([] if kept else ["no evaluations"])
    histories["distance"] = np.nan
    figure = fid_figure(histories, against="step", **LABEL)
    figure.draw_without_rendering()
    (panel,) = figure.axes
    said = "no finite distance" if kept else "no evaluations"
    assert [text.get_text() for text in panel.texts] == [said]
    assert len(lines(panel, "diverged 2")) == bool(kept)


def test_fid_wraps_more_than_four_optimizers(monkeypatch):
    entry = optimizers.OPTIMIZERS["Adam"]
    registry = {f"O{k}": entry for k in range(5)}
    monkeypatch.setattr(style, "OPTIMIZERS", registry)
    histories = histories_of({(name, 2, 0): (2, "reached") for name in registry})
    figure = fid_figure(histories, against="step", **LABEL)
    shown = [panel for panel in figure.axes if panel.axison]
    assert [panel.get_title() for panel in shown] == list(registry)
    assert all(panel.xaxis.label.get_visible() for panel in shown)
    assert {panel.get_xlabel() for panel in shown} == {"steps"}


def test_against_samples_a_step_is_worth_its_batch():
    histories = histories_of({("Adam", 2, 0): (4, "reached"), ("Adam", 8, 0): (2, "reached")})
    figure = fid_figure(histories, against="samples", **LABEL)
    (panel,) = figure.axes
    assert panel.get_xlabel() == "images seen"
    two, eight = lines(panel, "median")
    assert list(two.get_xdata()) == [100, 200, 300, 400]
    assert list(eight.get_xdata()) == [400, 800]
    assert line(panel, "reached 8").get_xdata()[0] == 800


def test_where_all_diverged_words_say_so():
    histories = histories_of({("Adam", 2, 0): (2, "diverged")})
    figure = fid_figure(histories.assign(distance=np.nan), against="step", **LABEL)
    assert [text.get_text() for text in figure.axes[0].texts] == ["no finite distance"]


def test_every_seed_of_the_default_run_has_its_end():
    runs = example_runs()
    figure = fid_figure(histories_of_runs(runs), against="samples", **LABEL)
    ends = [
        point
        for panel in figure.axes
        for status in ("reached", "step-limit", "diverged")
        for size in (1, 2, 4, 8, 16, 32, 64)
        for mark in lines(panel, f"{status} {size}")
        for point in mark.get_xydata()
    ]
    assert len(ends) == sum(len(run["seeds"]) for run in runs)

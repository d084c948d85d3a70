"""Sheets of samples: which generators are shown, and how it is said how they ended."""

import numpy as np
import pandas as pd
import pytest
from critical_batch.reporting.figures.generators import best_size, generators_figure
from critical_batch.reporting.figures.samples import samples_figure, sizes_to_show
from critical_batch.reporting.figures.sheets import sheet, tiles
from figure_examples import pictures

LABEL = {"title": "4.1 DCGAN on Fashion-MNIST", "metric": "classifier-FID"}
SHOWN = pd.DataFrame(
    {
        "optimizer": ["Adam", "Adam", "RMSProp"],
        "batch_size": [2, 4, 8],
        "role": ["smallest", "critical", "largest"],
        "status": ["diverged", "step-limit", "reached"],
        "final_value": [np.nan, 21.04, 14.52],
    }
)


def test_tiles_are_cut_row_by_row_and_laid_out_again():
    images = np.arange(32 * 2 * 3 * 3).reshape(32, 2, 3, 3).astype(np.uint8)
    grid = np.concatenate([np.concatenate(images[8 * r : 8 * r + 8], axis=1) for r in range(4)])
    np.testing.assert_array_equal(tiles(grid), images)
    np.testing.assert_array_equal(tiles(grid[..., 0])[..., 0], images[..., 0])
    with pytest.raises(ValueError, match="do not divide"):
        tiles(grid[:-1])
    laid = sheet(images, 8)
    assert laid.shape == (4 * 3 - 1, 8 * 4 - 1, 3)  # a white pixel between images
    np.testing.assert_array_equal(laid[3:5, 4:7], images[9])
    assert (laid[2] == 255).all()
    assert (sheet(images[:3], 2)[3:, 4:] == 255).all()  # a gap at the end


@pytest.mark.parametrize(
    ("tried", "critical", "shown"),
    [
        ([8, 2, 4], 4.0, {2: "smallest", 4: "critical", 8: "largest"}),
        ([2, 4], 2.0, {2: "smallest, critical", 4: "largest"}),
        ([2, 4], np.nan, {2: "smallest", 4: "largest"}),
        ([4], 4.0, {4: "smallest, critical, largest"}),
    ],
)
def test_sizes_to_show(tried, critical, shown):
    assert sizes_to_show(tried, critical) == shown


def test_best_size_is_the_critical_one_else_the_lowest_else_the_largest():
    runs = pd.DataFrame({"batch_size": [2, 4, 8], "final_value": [9.0, 7.0, np.nan]})
    assert best_size(runs, 8.0) == (8, "critical")
    assert best_size(runs, np.nan) == (4, "no $b^*$")
    assert best_size(runs.assign(final_value=np.nan), np.nan) == (8, "no $b^*$")


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_rows_say_whose_they_are_and_how_the_seed_ended(channels):
    samples = {
        (row.optimizer, row.batch_size): np.full((32, 4, 4, channels), row.batch_size, np.uint8)
        for row in SHOWN.itertuples()
    }
    figure = samples_figure(pictures(channels=channels), samples, SHOWN, **LABEL)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "real",
        "Adam $b =$ $2^{1}$\nsmallest\ndiverged",
        "Adam $b =$ $2^{2}$\ncritical\n21 step limit",
        "RMSProp $b =$ $2^{3}$\nlargest\n14.5",
    ]
    image = figure.axes[2].images[0].get_array()
    assert image.shape[:2] == (4, 8 * 5 - 1)  # eight tiles, a pixel between them
    assert (image[:, :4] == 4).all()
    assert (image[:, 4] == 255).all()
    assert figure.get_suptitle().endswith("\nfinal classifier-FID of the seed that is shown")
    figure.draw_without_rendering()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_generators_stand_side_by_side_without_overlap(count):
    names = ["Adam", "AdaBelief", "RMSProp"]
    shown = pd.concat([SHOWN.tail(1)] * count, ignore_index=True)
    shown["optimizer"] = [names[k % 3] for k in range(count)]
    samples = {name: pictures() for name in names}
    figure = generators_figure(pictures(seed=7), samples, shown, **LABEL)
    figure.draw_without_rendering()
    titles = [axes.get_title() for axes in figure.axes][: 1 + count]
    assert titles[:2] == ["real", "Adam\n$b =$ $2^{3}$, largest\n14.5"]
    (heading,) = figure.texts
    assert heading.get_text().startswith(LABEL["title"])
    for axes in figure.axes[: 1 + count]:
        assert axes.title.get_window_extent().y1 <= heading.get_window_extent().y0
        assert len(axes.images) == 1


def test_nothing_to_show_is_drawn_with_words():
    empty = SHOWN.head(0)
    for figure in (
        samples_figure(pictures(), {}, empty, **LABEL),
        generators_figure(pictures(), {}, empty, **LABEL),
    ):
        figure.draw_without_rendering()
        words = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert words == ["no samples"]

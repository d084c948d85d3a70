"""Sheets of samples: cutting them into images, and laying images side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes


@dataclass(frozen=True)
class FinalImages:
    """What figures of images are drawn from, of one experiment.

    real: uint8 [n, H, W, C], C 1 or 3. finals: how one seed of each optimizer and batch size ended:
    optimizer, batch_size, seed, status, final_step, final_value (NaN where it never was a number),
    sheet; sorted by optimizer and batch size. critical: optimizer -> critical batch size, NaN or
    missing where none was measured. tiles: sheet -> its samples, uint8 [32, H, W, C].
    """

    real: np.ndarray
    finals: pd.DataFrame
    critical: Mapping[str, float]
    tiles: Callable[[Path], np.ndarray]


def tiles(grid: np.ndarray, columns: int = 8, rows: int = 4) -> np.ndarray:
    """Cuts a sheet of samples without padding into uint8 [rows * columns, H, W, C], row by row.

    grid: uint8 [rows * H, columns * W] or [rows * H, columns * W, C]. Raises ValueError where
    the sheet does not divide evenly.
    """
    height, width = grid.shape[:2]
    if height % rows or width % columns:
        raise ValueError(f"{height} x {width} pixels do not divide into {rows} x {columns} tiles")
    cut = grid.reshape(rows, height // rows, columns, width // columns, -1)
    return cut.swapaxes(1, 2).reshape(rows * columns, *cut.shape[1::2], cut.shape[-1])


def sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Lays images out row by row with one white pixel between them; blank where they run out.

    images: uint8 [n, H, W, C], n at least one. Returns uint8 [.., .., C].
    """
    rows = -(-len(images) // columns)
    gaps = ((0, rows * columns - len(images)), (0, 1), (0, 1), (0, 0))
    padded = np.pad(images, gaps, constant_values=255)
    laid = padded.reshape(rows, columns, *padded.shape[1:]).swapaxes(1, 2)
    return laid.reshape(rows * padded.shape[1], columns * padded.shape[2], -1)[:-1, :-1]


def show(axes: Axes, image: np.ndarray) -> None:
    """Draws pixels as they are, uint8 [H, W, 1] grey or [H, W, 3]."""
    grey = image.squeeze(-1) if image.shape[-1] == 1 else image
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def without_axes(axes: Axes) -> None:
    """Removes ticks and frame, but keeps the labels; room left over goes below the image."""
    axes.set_anchor("N")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)

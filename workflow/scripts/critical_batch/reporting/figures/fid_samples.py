"""The distance over training, against the number of images seen."""

from dataclasses import asdict

import pandas as pd
from matplotlib.figure import Figure

from .fid import fid_figure
from .label import Label


def draw(histories: pd.DataFrame, label: Label) -> tuple[Figure, pd.DataFrame]:
    """The figure against samples, and the histories that it shows (see `fid.fid_figure`)."""
    figure = fid_figure(histories, against="samples", **asdict(label))
    return figure, histories.drop(columns="step")

"""The noise of the FID itself: one generator, scored again and again with other samples."""

import numpy as np
import pandas as pd

FID_SCORES = {
    "experiment": "str",
    "optimizer": "str",
    "batch_size": "int64",
    "seed": "int64",
    "samples": "int64",
    "sample_seed": "int64",
    "fid": "float64",
}
"""Columns of noise/{experiment}.csv and their types."""

FID_NOISE = {
    "experiment": "str",
    "optimizer": "str",
    "batch_size": "int64",
    "seed": "int64",
    "samples": "int64",
    "sample_seeds": "int64",
    "mean_fid": "float64",
    "sd_fid": "float64",
    "threshold": "float64",
}
"""Columns of fid_noise.csv and their types."""


def fid_noise_table(scores: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation (n - 1) over sample seeds: the columns `FID_NOISE`.

    scores: the columns `FID_SCORES` of all experiments. networks: networks.csv, for the threshold.
    Both are empty where a score is not a number, as for a generator that diverged.
    """
    table = (
        scores.groupby(["experiment", "optimizer", "batch_size", "seed", "samples"])["fid"]
        .agg(
            sample_seeds="size",
            mean_fid=lambda fids: fids.mean(skipna=False),
            sd_fid=lambda fids: np.std(fids.to_numpy(), ddof=1) if len(fids) > 1 else np.nan,
        )
        .reset_index()
        .merge(networks[["experiment", "threshold"]], how="left", on="experiment")
    )
    return table[list(FID_NOISE)].astype(FID_NOISE)

"""The noise of the FID itself: one generator, scored again and again with other samples."""

import numpy as np
import pandas as pd

from .tables.statistics import FID_NOISE


def fid_noise_table(scores: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation (n - 1) over sample seeds: the columns `FID_NOISE`.

    scores: noise/{experiment}.csv of all experiments. networks: networks.csv, for the threshold.
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
    return FID_NOISE.frame(table)

"""The noise of the distance itself: one generator, evaluated again and again with other samples."""

import numpy as np
import pandas as pd

from ..tables.statistics import FID_NOISE


def fid_noise_table(repetitions: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation (n - 1) over sample seeds: the columns `FID_NOISE`.

    repetitions: noise/{experiment}.csv of all experiments. networks: networks.csv, for the
    threshold. Both are empty where a distance is not a number, as for a generator that diverged.
    """
    keys = ["experiment", "optimizer", "batch_size", "seed", "samples"]
    table = (
        repetitions.groupby(keys)["distance"]
        .agg(
            sample_seeds="size",
            mean=lambda some: some.mean(skipna=False),
            sd=lambda some: np.std(some.to_numpy(), ddof=1) if len(some) > 1 else np.nan,
        )
        .reset_index()
        .merge(networks[["experiment", "threshold"]], how="left", on="experiment")
    )
    return FID_NOISE.frame(table)

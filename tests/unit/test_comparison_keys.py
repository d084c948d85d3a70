"""Tables are joined row by row: a row that stands twice is an error, one that is missing a gap."""

import pandas as pd
import pytest
from critical_batch.analysis.comparison import comparison, rates_table
from critical_batch.tables.theory import NOISE_SCALE
from pandas.errors import MergeError
from test_comparison import RECORDS, frame, tables  # noqa: F401


@pytest.mark.parametrize("name", ["critical", "estimates", "fitted", "intervals"])
def test_a_row_that_stands_twice_in_any_table_is_refused(tables, name):  # noqa: F811
    twice = tables | {name: pd.concat([tables[name], tables[name].iloc[[0]]])}
    with pytest.raises(MergeError):
        comparison(**twice, experiments=RECORDS)


def test_a_noise_scale_that_stands_twice_is_no_two_rows(tables):  # noqa: F811
    twice = tables | {"noise": pd.concat([tables["noise"], tables["noise"]])}
    pd.testing.assert_frame_equal(
        comparison(**twice, experiments=RECORDS), comparison(**tables, experiments=RECORDS)
    )


def test_a_comparison_that_stands_twice_has_no_table_of_rates(tables):  # noqa: F811
    compared = comparison(**tables, experiments=RECORDS)
    with pytest.raises(MergeError):
        rates_table(pd.concat([compared, compared.iloc[[0]]]), RECORDS)
    with pytest.raises(MergeError):
        rates_table(compared, [*RECORDS, RECORDS[0]])


def test_what_only_one_table_knows_makes_no_row_and_what_none_knows_is_a_gap(tables):  # noqa: F811
    rows = [("b", "RMSProp", "generator", 5, 0, 0, 7.5, 0, 0, 3, 0, 0)]
    rows += [("gone", "Adam", "generator", 5, 0, 0, 8.5, 0, 0, 3, 0, 0)]
    table = comparison(**(tables | {"noise": frame(NOISE_SCALE, *rows)}), experiments=RECORDS)
    assert table["noise_scale_generator"].fillna(0).tolist() == [7.5, 0, 0]
    assert table["noise_scale_discriminator"].isna().all()
    assert table["at_edge"].tolist() == ["largest", "", ""]
    assert table["published_measured"].fillna(0).tolist() == [8, 0, 0]
    only = comparison(**tables, experiments=RECORDS[:1])
    rates = rates_table(only, RECORDS)
    assert rates["measured"].fillna(0).tolist() == [0, 8, 0]
    assert rates["rate"].tolist() == [0.001, 0.004, 0.002]
    assert rates.index.tolist() == [0, 1, 2]

"""The contracts of the tables: types, reading, making, the list of all, and their page."""

import importlib
import pkgutil
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from critical_batch import tables
from critical_batch.runs.layout import EVALUATION, RUN_DIR
from critical_batch.runtime.errors import UserError
from critical_batch.tables.contract import Column, Table
from critical_batch.tables.every import TABLES
from critical_batch.tables.training import EVALUATIONS, HISTORY

ROOT = Path(__file__).parents[2]

EXAMPLE = Table(
    "Example",
    "results/{name}.csv",
    "one of something",
    {
        "name": Column("str", "name"),
        "size": Column("Int64", "size", "images"),
        "loss": Column("float64", "loss"),
        "sure": Column("boolean", "whether sure"),
        "seed": Column("int64", "seed"),
    },
)
CONTENT = "seed,more,name,size,loss,sure\n1,x,nan,3,0.5,True\n2,y,4.10,,nan,\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "example.csv"
    path.write_text(CONTENT)
    return path


def test_types_are_those_of_all_columns_or_of_the_named_ones_in_their_order():
    types = {"name": "str", "size": "Int64", "loss": "float64", "sure": "boolean", "seed": "int64"}
    assert list(EXAMPLE.types().items()) == list(types.items())
    assert list(EXAMPLE.types("loss", "name").items()) == [("loss", "float64"), ("name", "str")]
    floats = {**types, "size": "float64"}  # whole numbers that are never missing stay such
    assert EXAMPLE.types(floats=True) == floats
    with pytest.raises(KeyError, match=r"results/\{name\}\.csv has no column speed, colour"):
        EXAMPLE.types("name", "speed", "colour")


def test_reading_gives_the_columns_in_order_and_leaves_text_alone(path):
    table = EXAMPLE.read(path)
    assert table.dtypes.astype(str).to_dict() == EXAMPLE.types()
    assert list(table) == list(EXAMPLE.columns)
    assert table["name"].tolist() == ["nan", "4.10"]
    assert table.loc[1, ["size", "loss", "sure"]].isna().all()
    assert table["size"].tolist() == [3, pd.NA]


def test_reading_some_columns_and_floats(path):
    table = EXAMPLE.read(path, "size", "name", floats=True)
    assert list(table) == ["size", "name"]
    assert table["size"].dtype == "float64"
    assert table["size"].fillna(-1).tolist() == [3.0, -1.0]
    path.write_text("name,size\na,1\n")
    assert EXAMPLE.read(path, "size")["size"].tolist() == [1]
    with pytest.raises(UserError, match=f"^{path} is not as expected.*loss"):
        EXAMPLE.read(path)


def test_columns_are_read_under_the_names_that_they_had_before(tmp_path):
    path = tmp_path / "example.csv"
    table = replace(EXAMPLE, earlier={"width": "size", "title": "name"})
    path.write_text("title,width,loss,sure,seed\n4.10,3,0.5,True,1\n")
    read = table.read(path)
    assert read.dtypes.astype(str).to_dict() == EXAMPLE.types()
    assert read.loc[0, ["name", "size"]].tolist() == ["4.10", 3]
    path.write_text("name,width\n4.10,\n")
    assert table.read(path, "size")["size"].isna().all()


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "example.csv"
    EXAMPLE.write(path, [("nan", None, 0.1 + 0.2, True, 1), ("4.10", 7, float("nan"), None, 2)])
    lines = b"name,size,loss,sure,seed\nnan,,0.30000000000000004,True,1\n4.10,7,nan,,2\n"
    assert path.read_bytes() == lines
    read = EXAMPLE.read(path)
    assert read["loss"].tolist()[0] == 0.1 + 0.2
    assert read["size"].tolist() == [pd.NA, 7]


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.csv is missing: run the rule that makes it"):
        EXAMPLE.read(tmp_path / "absent.csv")


@pytest.mark.parametrize("column", ["name", "seed"])
def test_a_cell_that_may_not_be_empty_is_named_or_text(path, column):
    path.write_text(",".join(EXAMPLE.columns) + "\n,1,1.0,True,\n")
    if column == "seed":
        with pytest.raises(UserError, match=f"^{path} is not as expected"):
            EXAMPLE.read(path, column)
    else:
        assert EXAMPLE.read(path, column)[column].tolist() == [""]


def test_a_frame_is_made_of_sequences_mappings_and_other_frames():
    row = ("a", None, 0.5, True, 7)
    made = EXAMPLE.frame([row])
    assert made.dtypes.astype(str).to_dict() == EXAMPLE.types()
    mapping = dict(zip(EXAMPLE.columns, row, strict=True)) | {"more": 1}
    pd.testing.assert_frame_equal(EXAMPLE.frame(iter([mapping])), made)
    wider = made.assign(more=1, size=[None], seed=7.0)[["more", *reversed(EXAMPLE.columns)]]
    pd.testing.assert_frame_equal(EXAMPLE.frame(wider), made)
    nothing = EXAMPLE.frame()
    assert (len(nothing), nothing.dtypes.astype(str).to_dict()) == (0, EXAMPLE.types())
    with pytest.raises(KeyError):
        EXAMPLE.frame(made.drop(columns="loss"))


def test_every_table_is_listed_once_and_has_a_path_of_its_own():
    modules = [module.name for module in pkgutil.iter_modules(tables.__path__)]
    declared = {
        id(value): f"{module}.{name}"
        for module in modules
        for name, value in vars(importlib.import_module(f"critical_batch.tables.{module}")).items()
        if isinstance(value, Table)
    }
    assert sorted(declared) == sorted(map(id, TABLES)), declared
    for key in ("path", "name"):
        assert len({getattr(table, key) for table in TABLES}) == len(TABLES)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.path)
def test_every_column_has_a_meaning(table):
    assert table.path.startswith("results/")
    assert table.path.endswith(".csv")
    assert table.rows
    assert all(column.meaning for column in table.columns.values())
    assert table.frame().dtypes.astype(str).to_dict() == table.types()
    # Text and truth have no unit.
    with_unit = {name for name, column in table.columns.items() if column.unit}
    assert not with_unit & set(table.frame().select_dtypes(["str", "bool", "boolean"]))


def test_tables_of_runs_lie_where_the_layout_says():
    assert HISTORY.path == f"{RUN_DIR}/history.csv"
    assert EVALUATIONS.path == EVALUATION


def test_declaring_tables_takes_no_pandas():
    """Training declares its tables, and starts sooner without."""
    modules = "critical_batch.tables.every, critical_batch.runs.layout"
    program = f"import sys, {modules}; sys.exit('pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT / "workflow/scripts", check=True)


def test_the_page_of_the_documentation_is_in_step():
    script = runpy.run_path(str(ROOT / "docs/write_tables.py"))
    written = (ROOT / "docs/tables.md").read_text(encoding="utf-8")
    assert written == script["page"](), "run: python docs/write_tables.py"
    for table in TABLES:
        assert f"`{table.path}`" in written

"""What a table of the workflow is: its file, its columns, and what each column holds.

Its writer, its readers, the tests and docs/tables.md all take it from one declaration.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..runtime.errors import UserError
from ..runtime.files import atomic_path

if TYPE_CHECKING:  # training imports this module, and starts sooner without pandas
    import pandas as pd

Dtype = Literal["str", "bool", "boolean", "int64", "Int64", "float64"]
"""Types of pandas. Cells of `boolean`, `Int64` and `float64` may be empty."""


@dataclass(frozen=True)
class Column:
    """One column: its type, its meaning in a sentence, and the unit of its numbers, if any.

    The digests of code (`registries.code_digest`) hold the type alone, so that better words rerun
    nothing.
    """

    dtype: Dtype
    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """One table, or several of one kind.

    name: for people. path: of its CSV file from the working directory; what differs between
    several tables of a kind is a wildcard in braces. rows: what a row stands for. columns: in the
    order of the file. earlier: names that columns had in files of earlier versions -> their names.
    """

    name: str
    path: str
    rows: str
    columns: Mapping[str, Column]
    earlier: Mapping[str, str] = field(default_factory=dict)

    def types(self, *names: str, floats: bool = False) -> dict[str, str]:
        """Column -> type, of all columns or of those named, in the order of the names.

        floats: whole numbers that may be missing become float64, NaN where they are, as matplotlib
        wants them. Raises KeyError for a name that is no column of the table.
        """
        unknown = [name for name in names if name not in self.columns]
        if unknown:
            raise KeyError(f"{self.path} has no column {', '.join(unknown)}")
        types = {name: self.columns[name].dtype for name in names or self.columns}
        if floats:
            types = {name: "float64" if kind == "Int64" else kind for name, kind in types.items()}
        return types

    def read(self, path: str | Path, *names: str, floats: bool = False) -> "pd.DataFrame":
        """The columns `types(*names, floats=floats)` of a CSV file.

        Text stays text: the section "4.1" is no number and an experiment may be called "nan" or
        "null"; only cells of other columns may be empty. Raises UserError for a missing file, a
        missing column, or a cell of another type.
        """
        import pandas as pd

        types = self.types(*names, floats=floats)
        gaps = {name: ["", "nan"] for name, kind in types.items() if kind != "str"}
        try:
            written = {old: types[new] for old, new in self.earlier.items() if new in types}
            table = pd.read_csv(
                path, dtype=types | written, keep_default_na=False, na_values=gaps
            ).rename(columns=self.earlier)
            return table[list(types)]
        except FileNotFoundError:
            raise UserError(f"{path} is missing: run the rule that makes it") from None
        except (KeyError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{path} is not as expected ({reason}): delete it and run again"
            ) from None

    def write(self, path: str | Path, rows: Iterable[Sequence[Any]]) -> None:
        """Writes a CSV file, atomically: rows in the order of the columns, None for an empty cell.

        Numbers keep all their digits. Without pandas, which a training does without.
        """
        with atomic_path(path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows(rows)

    def frame(self, rows: "Iterable[Any] | pd.DataFrame" = ()) -> "pd.DataFrame":
        """A table of these columns and types.

        rows: each a mapping by column, or a sequence in the order of the columns; or a table that
        has these columns, among others, of which they are taken. Raises KeyError where such a
        table lacks one.
        """
        import pandas as pd

        names = list(self.columns)
        if isinstance(rows, pd.DataFrame):
            return rows[names].astype(self.types())
        return pd.DataFrame(rows, columns=names).astype(self.types())

"""The configuration: from a mapping as read from YAML to typed, checked experiments and jobs.

Every section has a module, where its keys stand with type, default, bounds, meaning and the checks
that a schema cannot make. Needs neither torch nor Snakemake.
"""

from .config import Config
from .data_files import only_prepared
from .datasets import Dataset
from .experiment import Experiment
from .file import check_file
from .json_schema import SCHEMA_FILE, schema, schema_text
from .loading import expanded, load
from .problems import shown

__all__ = [
    "SCHEMA_FILE",
    "Config",
    "Dataset",
    "Experiment",
    "check_file",
    "expanded",
    "load",
    "only_prepared",
    "schema",
    "schema_text",
    "shown",
]

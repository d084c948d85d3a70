"""The metrics: each module of this folder is one entry of `METRICS`."""

from typing import TYPE_CHECKING

from ...registry import Registry

if TYPE_CHECKING:
    from .. import Metric

METRICS: "Registry[Metric]" = Registry(__name__, "METRIC", first=("fid",))
"""Name in the configuration -> metric; the FID, which every training has, comes first."""

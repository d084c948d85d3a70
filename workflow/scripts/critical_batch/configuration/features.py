"""The configuration's keys of feature networks in `fid`, as their entries say them."""

from collections.abc import Mapping

from ..metrics.features.kinds import FeatureKind
from .entry_sections import Schema, in_order


def feature_keys(kinds: Mapping[str, FeatureKind]) -> dict[str, Schema]:
    """The keys `features` and `resize`, for these feature networks."""
    *others, last = (kind.description for kind in kinds.values())
    described = " or ".join(filter(None, [", ".join(others), last]))
    features = {
        "description": f"The network whose features are compared, {described}",
        "enum": list(kinds),
        "default": "classifier",
    }
    resize = {
        "description": "How Inception's input is resized and scaled, as pytorch-fid (default), "
        "clean-fid (paper) or TensorFlow do",
        "enum": list(dict.fromkeys(each for kind in kinds.values() for each in kind.resizes)),
    }
    return {"features": in_order(features), "resize": in_order(resize)}

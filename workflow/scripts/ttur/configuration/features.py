"""The configuration's keys of feature networks in `fid`, as their entries say them."""

from ..features.kinds import NETWORKS
from .entry_sections import Schema, in_order


def feature_keys(builtin: bool = False) -> dict[str, Schema]:
    """The keys `features` and `resize`, with all feature networks or with the built-in ones."""
    kinds = {name: NETWORKS[name] for name in (NETWORKS.builtin() if builtin else NETWORKS)}
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

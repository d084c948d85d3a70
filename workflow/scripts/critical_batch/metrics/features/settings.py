"""Which feature network a distance is of. Needs no torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureSettings:
    """Which feature network, and how it is loaded.

    features: classifier or inception. For inception also resize (pytorch_fid, clean, tensorflow)
    and weights (`random`, or the SHA-256 of their file); None for others.
    """

    features: str
    resize: str | None = None
    weights: str | None = None

    def to_json(self) -> dict[str, str]:
        """Only what is set, so that the key of reference statistics names nothing else."""
        return {key: value for key, value in vars(self).items() if value is not None}

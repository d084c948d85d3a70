"""The configuration's section `inception`: the weights of that feature network."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ..metrics.features.kinds import FEATURE_NETWORKS
from .problems import Problem, shown
from .section import ONE_LINE, Section

if TYPE_CHECKING:
    from .config import Config


class Inception(Section):
    weights: Annotated[str, ONE_LINE] | None = Field(
        None,
        description="File of pytorch-fid's weights (null downloads it; random is for tests, and "
        "every result then says so)",
    )
    sha256: str = Field(
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        description="SHA-256 that the file must have (that of "
        "pt_inception-2015-12-05-6726825d.pth)",
    )

    @property
    def identity(self) -> str:
        """Which weights: `random`, or the SHA-256 that their file must have."""
        return "random" if self.weights == "random" else self.sha256.lower()


def inception_where_needed(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        features = experiment.fid.features
        if FEATURE_NETWORKS[features].named_weights and config.inception is None:
            yield (
                ["experiments", name, "fid", "features"],
                f"is {features}, whose weights are not named: add the line `inception: {{}}` at "
                "the top level to download the published ones, or give `weights`, a path, in it",
            )
    inception = config.inception
    if inception is not None and not re.fullmatch("[0-9a-fA-F]{64}", inception.sha256):
        yield (
            ["inception", "sha256"],
            f"is {shown(inception.sha256)}: use the 64 hexadecimal digits that sha256sum prints",
        )

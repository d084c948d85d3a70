"""The configuration's section `compute`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ..training.job import Compute
from .problems import Problem
from .section import Section

if TYPE_CHECKING:
    from .config import Config


class ComputeSection(Section):
    precision: Literal["fp32", "tf32", "bf16"] = Field(
        "fp32",
        description="fp32; tf32 (fp32 with TensorFloat-32 matrix units, GPUs only); bf16 (networks "
        "under bfloat16 autocast, weights, losses, penalty and FID in fp32)",
    )
    channels_last: bool = Field(
        False, description="Whether images and feature maps are stored with channels innermost"
    )
    compile: bool = Field(
        False, description="Whether networks go through torch.compile; not with wasserstein_gp"
    )
    batch_norm_over: Literal["device", "all"] = Field(
        "device",
        description="With several GPUs in one job, whether BatchNorm sees the images of its own "
        "GPU (as in the authors' BigGAN) or of all of them; it matters only there",
    )

    def for_job(self) -> Compute:
        """As a training job carries it."""
        return Compute(self.precision, self.channels_last, self.compile, self.batch_norm_over)


def compilable(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        if config.compute.compile and experiment.objective.entry.second_derivatives:
            yield (
                ["compute", "compile"],
                f"is true, but the gradient penalty of {name} needs second derivatives, which "
                "compiled networks lack: set compile: false",
            )

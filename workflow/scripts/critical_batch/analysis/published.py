"""The paper's numbers, and the only place where they stand.

N. Sato, H. Iiduka, "Existence and Estimation of Critical Batch Size for Training Generative
Adversarial Networks with Two Time-Scale Update Rule", ICML 2023, PMLR 202:30080-30104,
https://arxiv.org/abs/2201.11989, and the authors' code,
https://github.com/iiduka-researches/GANs.

A value is published (it stands in the paper or in the authors' code as a setting of that
experiment) unless its name is in the `derived` of its object: then this project worked it out,
and the comment beside it says from what. None means that the value is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """How one optimizer was run in one section, and its two cells of Table 3.

    generator_rate, discriminator_rate: the constant learning rates alpha^G, alpha^D.
    hyper: hyper-parameters besides the rate; those not named are the optimizer's defaults.
    measured, estimated: critical batch sizes in images, powers of two.
    derived: names of the fields that are not published.
    """

    generator_rate: float
    discriminator_rate: float
    hyper: Mapping[str, float]
    measured: int
    estimated: int
    derived: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """One section of the experiments.

    images: |S|, the number of training images.
    generator_parameters, discriminator_parameters: Theta and W.
    threshold: the FID at which a run counts as arrived.
    ratio: the published sigma_G^2 / eps_G^3 that the section's estimates use.
    ratio_section, ratio_optimizer: the measured critical batch size it was calculated from.
    ratio_tolerance: the largest difference (absolute) from `ratio` that counts as reproduced.
    settings: by optimizer.
    derived: names of the fields that are not published.
    """

    model: str
    dataset: str
    image_size: int
    images: int
    generator_parameters: int
    discriminator_parameters: int
    threshold: float | None
    ratio: float
    ratio_section: str
    ratio_optimizer: str
    ratio_tolerance: float
    settings: Mapping[str, Setting]
    derived: tuple[str, ...] = ()


_BETAS = {"beta1": 0.5, "beta2": 0.999}
_ADABELIEF = _BETAS | {"eps": 1e-16}
_RMSPROP = {"alpha": 0.99, "eps": 1e-8}

# 788.7 is printed with one decimal: half a unit of it.
_DCGAN_RATIO = 788.7
_DCGAN_TOLERANCE = 0.05
# 530303.8 is 0.76 below what the formula gives (relative 1.4e-6), more than its printed decimal
# allows and for no known reason; one unit of its sixth digit is accepted.
_BIGGAN_RATIO = 530303.8
_BIGGAN_TOLERANCE = 1.0

# W follows from the architecture and enters no formula of Proposition 3.4.
SECTIONS: Mapping[str, Section] = {
    "4.1": Section(
        model="DCGAN",
        dataset="LSUN bedroom_train",
        image_size=64,
        images=3_033_042,
        generator_parameters=3_576_704,
        discriminator_parameters=2_765_568,
        threshold=70.0,
        ratio=_DCGAN_RATIO,
        ratio_section="4.1",
        ratio_optimizer="Adam",
        ratio_tolerance=_DCGAN_TOLERANCE,
        settings={
            "Adam": Setting(1e-4, 3e-4, _BETAS, measured=2**5, estimated=2**5),
            "AdaBelief": Setting(3e-4, 3e-5, _ADABELIEF, measured=2**5, estimated=2**5),
            "RMSProp": Setting(1e-4, 3e-5, _RMSPROP, measured=2**3, estimated=2**7),
        },
        derived=("discriminator_parameters",),
    ),
    "4.2": Section(
        model="WGAN-GP",
        dataset="CelebA, train split",  # all 202,599 images would turn RMSProp's 2^4 into 2^5
        image_size=64,
        images=162_770,
        generator_parameters=3_576_704,
        discriminator_parameters=2_765_568,
        threshold=50.0,
        ratio=_DCGAN_RATIO,  # the generator is DCGAN's, so DCGAN's ratio serves
        ratio_section="4.1",
        ratio_optimizer="Adam",
        ratio_tolerance=_DCGAN_TOLERANCE,
        settings={
            "Adam": Setting(1e-4, 3e-4, _BETAS, measured=2**1, estimated=2**1),
            "AdaBelief": Setting(5e-4, 3e-5, _ADABELIEF, measured=2**2, estimated=2**2),
            "RMSProp": Setting(3e-4, 1e-4, _RMSPROP, measured=2**6, estimated=2**4),
        },
        derived=("discriminator_parameters",),
    ),
    "4.3": Section(
        model="BigGAN",
        dataset="ImageNet, train split",
        image_size=128,
        images=1_281_167,
        generator_parameters=70_433_988,
        discriminator_parameters=87_982_370,
        threshold=None,  # not in the authors' code
        ratio=_BIGGAN_RATIO,
        ratio_section="4.3",
        ratio_optimizer="Adam",
        ratio_tolerance=_BIGGAN_TOLERANCE,
        settings={
            "Adam": Setting(
                1e-4,
                4e-4,
                {"beta1": 0.0, "beta2": 0.999, "eps": 1e-6},
                measured=2**8,
                estimated=2**8,
            ),
            # The rates are the defaults of the code; 5e-5 is the one that gives the published 2^9.
            "AdaBelief": Setting(
                5e-5,
                2e-4,
                _ADABELIEF,
                measured=2**9,
                estimated=2**9,
                derived=("generator_rate", "discriminator_rate"),
            ),
        },
        derived=("discriminator_parameters",),
    ),
}

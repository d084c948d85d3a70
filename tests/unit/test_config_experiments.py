"""What no schema can say of experiments: keys that fit only together."""

import pytest
from config_examples import REMOVED, W, X, assert_refused, biggan, changed, minimal, problem
from critical_batch.configuration import load

# (changes to the minimal configuration, path in the message, words of the rest)
REFUSED = [
    # parts of a batch, processes, seeds
    (
        {f"{X}/micro_batches": 2},
        f"{X}/micro_batches",
        "with which generated images cannot be kept: set latent_reuse: false",
    ),
    (
        {f"{X}/micro_batches": 3, f"{X}/latent_reuse": False, f"{X}/batch_sizes": [6, 8]},
        f"{X}/micro_batches",
        "does not divide batch size 8: use a divisor",
    ),
    (
        {f"{X}/processes": 4, f"{X}/batch_sizes": [2, 4]},
        f"{X}/processes",
        "does not divide a part of batch size 2: use a divisor",
    ),
    ({f"{X}/seeds": list(range(100))}, f"{X}/seeds_per_job", "use at most 16"),
    # compiled networks have no second derivatives
    ({"compute": {"compile": True}}, "compute/compile", "wgan-mnist"),
    ({"compute": {"compile": True}}, "compute/compile", "set compile: false"),
    # BigGAN
    ({f"{W}/networks": biggan(latent=64)}, f"{W}/networks/latent", "at 16 pixels: use 66"),
    (
        {f"{W}/networks": biggan(latent=66, attention=16)},
        f"{W}/networks/attention",
        "use a side below image_size, 16, or null",
    ),
    (
        {f"{W}/networks": biggan(latent=66, attention=8, discriminator_width=4)},
        f"{W}/networks/discriminator_width",
        "is 4: use at least 8, or attention: null",
    ),
    # limits
    (
        {f"{X}/limits/samples": 7},
        f"{X}/limits/samples",
        "use at least 8, null for no limit, or smaller batch_sizes",
    ),
    (
        {f"{X}/limits/samples": 20, f"{X}/optimizers/RMSProp/batch_sizes": [4, 32]},
        f"{X}/limits/samples",
        "use at least 32, null for no limit",
    ),
    # the probe of the gradient noise
    (
        {f"{X}/noise_probe": {"steps": [5, 601]}},
        f"{X}/noise_probe/steps",
        "holds 601, after the last step: use at most limits.steps, 600",
    ),
    (
        {f"{X}/noise_probe": {"steps": [5, 101], "batch_size": 4}, f"{X}/limits/samples": 400},
        f"{X}/noise_probe/steps",
        "holds 101, after the last step: use at most 100, limits.samples by its batch size 4",
    ),
    ({f"{X}/noise_probe": {"steps": []}}, f"{X}/noise_probe/steps", "is empty: list at least one"),
    ({f"{X}/noise_probe": {"batches": 1}}, f"{X}/noise_probe/batches", "use a whole number"),
    (
        {
            f"{X}/noise_probe": {"batch_size": 3},
            f"{X}/micro_batches": 2,
            f"{X}/latent_reuse": False,
        },
        f"{X}/noise_probe/batch_size",
        "which micro_batches, 2, does not divide: use a multiple of it",
    ),
    # the ratio
    (
        {f"{W}/ratio/experiment": "dcgan"},
        f"{W}/ratio/experiment",
        "is 'dcgan', not an experiment: use one of dcgan-fashion, wgan-mnist",
    ),
    (
        {f"{W}/ratio/optimizer": "AdaBelief"},
        f"{W}/ratio/optimizer",
        "is 'AdaBelief', not an optimizer of dcgan-fashion: use one of Adam, RMSProp",
    ),
    (
        {
            "experiments/third": {
                **minimal()["experiments"]["wgan-mnist"],
                "ratio": {"experiment": "wgan-mnist", "optimizer": "Adam"},
            }
        },
        "experiments/third/ratio/experiment",
        "use an experiment that takes its ratio from itself",
    ),
    (
        {f"{W}/networks/generator_width": 8},
        f"{W}/ratio/experiment",
        "(generator_width 16, here 8)",
    ),
    (
        {f"{W}/networks": biggan(latent=66)},
        f"{W}/ratio/experiment",
        "(kind dcgan, here biggan)",
    ),
    (
        {"datasets/mnist/image_size": 32},
        f"{W}/ratio/experiment",
        "(image_size 16, here 32)",
    ),
]


@pytest.mark.parametrize(("changes", "path", "remedy"), REFUSED)
def test_refused_with_key_and_remedy(changes, path, remedy):
    assert_refused(changes, path, remedy)


@pytest.mark.parametrize(
    "changes",
    [
        {f"{X}/batch_sizes": [1]},
        {f"{X}/batch_sizes": [10_000]},
        {f"{X}/networks": biggan(latent=60, attention=8), W: REMOVED},
        {f"{X}/networks": biggan(latent=60, generator_width=4), W: REMOVED},
        {"device": "cuda"},
        {f"{X}/fid/grid": {"kind": "linear", "every": 600}},
        {f"{X}/fid/samples": 65},
        {f"{X}/seeds": [0, 2**31 - 1]},
        {f"{W}/networks/discriminator_width": 64},
        {f"{W}/networks/discriminator_norm": "batch"},
        {f"{W}/section": "4.1"},
        {f"{X}/networks/generator_bn_momentum": 1},
        {f"{X}/limits/samples": None},
    ],
)
def test_accepted(changes):
    assert load(changed(minimal(), changes)).runs()


@pytest.mark.parametrize(
    ("image_size", "pieces"), [(8, 2), (16, 3), (32, 4), (64, 5), (128, 6), (256, 7)]
)
def test_the_latent_is_checked_against_the_pieces_that_the_networks_cut_it_into(image_size, pieces):
    alone = changed(minimal(), {"datasets/fashion-mnist/image_size": image_size, W: REMOVED})
    assert load(changed(alone, {f"{X}/networks": biggan(latent=5 * pieces)})).runs()
    message = problem(changed(alone, {f"{X}/networks": biggan(latent=5 * pieces - 1)}))
    assert f"networks.latent is {5 * pieces - 1}, not {pieces} equal pieces" in message
    assert message.endswith(f"use {5 * pieces}")

"""Named random streams."""

import hashlib

import numpy as np
import torch
from critical_batch.runtime.streams import generator


def draw(*key) -> list[float]:
    return torch.randn(4, generator=generator(*key)).tolist()


def test_a_draw_is_a_function_of_its_key():
    before = draw(3, "latent", 17)
    torch.manual_seed(99)
    draw(3, "latent", 18)
    assert draw(3, "latent", 17) == before
    assert draw(np.int64(3), "latent", np.int64(17)) == before


def test_streams_are_those_of_every_run_so_far():
    """blake2b of the key in words: another start of one stream changes all that was published."""
    for key, text in (
        ((0, "init", 1), "(0, 'init', 1)"),
        ((3, "latent", 17), "(3, 'latent', 17)"),
        ((7, "evaluation"), "(7, 'evaluation')"),
        ((1, "order", 2, 5), "(1, 'order', 2, 5)"),
    ):
        digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        little_endian = "".join(reversed([digest[k : k + 2] for k in range(0, 8, 2)]))
        source = generator(*key)
        assert source.initial_seed() == int(little_endian, 16)
        assert source.device.type == "cpu"
        same = torch.Generator().manual_seed(source.initial_seed())
        assert torch.equal(torch.rand(3, generator=source), torch.rand(3, generator=same))
    assert generator(3, "latent", 17).initial_seed() == 1339498428


def test_drawing_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    draw(0, "evaluation", 5)
    assert torch.equal(torch.get_rng_state(), state)


def test_different_keys_give_different_draws():
    keys = [
        (0, "latent"),
        (0, "latent", 0),
        (0, "latent", 0, 0),
        (1, "latent", 0),
        (0, "latent", 1),
        (0, "latent", 1, 2),
        (0, "latent", 12),
        (0, "label", 0),
    ]
    assert len({tuple(draw(*key)) for key in keys}) == len(keys)


def test_neighbouring_counters_are_uncorrelated():
    rows = torch.stack(
        [torch.randn(4000, generator=generator(0, "latent", step)) for step in range(20)]
    )
    correlations = torch.corrcoef(rows) - torch.eye(20)
    # 190 pairs, standard error 1 / sqrt(4000) = 0.016.
    assert correlations.abs().max() < 0.07


def test_seeds_spread_over_32_bits():
    """No start twice among 2,000: the chance of that is 2000^2 / 2^33 = 0.05 %."""
    starts = {
        generator(seed, "order", step).initial_seed() for seed in range(5) for step in range(400)
    }
    assert len(starts) == 2000
    assert max(starts) > 2**31

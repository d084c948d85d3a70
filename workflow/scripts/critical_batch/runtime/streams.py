"""Named random streams: every draw is a pure function of (seed, stream, counters).

Nothing carries generator state from one draw to the next, so a resumed run repeats an
uninterrupted one, and drawing more often in one place changes nothing in another.

Streams in use:
    init        initial weights of the networks
    order       order of the training images
    latent      latents (and labels drawn with them) of the training steps
    label       class labels drawn apart from the latents
    penalty     interpolation weights of the gradient penalty
    evaluation  latents and labels of the images that are evaluated during training
    rescoring   latents and labels of the images that are evaluated after training
    repetition  latents and labels of the images that one generator is evaluated with repeatedly
    noise       batches on which the noise of the gradients is measured
    display     latents and labels of the images that are shown
    classifier  weights, split and order of the feature network's training
    inception   random weights of the feature network
"""

import hashlib

import torch


def generator(seed: int, stream: str, *counters: int) -> torch.Generator:
    """A CPU generator seeded by a hash of (seed, stream, counters).

    PyTorch's CPU generator (MT19937) uses 32 bits of its seed, so two of n generators start alike
    with probability about n^2 / 2^33. Such a pair shares its noise, which is harmless.
    """
    key = repr((int(seed), stream, *map(int, counters)))
    digest = hashlib.blake2b(key.encode(), digest_size=4).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest, "little"))

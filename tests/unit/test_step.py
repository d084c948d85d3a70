"""The training step against a loop written straight from the equations, and its switches."""

from dataclasses import replace

import pytest
import torch
from conftest import SETTINGS, job_of
from critical_batch.data.labels import SampleLabels
from critical_batch.data.shape import ImageShape
from critical_batch.networks.replicated import BatchNorm2d
from critical_batch.runtime.devices import set_precision
from critical_batch.runtime.streams import generator as random_stream
from critical_batch.training.average import MovingAverage
from critical_batch.training.data import Images, TrainingData
from critical_batch.training.images import ImageStore
from critical_batch.training.inputs import TrainingInputs
from critical_batch.training.step import build_pair, update
from critical_batch.training.world import World
from torch import nn

CPU = torch.device("cpu")
BIGGAN = SETTINGS | {
    "networks": {
        "kind": "biggan",
        "latent": 6,
        "generator_width": 2,
        "discriminator_width": 2,
        "embedding": 4,
        "attention": None,
    },
    "objective": {"kind": "hinge"},
    "latent_reuse": False,
}


def example_images():
    """40 grey images, uint8 [40, 16, 16, 1], and their labels."""
    random = torch.Generator().manual_seed(7)
    images = torch.randint(0, 256, (40, 16, 16, 1), dtype=torch.uint8, generator=random)
    return images, torch.randint(0, 3, (40,), generator=random)


def start(settings, seeds=(0,), world=None):
    images, labels = example_images()
    job = job_of(settings)
    data = TrainingData(ImageStore(images.numpy(), CPU), labels, SampleLabels.uniform(3))
    pair = build_pair(job, seeds, ImageShape(16, 1, 3), device=CPU, world=world)
    return pair, TrainingInputs(data, job, seeds)


def flat(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def plain_dcgan(pair):
    """The same networks from torch's own layers, with the players' initial weights."""
    generator = nn.Sequential(
        nn.ConvTranspose2d(8, 8, 4, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 4, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(4, 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.2),
        nn.Conv2d(8, 1, 4, bias=False),
        nn.Sigmoid(),
        nn.Flatten(0),
    )
    pairs = ((generator, pair.generator), (discriminator, pair.discriminator))
    with torch.no_grad():
        for plain, ours in pairs:
            for mine, theirs in zip(plain.parameters(), ours.parameters(), strict=True):
                mine.copy_(theirs[0])
    return generator, discriminator


def test_200_steps_equal_an_independent_dcgan_loop():
    """Binary cross-entropy on sigmoids, alternating updates, fakes reused (Radford et al. 2016).

    In float64: the two sum in another order, and training amplifies what rounding leaves.
    """
    torch.set_default_dtype(torch.float64)
    try:
        pair, draws = start(SETTINGS)
        generator, discriminator = plain_dcgan(pair)
        optimizers = [
            torch.optim.Adam(network.parameters(), lr=0.002, betas=(0.5, 0.999))
            for network in (generator, discriminator)
        ]
        bce, pixels = nn.BCELoss(), example_images()[0].permute(0, 3, 1, 2)
        for step in range(200):
            epoch, position = divmod(step, 10)
            order = torch.randperm(40, generator=random_stream(0, "order", epoch))
            chosen = order[4 * position : 4 * position + 4]
            real = pixels[chosen].double() / 127.5 - 1
            block = torch.randn(128, 4, 8, generator=random_stream(0, "latent", step // 128))
            fake = generator(block[step % 128][:, :, None, None])
            optimizers[1].zero_grad()
            loss = bce(discriminator(real), torch.ones(4))
            (loss + bce(discriminator(fake.detach()), torch.zeros(4))).backward()
            optimizers[1].step()
            optimizers[0].zero_grad()
            bce(discriminator(fake), torch.ones(4)).backward()
            optimizers[0].step()
            update(pair, with_images(draws.at(step), real))
        torch.testing.assert_close(flat(pair.generator), flat(generator), atol=1e-6, rtol=0)
        torch.testing.assert_close(flat(pair.discriminator), flat(discriminator), atol=1e-6, rtol=0)
    finally:
        torch.set_default_dtype(torch.float32)


def with_images(inputs, images):
    """The inputs of a step with these real images, such as those computed in float64."""
    (each,) = inputs.discriminator
    return replace(inputs, discriminator=(each._replace(real=Images(images, each.real.labels)),))


def test_first_200_steps_in_fp32_stay_close_to_the_plain_loop_at_the_start():
    pair, draws = start(SETTINGS)
    generator, _ = plain_dcgan(pair)
    latents, labels = draws.latents(0)
    ours = pair.generator(latents, labels)
    torch.testing.assert_close(ours, generator(latents[:, :, None, None]), atol=1e-6, rtol=1e-5)


def test_accumulating_without_batch_norm_equals_the_whole_batch():
    """The critic without norm: its update over 4 parts is the update over the batch."""
    networks = SETTINGS["networks"] | {"discriminator_norm": "none"}
    changes = {"networks": networks, "latent_reuse": False, "generator_rate": 1e-30}
    whole, draws = start(SETTINGS | changes | {"batch_size": 8})
    parts, same = start(SETTINGS | changes | {"batch_size": 8, "micro_batches": 4})
    # Generated images must not depend on the partition either: take BatchNorm's batch away.
    for pair in (whole, parts):
        pair.generator.eval()
    for step in range(3):
        update(whole, draws.at(step))
        update(parts, same.at(step))
    torch.testing.assert_close(
        flat(whole.discriminator), flat(parts.discriminator), rtol=1e-4, atol=1e-5
    )


def test_accumulating_with_batch_norm_is_another_model():
    changes = {"latent_reuse": False, "batch_size": 8}
    whole, draws = start(SETTINGS | changes)
    parts, same = start(SETTINGS | changes | {"micro_batches": 4})
    update(whole, draws.at(0))
    update(parts, same.at(0))
    assert not torch.allclose(flat(whole.generator), flat(parts.generator), atol=1e-4)


def test_the_average_of_a_count_is_the_count():
    norm = torch.nn.BatchNorm1d(2)
    average = MovingAverage(norm, 0.9, 0)
    norm.num_batches_tracked += 7
    average.update(norm, 3)
    assert average.network.num_batches_tracked == 7


def test_moving_average_by_hand():
    network = BatchNorm2d(1, 1)  # has parameters and buffers
    average = MovingAverage(network, decay=0.75, start_step=1)
    with torch.no_grad():
        network.weight.fill_(3.0)
        average.update(network, step=0)  # before the start: a copy
        assert average.network.weight.item() == 3.0
        network.weight.fill_(7.0)
        network.running_mean.fill_(4.0)
        average.update(network, step=1)
    assert average.network.weight.item() == 0.75 * 3 + 0.25 * 7
    assert average.network.running_mean.item() == 1.0


def test_the_moving_average_is_what_is_evaluated_and_cut_with_the_rest():
    pair, draws = start(SETTINGS | {"ema": {"decay": 0.9, "start_step": 0}}, seeds=(0, 1))
    update(pair, draws.at(0))
    assert pair.sampler is pair.average.network
    assert not torch.equal(flat(pair.sampler), flat(pair.generator))
    kept = pair.sampler.state_dict()["layers.0.weight"][1].clone()
    pair.keep([1])
    assert torch.equal(pair.sampler.state_dict()["layers.0.weight"][0], kept)


def test_a_generator_pass_per_step_with_momentum_0_19_equals_two_with_0_1():
    """The authors' WGAN-GP runs its generator twice a step on the same latents and weights."""
    torch.manual_seed(0)
    maps = torch.randn(6, 3, 4, 4)
    twice, once = BatchNorm2d(1, 3, momentum=0.1), BatchNorm2d(1, 3, momentum=0.19)
    twice(maps), twice(maps), once(maps)
    torch.testing.assert_close(twice.running_mean, once.running_mean)
    torch.testing.assert_close(twice.running_var, once.running_var)


@pytest.mark.parametrize("settings", [SETTINGS, BIGGAN], ids=["dcgan", "biggan"])
@pytest.mark.parametrize(
    "compute", [{"channels_last": True}, {"precision": "bf16"}], ids=["channels_last", "bf16"]
)
def test_switches_of_computation_stay_near_the_reference(settings, compute):
    reference, draws = start(settings)
    switched, same = start(settings | {"compute": SETTINGS["compute"] | compute})
    expected, found = update(reference, draws.at(0)), update(switched, same.at(0))
    tolerance = 0.05 if "precision" in compute else 1e-4
    for mine, other in zip(found, expected, strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance)


def _train_in_two_processes(rank, port, settings, result):
    import os

    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    os.environ["RANK"] = str(rank)
    torch.set_num_threads(1)
    world = World.join(CPU)
    pair, draws = start(settings, world=world)
    for step in range(5):
        update(pair, draws.at(step))
    if rank == 0:
        torch.save(pair.state(), result)
    world.leave()


def running_variances(pair):
    buffers = dict(pair.generator.named_buffers())
    return torch.cat([b.flatten() for name, b in buffers.items() if "running_var" in name])


@pytest.mark.parametrize("over", ["all", "device"])
def test_two_processes_train_as_one_with_the_same_global_batch(tmp_path, over):
    """Equal where BatchNorm sees all images; another model where it sees its own process's."""
    import socket

    compute = SETTINGS["compute"] | {"batch_norm_over": over}
    settings = BIGGAN | {"compute": compute, "batch_size": 8, "micro_batches": 2}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    result = tmp_path / "weights.pt"
    torch.multiprocessing.spawn(_train_in_two_processes, (port, settings, result), nprocs=2)
    pair, draws = start(settings)
    for step in range(5):
        update(pair, draws.at(step))
    running = running_variances(pair)
    # Outputs, not weights: a bias before BatchNorm has no effect, and Adam moves it by rounding.
    latents, labels = draws.latents(99)
    alone = pair.generator(latents, labels)
    logits = pair.discriminator(alone, labels)
    pair.load_state(torch.load(result, weights_only=True))
    assert torch.allclose(running, running_variances(pair), atol=1e-3) == (over == "all")
    together = pair.generator(latents, labels)
    same = torch.allclose(alone, together, atol=1e-4)
    same &= torch.allclose(logits, pair.discriminator(alone, labels), atol=1e-3)
    assert same == (over == "all")


@pytest.mark.parametrize(("precision", "mode"), [("fp32", "ieee"), ("tf32", "tf32")])
def test_tensor_float_32_is_used_only_where_asked_for(precision, mode):
    before = torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision
    try:
        set_precision(precision)
        assert torch.backends.cudnn.conv.fp32_precision == mode
        assert torch.backends.cuda.matmul.fp32_precision == mode
    finally:
        torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision = before


def test_compiled_networks_compute_the_same(monkeypatch):
    """What torch.compile captures, without generating machine code, which takes a minute."""
    compiled = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled(self, backend="eager"))
    reference, draws = start(SETTINGS)
    switched, same = start(SETTINGS | {"compute": SETTINGS["compute"] | {"compile": True}})
    for step in range(2):
        expected = update(reference, draws.at(step))
        found = update(switched, same.at(step))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)

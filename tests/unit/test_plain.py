"""Any pair of PyTorch modules as a kind of networks, one seed per network."""

import copy
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import SETTINGS, job_of
from critical_batch.data.shape import ImageShape
from critical_batch.networks.build import build, parameter_count, shapes
from critical_batch.networks.drawing import drawn_from, seed_of
from critical_batch.networks.kinds import ARCHITECTURES, WidthSettings, widest_map
from critical_batch.networks.plain import plain
from critical_batch.networks.replicated import load_replica, one_replica, replica_state
from critical_batch.runtime.errors import UserError
from critical_batch.runtime.streams import generator as random_stream
from critical_batch.training.gradient_noise import IndependentInputs, gradient_noise
from critical_batch.training.memory import training_bytes
from critical_batch.training.step import update
from critical_batch.training.world import World
from plain_modules import Discriminator, Generator
from test_step import example_images, flat, start
from test_training import same_generators, settings_with, train_tiny
from torch import nn

CPU = torch.device("cpu")
SHAPE = ImageShape(16, 1, 3)
PLAIN = {"kind": "plain", "latent": 8}
TRAINED = SETTINGS | {"networks": PLAIN}


def pair(settings, shape):
    return Generator(), Discriminator()


def labelled(settings, shape):
    return Generator(shape.classes), Discriminator(shape.classes)


def noisy(settings, shape):
    return Generator(), Discriminator(dropout=0.5)


@pytest.fixture
def bring(monkeypatch):
    """Makes a pair of modules the kind `plain` of the registry."""

    def bring(build, **options):
        monkeypatch.setitem(ARCHITECTURES, "plain", plain("A pair", build, **options))

    return bring


@pytest.fixture(params=[pair, labelled], ids=["without labels", "with labels"])
def kind(request, bring):
    bring(request.param, labels=request.param is labelled)
    return request.param


def twins(pair, built):
    """The same modules on their own, with the players' initial weights."""
    modules = built(None, SHAPE)
    for module, network in zip(modules, (pair.generator, pair.discriminator), strict=True):
        state = {
            name.removeprefix("module."): value
            for name, value in replica_state(network, 0).items()
            if name.startswith("module.")
        }
        module.load_state_dict(state)
    return modules


def same_tensors(network, module, **tolerance):
    """Whether every parameter and buffer of a network is that of the module."""
    stored = network.module.state_dict()
    for name, value in module.state_dict().items():
        torch.testing.assert_close(stored[name][0], value, **tolerance)


def test_100_steps_equal_a_plain_loop_of_the_same_modules(kind):
    """Up to rounding, as the losses are written otherwise; buffers of BatchNorm and of spectral
    norm included."""
    pair, draws = start(TRAINED)
    generator, discriminator = twins(pair, kind)
    optimizers = [
        torch.optim.Adam(module.parameters(), lr=0.002, betas=(0.5, 0.999), fused=True)
        for module in (generator, discriminator)
    ]
    pixels, classes = example_images()
    pixels, labels = pixels.permute(0, 3, 1, 2), kind is labelled
    softplus = nn.functional.softplus
    for step in range(100):
        epoch, position = divmod(step, 10)
        order = torch.randperm(40, generator=random_stream(0, "order", epoch))
        chosen = order[4 * position : 4 * position + 4]
        real = pixels[chosen] / 127.5 - 1
        latents, wanted = draws.latents(step)
        own, given = ([wanted[:, 0]], [classes[chosen]]) if labels else ([], [])
        fake = generator(latents, *own)
        optimizers[1].zero_grad()
        scores = discriminator(real, *given), discriminator(fake.detach(), *own)
        (softplus(-scores[0]).mean() + softplus(scores[1]).mean()).backward()
        optimizers[1].step()
        optimizers[0].zero_grad()
        softplus(-discriminator(fake, *own)).mean().backward(inputs=list(generator.parameters()))
        optimizers[0].step()
        update(pair, draws.at(step))
    same_tensors(pair.generator, generator, atol=1e-5, rtol=1e-4)
    same_tensors(pair.discriminator, discriminator, atol=1e-5, rtol=1e-4)
    assert pair.generator.module.layers[1].num_batches_tracked.item() == 100


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objective": {"kind": "wasserstein_gp", "penalty_weight": 10.0}},
        {"latent_reuse": False, "discriminator_steps": 2},
        {"ema": {"decay": 0.9, "start_step": 5}},
    ],
    ids=["bce", "penalty", "two-critic-steps", "ema"],
)
@pytest.mark.parametrize("built", [pair, labelled, noisy], ids=lambda each: each.__name__)
def test_a_resumed_training_equals_an_uninterrupted_one(bring, built, changes):
    bring(built, labels=built is labelled)
    straight, draws = start(TRAINED | changes)
    broken, same = start(TRAINED | changes)
    for step in range(6):
        update(straight, draws.at(step))
    for step in range(3):
        update(broken, same.at(step))
    resumed, same = start(TRAINED | changes)
    resumed.load_state(copy.deepcopy(broken.state()))
    torch.rand(7)  # what others draw does not matter
    for step in range(3, 6):
        update(resumed, same.at(step))
    for name in ("generator", "discriminator", "sampler"):
        found = replica_state(getattr(resumed, name), 0)
        for key, value in replica_state(getattr(straight, name), 0).items():
            assert torch.equal(found[key], value), (name, key)


def test_a_finished_generator_is_loaded_and_samples_the_same(kind):
    pair, draws = start(TRAINED)
    update(pair, draws.at(0))
    latents, labels = draws.latents(50)
    pair.generator.eval()
    with torch.no_grad():
        expected = one_replica(pair.generator, 0)(latents, labels)
    stored = {name: each.clone() for name, each in replica_state(pair.generator, 0).items()}
    fresh, _ = build(PLAIN, SHAPE, [0])
    fresh.eval()
    assert not torch.equal(one_replica(fresh, 0)(latents, labels), expected)
    load_replica(fresh, 0, stored)
    assert torch.equal(one_replica(fresh, 0)(latents, labels), expected)
    module, _ = twins(pair, kind)
    module.eval()
    own = (labels[:, 0],) if kind is labelled else ()
    torch.testing.assert_close(module(latents, *own), expected)


def test_a_job_trains_each_seed_in_a_network_of_its_own(tiny, tmp_path, bring):
    bring(noisy)
    few = {"networks": PLAIN, "limits": {"steps": 20, "samples": None}}
    together = train_tiny(tiny, tmp_path / "a", settings_with(**few))
    alone = train_tiny(tiny, tmp_path / "b", settings_with(**few, seeds=[1]))
    assert len(together.results) == 3
    assert same_generators(alone.generators, together.generators)
    assert [row for row in together.rows if row.seed == 1] == alone.rows


def test_initial_weights_depend_on_seed_and_player_alone(kind):
    before = torch.get_rng_state()
    first = build(PLAIN, SHAPE, [3])
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    again, other = build(PLAIN, SHAPE, [3]), build(PLAIN, SHAPE, [4])
    for one, two, third in zip(first, again, other, strict=True):
        assert torch.equal(flat(one), flat(two))
        assert not torch.equal(flat(one), flat(third))
    torch.set_rng_state(before)


def test_shapes_of_what_is_stored(kind):
    networks = build(PLAIN, SHAPE, [0])
    for network, module in zip(networks, kind(None, SHAPE), strict=True):
        assert all(each.shape[0] == 1 for each in [*network.parameters(), *network.buffers()])
        assert parameter_count(network) == sum(each.numel() for each in module.parameters())


def test_memory_is_counted_without_data(kind):
    assert training_bytes(job_of(TRAINED), SHAPE, CPU) > 2**20


def test_switches_of_computation(kind, monkeypatch):
    compiled = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled(self, backend="eager"))
    reference, draws = start(TRAINED)
    expected = [update(reference, draws.at(step)) for step in range(2)]
    for compute in ({"channels_last": True}, {"precision": "bf16"}, {"compile": True}):
        pair, same = start(TRAINED | {"compute": SETTINGS["compute"] | compute})
        found = [update(pair, same.at(step)) for step in range(2)]
        tolerance = 0.05 if "precision" in compute else 1e-4
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
        pair.generator.eval()
        latents, labels = same.latents(9)
        assert one_replica(pair.generator, 0)(latents, labels).shape == (4, 1, 16, 16)


class Unusual(nn.Module):
    """Tied, frozen, unused and unstored tensors, and a buffer that is replaced."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(256, 256, bias=False)
        self.two = nn.Linear(256, 256, bias=False)
        self.two.weight = self.one.weight
        self.frozen = nn.Parameter(torch.randn(256), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros(2), persistent=False)

    def forward(self, images):
        self.seen = self.seen + 1
        h = self.two(self.one(images.flatten(1)).relu())
        return (h * self.frozen).sum(1)


def test_unusual_tensors(bring):
    bring(lambda settings, shape: (Generator(), Unusual()))
    pair, draws = start(TRAINED)
    module = pair.discriminator.module
    frozen = module.frozen.clone()
    for step in range(2):
        update(pair, draws.at(step))
    assert module.one.weight is module.two.weight  # tied ones stay tied
    assert torch.equal(module.frozen, frozen)
    assert "frozen" not in dict(module.named_parameters())
    assert module.seen.tolist() == [[6.0, 6.0]]  # three calls a step
    assert "module.seen" in replica_state(pair.discriminator, 0)
    assert torch.equal(module.unused, torch.ones(1, 3))
    source = IndependentInputs(draws._data, job_of(TRAINED), (0,), 0)
    noise = gradient_noise(pair, source, batches=2, batch_size=4)
    assert noise["discriminator"][0].isfinite().all()
    assert module.seen.tolist() == [[6.0, 6.0]]


def test_measuring_gradient_noise_changes_nothing_that_training_draws(bring):
    bring(noisy)
    pair, draws = start(TRAINED)
    update(pair, draws.at(0))
    before = pair.state()["discriminator"]["_extra_state"]
    source = IndependentInputs(draws._data, job_of(TRAINED), (0,), 0)
    gradient_noise(pair, source, batches=2, batch_size=4)
    assert pair.state()["discriminator"]["_extra_state"] == before == 3


def test_calls_draw_anew_in_training_and_by_their_inputs_in_evaluation(bring):
    bring(noisy)
    _, network = build(PLAIN, SHAPE, [0])
    images = torch.zeros(4, 1, 16, 16)
    assert not torch.equal(network(images), network(images))
    state = torch.get_rng_state()
    network.module.dropout.train()
    network.eval()
    network.module.dropout.train()  # a layer that draws in evaluation, too
    assert torch.equal(network(images), network(images))
    assert not torch.equal(network(images), network(images + 0.1))
    assert torch.equal(torch.get_rng_state(), state)


def test_importing_the_adapter_needs_no_torch():
    program = "import sys; import critical_batch.networks.plain; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd="workflow/scripts")


class Wrong(nn.Module):
    """Calls a function in the place of a network."""

    def __init__(self, function):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.function = function

    def forward(self, inputs):
        return self.function(inputs + self.weight)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: x.new_zeros(len(x), 1, 8, 8),
            "the generator, gives [4, 1, 8, 8] for inputs [4, 8]: make it [4, 1, 16, 16]",
        ),
        (
            lambda x: [x],
            "the generator, gives list for inputs [4, 8]: make it [4, 1, 16, 16]",
        ),
        (
            lambda x: x.new_full((len(x), 1, 16, 16), 255.0),
            "the generator, gives pixels up to 255: keep them in [-1, 1], for example with tanh",
        ),
        (
            lambda x: nn.functional.linear(x, torch.zeros(3, 7)),
            "the generator, fails for inputs [4, 8]: RuntimeError: mat1 and mat2 shapes cannot be "
            "multiplied (4x8 and 7x3) (test_plain.py:",
        ),
        (
            lambda x: x.new_zeros(len(x), 1, 16, 16) + np.random.rand(),
            "the generator, draws from NumPy's or Python's generator, which a resumed job cannot "
            "repeat: draw from PyTorch's",
        ),
    ],
    ids=["size", "type", "range", "fails", "numpy"],
)
def test_a_generator_that_does_not_fit_is_one_line(bring, function, message):
    bring(lambda settings, shape: (Wrong(function), Discriminator()))
    pair, draws = start(TRAINED)
    with pytest.raises(UserError) as error:
        update(pair, draws.at(0))
    assert str(error.value).startswith("test_plain.Wrong, " + message)
    assert "\n" not in str(error.value)


def test_a_discriminator_that_does_not_fit_is_one_line(bring):
    bring(lambda settings, shape: (Generator(), Wrong(lambda x: x.mean((1, 2)))))
    pair, draws = start(TRAINED)
    message = r"the discriminator, gives \[4, 16\] for inputs \[4, 1, 16, 16\]: make it \[4\] or "
    with pytest.raises(UserError, match=message):
        update(pair, draws.at(0))


def test_a_wrong_shape_is_known_before_training(bring):
    bring(lambda settings, shape: (Wrong(lambda x: x), Discriminator()))
    with pytest.raises(UserError, match=r"gives \[4, 8\] for inputs \[4, 8\]"):
        training_bytes(job_of(TRAINED), SHAPE, CPU)


def test_modules_that_look_at_their_data_train_without_an_estimate(tiny, tmp_path, bring):
    class Curious(Generator):
        def forward(self, latents, labels=None):
            assert latents.abs().max().item() < 100
            return super().forward(latents)

    bring(lambda settings, shape: (Curious(), Discriminator()))
    said = []
    few = {"networks": PLAIN, "limits": {"steps": 4, "samples": None}, "seeds": [0]}
    progress = train_tiny(tiny, tmp_path, settings_with(**few), log_line=said.append)
    assert progress.results[0].status == "step-limit"
    line = "memory is not estimated, the networks do not run without data ("
    assert [words.startswith(line) for words in said].count(True) == 1


class Extra(nn.Linear):
    def get_extra_state(self):
        return {}


def shared(settings, shape):
    generator = Generator()
    discriminator = Discriminator()
    discriminator.other = generator.layers[0]
    return generator, discriminator


@pytest.mark.parametrize(
    ("built", "message"),
    [
        (lambda *_: Generator(), r"gives Generator: return \(generator, discriminator\)"),
        (lambda *_: (Generator(), 3), r"gives tuple: return \(generator, discriminator\)"),
        (lambda *_: (Generator(), Extra(2, 2)), "test_plain.Extra has extra state"),
        (lambda *_: (Generator(), nn.LazyLinear(2)), "LazyLinear is not built before it is called"),
        (shared, "shared gives two players that share weights: build each its own"),
    ],
    ids=["one", "no module", "extra state", "lazy", "shared"],
)
def test_a_pair_that_cannot_be_held_is_one_line(bring, built, message):
    bring(built)
    with pytest.raises(UserError, match=message):
        build(PLAIN, SHAPE, [0])


def test_batch_norm_over_all_processes_is_refused(bring):
    bring(pair)
    compute = SETTINGS["compute"] | {"batch_norm_over": "all"}
    with pytest.raises(UserError, match=r"^compute.batch_norm_over: all does not reach"):
        start(TRAINED | {"compute": compute}, world=World(0, 2))
    start(TRAINED | {"compute": compute}, world=World(0, 1))


def test_shapes_need_no_memory(kind):
    assert {each.device.type for each in shapes(PLAIN, SHAPE, 1)[0].parameters()} == {"meta"}


def test_the_entry():
    entry = plain("A pair", pair, labels=True, joint_batch=True, generator=("width",))
    wide = plain("Wide", pair, settings=WidthSettings, largest_map=widest_map)
    assert (wide.settings, wide.largest_map) == (WidthSettings, widest_map)
    assert (entry.description, entry.needs_labels, entry.replicas) == ("A pair", True, False)
    assert entry.generator == ("width",)
    assert replace(entry, build=None).settings.__name__ == "LatentSettings"
    generator, discriminator = entry.build(None, SHAPE, 1)
    assert (generator.joint_batch, discriminator.joint_batch) == (False, True)


def test_processes_of_a_job_draw_apart(monkeypatch):
    alone = seed_of(1, 2)
    assert seed_of(1, 2) == alone != seed_of(1, 3)
    assert alone == 2_439_208_070  # another number would be other dropout in runs of before
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    seeds = []
    for rank in range(2):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        seeds.append(seed_of(1, 2))
    assert seeds[0] == alone != seeds[1]


def test_what_is_drawn_inside_follows_from_the_seed_alone():
    drawn = []
    for _ in range(2):
        before = torch.get_rng_state()
        with drawn_from(5):
            drawn.append(torch.rand(3))
        assert torch.equal(torch.get_rng_state(), before)
        torch.rand(1)
    assert torch.equal(*drawn)
    assert torch.equal(drawn[0], torch.rand(3, generator=torch.Generator().manual_seed(5)))
    before = torch.get_rng_state()
    with pytest.raises(KeyError), drawn_from(5):
        raise KeyError
    assert torch.equal(torch.get_rng_state(), before)

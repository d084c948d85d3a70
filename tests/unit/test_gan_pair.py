"""What one step of training does to either player, each with rates, draws and losses of its own."""

import copy

import pytest
import torch
from conftest import SETTINGS, job_of
from critical_batch.data.shape import ImageShape
from critical_batch.networks.build import shapes
from critical_batch.training.inputs import InputSource
from critical_batch.training.step import assemble, gradient_norms, update
from test_step import BIGGAN, flat, start
from torch.nn import functional as F

CRITIC = SETTINGS | {
    "networks": SETTINGS["networks"] | {"discriminator_norm": "none"},
    "objective": {"kind": "wasserstein_gp", "penalty_weight": 10.0},
}
# Both stand still, so that a step shows gradients and losses at the initial weights.
STILL = {"generator_rate": 1e-30, "discriminator_rate": 1e-30}


class Recorded(InputSource):
    """Draws that keep the counters with which they were asked."""

    def __init__(self, draws):
        super().__init__(draws.plan)
        self._draws, self.asked = draws, {"real": [], "latents": [], "mix": []}

    def _noted(self, name, counter):
        self.asked[name].append(counter)
        return getattr(self._draws, name)(counter)

    def real(self, counter):
        return self._noted("real", counter)

    def latents(self, counter):
        return self._noted("latents", counter)

    def mix(self, counter):
        return self._noted("mix", counter)


def first(settings, seeds=(0,)):
    """A pair and the inputs of their first step."""
    pair, draws = start(settings, seeds=seeds)
    return pair, draws.at(0)


def test_each_player_moves_by_its_own_rate():
    """Adam's first step is the rate times the gradient's sign, where there is a gradient."""
    pair, draws = start(SETTINGS | {"generator_rate": 0.003, "discriminator_rate": 0.0005})
    before = flat(pair.generator), flat(pair.discriminator)
    update(pair, draws.at(0))
    after = flat(pair.generator), flat(pair.discriminator)
    moved = [(one - other).abs().max().item() for one, other in zip(after, before, strict=True)]
    assert moved == pytest.approx([0.003, 0.0005], rel=0.01)


@pytest.mark.parametrize(
    ("reuse", "latents"),
    [(True, [0, 1, 2, 3, 4, 5]), (False, [0, 1, 2, 3, 4, 5, 6, 7, 8])],
    ids=["reused", "new"],
)
def test_no_batch_and_no_latent_is_seen_twice(reuse, latents):
    """Two updates of the critic and one of the generator a step, for three steps."""
    pair, draws = start(CRITIC | {"discriminator_steps": 2, "latent_reuse": reuse})
    draws = Recorded(draws)
    for step in range(3):
        update(pair, draws.at(step))
    assert draws.asked == {
        "real": [0, 1, 2, 3, 4, 5],
        "latents": latents,
        "mix": [0, 1, 2, 3, 4, 5],
    }


def test_only_a_penalty_draws_its_mixing_weights():
    pair, draws = start(SETTINGS)
    draws = Recorded(draws)
    update(pair, draws.at(0))
    assert draws.asked == {"real": [0], "latents": [0], "mix": []}


def test_losses_of_either_player_come_in_their_order():
    """The critic's with its penalty at the weights before, the generator's at the critic after."""
    pair, draws = start(CRITIC | {"generator_rate": 1e-30})
    before = copy.deepcopy(pair.discriminator)
    (real, labels), (latents, fake_labels), mix = draws.real(0), draws.latents(0), draws.mix(0)
    fake = pair.generator(latents, fake_labels).detach()
    found = update(pair, draws.at(0))

    points = mix[:, :, None, None] * real + (1 - mix[:, :, None, None]) * fake
    points.requires_grad_(True)
    (slope,) = torch.autograd.grad(before(points, labels).sum(), points)
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    critic = before(fake, labels).mean() - before(real, labels).mean() + 10 * penalty
    generator = -pair.discriminator(fake, labels).mean()
    assert found[0].tolist() == pytest.approx([critic.item()], rel=1e-4)
    assert found[1].tolist() == pytest.approx([generator.item()], rel=1e-4)
    assert found[0].item() != pytest.approx(found[1].item(), rel=0.1)


@pytest.mark.parametrize("settings", [SETTINGS, CRITIC, BIGGAN], ids=["dcgan", "critic", "biggan"])
def test_gradient_norms_are_those_of_the_last_update_alone(settings):
    """Per seed and player, against autograd on the losses; what was before leaves no trace."""
    pair, draws = start(settings | STILL | {"latent_reuse": True}, seeds=(3, 4))
    for _ in range(2):
        update(pair, draws.at(5))
    fake = pair.generator(*draws.latents(5))
    losses = {
        pair.generator: pair.objective.generator(pair.discriminator(fake, draws.latents(5)[1]))
    }
    if settings is not CRITIC:
        real, labels = draws.real(5)
        logits = pair.discriminator(fake.detach(), draws.latents(5)[1])
        losses[pair.discriminator] = pair.objective.discriminator(
            pair.discriminator(real, labels), logits
        )
    for network, loss in losses.items():
        gradients = torch.autograd.grad(loss.sum(), list(network.parameters()), retain_graph=True)
        for replica in range(2):
            own = torch.cat([gradient[replica].flatten() for gradient in gradients])
            found = gradient_norms(network)[replica].item()
            assert found == pytest.approx(own.norm().item(), rel=1e-3)


def test_parts_of_a_batch_give_the_mean_loss_and_the_mean_gradient():
    """Without BatchNorm between its samples a batch in four parts is the batch."""
    changes = STILL | {"batch_size": 8, "latent_reuse": False}
    whole, draws = start(CRITIC | changes)
    parts, same = start(CRITIC | changes | {"micro_batches": 4})
    for pair in (whole, parts):
        pair.generator.eval()
        # Scores far from 0, so that a loss of several parts is no rounding.
        pair.discriminator.register_forward_hook(lambda network, images, logits: logits + 3)
    assert not any(loss.requires_grad for loss in update(*first(CRITIC | changes)))
    for mine, other in zip(update(parts, same.at(1)), update(whole, draws.at(1)), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
        assert other.abs().min() > 1
    for network in ("generator", "discriminator"):
        norms = (gradient_norms(getattr(pair, network)) for pair in (parts, whole))
        torch.testing.assert_close(*norms, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("norm", "passes"), [("none", 1), ("batch", 2)])
def test_a_critic_sees_both_kinds_of_images_in_one_pass_where_samples_are_independent(norm, passes):
    networks = SETTINGS["networks"] | {"discriminator_norm": norm}
    pair, draws = start(SETTINGS | {"networks": networks})
    seen = []
    pair.discriminator.register_forward_hook(lambda *of: seen.append(len(of[2])))
    update(pair, draws.at(0))
    batch = SETTINGS["batch_size"]
    assert seen == [2 * batch // passes] * passes + [batch]


def test_the_objective_of_either_player_is_the_configured_one():
    logits = torch.tensor([[0.5], [-2.0]])
    expected = {
        "bce": F.softplus(-logits).mean(),
        "hinge": -logits.mean(),
        "wasserstein_gp": -logits.mean(),
    }
    of_critic = {
        "bce": (F.softplus(logits - 1) + F.softplus(logits)).mean(),
        "hinge": (F.relu(logits) + F.relu(1 + logits)).mean(),
        "wasserstein_gp": 2 * logits.mean() - 1,
    }
    for kind, generator in expected.items():
        weight = {"penalty_weight": 3.0} if kind == "wasserstein_gp" else {}
        pair, _ = start(SETTINGS | {"objective": {"kind": kind, **weight}})
        assert pair.objective.generator(logits).item() == pytest.approx(generator.item())
        found = pair.objective.discriminator(1 - logits, logits).item()
        assert found == pytest.approx(of_critic[kind].item())
        assert pair.objective.penalty_weight == weight.get("penalty_weight", 0.0)


def test_the_average_follows_from_its_first_step_on():
    """decay 0.5: a copy up to step 2, then half of the way at every step."""
    pair, draws = start(SETTINGS | {"ema": {"decay": 0.5, "start_step": 2}})
    expected = None
    for step in range(4):
        update(pair, draws.at(step))
        now = flat(pair.generator)
        expected = now if step < 2 else (expected + now) / 2
        torch.testing.assert_close(flat(pair.sampler), expected, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(expected, now, atol=1e-5)
    assert not any(p.requires_grad for p in pair.sampler.parameters())


def test_a_state_restores_all_that_a_step_changes():
    settings = CRITIC | {"ema": {"decay": 0.5, "start_step": 0}}
    pair, draws = start(settings, seeds=(0, 1))
    update(pair, draws.at(0))
    state = copy.deepcopy(pair.state())
    restored, _ = start(settings, seeds=(8, 9))
    restored.load_state(state)
    for step in (1, 2):
        for mine, other in zip(
            update(restored, draws.at(step)), update(pair, draws.at(step)), strict=True
        ):
            assert torch.equal(mine, other)
    for name, part in pair.state().items():
        found = restored.state()[name]
        assert part.keys() == found.keys(), name
    assert torch.equal(flat(restored.sampler), flat(pair.sampler))


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)]
)
def test_networks_compute_in_bfloat16_where_it_is_asked_for(precision, dtype):
    settings = SETTINGS | {"compute": SETTINGS["compute"] | {"precision": precision}}
    pair, draws = start(settings)
    seen = []
    for network in (pair.discriminator, pair.generator):
        network.register_forward_hook(lambda *call: seen.append(call[2].dtype))
    images = pair.sample(*draws.latents(0))
    logits = pair.logits(images, draws.latents(0)[1])
    assert seen == [dtype, dtype]
    assert (images.dtype, logits.dtype) == (torch.float32, torch.float32)


def test_shapes_without_data_train_in_bfloat16_too():
    """As the estimate of the memory runs a step: on the meta device, with the CPU's autocast."""
    settings = SETTINGS | {"compute": SETTINGS["compute"] | {"precision": "bf16"}}
    device = torch.device("meta")
    networks = shapes(settings["networks"], ImageShape(16, 1, 3), 2)
    pair = assemble(job_of(settings), networks, device=device)
    labels = torch.zeros(4, 2, dtype=torch.long, device=device)
    with pair.autocast:
        assert torch.is_autocast_enabled("cpu")
    images = pair.sample(torch.zeros(4, 16, device=device), labels)
    assert (images.shape, images.device.type) == ((4, 2, 16, 16), "meta")


def test_switches_reach_the_networks():
    compute = SETTINGS["compute"] | {"channels_last": True, "batch_norm_over": "all"}
    pair, draws = start(SETTINGS | {"compute": compute})
    for network in (pair.generator, pair.discriminator):
        assert network.channels_last
        assert network.training
        # One process needs no other's statistics.
        assert not any(getattr(m, "synchronised", False) for m in network.modules())
    images = pair.sample(*draws.latents(0))
    maps = pair.generator.layers[0](draws.latents(0)[0][:, :, None, None])
    assert pair.generator.stored(maps).is_contiguous(memory_format=torch.channels_last)
    assert images.shape == (4, 1, 16, 16)

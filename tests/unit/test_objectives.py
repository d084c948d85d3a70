"""Losses against values computed by hand; entries against their papers; an entry of one's own."""

import json
import math
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from config_examples import X, changed, minimal, problem
from conftest import SETTINGS
from critical_batch import objectives
from critical_batch.configuration import load, schema
from critical_batch.objectives import OBJECTIVES, Objective, ObjectiveKind
from critical_batch.objectives.losses import bce, hinge, wasserstein
from critical_batch.objectives.losses.penalty import gradient_penalty
from critical_batch.registries.settings import setting
from critical_batch.runtime.errors import UserError
from critical_batch.training.step import update
from page_files import files_of_page, modules_of_page, sections_of
from test_step import start
from torch.nn import functional as F

PAGE = sections_of(Path("docs/extending.md").read_text(), "Objectives")
REAL = torch.tensor([[0.0, 2.0], [1.0, -2.0]])
FAKE = torch.tensor([[0.0, 0.5], [-1.0, 3.0]])


def softplus(x):
    return math.log1p(math.exp(x))


def test_bce_by_hand():
    expected = [
        (softplus(0) + softplus(-1)) / 2 + (softplus(0) + softplus(-1)) / 2,
        (softplus(-2) + softplus(2)) / 2 + (softplus(0.5) + softplus(3)) / 2,
    ]
    assert bce.discriminator(REAL, FAKE).tolist() == pytest.approx(expected)
    expected = [(softplus(0) + softplus(1)) / 2, (softplus(-0.5) + softplus(-3)) / 2]
    assert bce.generator(FAKE).tolist() == pytest.approx(expected)


def test_bce_is_the_binary_cross_entropy_of_the_sigmoid():
    reference = F.binary_cross_entropy(torch.sigmoid(REAL), torch.ones(2, 2))
    reference += F.binary_cross_entropy(torch.sigmoid(FAKE), torch.zeros(2, 2))
    assert bce.discriminator(REAL, FAKE).mean().item() == pytest.approx(reference.item())


def test_wasserstein_by_hand():
    assert wasserstein.discriminator(REAL, FAKE).tolist() == [-1.0, 1.75]
    assert wasserstein.generator(FAKE).tolist() == [0.5, -1.75]


def test_hinge_by_hand():
    assert hinge.discriminator(REAL, FAKE).tolist() == [0.5 + 0.5, 1.5 + 2.75]
    assert hinge.generator(FAKE).tolist() == [0.5, -1.75]


@pytest.mark.parametrize(
    ("loss", "kinds"),
    [
        (bce.discriminator, 2),
        (bce.generator, 1),
        (wasserstein.discriminator, 2),
        (wasserstein.generator, 1),
        (hinge.discriminator, 2),
        (hinge.generator, 1),
    ],
)
def test_losses_are_means_over_the_batch_for_every_replica_alone(loss, kinds):
    """Five images and two replicas, which a mean over the other axis would tell apart."""
    logits = [torch.linspace(-2, 3, 10).view(5, 2), torch.linspace(1, -4, 10).view(5, 2).square()]
    logits = logits[:kinds]
    together = loss(*logits)
    assert together.shape == (2,)
    for replica in range(2):
        alone = [
            loss(*(part[image : image + 1, replica : replica + 1] for part in logits))
            for image in range(5)
        ]
        torch.testing.assert_close(together[replica], torch.cat(alone).mean())


def test_penalty_of_a_linear_critic_is_known():
    weight = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)  # two replicas, slopes 3 and 4 per pixel

    def critic(images):
        return (images * weight).sum((2, 3))

    real, fake = torch.randn(5, 2, 4, 4), torch.randn(5, 2, 4, 4)
    penalty = gradient_penalty(critic, real, fake, torch.rand(5, 2))
    # gradient norm of a 4 x 4 image: slope * sqrt(16)
    assert penalty.tolist() == pytest.approx([(12 - 1) ** 2, (16 - 1) ** 2])


def test_penalty_is_taken_on_the_line_between_real_and_generated():
    seen = []

    def critic(images):
        seen.append(images.detach().clone())
        return images.sum((1, 2, 3))[:, None]

    real, fake = torch.full((2, 1, 2, 2), 10.0), torch.zeros(2, 1, 2, 2)
    gradient_penalty(critic, real, fake, torch.tensor([[0.25], [1.0]]))
    assert seen[0][:, 0, 0, 0].tolist() == [2.5, 10.0]


def test_penalty_gradient_agrees_with_finite_differences():
    torch.manual_seed(0)
    real, fake, mix = torch.randn(3, 1, 2, 2), torch.randn(3, 1, 2, 2), torch.rand(3, 1)
    slope = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def penalty(value):
        def critic(images):
            return torch.tanh(value * images).sum((2, 3))

        arguments = (real.double(), fake.double(), mix.double())
        return gradient_penalty(critic, *arguments).sum()

    penalty(slope).backward()
    step = 1e-6
    difference = (penalty(slope.detach() + step) - penalty(slope.detach() - step)) / (2 * step)
    assert slope.grad.item() == pytest.approx(difference.item(), rel=1e-5)


@pytest.mark.parametrize(("weight", "penalised"), [(100, True), (0.5, True), (0, False)])
def test_the_penalty_weight_is_the_configured_one(weight, penalised):
    """One of 0 costs neither draws nor a second derivative."""
    settings = {"kind": "wasserstein_gp", "penalty_weight": weight}
    objective = objectives.build(settings)
    assert (objective.penalty_weight, objective.penalty) == (weight, gradient_penalty)
    assert objective.penalised is penalised
    _, draws = start(SETTINGS | {"objective": settings})
    assert draws.plan.penalised is penalised
    assert (draws.at(0).discriminator[0].mix is not None) is penalised


def test_a_penalty_counts_from_a_weight_above_nought_on():
    def penalty(critic, real, fake, mix):
        return mix.mean(0)

    assert not Objective(print, print).penalised
    assert not Objective(print, print, penalty).penalised
    assert Objective(print, print, penalty, 0.5).penalised


def test_settings_may_not_be_called_kind():
    @dataclass(frozen=True)
    class Settings:
        kind: str = setting("Which", default="a")

    with pytest.raises(TypeError, match=r"Settings has the field kind: call it otherwise"):
        ObjectiveKind(description="Mine", build=print, settings=Settings)


def test_entries_of_the_built_in_objectives():
    assert list(OBJECTIVES) == ["bce", "wasserstein_gp", "hinge"]  # as messages list them
    assert objectives.build({"kind": "wasserstein_gp"}).penalty_weight == 10
    for kind, entry in OBJECTIVES.items():
        assert entry.second_derivatives is (kind == "wasserstein_gp")
        objective = objectives.build({"kind": kind})
        assert objective.penalised is (kind == "wasserstein_gp")
        assert list(entry.check(entry.settings())) == []


def test_settings_that_an_objective_has_not_are_one_line():
    with pytest.raises(UserError, match=r"^job: objective.penalty_weight is not known: remove it$"):
        objectives.build({"kind": "hinge", "penalty_weight": 1.0})


@pytest.mark.parametrize(
    ("kind", "discriminator", "generator"),
    [
        ("bce", lambda r, f: F.softplus(-r) + F.softplus(f), lambda f: F.softplus(-f)),
        ("hinge", lambda r, f: F.relu(1 - r) + F.relu(1 + f), lambda f: -f),
        ("wasserstein_gp", lambda r, f: f - r, lambda f: -f),
    ],
)
def test_each_kind_has_the_losses_of_its_paper(kind, discriminator, generator):
    objective = objectives.build({"kind": kind})
    expected = discriminator(REAL, FAKE).mean(0)
    torch.testing.assert_close(objective.discriminator(REAL, FAKE), expected)
    torch.testing.assert_close(objective.generator(FAKE), generator(FAKE).mean(0))


def test_penalty_of_two_channels_and_replicas_is_that_of_each_alone():
    """Gradients of unit length cost nothing, shorter and longer ones their squared difference."""
    torch.manual_seed(1)
    real, fake, mix = torch.randn(4, 6, 3, 3), torch.randn(4, 6, 3, 3), torch.rand(4, 2)

    def critic(images):
        maps = torch.sin(images.view(len(images), -1, 3, 3, 3))
        return maps.square().sum((2, 3, 4))

    together = gradient_penalty(critic, real, fake, mix)
    for replica in range(2):
        own = slice(3 * replica, 3 * replica + 3)
        alone = gradient_penalty(critic, real[:, own], fake[:, own], mix[:, replica : replica + 1])
        torch.testing.assert_close(together[replica], alone[0])
        weight = mix[:, replica][:, None, None, None]
        points = (weight * real[:, own] + (1 - weight) * fake[:, own]).requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(points).sum(), points)
        torch.testing.assert_close(alone[0], (slope.flatten(1).norm(dim=1) - 1).square().mean())


def test_the_penalty_does_not_depend_on_how_images_are_stored():
    random = torch.Generator().manual_seed(3)
    real, fake = (torch.randn(4, 6, 5, 5, generator=random) for _ in range(2))
    mix = torch.rand(4, 2, generator=random)

    def logits(images):
        return images.unflatten(1, (2, 3)).square().sum((2, 3, 4))

    expected = gradient_penalty(logits, real, fake, mix)
    stored = (each.to(memory_format=torch.channels_last) for each in (real, fake))
    torch.testing.assert_close(gradient_penalty(logits, *stored, mix), expected)


# ------------------------------------------------------------------------- objectives of one's own


@pytest.fixture
def lsgan(tmp_path):
    """The objective of docs/extending.md, with the file that the page shows."""
    schema.cache_clear()
    with modules_of_page(PAGE, tmp_path):
        yield "lsgan"
    del OBJECTIVES["lsgan"]
    schema.cache_clear()


def test_the_example_has_the_losses_of_its_paper(lsgan):
    """Mao et al. 2017, equation 9, by hand."""
    objective = objectives.build({"kind": lsgan, "target": 2.0})
    discriminator = [(4 + 1 + 0 + 1) / 4, (0 + 16 + 0.25 + 9) / 4]
    assert objective.discriminator(REAL, FAKE).tolist() == pytest.approx(discriminator)
    assert objective.generator(FAKE).tolist() == pytest.approx([(4 + 9) / 4, (2.25 + 1) / 4])
    assert not objective.penalised


def test_the_example_is_checked_like_the_built_in_ones(lsgan):
    config = load(changed(minimal(), {f"{X}/objective": {"kind": lsgan}}))
    job = config.training_job(config.runs()[0])
    assert job.objective == {"kind": lsgan, "target": 1.0}
    wrong = changed(minimal(), {f"{X}/objective": {"kind": lsgan, "targt": 1.0}})
    assert problem(wrong) == (
        "config: experiments.dcgan-fashion.objective.targt is not a known key of kind lsgan: "
        "did you mean target?"
    )
    small = changed(minimal(), {f"{X}/objective": {"kind": lsgan, "target": 0}})
    assert problem(small).endswith("objective.target is 0: use a number above 0 and at most 100")


def test_the_example_trains_as_a_file_of_the_library(tiny, tmp_path):
    scripts = tmp_path / "workflow" / "scripts"
    shutil.copytree("workflow/scripts", scripts, ignore=shutil.ignore_patterns("__pycache__"))
    for path, code in files_of_page(PAGE).items():
        (tmp_path / path).write_text(code)
    settings = SETTINGS | {
        "objective": {"kind": "lsgan", "target": 1.0},
        "limits": {"steps": 20, "samples": None},
    }
    arguments = tiny.command(tmp_path / "run", settings)
    subprocess.run([sys.executable, scripts / "train_gan.py", *arguments], check=True)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["settings"]["objective"] == settings["objective"]
    assert [each["status"] for each in record["results"]] == ["step-limit"] * 3


def test_a_penalty_of_ones_own_is_added_with_its_weight_and_drawn_for(monkeypatch):
    """On top of the loss of the discriminator alone; it gets images, and weights in [0, 1)."""
    seen = []

    def penalty(critic, real, fake, mix):
        seen.append((critic(real).shape, real.shape, fake.shape, mix))
        return torch.full((mix.shape[1],), 0.25)

    def entry(weight):
        return ObjectiveKind(
            description="Mine",
            build=lambda settings: Objective(
                bce.discriminator, bce.generator, penalty, penalty_weight=weight
            ),
        )

    losses = []
    for weight in (0.0, 8.0):
        monkeypatch.setitem(OBJECTIVES, "mine", entry(weight))
        settings = SETTINGS | {"objective": {"kind": "mine"}}
        pair, draws = start(settings, seeds=(0, 1))
        losses.append(update(pair, draws.at(0)))
    without, added = losses
    torch.testing.assert_close(added.discriminator, without.discriminator + 2.0)
    torch.testing.assert_close(added.generator, without.generator)
    ((logits, real, fake, mix),) = seen
    assert (logits, real, fake) == ((4, 2), (4, 2, 16, 16), (4, 2, 16, 16))
    assert mix.shape == (4, 2)
    assert ((mix >= 0) & (mix < 1)).all()


def test_objectives_that_need_second_derivatives_are_not_compiled(monkeypatch):
    for second, refused in ((True, True), (False, False)):
        kind = ObjectiveKind(description="Mine", build=print, second_derivatives=second)
        monkeypatch.setitem(OBJECTIVES, "mine", kind)
        schema.cache_clear()
        config = changed(
            minimal(),
            {
                f"{X}/objective": {"kind": "mine"},
                "experiments/wgan-mnist/objective": {"kind": "bce"},
                "compute": {"compile": True},
            },
        )
        if refused:
            assert "the gradient penalty of dcgan-fashion needs second derivatives" in problem(
                config
            )
        else:
            assert load(config).compute.compile
    schema.cache_clear()


def test_the_check_of_an_entry_is_a_line_that_names_its_key(monkeypatch):
    def check(settings):
        yield "kind", "is mine: use another one"

    kind = ObjectiveKind(description="Mine", build=print, check=check)
    monkeypatch.setitem(OBJECTIVES, "mine", kind)
    schema.cache_clear()
    wrong = changed(minimal(), {f"{X}/objective": {"kind": "mine"}})
    assert problem(wrong) == (
        "config: experiments.dcgan-fashion.objective.kind is mine: use another one"
    )
    schema.cache_clear()


def test_objectives_are_listed_without_torch():
    code = "import sys, critical_batch.objectives as o;"
    code += "list(o.OBJECTIVES); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd="workflow/scripts")

"""Every kind of network keeps its replicas apart; a new one is an entry, as the page says."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from config_examples import REMOVED, W, X, changed, minimal, problem
from conftest import SETTINGS, job_of
from critical_batch.configuration import load, schema
from critical_batch.data.shape import ImageShape
from critical_batch.networks.build import build, parameter_count
from critical_batch.networks.kinds import (
    ARCHITECTURES,
    LatentSettings,
    NetworkKind,
    largest_map,
    networks_of,
)
from critical_batch.registries.settings import NoSettings, required, setting
from critical_batch.runtime.errors import UserError
from critical_batch.training.memory import ceiling_bytes, training_bytes
from critical_batch.training.seed_groups import together_or_apart
from critical_batch.training.step import update
from page_files import modules_of_page
from test_step import BIGGAN, flat, start
from test_training import train_tiny

CPU = torch.device("cpu")
PAGE = Path("docs/own-networks.md").read_text()
EXAMPLES = {
    "dcgan": SETTINGS["networks"],
    "biggan": BIGGAN["networks"],
    "mlp": {"kind": "mlp", "latent": 5, "hidden": 12},
}


@pytest.fixture(autouse=True)
def mlp(tmp_path):
    """The networks of docs/own-networks.md, with the files that the page shows."""
    schema.cache_clear()
    with modules_of_page(PAGE, tmp_path):
        yield
    ARCHITECTURES.pop("mlp", None)
    schema.cache_clear()


def test_every_kind_is_tested_here():
    assert EXAMPLES.keys() == ARCHITECTURES.keys()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_shapes_and_independent_replicas(kind):
    settings, seeds = EXAMPLES[kind], (3, 4, 5)
    group = build(settings, ImageShape(16, 2, 3), seeds)
    alone = build(settings, ImageShape(16, 2, 3), seeds[1:2])
    latents, labels = torch.randn(6, 3 * settings["latent"]), torch.randint(3, (6, 3))
    images = group[0](latents, labels)
    assert (images.shape, images.abs().max() <= 1) == ((6, 3 * 2, 16, 16), True)
    logits = group[1](images, labels)
    assert logits.shape == (6, 3)
    own = latents.unflatten(1, (3, -1))[:, 1]
    own_images = alone[0](own, labels[:, 1:2])
    torch.testing.assert_close(images[:, 2:4], own_images, rtol=1e-4, atol=1e-5)
    own_logits = alone[1](own_images, labels[:, 1:2])
    torch.testing.assert_close(logits[:, 1:2], own_logits, rtol=1e-4, atol=1e-4)
    for one, many in zip(alone, group, strict=True):
        assert all(p.shape[0] == 3 for p in [*many.parameters(), *many.buffers()])
        assert parameter_count(one) == parameter_count(many) > 0


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize("objective", ["bce", "wasserstein_gp"])
def test_a_group_trains_and_shrinks_like_each_seed_alone(kind, objective):
    changes = {"networks": EXAMPLES[kind], "objective": {"kind": objective}}
    settings = (BIGGAN if kind == "biggan" else SETTINGS) | changes
    group, draws = start(settings, seeds=(0, 1))
    alone, own = start(settings, seeds=(1,))
    before = flat(alone.generator).clone()
    for step in range(3):
        update(group, draws.at(step))
    group.keep([1])
    for step in range(6):
        update(alone, own.at(step))
    for step in range(3, 6):
        update(group, own.at(step))
    assert not torch.equal(flat(alone.generator), before)
    latents, labels = own.latents(50)
    images = [pair.generator(latents, labels) for pair in (group, alone)]
    torch.testing.assert_close(*images, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_kind_is_grouped_and_its_memory_estimated(kind):
    job = job_of((BIGGAN if kind == "biggan" else SETTINGS) | {"networks": EXAMPLES[kind]})
    assert together_or_apart([0, 1], job, 16, CPU) == [[0, 1]]
    counted = training_bytes(job, ImageShape(16, 1, 3), CPU)
    assert counted > 0
    ceiling = ceiling_bytes(job, ImageShape(16, 1, 3))
    assert (ceiling is None) == (kind == "mlp")  # its entry does not say
    assert ceiling is None or ceiling >= counted


def test_networks_that_look_at_their_data_train_without_an_estimate(tiny, tmp_path, monkeypatch):
    """On the meta device there are no data to look at."""
    from critical_batch.networks import dcgan

    class Curious(dcgan.Generator):
        def forward(self, latents, labels=None):
            assert latents.abs().max().item() < 100
            return super().forward(latents, labels)

    monkeypatch.setattr(dcgan, "Generator", Curious)
    kind = replace(ARCHITECTURES["dcgan"], largest_map=None)
    monkeypatch.setitem(ARCHITECTURES, "dcgan", kind)
    said = []
    settings = SETTINGS | {"limits": {"steps": 4, "samples": None}, "seeds": [0]}
    progress = train_tiny(tiny, tmp_path, settings, log_line=said.append)
    assert progress.results[0].status == "step-limit"
    line = "memory is not estimated, the networks do not run without data ("
    assert [words.startswith(line) for words in said].count(True) == 1


@pytest.mark.parametrize("name", ["share", "limits", "grid"])
def test_a_kind_may_have_the_name_of_anything_else_in_the_schema(name, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, name, NetworkKind(description="Mine", build=print))
    schema.cache_clear()
    networks = {"kind": name, "latent": 64}
    config = load(changed(minimal(), {f"{X}/networks": networks, W: REMOVED}))
    assert config.experiments["dcgan-fashion"].networks.to_json() == networks
    wrong = changed(minimal(), {f"{X}/networks": networks | {"width": 3}, W: REMOVED})
    assert f"networks.width is not a known key of kind {name}" in problem(wrong)


def test_the_example_is_checked_like_the_built_in_kinds():
    networks = {"kind": "mlp", "latent": 64}
    config = load(changed(minimal(), {f"{X}/networks": networks, W: REMOVED}))
    assert config.experiments["dcgan-fashion"].networks.to_json() == {**networks, "hidden": 128}
    wrong = {f"{X}/networks": {**networks, "hiden": 3}, W: REMOVED}
    assert problem(changed(minimal(), wrong)) == (
        "config: experiments.dcgan-fashion.networks.hiden is not a known key of kind mlp: "
        "did you mean hidden?"
    )
    small = {f"{X}/networks": {**networks, "hidden": 0}, W: REMOVED}
    assert problem(changed(minimal(), small)).endswith("use a whole number of at least 1")


def test_a_ratio_is_shared_only_between_equal_generators():
    networks = {"kind": "mlp", "latent": 64, "hidden": 8}
    same = {f"{X}/networks": networks, f"{W}/networks": networks}
    assert load(changed(minimal(), same)).runs()
    other = changed(minimal(), same | {f"{W}/networks": {**networks, "hidden": 9}})
    assert "whose generator differs (hidden 8, here 9)" in problem(other)
    mixed = changed(minimal(), {f"{X}/networks": networks})
    assert "whose generator differs (kind mlp, here dcgan)" in problem(mixed)


def test_entry_of_the_built_in_kinds():
    """What the configuration's checks, the ratio and the data ask of them."""
    assert list(ARCHITECTURES)[:2] == ["dcgan", "biggan"]  # as messages list them
    for kind, labels in (("dcgan", False), ("biggan", True)):
        entry = ARCHITECTURES[kind]
        assert required(entry.settings) == ["latent", "generator_width", "discriminator_width"]
        assert entry.generator == ("generator_width",)
        assert (entry.needs_labels, entry.replicas) == (labels, True)
    settings = networks_of(EXAMPLES["dcgan"]).settings
    assert list(ARCHITECTURES["dcgan"].check(settings, ImageShape(16, 1, 10))) == []


@pytest.mark.parametrize(
    ("keys", "image_size", "problems"),
    [
        ({"latent": 9}, 16, {}),
        ({"latent": 7}, 16, {"latent": "is 7, not 3 equal pieces .* at 16 pixels: use 9"}),
        ({"latent": 9}, 64, {"latent": "is 9, not 5 equal pieces .* at 64 pixels: use 10"}),
        ({"latent": 9, "attention": 8}, 16, {}),
        ({"latent": 9, "attention": 16}, 16, {"attention": "use a side below image_size, 16, or"}),
        (
            {"latent": 9, "attention": 8, "generator_width": 7, "discriminator_width": 4},
            16,
            {
                "generator_width": "is 7: use at least 8, or attention: null",
                "discriminator_width": "is 4: use at least 8, or attention: null",
            },
        ),
        ({"latent": 9, "generator_width": 7}, 16, {}),
    ],
)
def test_what_biggan_asks_of_its_settings(keys, image_size, problems):
    entry = ARCHITECTURES["biggan"]
    settings = entry.settings(**{"generator_width": 8, "discriminator_width": 8} | keys)
    found = dict(entry.check(settings, ImageShape(image_size, 3, 2)))
    assert found.keys() == problems.keys()
    for key, message in problems.items():
        assert re.search(message, found[key])


def test_an_entry_needs_no_more_than_a_description_and_its_networks():
    entry = NetworkKind(description="Mine", build=print)
    assert required(entry.settings) == ["latent"]
    assert (entry.generator, entry.needs_labels, entry.largest_map) == ((), False, None)
    assert entry.replicas
    assert list(entry.check(entry.settings(latent=3), ImageShape(8, 1, 2))) == []


def test_settings_of_networks_may_not_be_called_kind():
    @dataclass(frozen=True, kw_only=True)
    class Settings(LatentSettings):
        kind: str = setting("Which", default="a")

    with pytest.raises(TypeError, match="Settings has the field kind: call it otherwise"):
        NetworkKind(description="Mine", build=print, settings=Settings)


def test_networks_without_a_latent_are_an_error_of_their_author():
    with pytest.raises(TypeError, match="NoSettings has no field latent: add it"):
        NetworkKind(description="Mine", build=print, settings=NoSettings)


@pytest.mark.parametrize("kind", ["dcgan", "biggan"])
def test_the_largest_map_is_the_wider_network_s_at_the_image_s_size(kind):
    for widths, image_size, numbers in (
        ((3, 5), 8, 320),
        ((5, 3), 8, 320),
        ((4, 4), 16, 1024),
        ((2, 1), 4, 32),
    ):
        generator, discriminator = widths
        networks = {
            "kind": kind,
            "latent": 4,
            "generator_width": generator,
            "discriminator_width": discriminator,
        }
        assert largest_map(networks, image_size) == numbers


def test_an_entry_may_leave_its_largest_map_unsaid(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "mine", NetworkKind(description="Mine", build=print))
    assert largest_map({"kind": "mine", "latent": 3}, 8) is None
    kind = NetworkKind(
        description="Mine",
        build=print,
        largest_map=lambda settings, size: settings.latent * 10 + size,
    )
    monkeypatch.setitem(ARCHITECTURES, "mine", kind)
    assert largest_map({"kind": "mine", "latent": 3}, 8) == 38


def test_settings_that_a_kind_has_not_are_one_line():
    with pytest.raises(UserError, match=r"^job: networks.width is not known: remove it$"):
        networks_of(EXAMPLES["dcgan"] | {"width": 3})
    with pytest.raises(UserError, match=r"^job: networks.latent is missing: add it$"):
        networks_of({"kind": "dcgan"})

"""A registry has an entry for every module of its folder, and imports those it is asked for."""

import importlib
import sys

import pytest
from critical_batch.data.kinds import DATASET_KINDS
from critical_batch.metrics.features.kinds import FEATURE_NETWORKS as FEATURES
from critical_batch.networks.kinds import ARCHITECTURES
from critical_batch.optimizers import OPTIMIZERS

FRUIT = {
    "__init__": (
        "from critical_batch.registries.registry import Registry\n"
        "FRUIT = Registry(__name__, 'COLOUR', str, first=('Pear', 'fig'))\n"
    ),
    "apple": "COLOUR = 'red'\n",
    "pear": "NAME, COLOUR = 'Pear', 'green'\n",
    "kiwi": "NAME, COLOUR = 'KIWI', 'brown'\n",
    "tools/__init__": "COLOUR = 'none'\n",
}


@pytest.fixture
def fruit(tmp_path, monkeypatch):
    """A registry of apple, Pear and KIWI."""
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in FRUIT.items():
        path = tmp_path / "fruit" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    yield importlib.import_module("fruit").FRUIT
    for name in [name for name in sys.modules if name.split(".")[0] == "fruit"]:
        del sys.modules[name]


def loaded():
    return {name.removeprefix("fruit.") for name in sys.modules if name.startswith("fruit.")}


def test_entries_are_the_modules_of_the_folder_in_the_stated_order(fruit):
    assert list(fruit.items()) == [("Pear", "green"), ("apple", "red"), ("KIWI", "brown")]
    assert len(fruit) == 3


def test_only_what_is_asked_for_is_imported(fruit):
    assert loaded() == set()
    assert fruit["Pear"] == "green"
    assert "KIWI" in fruit
    assert loaded() == {"pear", "kiwi"}


@pytest.mark.parametrize("name", ["pear", "kiwi", "Apple", "tools", "__init__", "melon", "", None])
def test_a_name_that_is_not_quite_that_of_an_entry_is_none(fruit, name):
    assert name not in fruit
    with pytest.raises(KeyError):
        fruit[name]


def test_entries_without_a_file_take_their_place_and_go(fruit):
    fruit["banana"] = "yellow"
    fruit["fig"] = "violet"
    fruit["Pear"] = "yellow"
    assert list(fruit) == ["Pear", "fig", "apple", "banana", "KIWI"]
    assert fruit["Pear"] == "yellow"
    del fruit["banana"]
    assert "banana" not in fruit


def test_a_file_of_another_name_than_its_entry_s_is_named(fruit, tmp_path):
    (tmp_path / "fruit/prune.py").write_text("NAME, COLOUR = 'Plum', 'blue'\n")
    importlib.invalidate_caches()
    with pytest.raises(ImportError, match=r"prune.py has the NAME Plum: call it plum.py"):
        list(fruit)


def test_the_registries_of_the_library():
    assert list(OPTIMIZERS) == ["Adam", "AdaBelief", "RMSProp", "AMSGrad"]
    assert list(ARCHITECTURES) == ["dcgan", "biggan"]
    assert list(FEATURES) == ["classifier", "inception"]
    kinds = ["celeba", "fashion_mnist", "image_folder", "imagenet", "lsun", "mnist"]
    assert list(DATASET_KINDS) == kinds

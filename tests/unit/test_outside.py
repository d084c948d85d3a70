"""Entries that installed packages bring to a registry by entry points."""

import importlib
import sys

import pytest
from critical_batch.registries import outside
from critical_batch.registries.code_digest import code_digest, imported_files
from critical_batch.registries.registry import MissingEntryError
from critical_batch.runtime.errors import UserError
from installed import install

REGISTRY = (
    "from critical_batch.registries.registry import Registry\n"
    "FRUIT = Registry(__name__, 'COLOUR', str, first=('pear',))\n"
)
OWN = {"fruit/__init__.py": REGISTRY, "fruit/pear.py": "COLOUR = 'green'\n"}
BASKET = {"basket/__init__.py": "", "basket/tropical.py": "MANGO, FIVE = 'orange', 5\n"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages, with a registry of fruit."""
    monkeypatch.syspath_prepend(tmp_path)
    outside.brought.cache_clear()
    for path, source in OWN.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(source)
    yield tmp_path
    outside.brought.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] in ("fruit", "basket", "lab")]:
        del sys.modules[name]


def fruit():
    return importlib.import_module("fruit").FRUIT


def test_an_installed_package_brings_an_entry(site):
    install(site, "basket", BASKET, {"fruit": {"mango": "basket.tropical:MANGO"}})
    assert list(fruit()) == ["pear", "mango"]
    assert list(fruit().builtin()) == ["pear"]
    assert "mango" in fruit()
    assert "basket" not in sys.modules  # a name alone imports nothing
    assert fruit()["mango"] == "orange"
    assert list(fruit().builtin()) == ["pear"]
    assert dict(fruit()) == {"pear": "green", "mango": "orange"}


def test_groups_are_called_after_what_they_hold():
    assert outside.group_of("networks.kinds") == "critical_batch.networks"
    assert outside.group_of("data.kinds") == "critical_batch.datasets"


def test_a_missing_entry_is_named_with_the_remedy(site):
    with pytest.raises(MissingEntryError) as error:
        fruit()["mango"]
    assert str(error.value) == (
        "critical_batch.fruit has no entry 'mango', only pear: correct the name, or install the "
        "package that brings it where this runs (docs/extending.md)"
    )
    assert isinstance(error.value, UserError)
    assert "mango" not in fruit()
    assert fruit().get("mango") is None


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "basket.tropical:FIVE",
            "but basket.tropical:FIVE is a int: make it a str (docs/extending.md)",
        ),
        (
            "basket.tropical:KIWI",
            "but basket.tropical:KIWI cannot be loaded (AttributeError: module 'basket.tropical' "
            "has no attribute 'KIWI'): mend it",
        ),
        (
            "basket.winter:APPLE",
            "but basket.winter:APPLE cannot be loaded (ModuleNotFoundError: No module named "
            "'basket.winter'): mend it",
        ),
        ("basket.rotten:APPLE", "but basket.rotten:APPLE cannot be loaded (ZeroDivisionError: "),
    ],
)
def test_an_entry_that_cannot_be_used_is_one_line(site, target, message):
    modules = {**BASKET, "basket/rotten.py": "1 / 0\n"}
    install(site, "basket", modules, {"fruit": {"odd": target}})
    assert list(fruit()) == ["pear", "odd"]  # who uses another entry does not meet it
    assert fruit()["pear"] == "green"
    with pytest.raises(UserError) as error:
        fruit()["odd"]
    start = "the package basket 1.0 brings odd to critical_batch.fruit, "
    assert str(error.value).startswith(start + message)
    assert "\n" not in str(error.value)


def test_a_name_that_two_packages_bring_is_one_line(site):
    install(site, "basket", BASKET, {"fruit": {"mango": "basket.tropical:MANGO"}})
    install(site, "lab", {"lab.py": "M = 'red'\n"}, {"fruit": {"Mango": "lab:M"}})
    with pytest.raises(UserError) as error:
        list(fruit())
    assert str(error.value) == (
        "the package basket 1.0 and the package lab 1.0 both bring Mango to critical_batch.fruit: "
        "uninstall one of them"
    )


def test_a_package_that_is_found_twice_is_one(site, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    for folder in (site, other):
        install(folder, "basket", BASKET, {"fruit": {"mango": "basket.tropical:MANGO"}})
    # A second metadata folder, as a package has that is installed for development as well.
    install(other, "basket2", {}, {"fruit": {"mango": "basket.tropical:MANGO"}})
    monkeypatch.syspath_prepend(other)
    assert list(fruit()) == ["pear", "mango"]


def test_a_name_that_is_taken_here_is_one_line(site):
    install(site, "basket", BASKET, {"fruit": {"Pear": "basket.tropical:MANGO"}})
    with pytest.raises(UserError) as error:
        list(fruit())
    assert str(error.value) == (
        "the package basket 1.0 brings Pear to critical_batch.fruit, which has an entry of that "
        "name: give it another one"
    )


@pytest.mark.parametrize("name", ["../up", "a b", ".hidden", "x" * 65])
def test_a_name_that_cannot_be_a_path_is_refused(site, name):
    install(site, "basket", BASKET, {"fruit": {name: "basket.tropical:MANGO"}})
    with pytest.raises(UserError, match="use letters, digits, - and _"):
        list(fruit())


SCRIPT = {
    "work/run.py": "from critical_batch.optimizers import OPTIMIZERS\n",
    "work/critical_batch/__init__.py": "",
    "work/critical_batch/registries/registry.py": "",
    "work/critical_batch/optimizers/__init__.py": "from ..registries.registry import Registry\n",
    "work/critical_batch/optimizers/adam.py": "OPTIMIZER = 1\n",
}
LION = {"optimizers": {"Lion": "basket.tropical:MANGO"}}


def digest(site, **uses):
    for path, source in SCRIPT.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(source)
    outside.brought.cache_clear()
    return code_digest(site / "work/run.py", uses or None)


def test_the_code_of_a_package_belongs_to_the_jobs_that_use_its_entry(site):
    alone = digest(site)
    install(site, "basket", BASKET, LION)
    adam, lion = digest(site, optimizers={"Adam"}), digest(site, optimizers={"Lion"})
    assert adam == alone  # all entries were Adam alone
    assert len({adam, lion, digest(site)}) == 3
    (site / "basket/tropical.py").write_text("# a comment\n" + BASKET["basket/tropical.py"])
    assert digest(site, optimizers={"Lion"}) == lion
    (site / "basket/helper.py").write_text("X = 1\n")
    assert digest(site, optimizers={"Lion"}) != lion
    assert digest(site, optimizers={"Adam"}) == adam


def test_packages_of_entries_have_names_and_versions(site):
    install(site, "basket", BASKET, LION)
    uses = {"optimizers": {"Lion", "Adam"}, "networks.kinds": {"dcgan"}}
    assert outside.versions_of(uses) == {"basket": "1.0"}
    assert outside.versions_of({"optimizers": {"Adam"}}) == {}


def test_all_files_of_a_package_count_and_caches_do_not(site):
    install(site, "basket", {**BASKET, "basket/data/table.bin": "1"}, LION)
    (site / "basket/__pycache__").mkdir()
    (site / "basket/__pycache__/tropical.pyc").write_text("x")
    first = digest(site, optimizers={"Lion"})
    listed = imported_files(site / "work/run.py", uses={"optimizers": {"Lion"}})
    assert [path.removeprefix(f"{site}/") for path in listed][-3:] == [
        "basket/__init__.py",
        "basket/data/table.bin",
        "basket/tropical.py",
    ]
    (site / "basket/data/table.bin").write_text("2")
    assert digest(site, optimizers={"Lion"}) != first


def test_what_a_package_takes_from_the_library_counts_with_it(site):
    install(
        site, "basket", {**BASKET, "basket/rest.py": "from critical_batch.plain import x\n"}, LION
    )
    first = digest(site, optimizers={"Lion"}), digest(site, optimizers={"Adam"})
    (site / "work/critical_batch/plain.py").write_text("x = 1\n")
    assert digest(site, optimizers={"Lion"}) != first[0]
    assert digest(site, optimizers={"Adam"}) == first[1]
    listed = imported_files(site / "work/run.py", uses={"optimizers": {"Lion"}})
    assert str(site / "work/critical_batch/plain.py") in listed


@pytest.mark.parametrize("content", ["print 1\n", "x = '\0'\n", "# \udce9\n"])
def test_a_module_of_a_package_that_cannot_be_read_counts_by_its_bytes(site, content):
    install(site, "basket", BASKET, LION)
    odd = site / "basket/odd.py"
    odd.write_bytes(content.encode(errors="surrogateescape"))
    first = digest(site, optimizers={"Lion"})
    odd.write_bytes(content.encode(errors="surrogateescape") + b"# more\n")
    assert digest(site, optimizers={"Lion"}) != first


@pytest.mark.parametrize(
    ("modules", "target", "files"),
    [
        ({"lab.py": "M = 1\n"}, "lab:M", {"lab.py"}),
        ({"lab/gan/__init__.py": "", "lab/gan/m.py": ""}, "lab.gan.m:M", {"__init__.py", "m.py"}),
        ({"lab/m.py": "M = 1\n", "lab/other.py": ""}, "lab.m:M", {"m.py"}),
    ],
    ids=["a module", "a package in a namespace", "a module in a namespace"],
)
def test_what_belongs_to_the_package_of_an_entry(site, modules, target, files):
    install(site, "lab", modules, {"fruit": {"mango": target}})
    (point,) = outside.brought("critical_batch.fruit").values()
    assert set(outside.files_of(point)) == files


def test_a_package_whose_files_are_gone_is_one_line(site):
    install(site, "basket", {}, {"fruit": {"mango": "basket.tropical:MANGO"}})
    (point,) = outside.brought("critical_batch.fruit").values()
    with pytest.raises(UserError) as error:
        outside.files_of(point)
    assert str(error.value) == (
        "the package basket 1.0 brings mango to critical_batch.fruit, but there is no module "
        "basket: install it again"
    )

"""The package that docs/extending.md shows is that of tests/tiny_package, which the workflow's
tests install and train."""

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from critical_batch.data.kinds import DATASET_KINDS
from critical_batch.registries.outside import GROUPS
from critical_batch.registries.registry import Registry
from page_files import package_of_page

PAGE = Path("docs/extending.md").read_text()
PACKAGE = Path("tests/tiny_package")
POINTS = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]["entry-points"]
FOLDERS = {group: folder for folder, group in GROUPS.items()}


@pytest.fixture
def entries(monkeypatch):
    """The module with the package's entries."""
    monkeypatch.syspath_prepend(PACKAGE.resolve())
    yield importlib.import_module("tiny_gan.entries")
    for name in [name for name in sys.modules if name.partition(".")[0] == "tiny_gan"]:
        del sys.modules[name]


def test_the_page_shows_the_whole_package():
    shown = package_of_page(PAGE)
    files = {
        str(path.relative_to(PACKAGE)): path.read_text()
        for path in PACKAGE.rglob("*")
        if path.suffix in (".py", ".toml")
    }
    assert "import" not in files.pop("tiny_gan/__init__.py")
    assert shown == files


def test_the_page_lists_every_registry():
    library = Path("workflow/scripts/critical_batch")
    for path in library.rglob("__init__.py"):
        if re.search(r"= Registry\(", path.read_text()):
            folder = path.parent.relative_to(library)
            group = GROUPS[".".join(folder.parts)]
            assert f"| `{folder}/`" in PAGE
            assert f"| `critical_batch.{group}` |" in PAGE


def test_entries_fit_their_registries(entries):
    for group, names in POINTS.items():
        module = importlib.import_module(
            f"critical_batch.{FOLDERS[group.removeprefix('critical_batch.')]}"
        )
        (registry,) = (each for each in vars(module).values() if isinstance(each, Registry))
        for target in names.values():
            entry = getattr(entries, target.partition(":")[2])
            assert isinstance(entry, registry._kind)


def test_a_check_of_a_configuration_needs_no_torch(entries):
    program = "import sys; import tiny_gan.entries; sys.exit('torch' in sys.modules)"
    paths = f"workflow/scripts:{PACKAGE}"
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {paths.split(':')}; {program}"]
    subprocess.run(command, check=True)


def test_discs_and_squares(entries):
    source = entries.DATASET.read(entries.ImageSettings(image_size=16, count=20), "datasets.x")
    assert source.shape == (16, 16, 1)
    assert [item.label for item in source.items()] == [0, 1] * 10
    with source.decoder() as decode:
        images = [decode(item.where) for item in source.items()]
    assert {each.shape for each in images} == {(16, 16, 1)}
    assert {each[0, 0, 0] for each in images} == {0}
    assert {each[8, 8, 0] for each in images} == {255}
    assert "shapes" not in DATASET_KINDS  # it is not installed here


def test_sign_sgd_by_hand(entries):
    weight = torch.nn.Parameter(torch.tensor([1.0, 1.0, 1.0]))
    settings = entries.OptimizerSettings(beta=0.5)
    optimizer = entries.OPTIMIZER.build([weight], 0.125, settings)
    weight.grad = torch.tensor([2.0, -3.0, 0.0])
    optimizer.step()
    assert weight.tolist() == [0.875, 1.125, 1.0]
    weight.grad = torch.tensor([-1.0, 9.0, 0.0])  # the means are now 0, 3.75 and 0
    optimizer.step()
    assert weight.tolist() == [0.875, 1.0, 1.0]

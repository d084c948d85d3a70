"""Code declared as input: what a script imports, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest
from ttur.code import imported_files

SCRIPTS = sorted(Path("workflow/scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_loaded_module_is_declared(script):
    """The modules that a fresh interpreter loads for the script are among the declared ones."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); __import__(sys.argv[2]);"
        "print('\\n'.join(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'ttur'))"
    )
    command = [sys.executable, "-c", program, str(script.parent), script.stem]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loaded = {Path(line).resolve() for line in output.split()}
    declared = {Path(path).resolve() for path in imported_files(script)}
    assert loaded <= declared


def test_follows_relative_and_lazy_imports(tmp_path):
    package = tmp_path / "ttur"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "sub" / "__init__.py").write_text("from . import inner\n")
    (package / "sub" / "inner.py").write_text("def f():\n    from ..lazy import x\n")
    (package / "lazy.py").write_text("x = 1\n")
    (package / "unused.py").write_text("")
    (tmp_path / "script.py").write_text("from ttur.sub import inner\n")
    names = {str(Path(p).relative_to(package)) for p in imported_files(tmp_path / "script.py")}
    assert names == {"__init__.py", "sub/__init__.py", "sub/inner.py", "lazy.py"}


def test_figures_do_not_depend_on_training_nor_training_on_figures():
    training = " ".join(imported_files("workflow/scripts/train_gan.py"))
    assert "figures" not in training
    assert "theory" not in training
    assert "image_folder" not in training
    figures = " ".join(imported_files("workflow/scripts/plot_curves.py"))
    assert "training" not in figures
    assert "networks" not in figures

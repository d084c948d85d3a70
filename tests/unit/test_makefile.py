"""Which Python makes the environment, what `make` does with one that is there, and `make test`."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
CHOOSE = ROOT / "envs/choose-python"
REMEDY = "install one of Python 3.13 3.12 3.11, or name one: make PYTHON=/path/to/python3.13"
ASKED = "import sys; print"  # how choose-python begins to ask


def interpreter(version: str, whole: bool = True) -> str:
    """A stand-in: tells its version and whether it has venv; makes environments with a pip."""
    return f"""#!/bin/sh
case "$*" in
  *"/pip --version") echo pip 26 ;;
  -V) echo "Python {version}.1" ;;
  "-c {ASKED}"*) echo {version}; {"echo whole" if whole else ""} ;;
  "-m venv --clear "*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python"
    echo "#!$4/bin/python" > "$4/bin/pip"; chmod +x "$4/bin/pip" ;;
esac
"""


REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "constraints.txt")
SHIM = "#!/bin/sh\necho 'pyenv: command not found' >&2; exit 127\n"


@pytest.fixture
def machine(tmp_path):
    """A function that puts programs on a PATH where there is no other Python; returns the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for command in ("sh", "tr", "cp", "mkdir", "chmod", "touch", "make"):
        (folder / command).symlink_to(shutil.which(command))

    def put(programs: dict[str, str]) -> Path:
        for name, text in programs.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        return folder

    return put


def choose(path, *words):
    environment = {"PATH": str(path), "HOME": str(path)}
    return subprocess.run([CHOOSE, *words], env=environment, capture_output=True, text=True)


def chosen(path, *words):
    result = choose(path, *words)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.split()


def refused(path, *words):
    result = choose(path, *words)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").strip()


def test_the_newest_supported_python_is_taken(machine):
    programs = {f"python3.{minor}": interpreter(f"3.{minor}") for minor in (10, 11, 12, 14)}
    assert chosen(machine(programs | {"python3": interpreter("3.14")})) == ["python3.12"]
    assert chosen(machine({"python3.13": interpreter("3.13")})) == ["python3.13"]


def test_a_python_that_does_not_run_or_cannot_make_environments_is_passed_over(machine):
    programs = {"python3.13": SHIM, "python3.12": interpreter("3.12", whole=False)}
    assert chosen(machine(programs | {"python3.11": interpreter("3.11")})) == ["python3.11"]


def test_an_unversioned_python_will_do(machine):
    assert chosen(machine({"python3": interpreter("3.12")})) == ["python3"]


def test_no_supported_python_is_one_line(machine):
    assert refused(machine({})) == f"no supported Python on PATH: {REMEDY}"
    for version in ("3.14", "3.10"):
        path = machine({"python3": interpreter(version)})
        assert (
            refused(path) == f"no supported Python on PATH; python3 is Python {version}: {REMEDY}"
        )


def test_debian_without_its_venv_package_is_one_line(machine):
    path = machine({"python3.13": interpreter("3.13", whole=False)})
    assert refused(path) == (
        "python3.13 is Python 3.13 without venv: "
        "install it (Debian, Ubuntu: apt install python3.13-venv)"
    )


def test_a_named_python_is_taken_or_refused(machine):
    named = {f"my {minor}": interpreter(f"3.{minor}") for minor in (10, 11, 14)}
    path = machine({"python3.13": interpreter("3.13"), "shim": SHIM, **named})
    assert choose(path, f"{path}/my 11").stdout == f"{path}/my 11\n"
    assert refused(path, "my 10") == f"PYTHON=my 10 is Python 3.10: {REMEDY}"
    assert refused(path, "my 14") == f"PYTHON=my 14 is Python 3.14: {REMEDY}"
    assert refused(path, "shim") == f"PYTHON=shim does not run: {REMEDY}"
    assert refused(path, "nosuch") == f"PYTHON=nosuch does not run: {REMEDY}"


def test_all_of_the_machine_are_one_of_each_version(machine):
    path = machine({"python3.13": SHIM, "python3.12": interpreter("3.12")})
    for version in ("3.13.0", "3.12.1", "3.10.2"):
        folder = path / f".pyenv/versions/{version}/bin"
        folder.mkdir(parents=True)
        (folder / "python").write_text(interpreter(version.rpartition(".")[0]))
        (folder / "python").chmod(0o755)
    expected = [f"{path}/.pyenv/versions/3.13.0/bin/python", f"{path}/python3.12"]
    assert chosen(path, "--all") == expected


def test_every_place_names_the_same_versions():
    text = (ROOT / "pyproject.toml").read_text()
    supported = SpecifierSet(tomllib.loads(text)["project"]["requires-python"])
    names = re.search(r'^supported="(.*)"$', CHOOSE.read_text(), re.MULTILINE)[1].split()
    assert names == [f"3.{minor}" for minor in range(30, 0, -1) if f"3.{minor}" in supported]
    for page in ("README.md", "docs/environments.md"):
        assert f"Python {names[-1]} to {names[0]}" in (ROOT / page).read_text()


# ------------------------------------------------------------------------------------ with make


needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make")


@pytest.fixture
def checkout(tmp_path, machine):
    """What make reads, and a PATH on which Python 3.13 and 3.12 are stand-ins."""
    root = tmp_path / "checkout"
    (root / "envs").mkdir(parents=True)
    for name in ("Makefile", "envs/choose-python", *REQUIREMENTS):
        shutil.copy(ROOT / name, root / name)
    path = machine({f"python3.{minor}": interpreter(f"3.{minor}") for minor in (12, 13)})

    def make(*words):
        environment = {"PATH": str(path), "HOME": str(path)}
        command = [shutil.which("make"), *(words or ["setup"])]
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)

    return root, path, make


def python_of(root):
    return re.search(r'"Python (3\.\d+)', (root / ".venv/bin/python").read_text())[1]


@needs_make
def test_make_sets_up_with_the_newest_or_with_the_one_that_is_named(checkout):
    root, _, make = checkout
    result = make()
    assert result.returncode == 0, result.stderr
    assert "Python 3.13.1 goes into .venv" in result.stdout
    shutil.rmtree(root / ".venv")
    assert make("setup", "PYTHON=python3.12").returncode == 0
    assert python_of(root) == "3.12"


@needs_make
def test_make_keeps_an_environment_that_works(checkout):
    root, _, make = checkout
    assert make("setup", "PYTHON=python3.12").returncode == 0
    assert make().stdout == "make: Nothing to be done for 'setup'.\n"
    os.utime(root / "requirements.txt", (2**33, 2**33))  # another pin: pip works, not venv
    result = make()
    assert result.returncode == 0, result.stderr
    assert "goes into" not in result.stdout
    assert python_of(root) == "3.12"


@needs_make
def test_make_makes_anew_an_environment_that_was_moved_or_lost_its_python(checkout):
    root, _, make = checkout
    assert make("setup", "PYTHON=python3.12").returncode == 0
    (root / ".venv/bin/pip").write_text("#!/gone/bin/python\n")
    assert "Python 3.13.1 goes into .venv" in make().stdout
    assert python_of(root) == "3.13"


@needs_make
def test_make_without_a_python_ends_in_the_one_line(checkout):
    _, path, make = checkout
    for minor in (12, 13):
        (path / f"python3.{minor}").unlink()
    result = make()
    assert result.returncode == 2
    first, last = result.stderr.splitlines()
    assert first == f"error: no supported Python on PATH: {REMEDY}"
    assert last.startswith("make: *** ")


CHECKS = ("ruff", "snakefmt", "snakemake", "pytest")


@needs_make
@pytest.mark.parametrize("failing", [(), ("ruff",), ("snakemake", "pytest"), CHECKS])
def test_every_check_runs_whatever_failed_before_and_all_failures_are_named(checkout, failing):
    root, _, make = checkout
    assert make("setup-dev").returncode == 0
    for name in CHECKS:
        program = root / ".venv/bin" / name
        program.write_text(f"#!/bin/sh\necho {name} $* >> calls\nexit {int(name in failing)}\n")
        program.chmod(0o755)
    result = make("test")
    calls = (root / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["ruff", *CHECKS]
    assert "--continue-on-collection-errors" in calls[-1]
    parts = ["lint"] * bool({*failing} - {"pytest"}) + ["test-all"] * ("pytest" in failing)
    assert result.returncode == (2 if parts else 0), result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert errors == ([f"error: failed: {' '.join(parts)}"] if parts else [])

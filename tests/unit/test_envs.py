"""Declared software: pinned once, the same everywhere, and all of it used."""

import ast
import hashlib
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from critical_batch.registries.code_digest import imported_files
from critical_batch.reporting.figures import registry

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
RULE_FILES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
# Not imported here, but results or reports depend on their versions: who needs them.
NEEDED_BY = {"scipy": {"mlxtend", "pytorch-fid"}, "pygments": {"snakemake"}}
COMMANDS = {"ruff", "snakefmt"}
PLUGINS = {"pytest-xdist", "snakemake-executor-plugin-slurm"}
SUPPORTED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]


def normal(name):
    """The name of a package as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines):
    """`name==version` lines -> {name: version}; anything else fails the test."""
    found = {}
    for line in lines:
        text = line.split("#")[0].strip()
        if text:
            match = re.fullmatch(r"([\w.-]+)==([0-9][0-9a-z.+]*)", text)
            assert match, f"{line} is not pinned with =="
            assert normal(match[1]) not in found, f"{line} is there twice"
            found[normal(match[1])] = match[2]
    return found


def pins_of_file(name):
    return pins((ROOT / name).read_text().splitlines())


def pins_of_environment(path):
    return pins(yaml.safe_load(path.read_text())["dependencies"][-1]["pip"])


@cache
def packages_of_modules():
    return {
        module: {normal(package) for package in packages}
        for module, packages in packages_distributions().items()
    }


@cache
def imported_packages(path, lazily=True):
    """Packages that a file imports; lazily: also those it imports inside functions."""
    body = ast.parse(path.read_text()).body
    nodes = [node for part in body for node in (ast.walk(part) if lazily else [part])]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    modules = {name.split(".")[0] for name in names} - sys.stdlib_module_names
    return set().union(*(packages_of_modules().get(module, set()) for module in modules))


FIGURES = [module for job in registry.JOBS for module in registry.modules_of(job)]


def files_of(script, lazily=True):
    """A script and the library modules that it imports, also by a name that it is told."""
    told = FIGURES if script.stem.startswith("plot_") else []
    return [script, *map(Path, imported_files(script, lazily=lazily, also=told))]


def rules():
    """(environment file, script) of every rule that has them."""
    for file in RULE_FILES:
        text = file.read_text()
        for rule in re.split(r"^(?:rule|checkpoint) ", text, flags=re.MULTILINE)[1:]:
            environment = re.search(r'conda:\s+"([^"]+)"', rule)
            script = re.search(r'program\("(\w+\.py)"\)|WORKFLOW_SCRIPTS/(\w+\.py)', rule)
            if environment or script:
                path = ROOT / "workflow/scripts" / (script[1] or script[2])
                yield (file.parent / environment[1]).resolve(), path


RULES = sorted(set(rules()))


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_environments_pin_what_requirements_pin(path):
    environment = yaml.safe_load(path.read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    *conda, pip = environment["dependencies"]
    assert conda == [f"python{SUPPORTED}", "pip"]
    assert set(pip) == {"pip"}
    assert pins_of_environment(path)
    assert pins_of_environment(path).items() <= pins_of_file("requirements.txt").items()


@pytest.mark.parametrize("recipe", ["Dockerfile", "apptainer.def"])
def test_container_recipes_hold_the_environments_as_they_are(recipe):
    """Snakemake looks for an environment in a container under the digest of its file."""
    text = (ROOT / "containers" / recipe).read_text()
    contents = [path.read_bytes() for path in ENVIRONMENTS]
    assert hashlib.sha256(b"".join(contents)).hexdigest() in text
    copied = re.findall(r"^(?:COPY|   ) (envs/\S+) (/\S+)$", text, re.MULTILINE)
    assert copied == [
        (f"envs/{path.name}", f"/conda-envs/{hashlib.md5(content).hexdigest()}/environment.yaml")
        for path, content in zip(ENVIRONMENTS, contents, strict=True)
    ]
    for _, target in copied:
        assert f"conda env create --prefix {Path(target).parent} --file {target}" in text


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_constraints_hold_every_requirement(name):
    assert pins_of_file(name).items() <= pins_of_file("constraints.txt").items()


def test_rules_name_environments_and_scripts_that_exist():
    assert {environment for environment, _ in RULES} == set(ENVIRONMENTS)
    assert all(script.is_file() for _, script in RULES)


@pytest.mark.parametrize(
    ("environment", "script"), RULES, ids=[f"{env.stem}-{script.stem}" for env, script in RULES]
)
def test_an_environment_has_what_its_scripts_import(environment, script):
    files = files_of(script, lazily=False)
    wanted = set().union(*(imported_packages(file, lazily=False) for file in files))
    assert wanted <= pins_of_environment(environment).keys()


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_an_environment_has_nothing_that_its_scripts_do_not_use(path):
    scripts = [script for environment, script in RULES if environment == path]
    used = set().union(
        *(imported_packages(file) for script in scripts for file in files_of(script))
    )
    packages = pins_of_environment(path).keys()
    assert {p for p in packages - used if not NEEDED_BY.get(p, set()) & packages} == set()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_used(name):
    sources = [path for folder in ("workflow", "tests") for path in (ROOT / folder).rglob("*.py")]
    used = set().union(*map(imported_packages, sources))
    for path in [ROOT / "Snakefile", *RULE_FILES]:
        used |= set(re.findall(r"^from (\w+)", path.read_text(), re.MULTILINE))
    packages = pins_of_file(name).keys()
    unused = packages - used - COMMANDS - PLUGINS
    assert unused <= NEEDED_BY.keys()
    for package in unused:
        for user in NEEDED_BY[package] & packages:
            assert package in {normal(re.match(r"[\w.-]+", text)[0]) for text in requires(user)}
        assert NEEDED_BY[package] & packages


def test_commands_of_the_checks_are_called():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^PYTEST := pytest -n ", makefile, re.MULTILINE)
    for command in COMMANDS:
        assert re.search(rf"^\t{command} ", makefile, re.MULTILINE)

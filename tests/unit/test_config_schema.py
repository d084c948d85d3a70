"""The schema for editors and messages, made from the models and the registries."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import pytest
from config_examples import W, X, changed, minimal, problem, rates
from critical_batch.configuration import SCHEMA_FILE, load, schema
from critical_batch.optimizers import OPTIMIZERS, Optimizer
from critical_batch.registries.settings import setting
from jsonschema import Draft202012Validator


def test_the_file_for_editors_is_in_step():
    command = "PYTHONPATH=workflow/scripts python -m critical_batch.configuration"
    assert json.loads(SCHEMA_FILE.read_text()) == schema(builtin=True), f"write it anew: {command}"


def objects(schema):
    """Every part of a schema that lists properties, conditions of `if` left out."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for key, part in schema.items():
            if key != "if":
                yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_the_schema_is_valid_strict_and_described():
    Draft202012Validator.check_schema(schema())
    parts = list(objects(schema()))
    assert len(parts) > 20
    for part in parts:
        by_kind = set(part["properties"]) == {"kind"} and "allOf" in part
        assert by_kind or part["additionalProperties"] is False
        assert all(each["description"] for each in part["properties"].values())


@dataclass(frozen=True, kw_only=True)
class Momentum:
    momentum: float = setting("Of the velocity", default=0.9, at_least=0, below=1)


@pytest.fixture
def unbounded_optimizer(monkeypatch):
    """An optimizer for which the theory has no bound, as one entry of the registry."""
    entry = Optimizer(description="Plain", build=lambda *_: None, settings=Momentum)
    monkeypatch.setitem(OPTIMIZERS, "SGD", entry)
    schema.cache_clear()
    yield "SGD"
    schema.cache_clear()


def test_a_new_optimizer_is_one_entry_of_the_registry(unbounded_optimizer):
    config = load(changed(minimal(), {f"{X}/optimizers/SGD": rates()}))
    assert config.experiments["dcgan-fashion"].optimizers["SGD"].optimizer.settings == Momentum()
    message = problem(changed(minimal(), {f"{X}/optimizers/SGD": {**rates(), "momentum": "9e-1"}}))
    assert message.endswith("SGD.momentum is text: YAML reads 9e-1 as text, write 9.0e-1")


@dataclass(frozen=True, kw_only=True)
class Lookahead:
    nesterov: bool = setting("Whether it looks ahead", default=False)
    rule: Literal["mean", "last"] = setting("Which of them counts", default="mean")
    period: int | None = setting("Steps", default=None, at_least=1, always_written=False)


def late(settings):
    if settings.nesterov and settings.rule == "last":
        yield "nesterov", "is true: use rule: mean"


def test_hyper_parameters_of_any_type_are_checked_and_carried(monkeypatch):
    entry = Optimizer(description="Mine", build=print, settings=Lookahead, check=late)
    monkeypatch.setitem(OPTIMIZERS, "Mine", entry)
    schema.cache_clear()
    path = f"{X}/optimizers/Mine"

    def with_keys(**keys):
        return changed(minimal(), {path: rates() | keys})

    experiment = load(with_keys(nesterov=True)).experiments["dcgan-fashion"]
    settings = experiment.optimizers["Mine"]
    assert settings.optimizer.settings == Lookahead(nesterov=True, rule="mean")
    assert settings.rates_and_hyper()["hyper"] == {"nesterov": True, "rule": "mean"}
    where = "config: experiments.dcgan-fashion.optimizers.Mine"
    for keys, message in (
        ({"rule": "best"}, f"{where}.rule is 'best': use one of mean, last"),
        ({"rule": "last", "nesterov": True}, f"{where}.nesterov is true: use rule: mean"),
        ({"rule": "mean", "period": 0}, f"{where}.period is 0: use a whole number of at least 1"),
    ):
        assert problem(with_keys(**keys)) == message
    schema.cache_clear()


def test_hyper_parameters_have_defaults_and_names_of_their_own():
    @dataclass(frozen=True, kw_only=True)
    class Needed:
        rule: str = setting("Which of them counts")

    @dataclass(frozen=True, kw_only=True)
    class Taken:
        batch_sizes: int = setting("How many", default=1)

    with pytest.raises(TypeError, match=r"Needed.rule has no default: give it one"):
        Optimizer(description="Mine", build=print, settings=Needed)
    with pytest.raises(TypeError, match="Taken has the field batch_sizes: call it otherwise"):
        Optimizer(description="Mine", build=print, settings=Taken)


def test_no_ratio_from_an_optimizer_without_a_bound(unbounded_optimizer):
    message = problem(
        changed(minimal(), {f"{X}/optimizers/SGD": rates(), f"{W}/ratio/optimizer": "SGD"})
    )
    assert message == (
        "config: experiments.wgan-mnist.ratio.optimizer is SGD, for which the theory has no bound: "
        "use one of Adam, RMSProp"
    )


def test_the_configuration_needs_neither_torch_nor_snakemake():
    code = (
        "import sys, critical_batch.configuration;"
        "sys.exit(bool({'torch', 'snakemake'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd="workflow/scripts")

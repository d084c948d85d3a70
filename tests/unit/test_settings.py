"""Settings of a registry's entry: their JSON Schema, and the typed value an entry is given."""

from dataclasses import dataclass
from typing import Literal

import pytest
from critical_batch.registries.settings import NoSettings, json_schema, read, required, setting
from critical_batch.runtime.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Example:
    width: int = setting("Channels", at_least=1, at_most=4096)
    norm: Literal["batch", "none"] = setting("Normalisation", default="batch")
    attention: Literal[8, 16] | None = setting("Side of the maps", default=None)
    momentum: float = setting("Momentum", default=0.1, above=0, below=1)
    root: str = setting("Folder", default="a", pattern="^a", longest=9, always_written=False)


def test_schema_of_every_type():
    schema = json_schema(Example)
    assert list(schema) == ["width", "norm", "attention", "momentum", "root"]
    assert schema["width"] == {
        "type": "integer",
        "description": "Channels",
        "minimum": 1,
        "maximum": 4096,
    }
    assert schema["norm"] == {
        "enum": ["batch", "none"],
        "description": "Normalisation",
        "default": "batch",
    }
    assert schema["attention"]["type"] == ["integer", "null"]
    assert schema["attention"]["enum"] == [None, 8, 16]
    assert schema["attention"]["default"] is None
    assert schema["momentum"]["exclusiveMinimum"] == 0
    assert schema["momentum"]["exclusiveMaximum"] == 1
    assert schema["root"] == {
        "type": "string",
        "description": "Folder",
        "maxLength": 9,
        "pattern": "^a",
    }
    assert required(Example) == ["width"]
    assert json_schema(NoSettings) == {}


def test_values_are_read_into_the_class():
    assert read(Example, {"width": 3, "momentum": 0.5}, "networks") == Example(
        width=3, momentum=0.5
    )
    assert read(NoSettings, {}, "objective") == NoSettings()


def test_a_whole_number_becomes_the_float_that_is_wanted():
    value = read(Example, {"width": 3, "momentum": 1}, "networks").momentum
    assert value == 1
    assert isinstance(value, float)
    assert isinstance(read(Example, {"width": 3}, "networks").width, int)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "job: networks.width is missing: add it"),
        ({"width": 3, "depth": 1}, "job: networks.depth is not known: remove it"),
    ],
)
def test_other_keys_end_in_one_line(values, message):
    with pytest.raises(UserError) as error:
        read(Example, values, "job: networks")
    assert str(error.value) == message


@pytest.mark.parametrize("annotation", [list, dict, Literal["a", 1], bytes])
def test_a_type_that_no_configuration_has_is_refused(annotation):
    @dataclass(frozen=True)
    class Wrong:
        value: annotation = setting("A value")

    with pytest.raises(TypeError, match=r"Wrong\.value is of a type that settings cannot have"):
        json_schema(Wrong)


def test_a_field_without_description_is_refused():
    @dataclass(frozen=True)
    class Bare:
        value: int = 1

    with pytest.raises(TypeError, match=r"Bare\.value has no description"):
        json_schema(Bare)


def test_a_class_that_is_no_dataclass_is_refused():
    with pytest.raises(TypeError, match="is no dataclass"):
        json_schema(int)

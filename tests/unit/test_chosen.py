"""An entry and its settings, from JSON and back."""

from dataclasses import dataclass
from typing import Any

import pytest
from critical_batch.registries.chosen import check_fields, chosen, no_problems, with_settings
from critical_batch.registries.settings import NoSettings, setting
from critical_batch.runtime.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Settings:
    width: int = setting("Width")
    rate: float = setting("Rate", default=0.5)
    limit: int | None = setting("Limit", default=None, always_written=False)


@dataclass(frozen=True)
class Entry:
    settings: Any


REGISTRY = {"wide": Entry(Settings), "bare": Entry(NoSettings)}


def test_a_choice_has_the_entry_and_its_typed_settings():
    choice = chosen(REGISTRY, {"kind": "wide", "width": 3, "rate": 1}, "x")
    assert (choice.kind, choice.entry) == ("wide", REGISTRY["wide"])
    assert choice.settings == Settings(width=3, rate=1.0)
    assert type(choice.settings.rate) is float
    assert chosen(REGISTRY, {"kind": "bare"}, "x").settings == NoSettings()


def test_what_was_given_is_carried_in_the_order_of_the_fields():
    """A default that was not written is left out; null is a value like any other."""
    values = {"rate": 1, "kind": "wide", "width": 3}
    choice = chosen(REGISTRY, values, "x")
    assert list(choice.to_json().items()) == [("kind", "wide"), ("width", 3), ("rate", 1.0)]
    assert list(choice.values) == ["width", "rate"]
    assert chosen(REGISTRY, choice.to_json(), "x") == choice
    assert with_settings(REGISTRY, "wide", choice.values, "x") == choice
    assert chosen(REGISTRY, values | {"limit": None}, "x").values["limit"] is None


def test_what_an_entry_has_not_or_lacks_is_named_with_its_path():
    with pytest.raises(UserError, match=r"^job: networks.wdith is not known: remove it$"):
        chosen(REGISTRY, {"kind": "wide", "width": 3, "wdith": 3}, "job: networks")
    with pytest.raises(UserError, match=r"^job: networks.width is missing: add it$"):
        chosen(REGISTRY, {"kind": "wide"}, "job: networks")
    with pytest.raises(KeyError):
        chosen(REGISTRY, {"kind": "narrow"}, "job: networks")


def test_fields_that_a_configuration_needs_itself_are_refused():
    check_fields(Settings, "kind", "height")
    with pytest.raises(TypeError, match=r"^Settings has the field width: call it otherwise$"):
        check_fields(Settings, "kind", "width")


def test_no_check_finds_no_problem():
    assert list(no_problems(Settings(width=1), "shape")) == []

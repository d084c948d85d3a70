"""The kinds of data sets: each module of this folder is one entry of `KINDS`.

An entry has a function `read(settings) -> Source`, where `settings` is the data set's entry of the
configuration plus its `name`.
"""

from collections.abc import Callable

from ...registry import Registry
from ..source import Source

KINDS: Registry[Callable[[dict], Source]] = Registry(__name__, "read", Callable)
"""Kind of data set -> its reader."""

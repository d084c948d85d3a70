"""The kinds of data sets.

A kind is one module with a function `read(settings) -> Source`, where `settings` is the data
set's entry of the configuration plus its `name`. To add a kind, write its module and add it here.
"""

from collections.abc import Callable, Mapping

from . import fashion_mnist, image_folder, mnist
from .packed import Source

KINDS: Mapping[str, Callable[[dict], Source]] = {
    "fashion_mnist": fashion_mnist.read,
    "mnist": mnist.read,
    "image_folder": image_folder.read,
}
"""Kind of data set -> its reader."""

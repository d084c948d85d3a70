"""The kinds of data sets.

A kind is one module with a function `read(settings) -> Source`, where `settings` is the data
set's entry of the configuration plus its `name`. To add a kind, write its module and add it here.
"""

from collections.abc import Callable, Mapping

from . import celeba, fashion_mnist, image_folder, imagenet, lsun, mnist
from .source import Source

KINDS: Mapping[str, Callable[[dict], Source]] = {
    "fashion_mnist": fashion_mnist.read,
    "mnist": mnist.read,
    "image_folder": image_folder.read,
    "lsun": lsun.read,
    "celeba": celeba.read,
    "imagenet": imagenet.read,
}
"""Kind of data set -> its reader."""

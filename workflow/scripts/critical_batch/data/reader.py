"""What a reader of raw data hands over for packing: a list of images, and how to decode one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Item(NamedTuple):
    """One image before it is decoded.

    name: what messages and `manifest.skipped` call it. label: its class, -1 for none.
    where: what `decode` needs to find it, such as a path or a key; small, because it travels to
    another process.
    """

    name: str
    label: int
    where: Any


Decode = Callable[[Any], "np.ndarray"]
"""From `Item.where` to uint8 [H, W, C]; raises anything where the image is damaged, and warns
(`pictures.Remark`, `flatten.SixteenBits`) of what is worth knowing of one that is used."""


@dataclass(frozen=True)
class Source:
    """A set of raw images.

    source, licence, resize: texts for the manifest.
    class_names: one name per label 0, 1, ...; empty where the images have no labels.
    shape: (H, W, C) of every decoded image.
    items: starts a pass over the images, always in the same order.
    decoder: opens the raw files and gives `Decode`; called in every process, so it is picklable.
    count: number of items where that is known before the pass.
    expected: number of items that there must be; None for any.
    max_skipped_share: which share of the items may fail to decode.
    unused: what lies among the raw files and is no item, as `Tally.rows` gives it.
    """

    source: str
    licence: str
    resize: str
    class_names: list[str]
    shape: tuple[int, int, int]
    items: Callable[[], Iterator[Item]]
    decoder: Callable[[], AbstractContextManager[Decode]]
    count: int | None = None
    expected: int | None = None
    max_skipped_share: float = 0.0
    unused: Sequence[Mapping[str, Any]] = ()


def as_it_is(image: "np.ndarray") -> "np.ndarray":
    return image


def array_source(
    images: "np.ndarray",
    labels: Sequence[int],
    class_names: list[str],
    shape: tuple[int, int, int],
    decode: Decode = as_it_is,
    *,
    source: str = "generated",
    licence: str = "none",
    resize: str = "none",
) -> Source:
    """Images that are in memory: [N, ...], each of which `decode` turns into uint8 `shape`."""

    def items() -> Iterator[Item]:
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield Item(str(index), int(label), image)

    return Source(
        source=source,
        licence=licence,
        resize=resize,
        class_names=class_names,
        shape=shape,
        items=items,
        decoder=partial(nullcontext, decode),
        count=len(images),
    )

"""The packed data set: one uint8 array read by memory map, its labels and a manifest.

`images.npy` is uint8 [N, H, W, C], `labels.npy` is int64 [N] (-1 where there is no label) and
`manifest.json` says what they are and where they came from. The manifest is written last, so a
directory that has one is complete. `packing.py` writes them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime.errors import UserError
from ..runtime.files import read_json

MANIFEST_TYPES = {
    "name": str,
    "kind": str,
    "images": int,
    "height": int,
    "width": int,
    "channels": int,
    "classes": int,
    "class_names": list,
    "resize": str,
    "source": str,
    "licence": str,
    "skipped": list,
    "sha256": str,
    "sample_sha256": str,
}
"""Keys of a manifest and their types. `skipped` lists the files that could not be decoded."""

OPTIONAL_TYPES = {
    "class_counts": list,
    "skipped_reasons": list,
    "unused": list,
    "remarks": list,
    "warnings": list,
}
"""Keys that manifests of earlier versions lack.

class_counts: images per class. skipped_reasons: why files were skipped; unused: what lies beside
the images and is none; remarks: on images that were used: each [{reason, count, example}].
warnings: sentences.
"""

CHUNK_BYTES = 1 << 24
READ_WHOLE_BYTES = 1 << 30
"""Up to so many bytes of pixels every job reads them all, about a second; beyond, a sample."""

SAMPLED_IMAGES = 1024


@dataclass(frozen=True)
class PackedDataset:
    """An open packed data set.

    images: uint8 [N, H, W, C], a read-only memory map.
    labels: int64 [N], -1 where there is no label.
    manifest: see `MANIFEST_TYPES`.
    """

    directory: Path
    images: np.ndarray
    labels: np.ndarray
    manifest: dict[str, Any]

    @classmethod
    def open(cls, directory: str | Path) -> "PackedDataset":
        """Opens a packed data set and checks that the manifest fits the arrays.

        Raises UserError naming the file that is missing, damaged or does not fit. The pixels
        themselves are not read: see `checked`.
        """
        directory = Path(directory)
        manifest = _read_manifest(directory / "manifest.json")
        images = _open_array(directory / "images.npy")
        labels = _open_array(directory / "labels.npy")
        shape = tuple(manifest[key] for key in ("images", "height", "width", "channels"))
        _check_array(directory / "images.npy", images, np.uint8, shape)
        _check_array(directory / "labels.npy", labels, np.int64, shape[:1])
        classes = manifest["classes"]
        lowest, highest = (0, classes - 1) if classes else (-1, -1)
        if labels.min() < lowest or labels.max() > highest:
            raise UserError(
                f"{directory / 'labels.npy'}: labels {labels.min()} to {labels.max()} do not fit "
                f"{classes} classes: prepare the data set again"
            )
        return cls(directory, images, labels, manifest)

    @classmethod
    def checked(cls, directory: str | Path, whole: bool = False) -> "PackedDataset":
        """`open` for a job: also the name, which is the folder's, and the pixels and labels.

        whole: whether every pixel is read whatever their number, as jobs do that use them all
        once; without it only up to `READ_WHOLE_BYTES`. UserError where something is not what was
        packed.
        """
        dataset = cls.open(directory)
        name, folder = dataset.manifest["name"], dataset.directory.absolute().name
        if name != folder:
            raise UserError(
                f"{dataset.directory / 'manifest.json'} is that of {name}, not of {folder}: "
                "delete the folder and run again"
            )
        if whole or dataset.images.nbytes <= READ_WHOLE_BYTES:
            dataset.verify()
        elif sample_digest(dataset.images, dataset.labels) != dataset.manifest["sample_sha256"]:
            raise dataset._changed("sample_sha256")
        return dataset

    def verify(self) -> None:
        """Reads every pixel and label; UserError unless they have the manifest's sha256."""
        digest = hashlib.sha256()
        step = max(1, CHUNK_BYTES // self.images[0].size)
        for start in range(0, len(self.images), step):
            digest.update(self.images[start : start + step].tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        if digest.hexdigest() != self.manifest["sha256"]:
            raise self._changed("sha256")

    def _changed(self, key: str) -> UserError:
        return UserError(
            f"{self.directory}: images.npy or labels.npy is damaged, they do not have the {key} of "
            "manifest.json: delete the folder and run again"
        )


def sample_digest(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of up to `SAMPLED_IMAGES` images [N, H, W, C], evenly spaced, and of all labels [N].

    Finds a file of other images, or one that was written in part; hardly one changed byte.
    """
    digest = hashlib.sha256()
    chosen = np.linspace(0, len(images) - 1, min(SAMPLED_IMAGES, len(images))).astype(int)
    for index in chosen:
        digest.update(images[index].tobytes())
    digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()


def _read_manifest(path: Path) -> dict[str, Any]:
    manifest = read_json(path)
    if not isinstance(manifest, dict):
        raise UserError(f"{path} is not a manifest: prepare the data set again")
    for key, kind in MANIFEST_TYPES.items():
        if type(manifest.get(key)) is not kind:
            raise UserError(f"{path}: {key} must be {kind.__name__}: prepare the data set again")
    for key, kind in OPTIONAL_TYPES.items():
        if key in manifest and type(manifest[key]) is not kind:
            raise UserError(f"{path}: {key} must be {kind.__name__}: prepare the data set again")
    if manifest["classes"] != len(manifest["class_names"]):
        raise UserError(f"{path}: classes and class_names disagree: prepare the data set again")
    return manifest


def _open_array(path: Path) -> np.ndarray:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise UserError(f"{path} is missing: prepare the data set again") from None
    except Exception as error:  # NumPy raises almost anything on a damaged header.
        text = " ".join(str(error).split())
        raise UserError(f"{path} is damaged ({text}): prepare the data set again") from None


def _check_array(path: Path, array: np.ndarray, dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise UserError(
            f"{path} is {array.dtype} {list(array.shape)}, manifest.json says "
            f"{np.dtype(dtype)} {list(shape)}: prepare the data set again"
        )

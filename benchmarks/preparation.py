"""Images in LSUN's format (JPEG of 341 x 256 in an LMDB) to 64 x 64 pixels, against torchvision.

torchvision's way is its LSUN data set with Resize, CenterCrop, ToTensor and Normalize in a
DataLoader; ours packs the pixels into a file, which every later epoch reads.
"""

import contextlib
import shutil
import tempfile
from io import BytesIO
from pathlib import Path

import lmdb
import numpy as np
import torch
from critical_batch.data.kinds import source_of
from critical_batch.data.packing import write_packed
from PIL import Image
from timing import Row, compare
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

SIDE, WIDTH, HEIGHT = 64, 341, 256


def measure(quick: bool) -> list[Row]:
    count = 200 if quick else 4000
    rows = []
    # torchvision leaves a file of keys in the working directory.
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = Path(name)
        _write_lsun(folder, count)
        for processes in (1, 2):

            def ours(processes=processes) -> None:
                settings = {"name": "lsun", "kind": "lsun", "root": name, "image_size": SIDE}
                settings |= {"expected_images": count}
                write_packed(folder / "packed", settings, source_of(settings), processes)
                shutil.rmtree(folder / "packed")

            def torchvision(processes=processes) -> None:
                data = datasets.LSUN(name, classes=["bedroom_train"], transform=_transform())
                # No worker means the process itself: one core, like our one process.
                workers = processes if processes > 1 else 0
                for _ in DataLoader(data, batch_size=64, num_workers=workers):
                    pass

            candidates = {"ours": ours, "torchvision": torchvision}
            case = f"{count} images, {processes} process{'es'[: 2 * (processes > 1)]}"
            rows += compare("preparation", case, candidates, 1 if quick else 5)
    return rows


def _transform():
    return transforms.Compose(
        [
            transforms.Resize(SIDE),
            transforms.CenterCrop(SIDE),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )


def _write_lsun(folder: Path, count: int) -> None:
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(50, 3, 16, 16, generator=random) * 255
    pictures = torch.nn.functional.interpolate(coarse, size=(HEIGHT, WIDTH), mode="bicubic")
    noise = torch.randn(pictures.shape, generator=random) * 8
    pixels = (pictures + noise).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    encoded = []
    for picture in np.ascontiguousarray(pixels):
        buffer = BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=75)
        encoded.append(buffer.getvalue())
    database = folder / "bedroom_train_lmdb"
    with (
        lmdb.open(str(database), map_size=1 << 34) as environment,
        environment.begin(write=True) as transaction,
    ):
        for index in range(count):
            transaction.put(b"%040x" % (index * 7919), encoded[index % len(encoded)])

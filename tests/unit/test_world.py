"""The processes of a job: what each keeps of a batch, and what they tell each other."""

import multiprocessing
import os
import socket

import pytest
import torch
import torch.distributed as dist
from critical_batch.training.world import World


@pytest.mark.parametrize(
    ("batch", "micro", "size"), [(12, 1, 1), (12, 3, 1), (12, 2, 3), (8, 2, 2)]
)
def test_every_image_of_a_micro_batch_is_one_processs(batch, micro, size):
    rows = list(range(batch))
    parts = [World(rank, size).parts(batch, micro) for rank in range(size)]
    for index in range(micro):
        together = [row for of_rank in parts for row in rows[of_rank[index]]]
        start = index * batch // micro
        assert together == rows[start : start + batch // micro]
    assert all(len(of_rank) == micro for of_rank in parts)


def test_alone_there_is_nobody_to_ask(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    world = World.join(torch.device("cpu"))
    assert (world.rank, world.size) == (0, 1)
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 3.0])
    world.average_gradients([parameter])
    assert parameter.grad.tolist() == [1, 3]
    assert world.mean(torch.tensor([2.0])).tolist() == [2]
    assert world.from_first([1, "a"]) == [1, "a"]
    world.agree(7)
    world.leave()
    assert not dist.is_initialized()


def _one_of_two(rank, port, pipe):
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    world = World.join(torch.device("cpu"))
    assert (world.rank, world.size) == (rank, 2)
    parameters = [torch.nn.Parameter(torch.zeros(2, 2)), torch.nn.Parameter(torch.zeros(3))]
    parameters[0].grad = torch.arange(4.0).view(2, 2) * (1 + rank)
    parameters[1].grad = torch.tensor([10.0, 20.0, 30.0]) - 4 * rank
    world.average_gradients(parameters)
    kept = torch.tensor([1.0, 5.0]) * (1 + rank)
    found = {
        "gradients": [parameter.grad.tolist() for parameter in parameters],
        "mean": world.mean(kept).tolist(),
        "kept": kept.tolist(),
        "first": world.from_first((rank, f"rank {rank}")),
    }
    world.agree(3)
    try:
        world.agree(rank)
    except RuntimeError as error:
        found["differ"] = str(error)
    world.leave()
    found["left"] = not dist.is_initialized()
    pipe.send(found)


def test_two_processes_have_one_mean_and_the_first_ones_values():
    """Forked, as starting Python with torch anew takes seconds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    processes = [
        context.Process(target=_one_of_two, args=(rank, port, pipes[rank][1])) for rank in range(2)
    ]
    for process in processes:
        process.start()
    try:
        assert all(reading.poll(120) for reading, _ in pipes)
        found = [reading.recv() for reading, _ in pipes]
    finally:
        for process in processes:
            process.terminate()
            process.join()
    for rank, one in enumerate(found):
        assert one["gradients"] == [[[0, 1.5], [3, 4.5]], [8, 18, 28]]
        assert one["mean"] == [1.5, 7.5]
        assert one["kept"] == [1 + rank, 5 + 5 * rank]
        assert one["first"] == [0, "rank 0"]
        assert one["differ"] == "the processes of this job differ: [0, 1]"
        assert one["left"]

"""Freed memory stays with the process."""

import subprocess
import sys

PROGRAM = """
import resource
import sys
sys.path.insert(0, "workflow/scripts")
import torch
from critical_batch.runtime.malloc import keep_freed_memory

keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    for _ in range(20):
        [torch.ones(1 << 20) for _ in range(8)]  # 4 MiB, 1,024 pages each

torch.set_num_threads(1)
work()
before = faults()
work()
print(faults() - before)
"""


def test_tensors_use_the_memory_of_tensors_before_them():
    """Otherwise, in most runs, the kernel hands out all 160,000 pages anew."""
    command = [sys.executable, "-c", PROGRAM]
    found = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found < 1024

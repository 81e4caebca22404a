"""Quantizes one task's model with onnxruntime.quantization in a process of its own, and prints what that cost as JSON.

python peer.py PEERS_FOLDER samples TASK FOLDER             ->  {"model", "samples"}; the calibration samples as .npz files
python peer.py PEERS_FOLDER quantize TASK CONFIGURATION FOLDER
    ->  {"seconds", "callSeconds", "cpuSeconds", "peakBytes", "samples", "error"}, from the samples that lie in FOLDER

PEERS_FOLDER holds the tasks and the measuring. "seconds" is what a script takes that does nothing else: the start of
Python, imports, reading the samples and the call. "callSeconds" is the call alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, sys.argv[1])

LIMIT_SECONDS = 1200
LIMIT_GB = 10
FEWEST_SAMPLES = 8


def read(files: list[Path]) -> list[dict]:
    import numpy as np

    return [dict(np.load(file)) for file in files]


def quantize(task: str, configuration: str, folder: str) -> dict:
    """All samples first; where memory does not suffice, half of them until it does."""
    import run_ort
    from common import measured

    files = sorted(Path(folder).glob("*.npz"))
    while True:
        with tempfile.TemporaryDirectory() as target:
            start = time.perf_counter()
            call = partial(run_ort.quantize, task, configuration, Path(target, "int8.onnx"))
            run = measured(call, setup=partial(read, files), limit_seconds=LIMIT_SECONDS, limit_gb=LIMIT_GB)
            seconds = time.perf_counter() - start
        words = ("MemoryError", "bad_alloc", "allocate", "ENOMEM", "exit code")
        if not (run.error and any(word in run.error for word in words)) or len(files) < FEWEST_SAMPLES:
            break
        files = files[: len(files) // 2]
    return {
        "seconds": seconds,
        "callSeconds": run.seconds,
        "cpuSeconds": run.cpu_seconds,
        "peakBytes": run.peak_mb and int(run.peak_mb * 2**20),
        "samples": len(files),
        "error": run.error,
    }


def samples(task: str, folder: str) -> dict:
    import numpy as np
    from tasks import TASKS

    made = TASKS[task]()
    Path(folder).mkdir(parents=True, exist_ok=True)
    for index in range(len(made.calibration)):
        np.savez(Path(folder, f"{index:05}.npz"), **made.calibration[index])
    return {"model": str(made.model), "samples": len(made.calibration)}


if __name__ == "__main__":
    print(json.dumps({"quantize": quantize, "samples": samples}[sys.argv[2]](*sys.argv[3:])))

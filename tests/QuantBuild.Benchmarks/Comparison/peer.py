"""Quantizes one task's model with onnxruntime.quantization in a process of its own, and prints what that cost as JSON.

python peer.py PEERS_FOLDER quantize TASK CONFIGURATION     ->  {"seconds", "cpuSeconds", "peakBytes", "samples", "error"}
python peer.py PEERS_FOLDER samples TASK FOLDER             ->  {"model", "samples"}; the calibration samples as .npz files

PEERS_FOLDER holds the tasks and the measuring. The time is that of the call alone: neither the start of Python nor
imports nor the decoding of the samples count.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, sys.argv[1])

LIMITS = SimpleNamespace(limit_seconds=1200, limit_gb=10)


def quantize(task: str, configuration: str) -> dict:
    from run_ort import quantize_within_limits

    with tempfile.TemporaryDirectory() as folder:
        run, samples, _ = quantize_within_limits(task, configuration, Path(folder, "int8.onnx"), LIMITS)
    peak = run.peak_mb and int(run.peak_mb * 2**20)
    return {"seconds": run.seconds, "cpuSeconds": run.cpu_seconds, "peakBytes": peak, "samples": samples, "error": run.error}


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

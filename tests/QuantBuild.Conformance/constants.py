"""Turns all inputs but the first into constants: python constants.py CASES TARGET."""
import sys, onnx
from pathlib import Path
from onnx import numpy_helper, TensorProto
source, target = map(Path, sys.argv[1:])
for path in sorted(source.rglob("model.onnx")):
    model, data = onnx.load(path), path.parent / "test_data_set_0"
    inputs = list(model.graph.input)
    for index, value in enumerate(inputs[1:], 1):
        file = data / f"input_{index}.pb"
        if value.type.HasField("tensor_type") and file.exists():
            tensor = TensorProto.FromString(file.read_bytes())
            tensor.name = value.name
            model.graph.initializer.append(tensor)
            model.graph.input.remove(value)
    if len(model.graph.input) < len(inputs) and len(model.graph.input) == 1:
        case = target / path.parent.name
        (case / "test_data_set_0").mkdir(parents=True, exist_ok=True)
        onnx.save(model, case / "model.onnx")
        (case / "test_data_set_0" / "input_0.pb").write_bytes((data / "input_0.pb").read_bytes())

# SPDX-License-Identifier: Apache-2.0
from importlib.resources import files

import numpy as np
import onnx
import onnxruntime
from systolith.gen.demo.data import INPUT_SCALE, ZERO_POINT
from systolith.gen.demo.onnx_export import export_float

SHAPES = ((16, 1, 3, 3), (32, 16, 3, 3), (64, 32, 3, 3), (10, 64))


def probabilities(model: bytes, images: np.ndarray) -> np.ndarray:
    run = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run
    return np.concatenate([run(["y"], {"x": image[None]})[0] for image in images])


def test_network_computes_what_its_parameters_say():
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.2, shape).astype(np.float32) for shape in SHAPES]
    biases = [rng.normal(0, 0.5, shape[0]).astype(np.float32) for shape in SHAPES]
    image = rng.uniform(0, 16, (1, 8, 8)).astype(np.float32)
    x = image.astype(np.float64)
    for weight, bias, stride in zip(weights, biases, (1, 2, 1), strict=False):
        x = np.pad(x, ((0, 0), *[(2 - stride, 1)] * 2))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))[
            :, ::stride, ::stride]
        x = np.maximum(np.einsum("ihwyx,oiyx->ohw", windows, weight) + bias[:, None, None], 0)
    logits = weights[3] @ x.mean((1, 2)) + biases[3]
    expected = np.exp(logits - logits.max())
    found = probabilities(export_float(weights, biases), image[None])
    np.testing.assert_allclose(found[0], expected / expected.sum(), rtol=1e-3, atol=1e-6)


def test_shipped_network_recognises_held_back_digits():
    demo = files("systolith.gen.demo")
    content = demo.joinpath("digits_float.onnx").read_bytes()
    with demo.joinpath("digits_held_back.npz").open("rb") as stream:
        archive = np.load(stream)
        images, labels = archive["input"], archive["labels"]
    grey = (images.astype(np.float32) - ZERO_POINT) * np.float32(INPUT_SCALE)
    found = probabilities(content, grey.transpose(0, 3, 1, 2))
    assert (found.argmax(1) == labels).mean() > 0.97
    parameters = {tensor.name: onnx.numpy_helper.to_array(tensor)
                  for tensor in onnx.load_from_string(content).graph.initializer}
    again = export_float(*([parameters[f"{letter}{index}"] for index in range(1, 5)]
                           for letter in "wb"))
    assert again == content

# SPDX-License-Identifier: Apache-2.0
"""The demonstration network: an int8 CNN for scikit-learn's handwritten digits.

Files
    ``digits_dbb4.tflite``: at most 4 non-zero weights in every block of 8 input channels.
    ``digits_dense.tflite``: its dense twin, from the same float weights.
    ``digits_noise_aware.tflite``: dense, trained for a PCM array; ``noise_aware.json``: accuracies
    of it and of ``digits_dense.tflite`` there, against the time since programming.
    ``digits_float.onnx``: the dense one in float32, as it was before quantisation-aware training;
    input ``x`` [1, 1, 8, 8], grey 0..16.
    ``digits_0_4.tflite``, ``digits_5_9.tflite``: dense, of five digits each, with the same first
    two convolutions, bit for bit: a front end trained on 0-4, and behind it a back end of 5-9.
    ``transfer.json``: accuracies, by number of frozen layers, of this pair and its like.
    ``digits_held_back.npz``: ``input`` int8 [300, 8, 8, 1], already quantised, and ``labels``
    int64 [300]: images that neither training nor calibration has seen.

Network (all int8 files; for five digits with 5 outputs)
    input [1, 8, 8, 1] -> CONV_2D 3x3 16 -> CONV_2D 3x3 32 stride 2 -> CONV_2D 3x3 64
    -> AVERAGE_POOL_2D 4x4 -> RESHAPE [1, 64] -> FULLY_CONNECTED 10 -> SOFTMAX.
    Convolutions are padded SAME with a fused RELU. Grey 0..16 is stored as -128..127.

How they were made
    ``pip install systolith[train]``, then ``python -m systolith.gen.demo.train OUTPUT_DIR``:
    seeded, on one thread. Float training on 1497 images; for the pruned file a magnitude mask
    and 40 more epochs under it; scales from the training images alone; quantisation-aware
    fine-tuning; then ``writer`` stores what the training simulated. The first convolution has
    one input channel and stays dense. The bytes may differ with another release of PyTorch or
    another processor; the accuracy should not by more than a few images. ``python -m
    systolith.gen.demo.transfer OUTPUT_DIR`` makes the pair that shares a front end likewise, and
    ``python -m systolith.gen.demo.noise_aware OUTPUT_DIR`` the network for PCM: from the first on
    with clipped weights and noise in them, then with row drivers and ADCs simulated.

Data
    Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning
    Repository (https://archive.ics.uci.edu/dataset/80), as distributed with scikit-learn
    (``load_digits``, 1797 images).
    ``digits_held_back.npz`` holds 300 of these images, rescaled to int8.
"""

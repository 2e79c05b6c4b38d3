"""Run a trained network: PyTorch, OpenVINO, ONNX and pt2, and the choice between them."""

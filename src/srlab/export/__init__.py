"""Networks for other programs: ONNX files and ncnn files, checked against PyTorch before they are kept."""

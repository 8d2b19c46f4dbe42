"""`srlab export`: what it prints, what it writes, and one line for every mistake."""

import pytest

from srlab.commands.export import TOOL

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")


def test_a_network_that_comes_with_srlab(tmp_path, capsys):
    assert TOOL.main(["pretrained:srcnn_x2", str(tmp_path / "srcnn.onnx"), "opset=19"]) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path / 'srcnn.onnx'}: srcnn_x2 x2, ONNX opset 19, checked by ONNX Runtime: differs" in said
    assert "takes NCHW float, 1 channels, luma" in said
    session = onnxruntime.InferenceSession(tmp_path / "srcnn.onnx", providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["label"] == "srcnn_x2"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pretrained:srcnn_x2", "{}/a.pt"], r"a\.pt: expected a name that ends in \.onnx or \.ncnn\.param"),
        (["pretrained:srcnn_x2", "{}/none/a.onnx"], "there is no folder"),
        (["pretrained:srcnn_x2", "{}/folder.onnx"], "is a folder; expected a file"),
        (["pretrained:srcnn_x2", "{}/a.onnx", "opset=7"], "opset=7: expected 18 to 23"),
        (["pretrained:srcnn_x2", "{}/a.onnx", "input=int8"], "input=int8: expected one of float, uint8"),
        (["pretrained:srcnn_x2", "{}/a.ncnn.param", "input=uint8"], r"input=uint8: is for \.onnx"),
        (["pretrained:srcnn_x2", "{}/a.ncnn.param", "opset=18"], r"opset=18: is for \.onnx"),
        (["pretrained:vdsr", "{}/a.onnx"], "vdsr: has several scales, and a file has one. Say scale="),
        (["pretrained:edsr_baseline_x2", "{}/a.onnx", "scale=1"], "scale=1: edsr_baseline_x2 has 2"),
        (["pretrained:nothing", "{}/a.onnx"], "nothing: no network of this name"),
    ],
)
def test_mistakes_are_one_line(tmp_path, words, message):
    from srlab.errors import SrlabError

    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(SrlabError, match=message) as error:
        TOOL.main([word.format(tmp_path) for word in words])
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.onnx"]

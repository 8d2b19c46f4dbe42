"""Figures are written without a word from the libraries that draw them."""

import logging

import matplotlib.pyplot as plt

from srlab.evaluation.plotting import save


def test_fonts_in_a_pdf_are_not_logged(tmp_path, caplog):
    """Hydra logs from INFO upwards, and fontTools tells every table of a font that it leaves out."""
    figure, axes = plt.subplots()
    axes.set_title("PSNR, dB")
    with caplog.at_level(logging.INFO):
        save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert [record.name for record in caplog.records] == []

"""Tables as text."""

import csv
import io

from srlab.evaluation.text_tables import csv_text, markdown_table


def test_markdown():
    table = markdown_table(["method", "PSNR"], [["a|b", "30.10"], ["c", ""]], right=["PSNR"])
    assert table == "| method | PSNR |\n| --- | ---: |\n| a\\|b | 30.10 |\n| c |  |\n"


def test_csv_comes_back_as_it_was():
    lines = [["name", "x"], ['a "quoted", name', 0.1 + 0.2], ["two\nlines", None]]
    back = list(csv.reader(io.StringIO(csv_text(lines), newline="")))
    assert back == [["name", "x"], ['a "quoted", name', "0.30000000000000004"], ["two\nlines", ""]]

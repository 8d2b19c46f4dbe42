"""A metrics.csv with bad lines: they are left out and named, and neither stop nor falsify what reads it."""

import pytest

from srlab.training.loggers.csv_log import CSVLog, read_rows

GOOD = "step,train/loss,val/psnr\n0,0.5,\n1,0.25,30.5\n2,nan,1e+01\n"
ROWS = [("0", "0.5", ""), ("1", "0.25", "30.5"), ("2", "nan", "1e+01")]


def values(path):
    return [tuple(row.values()) for row in read_rows(path)]


@pytest.mark.parametrize(
    "bad",
    ["\0\0\0\0\0", "hello", "3,0.5", "3,0.5,30.1,7", "3,0.5,30.113,0.25,31", "x,1,2", "-1,1,2", "1.5,1,2", "3,0.5.5,1",
     "3,=1+1,2", '3,"0.5\n4",1', "\ufeff3,1,2", "3,1e99999,1", "3,0x10,1", "9" * 400 + ",1,1"],
)  # fmt: skip
def test_a_bad_line_is_left_out(tmp_path, bad):
    first, rest = GOOD.split("\n", 2)[:2], GOOD.split("\n", 2)[2]
    (tmp_path / "metrics.csv").write_text("\n".join([*first, bad, rest]), encoding="utf-8", newline="")
    with pytest.warns(UserWarning, match=r"metrics.csv: \d damaged lines are left out \(line 3"):
        assert values(tmp_path / "metrics.csv") == ROWS


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "metrics.csv").write_bytes(GOOD.encode() + b"\xff\xfe\x00\n")
    with pytest.warns(UserWarning, match="line 5"):
        assert values(tmp_path / "metrics.csv") == ROWS


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n"),
                                    lambda text: text + "3,0.1", lambda text: text + "3,0.1,31.2"])  # fmt: skip
def test_what_an_editor_adds_and_a_line_that_is_being_written(tmp_path, change):
    (tmp_path / "metrics.csv").write_text(change(GOOD), encoding="utf-8", newline="")
    assert values(tmp_path / "metrics.csv") == ROWS


def test_without_a_header_nothing_is_known(tmp_path):
    (tmp_path / "metrics.csv").write_bytes(b"\0" * 500 + b"\n1,2,3\n")
    with pytest.warns(UserWarning, match="does not name the columns"):
        assert read_rows(tmp_path / "metrics.csv") == []


def test_a_resumed_log_goes_on_without_the_bad_lines(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(GOOD + "\0\0\nhalf,0.\n", encoding="utf-8", newline="")
    log = CSVLog(path, first_step=2)
    with pytest.warns(UserWarning, match="2 damaged lines"):
        log.log_metrics({"train/loss": 0.125}, 2)
    log.save()
    assert path.read_text(encoding="utf-8") == "step,train/loss,val/psnr\n0,0.5,\n1,0.25,30.5\n2,0.125,\n"

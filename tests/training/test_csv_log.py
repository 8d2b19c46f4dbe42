"""metrics.csv over new columns and resumes."""

from srlab.training.loggers.csv_log import CSVLog, read_rows


def test_lines_of_a_step_meet_and_new_columns_fit(tmp_path):
    log = CSVLog(tmp_path / "metrics.csv")
    log.log_metrics({"loss": 0.5, "epoch": 0}, 1)
    log.save()
    log.log_metrics({"loss": 0.25}, 2)
    log.save()
    log.log_metrics({"psnr": 30.125}, 2)
    log.save()
    assert read_rows(log.path) == [
        {"step": "1", "loss": "0.5", "psnr": ""},
        {"step": "2", "loss": "0.25", "psnr": "30.125"},
    ]
    log.log_metrics({"loss": 0.125, "psnr": 31}, 3)
    log.save()
    log.log_metrics({"psnr": 3}, 3)
    log.save()
    assert read_rows(log.path)[2:] == [{"step": "3", "loss": "0.125", "psnr": "3"}]


def test_a_resumed_log_keeps_what_came_before_and_drops_what_is_done_again(tmp_path):
    log = CSVLog(tmp_path / "metrics.csv")
    for step in range(6):
        log.log_metrics({"loss": step}, step)
        log.save()
    log.finalize("interrupted")
    resumed = CSVLog(tmp_path / "metrics.csv", first_step=4)
    resumed.log_metrics({"loss": 40}, 4)
    resumed.save()
    assert [(row["step"], row["loss"]) for row in read_rows(log.path)] == [
        ("0", "0"), ("1", "1"), ("2", "2"), ("3", "3"), ("4", "40")
    ]  # fmt: skip

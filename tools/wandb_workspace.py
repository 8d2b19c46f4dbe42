"""Lay out a W&B dashboard of srlab's runs: a saved view of the project's workspace.

    pip install wandb-workspaces
    python tools/wandb_workspace.py ENTITY srlab
    python tools/wandb_workspace.py ENTITY srlab --sets set5 urban100 --scales 2 4 --images 5

It needs an account. The panels were built and turned into W&B's own form, but without an account never saved, nor
looked at in a browser.
"""

import argparse
import sys

try:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws
except ImportError:
    sys.exit("error: the package wandb-workspaces is not installed. Run: pip install wandb-workspaces")

STEP = "trainer/global_step"
GAUGES = {
    "loss": "train/loss",
    "learning rate": "train/learning_rate",
    "gradient norm": "train/gradient_norm",
    "images a second": "train/images_per_second",
}


def line(title: str, *metrics: str) -> wr.LinePlot:
    return wr.LinePlot(title=title, x=STEP, y=list(metrics), title_x="step")


def validation(scales: list[int]) -> list[wr.LinePlot]:
    """The mean, and each scale of networks that have several."""
    return [line("validation PSNR", "val/psnr"), *(line(f"validation PSNR at x{s}", f"val/psnr_x{s}") for s in scales)]


def benchmarks(sets: list[str], scales: list[int]) -> list[wr.BarPlot]:
    """One chart for each set and scale; the summary of these metrics is their maximum."""
    names = [f"{name}_x{scale}" for name in sets for scale in scales]
    return [
        wr.BarPlot(title=f"{name} {quality.upper()}", metrics=[f"{name}/{quality}.max"], orientation="h")
        for name in names
        for quality in ("psnr", "ssim")
    ]


def workspace(entity: str, project: str, sets: list[str], scales: list[int], images: int) -> ws.Workspace:
    """The dashboard, not yet saved."""
    sections = {
        "Validation": validation(scales),
        "Benchmarks": benchmarks(sets, scales),
        "Results": [wr.WeavePanelSummaryTable(table_name="results"), wr.MediaBrowser(media_keys=["comparison"])],
        "Panels": [wr.MediaBrowser(media_keys=[f"panels/{i}"], num_columns=1) for i in range(1, images + 1)],
        "Training": [line(title, metric) for title, metric in GAUGES.items()],
    }
    return ws.Workspace(
        entity=entity,
        project=project,
        name="srlab",
        sections=[ws.Section(name=name, panels=panels, is_open=True) for name, panels in sections.items()],
        settings=ws.WorkspaceSettings(x_axis=STEP, smoothing_type="none"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entity", help="your name or your team's on W&B")
    parser.add_argument("project", help="logger.project, srlab by default")
    parser.add_argument("--sets", nargs="+", default=["set5", "set14", "b100", "urban100"])
    parser.add_argument("--scales", nargs="+", type=int, default=[2, 3, 4])
    parser.add_argument("--images", type=int, default=3, help="logger.images of the runs")
    options = parser.parse_args()
    view = workspace(options.entity, options.project, options.sets, options.scales, options.images)
    view.save()  # prints its address


if __name__ == "__main__":
    main()

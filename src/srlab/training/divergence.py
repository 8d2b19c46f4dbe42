"""What a run says that has diverged: what is left of it, and which options help."""

from typing import Any

from srlab.run_files import RunFiles
from srlab.training.prepare import TrainingRun
from srlab.weights.checkpoint import step_of

RESIDUAL_SCALE = 0.1  # of wide networks (EDSR, section 3.3, after Szegedy et al. 2017)
LARGEST_NORM = 1  # of a gradient that is clipped; where a method clips in another way, its recipe has a value


def options_against(run: TrainingRun) -> list[str]:
    """Returns options of this run that make a divergence less likely, as words of a command line."""
    config, method = run.config, run.method
    network: dict[str, Any] = method.with_defaults(config.model.network)
    found = [f"optimizer.learning_rate={config.optimizer.learning_rate / 10:.3g}"]
    if config.schedule.name != "onecycle":  # the only schedule that warms up
        found.append("schedule=onecycle")
    if not config.trainer.gradient_clip_val:
        found.append(f"trainer.gradient_clip_val={LARGEST_NORM}")
    if network.get("residual_scale", 0) > RESIDUAL_SCALE:
        found.append(f"model.network.residual_scale={RESIDUAL_SCALE}")
    if run.devices.precision == "16-mixed":
        found.append("trainer.precision=32-true")
    return found


def way_on(files: RunFiles, options: list[str], step: int) -> str:
    """Says which checkpoint to go on from and how, in a line.

    Args:
        files: of the run.
        options: what may help.
        step: after which there are the weights that failed; a checkpoint of fewer steps is good.
    """
    one_of = f"with one or more of: {', '.join(options)}"
    there = {path: step_of(path) for path in (files.last, files.previous, files.best) if path.is_file()}
    if not there:
        return f"There is no checkpoint yet. Start anew {one_of}"
    path = max(there, key=lambda path: (there[path] < step, there[path]))
    if there[path] >= step:
        return f"Only {path} is left, with the weights that failed. Start anew {one_of}"
    return f"{path}, of step {there[path]}, stays. Start from it (name=OTHER init_from={path}) or anew, {one_of}"

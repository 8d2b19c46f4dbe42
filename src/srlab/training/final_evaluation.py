"""The final evaluation of a run: its best checkpoint and bicubic on every set."""

from dataclasses import replace

from srlab.distributed import rank_and_world
from srlab.evaluation.comparison_figure import comparison
from srlab.evaluation.measure import EvaluationSettings, ResultRow, evaluate
from srlab.evaluation.progress import progress_shown
from srlab.evaluation.tables import print_table, write_results
from srlab.methods import interpolation
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.protocol import protocol
from srlab.training.devices import inference_device
from srlab.training.prepare import TrainingRun, measured_sets


def evaluate_run(run: TrainingRun, method: SuperResolver, training: dict[str, float]) -> list[ResultRow]:
    """Measures the best checkpoint and bicubic as evaluate.py does; writes results.json, tables and pictures.

    All ranks must call it: each measures its share of the images.

    Args:
        run: the run.
        method: its best checkpoint.
        training: seconds and steps of the training, for results.json.

    Returns:
        The rows of the table, the same on every rank.
    """
    rules, device = protocol(run.config.protocol.name), inference_device(run.config.trainer.accelerator)
    methods = [("bicubic", interpolation()), (method.label, method)]
    first = rank_and_world()[0] == 0
    rows: list[ResultRow] = []
    sets = measured_sets(run.config)
    for i, image_set in enumerate(sets):
        settings = EvaluationSettings(rules, device, save_images=run.files.images if i == 0 else None)
        with progress_shown() as progress:
            rows += evaluate(methods, [image_set], list(run.data.scales), replace(settings, progress=progress))
    if first:
        write_results(rows, run.folder, {"training": training})  # first: nothing that comes later can lose them
        settings = EvaluationSettings(rules, device)
        comparison(methods, sets[0], run.data.scales[-1], settings, run.files.comparison)
        print_table(rows, f"{run.files.best}, protocol {rules.name}")
        print(f"written: {run.files.results}, and the picture {run.files.comparison}", flush=True)
    return rows

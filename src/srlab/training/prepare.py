"""Builds and checks everything that a run needs before its first step."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from srlab.config.schema import TrainConfig
from srlab.config.values import as_list, as_scales
from srlab.data.batch import Batch
from srlab.data.datamodule import SuperResolutionData
from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.image_sets import ImageSet
from srlab.data.overlaps import overlap_warnings
from srlab.data.patches import PatchDataset
from srlab.errors import SrlabError
from srlab.folder_lock import check_not_owned
from srlab.losses.weighted import used_backbones
from srlab.methods import find_method
from srlab.methods.fitted import FittedMethod
from srlab.methods.loading import check_resumable
from srlab.methods.recipe import recipe_of_model
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.by_name import meters_of
from srlab.metrics.metric import Meter
from srlab.metrics.protocol import protocol
from srlab.run_files import RunFiles
from srlab.training.checkpoints import lower_is_better
from srlab.training.devices import Devices, choose_devices
from srlab.training.ending import seconds_of_max_time, steps_or_seconds
from srlab.training.loggers.choose import check_connection, check_logger
from srlab.training.process_group import this_process
from srlab.training.run_folder import OTHER_NAME, check_folder, checkpoint_to_resume, run_name
from srlab.weights import zoo
from srlab.weights.files import check_exists

SCRATCH = "scratch"  # init_from: random weights, where a method would rather not
BACKBONES_OF_METRICS = ("alexnet", "vgg16", "squeezenet1_1")


@dataclass(frozen=True)
class TrainingRun:
    """What a run is made of.

    Attributes:
        config: its options.
        devices: where it runs.
        method: with its loss, not trained yet.
        data: for training and validation.
        folder: of the run.
        resumed: the checkpoint that it goes on from, or None.
    """

    config: TrainConfig
    devices: Devices
    method: SuperResolver
    data: SuperResolutionData
    folder: Path
    resumed: Path | None

    @property
    def files(self) -> RunFiles:
        return RunFiles(self.folder)


def prepare(config: TrainConfig) -> TrainingRun:
    """Builds everything but the trainer, and checks it, what is cheap first.

    Raises:
        SrlabError: a mistake in the options, in the data, or in the folder of the run.
    """
    devices = choose_devices(config.trainer)
    torch.manual_seed(config.seed)
    method = find_method(config.model.method)(config.model.network, recipe_of_model(config))
    method.prepare_training()
    if isinstance(method, FittedMethod):
        devices = _one_process(config, devices, method)
    else:
        method.configure_optimizers()  # for its errors; Lightning calls it again
    if not method.automatic_optimization and devices.precision == "16-mixed":
        raise SrlabError(f"trainer.precision=16-mixed: {method.label} steps by hand. Say trainer.precision=bf16-mixed")
    _check_metrics(config, method)
    check_logger(config)
    sets = measured_sets(config)
    batches = config.trainer.max_steps * config.trainer.accumulate_grad_batches
    scales, rules = _scales(config, method), protocol(config.protocol.name)
    data = SuperResolutionData(config.data, scales, rules, config.seed, batches)
    if not method.automatic_optimization:
        data.batches_together = config.trainer.accumulate_grad_batches
    method.check_patches(method.network, data.shape, data.scales, config.data.scale_per)
    _check_data(method, data)
    folder = Path(config.runs) / run_name(config, data.scales, data.kind)
    seconds_of_max_time(config.trainer.max_time), steps_or_seconds(config.trainer.save_every)  # for their errors
    process = this_process()
    if process.leads:
        check_not_owned(folder, OTHER_NAME)
    resumed, why = checkpoint_to_resume(config, folder)
    run = TrainingRun(config, devices, method, data, folder, resumed)
    _check_start(run)
    if run.resumed is not None:
        check_resumable(method, data.state_dict(), run.resumed)
    if process.leads:
        check_folder(config, folder, run.resumed)
        if why:
            print(why, flush=True)
        data.check_validation()
        for image_set in sets:
            image_set.check(data.scales, data.protocol)
        for note in dict.fromkeys([*data.notes, *(note for image_set in sets for note in image_set.notes)]):
            print(note, file=sys.stderr, flush=True)
        for line in overlap_warnings(data.training.entries, [s.entry for s in [data.validation, *sets] if s.entry]):
            print(line, file=sys.stderr, flush=True)
        check_connection(config)
    # This builds the stores, and so reads and checks all images.
    patches = data.dataset(range(0), world=devices.count * process.nodes)
    if method.traits.condition_length is not None:
        _check_condition(method, data, patches)
    return run


def _check_data(method: SuperResolver, data: SuperResolutionData) -> None:
    """Raises SrlabError where a method cannot be trained on such data."""
    if data.config.curriculum and not method.has_curriculum:
        raise SrlabError(f"data.curriculum: {method.label} has one target, HR; srfbn can have others. Leave it out.")
    if isinstance(method, FittedMethod) and data.degradation.needs_files:
        raise SrlabError(
            f"data.degradation={data.degradation.name}: {method.label} makes its LR images itself, and these have only "
            f"files. Choose another, such as bicubic."
        )


def _one_process(config: TrainConfig, devices: Devices, method: FittedMethod) -> Devices:
    """Returns the devices of a method that is computed at once. Raises SrlabError where several were asked for."""
    if this_process().world > 1 or (devices.count > 1 and config.trainer.devices != "auto"):
        raise SrlabError(
            f"trainer.devices={config.trainer.devices}: {method.label} is computed by one process. Start one, with "
            f"trainer.devices=1."
        )
    return replace(devices, count=1)


def _check_condition(method: SuperResolver, data: SuperResolutionData, patches: PatchDataset) -> None:
    """Raises SrlabError where a network that needs a condition is trained or validated without one, or on another."""
    batch, needed = patches.batch(0), method.traits.condition_length
    trained = (batch if isinstance(batch, Batch) else batch[0]).condition
    validated = data.validation.pair(0, data.scales[0], data.protocol).condition
    for name, condition in ((data.degradation.name, trained), (data.config.degradation, validated)):
        given = None if condition is None else condition.shape[1]
        if given != needed:
            raise SrlabError(
                f"data.degradation={name}: {method.label} has to be told of it by {needed} values, and it gives "
                f"{given or 'none'}. Choose one whose kernel and noise are known, such as bicubic or srmd."
            )


def _check_metrics(config: TrainConfig, method: SuperResolver) -> None:
    """Sets what validation measures. Raises SrlabError for unknown metrics, or a monitor that is none of them."""
    method.meters = validation_meters(config, torch.device("cpu"))
    lower_is_better(monitor_of(config, method), [meter.metric for meter in method.meters])


def validation_meters(config: TrainConfig, device: torch.device) -> tuple[Meter, ...]:
    """Returns PSNR and the other metrics of `metrics=`, whose networks are on `device`."""
    names = list(dict.fromkeys(["psnr", *map(str, as_list(config.metrics))]))
    backbones = {name: config.weights.get(name) for name in BACKBONES_OF_METRICS}
    return meters_of(names, backbones, device, used_backbones(config.loss))


def monitor_of(config: TrainConfig, method: SuperResolver) -> str:
    """Returns what the best checkpoint is best by: trainer.monitor, or the method's own."""
    return method.monitor if config.trainer.monitor == "auto" else config.trainer.monitor


def _check_start(run: TrainingRun) -> None:
    config = run.config
    if isinstance(run.method, FittedMethod) and (config.init_from is not None or config.pretrain is not None):
        raise SrlabError(f"init_from: {run.method.label} is computed anew from the training images. Leave it out.")
    if run.method.starts_trained and run.resumed is None and config.init_from is None and config.pretrain is None:
        needed = " or ".join(run.method.takes_weights_of)
        raise SrlabError(
            f"{run.method.label} starts from the weights of a trained {needed}: say init_from=CKPT (python train.py "
            f"model={needed} makes one), or experiment=srgan_vgg54, which trains both; init_from=scratch does without."
        )
    if run.resumed is None and config.init_from not in (None, SCRATCH):
        check_exists(zoo.located(str(config.init_from)))  # before the images are read, which may take minutes


def measured_sets(config: TrainConfig) -> list[ImageSet]:
    """Returns the sets of the final evaluation."""
    return evaluation_sets(
        config.sets, Path(config.data.root).expanduser(), config.data.degradation, config.data.recursive
    )


def _scales(config: TrainConfig, method: SuperResolver) -> list[int]:
    scales, own = as_scales(config.scale), method.traits.scales
    if not scales:
        raise SrlabError("scale: a value is needed, such as scale=2.")
    if own is not None and not set(scales) <= set(own):
        raise SrlabError(f"scale={config.scale}: {method.label} was built for {', '.join(map(str, own))}.")
    return scales

"""The LightningDataModule: training patches and whole validation images from a config."""

import signal
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from srlab.config.schema import DataConfig
from srlab.data import photos
from srlab.data.batch import Batch, Pair
from srlab.data.catalog import CATALOG, known_set, no_track, present
from srlab.data.degradations import find_degradation
from srlab.data.evaluation_sets import catalog_set, photo_set
from srlab.data.growth import growth_of
from srlab.data.image_sets import ImageSet
from srlab.data.patches import PatchDataset
from srlab.data.random_draws import PatchSampler, PatchShape
from srlab.data.sources import find_sources
from srlab.data.store import Store
from srlab.data.training_set import TrainingSet, from_sources, synthetic, without_small
from srlab.errors import SrlabError, nearest
from srlab.metrics.protocol import Protocol

KINDS = ("auto", "sample", "div2k", "folder")


def resolve_kind(kind: str, root: Path) -> str:
    """Returns the kind of data; auto becomes div2k if it is under `root`, else sample.

    Raises:
        SrlabError: an unknown kind.
    """
    if kind not in KINDS:
        raise SrlabError(f"data.kind={kind}: expected one of {', '.join(KINDS)}.{nearest(kind, KINDS)}")
    if kind != "auto":
        return kind
    return "div2k" if present(CATALOG["div2k_train"], root) else "sample"


class SuperResolutionData(pl.LightningDataModule):
    """Patches to train on, and whole images to validate on. Training images are decoded once, into data.cache.

    Args:
        config: the options under `data`.
        scales: those that the method is trained at.
        protocol: under which validation images are prepared.
        seed: of the patches.
        batches: of the whole training; data.growth is a share of them.

    Raises:
        SrlabError: images that are missing or too small, or options that do not fit together.
    """

    def __init__(
        self, config: DataConfig, scales: Sequence[int], protocol: Protocol, seed: int, batches: int = 0
    ) -> None:
        super().__init__()
        self.config, self.scales, self.protocol, self.seed = config, tuple(scales), protocol, seed
        self.root, self.cache = Path(config.root).expanduser(), Path(config.cache)
        self.kind = resolve_kind(config.kind, self.root)
        self.degradation = find_degradation(config.degradation)  # of training patches
        if config.train_degradation is not None:
            self.degradation = find_degradation(config.train_degradation, "data.train_degradation")
        self.notes: list[str] = []  # to be printed once, such as LR files that are not used
        training, self.validation = self._split()
        self.shape = PatchShape(config.patch_size, config.hr_patch_size, config.margin, config.patch_sizes or {})
        self.growth = growth_of(config.growth, self.scales, batches)
        self.training = without_small(training, self.shape.needed(self.scales), config.small_images)
        self.stores: tuple[Store, dict[int, Store]] | None = None
        self.batches_together = 1  # in one item of the loader, for methods that accumulate gradients themselves
        self.memory_format = torch.contiguous_format  # of training patches; fastest if it is the network's

    def _split(self) -> tuple[TrainingSet, ImageSet]:
        config, most = self.config, self.config.valid_images
        if self.kind != "folder" and (config.train or config.valid is not None):
            unread = f"train=[{','.join(config.train)}]" if config.train else f"valid={config.valid}"
            raise SrlabError(f"data.{unread}: only data=folder reads it. Say data=folder, or leave it out.")
        if self.kind == "sample":
            for degradation in (self.degradation, find_degradation(config.degradation)):
                if degradation.needs_files:
                    raise no_track("data=sample", degradation.name)
            images = photo_set("sample", photos.VALIDATION, config.degradation)
            generated = synthetic(config.sample_images, config.sample_size, degradation=self.degradation)
            return generated, images.first(most)
        div2k = self.kind == "div2k"
        train, valid = (["div2k_train"], "div2k_valid") if div2k else (config.train, config.valid)
        if not train:
            raise SrlabError("data=folder needs data.train=[DIR,...]: folders of HR images, or names of sets.")
        sources = find_sources(train, self.root, self.degradation.name, config.recursive)
        self.notes += [note for source in sources for note in source.notes]
        files = [path for source in sources for path in source.files]
        if valid is not None:
            return from_sources(sources, self.cache), self._validation(valid, files)
        held_out = set(_every_nth(files, most))
        if len(held_out) == len(files):
            raise SrlabError(
                f"data.train: {len(files)} image(s) leave none to train on. Add images, or set data.valid."
            )
        measured = find_sources(train, self.root, config.degradation, config.recursive)
        pictures = [picture for source in measured for picture in source.pictures(held_out)]
        images = ImageSet("held out", tuple(pictures), config.degradation)
        return from_sources([source.without(held_out) for source in sources], self.cache), images

    def _validation(self, valid: str, training: Sequence[Path]) -> ImageSet:
        """Returns the images of data.valid, a folder or a set. Raises SrlabError if some of them are trained on."""
        degradation, most = self.config.degradation, self.config.valid_images
        sources = find_sources([valid], self.root, degradation, self.config.recursive)
        files = [path for source in sources for path in source.files][:most]
        both = {path.resolve() for path in files} & {path.resolve() for path in training}
        if both:
            raise SrlabError(f"data.valid: {min(both)} is among the training images. Choose a folder of its own.")
        self.notes += [note for source in sources for note in source.notes]
        entry = known_set(valid)
        if entry is not None:
            return catalog_set(entry, self.root, degradation).first(most)
        pictures = [picture for source in sources for picture in source.pictures(files)]
        return ImageSet("valid", tuple(pictures), degradation)

    def state_dict(self) -> dict[str, Any]:
        """Returns all that decides the patches of a step. Checkpoints hold it; a resumed run must have the same."""
        config = self.config
        return {
            "seed": self.seed,
            "scales": list(self.scales),
            "scale_per": config.scale_per,
            "patch_size": config.patch_size,
            "hr_patch_size": config.hr_patch_size,
            "patch_sizes": [[scale, self.shape.lr_of_scale[scale]] for scale in sorted(self.shape.lr_of_scale)],
            "growth": [[scale, *self.growth.windows[scale]] for scale in sorted(self.growth.windows)],
            "margin": config.margin,
            "curriculum": config.curriculum,
            "batch_size": config.batch_size,
            "augment": config.augment,
            "degradation": self.degradation.name,
            # Older versions wrote another entry, of paths and times, which says nothing of the content.
            "images": f"{len(self.training.names)} images, {self.training.key}",
            "lr_images": self._lr_images,
        }

    @cached_property
    def _lr_images(self) -> list[list[Any]]:
        """What identifies the LR files that the patches are cut from, for the scales that have some."""
        keys = {scale: self.training.lr_keys(self.cache, scale) for scale in self._scales_with_stores}
        return [[scale, *keys[scale]] for scale in sorted(keys) if any(keys[scale])]

    @property
    def _scales_with_stores(self) -> list[int]:
        """The scales whose LR images are kept; those of random degradations are made anew for every patch."""
        return [scale for scale in self.scales if self.degradation.context(scale) is None]

    def check_validation(self) -> None:
        """Raises SrlabError for a validation image that cannot be decoded, measured, or paired with its LR file."""
        self.validation.check(self.scales, self.protocol)
        for index in range(len(self.validation.pictures)):
            for scale in self.scales:
                pair = self.validation.pair(index, scale, self.protocol)
                self.protocol.check_size(pair.hr, scale)

    def prepare_data(self) -> None:
        """Builds the stores. Lightning calls it in one process of each machine while the others wait."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Opens the stores, once."""
        if self.stores is None:
            hr = self.training.hr_store(self.cache)
            self.degradation.check_scales(self.scales)
            self.stores = hr, {s: self.training.lr_store(self.cache, s) for s in self._scales_with_stores}

    def dataset(self, steps: range, rank: int = 0, world: int = 1) -> PatchDataset:
        """Returns the patches of some steps.

        Args:
            steps: of the whole training, counted in batches.
            rank: of this process.
            world: number of processes.

        Raises:
            SrlabError: the batch size is not a multiple of the number of processes.
        """
        if self.config.batch_size % world:
            raise SrlabError(f"data.batch_size={self.config.batch_size}: must be a multiple of {world}, the processes.")
        self.setup()
        assert self.stores is not None
        hr, lr = self.stores
        sampler = PatchSampler(
            {scale: lr[scale].sizes if scale in lr else hr.sizes // scale for scale in self.scales},
            self.shape,
            self.config.batch_size,
            self.seed,
            self.config.augment,
            self.config.scale_per,
            self.growth,
        )
        versions, curriculum = self.training.versions, self.config.curriculum
        return PatchDataset(hr, lr, sampler, steps, rank, world, versions, self.degradation, curriculum)

    def train_dataloader(self) -> DataLoader:
        """Returns the batches from the trainer's current step on, which Lightning has restored if the run resumes."""
        trainer = self.trainer
        assert trainer is not None
        accumulated = trainer.accumulate_grad_batches * self.batches_together
        steps = range(trainer.global_step * accumulated, trainer.max_steps * accumulated)
        dataset = self.dataset(steps, trainer.global_rank, trainer.world_size)
        dataset.together = self.batches_together
        return DataLoader(
            dataset,
            batch_size=None,
            num_workers=self.config.num_workers,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=False,
            worker_init_fn=_undisturbed,
        )

    def val_dataloader(self) -> DataLoader:
        """Returns this rank's share of the validation images. Shares may differ in size."""
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer is not None else (0, 1)
        return DataLoader(
            _Pairs(self.validation, self.scales, self.protocol, rank, world), batch_size=None, collate_fn=_as_it_is
        )

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Converts uint8 to float in [0, 1]; done on the device because uint8 is a quarter of the bytes to copy."""
        if isinstance(batch, Batch):
            easier = None if batch.easier is None else self._as_float(batch.easier)
            return batch._replace(lr=self._as_float(batch.lr), hr=self._as_float(batch.hr), easier=easier)
        if isinstance(batch, list):
            return [self.on_after_batch_transfer(part, dataloader_idx) for part in batch]
        return batch

    def _as_float(self, patches: torch.Tensor) -> torch.Tensor:
        return patches.to(torch.float32, memory_format=self.memory_format) / 255


class _Pairs(Dataset[Pair]):
    """Validation images at every scale; each is prepared once and kept in memory."""

    def __init__(self, images: ImageSet, scales: Sequence[int], protocol: Protocol, rank: int, world: int) -> None:
        everything = [(index, scale) for scale in scales for index in range(len(images.pictures))]
        # Lightning needs a batch on every rank. An image that two ranks measure is counted once, by its name.
        self.share = everything[rank::world] or everything[:1]
        self.images, self.protocol = images, protocol
        self.made: dict[int, Pair] = {}

    def __len__(self) -> int:
        return len(self.share)

    def __getitem__(self, i: int) -> Pair:
        if i not in self.made:
            index, scale = self.share[i]
            self.made[i] = self.images.pair(index, scale, self.protocol)
        return self.made[i]


def _undisturbed(worker: int) -> None:
    """Has a loader process ignore what asks the run to end: the run still needs it for the step that it finishes.

    Ctrl-C and schedulers send signals to all processes of a run. A loader process ends with its parent in any case.
    """
    for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _as_it_is(pair: Any) -> Any:
    """Collates nothing: PyTorch's default would convert the reference image to a tensor."""
    return pair


def _every_nth(files: Sequence[Path], most: int) -> list[Path]:
    """Returns a tenth of the files, but at least one and at most `most`, spread evenly over the list."""
    count = max(1, min(most, len(files) // 10))
    return [files[i * len(files) // count] for i in range(count)]

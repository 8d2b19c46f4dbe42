"""The LightningDataModule: training patches and whole validation images from a config."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from srlab.data import photos
from srlab.data.batch import Batch, Pair
from srlab.data.catalog import CATALOG, present
from srlab.data.images import list_images
from srlab.data.pairs import ImageSet, catalog_set, folder_set, photo_set
from srlab.data.patches import PatchDataset, PatchSampler
from srlab.data.store import Store
from srlab.data.training_set import TrainingSet, div2k, from_files, from_folders, synthetic, without_small
from srlab.errors import SrlabError, nearest
from srlab.metrics.protocol import Protocol
from srlab.schema import DataConfig

KINDS = ("auto", "sample", "div2k", "folder")


def resolve_kind(kind: str, root: Path) -> str:
    """auto -> div2k where the root has it, else sample. Raises SrlabError for an unknown kind."""
    if kind not in KINDS:
        raise SrlabError(f"data.kind={kind}: expected one of {', '.join(KINDS)}.{nearest(kind, KINDS)}")
    if kind != "auto":
        return kind
    return "div2k" if present(CATALOG["div2k_train"], root) else "sample"


class SuperResolutionData(pl.LightningDataModule):
    """Patches to train on and held-out images to validate on; benchmarks are never among them.

    scales: of the method. protocol: under which validation images are made. Images are decoded once, into data.cache.
    """

    def __init__(self, config: DataConfig, scales: Sequence[int], protocol: Protocol, seed: int) -> None:
        super().__init__()
        self.config, self.scales, self.protocol, self.seed = config, tuple(scales), protocol, seed
        self.root, self.cache = Path(config.root).expanduser(), Path(config.cache)
        self.kind = resolve_kind(config.kind, self.root)
        training, self.validation = self._split()
        self.training = without_small(training, config.patch_size * max(self.scales), config.small_images)
        self.stores: tuple[Store, dict[int, Store]] | None = None

    def _split(self) -> tuple[TrainingSet, ImageSet]:
        config, most = self.config, self.config.valid_images
        if self.kind == "sample":
            valid = photo_set("sample", photos.VALIDATION)
            return synthetic(config.sample_images, config.sample_size), ImageSet(valid.name, valid.pictures[:most])
        if self.kind == "div2k":
            valid = catalog_set(CATALOG["div2k_valid"], self.root)
            return div2k(self.root), ImageSet(valid.name, valid.pictures[:most])
        files = from_folders(config.train)
        if config.valid is not None:
            held_out = list_images(Path(config.valid).expanduser())[:most]
            both = {path.resolve() for path in held_out} & {path.resolve() for path in files}
            if both:
                raise SrlabError(f"data.valid: {min(both)} is among the training images. Choose a folder of its own.")
            return from_files(files), folder_set("valid", held_out)
        held_out = _every_nth(files, most)
        if len(held_out) == len(files):
            raise SrlabError(
                f"data.train: {len(files)} image(s) leave none to train on. Add images, or set data.valid."
            )
        return from_files([path for path in files if path not in set(held_out)]), folder_set("held out", held_out)

    def state_dict(self) -> dict[str, Any]:
        """What decides the patches of every step; stands in checkpoints, so that a resumed run can be held to it."""
        config = self.config
        return {
            "seed": self.seed,
            "scales": list(self.scales),
            "patch_size": config.patch_size,
            "batch_size": config.batch_size,
            "augment": config.augment,
            "training images": self.training.key,
        }

    def check_validation(self) -> None:
        """Raises SrlabError for a validation image that cannot be decoded or is too small to be measured."""
        for index in range(len(self.validation.pictures)):
            for scale in self.scales:
                pair = self.validation.pair(index, scale, self.protocol)
                self.protocol.check_size(pair.hr, scale)

    def prepare_data(self) -> None:
        """Builds the stores; Lightning calls it in one process of a machine while the others wait."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Opens the stores, once."""
        if self.stores is None:
            hr = self.training.hr_store(self.cache)
            self.stores = hr, {scale: self.training.lr_store(self.cache, scale) for scale in self.scales}

    def dataset(self, steps: range, rank: int = 0, world: int = 1) -> PatchDataset:
        """The patches of these steps. Raises SrlabError where the batch cannot be shared among the processes."""
        if self.config.batch_size % world:
            raise SrlabError(f"data.batch_size={self.config.batch_size}: must be a multiple of {world}, the processes.")
        self.setup()
        assert self.stores is not None
        hr, lr = self.stores
        sampler = PatchSampler(
            {scale: store.sizes for scale, store in lr.items()},
            self.config.patch_size,
            self.config.batch_size,
            self.seed,
            self.config.augment,
        )
        return PatchDataset(hr, lr, sampler, steps, rank, world)

    def train_dataloader(self) -> DataLoader:
        """From the trainer's step on: Lightning has restored it by now where the run resumes."""
        trainer = self.trainer
        assert trainer is not None
        accumulated = trainer.accumulate_grad_batches
        steps = range(trainer.global_step * accumulated, trainer.max_steps * accumulated)
        return DataLoader(
            self.dataset(steps, trainer.global_rank, trainer.world_size),
            batch_size=None,
            num_workers=self.config.num_workers,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=False,
        )

    def val_dataloader(self) -> DataLoader:
        """This rank's share of the whole images. Shares may differ in size."""
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer is not None else (0, 1)
        return DataLoader(
            _Pairs(self.validation, self.scales, self.protocol, rank, world), batch_size=None, collate_fn=_as_it_is
        )

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """uint8 -> float in [0, 1], on the device: a quarter of the bytes travel."""
        if isinstance(batch, Batch):
            return batch._replace(lr=batch.lr.float() / 255, hr=batch.hr.float() / 255)
        return batch


class _Pairs(Dataset[Pair]):
    """Validation images at every scale; each is made once and kept."""

    def __init__(self, images: ImageSet, scales: Sequence[int], protocol: Protocol, rank: int, world: int) -> None:
        everything = [(index, scale) for scale in scales for index in range(len(images.pictures))]
        # Lightning wants a batch on every rank; an image that two ranks measure counts once, by its name.
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


def _as_it_is(pair: Any) -> Any:
    """PyTorch would turn the reference's array into a tensor."""
    return pair


def _every_nth(files: Sequence[Path], most: int) -> list[Path]:
    """At least one file, at most `most`, and otherwise a tenth of them, spread evenly over the list."""
    count = max(1, min(most, len(files) // 10))
    return [files[i * len(files) // count] for i in range(count)]

"""What is known of a trained network beside its weights: quality, training images and their terms, licence."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from srlab.finite import from_json, to_json


@dataclass(frozen=True)
class Row:
    """What was measured on a set.

    Attributes:
        set: its name.
        scale: of the super-resolution.
        protocol: under which it was measured.
        psnr: in dB; infinite where every image is equal to its reference.
        ssim: mean over the images; None where it was not measured.
    """

    set: str
    scale: int
    protocol: str
    psnr: float
    ssim: float | None

    def plain(self) -> dict[str, Any]:
        """Returns it for JSON."""
        ssim = None if self.ssim is None else to_json(self.ssim)
        return {**asdict(self), "psnr": to_json(self.psnr), "ssim": ssim}

    @classmethod
    def of_plain(cls, content: Mapping[str, Any]) -> "Row":
        """Returns what `plain` has written."""
        ssim = None if content["ssim"] is None else from_json(content["ssim"])
        return cls(**{**content, "psnr": from_json(content["psnr"]), "ssim": ssim})

    def __str__(self) -> str:
        values = [("PSNR", self.psnr, ".2f", " dB"), ("SSIM", self.ssim, ".4f", "")]
        shown = [f"{name} {value:{form}}{unit}" for name, value, form, unit in values if value is not None]
        return f"{self.set} x{self.scale}, protocol {self.protocol}: {', '.join(shown)}"


@dataclass(frozen=True)
class Images:
    """A set of training images.

    Attributes:
        set: its name.
        terms: under which its images may be used, as far as that is on record.
    """

    set: str
    terms: str


@dataclass(frozen=True)
class About:
    """What is known of a network.

    Attributes:
        rows: the benchmarks.
        images: that it was trained on.
        notes: what else to know.
        license: of the weights, by its name on the hub, such as cc-by-4.0; "" where nobody has chosen one.
    """

    rows: tuple[Row, ...] = ()
    images: tuple[Images, ...] = ()
    notes: tuple[str, ...] = ()
    license: str = ""

    def plain(self) -> dict[str, Any]:
        """Returns it as dictionaries and lists, for JSON."""
        return {**asdict(self), "rows": [row.plain() for row in self.rows]}

    @classmethod
    def of_plain(cls, content: Mapping[str, Any]) -> "About":
        """Returns what `plain` has written."""
        return cls(
            tuple(map(Row.of_plain, content.get("rows", ()))),
            tuple(Images(**images) for images in content.get("images", ())),
            tuple(content.get("notes", ())),
            content.get("license", ""),
        )

    def words(self) -> dict[str, str]:
        """Returns it as text by topic, without the topics of which nothing is known."""
        found = {
            "license": self.license,
            "results": "; ".join(map(str, self.rows)),
            "training_images": "; ".join(f"{images.set} ({images.terms})" for images in self.images),
            "notes": " ".join(self.notes),
        }
        return {topic: text for topic, text in found.items() if text}

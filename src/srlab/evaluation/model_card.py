"""Model cards for the Hugging Face hub: README.md, with the metadata that the hub reads at its head."""

from pathlib import Path
from typing import Any

import yaml

from srlab import finite
from srlab.weights.about import About, Row
from srlab.weights.packed import MARK, in_words, read_packed

METRICS = {"psnr": "PSNR, dB", "ssim": "SSIM"}


def model_card(repository: str, packed: Path, about: About) -> str:
    """Returns a card in Markdown.

    Args:
        repository: USER/NAME.
        packed: the .safetensors file of the network, as `write_packed` makes it.
        about: what is known of it.
    """
    content = read_packed(packed)
    words = in_words(content)
    recipe: dict[str, Any] = content["hyper_parameters"]["recipe"] or {}
    title = recipe.get("name", words["network"])
    head = yaml.safe_dump(_metadata(repository, title, about), sort_keys=False, allow_unicode=True)
    parameters = sum(value.numel() for value in content["state_dict"].values())
    scales = ", ".join(f"x{scale}" for scale in words["scale"].split(", ")) if words["scale"] != "any" else "any scale"
    sections = [
        f"# {title}",
        f"Single-image super-resolution, {scales}: {words['network']} with {parameters:,} values, made with srlab "
        f"{content[MARK]['version']}.",
        "## Use",
        "```\npip install 'srlab[hub]'\n```",
        f'```python\nimport srlab\n\nnetwork = srlab.load("{repository}"{_example_scale(words["scale"])})\n'
        f'network("photo.jpg").save("large.png")\n```',
        f"It takes {words.get('range', 'images of any channels, 0 to 1')}. srlab converts colours by itself.",
        *_results(about.rows),
        *_training(recipe, about),
        "## Licence",
        _licence(about),
        "## Network",
        f"`{words['arguments']}`",
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(sections) + "\n"


def _metadata(repository: str, title: str, about: About) -> dict[str, Any]:
    """What the hub reads: https://huggingface.co/docs/hub/model-cards, "Evaluation Results" included."""
    found: dict[str, Any] = {"license": about.license} if about.license else {}
    found |= {"library_name": "srlab", "pipeline_tag": "image-to-image", "tags": ["super-resolution", title]}
    measured = [result for row in about.rows if (result := _result(row)) is not None]
    if measured:
        found["model-index"] = [{"name": repository.partition("/")[2], "results": measured}]
    return found


def _result(row: Row) -> dict[str, Any] | None:
    values = [
        {"type": key, "value": round(value, 4), "name": f"{name} ({row.protocol})"}
        for key, name in METRICS.items()
        if (value := finite.or_none(getattr(row, key))) is not None
    ]
    task = {"type": "image-to-image", "name": f"Super-resolution x{row.scale}"}
    return {"task": task, "dataset": {"type": row.set, "name": row.set}, "metrics": values} if values else None


def _results(rows: tuple[Row, ...]) -> list[str]:
    if not rows:
        return []
    lines = ["| set | scale | protocol | PSNR, dB | SSIM |", "|---|---|---|---|---|"]
    for row in rows:
        psnr, ssim = (
            "-" if value is None else f"{value:{form}}" for value, form in ((row.psnr, ".2f"), (row.ssim, ".4f"))
        )
        lines.append(f"| {row.set} | x{row.scale} | {row.protocol} | {psnr} | {ssim} |")
    about = "A protocol says which channel is measured, what is cut from the border, and how values are rounded."
    return ["## Results", "\n".join(lines), about]


def _training(recipe: dict[str, Any], about: About) -> list[str]:
    lines = []
    if about.images:
        lines.append("| training images | their terms |\n|---|---|")
        lines[-1] += "".join(f"\n| {images.set} | {images.terms} |" for images in about.images)
    if recipe:
        terms = [f"{options.get('weight')} {term}" for term, options in recipe["loss"].items() if options.get("weight")]
        optimizer = recipe["optimizer"]
        lines.append(
            f"Loss: {' + '.join(terms)}; {optimizer['name']} at a learning rate of {optimizer['learning_rate']:g}; "
            f"{recipe['max_steps']:,} steps."
        )
    lines += about.notes
    return ["## Training", *lines] if lines else []


def _licence(about: About) -> str:
    chosen = f"The weights: {about.license}." if about.license else "Nobody has chosen a licence for these weights."
    terms = " The terms of the training images, above, may limit their use." if about.images else ""
    return chosen + terms


def _example_scale(scale: str) -> str:
    """The argument that the example needs where the network has several scales, or any."""
    return "" if scale.isdecimal() else f", scale={scale.partition(',')[0] if scale != 'any' else 2}"

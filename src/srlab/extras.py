"""The packages that only some commands need, and what to install where one of them is missing."""

from importlib.util import find_spec

from srlab.errors import SrlabError

# extra of pyproject.toml -> the modules that it brings
EXTRAS = {
    "wandb": ("wandb",),
    "tensorboard": ("tensorboard",),
    "mos": ("starlette", "uvicorn", "sureal"),
    "classic": ("numba",),
    "photos": ("pillow_heif",),
    "jxl": ("pillow_jxl",),
    "zoo": ("spandrel",),
    "export": ("onnx", "onnxscript", "onnxruntime"),
    "ncnn": ("pnnx", "ncnn"),
    "openvino": ("openvino",),
    "hub": ("huggingface_hub",),
    "web": ("starlette", "uvicorn"),
}
# Hydra imports the plugins of the extra "sweep" by itself, and says only that it cannot find these.
PLUGINS = ("sweeper/optuna", "launcher/submitit_local", "launcher/submitit_slurm")


def require_extra(extra: str, wanted: str) -> None:
    """Checks that the packages of an extra are installed. They are looked for, not imported.

    Args:
        extra: a key of EXTRAS.
        wanted: what needs them, such as logger=wandb; the error begins with it.

    Raises:
        SrlabError: one is missing; the message says what to install.
    """
    for module in EXTRAS[extra]:
        if find_spec(module) is None:
            raise SrlabError(f"{wanted}: the package {module} is not installed. Run: pip install 'srlab[{extra}]'")


def check_for_missing_plugin(message: str) -> None:
    """Raises SrlabError where an error of Hydra says that it cannot find a plugin of the extra "sweep"."""
    for plugin in PLUGINS:
        if f"Could not find 'hydra/{plugin}'" in message:
            word = f"hydra/{plugin.replace('/', '=')}"
            raise SrlabError(f"{word}: the plugin is not installed. Run: pip install 'srlab[sweep]'") from None

"""Composes conf/train.yaml or conf/evaluate.yaml with the words of a command line, as Hydra does."""

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig

from srlab.config.folder import CONF
from srlab.errors import SrlabError
from srlab.extras import check_for_missing_plugin


def compose(name: str, overrides: list[str] | None = None, hydra_too: bool = False) -> DictConfig:
    """Composes a configuration.

    Args:
        name: train or evaluate.
        overrides: words of a command line, such as model=edsr.
        hydra_too: keep Hydra's own part, the key `hydra`.
    """
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(name, overrides or [], return_hydra_config=hydra_too)


def composed(name: str, words: list[str], hydra_too: bool = False) -> DictConfig:
    """As `compose`, for words that a person wrote.

    Raises:
        SrlabError: what Hydra says in several lines, as one.
    """
    try:
        return compose(name, words, hydra_too)
    except HydraException as error:
        check_for_missing_plugin(str(error))
        cause = str(error.__cause__ or "").partition("\n")[0]
        key = str(error).partition("'")[2].partition("'")[0]
        if key.startswith("model.network.") and "is not in struct" in cause:
            raise SrlabError(f"{key}: the chosen model has no such option; conf/model shows what it has.") from None
        raise SrlabError(" ".join([*str(error).partition("\n")[:1], cause]).strip()) from None
    except (AttributeError, AssertionError):  # OmegaConf's, since Hydra's own configuration has null there
        if not any("hydra.sweeper.params" in word for word in words):
            raise
        raise SrlabError(
            "hydra.sweeper.params: stands in a sweep's yaml alone. Here, give the values themselves, as in seed=1,2."
        ) from None

"""Repositories of the Hugging Face hub: which text names one, the file of weights in it, and uploads."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from srlab.errors import SrlabError
from srlab.extras import require_extra
from srlab.weights.files import SUFFIXES

WEIGHTS = "model.safetensors"  # in a repository
CARD = "README.md"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"


def is_repository(text: str) -> bool:
    """Tells whether a text can name a repository, USER/NAME, rather than a file of weights."""
    looks = re.fullmatch(f"{_NAME}/{_NAME}", text) is not None
    return looks and not text.lower().endswith((*SUFFIXES, ".ckpt"))


def downloaded(repository: str) -> Path:
    """Returns the file of a repository's weights, out of the cache where the hub cannot be reached.

    The cache is that of huggingface_hub, below HF_HOME. A token is taken from HF_TOKEN or from `hf auth login`.

    Args:
        repository: USER/NAME.

    Raises:
        SrlabError: there is no such repository, it has no such file, access is denied, or the hub cannot be reached and
            nothing is cached.
    """
    require_extra("hub", f"{repository}: no such file or folder, and for a repository of the Hugging Face hub")
    from huggingface_hub import (  # noqa: PLC0415 - an extra
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        try_to_load_from_cache,
    )

    with one_line_errors(repository):
        if not isinstance(try_to_load_from_cache(repository, WEIGHTS), str):
            get_hf_file_metadata(hf_hub_url(repository, WEIGHTS))  # a hub that is away is an error at once, not in 20 s
        return Path(hf_hub_download(repository, WEIGHTS, library_name="srlab"))


def uploaded(repository: str, files: Mapping[str, bytes | Path], private: bool, message: str) -> str:
    """Makes a repository, where there is none, and adds files to it in one commit.

    Args:
        repository: USER/NAME.
        files: by their names in the repository: their content, or where they are.
        private: whether a repository that is made is seen by its owner alone.
        message: of the commit.

    Returns:
        The repository's address.

    Raises:
        SrlabError: no or a wrong token, a name that the hub does not allow, or the hub cannot be reached.
    """
    require_extra("hub", f"srlab hub push {repository}")
    from huggingface_hub import CommitOperationAdd, HfApi  # noqa: PLC0415 - an extra

    api = HfApi(library_name="srlab")
    with one_line_errors(repository, sends=True):
        address = api.create_repo(repository, private=private, exist_ok=True)
        operations = [CommitOperationAdd(name, content) for name, content in files.items()]
        api.create_commit(repository, operations, commit_message=message)
        return str(address)


@contextmanager
def one_line_errors(repository: str, sends: bool = False) -> Iterator[None]:
    """Turns what huggingface_hub raises into an SrlabError about a repository, to which something is sent or not."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError  # noqa: PLC0415 - an extra

    known = (EntryNotFoundError, HfHubHTTPError, HFValidationError, OSError)
    try:
        yield
    except Exception as problem:
        # The library that it speaks HTTP by has another name in every major version.
        library = type(problem).__module__.partition(".")[0]
        if not isinstance(problem, known) and library not in ("httpx", "httpx2", "httpcore", "httpcore2"):
            raise
        raise SrlabError(f"{repository}: {_explained(problem, sends)}") from None


def _explained(problem: Exception, sends: bool) -> str:
    """Says what is wrong and what to do."""
    from huggingface_hub import errors  # noqa: PLC0415 - an extra

    log_in = "set HF_TOKEN, or run: hf auth login"
    status = _status(problem)
    if isinstance(problem, errors.GatedRepoError):
        return f"its owner asks for consent first. Give it on the hub's page, then {log_in}."
    # To a stranger the hub says that there is no such repository, whatever there is.
    if sends and (
        isinstance(problem, (errors.LocalTokenNotFoundError, errors.RepositoryNotFoundError)) or status == 401
    ):
        return f"the hub takes files only with a token that it knows: {log_in}."
    fitting = (what for kind, what in _WHAT.items() if isinstance(problem, getattr(errors, kind)))
    if (what := next(fitting, None)) is not None:
        return what.format(log_in=log_in)
    if status == 403:
        return f"the hub refuses (403): the token has no right to do that; {log_in}."
    if isinstance(problem, OSError) and problem.filename is not None:
        return f"{problem.filename} cannot be written ({problem.strerror}). HF_HOME says where the cache is."
    answers = "cannot be reached" if status is None else f"answers {status}"
    return f"the hub {answers} ({_first_line(problem)})."


# The client's errors, the special ones first.
_WHAT = {
    "HFValidationError": "not a name that the hub allows.",
    "RepositoryNotFoundError": "no such file or folder, and no such repository on the hub, or a private one: {log_in}.",
    "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set, and it is not in the cache. Unset it.",
    "LocalEntryNotFoundError": "not in the cache, and the hub cannot be reached. Connect, or give a file.",
    "EntryNotFoundError": f"the repository has no {WEIGHTS}, so it is not one of srlab's.",
}


def _status(problem: Exception) -> int | None:
    response = getattr(problem, "response", None)
    return None if response is None else int(response.status_code)


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0].rstrip(".") or type(problem).__name__

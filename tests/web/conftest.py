"""Two servers: one as a person starts it, and one with small limits."""

import pytest
from web_server import web_server


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    with web_server(tmp_path_factory.mktemp("web")) as server:
        yield server


@pytest.fixture(scope="session")
def narrow(tmp_path_factory):
    """One photo at a time and nobody waits, of 0.05 megapixels, for 3 seconds."""
    with web_server(tmp_path_factory.mktemp("narrow"), "line=1", "megapixels=0.05", "minutes=0.05") as server:
        yield server

"""One small study, exported once, and a copy of it without ratings for every test."""

import pytest
from mos_rehearsal import copy_of
from mos_study import make_study


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    # 10 trials for calibration, 10 of the 25 images, and 3 of them again
    return make_study(tmp_path_factory.mktemp("mos"), per_rater=10, repeats=3)


@pytest.fixture
def study(exported, tmp_path):
    return copy_of(exported, tmp_path / "study")

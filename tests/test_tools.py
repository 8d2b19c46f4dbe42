"""The scripts in tools/."""

import subprocess
import sys

from helpers import ROOT


def test_the_dashboard_needs_its_package():
    code = "import sys; sys.modules['wandb_workspaces'] = None; import runpy; runpy.run_path(sys.argv[1])"
    command = [sys.executable, "-c", code, str(ROOT / "tools" / "wandb_workspace.py")]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 1
    assert finished.stderr == (
        "error: the package wandb-workspaces is not installed. Run: pip install wandb-workspaces\n"
    )

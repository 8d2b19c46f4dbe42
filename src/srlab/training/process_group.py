"""What this process is a part of: nothing, a job that srlab has started, or one that torchrun or SLURM has."""

import os
import re
from dataclasses import dataclass

from lightning_fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from pytorch_lightning.plugins.environments import ClusterEnvironment

RANK, WORLD, PORT = "SRLAB_RANK", "SRLAB_WORLD", "SRLAB_PORT"

# By which libraries know a process group. A job's own processes must not see another's.
FOREIGN = (
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "NODE_RANK",
    "GROUP_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
)
FOREIGN_PREFIXES = ("TORCHELASTIC_", "SLURM_", "PL_")


class JobEnvironment(ClusterEnvironment):
    """One job on this machine, whose processes srlab has started."""

    def __init__(self, rank: int, world: int, port: int) -> None:
        super().__init__()
        self._rank, self._world, self._port = rank, world, port

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        return self._port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self._world

    def set_world_size(self, size: int) -> None:
        """Fixed when the processes were started."""

    def global_rank(self) -> int:
        return self._rank

    def set_global_rank(self, rank: int) -> None:
        """Fixed when the processes were started."""

    def local_rank(self) -> int:
        return self._rank

    def node_rank(self) -> int:
        return 0


@dataclass(frozen=True)
class Process:
    """environment: Lightning's view of the process group; None for a program that a person started by itself.

    local: processes of the group on this machine. starter: srlab, torchrun or srun; '' without a group.
    """

    environment: ClusterEnvironment | None = None
    local: int = 1
    starter: str = ""

    @property
    def rank(self) -> int:
        return 0 if self.environment is None else self.environment.global_rank()

    @property
    def world(self) -> int:
        return 1 if self.environment is None else self.environment.world_size()

    @property
    def nodes(self) -> int:
        return self.world // self.local

    @property
    def leads(self) -> bool:
        """Whether it makes the run's folder and speaks for the group. srlab's processes find the folder made."""
        return self.starter != "srlab" and self.rank == 0


def this_process() -> Process:
    """From the environment's variables."""
    if RANK in os.environ:
        rank, world, port = (int(os.environ[name]) for name in (RANK, WORLD, PORT))
        return Process(JobEnvironment(rank, world, port), world, "srlab")
    if TorchElasticEnvironment.detect():
        return Process(TorchElasticEnvironment(), int(os.environ["LOCAL_WORLD_SIZE"]), "torchrun")
    # Of the step that srun started: the batch script itself has SLURM_NTASKS too, and is one process.
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return Process(SLURMEnvironment(auto_requeue=False), _tasks_per_node(), "srun")
    return Process()


def _tasks_per_node() -> int:
    """SLURM_STEP_TASKS_PER_NODE is 4, or 4(x2) for two nodes of four."""
    match = re.match(r"\d+", os.environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    return int(match[0]) if match else int(os.environ["SLURM_STEP_NUM_TASKS"])


def clean_environment() -> dict[str, str]:
    """This process's variables without those of a process group."""
    return {
        key: value for key, value in os.environ.items() if key not in FOREIGN and not key.startswith(FOREIGN_PREFIXES)
    }

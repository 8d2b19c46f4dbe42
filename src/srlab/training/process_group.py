"""The process group that this process belongs to: none, or one that srlab, torchrun or srun has started."""

import os
import re
from dataclasses import dataclass

from lightning_fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from pytorch_lightning.plugins.environments import ClusterEnvironment

RANK, WORLD, PORT = "SRLAB_RANK", "SRLAB_WORLD", "SRLAB_PORT"

# Environment variables by which libraries know a process group. The processes of a job must not see another group's.
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
    """Lightning's view of a job whose processes srlab has started, all on this machine."""

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
    """This process, and the process group that it belongs to.

    Attributes:
        environment: Lightning's view of the process group; None for a program that was started by itself.
        local: number of processes of the group on this machine.
        starter: srlab, torchrun or srun; '' without a group.
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
        """Whether it makes the run's folder and prints for the group. For ranks of srlab, the program does both."""
        return self.starter != "srlab" and self.rank == 0


def this_process() -> Process:
    """Returns what the environment variables say of this process."""
    if RANK in os.environ:
        rank, world, port = (int(os.environ[name]) for name in (RANK, WORLD, PORT))
        return Process(JobEnvironment(rank, world, port), world, "srlab")
    if TorchElasticEnvironment.detect():
        return Process(TorchElasticEnvironment(), int(os.environ["LOCAL_WORLD_SIZE"]), "torchrun")
    # Variables of the step that srun started: SLURM_NTASKS is also set in the batch script, which is one process.
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return Process(SLURMEnvironment(auto_requeue=False), _tasks_per_node(), "srun")
    return Process()


def _tasks_per_node() -> int:
    """Reads SLURM_STEP_TASKS_PER_NODE, which is 4, or 4(x2) for two nodes with four tasks each."""
    match = re.match(r"\d+", os.environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    return int(match[0]) if match else int(os.environ["SLURM_STEP_NUM_TASKS"])


def clean_environment() -> dict[str, str]:
    """Returns this process's environment variables without those of a process group."""
    return {
        key: value for key, value in os.environ.items() if key not in FOREIGN and not key.startswith(FOREIGN_PREFIXES)
    }

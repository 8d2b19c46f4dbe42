"""`srlab leaderboard`: checks what was asked for, measures what is new, writes the tables, the figures and the page."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from srlab.atomic_write import write_text
from srlab.commands.leaderboard_entrants import entrants_of, labelled
from srlab.data.evaluation_sets import SAMPLE, evaluation_sets
from srlab.data.image_sets import ImageSet
from srlab.errors import SrlabError
from srlab.evaluation.board_file import ADVICE, Board, read_board
from srlab.evaluation.leaderboard import IMAGES, Entrant, measure_board, protocol_in_print, saved_reference
from srlab.evaluation.leaderboard_figures import draw_quality_over_cost
from srlab.evaluation.leaderboard_tables import costs_csv, markdown, quality_table, scales_of
from srlab.evaluation.measure import EvaluationSettings
from srlab.evaluation.metric_plane import draw_perception_distortion
from srlab.evaluation.progress import progress_shown
from srlab.evaluation.tables import comma_separated
from srlab.folder_lock import owned
from srlab.metrics.by_name import PLAIN, check_metrics, meters_of
from srlab.metrics.perceptual import DISTANCES
from srlab.metrics.protocol import protocol
from srlab.results_page import write_page
from srlab.run_files import RESULTS
from srlab.training.devices import inference_device
from srlab.weights.backbones import official_path

USUAL = (*PLAIN, "lpips", "dists")


@dataclass(frozen=True)
class Request:
    """What to measure, and where it goes; the attributes are the command's options.

    Attributes:
        out: the folder.
        sets: names and folders; none for the benchmarks that are there.
        scales: of the super-resolution.
        methods: files and runs beside those that come with srlab.
        only: names among the latter; None for all.
        metrics: names, beside PSNR and SSIM; None for USUAL, without those whose backbone is not at hand.
        backbones: files by the names of backbones; None for torchvision's own.
        protocol: that all are compared under.
        root: data.root.
        accelerator: auto, cpu, gpu or mps (Apple's GPU).
        images: whether results are saved as images.
        overwrite: whether what the folder has is forgotten.
    """

    out: Path
    sets: Sequence[str] = ()
    scales: Sequence[int] = (2, 3, 4)
    methods: Sequence[str] = ()
    only: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    backbones: Mapping[str, str | None] = field(default_factory=dict)
    protocol: str = "luma"
    root: Path = Path("data")
    accelerator: str = "auto"
    images: bool = True
    overwrite: bool = False


def write_leaderboard(request: Request) -> Board:
    """Measures what the folder lacks, writes everything that the command promises, and returns the board.

    Raises:
        SrlabError: an option that means nothing, a folder of another command or protocol, or one that another process
            owns.
    """
    names, about_metrics = _metrics(request)
    check_metrics(names, request.backbones)
    device = inference_device(request.accelerator)
    settings = EvaluationSettings(
        protocol(request.protocol), device, save_images=request.out / IMAGES if request.images else None
    )
    entrants = entrants_of(request.only, request.methods, request.scales)
    sets = _sets(request, entrants, settings)
    settings = replace(settings, meters=meters_of(names, request.backbones, device))
    for line in about_metrics:
        _say(line)
    _make(request.out)
    with owned(request.out, "measuring a leaderboard", "out=OTHER"), progress_shown() as progress:
        board = _earlier(request)
        entrants = labelled(entrants, board)
        board = measure_board(board, entrants, sets, request.scales, replace(settings, progress=progress), request.out)
        paths = _write_pages(board, request)
    for scale in scales_of(board):
        quality_table(board, scale).print(f"x{scale}, protocol {board.protocol}")
    print(f"written: {', '.join(str(path) for path in paths)}")
    return board


def _metrics(request: Request) -> tuple[list[str], list[str]]:
    """Returns the metrics to measure, and a line for each that is left out since its backbone is not at hand."""
    if request.metrics is not None:
        return [*PLAIN, *(name for name in request.metrics if name not in PLAIN)], []
    backbones = {name: DISTANCES[name].backbone for name in USUAL if name in DISTANCES}
    absent = {
        name: backbone
        for name, backbone in backbones.items()
        if not request.backbones.get(backbone) and not official_path(backbone).is_file()
    }
    names = [name for name in USUAL if name not in absent]
    lines = [
        f"{DISTANCES[name].title} is left out: {official_path(backbone)} is not there. Say weights.{backbone}=FILE, or "
        f"metrics=[{','.join([*names, name])}] to download it."
        for name, backbone in absent.items()
    ]
    return names, lines


def _sets(request: Request, entrants: Sequence[Entrant], settings: EvaluationSettings) -> list[ImageSet]:
    """Finds the sets, checks them for every protocol that will be measured, and says what there is to say of them."""
    sets = evaluation_sets(list(request.sets), request.root)
    if not request.sets and [image_set.name for image_set in sets] == [SAMPLE]:
        _say(f"data.root={request.root}: has no benchmark set, so the sample photos are measured. "
             f"Say data.root=DIR, or srlab data fetch NAME.")  # fmt: skip
    for image_set in sets:
        for scale in request.scales:
            others = (protocol_in_print(e, image_set, scale, settings) for e in entrants if scale in e.scales)
            for name in {settings.protocol.name, *filter(None, others)}:
                image_set.check([scale], protocol(name))
        for note in image_set.notes:
            _say(note)
    return sets


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrlabError(f"out={out}: cannot be made ({error.strerror}). Choose a folder of yours.") from None


def _earlier(request: Request) -> Board:
    """Returns what the folder holds of an earlier run; an empty board where there is nothing, or overwrite=true."""
    if request.overwrite or not (request.out / RESULTS).is_file():
        return Board(request.protocol)
    board = read_board(request.out)
    if board.protocol != request.protocol:
        raise SrlabError(f"protocol={request.protocol}: {request.out} was measured under {board.protocol}. {ADVICE}")
    return board


def _write_pages(board: Board, request: Request) -> list[Path]:
    """Writes all files but results.json, which is there; returns what the command says was written."""
    out, compared = request.out, board.compared
    write_text(out / "results.md", markdown(board))
    write_text(out / "results.csv", comma_separated(board.rows))
    write_text(out / "costs.csv", costs_csv(board.costs))
    figures = draw_quality_over_cost(compared, out / "quality_over_cost.png")
    figures += draw_perception_distortion(compared, out)
    write_page(out / RESULTS, out / IMAGES, partial(saved_reference, out), out / "index.html", figures)
    return [out / RESULTS, out / "results.md", out / "results.csv", out / "costs.csv", *figures, out / "index.html"]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

"""What a leaderboard has left in its folder."""

from pathlib import Path

from srlab.evaluation.board_file import read_board
from srlab.evaluation.leaderboard import IMAGES, REFERENCE, saved_images
from srlab.evaluation.measure import ResultRow, saved_image


def rows_and_images(out: Path) -> tuple[list[ResultRow], dict[tuple[str, int, str, str], Path]]:
    """All rows; and by (set, scale, image, method) the saved images that are there, HR as the method "HR"."""
    board = read_board(out)
    found = {}
    for row in board.compared:
        for image, path in saved_images(out / IMAGES, row).items():
            found[row.set, row.scale, image, row.method] = path
            reference = saved_image(out / IMAGES, row.set, row.scale, image, REFERENCE)
            found[row.set, row.scale, image, REFERENCE] = reference
    return board.rows, {key: path for key, path in found.items() if path.is_file()}

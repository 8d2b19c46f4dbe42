"""How far an image has come, where there is no terminal."""

from io import StringIO

from srlab.photos.progress import EVERY, ProgressLines


def test_a_line_now_and_then():
    stream, seconds = StringIO(), [0.0]
    show = ProgressLines("a\x1b[2J.jpg", stream, lambda: seconds[0])
    for seconds[0], share in ((EVERY / 2, 0.1), (EVERY, 0.371), (1.5 * EVERY, 0.5), (2 * EVERY, 0.998)):
        show(share)
    assert stream.getvalue() == "upscaling a\\x1b[2J.jpg 37%\nupscaling a\\x1b[2J.jpg 100%\n"

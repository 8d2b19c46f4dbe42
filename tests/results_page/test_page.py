"""The file as text: one file without requests, the same bytes, names of strangers, images without loss, the budget."""

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from srlab.errors import SrlabError
from srlab.imaging.files import write_png
from srlab.imaging.resize import imresize

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\u202e"


class Elements(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.found, self.inside = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append([tag, dict(attributes), ""])
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside in ("script", "style"):
            self.found[-1][2] += data

    def of(self, *tags):
        return [element for element in self.found if element[0] in tags]


def data_of(page):
    (element,) = [element for element in Elements(page).of("script") if element[1].get("id") == "data"]
    return json.loads(element[2])


def decoded(layer):
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(layer["data"].partition(",")[2]))))
    return image[..., 0] if layer["grey"] and image.ndim == 3 else image


def rewritten(measured, name, change):
    """results.json with a change, as a file beside it."""
    content = json.loads((measured.folder / "results.json").read_text(encoding="utf-8"))
    change(content)
    (measured.folder / name).write_text(json.dumps(content), encoding="utf-8")
    return name


def test_one_file_that_asks_for_nothing_and_allows_its_own_code_only(measured):
    elements = Elements(measured.page())
    for _, attributes, _ in elements.found:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert attributes.get("src", "data:").startswith("data:") and attributes.get("href", "data:").startswith(
            "data:"
        )
    (policy,) = [a["content"] for _, a, _ in elements.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:" and "unsafe" not in policy
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        code = [text for _, attributes, text in elements.of(tag) if "type" not in attributes]
        hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in code]
        assert rules[rule].split() == hashes


def test_the_same_input_gives_the_same_bytes(measured):
    assert measured.page() == measured.page("again.html")


def test_images_are_those_of_the_files(measured):
    places = data_of(measured.page())["places"]
    assert [place["title"] for place in places] == ["mine ×2", "mine ×4", "Set5 ×2", "Set5 ×4"]
    picture = places[3]["pictures"][1]
    lr, bicubic, _, hr = picture["layers"]
    saved = np.asarray(Image.open(measured.folder / "images/set5_x4/photo1_bicubic.png"))
    reference = measured.hr("set5", 4, "photo1")
    np.testing.assert_array_equal(decoded(bicubic), saved)
    np.testing.assert_array_equal(decoded(hr), reference)
    np.testing.assert_array_equal(decoded(lr), imresize(reference, 1 / 4))
    assert (picture["width"], picture["height"]) == (64, 56)
    assert [title for title, _ in bicubic["values"]] == ["PSNR", "SSIM"] and hr["values"] == [["", "the reference"]]
    assert lr["values"] == [["", "HR, shrunk by bicubic"]]


def test_a_grey_image_stays_grey(measured):
    page = measured.page(hr=lambda *key: measured.hr(*key)[..., 0])
    layers = data_of(page)["places"][0]["pictures"][0]["layers"]
    assert [layer["grey"] for layer in layers] == [True, False, False, True]


def test_names_of_strangers_are_text(measured):
    def change(content):
        for row in content["rows"]:
            row["set"] = row["set"].replace("mine", HOSTILE)
            row["method"] = row["method"].replace("bilinear", HOSTILE)
            row["input"] = row["protocol"] = HOSTILE

    page = measured.page("hostile.html", rewritten(measured, "hostile.json", change))
    elements = Elements(page)
    assert len(elements.of("script")) == 5 and "alert(1)" not in "".join(
        text for _, _, text in elements.of("script")[1:]
    )
    assert not any("onerror" in attributes for _, attributes, _ in elements.found)
    assert "\u202e" not in page and "&lt;/script&gt;&lt;script&gt;alert(1)" in page


def test_names_of_strangers_in_json_are_text(measured):
    def change(content):
        for row in content["rows"]:
            row["images"] = {f"<!--<script>{name}": values for name, values in row["images"].items()}

    name = rewritten(measured, "images.json", change)
    folder = measured.folder / "images"
    for index in range(3):
        write_png(folder / f"mine_x2/<!--<script>photo{index}_bicubic.png", measured.hr("mine", 2, f"photo{index}"))
    page = measured.page("json.html", name)
    assert "<!--" not in page.partition("<body>")[2]
    assert data_of(page)["places"][0]["pictures"][0]["name"] == "<!--<script>photo0"


@pytest.mark.parametrize("name", ["../../photo0", "/photo0", "a/../../../photo0", "C:\\photo0"])
def test_a_name_that_leads_out_of_the_folder_is_refused(measured, name):
    def change(content):
        content["rows"][0]["images"] = {name: {"psnr": 1, "ssim": 1}}

    with pytest.raises(SrlabError, match="the name leads out of"):
        measured.page("outside.html", rewritten(measured, "outside.json", change))


def size_of(page):
    pictures = [picture for place in data_of(page)["places"] for picture in place["pictures"]]
    return [sum(len(layer["data"]) for layer in picture["layers"]) for picture in pictures]


def test_the_budget_takes_the_first_image_of_every_set_first(measured):
    sizes = {name: size_of(measured.page()) for name in ("all",)}["all"]
    firsts = sum(sizes[i] for i in (0, 3, 6, 8))  # of mine x2, mine x4, Set5 x2, Set5 x4
    page = measured.page("small.html", budget=firsts)
    assert [[p["name"] for p in place["pictures"]] for place in data_of(page)["places"]] == [["photo0"]] * 4
    note = re.search(r"Left out, to keep this page small: (.*?)</p>", page)[1]
    assert "mine ×2: 2 of 3 (photo1, photo2)" in note and "Set5 ×4: 1 of 2 (photo1)" in note
    assert sum(size_of(measured.page("less.html", budget=firsts - 1))) < firsts
    assert "Left out" not in measured.page("whole.html", budget=sum(sizes))


def test_without_saved_images_there_is_no_viewer(measured, tmp_path):
    for page in (
        measured.page("none.html", budget=0),
        measured.page("no_images.html", results=_elsewhere(measured, tmp_path)),
    ):
        assert data_of(page)["places"] == []
        assert [a for _, a, _ in Elements(page).of("section") if a.get("id") == "viewer" and "hidden" in a]


def _elsewhere(measured, tmp_path):
    """Results of images that nobody has saved."""

    def change(content):
        for row in content["rows"]:
            row["images"] = {f"other {name}": values for name, values in row["images"].items()}

    return rewritten(measured, "elsewhere.json", change)


def test_a_result_of_another_size_is_refused(measured):
    with pytest.raises(SrlabError, match=r"photo0_bicubic\.png is 64x56, but HR of photo0 at x2 is 32x56"):
        measured.page("size.html", hr=lambda *key: measured.hr(*key)[:, :32])


def test_figures_are_the_files_and_only_png(measured, tmp_path):
    write_png(tmp_path / "psnr_over <cost>.png", np.zeros((4, 4), np.uint8))
    page = measured.page("figures.html", figures=[tmp_path / "psnr_over <cost>.png"])
    (figure,) = Elements(page).of("img")
    assert base64.b64decode(figure[1]["src"].partition(",")[2]) == (tmp_path / "psnr_over <cost>.png").read_bytes()
    assert figure[1]["alt"] == "psnr over <cost>"
    (tmp_path / "text.png").write_text("no picture", encoding="utf-8")
    for name, message in (("text.png", "is no PNG file"), ("missing.png", r"cannot be read \(No such file")):
        with pytest.raises(SrlabError, match=message):
            measured.page("bad.html", figures=[tmp_path / name])


def test_how_the_numbers_were_made(measured):
    page = measured.page()
    assert (
        "srlab evaluate ckpt=CKPT &#x27;sets=[mine,set5]&#x27; &#x27;scale=[2,4]&#x27; protocol=luma save_images=true"
        in page
    )
    assert "Protocol luma: a method sees the image" in page and "without a border of scale pixels" in page

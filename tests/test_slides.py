"""Every deck is complete, hides its answers, fits its slides and loads nothing from elsewhere."""

import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import browser as harness  # in tests/browser
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent
SLIDES = ROOT / "book" / "slides"
spec = importlib.util.spec_from_file_location("decks", SLIDES / "decks.py")
decks = importlib.util.module_from_spec(spec)
sys.modules["decks"] = decks  # dataclasses look their module up
spec.loader.exec_module(decks)

PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_deck = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)

LACKING = decks.what_is_missing()
needs_tools = pytest.mark.skipif(bool(LACKING), reason=LACKING)
NO_BROWSER = LACKING or harness.what_is_missing()
needs_browser = pytest.mark.skipif(bool(NO_BROWSER), reason=NO_BROWSER)


# ---------------------------------------------------------------------------------------------------------
# Notebooks, metadata and notes


@each_deck
def test_every_part_is_found_and_every_slide_has_notes(path):
    decks.make_deck(*decks.read(path))  # a DeckError names the cell


@each_deck
def test_the_minutes_of_the_slides_sum_to_those_at_the_top_of_the_notes(path):
    text = (SLIDES / "notes" / f"{path.name[:2]}.md").read_text(encoding="utf-8")
    told = re.search(r"About (\d+) minutes", text)
    assert int(told[1]) == sum(notes.minutes for notes in decks.read_notes(text).values())


def minutes_of(number, evening_only=False):
    """The minutes of a deck, from its notes."""
    path = SLIDES / "notes" / f"{int(number):02}.md"
    notes = decks.read_notes(path.read_text(encoding="utf-8")).values()
    return sum(own.minutes for own in notes if own.evening or not evening_only)


PLANS = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")


def test_the_plan_of_one_evening_has_the_minutes_of_the_slides_and_sums():
    rows = re.findall(
        r"^\| ([^|]+) \| (\d+) \| [^|]*\|$", PLANS.partition("### One evening")[2], re.MULTILINE
    )
    planned = {name: int(minutes) for name, minutes in rows}
    assert planned.pop("all") == sum(planned.values()) == 150
    shown = {name: minutes_of(name.split()[1], evening_only=True) for name in planned if "deck" in name}
    assert shown == {name: planned[name] for name in shown}
    assert len(shown) == 5


def test_the_plan_of_five_weeks_has_the_minutes_of_the_decks_and_sums():
    text = PLANS.partition("### Five weeks")[2]
    weeks = re.findall(
        r"^\| \d \| (\d+), (\d+) \| (\d+) \+ (\d+) \+ 10 \+ (\d+) = (\d+) \|", text, re.MULTILINE
    )
    assert [int(n) for first, second, *_ in weeks for n in (first, second)] == list(range(1, 11))
    for first, second, homework, *minutes, total in weeks:
        assert int(homework) + sum(map(int, minutes)) + 10 == int(total)
        for number, planned in zip((first, second), minutes, strict=True):
            assert minutes_of(number) == int(planned), f"deck {number}"


@each_deck
def test_every_slide_has_something_to_say(path):
    _, notes = decks.read(path)
    assert [key for key, own in notes.items() if len(own.text) < 30 or own.minutes < 1] == []


def test_there_are_ten_notebooks_and_each_has_notes_for_its_deck():
    numbers = [path.name[:2] for path in PATHS]
    assert numbers == [f"{number:02}" for number in range(1, 11)]
    assert sorted(path.stem for path in (SLIDES / "notes").glob("*.md")) == numbers


def fold(word, text):
    return f"<details><summary>{word}</summary>\n\n{text}\n\n</details>"


def small_notebook():
    """A notebook of three slides: a title, a prediction, a figure with its answer."""
    picture = new_output("display_data", data={"image/png": "eA==", "text/plain": "<Figure>"})
    stream = new_output("stream", name="stdout", text="0.5\n")
    cells = [
        new_markdown_cell("# 2. Two\n\nOne is here. Two is there (`a. B`). Three.\n\n- x\n- y", id="opening"),
        new_markdown_cell("## Next (3 min)\n\nLong prose.\n\n**Predict.** What? Why?", id="ask"),
        new_code_cell("x = 1\ny = 2\n\nprint(x / y)", id="draw", outputs=[picture, stream]),
        new_markdown_cell(f"Figure: a line.\n\n{fold('Answer', 'It. Is so.')}\n\nMore.", id="read"),
    ]
    show = [
        ("slide", ["heading", "Two is", "Three", "- y"]),
        ("slide", ["heading", "predict"]),
        ("slide", ["figure", "+x = 1 …", "output"]),
        ("fragment", ["answer"]),
    ]
    for cell, (kind, parts) in zip(cells, show, strict=True):
        cell.metadata["slideshow"] = {"slide_type": kind, "show": parts}
    return new_notebook(cells=cells)


NOTES = """# Notes

About 4 minutes.

## opening (1 min)

Hi.

## ask (2 min)

Ask.

## draw (1 min, evening)

Say.
"""


def small_deck():
    return decks.make_deck(small_notebook(), decks.read_notes(NOTES))


def test_what_is_chosen_is_shown_in_order_and_nothing_else():
    shown = [(cell.metadata.slideshow.slide_type, cell.source) for cell in small_deck().cells]
    assert shown == [
        ("slide", "# 2. Two"),
        ("-", "Two is there (`a. B`). Three."),
        ("-", "- y"),
        ("slide", "## Next"),
        ("-", "**Predict.** What? Why?"),
        ("slide", "## Next"),
        ("-", ""),  # the figure
        ("fragment", "x = 1\ny = 2"),
        ("-", ""),  # the printed 0.5
        ("fragment", "It. Is so."),
    ]


def test_figure_and_text_of_an_output_are_shown_apart():
    figure, _, output = small_deck().cells[6:9]
    assert [list(o.data) for o in figure.outputs] == [["image/png"]]
    assert figure.metadata.alt == "a line."
    assert [o.text for o in output.outputs] == ["0.5\n"]


def test_the_rest_of_a_cell_goes_to_the_speaker():
    heads = [cell.metadata.slide for cell in small_deck().cells if "slide" in cell.metadata]
    assert [head.rest for head in heads] == [
        "One is here. Two is there (`a. B`). Three.\n\n- x\n- y",
        "Long prose.",
        "More.",
    ]
    assert [(head.begin, head.minutes, head.total, head.evening) for head in heads] == [
        (0, 1, 4, False),
        (1, 2, 4, False),
        (3, 1, 4, True),
    ]


def test_a_break_begins_another_slide():
    notebook = small_notebook()
    notebook.cells[1].metadata.slideshow.show = ["heading", "Long prose", "---", "predict"]
    assert [slide.id for slide in decks.find_slides(notebook)] == ["opening", "ask", "ask-2", "draw"]


def test_a_translation_is_shown_in_the_same_places():
    notebook = small_notebook()
    words = {
        "2. Two": "2. 둘",
        "One is here. Two is there (`a. B`). Three.": "하나. 둘 (`a. B`). 셋.",
        "y": "와이",
        "Next (3 min)": "다음 (3분)",
        "**Predict.** What? Why?": "**예측.** 무엇?",
        "Figure: a line.": "그림: 선.",
        "It. Is so.": "그렇다.",
        "More.": "더.",
    }
    decks.translate_cells(notebook, words)
    deck = decks.make_deck(notebook, decks.read_notes(NOTES))
    shown = [cell.source for cell in deck.cells if cell.cell_type == "markdown"]
    assert shown == [
        "# 2. 둘",
        "둘 (`a. B`). 셋.",
        "- 와이",
        "## 다음",
        "**예측.** 무엇?",
        "## 다음",
        "그렇다.",
    ]
    assert deck.cells[6].metadata.alt == "선."
    assert deck.cells[5].metadata.slide.rest == "더."


def test_a_sentence_of_a_translation_with_other_sentences_becomes_the_paragraph():
    notebook = small_notebook()
    decks.translate_cells(notebook, {"One is here. Two is there (`a. B`). Three.": "하나 둘. 셋."})
    assert decks.pick(notebook.cells[0], "Two is")[0].text == "하나 둘. 셋."


def test_tables_and_notes_are_translated_piece_by_piece():
    table = decks.Block("table", "| a b | $x$ |\n|---|---|\n| c | a b |")
    assert decks.translate(table, {"a b": "가", "c": "나"}) == "| 가 | $x$ |\n|---|---|\n| 나 | 가 |"
    (block,) = decks.split_blocks("- *No.* Yes.\n- Else\n  more.")
    assert decks.translate(block, {"*No.* Yes.": "예.", "Else more.": "그리고."}) == "- 예.\n- 그리고."


def show(cell, *parts):
    return lambda notebook: notebook.cells[cell].metadata.slideshow.update(show=list(parts))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (show(0, "heading", "Four"), "opening: 0 parts begin with 'Four'; they begin: # 2. Two; One"),
        (show(0, "heading", "T"), "opening: 2 parts"),
        (show(0, "predict"), "opening: there is no 'predict'"),
        (show(1, "+predict"), "ask: the first part"),
        (show(0, "heading", "---"), "opening: the first part"),
        (lambda nb: nb.cells[0].metadata.slideshow.update(slide_type="-"), "opening: the first cell"),
        (lambda nb: nb.cells[1].metadata.slideshow.update(slide_type="notes"), "ask: give it a slide_type"),
        (lambda nb: nb.cells[2].update(outputs=[]), "draw: it has no figure"),
        (lambda nb: nb.cells[3].update(source=fold("Answer", "Yes.")), "draw: the cell after it has no line"),
        (lambda nb: nb.cells[1].update(id="renamed"), "only in the notes: ask, renamed"),
    ],
)
def test_a_fault_is_named(change, named):
    notebook = small_notebook()
    change(notebook)
    with pytest.raises(decks.DeckError, match=re.escape(named)):
        decks.make_deck(notebook, decks.read_notes(NOTES))


@pytest.mark.parametrize("head", ["## ask", "## ask (two min)", "## ask it (2 min)"])
def test_a_section_of_the_notes_without_id_or_minutes_is_named(head):
    with pytest.raises(decks.DeckError, match=re.escape(head)):
        decks.read_notes(f"# Notes\n\n{head}\n\nText.")


# ---------------------------------------------------------------------------------------------------------
# Pages


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with all decks."""
    out = tmp_path_factory.mktemp("site") / "slides"
    decks.build(out, [])
    return out


class Page(HTMLParser):
    """The elements of a page: (tag, attributes, the classes of all elements around it)."""

    VOID = ("img", "link", "meta", "br", "hr", "input")

    def __init__(self, text):
        super().__init__()
        self.around, self.elements = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        classes = (attributes.get("class") or "").split()
        self.elements.append((tag, attributes, [name for _, names in self.around for name in names]))
        if tag not in self.VOID:
            self.around.append((tag, classes))

    def handle_endtag(self, tag):
        while self.around and self.around.pop()[0] != tag:
            pass

    def all(self, tag):
        return [(attributes, around) for found, attributes, around in self.elements if found == tag]


def page_of(folder, path):
    return Page((folder / f"{path.stem}.html").read_text(encoding="utf-8"))


@needs_tools
@each_deck
def test_a_page_has_the_slides_each_with_notes_and_a_heading(built, path):
    page = page_of(built, path)
    slides = [attributes["id"] for attributes, _ in page.all("section")]
    assert slides == [slide.id for slide in decks.find_slides(decks.read(path)[0])]
    assert len(page.all("aside")) == len(slides)
    outside = [tag for tag, _, around in page.elements if tag in ("h1", "h2", "h3") and "notes" not in around]
    assert outside == ["h1"] + ["h2"] * (len(slides) - 1)
    assert page.all("html")[0][0]["lang"] == "en"


@needs_tools
@each_deck
def test_answers_and_solutions_wait_in_a_fragment(built, path):
    page = page_of(built, path)
    hidden = [
        around
        for _, attributes, around in page.elements
        if {"answer", "hint", "solution"} & set((attributes.get("class") or "").split())
    ]
    assert hidden
    assert all("fragment" in around for around in hidden)


@needs_tools
@each_deck
def test_every_figure_has_an_alt_text(built, path):
    images = page_of(built, path).all("img")
    assert images
    assert all(len(attributes["alt"]) > 40 for attributes, _ in images)


@needs_tools
def test_no_page_names_anything_that_is_not_beside_it(built):
    for page in built.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for _, attributes, around in Page(text).elements:
            for link in filter(None, (attributes.get("src"), attributes.get("href"))):
                if not link.startswith(("data:", "#")) and "notes" not in around:
                    assert (page.parent / link.partition("?")[0]).is_file(), f"{page.name}: {link}"
        assert not re.search(r"url\(|@import", (built / "lib" / "deck.css").read_text())


@needs_tools
def test_the_list_links_every_deck(built):
    links = {attributes["href"] for attributes, _ in Page((built / "index.html").read_text()).all("a")}
    evening = {f"{path.stem}.html?evening" for path in PATHS if minutes_of(path.name[:2], evening_only=True)}
    assert links == {f"{path.stem}.html" for path in PATHS} | evening


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_of_text_stand_out_from_the_paper():
    css = (SLIDES / "deck.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(ink|grey|blue|orange|paper): (#[0-9a-f]{6});", css))
    paper = luminance(colours.pop("paper"))
    assert {name for name, c in colours.items() if (paper + 0.05) / (luminance(c) + 0.05) < 4.5} == set()
    assert len(colours) == 4


# ---------------------------------------------------------------------------------------------------------
# In a browser

SCRIPT = (ROOT / "tests" / "slides_measure.js").read_text(encoding="utf-8")
MEASURE = SCRIPT[SCRIPT.index("async (") :]  # without the comment above it
READY = "() => Boolean(window.Reveal && Reveal.isReady())"


@pytest.fixture(scope="module")
def chromium():
    browser = harness.Browser()
    yield browser
    browser.close()


def open_deck(chromium, address, width, height):
    chromium.forget()
    chromium.page.setViewportSize({"width": width, "height": height})
    chromium.page.goto(address)
    chromium.until(lambda: chromium.page.evaluate(READY), "the deck is ready")


def assert_nothing_amiss(chromium):
    assert chromium.errors() == []
    assert [r for r in chromium.requests() if not r.startswith(("file:", "data:", "blob:"))] == []


@needs_browser
@each_deck
def test_every_slide_holds_its_content_and_hides_its_answers(built, chromium, path):
    open_deck(chromium, (built / f"{path.stem}.html").as_uri(), 1280, 720)
    seen = chromium.page.evaluate(MEASURE, [26, 19])
    assert seen["faults"] == []
    assert seen["slides"] == len(decks.find_slides(decks.read(path)[0]))
    assert seen["states"] > seen["slides"]
    assert_nothing_amiss(chromium)


@needs_browser
@each_deck
def test_an_upright_phone_gets_upright_slides_that_fit(built, chromium, path):
    open_deck(chromium, (built / f"{path.stem}.html").as_uri(), 390, 844)
    assert chromium.page.evaluate(MEASURE, [26, 19])["faults"] == []
    assert chromium.page.evaluate("() => Reveal.getScale()") > 0.5
    assert_nothing_amiss(chromium)


@needs_browser
def test_what_does_not_fit_or_shows_too_early_is_noticed(built, chromium):
    open_deck(chromium, (built / f"{PATHS[0].stem}.html").as_uri(), 1280, 720)
    spoil = """() => {
      const [first, second] = document.querySelectorAll(".body");
      first.insertAdjacentHTML("beforeend", "<p style='font-size: 12px'>small</p>");
      second.querySelector(".fragment").style.cssText = "visibility: visible; opacity: 1";
      second.insertAdjacentHTML("beforeend", "<p>word</p>".repeat(30));
      second.insertAdjacentHTML("beforeend", "<p style='width: 2000px'>$wide$</p>");
    }"""
    chromium.page.evaluate(spoil)
    faults = " ".join(chromium.page.evaluate(MEASURE, [26, 19])["faults"])
    for named in ("p sticks out", "covers the heading", "letters of 12 px", "from the start", "is not set"):
        assert named in faults


@needs_browser
def test_the_arrow_keys_go_through_fragments_and_slides(built, chromium):
    open_deck(chromium, (built / f"{PATHS[0].stem}.html").as_uri(), 1280, 720)
    steps = 1 + chromium.page.evaluate(
        "() => document.querySelectorAll('section')[1].querySelectorAll('.fragment').length"
    )
    first = chromium.page.evaluate(
        "() => document.querySelectorAll('section')[0].querySelectorAll('.fragment').length"
    )
    for _ in range(first + 1 + steps):
        chromium.keyboard.press("ArrowRight")
    assert chromium.page.evaluate("() => Reveal.getIndices().h") == 2
    chromium.keyboard.press("ArrowLeft")
    assert chromium.page.evaluate("() => Reveal.getIndices().h") == 1


@needs_browser
def test_the_speaker_s_window_shows_the_notes_from_a_file(built, chromium):
    open_deck(chromium, (built / f"{PATHS[0].stem}.html").as_uri(), 1280, 720)
    catch = "() => { const open = window.open; window.open = (...a) => (window.popup = open(...a)); }"
    chromium.page.evaluate(catch)
    chromium.keyboard.press("s")
    notes = "() => window.popup?.document.querySelector('.speaker-controls-notes .value')?.innerText ?? ''"
    said = chromium.until(lambda: chromium.page.evaluate(notes), "the notes are shown")
    assert "minute 0 to 1" in said
    left = "() => window.popup.document.querySelector('.pacing')?.offsetHeight"
    chromium.until(lambda: chromium.page.evaluate(left), "the time that is left for the slide is shown")
    chromium.page.evaluate("() => popup.close()")
    assert_nothing_amiss(chromium)


@needs_browser
def test_the_evening_has_the_slides_that_the_notes_mark(built, chromium):
    open_deck(chromium, (built / f"{PATHS[0].stem}.html").as_uri() + "?evening", 1280, 720)
    ids = chromium.page.evaluate("() => [...document.querySelectorAll('.slides section')].map((s) => s.id)")
    assert ids == [key for key, own in decks.read(PATHS[0])[1].items() if own.evening]
    assert_nothing_amiss(chromium)


@needs_browser
def test_the_print_view_has_a_page_for_each_slide(built, chromium):
    open_deck(chromium, (built / f"{PATHS[0].stem}.html").as_uri() + "?print-pdf", 1280, 720)
    pages = "() => document.querySelectorAll('.pdf-page').length"
    chromium.until(lambda: chromium.page.evaluate(pages), "pages")
    assert chromium.page.evaluate(pages) == len(decks.find_slides(decks.read(PATHS[0])[0]))
    low = "() => [...document.querySelectorAll('.pdf-page img')].filter((e) => e.clientHeight < 300).length"
    assert chromium.page.evaluate(low) == 0
    assert_nothing_amiss(chromium)

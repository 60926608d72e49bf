"""The book is complete, leads nowhere that is not there, loads nothing from elsewhere and can be translated.

`make book-tools` sets up what these tests need; the last ones look at every page in a real browser as well.
"""

import copy
import hashlib
import importlib
import inspect
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import browser as harness  # in tests/browser
import pytest

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = ["index", "traps", "glossary", "api", *(f"notebooks/{path.stem}" for path in PATHS)]
MODULES = re.findall(r"^``(\w+)``", importlib.import_module("softmax_lib").__doc__, re.MULTILINE)

LACKING = [name for name in ("sphinx", "myst_nb", "sphinx_book_theme", "bs4") if not find_spec(name)]
LACKING += [name for name in ("mathjax-full", "axe-core") if not (BOOK / "node_modules" / name).is_dir()]
pytestmark = pytest.mark.skipif(
    bool(LACKING), reason=f"the book needs {', '.join(LACKING)} (make book-tools installs them)"
)
needs_browser = pytest.mark.skipif(bool(harness.what_is_missing()), reason=harness.what_is_missing())
each_chapter = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
each_page = pytest.mark.parametrize("name", PAGES)


def sphinx(builder, out, *options):
    """Run sphinx-build as `make book` does; returns what it wrote to stderr."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--quiet", "-b", builder]
    command += ["-d", out.with_name(out.name + "-doctrees"), *options, BOOK, out]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stderr


def fingerprint():
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in PATHS}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The folder of the built book: made once, with warnings as errors."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "before.json").write_text(json.dumps(fingerprint()), "utf-8")
    sphinx("html", folder / "html", "-D", "nb_kernel_rgx_aliases.python3=no-such-kernel")
    return folder / "html"


@pytest.fixture(scope="module")
def soup(book):
    """A page's name -> its parsed HTML."""
    from bs4 import BeautifulSoup

    parsed = {}

    def page(name):
        if name not in parsed:
            parsed[name] = BeautifulSoup((book / f"{name}.html").read_text("utf-8"), "html.parser")
        return parsed[name]

    return page


def cells_of(path):
    return json.loads(path.read_text("utf-8"))["cells"]


def source_of(cell):
    return "".join(cell["source"])


def plain(text):
    return " ".join(text.split())


# ---------------------------------------------------------------------------------------------------------
# What is there


@each_page
def test_the_page_is_there_and_has_a_language_and_a_title(book, soup, name):
    page = soup(name)
    assert page.html["lang"] == "en"
    assert page.title.text.strip() and page.select_one("main#main-content h1").text.strip("# \n")


def test_building_leaves_the_notebooks_as_they_are_and_runs_nothing(book):
    """Were a cell run, the build would have failed: it was told of a kernel that does not exist."""
    assert fingerprint() == json.loads((book.parent / "before.json").read_text("utf-8"))
    assert not list(book.rglob("*.err.log"))


@each_chapter
def test_a_chapter_has_all_the_outputs_that_are_stored(soup, path):
    outputs = [output for cell in cells_of(path) for output in cell.get("outputs", [])]
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    page = soup(f"notebooks/{path.stem}")
    assert len(page.select(".cell_output img")) == pictures
    shown = plain(page.main.text)
    for output in outputs:
        if "text" in output:
            assert plain("".join(output["text"])) in shown


@each_chapter
def test_hints_answers_and_solutions_are_folded_and_their_markdown_is_rendered(soup, path):
    sources = "\n".join(source_of(cell) for cell in cells_of(path) if cell["cell_type"] == "markdown")
    page = soup(f"notebooks/{path.stem}")
    folded = page.main.select("details")
    assert [plain(each.summary.text) for each in folded] == re.findall(r"<summary>(.*?)</summary>", sources)
    assert not [each for each in folded if each.has_attr("open")]
    for each in folded:
        assert len(plain(each.text)) > len(plain(each.summary.text)), "nothing is under the summary"
    assert len([each for each in folded if each.select("pre")]) == len(
        re.findall(r"<details>(?:(?!</details>).)*?```python", sources, re.DOTALL)
    )
    prose = copy.copy(page.main)
    for each in prose.select("pre, code, .math"):
        each.extract()
    text = prose.text
    assert "```" not in text and "**" not in text and "details>" not in text and "$" not in text


@each_chapter
def test_exercises_and_questions_stand_in_a_frame_with_their_answers(soup, path):
    ids = [cell["id"] for cell in cells_of(path)]
    page = soup(f"notebooks/{path.stem}")
    exercises, questions = page.select("div.exercise"), page.select("div.question")
    assert len(exercises) == sum(name.startswith("exercise-") and name.endswith("-task") for name in ids) > 0
    assert len(questions) == sum(name.startswith("question-") for name in ids) > 0
    for frame in exercises:
        assert "Solution" in [plain(each.text) for each in frame.select("summary")]
        assert frame.select_one(".cell_input") and "not attempted yet" in frame.text
    for frame in questions:
        assert re.match(r"\s*Question \d+\.\d+", frame.text) and "checks.answer" in frame.text


@each_chapter
def test_a_chapter_leads_to_the_ones_before_and_after(soup, path):
    hrefs = [link.get("href", "") for link in soup(f"notebooks/{path.stem}").select(".prev-next-area a")]
    place = PATHS.index(path)
    before = PATHS[place - 1].stem if place else "index"
    after = PATHS[place + 1].stem if place + 1 < len(PATHS) else "traps"
    assert [Path(href).stem for href in hrefs] == [before, after]


def test_the_landing_page_has_the_map_of_the_series(soup):
    rows = soup("index").select("main table tbody tr")
    assert [row.a["href"] for row in rows] == [f"notebooks/{path.stem}.html" for path in PATHS]
    assert [row.select("td")[2].text for row in rows] == re.findall(
        r"\.ipynb\) \| (\d+) \|", (ROOT / "README.md").read_text("utf-8")
    )
    hours = sum(int(row.select("td")[2].text) for row in rows) / 60
    start = soup("index").select_one("main table").find_previous("strong").parent
    assert f"about {hours:.0f} hours" in start.text and start.a["href"] == f"notebooks/{PATHS[0].stem}.html"


def test_the_page_of_traps_links_each_to_its_chapters(soup):
    text = (ROOT / "notebooks" / "README.md").read_text("utf-8").partition("## Which notebook teaches")[2]
    told = [line.strip("| ").split("|")[-1] for line in text.splitlines() if line.startswith("|")][2:]
    rows = soup("traps").select("main table tbody tr")
    assert len(rows) == len(told) > 40
    for row, numbers in zip(rows, told, strict=True):
        linked = [int(Path(link["href"]).stem[:2]) for link in row.select("td")[-1].select("a")]
        assert linked == [int(number) for number in re.findall(r"\d+", numbers)] != []


@pytest.mark.parametrize("module", [name for name in MODULES if name != "cli"])
def test_the_library_page_has_each_public_name_with_its_docstring(soup, module):
    thing = importlib.import_module(f"softmax_lib.{module}")
    page = soup("api")
    for name in getattr(thing, "__all__", vars(thing)):
        value = getattr(thing, name)
        public = not name.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value))
        at_home = hasattr(thing, "__all__") or getattr(value, "__module__", "") == thing.__name__
        if public and at_home and inspect.getdoc(value):
            entry = page.find(id=f"softmax_lib.{module}.{name}")
            assert entry, f"softmax_lib.{module}.{name} is not on the page"
            first = re.sub(r"[`*]", "", inspect.getdoc(value).splitlines()[0])
            assert plain(first)[:25] in plain(entry.find_next("dd").text)
    if module == "checks":
        for name in thing.__all__:
            assert f"checks.{name}" in page.text or page.find(id=f"softmax_lib.checks.{name}")


def test_search_finds_words_of_the_chapters(book):
    """Sphinx's index is a script, so it can be read from a file: too."""
    text = (book / "searchindex.js").read_text("utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    numbers = index["terms"]["overflow"]
    found = {index["docnames"][number] for number in (numbers if isinstance(numbers, list) else [numbers])}
    assert f"notebooks/{PATHS[2].stem}" in found and "glossary" in found


# ---------------------------------------------------------------------------------------------------------
# Links and loads


def references(page):
    """All addresses in a page: (element, address)."""
    for tag, attribute in (
        ("a", "href"),
        ("link", "href"),
        ("script", "src"),
        ("img", "src"),
        ("form", "action"),
    ):
        for element in page.find_all(tag):
            if element.get(attribute) is not None:
                yield element, element[attribute]


def test_every_link_leads_to_a_page_and_a_place_that_are_there(book):
    from bs4 import BeautifulSoup

    pages = {path: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in book.rglob("*.html")}
    pages = {path: page for path, page in pages.items() if "_static" not in path.parts}
    ids = {path: {each["id"] for each in page.find_all(id=True)} for path, page in pages.items()}
    broken, followed = [], 0
    for path, page in pages.items():
        for element, address in references(page):
            url = urlsplit(address)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            target = target / "index.html" if target.is_dir() else target
            followed += 1
            if not target.is_file() or not target.is_relative_to(book):
                broken.append(f"{path.name}: {element.name} {address}")
            elif url.fragment and target in ids and unquote(url.fragment) not in ids[target]:
                broken.append(f"{path.name}: no place {address}")
    assert not broken and followed > 1000


def test_nothing_is_loaded_from_elsewhere_and_all_addresses_are_relative(book):
    outside = []
    for path in book.rglob("*.html"):
        text = path.read_text("utf-8")
        for tag in re.findall(r"<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*>", text):
            if re.search(r"""(?:src|href|data|srcset)\s*=\s*["']?(?:\w+:)?/""", tag) and "data:" not in tag:
                outside.append(f"{path.name}: {tag}")
        outside += [f"{path.name}: {hit}" for hit in re.findall(r"(?:href|src|action)=[\"']/[^\"']*", text)]
    for path in book.rglob("*.css"):
        loads = re.findall(r"(?:url\(|@import)\s*[\"']?((?:\w+:)?//[^\"')]*)", path.read_text("utf-8"))
        outside += [f"{path.name}: {address}" for address in loads]
    assert outside == []


# ---------------------------------------------------------------------------------------------------------
# For every reader


@each_chapter
def test_every_figure_has_its_line_as_alt_text(soup, path):
    cells, expected = cells_of(path), []
    for cell in cells:
        if cell["cell_type"] == "markdown":
            expected += re.findall(r"^Figure: (.+?)(?:\n\n|\Z)", source_of(cell), re.MULTILINE | re.DOTALL)
    alts = [image["alt"] for image in soup(f"notebooks/{path.stem}").select(".cell_output img")]
    assert len(alts) == len(expected) > 0
    for alt, line in zip(alts, expected, strict=True):
        assert alt[:15] == plain(line)[:15] and len(alt) > 30 and ".png" not in alt


@each_page
def test_every_other_picture_has_an_alt_text_too(soup, name):
    for image in soup(name).find_all("img"):
        assert len(image.get("alt", "")) > 10 and ".png" not in image["alt"]


@each_page
def test_headings_are_in_order(soup, name):
    levels = [int(heading.name[1]) for heading in soup(name).main.find_all(re.compile("h[1-6]"))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels


@each_chapter
def test_a_words_first_use_links_to_the_glossary(book, soup, path):
    links = soup(f"notebooks/{path.stem}").select("main a:has(> .glossary-link)")
    places = [link["href"] for link in links]
    assert len(places) >= 10 and len(set(places)) == len(places)
    assert all(place.startswith("../glossary.html#term-") for place in places)
    for link in links:
        assert not link.find_parent(["h1", "h2", "h3", "code", "pre", "details", "summary"])
        assert not link.find_parent("a")


def test_each_word_of_the_glossary_is_explained_and_used(soup):
    glossary = soup("glossary").select_one("dl.glossary")
    words = [plain(term.text).rstrip("#") for term in glossary.find_all("dt")]
    assert len(words) > 50 and len(set(words)) == len(words)
    for text in glossary.find_all("dd"):
        assert len(plain(text.text)) > 50 and text.select_one("a[href^='notebooks/']")
    chapters = " ".join(soup(f"notebooks/{path.stem}").main.text.lower() for path in PATHS)
    unused = [word for word in words if word.lower() not in chapters]
    assert unused == ["decision boundary"]  # there, it is "boundaries" for short


# ---------------------------------------------------------------------------------------------------------
# Other languages


def message_of(pot, start):
    """The message of a .pot file that begins so, as gettext has it."""
    messages = re.findall(r'^msgid ((?:".*"\n)+)', pot.read_text("utf-8"), re.MULTILINE)
    whole = ["".join(json.loads(part) for part in message.splitlines()) for message in messages]
    (found,) = [message for message in whole if message.startswith(start)]
    return found


def test_the_texts_can_be_translated(tmp_path):
    """All that a reader sees can be: paragraphs, summaries, alt texts, glossary, templates, the toctree."""
    sphinx("gettext", tmp_path / "pot")
    chapter = "notebooks/01_scores_to_probabilities"
    wanted = {  # how a text begins, where it stands, and its translation
        (
            chapter,
            "A picture of a handwritten digit",
        ): "손글씨 숫자 그림이 들어갑니다. **소프트맥스**는 배치마다.",
        (chapter, "Figure: the curve of exp(z)"): "그림: 점수 −3부터 2.4까지의 exp(z) 곡선.",
        (chapter, "Hint 1"): "힌트 1",
        ("glossary", "batch"): "배치",
        ("index", "Chapters"): "장",
        ("sphinx", "Slides"): "슬라이드",
    }
    for (page, start), translation in wanted.items():
        original = message_of(tmp_path / "pot" / f"{page}.pot", start) if len(start) > 10 else start
        assert f'msgid "{start}' in (tmp_path / "pot" / f"{page}.pot").read_text("utf-8")
        po = tmp_path / "locale" / "ko" / "LC_MESSAGES" / f"{page}.po"
        po.parent.mkdir(parents=True, exist_ok=True)
        if not po.exists():
            po.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n', "utf-8")
        with po.open("a", encoding="utf-8") as file:
            quoted = (json.dumps(text, ensure_ascii=False) for text in (original, translation))
            file.write("\nmsgid {}\nmsgstr {}\n".format(*quoted))

    options = ["-D", "language=ko", "-D", f"locale_dirs={tmp_path / 'locale'}", "-t", "slides"]
    sphinx("html", tmp_path / "html", *options)
    from bs4 import BeautifulSoup

    page = BeautifulSoup((tmp_path / "html" / f"{chapter}.html").read_text("utf-8"), "html.parser")
    assert page.html["lang"] == "ko"
    assert "손글씨 숫자 그림이 들어갑니다. 소프트맥스는 배치마다." in plain(page.main.text)
    assert page.select_one(".cell_output img")["alt"] == "점수 −3부터 2.4까지의 exp(z) 곡선."
    assert "힌트 1" in [plain(summary.text) for summary in page.select("details > summary")]
    assert "슬라이드" in [plain(link.text) for link in page.select(".slides-link")]
    (link,) = page.select(".slides-link")
    assert link["href"] == "../slides/01_scores_to_probabilities.html"  # where decks.py writes it
    assert page.select_one("nav .caption-text").text == "장"
    assert page.select_one("main a:has(> .glossary-link)").text == "배치"  # the translated word links, too


# ---------------------------------------------------------------------------------------------------------
# In a browser


@pytest.fixture(scope="module")
def browser():
    browser = harness.Browser()
    yield browser
    browser.close()


AXE = BOOK / "node_modules" / "axe-core" / "axe.min.js"
TYPESET = "() => window.MathJax?.startup?.promise.then(() => true)"
THEME = "() => document.documentElement.dataset.theme"
WIDTH = "() => document.documentElement.scrollWidth"
COUNT = "selector => document.querySelectorAll(selector).length"
# All but the theme's title above the side bar, which stands in no landmark, and headings of tables that are
# one formula: axe-core does not see the MathML that MathJax writes for screen readers.
AUDIT = """async () => (await axe.run({
    exclude: [".sidebar-primary-item:has(.navbar-brand)", "th:has(mjx-assistive-mml)"],
}, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"], preload: false,
})).violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 150) + " " +
    ([...n.any, ...n.all, ...n.none][0]?.message ?? "")).join(" | "))"""


@needs_browser
@each_page
def test_the_page_opens_without_errors_and_requests_and_nothing_sticks_out(book, browser, name):
    browser.forget()
    browser.page.setViewportSize({"width": 1366, "height": 768})
    browser.page.goto((book / f"{name}.html").as_uri())
    browser.page.evaluate(TYPESET)
    assert browser.page.evaluate(COUNT, "main mjx-container") >= browser.page.evaluate(COUNT, "main .math")
    assert browser.page.evaluate(COUNT, "mjx-merror") == 0
    assert browser.page.evaluate(WIDTH) <= 1366
    browser.page.setViewportSize({"width": 390, "height": 844})
    assert browser.page.evaluate(WIDTH) <= 390, "the page scrolls sideways on a phone"
    assert browser.errors() == []
    assert [address for address in browser.requests() if not address.startswith(("file:", "data:"))] == []


@needs_browser
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "traps", "glossary", PAGES[4], PAGES[-2]])
def test_contrast_names_and_structure_pass_an_audit(book, browser, name, mode):
    """axe-core, everything unfolded.  It takes seconds a page, so two chapters stand for ten."""
    browser.page.setViewportSize({"width": 1366, "height": 768})
    browser.page.emulateMedia({"colorScheme": mode})
    browser.page.goto((book / f"{name}.html").as_uri())
    browser.page.evaluate(TYPESET)
    browser.page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.page.evaluate(THEME) == mode
    browser.page.waitForTimeout(500)  # colours fade into one another
    browser.page.addScriptTag({"path": str(AXE)})
    assert browser.page.evaluate(AUDIT) == []


@needs_browser
def test_the_keyboard_reaches_the_text_and_unfolds_a_hint(book, browser):
    browser.page.goto((book / f"notebooks/{PATHS[0].stem}.html").as_uri())
    browser.keyboard.press("Tab")
    assert browser.page.evaluate("() => document.activeElement.hash") == "#main-content"
    browser.on("details > summary >> nth=0").focus()
    browser.keyboard.press("Enter")
    assert browser.page.evaluate("() => document.querySelector('details').open")


@needs_browser
def test_search_works_from_a_file(book, browser):
    browser.page.goto((book / "search.html").as_uri() + "?q=log-sum-exp")
    found = "() => [...document.querySelectorAll('#search-results li a')].map(a => a.href).join(' ')"
    browser.until(lambda: "03_when_numbers_break" in browser.page.evaluate(found), "notebook 3 is found")


@needs_browser
def test_search_shows_the_words_entry_and_the_chapters_before_the_names_of_the_library(book, browser):
    """Every name of the library begins with softmax_lib."""
    browser.page.goto((book / "search.html").as_uri() + "?q=softmax")
    found = "() => [...document.querySelectorAll('#search-results li a')].map(a => a.getAttribute('href'))"
    browser.until(lambda: len(browser.page.evaluate(found)) > 50, "all are listed")
    hits = [re.sub(r"\?[^#]*", "", hit) for hit in browser.page.evaluate(found)]
    assert hits[0] == "glossary.html#term-softmax" and hits.count(hits[0]) == 1
    names = [place for place, hit in enumerate(hits) if hit.startswith("api.html#")]
    assert max(place for place, hit in enumerate(hits) if hit.startswith("notebooks/")) < min(names)


@needs_browser
def test_on_paper_everything_is_unfolded_and_light(book, browser):
    browser.page.emulateMedia({"colorScheme": "dark"})
    browser.page.goto((book / f"notebooks/{PATHS[0].stem}.html").as_uri())
    browser.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert browser.page.evaluate("() => document.querySelectorAll('details:not([open])').length") == 0
    assert browser.page.evaluate(THEME) == "light"
    browser.page.emulateMedia({"media": "print"})
    hidden = "s => getComputedStyle(document.querySelector(s)).display"
    for selector in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer"):
        assert browser.page.evaluate(hidden, selector) == "none"
    browser.page.emulateMedia({"media": "screen"})
    browser.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert browser.page.evaluate(THEME) == "dark"
    assert browser.page.evaluate("() => document.querySelectorAll('details[open]').length") == 0

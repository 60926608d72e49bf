"""The harness itself: JupyterLab runs a notebook in a real browser, and what goes wrong there is noticed."""


def test_a_notebook_runs_in_the_browser(lab):
    lab.open("x = 20 + 1", "print(2 * x)")
    lab.run_all()
    assert lab.output(1).strip() == "42"


def test_an_ipywidgets_slider_answers_the_keyboard(lab):
    lab.open(
        "import ipywidgets\nslider = ipywidgets.FloatSlider(value=1, min=0, max=3, step=0.5)\nslider",
        "print(slider.value)",
    )
    lab.run_all()
    lab.browser.on(".noUi-handle").focus()
    lab.browser.keyboard.press("ArrowRight")
    lab.run_cell(1)
    lab.browser.until(lambda: lab.output(1).strip() == "1.5", "the slider is at 1.5")


def test_what_goes_wrong_in_the_page_is_noticed(lab):
    """What the fixture compares with nothing at the end of each test; so this one takes it away again."""
    lab.open("1")
    before = len(lab.browser.errors())
    lab.browser.page.evaluate("() => { setTimeout(() => { throw new Error('on purpose') }, 0) }")
    lab.browser.until(lambda: lab.browser.errors()[before:], "an error of the page")
    assert "on purpose" in lab.browser.errors()[-1]
    address = "http://nowhere.invalid/"  # a name that no network knows
    lab.browser.page.evaluate(f"() => {{ fetch('{address}').catch(() => {{}}) }}")
    lab.browser.until(lambda: address in lab.browser.requests(), "a request to the network")
    lab.browser.until(lambda: address in lab.browser.errors()[-1], "the browser's word that it failed")
    lab.browser.forget()

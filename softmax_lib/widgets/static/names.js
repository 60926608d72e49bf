// ipywidgets' sliders have no name for screen readers.  An unseen part of a box: gives each slider in it its label.
function render({ el }) {
  el.hidden = true;
  let tries = 0;
  const timer = setInterval(() => { // the sliders beside it may come later
    const sliders = [...el.closest(".widget-hbox")?.querySelectorAll(".widget-slider") ?? []];
    for (const slider of sliders) {
      slider.querySelector("[role=slider]")?.setAttribute("aria-label", slider.querySelector("label").textContent);
    }
    if (sliders.length || ++tries === 100) clearInterval(timer);
  }, 100);
  return () => clearInterval(timer);
}

export default { render };

// Starts reveal.js once the formulas are set, so that every slide has its final size.

// ?evening keeps the slides of the one-evening plan.
if (new URLSearchParams(location.search).has("evening")) {
  document.querySelectorAll(".slides > section:not([data-evening])").forEach((slide) => slide.remove());
}

// A phone held upright gets upright slides, with the same letters: a wide slide would be too small to read.
function size() {
  return innerWidth < 0.75 * innerHeight ? { width: 720, height: 1280 } : { width: 1280, height: 720 };
}

// A formula that is wider than its slide is set smaller, down to 60 %.
function fit(slide) {
  for (const formula of slide.querySelectorAll('mjx-container[display="true"]')) {
    formula.dataset.size ??= parseFloat(formula.style.fontSize) || 100;
    formula.style.fontSize = `${formula.dataset.size}%`;
    const wide = formula.firstElementChild.getBoundingClientRect().width / Reveal.getScale();
    const share = Math.max(0.6, Math.min(1, (formula.clientWidth - 2) / wide));
    formula.style.fontSize = `${share * formula.dataset.size}%`;
  }
}

function start() {
  // A finger that pushes these is not turning the page.
  document.querySelectorAll("pre, .table, mjx-container").forEach((wide) => wide.setAttribute("data-prevent-swipe", ""));
  Reveal.initialize({
    ...size(),
    margin: 0,
    center: false,
    display: "flex",
    hash: true,
    progress: true,
    slideNumber: "c/t",
    transition: "none",
    scrollActivationWidth: null,
    pdfSeparateFragments: false,
    defaultTiming: 60, // with it the speaker sees the time left for a slide, from data-timing
    plugins: [RevealNotes],
  }).then(() => {
    fit(Reveal.isPrintView() ? document : Reveal.getCurrentSlide());
    Reveal.on("slidechanged", () => fit(Reveal.getCurrentSlide()));
    addEventListener("resize", () => {
      Reveal.configure(size());
      fit(Reveal.getCurrentSlide());
    });
  });
}

window.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]] },
  svg: { fontCache: "local" },
  options: { enableMenu: false },
  startup: { pageReady: () => MathJax.startup.defaultPageReady().then(start) },
};

// Starts reveal.js once the formulas are set, so that every slide has its final size.

// ?evening keeps the slides of the one-evening plan.
if (new URLSearchParams(location.search).has("evening")) {
  document.querySelectorAll(".slides > section:not([data-evening])").forEach((slide) => slide.remove());
}

// A phone held upright gets upright slides, with the same letters: a wide slide would be too small to read.
function size() {
  return innerWidth < 0.75 * innerHeight ? { width: 720, height: 1280 } : { width: 1280, height: 720 };
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
    plugins: [RevealNotes],
  });
  addEventListener("resize", () => Reveal.configure(size()));
}

window.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]] },
  svg: { fontCache: "local" },
  options: { enableMenu: false },
  startup: { pageReady: () => MathJax.startup.defaultPageReady().then(start) },
};

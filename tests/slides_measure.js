// Goes through all slides and key presses of a deck; test_slides.py runs it in the page.
// A fault is told with the slide's id; sizes are those of a slide of 1280 x 720, before it is scaled.
async ([minText, minCode]) => {
  const faults = new Set();
  let states = 0;
  const settle = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const shown = (e) => getComputedStyle(e).visibility === "visible" && +getComputedStyle(e).opacity > 0.9;
  const own = (e) => [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const scrolls = (e) => e && getComputedStyle(e).overflowX === "auto";

  for (let i = 0; i < Reveal.getTotalSlides(); i++) {
    Reveal.slide(i, 0, -1);
    await settle();
    const slide = Reveal.getCurrentSlide(), scale = Reveal.getScale(), frame = slide.getBoundingClientRect();
    const say = (fault) => faults.add(`${slide.id}: ${fault}`);
    if ([...slide.querySelectorAll(".fragment")].some(shown)) say("a fragment is shown from the start");
    do {
      states++;
      await settle();
      const heading = slide.querySelector("h1, h2").getBoundingClientRect();
      for (const e of slide.querySelectorAll("h1, h2, .body *")) {
        const box = e.getBoundingClientRect(), tag = e.tagName.toLowerCase();
        const letters = parseFloat(getComputedStyle(e).fontSize);
        if (!box.width || !box.height || (e.closest("svg, mjx-assistive-mml") && tag !== "svg")) continue;
        if (own(e) && letters < (e.closest("pre, code") ? minCode : minText)) say(`letters of ${letters} px`);
        if (scrolls(e.parentElement.closest("pre, .table, mjx-container"))) continue;
        // 34 px at the bottom belong to the slide's number, the arrows and the progress bar
        const over = [box.right - frame.right, frame.left - box.left, box.bottom - frame.bottom + 34 * scale];
        if (Math.max(...over) > 1) say(`${tag} sticks out by ${Math.round(Math.max(...over) / scale)} px`);
        if (e.closest(".body") && box.top < heading.bottom - 1) say(`${tag} covers the heading`);
        if (tag !== "img") continue;
        if (!e.naturalWidth) say("a figure is missing");
        if (frame.width > frame.height && box.height < 300 * scale) say("a figure is less than 300 px high");
      }
      const text = [...slide.querySelectorAll(".body p, .body li, .body td")].map((e) => e.innerText).join("\n");
      if (/\$[^$\n]+\$/.test(text) || slide.querySelector("mjx-merror")) say("a formula is not set");
    } while (Reveal.nextFragment());
  }
  return { faults: [...faults], slides: Reveal.getTotalSlides(), states };
}

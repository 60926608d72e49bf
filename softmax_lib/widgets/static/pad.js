// The drawing pad.  It draws strokes and shows what Python answers; what a picture means is decided in Python.
const SIDE = 196; // pixels of the picture that is sent, a side
const SHOWN = 280; // pixels of the pad on the page
const PEN = 14; // width of a stroke, in pixels of the picture
const STEP = 5; // by arrow keys

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// A grey picture from Python, its longer side `longest` pixels on the page.
function pictureOf({ shown: [width, height], pixels }, longest) {
  const canvas = element("canvas", { width, height });
  const image = new ImageData(width, height);
  const grey = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  for (let i = 0; i < grey.length; i++) image.data.set([grey[i], grey[i], grey[i], 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  const scale = longest / Math.max(width, height);
  canvas.style.width = `${width * scale}px`;
  canvas.style.height = `${height * scale}px`;
  return canvas;
}

function render({ model, el }) {
  let strokes = structuredClone(model.get("input").strokes ?? []); // each a list of points [x, y]
  let cleared = null; // what Clear has taken, for Undo
  let pen = null; // the stroke being drawn
  const cursor = { x: SIDE / 2, y: SIDE / 2, down: false, seen: false };

  const paper = element("canvas", { className: "paper", width: SIDE, height: SIDE, tabIndex: 0 });
  paper.style.width = paper.style.height = `${SHOWN}px`;
  paper.setAttribute("role", "application");
  paper.setAttribute("aria-label", "Drawing pad. Arrow keys move the pen, space puts it down and lifts it, " +
    "Control Z takes a stroke back, Delete takes all.");
  paper.dataset.lmSuppressShortcuts = "true"; // here B is no command of JupyterLab's, nor is Ctrl-Z
  // A second canvas without the pen's mark: this one is sent and saved.
  const picture = element("canvas", { width: SIDE, height: SIDE });
  const ink = picture.getContext("2d", { willReadFrequently: true });

  const undo = element("button", { textContent: "Undo", title: "Take the last stroke back (Ctrl-Z)" });
  const clear = element("button", { textContent: "Clear", title: "Take all strokes back (Delete)" });
  const save = element("button", { textContent: "Save as PNG", title: "Save the drawing as digit.png" });
  const message = element("div");
  message.setAttribute("role", "status");
  message.style.cssText = "font-size: 15px; font-weight: 600; margin-bottom: 6px; max-width: 400px";
  const bars = element("div");
  bars.style.cssText = "display: grid; grid-template-columns: 12px 150px 40px; gap: 3px 6px; align-items: center";
  const seen = element("div");
  const steps = element("div", { className: "row" });
  steps.style.alignItems = "flex-end"; // the names in one line, whatever the heights
  const wrong = element("div", {}, "Wrong? Keep it. It was a ");
  const answers = [...Array(10).keys()].map((digit) => {
    const button = element("button", { textContent: digit });
    button.setAttribute("aria-label", `It was a ${digit}: keep it`);
    button.addEventListener("click", () => tell({ keep: digit }));
    wrong.append(button);
    return button;
  });
  const kept = element("div", { className: "row" });

  const root = element("div", { className: "softmax-lib" },
    element("div", { className: "row" },
      element("div", {}, paper, element("div", {}, undo, clear, save)),
      element("div", {}, message, element("div", { className: "row" }, seen, bars))),
    steps, wrong, kept);
  el.append(root);

  function drawPaper() {
    ink.fillStyle = "white";
    ink.fillRect(0, 0, SIDE, SIDE);
    ink.lineWidth = PEN;
    ink.lineCap = ink.lineJoin = "round";
    ink.strokeStyle = "black";
    for (const points of strokes) {
      ink.beginPath();
      ink.moveTo(...points[0]);
      ink.lineTo(points[0][0] + 0.01, points[0][1]); // of a single point: a dot; a line without length is not drawn
      for (const point of points) ink.lineTo(...point);
      ink.stroke();
    }
    const page = paper.getContext("2d");
    page.drawImage(picture, 0, 0);
    if (cursor.seen) {
      page.beginPath();
      page.arc(cursor.x, cursor.y, PEN / 2 + 2, 0, 2 * Math.PI);
      page.lineWidth = 2;
      page.strokeStyle = cursor.down ? "#D55E00" : "#0072B2";
      page.stroke();
    }
    undo.disabled = !strokes.length && !cleared;
    clear.disabled = save.disabled = !strokes.length;
  }

  // At once, then at most every 40 ms; while the kernel works, the widget manager keeps only the latest.
  let waiting = null;
  let last = 0;
  function send() {
    waiting ??= setTimeout(sendNow, Math.max(0, last + 40 - performance.now()));
  }
  function sendNow() {
    waiting = null;
    last = performance.now();
    const rgba = ink.getImageData(0, 0, SIDE, SIDE).data;
    const pixels = new Uint8Array(SIDE * SIDE).map((_, i) => rgba[4 * i]);
    model.set("input", { side: SIDE, strokes: structuredClone(strokes), pixels: new DataView(pixels.buffer) });
    model.save_changes();
  }

  function tell(content) {
    try {
      model.send(content);
    } catch { // the kernel was restarted
      message.textContent = "The kernel does not answer: run the cell again.";
    }
  }

  function changed() {
    drawPaper();
    send();
  }
  function at(event) {
    const box = paper.getBoundingClientRect();
    return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height]
      .map((v) => Math.round(10 * v) / 10);
  }
  function begin(point) {
    pen = [point];
    cleared = null;
    strokes.push(pen);
    changed();
    tell({ stroke: strokes.length }); // `send` would not notice that the kernel is gone; this does
  }

  paper.addEventListener("pointerdown", (event) => {
    if (pen || event.button !== 0) return;
    event.preventDefault();
    paper.focus({ preventScroll: true });
    paper.setPointerCapture(event.pointerId);
    Object.assign(cursor, { seen: false, down: false });
    begin(at(event));
  });
  paper.addEventListener("pointermove", (event) => {
    if (!pen || cursor.down || !paper.hasPointerCapture(event.pointerId)) return;
    for (const between of event.getCoalescedEvents?.() ?? []) pen.push(at(between));
    pen.push(at(event));
    changed();
  });
  for (const end of ["pointerup", "pointercancel"]) paper.addEventListener(end, () => { if (!cursor.down) pen = null; });

  paper.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (dx || dy) {
      cursor.seen = true;
      cursor.x = Math.min(SIDE - PEN, Math.max(PEN, cursor.x + STEP * dx));
      cursor.y = Math.min(SIDE - PEN, Math.max(PEN, cursor.y + STEP * dy));
      if (cursor.down) pen.push([cursor.x, cursor.y]), send();
      drawPaper();
    } else if (event.key === " ") {
      Object.assign(cursor, { seen: true, down: !cursor.down });
      if (cursor.down) begin([cursor.x, cursor.y]);
      else pen = null, drawPaper();
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo.click();
    else if (event.key === "Delete" || event.key === "Backspace") clear.click();
    else return;
    event.preventDefault();
  });
  paper.addEventListener("blur", () => {
    if (cursor.down) pen = null;
    Object.assign(cursor, { seen: false, down: false });
    drawPaper();
  });

  undo.addEventListener("click", () => {
    if (cleared) [strokes, cleared] = [cleared, null];
    else strokes.pop();
    [pen, cursor.down] = [null, false];
    changed();
  });
  clear.addEventListener("click", () => {
    if (strokes.length) [cleared, strokes] = [strokes, []];
    [pen, cursor.down] = [null, false];
    changed();
  });
  save.addEventListener("click", () => picture.toBlob((blob) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: "digit.png" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }));

  function show() {
    const state = model.get("state");
    message.textContent = state.message;
    const best = state.probs.indexOf(Math.max(...state.probs));
    bars.replaceChildren(...[...Array(10).keys()].flatMap((digit) => {
      const p = state.probs[digit] ?? 0;
      const bar = element("div");
      bar.style.cssText = `height: 12px; width: ${Math.max(1, 150 * p)}px; background: ${digit === best ? "#D55E00" : "#0072B2"}`;
      return [element("span", { textContent: digit }), bar, element("span", { textContent: state.probs.length ? p.toFixed(3) : "" })];
    }));
    const last = state.steps.at(-1);
    const view = last ? pictureOf(last, 168) : element("canvas", { width: 28, height: 28 });
    view.style.width = view.style.height = "168px";
    view.setAttribute("role", "img");
    view.setAttribute("aria-label", "What the network sees, 28 by 28 pixels");
    seen.replaceChildren(element("figure", {}, view, element("figcaption", { textContent: "what the network sees: 28 x 28" })));
    steps.replaceChildren(...state.steps.map((step) => element("figure", {}, pictureOf(step, 84),
      element("figcaption", {}, step.name, element("br"), `${step.height} x ${step.width}`))));
    wrong.style.visibility = state.probs.length ? "visible" : "hidden";
    answers.forEach((button, digit) => (button.disabled = digit === best));
    kept.replaceChildren(...state.kept.map((k) => element("figure", {}, pictureOf(k, 56),
      element("figcaption", {}, `a ${k.label}, read as ${k.pick}`, element("br"), `with ${k.probability.toFixed(2)}`))));
    if (state.kept.length) kept.prepend(element("b", { textContent: "Kept:" }));
  }

  model.on("change:state", show);
  drawPaper();
  show();
  return () => {
    model.off("change:state", show);
    clearTimeout(waiting);
  };
}

export default { render };

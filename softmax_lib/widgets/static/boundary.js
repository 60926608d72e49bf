// The boundary playground: points to drag.  Loss, steps and regions come from Python; nothing is computed here.
const SIDE = 380; // pixels of the picture on the page
const RADIUS = 10; // of a point
const STRIDE = 5; // steps of a run between two pictures
const RATES = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const rgb = (color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
const isDark = (color) => rgb(color).reduce((sum, v, i) => sum + v * [0.3, 0.6, 0.1][i], 0) < 140;

function render({ model, el }) {
  let { points, labels, serial } = structuredClone(model.get("state"));
  let chosen = null; // the number of the point that has been clicked or chosen by key
  let dragged = false;
  let running = false;

  const paper = element("canvas", { className: "paper", tabIndex: 0 });
  const sharp = Math.max(1, window.devicePixelRatio);
  paper.width = paper.height = SIDE * sharp;
  paper.style.width = paper.style.height = `${SIDE}px`;
  paper.setAttribute("role", "application");
  paper.setAttribute("aria-label", "Points in their regions. N and P choose a point, arrow keys move it, " +
    "with Shift a little, a digit gives it that class.");
  paper.dataset.lmSuppressShortcuts = "true"; // here a digit is no command of JupyterLab's

  const step = element("button", { textContent: "One step" });
  const run = element("button", { textContent: "Run" });
  const reset = element("button", { textContent: "Weights to 0" });
  const back = element("button", { textContent: "Points back" });
  const rate = element("select", {}, ...RATES.map((value) => element("option", { value, textContent: value })));
  const status = element("div");
  status.setAttribute("role", "status");
  status.style.cssText = "font-size: 15px; font-weight: 600; margin-bottom: 6px";
  const curve = element("div");
  const help = element("div", { className: "quiet" });
  const classes = element("div", {}, "class of the chosen point: ");
  const buttons = model.get("state").colors.map((color, k) => {
    const button = element("button", { textContent: k });
    button.style.cssText = `background: ${color}; color: ${isDark(color) ? "white" : "black"}; min-width: 30px`;
    button.setAttribute("aria-label", `Give the chosen point class ${k}`);
    button.addEventListener("click", () => giveClass(k));
    classes.append(button);
    return button;
  });
  el.append(element("div", { className: "softmax-lib" }, element("div", { className: "row" },
    element("div", {}, paper),
    element("div", { style: "max-width: 330px" }, status, curve,
      element("div", {}, step, run, reset, back),
      element("label", {}, "learning rate ", rate), classes, help))));

  const toPage = ([x, y]) => {
    const { low, high } = model.get("state");
    return [(SIDE * (x - low[0])) / (high[0] - low[0]), SIDE - (SIDE * (y - low[1])) / (high[1] - low[1])];
  };
  const toFeatures = (x, y) => {
    const { low, high } = model.get("state");
    const inside = (v) => Math.min(SIDE - RADIUS, Math.max(RADIUS, v)) / SIDE;
    return [low[0] + inside(x) * (high[0] - low[0]), high[1] - inside(y) * (high[1] - low[1])];
  };

  function draw() {
    const { colors, grid, regions, wrong } = model.get("state");
    const page = paper.getContext("2d");
    page.setTransform(sharp, 0, 0, sharp, 0, 0);
    page.fillStyle = "white";
    page.fillRect(0, 0, SIDE, SIDE);
    if (regions.byteLength) {
      const picks = new Uint8Array(regions.buffer, regions.byteOffset, regions.byteLength);
      const image = new ImageData(grid, grid);
      const light = colors.map((color) => rgb(color).map((v) => 255 - 0.35 * (255 - v)));
      picks.forEach((k, i) => image.data.set([...light[k], 255], 4 * i));
      const small = element("canvas", { width: grid, height: grid });
      small.getContext("2d").putImageData(image, 0, 0);
      page.imageSmoothingEnabled = false;
      page.drawImage(small, 0, 0, SIDE, SIDE);
    }
    const [x0, y0] = toPage([0, 0]); // the origin
    page.strokeStyle = "#555";
    page.lineWidth = 1.5;
    page.beginPath();
    page.moveTo(x0 - 8, y0), page.lineTo(x0 + 8, y0), page.moveTo(x0, y0 - 8), page.lineTo(x0, y0 + 8);
    page.stroke();
    page.textAlign = "center";
    page.textBaseline = "middle";
    page.font = "bold 12px sans-serif";
    const order = [...points.keys()].sort((i, j) => (i === chosen) - (j === chosen)); // the chosen one on top
    for (const i of order) {
      const [x, y] = toPage(points[i]);
      const color = colors[labels[i]];
      page.beginPath();
      page.arc(x, y, RADIUS, 0, 2 * Math.PI);
      page.fillStyle = color;
      page.fill();
      page.lineWidth = i === chosen ? 4 : 1;
      page.strokeStyle = i === chosen ? "black" : "white";
      page.stroke();
      page.fillStyle = isDark(color) ? "white" : "black";
      page.fillText(labels[i], x, y + 1);
      if (wrong[i] && regions.byteLength) {
        page.lineWidth = 2;
        page.strokeStyle = "#B00000";
        page.setLineDash([3, 3]);
        page.beginPath();
        page.arc(x, y, RADIUS + 4, 0, 2 * Math.PI);
        page.stroke();
        page.setLineDash([]);
      }
    }
  }

  function show() {
    const state = model.get("state");
    if (state.serial >= serial && !dragged) {
      points = structuredClone(state.points);
      labels = [...state.labels];
    }
    if (![...rate.options].some((option) => +option.value === state.lr)) rate.append(element("option", { value: state.lr, textContent: state.lr }));
    if (state.serial >= serial) rate.value = state.lr;
    status.textContent = state.status;
    curve.innerHTML = state.curve;
    run.textContent = running ? "Stop" : "Run";
    for (const button of buttons) button.disabled = chosen === null;
    let text = "Drag a point, or click it to choose it.";
    if (chosen !== null) {
      const place = points[chosen].map((v) => v.toFixed(2).replace("-", "−")).join(", ");
      text = `Chosen: point ${chosen} of class ${labels[chosen]}, at (${place}).`;
    }
    help.textContent = `${text} A dashed red ring: on the wrong side. The cross: the origin.`;
    draw();
  }

  function changed() {
    serial += 1;
    model.set("input", { points: structuredClone(points), labels: [...labels], lr: +rate.value, serial });
    model.save_changes();
    show();
  }
  function giveClass(k) {
    if (chosen === null || k >= buttons.length) return;
    labels[chosen] = k;
    changed();
  }
  function at(event) {
    const box = paper.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  }

  paper.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    paper.focus({ preventScroll: true });
    const [x, y] = at(event);
    const distances = points.map((point) => Math.hypot(toPage(point)[0] - x, toPage(point)[1] - y));
    const nearest = distances.lastIndexOf(Math.min(...distances)); // of equals, the one on top
    chosen = distances[nearest] <= 2 * RADIUS ? nearest : null;
    dragged = chosen !== null;
    if (dragged) paper.setPointerCapture(event.pointerId);
    show();
  });
  paper.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    points[chosen] = toFeatures(...at(event));
    changed();
  });
  for (const end of ["pointerup", "pointercancel"]) paper.addEventListener(end, () => (dragged = false));
  paper.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    const [dx, dy] = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] }[key] ?? [0, 0];
    if (dx || dy) {
      chosen ??= 0;
      const [x, y] = toPage(points[chosen]);
      const far = event.shiftKey ? 1 : 8;
      points[chosen] = toFeatures(x + far * dx, y + far * dy);
      changed();
    } else if (key === "n" || key === "p") {
      chosen = ((chosen ?? (key === "n" ? -1 : 0)) + (key === "n" ? 1 : points.length - 1)) % points.length;
      show();
    } else if (/^\d$/.test(key)) giveClass(+key);
    else return;
    event.preventDefault();
  });

  function tell(content) {
    try {
      model.send(content);
    } catch { // the kernel was restarted
      running = false;
      show();
      status.textContent = "The kernel does not answer: run the cell again.";
    }
  }

  // A run asks for the next step when the last one has been shown, so it never fills the kernel's queue.
  let timer = null;
  function goOn() {
    if (running) timer = setTimeout(() => tell({ do: "step", count: STRIDE }), 20);
  }
  model.on("change:state", show);
  model.on("change:state", goOn);
  step.addEventListener("click", () => tell({ do: "step" }));
  run.addEventListener("click", () => {
    running = !running;
    clearTimeout(timer);
    show();
    if (running) tell({ do: "step", count: STRIDE });
  });
  reset.addEventListener("click", () => tell({ do: "reset" }));
  back.addEventListener("click", () => tell({ do: "points", serial: (serial += 1) }));
  rate.addEventListener("change", changed);
  show();
  return () => {
    running = false;
    clearTimeout(timer);
    model.off("change:state", show);
    model.off("change:state", goOn);
  };
}

export default { render };

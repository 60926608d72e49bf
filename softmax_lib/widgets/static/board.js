// The experiment board: shows the HTML that Python wrote, and says what was pressed.  Nothing is computed here.
function render({ model, el }) {
  el.classList.add("softmax-lib");
  const advice = document.createElement("div");
  advice.setAttribute("role", "status");
  const find = ({ kind, name }) =>
    [...el.querySelectorAll("[data-kind]")].find((part) => part.dataset.kind === kind && part.dataset.name === name);

  function show() {
    const pressed = el.contains(document.activeElement) ? { ...document.activeElement.dataset } : null;
    el.innerHTML = model.get("state").html;
    if (pressed) find(pressed)?.focus(); // the keyboard goes on where it was
  }

  function press(event) {
    const part = event.target.closest("[data-kind]");
    if (!part) return;
    try {
      model.send({ ...part.dataset });
    } catch { // the kernel was restarted
      event.preventDefault(); // a box stays as it was
      advice.textContent = "The kernel does not answer: run the cell again.";
      el.prepend(advice);
    }
  }

  el.addEventListener("click", press);
  model.on("change:state", show);
  show();
  return () => model.off("change:state", show);
}

export default { render };

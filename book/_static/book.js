// On paper nothing is folded and nothing is dark.
const before = { folded: [], theme: "" };

addEventListener("beforeprint", () => {
  before.folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of before.folded) details.open = true;
  before.theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});

addEventListener("afterprint", () => {
  for (const details of before.folded) details.open = false;
  document.documentElement.dataset.theme = before.theme;
});

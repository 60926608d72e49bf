// A real Chromium behind a pipe: one JSON request a line in, one JSON answer a line out.  browser.py writes them.
//   {"on": "page" | "mouse" | "keyboard" | "touchscreen" | a selector, "do": a method of Playwright's, "with": [its arguments]}
import readline from "node:readline";
import { chromium } from "playwright-core";

const args = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
const browser = await chromium.launch({ executablePath: process.argv[2], args });
const context = await browser.newContext({ viewport: { width: 1250, height: 950 }, hasTouch: true });
context.setDefaultTimeout(Number(process.argv[3]));
const page = await context.newPage();

const seen = { errors: [], requests: [] };
page.on("console", (message) => {
  if (message.type() === "error") seen.errors.push(`${message.text()} (${message.location().url})`);
});
page.on("pageerror", (error) => seen.errors.push(String(error.stack ?? error)));
page.on("request", (request) => seen.requests.push(request.url()));
page.on("websocket", (socket) => seen.requests.push(socket.url()));
page.on("dialog", (dialog) => dialog.accept().catch(() => {})); // "leave this page?"

async function answer({ on, do: method, with: given }) {
  if (on === "seen") return seen;
  if (on === "forget") {
    seen.errors.length = seen.requests.length = 0;
    return null;
  }
  if (on === "download") {
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(method).click()]);
    await download.saveAs(given[0]);
    return download.suggestedFilename();
  }
  const target = { page, mouse: page.mouse, keyboard: page.keyboard, touchscreen: page.touchscreen }[on] ?? page.locator(on);
  if (method.startsWith("evaluate")) given = [eval(`(${given[0]})`), ...given.slice(1)];
  const result = await target[method](...given);
  return ["string", "number", "boolean"].includes(typeof result) || method.startsWith("evaluate") ||
    Array.isArray(result) || method === "boundingBox" ? result : null;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = { value: (await answer(JSON.parse(line))) ?? null };
  } catch (error) {
    reply = { error: error.message };
  }
  process.stdout.write(JSON.stringify(reply) + "\n");
}
await browser.close();

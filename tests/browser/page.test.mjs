// The dashboard's bundle, opened in a real browser. `cargo xtask test` builds the bundle and says
// in $OCUROOT_BUNDLE where it is, and in $OCUROOT_CHROMIUM which browser to open.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const bundle = required("OCUROOT_BUNDLE");
const executablePath = required("OCUROOT_CHROMIUM");

let site;
let browser;

before(async () => {
  site = await serve(bundle);
  browser = await chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(async () => {
  await browser?.close();
  await site?.close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`the page says what it will be, in ${colorScheme}`, async () => {
    await open({ colorScheme }, async (page) => {
      await page.getByRole("heading", { level: 1, name: "Ocuroot dashboard" }).waitFor();
      assert.equal(await page.locator("main dt").count(), 10);
      assert.equal(await page.locator("main").getAttribute("aria-busy"), null);

      const [red] = await page.evaluate(() =>
        getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number),
      );
      assert.ok(colorScheme === "dark" ? red < 64 : red > 192, `background: ${red}`);
    });
  });
}

test("the page fits a phone", async () => {
  await open({ viewport: { width: 360, height: 640 } }, async (page) => {
    await page.getByRole("heading", { level: 1, name: "Ocuroot dashboard" }).waitFor();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `the page is ${width} px wide`);
  });
});

test("the frame is there before any code", async () => {
  let arrive;
  const code = new Promise((resolve) => (arrive = resolve));
  const late = (page) => page.route("**/start-*.js", (route) => code.then(() => route.continue()));
  await open({}, async (page) => {
    await page.getByRole("banner").getByText("ocuroot").waitFor();
    await page.getByText("Loading the dashboard").waitFor();
    arrive();
    await page.getByRole("heading", { level: 1, name: "Ocuroot dashboard" }).waitFor();
  }, late);
});

test("the page's policy holds inline script back", async () => {
  await open({}, async (page, problems) => {
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.head.append(script);
    });
    assert.equal(await page.evaluate(() => window.ran), undefined);
    assert.match(problems.splice(0).join("\n"), /Content Security Policy/);
  });
});

// Opens the page in a context of its own. Afterwards nothing may have gone wrong, and nobody else
// may have been asked for anything.
async function open(options, look, prepare = () => {}) {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    const problems = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("requestfailed", (request) => problems.push(`no answer: ${request.url()}`));
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== site.origin && protocol !== "data:") problems.push(`asked for ${request.url()}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) problems.push(`${response.status()}: ${response.url()}`);
    });
    await prepare(page);
    await page.goto(`${site.origin}/some/folder/`, { waitUntil: "commit" });
    await look(page, problems);
    assert.deepEqual(problems, []);
  } finally {
    await context.close();
  }
}

function required(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set; run \`cargo xtask test\``);
  return value;
}

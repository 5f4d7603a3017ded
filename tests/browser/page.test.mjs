// The dashboard's bundle, opened in a real browser. `cargo xtask test` builds the bundle and says
// in $OCUROOT_BUNDLE where it is, and in $OCUROOT_CHROMIUM which browser to open.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser } from "./open.mjs";

let world;

before(async () => {
  world = await browser();
});

after(async () => {
  await world?.close();
});

// Without a list of stores, the first thing to do is to name one.
const heading = (page) => page.getByRole("heading", { level: 1, name: "Open a source" }).waitFor();

test("the frame is there before any code", async () => {
  let arrive;
  const code = new Promise((resolve) => (arrive = resolve));
  const before = (page) => page.route("**/start-*.js", (route) => code.then(() => route.continue()));
  await world.open({ before }, async (page) => {
    await page.getByRole("banner").getByText("ocuroot").waitFor();
    await page.getByText("Loading the dashboard").waitFor();
    await page.checkAccessibility();
    arrive();
    await heading(page);
  });
});

test("the page's policy holds inline script back", async () => {
  await world.open({ expect: [/^console: .*Content Security Policy/, /^CSP: script-src-elem: inline/] }, async (page) => {
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.head.append(script);
    });
    assert.equal(await page.evaluate(() => window.ran), undefined);
  });
});

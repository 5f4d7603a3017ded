// The dashboard's bundle, opened in a real browser. `cargo xtask test` builds the bundle and says
// in $OCUROOT_BUNDLE where it is, and in $OCUROOT_CHROMIUM which browser to open.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LOOKS, NARROW, browser } from "./open.mjs";

let world;

before(async () => {
  world = await browser();
});

after(async () => {
  await world?.close();
});

const heading = (page) => page.getByRole("heading", { level: 1, name: "Ocuroot dashboard" }).waitFor();

for (const { name, options } of LOOKS) {
  test(`the page says what it will be: ${name}`, async () => {
    await world.open(options, async (page) => {
      await heading(page);
      assert.equal(await page.locator("main dt").count(), 10);
      assert.equal(await page.locator("main").getAttribute("aria-busy"), null);

      const [red] = await page.evaluate(() =>
        getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number),
      );
      assert.ok(options.colorScheme === "dark" ? red < 64 : red > 192, `background: ${red}`);
      await page.checkAccessibility();
      await page.screenshotAs("placeholder");
    });
  });
}

test("the page fits a phone", async () => {
  await world.open({ viewport: NARROW }, async (page) => {
    await heading(page);
    await page.checkWidth();
  });
});

test("the frame is there before any code", async () => {
  let arrive;
  const code = new Promise((resolve) => (arrive = resolve));
  const before = (page) => page.route("**/start-*.js", (route) => code.then(() => route.continue()));
  await world.open({ before }, async (page) => {
    await page.getByRole("banner").getByText("ocuroot").waitFor();
    await page.getByText("Loading the dashboard").waitFor();
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

// The harness notices what a test of the page must not pass over.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { assertHarmless } from "./hostile.mjs";
import { NARROW, browser } from "./open.mjs";

let world;
let elsewhere;

before(async () => {
  world = await browser();
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/gone" ? 404 : 200, { "access-control-allow-origin": "*" });
    response.end("here");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  elsewhere = { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
});

after(async () => {
  await world?.close();
  elsewhere?.close();
});

// A page without a policy, so that each thing can happen.
const PAGE = '<!doctype html><html lang="en"><title>t</title><link rel="icon" href="icon.svg"><main><h1>t</h1></main></html>';
const FILES = { "index.html": PAGE, "icon.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>' };
const open = (look, options = {}) => world.open({ ...options, files: { ...FILES, ...options.files } }, look);

describe("a test fails for", () => {
  const happens = {
    "an error on the console": (page) => page.evaluate(() => console.error("oh")),
    "a warning on the console": (page) => page.evaluate(() => console.warn("oh")),
    "an exception": (page) => page.evaluate(() => new Promise((resolve) => setTimeout(() => (resolve(), null.x)))),
    "a dialog": (page) => page.evaluate(() => alert(1)),
    "a request to nobody's origin": (page) => page.evaluate((url) => fetch(url).then(() => 0), elsewhere.origin),
    "a window that opens": (page) => page.evaluate(() => void window.open("about:blank")),
    "a promise that nobody waits for": (page) => page.evaluate(() => void Promise.reject(new Error("oh"))),
  };
  for (const [what, make] of Object.entries(happens)) {
    test(what, async () => {
      await assert.rejects(open(make), /problems in the browser/);
    });
  }

  test("an answer of 404, also from an origin that may be asked", async () => {
    const ask = (page) => page.evaluate((url) => fetch(url).then(() => 0), `${elsewhere.origin}/gone`);
    await assert.rejects(open(ask, { hosts: [elsewhere.origin] }), /404/);
    await open(ask, { hosts: [elsewhere.origin], expect: [/^404: .*\/gone$/] });
  });

  test("what the policy forbids", async () => {
    const style = (page) => page.evaluate(() => {
      const style = document.createElement("style");
      style.textContent = "h1 { color: red }";
      document.head.append(style);
    });
    const strict = { headers: { "content-security-policy": "default-src 'none'; img-src 'self'" } };
    await assert.rejects(open(style, strict), /CSP: style-src-elem/);
  });

  test("what is expected and does not come", async () => {
    await assert.rejects(open(async () => {}, { expect: [/never/] }), /did not come/);
  });

  test("an image without a text, and targets that are too small", async () => {
    const bad = `${PAGE.replace("</main>", '<img src="data:,"><p><button style="padding:0;height:8px;width:8px"></button><button style="padding:0;height:8px;width:8px">b</button></main>')}`;
    const check = open((page) => page.checkAccessibility(), { files: { "index.html": bad } });
    await assert.rejects(check, (error) => ["image-alt", "button-name", "target-size"].every((rule) => error.message.includes(rule)));
  });

  test("a page that is wider than the window", async () => {
    const wide = PAGE.replace("<h1>", '<h1 style="width:500px">');
    await assert.rejects(open((page) => page.checkWidth(), { files: { "index.html": wide }, viewport: NARROW }), /508 px wide/);
  });

  for (const [what, html] of [
    ["a handler", '<p onclick="x()">'],
    ["a javascript: link", '<a href="javascript:1">x</a>'],
    ["an image from elsewhere", '<img alt="" src="https://evil.example/x">'],
    ["a frame", "<iframe></iframe>"],
  ]) {
    test(`${what} that came of a text`, async () => {
      const bad = PAGE.replace("</main>", `${html}</main>`);
      const prepare = (page) => page.route("https://evil.example/**", (route) => route.abort("aborted"));
      const check = (page) => assertHarmless(page);
      const expect = html.includes("evil") ? [/foreign request/] : [];
      await assert.rejects(open(check, { files: { "index.html": bad }, before: prepare, expect }), /<(p|a|img|iframe)/);
    });
  }
});

test("what is as it should be passes", async () => {
  await open(async (page) => {
    await page.checkAccessibility();
    await page.checkWidth();
    await assertHarmless(page);
    await page.evaluate((url) => fetch(url).then(() => 0), elsewhere.origin);
    assert.equal(page.asked(elsewhere.origin).length, 1);
    assert.equal(await page.evaluate(() => localStorage.getItem("a")), "b");
  }, { hosts: [elsewhere.origin], storage: { local: { a: "b" } } });
});

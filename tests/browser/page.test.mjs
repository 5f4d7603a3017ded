// The dashboard's bundle, opened in a real browser. `cargo xtask test` builds the bundle and says
// in $OCUROOT_BUNDLE where it is, and in $OCUROOT_CHROMIUM which browser to open.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { git } from "../githost/git.mjs";
import { big } from "./big.mjs";
import { onGithub } from "./kinds.mjs";
import { DESKTOP, PHONE, browser } from "./open.mjs";

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

test("what the app takes first is asked for before it runs", async () => {
  const local = { stores: [{ name: "here", source: "local" }] };
  const github = { stores: [{ name: "there", source: "github:acme/releases" }, { name: "here", source: "local" }] };
  const link = { query: { source: "gitlab:127.0.0.1:1/acme/releases" } };
  for (const [options, hurries] of [[local, true], [github, false], [{ ...github, path: "?store=here" }, true], [link, true]]) {
    // The app never comes, so whatever is asked for was asked for without it.
    let give_up, list, hosts;
    const held = new Promise((resolve) => (give_up = resolve));
    const before = (page) => {
      list = page.waitForResponse(/\/stores\.json$/);
      hosts = hurries ? page.waitForResponse(/\/hosts-\w+\.wasm$/) : null;
      return page.route("**/app-*.wasm", (route) => held.then(() => route.abort()));
    };
    await world.open({ ...options, before, expect: [/./] }, async (page) => {
      await Promise.all([list, hosts]);
      give_up();
      await page.getByText("The dashboard could not be started").waitFor();
      const asked = page.requests.filter(({ url }) => url.endsWith(".wasm") && !url.includes("/app-"));
      // And what it shares with other parts.
      const name = ({ url }) => url.match(/\/(hosts|chunk_\d+)-\w+\.wasm$/)?.[1];
      assert.ok(asked.every(name), JSON.stringify(asked));
      assert.equal(asked.some((one) => name(one) === "hosts"), hurries);
    });
  }
});

test("code that does not arrive is told of", async () => {
  const before = (page) => page.route("**/app-*.wasm", (route) => route.abort());
  await world.open({ before, expect: [/./] }, async (page) => {
    await page.getByText("The dashboard could not be started").waitFor();
    await page.checkAccessibility();
  });
});

test("screens whose code does not arrive, and then does", async () => {
  let lost = 2;
  const before = (page) => page.route("**/screens-*.wasm", (route) => (lost-- > 0 ? route.abort() : route.continue()));
  await world.open({ before, expect: [/^console: /, /^no answer: .*\/screens-/] }, async (page) => {
    await page.getByRole("alert").getByText("the dashboard was replaced by a newer version").waitFor();
    await page.checkAccessibility();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
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

test("paper says which store it is of, and as of when", async () => {
  const store = await big({ packages: 2, releases: 1, deploys: 2 });
  const place = await onGithub(store);
  const head = (await git(store.bare, ["log", "-1", "--format=%H %ct", "state"])).trim();
  const [commit, seconds] = head.split(" ");
  try {
    for (const viewport of [DESKTOP, PHONE]) {
      await world.open(place.at({}, { viewport }), async (page) => {
        await page.getByRole("grid").waitFor();
        await page.emulateMedia({ media: "print" });
        const seen = await page.getByRole("banner").evaluate((bar) => {
          const texts = [...bar.querySelectorAll("*")].filter((it) => it.checkVisibility()).map((it) => {
            const own = [...it.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data);
            const after = getComputedStyle(it, "::after").content;
            return (getComputedStyle(it).fontSize === "0px" ? [] : own).join("") + (after.startsWith('"') ? after.slice(1, -1) : "");
          });
          return texts.join(" ").replace(/\s+/g, " ");
        });
        assert.ok(seen.includes("acme/releases") && seen.includes(commit.slice(0, 7)), seen);
        const time = seen.match(/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)/)?.[0];
        assert.equal(Date.parse(time), Number(seconds) * 1000, seen);
        assert.ok(!/Overview|Explorer|Search| ago/.test(seen), seen);
        if (process.env.PLACES_SHOTS) await page.screenshot({ path: `${process.env.PLACES_SHOTS}/paper-${viewport.width}.png` });
      });
    }
  } finally {
    await place.close();
    await store.close();
  }
});

// Paper waits for no second frame.
test("a matrix of any size is printed whole", async () => {
  const size = { packages: 50, releases: 1, deploys: 40 };
  const store = await big(size);
  const place = await onGithub(store);
  try {
    await world.open(place.at(), async (page) => {
      await page.getByRole("grid").locator("tbody th[scope=row]").first().waitFor();
      const names = await page.evaluate(async () => {
        globalThis.requestAnimationFrame = () => 0;
        dispatchEvent(new Event("beforeprint"));
        await new Promise((resolve) => setTimeout(resolve));
        return document.querySelectorAll("[role=grid] tbody th[scope=row]").length;
      });
      assert.equal(names, size.packages);
    });
  } finally {
    await place.close();
    await store.close();
  }
});

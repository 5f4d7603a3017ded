// Environments, custom state, the Explorer, the plan, differences and time travel, on a small shop.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { github } from "../githost/github.mjs";
import { onGithub, settled } from "./kinds.mjs";
import { LOOKS, browser } from "./open.mjs";
import { follow } from "./screens.mjs";
import { shop } from "./shop.mjs";
import { raw, written } from "./written.mjs";

let world, store, host, index;

before(async () => {
  world = await browser();
  store = await shop();
  host = await github({ repos: { "acme/releases": store.bare }, latencyMs: 2 });
  // As `state view --export` does for a team's own hosts.
  index = await readFile(`${process.env.OCUROOT_BUNDLE}/index.html`, "utf8");
  index = index.replace("connect-src 'self'", `connect-src 'self' ${host.api} ${host.raw}`);
});
after(async () => {
  await world?.close();
  await host?.close();
  await store?.close();
});

const at = (query) => {
  const entry = { name: "acme/releases", source: "github:acme/releases", state: "state", intent: "intent", api: host.api, raw: host.raw };
  return {
    query,
    stores: [entry],
    hosts: [host.api, host.raw],
    files: { "index.html": index },
    storage: { session: { [`ocuroot-token ${host.api}`]: "ghp_test" } },
  };
};

const RELEASE = "**/backend/release.ocu.star/@r4";

const SCREENS = {
  environments: { view: "environments" },
  environment: { view: "environment", name: "prod-us", with: "prod-eu" },
  custom: { view: "custom" },
  explorer: { view: "explorer", q: "**/backend/release.ocu.star/@r4/deploy/**" },
  tree: { view: "explorer" },
  document: { view: "explorer", q: "@/environment/*", ref: "@/environment/qa" },
  diff: { view: "diff" },
  plan: { view: "plan" },
  travel: { view: "history" },
};

for (const { name: look, options } of LOOKS) {
  for (const [name, query] of Object.entries(SCREENS)) {
    test(`${name}: ${look}`, () =>
      world.open({ ...options, ...at(query) }, async (page) => {
        await settled(page);
        if (process.env.PLACES_SHOTS) await page.screenshot({ path: `${process.env.PLACES_SHOTS}/${name}-${look.replaceAll(/\W+/g, "-")}.png` });
        await page.checkAccessibility();
        await page.checkWidth();
      }));
  }
}

test("an environment is compared, and only what differs is shown", () =>
  world.open(at({ view: "environment", name: "prod-us" }), async (page) => {
    await settled(page);
    await page.locator("select").selectOption("prod-eu");
    await page.getByRole("columnheader", { name: "Difference" }).waitFor();
    const rows = await page.locator("tbody th[scope=row]").count();
    await page.getByRole("button", { name: /Only differences/ }).click();
    assert.ok((await page.locator("tbody th[scope=row]").count()) <= rows);
    await page.goBack();
    await page.getByRole("columnheader", { name: "Difference" }).waitFor({ state: "detached" });
  }));

test("the Explorer finds as one types, and a document leads on", () =>
  world.open(at({ view: "explorer" }), async (page) => {
    await settled(page);
    await page.keyboard.press("/");
    await page.keyboard.type(`${RELEASE}/deploy/staging/1`);
    await page.locator("[data-row]").first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator("article h1").filter({ hasText: /^staging, attempt 1/ }).waitFor();
    // The list stays, and a ref in the document is a link.
    assert.ok(await page.locator("[data-row][aria-current=true]").count());
    await page.locator('ol.code a.link[href*="ref="]').first().click();
    await page.locator("article ol.code").waitFor();
    await page.getByRole("heading", { name: "History" }).waitFor();
  }));

test("what a word means is above what it is a part of", () =>
  world.open(at({ view: "explorer", q: "backend r4" }), async (page) => {
    await page.getByRole("list", { name: "Best matches" }).getByRole("link", { name: "backend r4" }).waitFor();
  }));

test("of a very large document the beginning is shown, and all of it can be had", async () => {
  const large = await written({
    state: {
      "@/custom/text": "ü".repeat(3_000_000),
      "@/custom/list": Array.from({ length: 150_000 }, (_, line) => ({ line, says: "one of many" })),
      "@/custom/broken": raw(`{\n${"y".repeat(5_000_000)}`),
    },
  });
  const place = await onGithub(large);
  try {
    await world.open(place.at({ view: "explorer", ref: "@/custom/text" }), async (page) => {
      for (const name of ["text", "list", "broken"]) {
        if (name !== "text") await follow(page, { view: "explorer", ref: `@/custom/${name}` });
        await page.getByText(/^Only its beginning is shown, of \d+\.\d\sMB\.$/).waitFor();
        const [shown, parts] = await page.locator("article ol.code").evaluate((list) => [list.innerText.length, list.querySelectorAll("*").length]);
        assert.ok(shown > 1_500 && shown < 100_000 && parts < 5_000, `${name}: ${shown} characters, ${parts} elements`);
        const came = page.waitForEvent("download");
        await page.getByRole("button", { name: "Download all of it" }).click();
        const saved = await readFile(await (await came).path(), "utf8");
        assert.ok(saved.length > 3_000_000 && saved.startsWith("{\n"), name);
        await page.checkAccessibility();
      }
    });
  } finally {
    await place.close();
    await large.close();
  }
});

test("a document's history says what each commit changed", () =>
  world.open(at({ view: "explorer", ref: "@/environment/qa" }), async (page) => {
    const history = page.getByRole("region", { name: "History" });
    await history.getByRole("button").first().click();
    await history.locator("ol.diff .add").first().waitFor();
  }));

test("one goes back in time and comes back to now", () =>
  world.open(at({ view: "history" }), async (page) => {
    await page.locator("tbody tr a").nth(1).click();
    await page.getByText("Nothing can be proposed from here").waitFor();
    const first = new URL(page.url()).searchParams.get("at");
    await page.keyboard.press("[");
    await page.waitForFunction((first) => new URL(location).searchParams.get("at") !== first, first);
    await page.keyboard.press("]");
    await page.waitForFunction((first) => new URL(location).searchParams.get("at") === first, first);
    await page.getByRole("link", { name: "Back to now" }).click();
    await page.waitForFunction(() => !new URL(location).searchParams.get("at"));
  }));

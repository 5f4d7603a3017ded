// `ocuroot preview`: what a release file would make, and that nobody has made it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { onPreview } from "./kinds.mjs";
import { LOOKS, browser } from "./open.mjs";
import { follow, pkg, see } from "./screens.mjs";
import { shop } from "./shop.mjs";

let world, store;

before(async () => {
  [world, store] = await Promise.all([browser(), shop()]);
});
after(async () => {
  await world?.close();
  await store?.close();
});

const SAYS = ["text", "This is a preview: nothing has been released."];
// What is said of a release that is there.
const IS_THERE = /queued|pending|waits|can start|next worker|not there yet|is missing|nothing is there|Deploy to|Approve|ago$/;

for (const { name, options } of LOOKS) {
  test(`what would run: ${name}`, async () => {
    const place = await onPreview(store, "backend/release.ocu.star");
    try {
      await world.open(place.at(place.opened, options), async (page) => {
        await see(page, [["heading", "r5 preview"], SAYS, ["text", /A release would run 3 tasks and 5 deployments in 4 phases, one after the other/]]);
        await see(page, [["text", "ocuroot release new github.com/acme/shop/-/backend/release.ocu.star"]]);
        await see(page, [["link", /^build would run at first/], ["link", /^staging would run after phase 2/], ["link", /^prod-ap would run after phase 3/]]);
        assert.match(await page.title(), /^backend r5, a preview · Ocuroot$/);
        await page.getByRole("link", { name: /^prod-ap would run/ }).click();
        await see(page, [["heading", "prod-ap"], ["heading", /^Would wait for \d/], ["text", "known when it runs"], ["text", "Known when it has run."]]);
        const said = await page.locator("main").innerText();
        assert.ok(!IS_THERE.test(said), said);
        assert.equal(await page.locator(".logs").count(), 0);
        await page.checkAccessibility();
        await page.checkWidth();
        if (process.env.PLACES_SHOTS) await page.screenshot({ path: `${process.env.PLACES_SHOTS}/preview-${name.replaceAll(/\W+/g, "-")}.png` });
      });
    } finally {
      await place.close();
    }
  });
}

test("each screen says that it is a preview, and the Overview is what would run", async () => {
  const place = await onPreview(store, "backend/release.ocu.star");
  try {
    await world.open(place.at(), async (page) => {
      await see(page, [["heading", "r5 preview"], SAYS]);
      for (const query of [{ view: "plan" }, { view: "package", ref: pkg("backend") }, { view: "environments" }, { view: "explorer" }]) {
        await follow(page, query);
        await see(page, [SAYS, ["link", "What would run"]]);
        await page.checkAccessibility();
      }
      assert.equal(await page.getByText("ocuroot work cascade").count(), 0);
      await page.getByRole("link", { name: "What would run" }).click();
      await see(page, [["heading", "r5 preview"]]);
      await page.getByRole("link", { name: /^Source/ }).click();
      await see(page, [["heading", "Source"], ["text", /what a release file would make/]]);
    });
  } finally {
    await place.close();
  }
});

test("of a file that has a mistake, what it was before is shown; of one that declares environments, that", async () => {
  const place = await onPreview(store, "backend/release.ocu.star");
  try {
    await world.open(place.at(place.opened), async (page) => {
      await see(page, [["heading", "r5 preview"]]);
      await store.commit({ "backend/release.ocu.star": "task(" }, "A mistake");
      await see(page, [["text", "The file has a mistake."], ["text", /backend\/release\.ocu\.star:1/], ["heading", "r5 preview"]]);
      await store.commit({ "backend/release.ocu.star": 'ocuroot("0.3.0")\nregister_environment(environment("moon"))\n' }, "Environments");
      await see(page, [["heading", "Nothing would be released"]]);
      await page.getByRole("main").getByRole("link", { name: "Environments" }).click();
      await see(page, [["row", /^moon/]]);
    });
  } finally {
    await place.close();
  }
});

// What happens while one looks: a release that runs beside `state view`, a new commit on a host.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { touch } from "./big.mjs";
import { onGithub, onLocal, until } from "./kinds.mjs";
import { browser, turnClock } from "./open.mjs";
import { follow, pkg, screen, see, sees } from "./screens.mjs";
import { hold, shop } from "./shop.mjs";

let world;

before(async () => {
  world = await browser();
});
after(() => world?.close());

const withShop = async (start, use) => {
  const store = await shop();
  let place;
  try {
    place = await start(store);
    await use(store, place);
  } finally {
    await place?.close();
    await store.close();
  }
};

const MINUTE = 60_000;
// Somebody looks at another tab, and comes back.
const hide = (page, hidden) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (hidden ? "hidden" : "visible") });
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, hidden);

test("state view follows a release as it runs", () =>
  withShop(onLocal, async (store, place) => {
    await store.commit({ "search/hold": "staging\n" }, "Hold");
    await world.open(place.at(), async (page) => {
      await sees(page, screen("overview"));
      const running = await hold(store, "search/release.ocu.star");
      await see(page, [["link", "search r4"], ["row", /^search .*running/]]);
      await page.getByRole("link", { name: "search r4" }).first().click();
      await see(page, [["heading", "r4 running"]]);
      await page.getByRole("link", { name: /^staging running/ }).click();
      await see(page, [["heading", "staging running"]]);
      await see(page, [["option", /copying the index/]]);
      const { code } = await running.finish();
      assert.equal(code, 0);
      await see(page, [["heading", "r4 complete"], ["link", /^staging complete/], ["link", /^qa complete/]]);
      assert.equal(await page.getByRole("link", { name: /running/ }).count(), 0);
    });
  }));

test("state view that has ended, and is there again", () =>
  withShop(onLocal, async (store, place) => {
    await world.open(place.at({}, { before: turnClock, expect: [/^no answer: |^console: /] }), async (page) => {
      await sees(page, screen("overview"));
      await place.close();
      await follow(page, { view: "release", ref: `${pkg("backend")}/@r2` });
      await until(page, page.getByRole("heading", { name: "The host does not answer" }));
      await see(page, [["button", "Try again"]]);
    });
  }));

test("a new commit on a host is said, and shown when one wants it", () =>
  withShop(onGithub, async (store, place) => {
    await world.open(place.at({ view: "custom" }, { before: turnClock }), async (page) => {
      await sees(page, screen("custom"));
      page.mark();
      await page.clock.runFor(MINUTE);
      await page.waitForFunction(() => true);
      await touch(store, 1);
      await page.clock.runFor(MINUTE);
      await see(page, [["status", ""], ["text", "1 new commit"]]);
      await page.checkAccessibility();
      assert.equal(await page.getByRole("row", { name: /^touched/ }).count(), 0, "changed by itself");
      await page.getByRole("button", { name: "Show", exact: true }).click();
      await see(page, [["row", /^touched 1 yes/]]);
      assert.equal(await page.getByText("1 new commit").count(), 0);
      // From now on by itself.
      await touch(store, 2);
      await page.clock.runFor(MINUTE);
      await page.getByRole("button", { name: "Always show" }).click();
      await see(page, [["row", /^touched 2 yes/]]);
      await touch(store, 3);
      await page.clock.runFor(MINUTE);
      await see(page, [["row", /^touched 3 yes/]]);
    });
  }));

test("nothing is asked while nobody looks, and at once when somebody comes back", () =>
  withShop(onGithub, async (store, place) => {
    await world.open(place.at({}, { before: turnClock }), async (page) => {
      await sees(page, screen("overview"));
      await hide(page, true);
      page.mark();
      await page.clock.runFor(30 * MINUTE);
      assert.deepEqual(page.asked(place.api), []);
      const asked = page.waitForRequest((request) => request.url().startsWith(place.api));
      await hide(page, false);
      await asked;
      assert.ok(page.asked(place.api).every(({ url }) => /branches/.test(url)), JSON.stringify(page.asked(place.api)));
    });
  }));

test("a host that is away meanwhile is said beside what one sees, which stays", () =>
  withShop((store) => onGithub(store, { proxied: true }), async (store, place) => {
    await world.open(place.at({}, { before: turnClock, expect: [/^no answer: /] }), async (page) => {
      await sees(page, screen("overview"));
      await place.proxy.down();
      for (let minute = 0; minute < 10 && !(await page.getByRole("button", { name: "Look again" }).count()); minute++) await page.clock.runFor(MINUTE);
      await see(page, [["text", /The host does not answer\. +You see state/], ["button", "Look again"]]);
      await see(page, [["grid", "Packages and environments"]]);
      await page.checkAccessibility();
      await place.proxy.up();
      await page.getByRole("button", { name: "Look again" }).click();
      for (let minute = 0; minute < 30 && (await page.getByRole("button", { name: "Look again" }).count()); minute++) await page.clock.runFor(MINUTE);
      await page.getByRole("button", { name: "Look again" }).waitFor({ state: "detached" });
      // Both branches are looked at as before.
      page.mark();
      await page.clock.runFor(5 * MINUTE);
      for (const branch of ["state", "intent"]) assert.ok(page.asked(place.api).some(({ url }) => url.endsWith(`/branches/${branch}`)), branch);
    });
  }));

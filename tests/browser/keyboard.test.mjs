// The page without a pointer: the matrix, the pipeline, the log, the keys of the whole page, and where the
// focus is.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { onGithub, settled } from "./kinds.mjs";
import { browser } from "./open.mjs";
import { follow, pkg, screen, sees } from "./screens.mjs";
import { shop } from "./shop.mjs";

let world, store, place;

before(async () => {
  [world, store] = await Promise.all([browser(), shop()]);
  place = await onGithub(store);
});
after(async () => {
  await world?.close();
  await place?.close();
  await store?.close();
});

const clipboard = { permissions: ["clipboard-read", "clipboard-write"] };
const copied = (page) => page.evaluate(() => navigator.clipboard.readText());
// What has the focus: its role or tag, and its text.
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return `${element.getAttribute("role") ?? element.localName}: ${(element.getAttribute("aria-label") ?? element.innerText ?? "").replace(/\s+/g, " ").trim()}`;
  });
const focusIs = async (page, pattern) => {
  await page.waitForFunction(
    ([source, flags]) => {
      const element = document.activeElement;
      const text = `${element.getAttribute("role") ?? element.localName}: ${(element.getAttribute("aria-label") ?? element.innerText ?? "").replace(/\s+/g, " ").trim()}`;
      return new RegExp(source, flags).test(text);
    },
    [pattern.source, pattern.flags],
  ).catch(async () => assert.match(await focused(page), pattern));
};
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const view = (page) => new URL(page.url()).searchParams.get("view");

test("packages stay, by repo and flat and by repo again", () =>
  world.open(place.at(), async (page) => {
    await sees(page, screen("overview"));
    const packages = page.getByRole("grid").locator("tbody th[scope=row]");
    const all = await packages.count();
    assert.ok(all > 3);
    for (const manner of ["Flat", "By repo", "Flat", "By repo"]) {
      await page.getByRole("button", { name: manner, exact: true }).click();
      await page.waitForFunction(
        (grouped) => Boolean(document.querySelector("[role=grid] th[scope=rowgroup]")) === grouped,
        manner === "By repo",
      );
      assert.equal(await packages.count(), all, manner);
    }
  }));

test("the matrix is one tab stop, and arrows move in it", () =>
  world.open(place.at({}, clipboard), async (page) => {
    await sees(page, screen("overview"));
    const stops = page.getByRole("grid").locator("a:not([tabindex='-1']), button:not([tabindex='-1'])");
    assert.equal(await stops.count(), 1);
    // From the toolbar to the matrix, on to what can be done with its cell, and back.
    await page.getByRole("button", { name: "Flat" }).focus();
    await press(page, "Tab");
    await focusIs(page, /^a: r4 \d+d$/);
    // The sentence has a link too.
    await press(page, "Tab", "Tab");
    await focusIs(page, /^a: Open$/);
    await page.getByText(/backend in qa/).waitFor();
    await press(page, "Shift+Tab", "Shift+Tab");
    await focusIs(page, /^a: r4 \d+d$/);
    await press(page, "Shift+Tab");
    await focusIs(page, /^button: Flat/);
    await press(page, "Tab");
    // Arrows reach the heads of rows, of groups and of columns too.
    await press(page, "ArrowLeft");
    await focusIs(page, /^a: backend$/);
    await press(page, "ArrowRight", "ArrowUp");
    await focusIs(page, /^button: acme\/shop/);
    await press(page, "ArrowUp");
    await focusIs(page, /^a: qa$/);
    assert.equal(await stops.count(), 1);
    await press(page, "ArrowRight");
    await focusIs(page, /^a: staging$/);
    await press(page, "ArrowLeft", "ArrowDown", "ArrowDown");
    await focusIs(page, /^a: r4/);
    await press(page, "ArrowRight", "ArrowRight");
    await focusIs(page, /^a: r3 \+1 newer/);
    // The cell is told as a sentence, with what can be done.
    const readout = page.getByText(/backend in prod-ap/);
    await readout.waitFor();
    await page.getByText(/r3 is live for \d+ d/).waitFor();
    await press(page, "End");
    await page.getByText(/backend in prod-us/).waitFor();
    await press(page, "Home");
    await page.getByText(/backend in qa/).waitFor();
    await press(page, "Control+End");
    await page.getByText(/search in prod-us/).waitFor();
    await press(page, "Control+Home");
    await page.getByText(/backend in qa/).waitFor();
    await press(page, "ArrowDown", "ArrowDown");
    await page.getByText(/frontend in qa/).waitFor();
    assert.equal(await stops.count(), 1);
    await press(page, "y");
    assert.equal(await copied(page), `${pkg("frontend")}/@r2`);
    await press(page, "ArrowRight", "ArrowRight", "ArrowRight", "Enter");
    await page.getByRole("heading", { name: "prod-eu failed" }).waitFor();
    assert.equal(new URL(page.url()).hash, "#deploy/prod-eu/2");
  }));

test("a row is left with Tab, a group folded with Enter", () =>
  world.open(place.at({}), async (page) => {
    await sees(page, screen("overview"));
    const group = page.getByRole("button", { name: "acme/shop" });
    await group.focus();
    await press(page, "Enter");
    await page.getByRole("row", { name: /^backend/ }).waitFor({ state: "detached" });
    assert.equal(await group.getAttribute("aria-expanded"), "false");
    await focusIs(page, /^button: acme\/shop/);
    await press(page, "Enter");
    await page.getByRole("row", { name: /^backend/ }).waitFor();
  }));

test("a approves what is focused, and sends nothing", () =>
  world.open(place.at({}), async (page) => {
    await sees(page, screen("overview"));
    await page.getByRole("link", { name: /^r3 \+1 newer/ }).first().focus();
    const before = place.host.requests.length;
    await press(page, "a");
    await page.getByRole("heading", { name: "Draft", exact: true }).waitFor();
    const sent = place.host.requests.slice(before).filter(({ method, kind }) => !["GET", "OPTIONS"].includes(method) && kind !== "graphql");
    assert.deepEqual(sent, []);
  }));

test("the filter: / goes there, Escape clears it", () =>
  world.open(place.at({}), async (page) => {
    await sees(page, screen("overview"));
    await press(page, "/");
    await page.keyboard.type("prod-* frontend".split(" ")[1]);
    await page.getByRole("row", { name: /^backend/ }).waitFor({ state: "detached" });
    await page.getByRole("row", { name: /^frontend/ }).waitFor();
    await press(page, "Escape");
    await page.getByRole("row", { name: /^backend/ }).waitFor();
    assert.equal(new URL(page.url()).searchParams.get("q"), null);
    await press(page, "/");
    await page.keyboard.type("nothing is called so");
    await page.getByRole("heading", { name: /^Nothing matches/ }).waitFor();
    await page.getByRole("button", { name: "Clear filter" }).click();
    await page.getByRole("row", { name: /^backend/ }).waitFor();
  }));

test("what a filter leaves is not drawn anew, and what comes back is what was there", () =>
  world.open(place.at({}), async (page) => {
    await sees(page, screen("overview"));
    await settled(page);
    // Marks every line and cell, and counts what is put into the table from now on.
    await page.evaluate(() => {
      const table = document.querySelector(".mx");
      for (const element of table.querySelectorAll("tbody tr, tbody td")) element.mark = true;
      window.put = [];
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) window.put.push(...[...addedNodes].filter((node) => node.localName === "tr" || node.localName === "td"));
      }).observe(table, { childList: true, subtree: true });
    });
    const lines = () => page.evaluate(() => [...document.querySelectorAll(".mx tbody tr")].map((row) => [row.mark, row.ariaRowIndex, row.dataset.l, [...row.querySelectorAll("td")].every((cell) => cell.mark)].join(" ")));
    const before = await lines();
    await press(page, "/");
    await page.keyboard.type("frontend");
    await page.getByRole("row", { name: /^backend/ }).waitFor({ state: "detached" });
    assert.deepEqual(await page.evaluate(() => window.put.length), 0);
    assert.deepEqual(await lines(), ["true 2 1 true", "true 3 2 true"]);
    await press(page, "Escape");
    await page.getByRole("row", { name: /^backend/ }).waitFor();
    assert.deepEqual(await lines(), before);
    assert.ok(await page.evaluate(() => window.put.every((node) => node.mark)));
    // Of columns those that stay are kept, too.
    await press(page, "/");
    await page.keyboard.type("prod-*");
    await page.getByRole("columnheader", { name: "qa" }).waitFor({ state: "detached" });
    assert.deepEqual(await lines(), before);
    assert.match(await page.getByRole("row", { name: /^backend/ }).getByRole("gridcell").first().innerText(), /^r3\s\+1/);
    await press(page, "Escape");
    await page.getByRole("columnheader", { name: "qa" }).waitFor();
    assert.match(await page.getByRole("row", { name: /^backend/ }).getByRole("gridcell").first().innerText(), /^r4/);
  }));

test("g and a letter goes to a screen, the heading has the focus and the title is told", () =>
  world.open(place.at({}), async (page) => {
    await sees(page, screen("overview"));
    for (const [letter, where, heading] of [
      ["e", "environments", /^h1: Environments/],
      ["p", "plan", /^h1: Plan/],
      ["x", "explorer", /^h1: Explorer/],
      ["d", "draft", /^h1: Draft/],
      ["o", null, /^h1: Overview/],
    ]) {
      await press(page, "g", letter);
      await focusIs(page, heading);
      assert.equal(view(page), where);
      await settled(page);
    }
    // A letter alone, or with a modifier, or in a field, goes nowhere.
    await press(page, "e", "g", "Control+e");
    assert.equal(view(page), null);
    await page.getByRole("searchbox").focus();
    await page.keyboard.type("ge");
    assert.equal(view(page), null);
  }));

test("? lists the keys, and letters can be switched off for good", () =>
  world.open(place.at({}), async (page) => {
    await sees(page, screen("overview"));
    await press(page, "?");
    const dialog = page.getByRole("dialog", { name: "Keys" });
    await dialog.waitFor();
    await page.checkAccessibility();
    await dialog.getByRole("checkbox", { name: /Single letters/ }).uncheck();
    await press(page, "Escape");
    await dialog.waitFor({ state: "hidden" });
    await press(page, "g", "e", "?");
    assert.equal(view(page), null);
    assert.equal(await dialog.count(), 0);
    await page.reload();
    await page.getByRole("grid").waitFor();
    await press(page, "g", "e");
    assert.equal(view(page), null);
  }));

test("the pipeline: arrows between phases and within one, y copies, Escape closes the run", () =>
  world.open(place.at(screen("release").query, clipboard), async (page) => {
    await sees(page, screen("release"));
    await page.getByRole("link", { name: /^build complete/ }).focus();
    await press(page, "ArrowRight");
    await focusIs(page, /^a: unit/);
    await press(page, "ArrowDown");
    await focusIs(page, /^a: browser/);
    await press(page, "ArrowRight", "ArrowRight");
    await focusIs(page, /^a: prod-/);
    await press(page, "ArrowLeft", "ArrowUp");
    await focusIs(page, /^a: (qa|staging)/);
    await press(page, "y");
    assert.match(await copied(page), /\/@r4\/deploy\/(qa|staging)\/1$/);
    await press(page, "Enter");
    await page.getByRole("heading", { name: /^(qa|staging) complete/ }).waitFor();
    await press(page, "Escape");
    await page.waitForFunction(() => !location.hash);
    await focusIs(page, /^a: (qa|staging)/);
    await press(page, "[");
    await page.getByRole("heading", { name: "r3 complete" }).waitFor();
    await press(page, "]");
    await page.getByRole("heading", { name: "r4 needs approval" }).waitFor();
  }));

test("the log: one tab stop, arrows go from line to line, y copies a line's link", () =>
  world.open(place.at(screen("log").query, clipboard), async (page) => {
    await sees(page, screen("log"));
    const list = page.getByRole("listbox", { name: "Log lines" });
    const line = (n) => page.waitForFunction((id) => document.querySelector("[role=listbox]")?.getAttribute("aria-activedescendant") === id, `L${n}`);
    await list.focus();
    await line(3);
    await press(page, "ArrowDown");
    await line(4);
    await press(page, "Home");
    await line(1);
    await press(page, "ArrowUp");
    await line(1);
    await press(page, "End");
    await line(5);
    await press(page, "y");
    assert.match(await copied(page), /#task\/build\/1:L5$/);
    assert.equal(new URL(page.url()).hash, "#task/build/1:L5");
    // `/` searches in it.
    await press(page, "/");
    await page.keyboard.type("only in");
    await page.getByText("1 of 1").waitFor();
    await line(4);
  }));

test("no letter of a search waits for the host", () =>
  world.open(place.at({ view: "explorer", q: "**/@r1" }), async (page) => {
    const field = page.getByRole("searchbox", { name: /^Search, or glob/ });
    await page.getByText(/^\d+ refs, \d+\sms$/).waitFor();
    // What environments there are is read once one is at the field.
    await Promise.all([page.waitForResponse(/recursive=1/), field.focus()]);
    await settled(page);
    const before = place.host.requests.length;
    await field.fill("");
    await page.keyboard.type("qa");
    await page.getByRole("list", { name: "Best matches" }).getByRole("link", { name: "qa", exact: true }).waitFor();
    assert.deepEqual(place.host.requests.slice(before).map(({ url }) => url), []);
  }));

test("the tree of the Explorer", () =>
  world.open(place.at({ view: "explorer" }), async (page) => {
    await page.getByRole("treeitem", { name: /github\.com/ }).waitFor();
    await page.getByRole("treeitem").first().focus();
    await focusIs(page, /^treeitem: @/);
    await press(page, "ArrowRight");
    await page.getByRole("treeitem", { name: /environment/ }).waitFor();
    await press(page, "ArrowRight");
    await focusIs(page, /^treeitem: custom|^treeitem: environment/);
    await press(page, "ArrowLeft");
    await focusIs(page, /^treeitem: @/);
    await press(page, "ArrowLeft");
    await page.getByRole("treeitem", { name: /environment/ }).waitFor({ state: "detached" });
    await press(page, "End");
    await focusIs(page, /^treeitem: github\.com/);
  }));

test("the first tab stop skips to the content", () =>
  world.open(place.at({}), async (page) => {
    await sees(page, screen("overview"));
    await press(page, "Tab");
    await focusIs(page, /^a: Skip to content/);
    await press(page, "Enter");
    await focusIs(page, /^h1: Overview/);
    await press(page, "Tab");
    const inside = await page.evaluate(() => document.querySelector("main").contains(document.activeElement));
    assert.ok(inside, await focused(page));
    await follow(page, screen("plan").query);
    await focusIs(page, /^h1: Plan/);
  }));

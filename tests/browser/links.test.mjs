// Addresses: deep links, back and forward, reload, links from one screen to the next, and addresses that
// lead nowhere. Stores that are empty, from the future, private or not there.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { git } from "../githost/git.mjs";
import { github } from "../githost/github.mjs";
import { TOKEN, exported, onGithub } from "./kinds.mjs";
import { PHONE, browser } from "./open.mjs";
import * as old from "./old.mjs";
import { follow, pkg, screen, see, sees } from "./screens.mjs";
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

const PHONE_LOOK = { viewport: PHONE, hasTouch: true, isMobile: true };
const param = (page, name) => new URL(page.url()).searchParams.get(name);
const commits = async () => (await git(store.bare, ["log", "--format=%H", "state"])).trim().split("\n");

for (const name of ["package", "release-failed", "log", "compare", "environment", "document", "history"]) {
  test(`a link leads to ${name}, and a reload stays there`, () =>
    world.open(place.at(screen(name).query), async (page) => {
      await sees(page, screen(name));
      const address = page.url();
      await page.reload();
      await sees(page, screen(name));
      assert.equal(page.url(), address);
    }));
}

test("a link to a line brings it into sight", () =>
  world.open(place.at(screen("log").query), async (page) => {
    await sees(page, screen("log"));
    const line = page.getByRole("option", { selected: true });
    await page.waitForFunction((line) => {
      const { top, bottom } = line.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    }, await line.elementHandle());
  }));

test("on a phone a link from the panel of a run brings the line of its log into sight", () =>
  world.open(place.at({ view: "release", ref: `${pkg("frontend")}/@r2`, hash: "deploy/prod-eu/2" }, PHONE_LOOK), async (page) => {
    await see(page, [["option", /certificate has expired$/]]);
    await page.locator(".panel").evaluate((panel) => panel.scrollTo(0, 0));
    const link = page.locator(".panel").getByRole("link", { name: /^Line\s\d+$/ }).first();
    const number = Number((await link.innerText()).replace(/\D/g, ""));
    await link.click();
    const line = page.locator(`#L${number}[aria-selected=true]`);
    await line.waitFor();
    await page.waitForFunction((line) => {
      const { top, bottom } = line.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight && line.contains(document.elementFromPoint(innerWidth / 2, (top + bottom) / 2));
    }, await line.elementHandle());
  }));

test("links lead from screen to screen, and back and forward through them", () =>
  world.open(place.at(), async (page) => {
    await sees(page, screen("overview"));
    await page.getByRole("rowheader", { name: /^backend/ }).getByRole("link").click();
    await sees(page, screen("package"));
    await page.getByRole("rowheader", { name: "r4" }).getByRole("link").click();
    await sees(page, screen("release"));
    await page.getByRole("link", { name: /^build complete/ }).click();
    await see(page, [["heading", "build complete"]]);
    await page.getByRole("link", { name: "Compare" }).click();
    await sees(page, screen("compare"));
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Environments" }).click();
    await sees(page, screen("environments"));
    await page.getByRole("rowheader", { name: /^prod-us/ }).getByRole("link").click();
    await see(page, [["heading", "prod-us"], ["heading", "Deployments 3"]]);
    await page.getByRole("combobox", { name: "Compare with" }).selectOption("prod-eu");
    await sees(page, screen("environment"));
    for (const name of ["environment without", "environments", "compare", "run", "release", "package", "overview"]) {
      await page.goBack();
      if (name === "environment without") await page.getByRole("columnheader", { name: "Difference" }).waitFor({ state: "detached" });
      else if (name === "run") await see(page, [["heading", "build complete"]]);
      else await sees(page, screen(name));
    }
    await page.goForward();
    await sees(page, screen("package"));
  }));

test("what is filtered is in the address", () =>
  world.open(place.at({ q: "frontend", show: "failed" }), async (page) => {
    await page.getByRole("row", { name: /^frontend/ }).waitFor();
    assert.equal(await page.getByRole("row", { name: /^backend/ }).count(), 0);
    assert.equal(await page.getByRole("button", { name: /failed/, pressed: true }).count(), 1);
    await follow(page, { view: "package", ref: pkg("backend"), q: "Linus" });
    await page.getByRole("row", { name: /^r3/ }).waitFor();
    assert.equal(await page.getByRole("row", { name: /^r4/ }).count(), 0);
  }));

test("at= shows any screen as it was, and keys go from commit to commit", async () => {
  const all = await commits();
  const early = all[Math.floor(all.length * 0.75)];
  await world.open(place.at({ at: early, view: "package", ref: pkg("backend") }), async (page) => {
    await see(page, [["heading", "backend"], ["text", "Nothing can be proposed from here"]]);
    const then = await page.getByRole("heading", { name: /^Releases \d/ }).innerText();
    assert.notEqual(then.replace(/\D/g, ""), "4");
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Overview" }).click();
    await page.getByRole("grid").waitFor();
    assert.equal(param(page, "at"), early);
    await page.getByRole("button", { name: "Earlier commit" }).click();
    await page.waitForFunction((early) => new URL(location).searchParams.get("at") !== early, early);
    await page.keyboard.press("]");
    await page.waitForFunction((early) => new URL(location).searchParams.get("at") === early, early);
    await page.getByRole("slider", { name: "Commit" }).waitFor();
    await page.checkAccessibility();
    await page.getByRole("link", { name: "Back to now" }).click();
    await sees(page, screen("overview"));
    assert.equal(param(page, "at"), null);
  });
});

test("the search finds commits of state and of intent, and leads to what was then", async () => {
  const all = await commits();
  const intent = (await git(store.bare, ["rev-parse", "intent"])).trim();
  const early = all[Math.floor(all.length * 0.75)];
  await world.open(place.at({ view: "explorer" }), async (page) => {
    const found = page.getByRole("list", { name: "Best matches" });
    const type = (text) => page.getByRole("searchbox", { name: /^Search/ }).fill(text);
    // The newest ones, which every screen knows.
    await type(all[0].slice(0, 5));
    await found.getByRole("link", { name: `as of commit ${all[0].slice(0, 7)}` }).waitFor();
    await type(intent.slice(0, 6));
    await found.getByRole("link", { name: `commit ${intent.slice(0, 7)} of intent` }).click();
    await sees(page, screen("diff"));
    await page.goBack();
    // One that nobody has seen, by the start of its hash: what is there then is pinned.
    await type(early.slice(0, 9));
    await found.getByRole("link", { name: `as of commit ${early.slice(0, 7)}` }).click();
    await page.getByRole("grid").waitFor();
    await page.getByText("Nothing can be proposed from here").waitFor();
    // In full: the start of a hash may be that of another commit later.
    await page.waitForFunction((early) => new URL(location).searchParams.get("at") === early, early);
    await page.getByRole("slider", { name: "Commit" }).waitFor();
  });
});

test("of the past nothing can be proposed, and the way through it takes a line", async () => {
  const [, last] = await commits();
  await world.open(place.at({ at: last }), async (page) => {
    await page.getByText(/waits only for/).first().waitFor();
    await page.getByRole("slider", { name: "Commit" }).waitFor();
    const { height } = await page.getByRole("region", { name: "Commit that is shown" }).boundingBox();
    assert.ok(height < 60, `${height} px`);
    assert.equal(await page.getByRole("link", { name: /^Approve/ }).count(), 0);
    await follow(page, { at: last, view: "release", ref: `${pkg("backend")}/@r4` });
    await see(page, [["heading", /prod-ap needs approval/], ["text", /is not set/]]);
    assert.equal(await page.getByRole("link", { name: /^(Approve|Deploy to)/ }).count(), 0);
  });
});

test("a commit that is not there", () =>
  world.open(place.at({ at: "0123456789012345678901234567890123456789" }, { expect: [/^(404|422): /] }), async (page) => {
    await page.getByRole("heading", { name: "There is no such commit" }).waitFor();
    await page.getByRole("link", { name: "Back to now" }).first().click();
    await sees(page, screen("overview"));
  }));

test("what is not there is said, with a way on", () =>
  world.open(place.at({ view: "package", ref: "github.com/acme/shop/-/nothing.ocu.star" }), async (page) => {
    await see(page, [["heading", "This package has no release"]]);
    await page.getByRole("main").getByRole("link", { name: "Overview" }).waitFor();
    for (const [query, wanted] of [
      [{ view: "release", ref: `${pkg("backend")}/@r99` }, [["heading", "This release cannot be shown"], ["link", "Releases of this package"]]],
      [{ view: "release", ref: `${pkg("backend")}/@r4`, with: `${pkg("backend")}/@r99` }, [["heading", "These cannot be compared"]]],
      [{ view: "release", ref: `${pkg("backend")}/@r4`, hash: "deploy/nowhere/7" }, [["heading", "No such run in this release"], ["link", "Close"]]],
      [{ view: "release", ref: `${pkg("backend")}/@r4`, hash: "task/build/1:L99999" }, [["heading", "build complete"], ["option", /only in the log/]]],
      [{ view: "environment", name: "moon" }, [["heading", "There is no environment moon"], ["link", "All environments"]]],
      [{ view: "environment", name: "qa", with: "moon" }, [["heading", "qa"]]],
      [{ view: "explorer", q: "**/nothing/**" }, [["heading", /^No ref matches/]]],
      [{ view: "explorer", q: "{a,b" }, [["heading", "This is not a pattern"]]],
      [{ view: "explorer", ref: "@/custom/nothing" }, [["heading", "nothing"]]],
      [{ view: "nothing" }, [["heading", "No such screen"], ["text", /names the screen “nothing”/], ["link", "Overview"]]],
      [{ view: "release", ref: "@@@" }, [["heading", "No such screen"], ["text", /should say which release/], ["link", "Overview"]]],
    ]) {
      await follow(page, query);
      await see(page, wanted);
      await page.checkAccessibility();
    }
  }));

test("stores.json: its first store is shown, another by its name, a name that is not in it", async () => {
  const second = { ...place.entry, name: "another" };
  const files = await exported([place.entry, second]);
  await world.open(place.at({}, { files }), async (page) => {
    await sees(page, screen("overview"));
    await page.getByRole("link", { name: /^Source: acme\/releases/ }).click();
    await page.getByRole("link", { name: "another" }).click();
    await page.getByRole("grid").waitFor();
    assert.equal(param(page, "store"), "another");
    await follow(page, { store: "third" });
    await see(page, [["heading", "This is no source"], ["text", "stores.json offers no store called third."]]);
    await page.checkAccessibility();
    await page.getByRole("link", { name: "Choose a source" }).click();
    await see(page, [["heading", "Open a source"]]);
    await page.checkAccessibility();
    // Those that there are.
    await page.visit({ store: "third" });
    await see(page, [["heading", "This is no source"], ["link", "acme/releases"]]);
    await page.getByRole("link", { name: "another" }).click();
    await page.getByRole("grid").waitFor();
    assert.equal(param(page, "store"), "another");
  });
});

test("the start of a commit's hash becomes all of it, and nothing is read twice for that", async () => {
  const all = await commits();
  const early = all[Math.floor(all.length * 0.75)];
  const query = { at: early.slice(0, 8), view: "release", ref: `${pkg("backend")}/@r1`, hash: "task/build/1" };
  await world.open(place.at(query), async (page) => {
    await see(page, [["heading", "build complete"]]);
    await page.waitForFunction((early) => new URL(location).searchParams.get("at") === early, early);
    assert.equal(new URL(page.url()).hash, "#task/build/1");
    const asked = page.asked(place.api).filter(({ url }) => /\/commits\/\w+$|\/branches\//.test(url)).map(({ url }) => url);
    assert.equal(new Set(asked).size, asked.length, asked.join("\n"));
    // It is the same page: what was opened in it stays.
    await page.reload();
    await see(page, [["heading", "build complete"]]);
    assert.equal(param(page, "at"), early);
  });
});

for (const [what, text, wanted] of [
  ["not JSON", "{", /stores\.json/],
  ["of another shape", '{"stores":[{"name":5}]}', /stores\.json|name/],
  ["naming no source", '{"stores":[{"source":"svn:x"}]}', /svn:x/],
]) {
  test(`a stores.json that is ${what} is said to be wrong`, () =>
    world.open(place.at({}, { files: { ...place.files, "stores.json": text } }), async (page) => {
      await see(page, [["heading", "This is no source"], ["link", "Choose a source"]]);
      assert.match(await page.getByRole("alert").innerText(), wanted);
    }));
}

test("without a stores.json one chooses a source", () =>
  world.open({ files: { "stores.json": '{"stores":[]}' } }, async (page) => {
    await see(page, [["heading", "Open a source"]]);
    await page.getByRole("textbox", { name: "Repository" }).fill("no repo");
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByRole("alert").waitFor();
    await page.checkAccessibility();
  }));

test("stores that have nothing to show", async (context) => {
  const makes = { empty: old.empty, nothing: old.noStore, future: old.fromTheFuture };
  const stores = Object.fromEntries(await Promise.all(Object.entries(makes).map(async ([name, make]) => [name, await make()])));
  const repos = Object.fromEntries(Object.entries(stores).map(([name, { bare }]) => [`acme/${name}`, bare]));
  repos["acme/secret"] = { path: store.bare, private: true };
  const host = await github({ repos, tokens: { [TOKEN]: { login: "ada" } } });
  const entry = (name, more = {}) => ({ name, source: `github:acme/${name}`, state: "state", intent: "intent", api: host.api, raw: host.raw, ...more });
  const list = [...Object.keys(makes).map((name) => entry(name)), entry("branchless", { source: "github:acme/empty", state: "nowhere" }), entry("secret"), entry("missing")];
  const files = await exported(list);
  const cases = [
    ["empty", [["heading", "Nothing has been released yet"]], [["text", /ocuroot release new/]]],
    ["nothing", [["heading", "This store cannot be read"]], [["text", /Branch state holds files, and no store/], ["link", "Choose a source"]]],
    ["future", [["alert", ""]], [["text", /9/]]],
    ["branchless", [["heading", "This store cannot be read"]], [["text", "There is no branch nowhere."], ["link", "Choose a source"]]],
    ["secret", [["heading", "Nothing was found there"]], [["link", "Sign in"]]],
    ["missing", [["heading", "Nothing was found there"]], [["link", "Sign in"]]],
  ];
  try {
    await world.open({ files, hosts: [host.api, host.raw], query: { view: "signin" }, expect: [/^404: /] }, async (page) => {
      for (const [name, ...wanted] of cases) {
        await context.test(name, async () => {
          await follow(page, { store: name });
          await see(page, wanted.flat());
          await page.checkAccessibility();
          await page.checkWidth();
          // Every screen says it in its own place, and none hangs.
          for (const view of ["environments", "plan", "custom", "diff", "explorer", "history"]) {
            await follow(page, { store: name, view });
            await page.waitForFunction(() => document.querySelector("main h1") && !document.querySelector("[aria-busy=true]"));
          }
        });
      }
    });
  } finally {
    await host.close();
    await Promise.all(Object.values(stores).map((store) => store.close()));
  }
});

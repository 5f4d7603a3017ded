// Stores as older tools left them, in one branch or two, with summaries or without: the same screens.

import { after, before, describe, test } from "node:test";
import { github } from "../githost/github.mjs";
import { TOKEN, exported } from "./kinds.mjs";
import * as old from "./old.mjs";
import { browser } from "./open.mjs";
import { follow, see } from "./screens.mjs";

const MAKES = {
  "version 1": old.version1,
  "version 1 in one branch": old.version1Together,
  "version 2": old.version2,
  "no summaries": old.withoutSummaries,
  shared: old.shared,
};
const REAL = ["gh-actions-example", "vps-demo"];
const PACKAGE = "github.com/acme/shop/-/a.ocu.star";

let world, host, files;
const stores = {};

before(async () => {
  const made = Object.entries(MAKES).map(async ([name, make]) => (stores[name] = await make()));
  const real = REAL.map(async (name) => {
    const store = await old.realStore(name);
    if (store) stores[name] = store;
  });
  [world] = await Promise.all([browser(), ...made, ...real]);
  const repo = (name) => `acme/${name.replaceAll(" ", "-")}`;
  host = await github({ repos: Object.fromEntries(Object.entries(stores).map(([name, store]) => [repo(name), store.bare])), tokens: { [TOKEN]: { login: "ada" } } });
  const entries = Object.entries(stores).map(([name, store]) => {
    const intent = store.intent === store.state ? {} : { intent: store.intent };
    return { name, source: `github:${repo(name)}`, state: store.state, ...intent, api: host.api, raw: host.raw };
  });
  // A page that names no branch.
  const together = repo("version 1 in one branch");
  entries.push({ name: "default", source: `github:${together}`, api: host.api, raw: host.raw });
  const branch = stores["version 1 in one branch"].state;
  for (const [base, title] of [[branch, "Set x"], ["other", "Not of this branch"]]) {
    host.repo(together).pulls.push({ head: branch, base, title, author: "bob" });
  }
  files = await exported(entries);
});
after(async () => {
  await world?.close();
  await host?.close();
  await Promise.all(Object.values(stores).map((store) => store.close()));
});

const at = (query) => ({ query, files, hosts: [host.api, host.raw], storage: { session: { [`ocuroot-token ${host.api}`]: TOKEN } } });

for (const store of ["version 1 in one branch", "default"]) {
  test(`open proposals where one branch holds both: ${store}`, () =>
    world.open(at({ store }), async (page) => {
      await see(page, [["heading", "Open proposals 1"], ["link", "#1 Set x"]]);
    }));
}

describe("every screen", () => {
  for (const name of Object.keys(MAKES)) {
    const first = name.startsWith("version 1");
    test(name, () =>
      // One folder that is not there is asked for by its name.
      world.open(at({ store: name }), async (page) => {
        await see(page, [["grid", "Packages and environments"], ["row", /^a .*r1/], ["columnheader", /^prod/]]);
        await page.getByRole("rowheader", { name: /^a / }).getByRole("link").click();
        await see(page, [["heading", "a"], ["heading", "Releases 1"], ["row", first ? /^r1 .*be73a1c/ : /^r1 complete .*be73a1c/]]);
        await page.getByRole("rowheader", { name: "r1" }).getByRole("link").click();
        await see(page, [["heading", /^r1/], ["link", /^f complete/], ["link", /^prod complete/]]);
        if (first) await see(page, [["link", /^qa (waiting|pending|needs approval)/]]);
        await page.getByRole("link", { name: /^f complete/ }).click();
        await see(page, [["heading", "f complete"], ["row", /^x "made"/]]);
        await follow(page, { store: name, view: "environment", name: "prod" });
        await see(page, [["heading", "prod"], ["heading", "Deployments 1"], ["row", /^a r1/]]);
        await follow(page, { store: name, view: "explorer", q: "**" });
        await see(page, [["link", /@r1\/task\/f\/1( ?, complete)?$/], ["text", /^\d+ refs, /]]);
        await follow(page, { store: name, view: "explorer", ref: `${PACKAGE}/@r1` });
        await see(page, [["heading", "r1"], ["listitem", /be73a1c0ffee/]]);
        for (const view of ["environments", "custom", "plan", "diff", "history"]) {
          await follow(page, { store: name, view });
          await see(page, [["heading", { environments: "Environments", custom: /^Custom/, plan: /^Plan: \d/, diff: /^Intent and state/, history: "Time travel" }[view]]]);
          await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
          if (await page.getByRole("alert").count()) throw new Error(`${view}: ${await page.getByRole("alert").innerText()}`);
        }
      }));
  }

  for (const name of REAL) {
    test(name, async (context) => {
      if (!stores[name]) return context.skip("not beside this clone");
      await world.open(at({ store: name }), async (page) => {
        await page.getByRole("grid").waitFor();
        await page.getByRole("rowheader").getByRole("link").first().click();
        await page.getByRole("heading", { name: /^Releases \d/ }).waitFor();
        await page.getByRole("rowheader", { name: /^r\d/ }).getByRole("link").first().click();
        await page.getByRole("region", { name: "Pipeline" }).getByRole("link").first().click();
        await page.getByRole("complementary", { name: "Run" }).getByRole("heading", { level: 2 }).waitFor();
        for (const view of ["environments", "custom", "plan", "diff", "history"]) {
          await follow(page, { store: name, view });
          await page.waitForFunction(() => document.querySelector("main h1") && !document.querySelector("[aria-busy=true]"));
          if (await page.getByRole("alert").count()) throw new Error(`${view}: ${await page.getByRole("alert").innerText()}`);
        }
        await follow(page, { store: name, view: "explorer", q: "**" });
        await see(page, [["text", /^\d[\d,]* refs, /]]);
      });
    });
  }
});

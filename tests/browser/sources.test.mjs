// Every screen from each of the four kinds of source: the same store, the same content. What a token opens
// stays between the page and its host.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TOKEN, onGitea, onGithub, onGitlab, onLocal, until, watchSecret } from "./kinds.mjs";
import { browser, turnClock } from "./open.mjs";
import { SCREENS, follow, sees } from "./screens.mjs";
import { shop } from "./shop.mjs";

let world, store;

before(async () => {
  [world, store] = await Promise.all([browser(), shop()]);
});
after(async () => {
  await world?.close();
  await store?.close();
});

const KINDS = {
  "GitHub, with a token": (store) => onGithub(store),
  "GitHub, without one": (store) => onGithub(store, { token: null, limits: { anonymousRate: 1000 } }),
  "GitLab, with a token": (store) => onGitlab(store),
  "GitLab, without one": (store) => onGitlab(store, { token: null }),
  Gitea: (store) => onGitea(store),
  "state view": (store) => onLocal(store),
};

for (const [kind, start] of Object.entries(KINDS)) {
  test(`each screen from ${kind}`, async (context) => {
    const place = await start(store);
    if (!place) return context.skip("no gitea on PATH");
    try {
      let assertSecret = async () => {};
      const before = (page) => {
        if (place.token) assertSecret = watchSecret(page, place.token, place.api);
      };
      await world.open(place.at({}, { before }), async (page) => {
        for (const screen of SCREENS) {
          await context.test(screen.name, async () => {
            await follow(page, screen.query);
            await sees(page, (kind === "state view" && screen.local) || screen);
            await assertSecret();
          });
        }
      });
    } finally {
      await place.close();
    }
  });
}

test("a token goes to its own host only, and no address says otherwise", async () => {
  const [place, other] = await Promise.all([onGithub(store), onGithub(store)]);
  try {
    // The same repo, with another API: as a link from somebody else might have it.
    const query = { source: "github:acme/releases", state: "state", intent: "intent", api: other.api, raw: other.host.raw };
    const files = { ...place.files };
    files["index.html"] = files["index.html"].replace(place.api, `${place.api} ${other.api} ${other.host.raw}`);
    let assertSecret;
    const before = (page) => (assertSecret = watchSecret(page, TOKEN, place.api));
    await world.open(place.at(query, { files, before, hosts: [...place.hosts, ...other.hosts] }), async (page) => {
      await page.getByRole("grid").waitFor();
      await follow(page, { store: "acme/releases", source: "" });
      await page.getByRole("link", { name: "Signed in" }).waitFor();
      await page.getByRole("grid").waitFor();
      await assertSecret();
    });
  } finally {
    await place.close();
    await other.close();
  }
});

test("the policy keeps the page from a host that was not configured", async () => {
  const [place, other] = await Promise.all([onGithub(store), onGithub(store)]);
  try {
    const query = { source: "github:acme/releases", state: "state", intent: "intent", api: other.api, raw: other.host.raw };
    const expect = [/^CSP: connect-src/, /^console: .*Content Security Policy/, /^no answer: .*ERR_BLOCKED_BY_CSP|^console: .*Fetch API/];
    await world.open(place.at(query, { expect, before: turnClock, hosts: [...place.hosts, ...other.hosts] }), async (page) => {
      await until(page, page.getByRole("heading", { name: "This page may not ask there" }));
      await page.getByText("Add it to stores.json and publish the page anew").waitFor();
    });
    assert.deepEqual(other.host.requests, []);
  } finally {
    await place.close();
    await other.close();
  }
});

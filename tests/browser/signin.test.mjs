// Who one is to a host: a token that is pasted, kept and forgotten, and signing in by OAuth with PKCE.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gitea } from "../githost/gitea.mjs";
import { github } from "../githost/github.mjs";
import { gitlab } from "../githost/gitlab.mjs";
import { TOKEN, exported, watchSecret } from "./kinds.mjs";
import { required, browser } from "./open.mjs";
import { version2 } from "./old.mjs";
import { follow, see } from "./screens.mjs";
import { serve } from "./serve.mjs";

let world, store;

before(async () => {
  [world, store] = await Promise.all([browser(), version2()]);
});
after(async () => {
  await world?.close();
  await store?.close();
});

// A repo that only ada may read.
async function secret() {
  const host = await github({ repos: { "acme/secret": { path: store.bare, private: true } }, tokens: { [TOKEN]: { login: "ada" } } });
  const entry = { name: "secret", source: "github:acme/secret", state: "state", intent: "intent", api: host.api, raw: host.raw };
  const files = await exported([entry]);
  return { host, options: { files, hosts: [host.api, host.raw] }, close: () => host.close() };
}

const kept = (page) => page.evaluate(() => {
  const all = (storage) => Object.entries(storage).filter(([name]) => name.startsWith("ocuroot-token"));
  return { tab: all(sessionStorage).length, device: all(localStorage).length };
});
const matrix = (page) => page.getByRole("grid", { name: "Packages and environments" });

for (const remember of [false, true]) {
  test(`a pasted token is kept ${remember ? "on this device" : "in this tab"}, and forgotten when one says so`, async () => {
    const place = await secret();
    let assertSecret;
    const before = (page) => (assertSecret = watchSecret(page, TOKEN, place.host.api));
    try {
      await world.open({ ...place.options, before, expect: [/^404: /] }, async (page) => {
        await see(page, [["heading", "Nothing was found there"]]);
        await page.getByRole("main").getByRole("link", { name: "Sign in" }).first().click();
        await see(page, [["heading", "Open a source"], ["heading", "2. You"]]);
        const field = page.getByRole("textbox", { name: "Token" });
        assert.equal(await field.getAttribute("type"), "password");
        const open = page.getByRole("button", { name: "Open secret with it" });
        assert.ok(await open.isDisabled());
        await field.fill(` ${TOKEN}\n`);
        if (remember) await page.getByRole("checkbox", { name: /Remember on this device/ }).check();
        await open.click();
        await matrix(page).waitFor();
        await page.getByRole("link", { name: "Signed in" }).waitFor();
        assert.deepEqual(await kept(page), remember ? { tab: 0, device: 1 } : { tab: 1, device: 0 });
        assert.equal(new URL(page.url()).searchParams.get("view"), null);
        await page.reload();
        await matrix(page).waitFor();
        await assertSecret();

        await page.getByRole("link", { name: "Signed in" }).click();
        await page.getByRole("button", { name: "Forget it" }).click();
        assert.deepEqual(await kept(page), { tab: 0, device: 0 });
        await page.reload();
        await see(page, [["link", "Sign in"], ["heading", "2. You"]]);
        await assertSecret();
      });
    } finally {
      await place.close();
    }
  });
}

test("a token that is not taken any more, and one that is none", async () => {
  const place = await secret();
  try {
    const storage = { session: { [`ocuroot-token ${place.host.api}`]: "ghp_old" } };
    await world.open({ ...place.options, storage, expect: [/^401: /] }, async (page) => {
      await see(page, [["heading", "The token is not taken any more"]]);
      await page.getByRole("main").getByRole("link", { name: "Sign in" }).first().click();
      await page.getByRole("textbox", { name: "Token" }).fill("☃ no token");
      await page.getByRole("alert").getByText("This is no token").waitFor();
      assert.ok(await page.getByRole("button", { name: "Open secret with it" }).isDisabled());
      await page.checkAccessibility();
      await page.getByRole("textbox", { name: "Token" }).fill(TOKEN);
      await page.getByRole("alert").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Open secret with it" }).click();
      await matrix(page).waitFor();
    });
  } finally {
    await place.close();
  }
});

// A page whose address is known before its host is there, as a host wants to know it beforehand.
async function registered(start) {
  const files = {};
  const site = await serve(required("OCUROOT_BUNDLE"), { files });
  const host = await start(site.url);
  if (host) Object.assign(files, await exported([host.entry]));
  return {
    ...host, site, given: host,
    async close() {
      await host?.close();
      await site.close();
    },
  };
}

const OAUTH = {
  GitLab: async (url) => {
    const host = await gitlab({ repos: { "acme/secret": { path: store.bare, private: true } }, tokens: {}, clients: { page: { redirects: [url] } }, approve: "by hand" });
    const entry = { name: "secret", source: `gitlab:${new URL(host.origin).host}/acme/secret`, state: "state", intent: "intent", client_id: "page" };
    return { origin: host.origin, host, entry, close: host.close, say: (page, yes) => page.getByRole("button", { name: yes ? "Authorize" : "Deny" }).click() };
  },
  Gitea: async (url) => {
    const host = await gitea({ repos: { "acme/secret": store.bare }, private: ["acme/secret"], redirects: [url] });
    if (!host) return null;
    const entry = { name: "secret", source: `gitea:${new URL(host.origin).host}/acme/secret`, state: "state", intent: "intent", client_id: host.clientId };
    const say = async (page, yes) => {
      // Whoever is not signed in at the host does that first, on its own page.
      const name = page.getByLabel(/Username or Email/i);
      await name.or(page.getByRole("button", { name: /Authorize/ })).first().waitFor();
      if (await name.count()) {
        await name.fill(host.user);
        await page.getByLabel(/^Password/i).fill(host.password);
        await page.keyboard.press("Enter");
      }
      await page.getByRole("button", { name: yes ? /Authorize/ : /Cancel/ }).click();
    };
    // It is built without its own pages' scripts, and says so.
    return { origin: host.origin, host, entry, close: host.close, say, expect: [/^dialog: Failed to load asset file/] };
  },
};

for (const [kind, start] of Object.entries(OAUTH)) {
  test(`signing in at ${kind}: by a redirect with PKCE`, async (context) => {
    const place = await registered(start);
    if (!place.given) {
      await place.close();
      return context.skip("no gitea on PATH");
    }
    try {
      const options = { url: place.site.url, hosts: [place.origin], query: { view: "plan" }, expect: [/^404: /, ...place.expect ?? []] };
      await world.open(options, async (page) => {
        await page.getByRole("main").getByRole("link", { name: "Sign in" }).first().click();
        const signIn = page.getByRole("button", { name: /^Sign in/ });
        await signIn.waitFor();
        await page.checkAccessibility();
        page.mark();
        await signIn.click();
        await page.waitForURL((url) => url.origin === place.origin);
        const asked = page.requests.map(({ url }) => new URL(url)).find((url) => url.searchParams.has("code_challenge"));
        assert.equal(asked.searchParams.get("code_challenge_method"), "S256");
        assert.equal(asked.searchParams.get("client_id"), place.entry.client_id);
        assert.equal(asked.searchParams.get("redirect_uri"), place.site.url);
        assert.ok(asked.searchParams.get("state").length >= 20);
        await place.say(page, true);
        await page.getByRole("heading", { name: /^Plan|^Overview/ }).waitFor();
        await page.getByRole("link", { name: "Signed in" }).waitFor();
        // Neither the code nor what came of it is left in the address or the history.
        assert.doesNotMatch(page.url(), /code=|state=[^s]|token/);
        assert.deepEqual(await kept(page), { tab: 1, device: 0 });
        await page.reload();
        await page.getByRole("link", { name: "Signed in" }).waitFor();
        await follow(page, {});
        await matrix(page).waitFor();
      });
    } finally {
      await place.close();
    }
  });
}

test("signing in that somebody refuses, or somebody else began", async () => {
  const place = await registered(OAUTH.GitLab);
  try {
    await world.open({ url: place.site.url, hosts: [place.origin], query: { view: "signin" }, expect: [/^404: /] }, async (page) => {
      await page.getByRole("button", { name: /^Sign in/ }).click();
      await place.say(page, false);
      await page.waitForURL(`${place.site.url}**`);
      await page.getByRole("alert").waitFor();
      assert.deepEqual(await kept(page), { tab: 0, device: 0 });
      assert.doesNotMatch(page.url(), /error=/);
      // An answer to a question that this tab has not asked.
      await page.visit({ code: "stolen", state: "forged" });
      await page.getByRole("heading", { level: 1 }).waitFor();
      assert.ok(!page.requests.some(({ url }) => url.includes("/oauth/token")));
      assert.deepEqual(await kept(page), { tab: 0, device: 0 });
    });
  } finally {
    await place.close();
  }
});

test("GitLab's token is renewed when it ends", async () => {
  const place = await registered(OAUTH.GitLab);
  try {
    await world.open({ url: place.site.url, hosts: [place.origin], query: { view: "signin" } }, async (page) => {
      await page.getByRole("button", { name: /^Sign in/ }).click();
      await place.say(page, true);
      await matrix(page).waitFor();
      // Two hours later.
      await page.evaluate(() => {
        const [name, kept] = Object.entries(sessionStorage).find(([name]) => name.startsWith("ocuroot-renewal"));
        const [client, , refresh] = kept.split("\n");
        sessionStorage.setItem(name, [client, Math.floor(Date.now() / 1000), refresh].join("\n"));
      });
      // Nothing that this page still asks for comes after its token's end.
      await page.goto("about:blank");
      place.host.expire();
      page.mark();
      await page.visit({});
      await matrix(page).waitFor();
      assert.ok(page.asked(place.origin).some(({ url }) => url.includes("/oauth/token")), "not renewed");
    });
  } finally {
    await place.close();
  }
});

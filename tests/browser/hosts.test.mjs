// What a page of another origin may do with the hosts of ../githost: a browser decides that, by the
// headers that they send. No part of the dashboard is used here.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fault, faults } from "../githost/faults.mjs";
import { gitea } from "../githost/gitea.mjs";
import { github } from "../githost/github.mjs";
import { gitlab } from "../githost/gitlab.mjs";
import { version2 } from "./old.mjs";
import { UNREADABLE, browser } from "./open.mjs";

let world;
let store;

// A page without a policy, that may ask these hosts.
const PAGE = '<!doctype html><html lang="en"><title>t</title><link rel="icon" href="icon.svg"></html>';
const FILES = { "index.html": PAGE, "icon.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>' };
const open = (hosts, look, expect = []) => world.open({ files: FILES, hosts, expect }, look);

before(async () => {
  world = await browser();
  store = await version2();
});

after(async () => {
  await world?.close();
  await store?.close();
});

// Asks as a page does. Returns { status, headers, text }, or { error }.
const ask = (page, url, options) =>
  page.evaluate(async ([url, options]) => {
    try {
      const answer = await fetch(url, { cache: "no-store", ...options });
      return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
    } catch (error) {
      return { error: String(error) };
    }
  }, [url, options]);

describe("GitHub", () => {
  let host;
  before(async () => (host = await github({ repos: { "acme/releases": store.bare } })));
  after(() => host?.close());

  test("the API answers any origin, and shows its headers", () =>
    open([host.api], async (page) => {
      const head = `${host.api}/repos/acme/releases/branches/state`;
      const headers = { authorization: "Bearer ghp_test" };
      const first = await ask(page, head, { headers });
      assert.equal(first.status, 200);
      assert.ok(first.headers.etag);
      assert.ok(first.headers["x-ratelimit-remaining"]);
      const again = await ask(page, head, { headers: { ...headers, "if-none-match": first.headers.etag } });
      assert.equal(again.status, 304);
      const query = JSON.stringify({ query: "{ viewer { login } }" });
      const graphql = await ask(page, `${host.api}/graphql`, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: query });
      assert.match(graphql.text, /"login":"ada"/);
    }));

  test("raw files are for plain requests only", () =>
    open([host.raw], async (page) => {
      const file = `${host.raw}/acme/releases/state/.ocuroot-store`;
      assert.equal((await ask(page, file)).status, 200);
      assert.ok((await ask(page, file, { headers: { authorization: "Bearer ghp_test" } })).error);
    }, UNREADABLE));

  test("a gateway's refusal cannot be read", async () => {
    const proxy = await faults(host.origin);
    try {
      proxy.on("GET", fault.status(502, { cors: false }));
      await open([proxy.origin], async (page) => {
        assert.ok((await ask(page, `${proxy.origin}/repos/acme/releases/branches/state`)).error);
      }, UNREADABLE);
    } finally {
      await proxy.close();
    }
  });
});

describe("GitLab", () => {
  test("the API answers any origin, but hides when a limit ends", async () => {
    const host = await gitlab({ repos: { "acme/releases": store.bare }, limits: { anonymousRate: 2 } });
    try {
      await open([host.origin], async (page) => {
        const tree = `${host.api}/projects/acme%2Freleases/repository/tree?ref=state&per_page=1`;
        const first = await ask(page, tree, { headers: { "if-none-match": "x" } });
        assert.equal(first.headers["x-next-page"], "2");
        assert.ok(first.headers.link && first.headers.etag);
        await ask(page, tree);
        const refused = await ask(page, tree);
        assert.equal(refused.status, 429);
        assert.equal(refused.headers["retry-after"], undefined);
      }, [/^429: /]);
    } finally {
      await host.close();
    }
  });

  test("somebody says yes or no on its own page, and comes back", async () => {
    const site = await world.site(FILES);
    const host = await gitlab({ repos: { "acme/releases": store.bare }, clients: { page: { redirects: [site.url] } }, approve: "by hand" });
    try {
      const query = { client_id: "page", redirect_uri: site.url, response_type: "code", state: 's"1', scope: "api", code_challenge: "c".repeat(43), code_challenge_method: "S256" };
      await open([host.origin], async (page) => {
        for (const [button, expected] of [["Authorize", /code=[0-9a-f]+&state=s%221$/], ["Deny", /error=access_denied/]]) {
          await page.goto(`${host.origin}/oauth/authorize?${new URLSearchParams(query)}`);
          await page.getByRole("button", { name: button }).click();
          await page.waitForURL(`${site.url}**`);
          assert.match(page.url(), expected);
        }
      });
    } finally {
      await host.close();
    }
  });
});

describe("Gitea", () => {
  for (const cors of [true, false]) {
    test(`the API, with [cors] ${cors ? "on" : "off, as it is by default"}`, async (context) => {
      const host = await gitea({ repos: { "acme/releases": store.bare }, cors });
      if (!host) return context.skip("no gitea on PATH");
      try {
        await open([host.origin], async (page) => {
          const head = await ask(page, `${host.api}/repos/acme/releases/branches/state`, { headers: { authorization: `token ${host.token}` } });
          if (cors) assert.equal(head.status, 200, head.error);
          else assert.ok(head.error);
        }, cors ? [] : UNREADABLE);
      } finally {
        await host.close();
      }
    });
  }
});

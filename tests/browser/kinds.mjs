// The four kinds of places that a store can be read from, each as what `open` of open.mjs wants:
//
//     const place = await onGithub(store);                       // or onGitlab, onGitea, onLocal
//     await world.open({ ...place.at({ view: "plan" }) }, async (page) => { … });
//     await place.close();
//
// The page is what `ocuroot state view --export` writes for the stores in question, with the policy that
// this gives it; the local one is what `ocuroot state view` serves.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { faults } from "../githost/faults.mjs";
import { gitea } from "../githost/gitea.mjs";
import { github } from "../githost/github.mjs";
import { gitlab } from "../githost/gitlab.mjs";
import { required } from "./open.mjs";
import { binary } from "./workshop.mjs";

export const TOKEN = "ghp_secret_of_ada";

// The files of the page that the CLI writes for these stores, as `open` takes them.
export async function exported(stores) {
  const folder = await mkdtemp(join(tmpdir(), "ocuroot-page-"));
  try {
    const list = join(folder, "given.json");
    await writeFile(list, JSON.stringify({ stores }));
    await promisify(execFile)(binary(), ["state", "view", "--export", join(folder, "page"), "--stores", list, "--from", required("OCUROOT_BUNDLE")]);
    const read = (name) => readFile(join(folder, "page", name), "utf8");
    return { "index.html": await read("index.html"), "stores.json": await read("stores.json") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// A store that the page offers: the options of `open` for one of its screens. `more` are further options.
async function offered({ entry, hosts, token, key, close, ...rest }) {
  const files = await exported([entry]);
  const storage = token ? { session: { [key]: token } } : undefined;
  return { ...rest, entry, hosts, files, token, at: (query = {}, more = {}) => ({ query, files, hosts, storage, ...more }), close };
}

// `token: null` reads without one; `proxied` puts a proxy of faults.mjs before the API, as `place.proxy`.
export async function onGithub(store, { token = TOKEN, proxied = false, name = "acme/releases", latencyMs = 1, ...options } = {}) {
  const host = await github({ repos: { [name]: store.bare }, tokens: { [TOKEN]: { login: "ada" } }, latencyMs, ...options });
  const proxy = proxied ? await faults(host.api) : null;
  const api = proxy?.origin ?? host.api;
  const entry = { name, source: `github:${name}`, state: store.state, intent: store.intent, api, raw: host.raw };
  if (store.state === store.intent) delete entry.intent;
  return offered({
    entry, host, proxy, api, token, key: `ocuroot-token ${api}`, hosts: [api, host.raw],
    close: async () => {
      await proxy?.close();
      await host.close();
    },
  });
}

export async function onGitlab(store, { token = TOKEN, proxied = false, name = "acme/shop/releases", latencyMs = 1, ...options } = {}) {
  const host = await gitlab({ repos: { [name]: store.bare }, tokens: { [TOKEN]: { username: "ada" } }, latencyMs, ...options });
  const proxy = proxied ? await faults(host.origin) : null;
  const origin = proxy?.origin ?? host.origin;
  const entry = { name, source: `gitlab:${new URL(origin).host}/${name}`, state: store.state, intent: store.intent };
  return offered({
    entry, host, proxy, api: origin, token, key: `ocuroot-token ${origin}`, hosts: [origin],
    close: async () => {
      await proxy?.close();
      await host.close();
    },
  });
}

// null where there is no Gitea: skip the test.
export async function onGitea(store, { token = true, proxied = false, name = "acme/releases", ...options } = {}) {
  const host = await gitea({ repos: { [name]: store.bare }, ...options });
  if (!host) return null;
  const proxy = proxied ? await faults(host.origin) : null;
  const origin = proxy?.origin ?? host.origin;
  const entry = { name, source: `gitea:${new URL(origin).host}/${name}`, state: store.state, intent: store.intent };
  return offered({
    entry, host, proxy, api: origin, token: token ? host.token : null, key: `ocuroot-token ${origin}`, hosts: [origin],
    close: async () => {
      await proxy?.close();
      await host.close();
    },
  });
}

// `state view`, served by the CLI itself.
export const onLocal = (store) => served(store, "state", "view");

// `preview` of a release file; `place.opened` is the query that it prints.
export const onPreview = (store, file) => served(store, "preview", file);

async function served(store, ...args) {
  const server = store.start([...args, "--port", "0"], { OCUROOT_BUNDLE_DIR: required("OCUROOT_BUNDLE") });
  const url = await new Promise((resolve, reject) => {
    let out = "";
    server.child.stdout.on("data", (chunk) => {
      out += chunk;
      const found = out.match(/http:\/\/\S+/);
      if (found) resolve(found[0]);
    });
    server.ended.then(({ code, output }) => reject(new Error(`${args.join(" ")}: exit ${code}\n${output}`)));
  }).then((printed) => new URL(printed));
  const opened = Object.fromEntries(url.searchParams);
  url.search = "";
  return { url: url.href, opened, hosts: [], at: (query = {}, more = {}) => ({ url: url.href, query, ...more }), close: () => server.kill() };
}

// Whatever the screen was waiting for has come.
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector("main h1") && !document.querySelector("[aria-busy=true]"));
}

// Listens for a token where it may not be: in an address, in the page, in a request to another origin.
// Afterwards `assertSecret()`.
export function watchSecret(page, token, api) {
  const leaks = [];
  page.on("request", (request) => {
    const told = `${Object.values(request.headers()).join("\n")}\n${request.postData() ?? ""}`;
    if (decodeURIComponent(request.url()).includes(token)) leaks.push(`in an address: ${request.url()}`);
    if (told.includes(token) && new URL(request.url()).origin !== api) leaks.push(`to another origin: ${request.url()}`);
  });
  return async function assertSecret() {
    const seen = (await page.content()) + page.url() + (await page.title());
    if (seen.includes(token)) leaks.push("in the page");
    const used = page.requests.some(({ origin }) => origin === api);
    assert.deepEqual({ leaks, used }, { leaks: [], used: true });
  };
}

// Turns the clock until one of these is there, however often the page tries again before.
export async function until(page, ...locators) {
  const any = locators.reduce((one, other) => one.or(other));
  for (let seconds = 0; seconds < 300; seconds++) {
    if (await any.count()) return;
    await page.clock.runFor(1000);
  }
  assert.fail(`nothing has come of it\n${await page.locator("main").ariaSnapshot()}`);
}

// The real Gitea as the dashboard asks it, its answers against the description that it serves itself.
// What holds here is what core's requests to Gitea and Forgejo rely on.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { faults } from "./faults.mjs";
import { bareRepo } from "./fixture.mjs";
import { git } from "./git.mjs";
import { gitea } from "./gitea.mjs";
import { giteaAnswers } from "./published.mjs";

const PAGE = "http://127.0.0.1:1/page/";
let repo;
let host;
let proxy;
let check;

before(async () => {
  const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`refs/a/@r${i}/@object.json`, `{"n":${i}}`]));
  repo = await bareRepo([
    { branch: "state", files: { ".ocuroot-store": '{"version":3}', ...many }, message: "first" },
    { branch: "state", files: { "refs/a/@r1/@object.json": '{"n":"é 漢 🙂"}' }, message: "second" },
    { branch: "intent", files: { x: "1" }, message: "intent" },
  ]);
  host = await gitea({
    repos: { "acme/releases": repo.path, "acme/secret": repo.path },
    private: ["acme/secret"],
    settings: { api: { DEFAULT_PAGING_NUM: 5, DEFAULT_GIT_TREES_PER_PAGE: 10 } },
    redirects: [PAGE],
  });
  if (!host) return;
  proxy = await faults(host.origin);
  check = giteaAnswers(await (await fetch(`${host.origin}/swagger.v1.json`)).json());
});

after(async () => {
  await proxy?.close();
  await host?.close();
  await repo?.remove();
});

const testOnGitea = (name, body) => test(name, (context) => (host ? body(context) : context.skip("no gitea on PATH")));

async function get(path, { headers = {}, method = "GET", body, name = "acme/releases" } = {}) {
  const answer = await fetch(`${proxy.origin}/api/v1/repos/${name}${path}`, { method, headers, body });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : null };
}

testOnGitea("what the dashboard reads is as Gitea describes it", async () => {
  const head = (await get("/branches/state")).body;
  const tree = (await get(`/git/trees/${head.commit.id}`)).body;
  const store = tree.tree.find(({ path }) => path === ".ocuroot-store");
  for (const [path, described] of [
    ["", ""],
    ["/branches/state", "/branches/{branch}"],
    [`/git/trees/${tree.sha}`, "/git/trees/{sha}"],
    [`/git/trees/${tree.sha}?recursive=true`, "/git/trees/{sha}"],
    [`/git/blobs/${store.sha}`, "/git/blobs/{sha}"],
    ["/commits?sha=state&path=refs/a/@r1", "/commits"],
    [`/git/commits/${head.commit.id}`, "/git/commits/{sha}"],
    ["/pulls", "/pulls"],
  ]) {
    const { status, body } = await get(path);
    assert.equal(status, 200, path);
    check(`/repos/{owner}/{repo}${described}`, 200, body);
  }
  const settings = await (await fetch(`${host.api}/settings/api`)).json();
  check("/settings/api", 200, settings);
  assert.equal(settings.default_paging_num, 5);
});

testOnGitea("a recursive tree comes in pages", async () => {
  const seen = [];
  for (let page = 1; ; page++) {
    const { body } = await get(`/git/trees/state?recursive=true&page=${page}`);
    seen.push(...body.tree.map(({ path }) => path));
    if (!body.truncated) break;
    assert.equal(body.tree.length, 10);
  }
  assert.ok(seen.includes("refs/a/@r11/@object.json"));
});

testOnGitea("two commits are compared by what those between them touched", async () => {
  const { body: commits } = await get("/commits?sha=state&stat=false");
  const [newest, oldest] = [commits[0], commits.at(-1)];
  const { status, body } = await get(`/compare/${oldest.sha}...${newest.sha}`);
  assert.equal(status, 200);
  check("/repos/{owner}/{repo}/compare/{basehead}", 200, body);
  const between = body.commits.map(({ sha, parents, files }) => [sha, parents.map((parent) => parent.sha), files.map(({ filename }) => filename)]);
  assert.deepEqual(between, [[newest.sha, [oldest.sha], ["refs/a/@r1/@object.json"]]]);
  assert.equal((await get(`/compare/${"0".repeat(40)}...${newest.sha}`)).status, 404);
});

testOnGitea("of many files only the first are answered", async () => {
  const files = Array.from({ length: 8 }, (_, i) => ({ path: `refs/a/@r${i}/@object.json` }));
  const asked = await get("/file-contents?ref=state", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ files: files.map(({ path }) => path) }) });
  assert.equal(asked.status, 200, JSON.stringify(asked.body));
  check("/repos/{owner}/{repo}/file-contents", 200, asked.body, "post");
  assert.equal(asked.body.length, 5);
});

testOnGitea("rights, other origins, and signing in with PKCE", async () => {
  assert.equal((await get("", { name: "acme/secret" })).status, 404);
  assert.equal((await get("", { name: "acme/secret", headers: { authorization: `token ${host.token}` } })).status, 200);
  const { headers } = await get("/branches/state", { headers: { origin: "http://elsewhere" } });
  assert.equal(headers.get("access-control-allow-origin"), "*");

  const verifier = "v".repeat(64);
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const query = new URLSearchParams({ client_id: host.clientId, redirect_uri: PAGE, response_type: "code", state: "s", code_challenge: challenge, code_challenge_method: "S256" });
  const page = await fetch(`${host.origin}/login/oauth/authorize?${query}`, { redirect: "manual" });
  assert.equal(page.status, 303, "somebody who is not signed in is led to the form");
  const wrong = await fetch(`${proxy.origin}/login/oauth/access_token`, {
    method: "POST", headers: { origin: "http://elsewhere", "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ client_id: host.clientId, grant_type: "authorization_code", code: "none", redirect_uri: PAGE, code_verifier: verifier }),
  });
  assert.equal(wrong.status, 400);
  assert.equal(wrong.headers.get("access-control-allow-origin"), "*");
});

testOnGitea("a push is seen at once", async () => {
  const before = (await get("/branches/intent")).body.commit.id;
  const again = await bareRepo([{ branch: "intent", files: { x: "2" }, message: "more" }]);
  try {
    await git(repo.path, ["fetch", "-q", again.path, "+refs/heads/intent:refs/heads/intent"]);
    await host.push("acme/releases");
    assert.notEqual((await get("/branches/intent")).body.commit.id, before);
  } finally {
    await again.remove();
  }
});

// The emulated GitLab against the fields that GitLab documents, and its limits, refusals and sign-in.
//
// No registry has a description of these answers that is kept up, so the schemas here are made from
// the pages of https://docs.gitlab.com/api/ that they name.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { bareRepo } from "./fixture.mjs";
import { gitlab } from "./gitlab.mjs";
import { checker } from "./published.mjs";

const TOKEN = { authorization: "Bearer glpat-ada" };
const NAME = "acme/shop/releases";

const string = { type: "string" };
const number = { type: "integer" };
const boolean = { type: "boolean" };
const time = { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}(Z|[+-]\\d\\d:\\d\\d)$" };
const id = { type: "string", pattern: "^[0-9a-f]{40}$" };
const maybe = (schema) => ({ anyOf: [schema, { type: "null" }] });
const list = (items) => ({ type: "array", items, minItems: 1 });
const object = (properties) => ({ type: "object", required: Object.keys(properties), properties });

// commits.html, "List repository commits"
const commit = object({
  id, short_id: string, title: string, message: string, author_name: string, author_email: string,
  authored_date: time, committer_name: string, committer_email: string, committed_date: time,
  created_at: time, parent_ids: { type: "array", items: id }, web_url: string,
});
// repositories.html, "Compare branches, tags or commits"
const comparison = object({
  commit: maybe(commit), commits: list(commit), compare_timeout: boolean, compare_same_ref: boolean, web_url: string,
  diffs: list(object({
    old_path: string, new_path: string, a_mode: string, b_mode: string, diff: string, new_file: boolean,
    renamed_file: boolean, deleted_file: boolean, collapsed: boolean, too_large: boolean,
  })),
});
// branches.html, "Get single repository branch"
const branch = object({
  name: string, merged: boolean, protected: boolean, default: boolean, developers_can_push: boolean,
  developers_can_merge: boolean, can_push: boolean, web_url: string, commit,
});
// repositories.html, "List repository tree"
const entry = object({ id, name: string, type: { enum: ["tree", "blob", "commit"] }, path: string, mode: { pattern: "^\\d{6}$" } });
// repositories.html, "Get a blob from repository"
const blob = object({ size: number, encoding: { const: "base64" }, content: string, sha: id });
// repository_files.html, "Get file from repository"
const file = object({
  file_name: string, file_path: string, size: number, encoding: { const: "base64" }, content: string,
  content_sha256: string, ref: string, blob_id: id, commit_id: id, last_commit_id: id, execute_filemode: boolean,
});
const user = object({ id: number, username: string, name: string, state: string, avatar_url: maybe(string), web_url: string });
// projects.html, "Get a single project"
const project = object({
  id: number, name: string, path: string, path_with_namespace: string, default_branch: string, visibility: { enum: ["private", "internal", "public"] },
  web_url: string, ssh_url_to_repo: string, http_url_to_repo: string, created_at: time,
  namespace: object({ id: number, name: string, path: string, kind: string, full_path: string }),
});
// merge_requests.html, "List project merge requests"
const proposal = object({
  id: number, iid: number, project_id: number, title: string, description: maybe(string), state: { enum: ["opened", "closed", "merged", "locked"] },
  created_at: time, updated_at: time, target_branch: string, source_branch: string, author: user, reviewers: { type: "array", items: user },
  source_project_id: number, target_project_id: number, draft: boolean, detailed_merge_status: string, sha: id, web_url: string,
  has_conflicts: boolean, references: object({ short: string, relative: string, full: string }),
});
// merge_requests.html, "List merge request diffs"
const diff = object({ old_path: string, new_path: string, a_mode: string, b_mode: string, diff: string, new_file: boolean, renamed_file: boolean, deleted_file: boolean });
// merge_request_approvals.html
const approvals = object({ user_has_approved: boolean, user_can_approve: boolean, approved: boolean, approved_by: list(object({ user })) });
// merge_requests.html, "List merge request pipelines"
const pipeline = object({ id: number, sha: id, ref: string, status: string });
const token = object({ access_token: string, token_type: { const: "Bearer" }, expires_in: number, refresh_token: string, created_at: number });

let repo;
let host;
const page = "http://127.0.0.1:1/page/";

before(async () => {
  const many = Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`refs/a/@r${i}/@object.json`, `{"n":${i % 7}}`]));
  repo = await bareRepo([
    { branch: "state", files: { ".ocuroot-store": '{"version":3}', "zero/same": "x", "zero/other": "x", ...many }, message: "first" },
    { branch: "state", files: { "refs/a/@r1/@object.json": '{"n":"é 漢 🙂"}' }, message: "second\n\nbody" },
    { branch: "intent/main", files: { "refs/@/custom/x/@object.json": "1" }, message: "intent" },
    { branch: "propose", from: "intent/main", files: { "refs/@/custom/x/@object.json": "2" }, message: "propose" },
  ]);
  host = await gitlab({
    repos: { [NAME]: repo.path, "acme/secret": { path: repo.path, private: true } },
    tokens: { "glpat-ada": { username: "ada" }, "glpat-bob": { username: "bob", repos: [NAME] } },
    clients: { dashboard: { redirects: [page] } },
  });
  host.repo(NAME).proposals.push({ source: "propose", target: "intent/main", title: "Set x", author: "bob", approvals: ["ada"], pipelines: [{ status: "success" }] });
});

after(async () => {
  await host?.close();
  await repo?.remove();
});

async function ask(url, headers = {}, options = {}) {
  const response = await fetch(url, { headers, redirect: "manual", ...options });
  const text = await response.text();
  let body = text;
  try {
    body = JSON.parse(text);
  } catch {}
  return { status: response.status, headers: response.headers, body };
}

const get = (path, headers, name = NAME) => ask(`${host.api}/projects/${encodeURIComponent(name)}${path}`, headers);

describe("answers have the documented fields", () => {
  for (const [path, schema] of [
    ["", project],
    ["/repository/branches", list(branch)],
    ["/repository/branches/state", branch],
    ["/repository/branches/intent%2Fmain", branch],
    ["/repository/tree?ref=state", list(entry)],
    ["/repository/tree?ref=state&path=refs/a&per_page=100", list(entry)],
    ["/repository/tree?ref=state&recursive=true&pagination=keyset&per_page=100", list(entry)],
    ["/repository/files/refs%2Fa%2F@r1%2F@object.json?ref=state", file],
    ["/repository/commits?ref_name=state", list(commit)],
    ["/repository/commits?ref_name=state&path=refs/a/@r1", list(commit)],
    ["/repository/commits/state", commit],
    ["/repository/compare?from=state~1&to=state&straight=true", comparison],
    ["/merge_requests?state=opened&target_branch=intent/main", list(proposal)],
    ["/merge_requests/1", proposal],
    ["/merge_requests/1/diffs", list(diff)],
    ["/merge_requests/1/approvals", approvals],
    ["/merge_requests/1/pipelines", list(pipeline)],
  ]) {
    test(path || "(the project)", async () => {
      const { status, body } = await get(path, TOKEN);
      assert.equal(status, 200, JSON.stringify(body));
      checker(schema)(body, path);
    });
  }

  test("who one is", async () => {
    checker(user)((await ask(`${host.api}/user`, TOKEN)).body, "user");
    assert.equal((await ask(`${host.api}/user`)).status, 401);
  });

  test("a blob, and its bytes", async () => {
    const { body: tree } = await get("/repository/tree?ref=state&path=refs/a/@r1");
    const about = await get(`/repository/blobs/${tree[0].id}`);
    checker(blob)(about.body, "blob");
    const raw = await get(`/repository/blobs/${tree[0].id}/raw`);
    assert.deepEqual(raw.body, { n: "é 漢 🙂" });
    assert.equal((await get(`/repository/blobs/${"0".repeat(40)}/raw`)).status, 404);
    const file = await get("/repository/files/refs%2Fa%2F@r1%2F@object.json/raw?ref=state");
    assert.equal(file.headers.get("x-gitlab-blob-id"), tree[0].id);
  });
});

test("a tree comes in pages, folders first, in either way", async () => {
  const all = [];
  let next = `${host.api}/projects/${encodeURIComponent(NAME)}/repository/tree?ref=state&recursive=true&pagination=keyset&per_page=100`;
  let pages = 0;
  while (next) {
    const { body, headers } = await ask(next);
    assert.equal(headers.get("x-total"), null);
    all.push(...body);
    pages++;
    next = headers.get("link")?.match(/<([^>]+)>; rel="next"/)?.[1];
  }
  assert.equal(new Set(all.map(({ path }) => path)).size, all.length);
  assert.equal(pages, 3);
  const last = all.findLastIndex(({ type }) => type === "tree");
  assert.ok(all.slice(0, last).every(({ type }) => type === "tree"));
  const numbered = await get("/repository/tree?ref=state&path=refs/a&per_page=1000&page=2");
  assert.equal(numbered.headers.get("x-per-page"), "100");
  assert.equal(numbered.headers.get("x-total"), "130");
  assert.equal(numbered.body.length, 30);
  assert.equal((await get("/repository/tree?ref=state&path=none")).status, 404);
});

test("history has pages and no count", async () => {
  const first = await get("/repository/commits?ref_name=state&per_page=1");
  assert.deepEqual(first.body.map(({ title }) => title), ["second"]);
  assert.equal(first.headers.get("x-next-page"), "2");
  assert.equal(first.headers.get("x-total"), null);
  const second = await ask(first.headers.get("link").match(/<([^>]+)>; rel="next"/)[1]);
  assert.deepEqual(second.body.map(({ title }) => title), ["first"]);
  assert.equal(second.headers.get("x-next-page"), "");
});

test("private projects are not there for others", async () => {
  assert.equal((await get("", {}, "acme/secret")).status, 404);
  assert.equal((await get("", TOKEN, "acme/secret")).status, 200);
  assert.equal((await get("", { "private-token": "glpat-ada" }, "acme/secret")).status, 200);
  assert.equal((await get("", { "private-token": "glpat-bob" }, "acme/secret")).status, 404);
  assert.equal((await get("", { "private-token": "nonsense" })).status, 401);
});

test("an instance's limit", async () => {
  const small = await gitlab({ repos: { [NAME]: repo.path }, limits: { anonymousRate: 1 } });
  const url = `${small.api}/projects/1/repository/branches/state`;
  assert.equal((await ask(url)).status, 200);
  const refused = await ask(url, { origin: "http://elsewhere" });
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  assert.doesNotMatch(refused.headers.get("access-control-expose-headers"), /Retry-After/i);
  await small.close();
});

test("other origins may ask", async () => {
  const { headers } = await ask(`${host.api}/user`, {
    origin: "http://elsewhere", "access-control-request-method": "GET", "access-control-request-headers": "authorization",
  }, { method: "OPTIONS" });
  assert.equal(headers.get("access-control-allow-origin"), "*");
  assert.match(headers.get("access-control-allow-headers"), /authorization/);
  const etag = (await get("/repository/branches/state", { origin: "http://elsewhere" })).headers.get("etag");
  assert.equal((await get("/repository/branches/state", { "if-none-match": etag })).status, 304);
});

test("GraphQL", async () => {
  const query = async (text, variables) =>
    (await ask(`${host.origin}/api/graphql`, { "content-type": "application/json" }, { method: "POST", body: JSON.stringify({ query: text, variables }) })).body;
  const text = `query($paths: [String!]!) { project(fullPath: "${NAME}") { repository {
    blobs(paths: $paths, ref: "state") { nodes { path oid rawTextBlob size } pageInfo { hasNextPage } }
    tree(ref: "state", path: "refs/a") { trees(first: 2) { nodes { name path sha } } lastCommit { sha } } } } }`;
  const paths = Array.from({ length: 25 }, (_, i) => `refs/a/@r${i}/@object.json`);
  const { data, errors } = await query(text, { paths: [...paths, "none"] });
  assert.equal(errors, undefined);
  const { blobs, tree } = data.project.repository;
  assert.equal(blobs.nodes[0].size, "7");
  assert.equal(blobs.nodes.length, 25);
  assert.equal(blobs.nodes[1].rawTextBlob, '{"n":"é 漢 🙂"}');
  assert.equal(blobs.pageInfo.hasNextPage, false);
  assert.deepEqual(tree.trees.nodes.map(({ path }) => path), ["refs/a/@r0", "refs/a/@r1"]);
  host.limits.graphqlPaths = 20;
  assert.match((await query(text, { paths })).errors[0].message, /Too many paths/);
  host.limits.graphqlPaths = 100;
  host.limits.graphqlPage = 20;
  const cut = (await query(text, { paths })).data.project.repository.blobs;
  host.limits.graphqlPage = 100;
  assert.equal(cut.nodes.length, 20);
  assert.equal(cut.pageInfo.hasNextPage, true);
  assert.equal((await query('{ project(fullPath: "acme/secret") { id } }')).data.project, null);
});

describe("signing in", () => {
  const verifier = "v".repeat(64);
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const start = (changes = {}) => {
    const query = { client_id: "dashboard", redirect_uri: page, response_type: "code", state: "s1", scope: "api", code_challenge: challenge, code_challenge_method: "S256", ...changes };
    return ask(`${host.origin}/oauth/authorize?${new URLSearchParams(query)}`);
  };
  const exchange = (values, type = "application/x-www-form-urlencoded") =>
    ask(`${host.origin}/oauth/token`, { "content-type": type }, { method: "POST", body: new URLSearchParams({ client_id: "dashboard", redirect_uri: page, ...values }).toString() });
  const code = async () => {
    const { status, headers } = await start();
    assert.equal(status, 302);
    const back = new URL(headers.get("location"));
    assert.equal(back.searchParams.get("state"), "s1");
    return back.searchParams.get("code");
  };

  test("by code and PKCE, and for longer by refreshing", async () => {
    const given = await exchange({ grant_type: "authorization_code", code: await code(), code_verifier: verifier });
    checker(token)(given.body, "token");
    const whoever = (access) => ask(`${host.api}/user`, { authorization: `Bearer ${access}` });
    assert.equal((await whoever(given.body.access_token)).body.username, "ada");
    host.expire();
    const late = await whoever(given.body.access_token);
    assert.equal(late.status, 401);
    assert.equal(late.body.error, "invalid_token");
    const { refresh_token } = given.body;
    const fresh = await exchange({ grant_type: "refresh_token", refresh_token });
    assert.equal((await whoever(fresh.body.access_token)).status, 200);
    assert.equal((await exchange({ grant_type: "refresh_token", refresh_token })).body.error, "invalid_grant");
  });

  test("refusals", async () => {
    const wrong = await exchange({ grant_type: "authorization_code", code: await code(), code_verifier: "w".repeat(64) });
    assert.deepEqual([wrong.status, wrong.body.error], [400, "invalid_grant"]);
    const given = await code();
    const json = await exchange({ grant_type: "authorization_code", code: given, code_verifier: verifier }, "application/json");
    assert.equal(json.status, 400);
    assert.equal((await start({ redirect_uri: "http://evil/" })).status, 400);
    assert.match((await start({ code_challenge_method: "plain" })).headers.get("location"), /error=invalid_code_challenge_method/);
    const twice = await code();
    await exchange({ grant_type: "authorization_code", code: twice, code_verifier: verifier });
    assert.equal((await exchange({ grant_type: "authorization_code", code: twice, code_verifier: verifier })).status, 400);
  });
});

// Every answer of the emulated GitHub against what GitHub publishes, and the limits and refusals.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { buildSchema, parse, validate } from "graphql";
import { bareRepo } from "./fixture.mjs";
import { github, schema } from "./github.mjs";
import { githubAnswers, githubGraphql } from "./published.mjs";

const TOKEN = { authorization: "Bearer ghp_ada" };
const PIXEL = Buffer.from("89504e470d0a1a0a0000", "hex");

let repo;
let host;
let check;
let tip;

before(async () => {
  check = await githubAnswers();
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`refs/a/@r${i}/@object.json`, `{"n":${i}}`]));
  repo = await bareRepo([
    { branch: "state", files: { ".ocuroot-store": '{"version":3}', ...many, "pixel.png": PIXEL }, message: "first\n\nwith a body" },
    { branch: "state", files: { "refs/a/@r1/@object.json": '{"n":"é 漢 🙂"}' }, message: "second" },
    { branch: "state", files: { "refs/a/@r1/@object.json": '{"n":3}', "refs/a/@r2/@object.json": null }, message: "third" },
    { branch: "intent/main", files: { "refs/@/custom/x/@object.json": "1" }, message: "intent" },
    { branch: "ocuroot/intent/x", from: "intent/main", files: { "refs/@/custom/x/@object.json": "2" }, message: "propose" },
  ]);
  host = await github({
    repos: { "acme/releases": repo.path, "acme/secret": { path: repo.path, private: true } },
    tokens: { ghp_ada: { login: "ada" }, ghp_bob: { login: "bob", repos: ["acme/releases"] } },
    limits: { anonymousRate: 1000 },
  });
  tip = (await get("/git/ref/heads/state")).body.object.sha;
  host.repo("acme/releases").pulls.push({
    head: "ocuroot/intent/x", base: "intent/main", title: "Set x", body: "why", author: "bob",
    reviews: [{ author: "ada", state: "APPROVED" }],
  });
  const head = (await get("/git/ref/heads/ocuroot/intent/x")).body.object.sha;
  host.repo("acme/releases").checks = {
    [head]: [{ name: "build", conclusion: "success" }, { name: "lint", conclusion: null }, { kind: "status", name: "ci/old", conclusion: "failure" }],
  };
});

after(async () => {
  await host?.close();
  await repo?.remove();
});

async function ask(url, headers = {}, options = {}) {
  const response = await fetch(url, { headers, ...options });
  const text = await response.text();
  let body = text;
  try {
    body = JSON.parse(text);
  } catch {}
  return { status: response.status, headers: response.headers, body };
}

function get(path, headers, name = "acme/releases") {
  return ask(`${host.api}/repos/${name}${path}`, headers);
}

// Path, and how GitHub's description names it.
const DESCRIBED = [
  ["", ""],
  ["/branches", "/branches"],
  ["/branches/state", "/branches/{branch}"],
  ["/branches/intent/main", "/branches/{branch}"],
  ["/git/ref/heads/state", "/git/ref/{ref}"],
  ["/git/ref/heads/intent/main", "/git/ref/{ref}"],
  ["/git/trees/state", "/git/trees/{tree_sha}"],
  ["/git/trees/state?recursive=1", "/git/trees/{tree_sha}"],
  ["/git/commits/TIP", "/git/commits/{commit_sha}"],
  ["/commits?sha=state", "/commits"],
  ["/commits?sha=state&path=refs/a/@r1/@object.json", "/commits"],
  ["/commits/TIP", "/commits/{ref}"],
  ["/commits/TIP/status", "/commits/{ref}/status"],
  ["/commits/TIP/check-runs", "/commits/{ref}/check-runs"],
  ["/commits/ocuroot%2Fintent%2Fx/status", "/commits/{ref}/status"],
  ["/commits/ocuroot%2Fintent%2Fx/check-runs", "/commits/{ref}/check-runs"],
  ["/compare/state~2...state", "/compare/{basehead}"],
  ["/contents/refs/a?ref=state", "/contents/{path}"],
  ["/contents/refs/a/@r1/@object.json?ref=state", "/contents/{path}"],
  ["/pulls", "/pulls"],
  ["/pulls?state=open&base=intent/main", "/pulls"],
  ["/pulls/1", "/pulls/{pull_number}"],
  ["/pulls/1/files", "/pulls/{pull_number}/files"],
  ["/pulls/1/reviews", "/pulls/{pull_number}/reviews"],
];

describe("answers are as GitHub describes them", () => {
  for (const [path, described] of DESCRIBED) {
    test(path || "(the repo)", async () => {
      const { status, body } = await get(path.replace("TIP", tip), TOKEN);
      assert.equal(status, 200, JSON.stringify(body));
      if (Array.isArray(body)) assert.ok(body.length, "an empty list shows nothing");
      check(`/repos/{owner}/{repo}${described}`, 200, body);
    });
  }

  test("a blob", async () => {
    const { body: tree } = await get("/git/trees/state?recursive=1");
    const { sha, size } = tree.tree.find(({ path }) => path === "pixel.png");
    const { body } = await get(`/git/blobs/${sha}`);
    check("/repos/{owner}/{repo}/git/blobs/{file_sha}", 200, body);
    assert.deepEqual(Buffer.from(body.content, "base64"), PIXEL);
    assert.equal(size, PIXEL.length);
  });

  test("who one is", async () => {
    const { body } = await ask(`${host.api}/user`, TOKEN);
    check("/user", 200, body);
    assert.equal(body.login, "ada");
  });

  test("limits", async () => {
    check("/rate_limit", 200, (await ask(`${host.api}/rate_limit`, TOKEN)).body);
  });

  for (const [what, url, status, described] of [
    ["no such branch", "/repos/acme/releases/branches/none", 404, "/repos/{owner}/{repo}/branches/{branch}"],
    ["no such repo", "/repos/acme/none/git/trees/state", 404, "/repos/{owner}/{repo}/git/trees/{tree_sha}"],
    ["no such blob", `/repos/acme/releases/git/blobs/${"0".repeat(40)}`, 404, "/repos/{owner}/{repo}/git/blobs/{file_sha}"],
    ["nobody", "/user", 401, "/user"],
  ]) {
    test(what, async () => {
      const answer = await ask(`${host.api}${url}`);
      assert.equal(answer.status, status);
      check(described, status, answer.body);
    });
  }
});

test("the check fails for what GitHub would not say", () => {
  assert.throws(() => check("/repos/{owner}/{repo}/git/ref/{ref}", 200, { ref: 5 }), /\/ref must be string/);
});

test("a tree is listed as git has it", async () => {
  const { body: root } = await get("/git/trees/state");
  assert.deepEqual(root.tree.map(({ path, type }) => `${type} ${path}`), ["blob .ocuroot-store", "blob pixel.png", "tree refs"]);
  const { body: below } = await get(`/git/trees/${root.tree[2].sha}`);
  assert.deepEqual(below.tree.map(({ path }) => path), ["a"]);
  const { body: all } = await get("/git/trees/state?recursive=1");
  assert.equal(all.truncated, false);
  assert.ok(all.tree.some(({ path, type }) => path === "refs/a/@r1" && type === "tree"));
  assert.ok(all.tree.some(({ path }) => path === "refs/a/@r1/@object.json"));
});

test("a large tree is cut", async () => {
  host.limits.treeEntries = 5;
  const { body } = await get("/git/trees/state?recursive=1");
  host.limits.treeEntries = 100_000;
  check("/repos/{owner}/{repo}/git/trees/{tree_sha}", 200, body);
  assert.equal(body.truncated, true);
  assert.equal(body.tree.length, 5);
  host.limits.treeBytes = 1000;
  const { body: small } = await get("/git/trees/state?recursive=1");
  host.limits.treeBytes = 7_000_000;
  assert.equal(small.truncated, true);
});

test("history has pages", async () => {
  const subjects = ({ body }) => body.map(({ commit }) => commit.message.split("\n")[0]);
  const first = await get("/commits?sha=state&per_page=2");
  assert.deepEqual(subjects(first), ["third", "second"]);
  const next = first.headers.get("link").match(/<([^>]+)>; rel="next"/)[1];
  const second = await ask(next);
  assert.deepEqual(subjects(second), ["first"]);
  assert.doesNotMatch(second.headers.get("link"), /rel="next"/);
  assert.match(second.headers.get("link"), /rel="prev".*rel="first"/);
  assert.deepEqual(subjects(await get("/commits?sha=state&path=refs/a/@r2")), ["third", "first"]);
});

test("who has it already is told so, and pays nothing when signed in", async () => {
  const first = await get("/branches/state", TOKEN);
  const etag = first.headers.get("etag");
  const again = await get("/branches/state", { ...TOKEN, "if-none-match": etag });
  assert.equal(again.status, 304);
  assert.equal(again.headers.get("x-ratelimit-remaining"), first.headers.get("x-ratelimit-remaining"));
  assert.equal((await get("/branches/state", { "if-none-match": etag })).status, 200, "an ETag belongs to a token");
});

test("tokens open private repos", async () => {
  assert.equal((await get("/git/trees/state", {}, "acme/secret")).status, 404);
  assert.equal((await get("/git/trees/state", TOKEN, "acme/secret")).status, 200);
  assert.equal((await get("/git/trees/state", { authorization: "token ghp_bob" }, "acme/secret")).status, 404);
  const bad = await get("/git/trees/state", { authorization: "Bearer nonsense" });
  assert.equal(bad.status, 401);
  check("/user", 401, bad.body);
  assert.equal((await ask(`${host.raw}/acme/secret/state/pixel.png`)).status, 404);
});

test("anonymous readers have few requests an hour", async () => {
  const small = await github({ repos: { "acme/releases": repo.path }, limits: { anonymousRate: 2 } });
  const url = `${small.api}/repos/acme/releases/branches/state`;
  await ask(url);
  const { headers } = await ask(url);
  assert.equal(headers.get("x-ratelimit-remaining"), "0");
  const refused = await ask(url);
  assert.equal(refused.status, 403);
  check("/user", 403, refused.body);
  assert.match(refused.body.message, /rate limit exceeded/);
  assert.ok(Number(refused.headers.get("x-ratelimit-reset")) > Date.now() / 1000);
  small.refill();
  assert.equal((await ask(url)).status, 200);
  await small.close();
});

test("raw files", async () => {
  const file = await ask(`${host.raw}/acme/releases/${tip}/refs/a/@r3/@object.json`);
  assert.deepEqual(file.body, { n: 3 });
  assert.equal((await ask(`${host.raw}/acme/releases/intent/main/refs/@/custom/x/@object.json`)).body, 1);
  assert.equal((await ask(`${host.raw}/acme/releases/${tip}/none`)).status, 404);
  assert.equal((await ask(`${host.raw}/acme/releases/${tip}/none`, {}, { method: "OPTIONS" })).status, 403);
});

test("other origins may ask, and see the headers that GitHub shows them", async () => {
  const preflight = await ask(`${host.api}/user`, {
    origin: "http://elsewhere", "access-control-request-method": "GET", "access-control-request-headers": "authorization",
  }, { method: "OPTIONS" });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get("access-control-allow-headers"), /Authorization/);
  const { headers } = await get("/branches/state", { origin: "http://elsewhere" });
  assert.equal(headers.get("access-control-allow-origin"), "*");
  for (const name of ["ETag", "Link", "Retry-After", "X-RateLimit-Reset"]) {
    assert.ok(headers.get("access-control-expose-headers").split(", ").includes(name), name);
  }
});

test("requests are counted by kind", async () => {
  host.reset();
  await get("/branches/state");
  await get("/git/trees/state");
  await get("/git/trees/state?recursive=1");
  await ask(`${host.raw}/acme/releases/${tip}/pixel.png`);
  assert.deepEqual(host.counts(), { head: 1, tree: 1, "recursive tree": 1, raw: 1 });
});

test("requests under way at once are counted", async () => {
  host.setLatency(20);
  host.reset();
  await Promise.all([1, 2, 3].map(() => get("/branches/state")));
  host.setLatency(0);
  assert.equal(host.mostAtOnce(), 3);
});

test("an Enterprise server's addresses work too", async () => {
  assert.equal((await ask(`${host.origin}/api/v3/repos/acme/releases/branches/state`)).status, 200);
});

describe("GraphQL", () => {
  const query = (text, variables, headers = TOKEN) =>
    ask(`${host.api}/graphql`, headers, { method: "POST", body: JSON.stringify({ query: text, variables }) });

  test("many blobs in one query", async () => {
    const { body: tree } = await get("/git/trees/state?recursive=1");
    const blobs = tree.tree.filter(({ type }) => type === "blob");
    const fields = blobs.map(({ sha }, i) => `b${i}: object(oid: "${sha}") { ... on Blob { oid text isBinary isTruncated byteSize } }`);
    const text = `query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { ${fields.join("\n")} none: object(oid: "${"0".repeat(40)}") { oid } } }`;
    const { body } = await query(text, { owner: "acme", name: "releases" });
    assert.equal(body.errors, undefined);
    assert.equal(body.data.repository.none, null);
    const texts = blobs.map(({ path }, i) => [path, body.data.repository[`b${i}`].text]);
    assert.equal(Object.fromEntries(texts)["pixel.png"], null);
    assert.equal(Object.fromEntries(texts)["refs/a/@r1/@object.json"], '{"n":3}');
  });

  test("names by variables, and one fragment for all", async () => {
    const text = "query($o:String!,$n:String!,$v0:String!,$v1:String!,$v2:String!){repository(owner:$o,name:$n){f0:object(expression:$v0){...b}f1:object(expression:$v1){...b}f2:object(expression:$v2){...b}}}fragment b on Blob{oid text isTruncated}";
    const variables = { o: "acme", n: "releases", v0: `${tip}:.ocuroot-store`, v1: `${tip}:refs`, v2: `${tip}:none` };
    const { f0, f1, f2 } = (await query(text, variables)).body.data.repository;
    assert.equal(f0.text, '{"version":3}');
    assert.deepEqual([f1, f2], [{}, null]);
  });

  test("what is too large is cut", async () => {
    host.limits.textBytes = 4;
    const { body } = await query('{ repository(owner: "acme", name: "releases") { object(expression: "state:.ocuroot-store") { ... on Blob { text isTruncated } } } }');
    host.limits.textBytes = 512_000;
    assert.deepEqual(body.data.repository.object, { text: '{"ve', isTruncated: true });
  });

  test("commits, history, trees, proposals", async () => {
    const { body } = await query(`
      fragment when on Commit { committedDate messageHeadline }
      query {
        viewer { login }
        repository(owner: "acme", name: "releases") {
          ref(qualifiedName: "refs/heads/state") { name target { oid ... on Commit { ...when tree { entries { name type } } history(first: 2, path: "refs/a/@r1") { nodes { messageHeadline } pageInfo { hasNextPage endCursor } } } } }
          pullRequests(states: [OPEN], first: 10) { nodes { number title author { login } reviewDecision files(first: 5) { nodes { path } } } }
        }
      }`);
    assert.equal(body.errors, undefined, JSON.stringify(body.errors));
    const { ref, pullRequests } = body.data.repository;
    assert.equal(ref.target.messageHeadline, "third");
    assert.deepEqual(ref.target.history.nodes.map(({ messageHeadline }) => messageHeadline), ["third", "second"]);
    assert.equal(ref.target.history.pageInfo.hasNextPage, true);
    assert.deepEqual(pullRequests.nodes, [{ number: 1, title: "Set x", author: { login: "bob" }, reviewDecision: "APPROVED", files: { nodes: [{ path: "refs/@/custom/x/@object.json" }] } }]);
  });

  test("what goes wrong", async () => {
    assert.equal((await query("{ viewer { login } }", {}, {})).status, 401);
    const gone = await query('{ repository(owner: "acme", name: "none") { name } }');
    assert.equal(gone.body.data.repository, null);
    assert.equal(gone.body.errors[0].type, "NOT_FOUND");
    assert.match((await query("{ soup }")).body.errors[0].message, /Field 'soup' doesn't exist on type 'Query'/);
    assert.match((await query("{ viewer { login }")).body.errors[0].message, /query ended/);
  });

  test("every field there is one of GitHub's", () => {
    const published = buildSchema(githubGraphql(), { assumeValidSDL: true });
    for (const [type, fields] of Object.entries(schema({}, null))) {
      for (const [name, { type: of }] of Object.entries(fields)) {
        if (name === "__possible") continue;
        const theirs = published.getType(type)?.getFields()[name];
        assert.ok(theirs, `${type}.${name}`);
        const named = String(theirs.type).replace(/[[\]!]/g, "");
        const compound = !/^(String|Int|Boolean|ID|DateTime|URI|GitObjectID|GitTimestamp|Float|.*(Permission|State|Decision|ChangeType|PatchStatus))$/.test(named);
        assert.equal(Boolean(of), compound, `${type}.${name} is ${named}`);
      }
    }
    const query = '{ repository(owner: "a", name: "b") { object(oid: "c") { ... on Blob { text isBinary isTruncated byteSize oid } } } }';
    assert.deepEqual(validate(published, parse(query)), []);
  });
});

// The proxy before a host: everything passes through it unchanged, but for what a test says.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { EVERY_FAULT, fault, faults } from "./faults.mjs";
import { bareRepo } from "./fixture.mjs";
import { github } from "./github.mjs";

let repo;
let host;
let proxy;

before(async () => {
  repo = await bareRepo([
    { branch: "state", files: { a: "x", b: "y" }, message: "first" },
    { branch: "state", files: { a: "z" }, message: "second" },
  ]);
  host = await github({ repos: { "acme/releases": repo.path }, limits: { anonymousRate: 10_000 } });
  proxy = await faults(host.origin);
});

afterEach(() => proxy.clear());

after(async () => {
  await proxy?.close();
  await host?.close();
  await repo?.remove();
});

const at = (path) => `${proxy.origin}/repos/acme/releases${path}`;
const get = (path, headers = {}) => fetch(at(path), { headers: { connection: "close", ...headers } });
const HEAD = "/branches/state";
const TREE = "/git/trees/state";

test("it passes on what it is not told about", async () => {
  const through = await get("/commits?sha=state&per_page=1");
  assert.equal((await through.json())[0].commit.message, "second");
  const next = through.headers.get("link").match(/<([^>]+)>; rel="next"/)[1];
  assert.ok(next.startsWith(proxy.origin), next);
  const etag = (await get(HEAD)).headers.get("etag");
  assert.equal((await get(HEAD, { "if-none-match": etag })).status, 304);
});

test("a rule is for a pattern, and for some of the requests", async () => {
  const hits = proxy.on(/git\/trees/, fault.status(502), { nth: 2 });
  const statuses = [];
  for (const path of [TREE, HEAD, TREE, TREE]) statuses.push((await get(path)).status);
  assert.deepEqual(statuses, [200, 200, 502, 200]);
  assert.deepEqual(hits, [`GET /repos/acme/releases${TREE}`]);
  proxy.on("GET /repos", fault.status(404), { times: 1 });
  assert.equal((await get(HEAD)).status, 404);
  assert.equal((await get(HEAD)).status, 200);
});

test("a limit says when there is more", async () => {
  proxy.on(HEAD, fault.rateLimited({ retryAfter: 7 }));
  const answer = await get(HEAD);
  assert.equal(answer.status, 403);
  assert.equal(answer.headers.get("retry-after"), "7");
  assert.match(answer.headers.get("access-control-expose-headers"), /Retry-After/);
  proxy.on(HEAD, fault.rateLimited({ status: 429, reset: 4e9, cors: false }));
  const other = await get(HEAD);
  assert.equal(other.status, 429);
  assert.equal(other.headers.get("x-ratelimit-reset"), "4000000000");
  assert.equal(other.headers.get("access-control-allow-origin"), null);
});

test("what is held comes when it is released", async () => {
  const gate = fault.held();
  proxy.on(TREE, gate);
  let done = false;
  const answer = get(TREE).then((answer) => {
    done = true;
    return answer.json();
  });
  await gate.waiting;
  assert.equal(done, false);
  gate.release();
  assert.equal((await answer).tree.length, 2);
});

test("answers are cut off, cut short and changed", async () => {
  proxy.on(TREE, fault.cut());
  await assert.rejects(get(TREE).then((answer) => answer.text()));
  proxy.on(TREE, fault.reset());
  await assert.rejects(get(TREE));
  proxy.on(TREE, fault.truncated());
  const { tree, truncated } = await (await get(TREE)).json();
  assert.deepEqual([tree.length, truncated], [1, true]);
  proxy.on(TREE, fault.changed((value) => ({ ...value, sha: 5 })));
  assert.equal((await (await get(TREE)).json()).sha, 5);
});

test("a host that is down refuses connections, and comes back where it was", async () => {
  await proxy.down();
  await assert.rejects(get(HEAD), (error) => error.cause.code === "ECONNREFUSED");
  await proxy.up();
  assert.equal((await get(HEAD)).status, 200);
});

test("every fault of the list is noticed", async () => {
  const well = await (await get(TREE)).text();
  for (const [name, rule] of EVERY_FAULT) {
    proxy.clear();
    proxy.on(TREE, rule);
    const seen = await get(TREE).then(async (answer) => answer.status !== 200 || (await answer.text()) !== well).catch(() => true);
    assert.ok(seen, name);
  }
});

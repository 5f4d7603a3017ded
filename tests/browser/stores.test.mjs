// The stores that browser tests open, as our own CLI sees them: they are what they say.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hostile, NAMES, NASTY } from "./hostile.mjs";
import { SMALL, big, longLog, packageName, touch } from "./big.mjs";
import * as old from "./old.mjs";
import { hold, shop } from "./shop.mjs";

async function matches(store, glob, ...more) {
  return (await store.ocuroot("state", "match", glob, ...more)).split("\n").filter(Boolean);
}

const using = async (make, use) => {
  const store = await make();
  try {
    await use(store);
  } finally {
    await store.close();
  }
};

test("the shop has runs in every state", () =>
  using(shop, async (store) => {
    for (const status of ["pending", "running", "paused", "complete", "failed", "failed_retried", "cancelled"]) {
      assert.ok((await matches(store, `**/status/${status}`)).length, status);
    }
    assert.ok((await matches(store, "@/custom/freeze/*")).length);
    assert.ok((await matches(store, "**/backend/release.ocu.star/@1.3.0-rc.1")).length);
    const differences = await store.ocuroot("state", "diff");
    for (const ref of ["@/custom/banner", "@/environment/prod-ap", "frontend/release.ocu.star/@/deploy/prod-us"]) assert.match(differences, new RegExp(ref));
    const log = await store.ocuroot("state", "get", "./-/backend/release.ocu.star/@r4/task/build/1/logs");
    assert.match(log, /\\u001b\[38;5;208m256 colours/);
    // Only what was left running is wrong with it: summaries are those that belong there.
    const problems = (await store.ocurootMay([1], "state", "check")).split("\n").filter(Boolean);
    assert.ok(problems.every((line) => /left running/.test(line)), problems.join("\n"));
    const commits = (await store.ocuroot("release", "list", "--package", "backend/release.ocu.star")).match(/2\d{3}-\d\d-\d\d/g);
    assert.ok(new Set(commits).size > 1, "all on one day");
  }));

test("a release is held, and finishes when it is told", () =>
  using(shop, async (store) => {
    await store.commit({ "search/hold": "staging\n" }, "Hold");
    const running = await hold(store, "search/release.ocu.star");
    assert.equal((await matches(store, "**/search/release.ocu.star/@r4/deploy/staging/1/status/running")).length, 1);
    const { code, output } = await running.finish();
    assert.equal(code, 0, output);
    assert.equal((await matches(store, "**/search/release.ocu.star/@r4/deploy/*/1/status/complete")).length, 2);
  }));

test("the hostile store is read, and every text is in it", () =>
  using(hostile, async (store) => {
    const refs = await matches(store, "**");
    for (const name of NAMES) assert.ok(refs.some((ref) => ref.endsWith(`/custom/${name}`)), name);
    assert.ok(refs.some((ref) => ref.startsWith("evil.example/<img")));
    const values = await store.ocuroot("state", "get", "./-/release.ocu.star/@r1/deploy/prod#output");
    for (const text of NASTY.slice(0, 20)) assert.ok(values.includes(JSON.stringify(text).slice(1, -1)), text);
  }));

test("a store of any size has the summaries that belong there, and can be written", () =>
  using(() => big(SMALL), async (store) => {
    assert.equal(await store.ocuroot("state", "check"), "");
    assert.equal((await matches(store, `${packageName(4)}/@r9/deploy/*`)).length, SMALL.deploys);
    await touch(store, 5);
    assert.deepEqual(await matches(store, "@/custom/*"), ["@/custom/touched"]);
    assert.equal(await store.ocuroot("state", "diff"), "");
  }));

test("a log is as long as it is wanted", () =>
  using(() => longLog(2000), async (store) => {
    const log = JSON.parse(await store.ocuroot("state", "get", "./-/a.ocu.star/@r1/task/f/1/logs"));
    assert.equal(log.length, 2000);
    assert.equal(log[48].message, "\u001b[32m49: the quick brown fox\u001b[0m");
  }));

describe("stores of older tools", () => {
  for (const make of [old.version1, old.version1Together, old.version2, old.withoutSummaries, old.shared]) {
    test(make.name, () =>
      using(make, async (store) => {
        const config = `ocuroot("0.3.0")\nstore.set(store.git("https://github.com/acme/releases.git", branch = "${store.state}")${store.state === store.intent ? "" : `, intent = store.git("https://github.com/acme/releases.git", branch = "${store.intent}")`})\n`;
        await store.commit({ "repo.ocu.star": config }, "configure");
        const refs = await matches(store, "**");
        assert.ok(refs.includes("github.com/acme/shop/-/a.ocu.star/@r1/task/f/1"), refs.join("\n"));
        assert.ok((await matches(store, "**", "--intent")).length);
      }));
  }

  test("in which nothing has happened, and none at all", async () => {
    for (const make of [old.empty, old.noStore]) {
      await using(make, async (store) => assert.deepEqual(await matches(store, "**"), []));
    }
  });

  test("of a version to come", () =>
    using(old.fromTheFuture, async (store) => {
      await assert.rejects(store.ocuroot("state", "match", "**"), /9/);
    }));

  for (const name of ["gh-actions-example", "vps-demo"]) {
    test(name, async (context) => {
      const store = await old.realStore(name);
      if (!store) return context.skip("not beside this clone");
      try {
        assert.ok((await matches(store, "**")).length > 20);
      } finally {
        await store.close();
      }
    });
  }
});


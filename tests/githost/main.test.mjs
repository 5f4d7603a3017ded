// An emulated host on its own, as a person or a test in another language starts it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bareRepo } from "./fixture.mjs";

const MAIN = fileURLToPath(new URL("./main.mjs", import.meta.url));
const start = (...words) => spawn(process.execPath, [MAIN, ...words], { stdio: ["pipe", "pipe", "pipe"] });

for (const [kind, path] of [["github", "/repos/acme/releases/branches/state"], ["gitlab", "/projects/acme%2Freleases/repository/branches/state"]]) {
  test(`${kind} says where it is, counts, and ends with whoever started it`, async () => {
    const repo = await bareRepo([{ branch: "state", files: { a: "x" } }]);
    const child = start(kind, "--repo", `acme/releases=${repo.path}`, "--token", "secret", "--private");
    try {
      const [line] = await once(child.stdout, "data");
      const { origin, api } = JSON.parse(line);
      assert.equal((await fetch(api + path)).status, 404);
      assert.equal((await fetch(api + path, { headers: { authorization: "Bearer secret" } })).status, 200);
      const requests = await (await fetch(`${origin}/_emulator/requests`)).json();
      assert.deepEqual(requests.map(({ kind, status, authorized }) => [kind, status, authorized]), [["head", 404, false], ["head", 200, true]]);
      await fetch(`${origin}/_emulator/requests`, { method: "DELETE" });
      assert.deepEqual(await (await fetch(`${origin}/_emulator/requests`)).json(), []);
    } finally {
      child.stdin.end();
      const [code] = await once(child, "close");
      await repo.remove();
      assert.equal(code, 0);
    }
  });
}

test("what it cannot do, it says", async () => {
  const child = start("bitbucket", "--repo", "a/b=c");
  const [text] = await once(child.stderr, "data");
  const [code] = await once(child, "close");
  assert.equal(code, 2);
  assert.match(String(text), /^usage:/);
});

// Small bare repositories for the tests of this folder.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { git } from "./git.mjs";

// `commits`: [{ branch, files: { path: text | Buffer | null }, message, time }, …], each on top of
// what its branch is, or `from` another. `null` deletes.
export async function bareRepo(commits, branch = commits[0].branch) {
  const folder = await mkdtemp(join(tmpdir(), "ocuroot-githost-"));
  const at = join(folder, "bare.git");
  await git(folder, ["init", "-q", "--bare", "-b", branch, "bare.git"]);
  const parts = [];
  let time = 1_767_600_000;
  const seen = new Set();
  for (const { branch, from, files, message = "change", who = "Ada <ada@example.org>" } of commits) {
    time += 60;
    parts.push(`commit refs/heads/${branch}\nauthor ${who} ${time} +0100\ncommitter ${who} ${time} +0100\n`, data(message));
    if (from && !seen.has(branch)) parts.push(`from refs/heads/${from}\n`);
    seen.add(branch);
    for (const [path, text] of Object.entries(files)) {
      if (text === null) parts.push(`D ${JSON.stringify(path)}\n`);
      else parts.push(`M 100644 inline ${quote(path)}\n`, data(text));
    }
  }
  await git(at, ["fast-import", "--quiet", "--force"], Buffer.concat(parts.map((part) => Buffer.from(part))));
  return { path: at, remove: () => rm(folder, { recursive: true, force: true }) };
}

function data(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from("\n")]);
}

function quote(path) {
  return `"${path.replace(/["\\]/g, "\\$&")}"`;
}

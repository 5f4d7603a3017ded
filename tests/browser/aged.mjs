// Makes a store that was written in a minute look as if it had been written over weeks: the commands
// are spread over so many days, and what happened in a second within one took a minute.

import { spawn } from "node:child_process";
import { git } from "../githost/git.mjs";

const TIME = /"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"/g;

const SLOWER = 60;

// Rewrites all branches of a Workshop, and then its summaries. Everything ends at `end`.
export async function aged(shop, { days, end = Date.now() - 4 * 60_000 }) {
  const stream = await exported(shop.bare);
  const { acts } = shop;
  const apart = (days * 86_400_000) / acts.length;
  const moved = (time) => {
    const act = Math.max(0, acts.findLastIndex((start) => start <= time));
    // The last command is the newest; what it did ends before now.
    const start = end - (acts.length - act) * apart;
    return start + Math.min((time - acts[act]) * SLOWER, apart - 1);
  };
  const text = (time) => new Date(moved(time)).toISOString();
  await git(shop.bare, ["fast-import", "--quiet", "--force"], rewrite(stream, {
    body: (body) => body.replace(TIME, (_, given) => `"${text(Date.parse(given))}"`),
    seconds: (seconds) => Math.floor(moved(seconds * 1000 + 999) / 1000),
  }));
  // It also finds what was left running, and says so by its exit code.
  await shop.ocurootMay([0, 1], "state", "check", "--fix");
}

function exported(bare) {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["-C", bare, "fast-export", "--all"], { stdio: ["ignore", "pipe", "inherit"] });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", () => resolve(Buffer.concat(chunks)));
  });
}

function rewrite(stream, { body, seconds }) {
  const parts = [];
  let inBlob = false;
  for (let at = 0; at < stream.length; ) {
    const end = stream.indexOf(10, at);
    const line = stream.toString("utf8", at, end);
    at = end + 1;
    const data = line.match(/^data (\d+)$/);
    if (data) {
      const length = Number(data[1]);
      const bytes = stream.subarray(at, at + length);
      const changed = inBlob ? Buffer.from(body(bytes.toString("utf8"))) : bytes;
      parts.push(Buffer.from(`data ${changed.length}\n`), changed);
      at += length;
      continue;
    }
    if (/^(blob|commit|reset|tag|feature|done)\b/.test(line)) inBlob = line === "blob";
    const person = line.match(/^((?:author|committer) .*> )(\d+)( [+-]\d{4})$/);
    parts.push(Buffer.from(person ? `${person[1]}${seconds(Number(person[2]))}${person[3]}\n` : `${line}\n`));
  }
  return Buffer.concat(parts);
}

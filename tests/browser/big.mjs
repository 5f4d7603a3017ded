// Stores of any size, written by a program of the benchmarks' (cli/examples/big_store.rs), which also
// makes their summaries.
//
//     const store = await big();                                  // 100,000 documents, made once
//     const small = await big(SMALL);                              // about 1,000
//     await touch(store, 1);                                      // one new commit of state

import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { modern } from "./old.mjs";
import { binary, cached, workshop } from "./workshop.mjs";
import { raw, written } from "./written.mjs";

export const LARGE = { packages: 50, releases: 12, deploys: 40 };
export const SMALL = { packages: 5, releases: 9, deploys: 5 };

// The packages are example.com/o/mono/-/p00/release.ocu.star and so on, the environments `prod`, `env01`, …
export const packageName = (n) => `example.com/o/mono/-/p${String(n).padStart(2, "0")}/release.ocu.star`;

export function big({ packages, releases, deploys } = LARGE) {
  return cached(`big-${packages}x${releases}x${deploys}`, [import.meta.url], async () => {
    const shop = await workshop();
    await rm(shop.bare, { recursive: true });
    const program = join(dirname(binary()), "examples", "big_store");
    await promisify(execFile)(program, [shop.bare, packages, releases, deploys].map(String));
    return shop;
  });
}

// Changes one document of state, by the CLI, as somebody else's command does meanwhile.
export async function touch(store, value) {
  await store.ocuroot("state", "set", "@/custom/touched", String(value));
  await store.ocuroot("state", "apply", "@/custom/touched");
}

// A run that has printed so many lines, some of them in colour:
// github.com/acme/shop/-/a.ocu.star/@r1/task/f/1. Our own CLI cuts such a log; others have not.
export function longLog(lines = 100_000) {
  return cached(`log-${lines}`, [import.meta.url, new URL("./old.mjs", import.meta.url).href], () => {
    const { state, intent } = modern();
    const line = (n) => {
      const text = `${n}: the quick brown fox${n % 50 ? "" : " jumps over the lazy dog".repeat(8)}`;
      const message = n % 7 ? text : `\u001b[32m${text}\u001b[0m`;
      return { timestamp: "2026-01-05T10:00:00Z", message, attributes: null, stream: n % 11 ? 1 : 2 };
    };
    const body = Array.from({ length: lines }, (_, i) => line(i + 1));
    state["github.com/acme/shop/-/a.ocu.star/@r1/task/f/1/logs"] = raw(JSON.stringify({ kind: "ref", body_type: "[]sdk.Log", body }));
    return written({ state, intent });
  });
}

// Stores of any size, written by a program of the benchmarks' (cli/examples/big_store.rs), which also
// makes their summaries.
//
//     const store = await big();                                  // 100,000 documents, made once
//     const small = await big({ packages: 5, releases: 12, deploys: 4 });      // about 1,000
//     await touch(store, 1);                                      // one new commit of state

import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { binary, cached, workshop } from "./workshop.mjs";

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

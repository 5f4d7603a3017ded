// Stores as older tools left them, and in other places than two branches. Each is a Workshop; what lies
// where is told by `state` and `intent`, names of branches.
//
//     const store = await version1();
//     const real = await realStore("vps-demo");     // null where it is not there: skip the test

import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { git } from "../githost/git.mjs";
import { branchOf, link, written } from "./written.mjs";
import { workshop } from "./workshop.mjs";

const COMMIT = "be73a1c0ffee0000000000000000000000000001";
const PACKAGE = "github.com/acme/shop/-/a.ocu.star";
const time = (n) => ({ time: `2025-01-01T00:00:0${n}Z` });
const fn = { name: "f", pos: "a.ocu.star:1:1" };
const OLD = `${PACKAGE}/@${COMMIT}.1`;

// The first generation: `call`, releases named by commit, functions as documents of their own. A task
// that is done, a deployment that waits, one that is live in `prod`.
const V1 = {
  "@/environment/prod": { name: "prod", attributes: {} },
  [OLD]: {
    commit: COMMIT,
    package: {
      functions: {},
      phases: [
        { name: "", work: [{ call: { name: "f", inputs: {}, fn } }] },
        { name: "", work: ["prod", "qa"].map((environment) => ({ deploy: { environment, up: fn, down: fn, inputs: {} } })) },
      ],
    },
  },
  ...run(`${OLD}/call/f`, "", "complete", 2),
  ...run(`${OLD}/deploy/prod`, "", "complete", 3),
  [`${OLD}/deploy/qa/1`]: { type: "", release: OLD, entrypoint: `${OLD}/deploy/qa/1/functions/1`, output: null },
  [`${OLD}/deploy/qa/1/status/pending`]: time(1),
  [`${OLD}/deploy/qa/1/functions/1`]: {
    current: { id: "1", fn, status: "pending", dependencies: [`${OLD}/deploy/prod/1/status/complete`, `${PACKAGE}/@${COMMIT}.1/custom/ok`], inputs: {} },
    history: [{ ...time(1), status: "pending" }],
  },
  [`${OLD}/deploy/qa/1/functions/1/status/pending`]: time(1),
  [`${PACKAGE}/@/call/f`]: link(`${OLD}/call/f/1`),
  [`${PACKAGE}/@/call/f/1`]: link(`${OLD}/call/f/1`),
  [`${PACKAGE}/@/deploy/prod/1`]: link(`${OLD}/deploy/prod/1`),
  [`${PACKAGE}/@v1`]: link(OLD),
};
const V1_INTENT = {
  "+/environment/prod": { name: "prod", attributes: {} },
  [`${PACKAGE}/+/deploy/prod`]: { release: `${PACKAGE}/+${COMMIT}.1`, input: {} },
  [`${PACKAGE}/+${COMMIT}.1/custom/other`]: "yes",
};

function run(task, type, status, n) {
  const body = { type, release: OLD, entrypoint: `${task}/1/functions/1`, output: { x: "made" } };
  return {
    [task]: body,
    [`${task}/status/${status}`]: time(n),
    [`${task}/1`]: body,
    [`${task}/1/logs`]: null,
    [`${task}/1/status/${status}`]: time(n),
    [`${task}/1/functions/1`]: { current: { id: "1", fn, status, inputs: {} }, history: [{ ...time(n), status }] },
    [`${task}/1/functions/1/status/${status}`]: time(n),
  };
}

export const version1 = () => written({ state: V1, intent: V1_INTENT, version: 1 });

// State and intent on one branch, told apart by `+` only.
export async function version1Together() {
  const shop = await written({ state: { ...V1, ...V1_INTENT }, version: 1 });
  await git(shop.bare, ["update-ref", "-d", "refs/heads/intent"]);
  return Object.assign(shop, { intent: "state" });
}

// The second generation has the documents of the third, under another number, and no summaries.
export const version2 = () => written({ ...modern(), version: 2 });

// The third, where nobody has written summaries yet.
export const withoutSummaries = () => written({ ...modern(), summaries: false });

// A store that is shared: state below `state/`, intent below `intent/` of one branch.
export async function shared() {
  const shop = await written(modern());
  const files = {};
  for (const side of ["state", "intent"]) Object.assign(files, await filesOf(shop.bare, side, `${side}/`));
  await branchOf(shop.bare, "releases", files);
  for (const side of ["state", "intent"]) await git(shop.bare, ["update-ref", "-d", `refs/heads/${side}`]);
  await git(shop.bare, ["symbolic-ref", "HEAD", "refs/heads/releases"]);
  return Object.assign(shop, { state: "releases", intent: "releases" });
}

// Of a version that this build does not know.
export const fromTheFuture = () => written({ ...modern(), version: 9, summaries: false });

// A store in which nothing has happened yet, and branches without any.
export const empty = () => written({});
export async function noStore() {
  const shop = await workshop();
  for (const branch of ["state", "intent"]) await branchOf(shop.bare, branch, { "README.md": "nothing here\n" });
  return shop;
}

export function modern() {
  const release = `${PACKAGE}/@r1`;
  const state = {
    "@/environment/prod": { name: "prod", attributes: {} },
    [release]: { commit: COMMIT, package: { functions: {}, phases: [{ name: "build", tasks: [{ task: { name: "f", inputs: {}, fn } }] }, { name: "", tasks: [{ deploy: { environment: "prod", up: fn, down: fn, inputs: {} } }] }] } },
    [`${release}/commit/${COMMIT}`]: time(0),
    [`${PACKAGE}/@v1`]: link(release),
  };
  for (const [task, type] of [["task/f", "task"], ["deploy/prod", "up"]]) {
    const at = `${release}/${task}`;
    state[at] = { run_ref: `${at}/1`, type, release, input: {}, output: { x: "made" } };
    state[`${at}/1`] = { type, release, output: { x: "made" }, watch_files: null, functions: [{ fn, inputs: {} }] };
    state[`${at}/1/status/complete`] = time(2);
    state[`${at}/1/logs`] = null;
    state[`${PACKAGE}/@/${task}`] = link(at);
  }
  const intent = {
    "@/environment/prod": { name: "prod", attributes: {} },
    [`${PACKAGE}/@/deploy/prod`]: { release, input: {} },
  };
  return { state, intent };
}

async function filesOf(bare, branch, below) {
  const names = (await git(bare, ["ls-tree", "-r", "-z", "--name-only", branch])).split("\0").filter(Boolean);
  const files = {};
  for (const name of names) files[below + name] = await git(bare, ["cat-file", "blob", `${branch}:${name}`]);
  return files;
}

// The stores of two public repos, where they lie beside the clone.
export async function realStore(name) {
  const folder = fileURLToPath(new URL(`../../../shared/data/${name}/`, import.meta.url));
  if (!(await stat(folder).catch(() => null))) return null;
  const shop = await workshop();
  for (const side of ["state", "intent"]) {
    const files = {};
    for (const entry of await readdir(join(folder, side), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      files[path.slice(join(folder, side).length + 1)] = await readFile(path, "utf8");
    }
    await branchOf(shop.bare, side, files, "as the tool left it");
  }
  return shop;
}

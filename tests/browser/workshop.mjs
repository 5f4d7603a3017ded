// A source repo, a bare repo with its stores, and our own CLI at work between them.
//
//     const shop = await workshop({ files: { "release.ocu.star": "…" } });
//     await shop.ocuroot("release", "new", "release.ocu.star");
//     await shop.commit({ "VERSION": "2\n" }, "Faster search");
//     shop.bare            // the bare repo with the branches `state` and `intent`, for a git host
//     await shop.close();
//
// To documents and people the repos are https://github.com/acme/shop and …/releases; git is told to
// look for the latter here instead, and nobody asks for the former.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { git } from "../githost/git.mjs";

export const SOURCE = "https://github.com/acme/shop.git";
export const STORE = "https://github.com/acme/releases.git";

// The repo's name in refs.
export const REPO = "github.com/acme/shop";

const CONFIG = `ocuroot("0.3.0")

store.set(
    store.git("${STORE}", branch = "state"),
    intent = store.git("${STORE}", branch = "intent"),
)
`;

export async function workshop({ files = {}, config = CONFIG } = {}) {
  const shop = new Workshop(await mkdtemp(join(tmpdir(), "ocuroot-shop-")));
  await git(shop.folder, ["init", "-q", "--bare", "-b", "state", "releases.git"]);
  await git(shop.folder, ["init", "-q", "-b", "main", "repo"]);
  await git(shop.repo, ["remote", "add", "origin", SOURCE]);
  await mkdir(join(shop.folder, "home"));
  await shop.commit({ "repo.ocu.star": config, ...files }, "Set the shop up");
  return shop;
}

// The workshop that `make` left, made once for each build of the binary and each version of the
// modules at `sources` (by `import.meta.url`), and copied for whoever asks.
export async function cached(name, sources, make) {
  const hash = createHash("sha256");
  for (const source of [import.meta.url, ...sources]) hash.update(await readFile(new URL(source)));
  const { mtimeMs, size } = await stat(binary());
  hash.update(`${mtimeMs} ${size}`);
  const folder = join(dirname(binary()), "..", "browser-stores");
  const place = join(folder, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (!(await there(place))) {
    await mkdir(folder, { recursive: true });
    for (const old of await readdir(folder)) {
      if (old.startsWith(`${name}-`) && !old.startsWith(basename(place))) await rm(join(folder, old), { recursive: true, force: true });
    }
    const made = await make();
    const draft = `${place}.${process.pid}`;
    await cp(made.folder, draft, { recursive: true });
    await made.close();
    // Somebody else may have been faster; theirs is as good.
    await rename(draft, place).catch(() => rm(draft, { recursive: true, force: true }));
  }
  const folderOfOne = await mkdtemp(join(tmpdir(), "ocuroot-shop-"));
  await cp(place, folderOfOne, { recursive: true });
  return new Workshop(folderOfOne);
}

function there(path) {
  return stat(path).then(() => true, () => false);
}

// The binary under test.
export function binary() {
  const path = process.env.OCUROOT_BIN;
  if (!path) throw new Error("OCUROOT_BIN is not set; run `cargo xtask test`");
  return path;
}

export class Workshop {
  constructor(folder) {
    this.folder = folder;
    this.repo = join(folder, "repo");
    this.bare = join(folder, "releases.git");
    this.state = "state";
    this.intent = "intent";
    this.children = new Set();
    // When each command began: see aged.mjs.
    this.acts = [];
  }

  environment(more = {}) {
    const people = {};
    for (const role of ["AUTHOR", "COMMITTER"]) {
      people[`GIT_${role}_NAME`] = "Ada Byron";
      people[`GIT_${role}_EMAIL`] = "ada@example.org";
    }
    const config = {
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: `url.file://${this.bare}.insteadOf`,
      GIT_CONFIG_VALUE_0: STORE,
    };
    return {
      PATH: process.env.PATH,
      HOME: join(this.folder, "home"),
      TMPDIR: this.folder,
      OCU_REPO_URL_OVERRIDE: SOURCE,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      ...people,
      ...config,
      ...more,
    };
  }

  // Writes files (null deletes) and commits; returns the commit's id.
  async commit(files, message, author = "Ada Byron <ada@example.org>") {
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.repo, path);
      if (text === null) await rm(file);
      else {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, text);
      }
    }
    await this.git("add", "-A");
    await this.git("commit", "-q", "--allow-empty", "-m", message, `--author=${author}`);
    return (await this.git("rev-parse", "HEAD")).trim();
  }

  git(...args) {
    return run("git", args, { cwd: this.repo, env: this.environment() });
  }

  // Runs the CLI in the repo. Fails with what it printed, unless it exits with one of `may`.
  ocuroot(...args) {
    return this.ocurootMay([0], ...args);
  }

  ocurootMay(may, ...args) {
    this.acts.push(Date.now());
    return run(binary(), args, { cwd: this.repo, env: this.environment(), may });
  }

  // Starts the CLI and returns at once: { ended, kill(), child }. What still runs when the workshop
  // is closed is ended.
  start(args, environment = {}) {
    this.acts.push(Date.now());
    const child = spawn(binary(), args, {
      cwd: this.repo,
      env: this.environment(environment),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.children.add(child);
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    const ended = new Promise((resolve) =>
      child.on("close", (code) => {
        this.children.delete(child);
        resolve({ code, output });
      }),
    );
    // The whole group: what the commands of a release file have started, too.
    const kill = () => {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {}
      return ended;
    };
    return { child, ended, kill };
  }

  async close() {
    for (const child of this.children) {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {}
    }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function run(program, args, { cwd, env, may = [0] }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => (err += chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (may.includes(code)) resolve(out);
      else reject(new Error(`${program} ${args.join(" ")}: exit ${code}\n${out}${err}`));
    });
  });
}

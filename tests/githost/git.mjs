// A bare repository, read by git itself. One `git cat-file --batch` and one `--batch-check` process
// live as long as the repo is open, so that an object costs a line down a pipe and not a process.
//
//     const repo = new Repo("/path/to/bare.git");
//     const tip = await repo.commit("refs/heads/state");  // { id, tree, parents, author, … } or null
//     await repo.tree(tip.tree);                          // [{ name, mode, type, id }]
//     await repo.blob(id);                                // a Buffer, or null
//     await repo.close();

import { spawn } from "node:child_process";

export class Repo {
  constructor(path) {
    this.path = path;
    this.bodies = new Pipe(path, "--batch");
    this.heads = new Pipe(path, "--batch-check");
    // Trees never change. Sizes and recursive listings cost a process, so they are kept.
    this.listings = new Map();
  }

  // Id and type of what a name of git's means, or null.
  async resolve(name) {
    return (await this.heads.ask(name)) ?? null;
  }

  async blob(id) {
    const found = await this.bodies.ask(id);
    return found?.type === "blob" ? found.body : null;
  }

  async commit(name) {
    const found = await this.bodies.ask(`${name}^{commit}`);
    return found ? readCommit(found.id, found.body) : null;
  }

  // The entries of a tree, or of the tree of a commit.
  async tree(name) {
    const found = await this.bodies.ask(`${name}^{tree}`);
    return found ? { id: found.id, entries: readTree(found.body) } : null;
  }

  // What lies at a path of a commit or tree: { id, type, size }, or null.
  async at(name, path) {
    const clean = path.replace(/^\/+|\/+$/g, "");
    return this.resolve(clean ? `${name}:${clean}` : `${name}^{tree}`);
  }

  // As a whole: [{ path, mode, type, id, size }] in git's order, folders before what is in them.
  async listing(tree, { recursive = false } = {}) {
    const key = `${tree} ${recursive}`;
    if (!this.listings.has(key)) {
      if (this.listings.size > 500) this.listings.clear();
      this.listings.set(key, this.#list(tree, recursive));
    }
    return this.listings.get(key);
  }

  async #list(tree, recursive) {
    if (!recursive) {
      const { entries } = await this.tree(tree);
      const heads = await Promise.all(entries.map((e) => (e.type === "blob" ? this.heads.ask(e.id) : null)));
      return entries.map(({ name, ...entry }, i) => ({ path: name, ...entry, size: heads[i]?.size }));
    }
    const text = await git(this.path, ["ls-tree", "-r", "-t", "-l", "-z", tree]);
    return text.split("\0").filter(Boolean).map((line) => {
      const tab = line.indexOf("\t");
      const [mode, type, id, size] = line.slice(0, tab).split(/ +/);
      return { path: line.slice(tab + 1), mode, type, id, size: size === "-" ? undefined : Number(size) };
    });
  }

  // Commits that lead to `from`, newest first, of those that changed `path`.
  async log(from, { path, skip = 0, count = 30 } = {}) {
    const args = ["rev-list", `--skip=${skip}`, `--max-count=${count}`, from, "--"];
    if (path) args.push(`:(literal)${path}`);
    const ids = (await git(this.path, args)).split("\n").filter(Boolean);
    return Promise.all(ids.map((id) => this.commit(id)));
  }

  async count(from, path) {
    const args = ["rev-list", "--count", from, "--"];
    if (path) args.push(`:(literal)${path}`);
    return Number(await git(this.path, args));
  }

  // What changed from one commit or tree to another: [{ status, path }].
  async changes(from, to) {
    const text = await git(this.path, ["diff-tree", "-r", "-z", "--no-renames", "--name-status", from, to]);
    const words = text.split("\0").filter(Boolean);
    return words.flatMap((word, i) => (i % 2 ? [] : [{ status: word, path: words[i + 1] }]));
  }

  async mergeBase(a, b) {
    return (await git(this.path, ["merge-base", a, b])).trim();
  }

  async defaultBranch() {
    const text = await git(this.path, ["symbolic-ref", "HEAD"]);
    return text.trim().replace("refs/heads/", "");
  }

  async branches() {
    const text = await git(this.path, ["for-each-ref", "--format=%(refname)", "refs/heads"]);
    return text.split("\n").filter(Boolean).map((name) => name.replace("refs/heads/", ""));
  }

  close() {
    return Promise.all([this.bodies.close(), this.heads.close()]);
  }
}

// Runs git and returns what it printed.
export function git(folder, args, input) {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["-C", folder, ...args], { stdio: ["pipe", "pipe", "pipe"] });
    const out = [];
    const err = [];
    child.stdout.on("data", (chunk) => out.push(chunk));
    child.stderr.on("data", (chunk) => err.push(chunk));
    child.on("error", reject);
    child.stdin.on("error", () => {});
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString("utf8"));
      else reject(new Error(`git ${args[0]}: ${Buffer.concat(err)}`));
    });
    child.stdin.end(input);
  });
}

// A cat-file process: names go down, answers come up in the same order.
class Pipe {
  constructor(path, mode) {
    this.path = path;
    this.mode = mode;
    this.waiting = [];
    this.chunks = [];
    this.length = 0;
    this.head = null;
  }

  ask(name) {
    if (/[\n\0]/.test(name)) return Promise.resolve(null);
    // Whoever still asks would start a process that nobody ends.
    if (this.closed) return Promise.reject(new Error(`${this.path} is closed`));
    if (!this.child) this.#start();
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.child.stdin.write(`${name}\n`);
    });
  }

  #start() {
    this.child = spawn("git", ["-C", this.path, "cat-file", this.mode], { stdio: ["pipe", "pipe", "ignore"] });
    this.child.stdin.on("error", () => {});
    this.ended = new Promise((resolve) => {
      this.child.on("close", () => {
        for (const { reject } of this.waiting.splice(0)) reject(new Error(`git cat-file in ${this.path} ended`));
        this.child = null;
        resolve();
      });
      this.child.on("error", resolve);
    });
    this.child.stdout.on("data", (chunk) => {
      this.chunks.push(chunk);
      this.length += chunk.length;
      this.#read();
    });
  }

  #read() {
    for (;;) {
      if (!this.head) {
        const end = this.chunks.at(-1)?.includes(10) ? this.#joined().indexOf(10) : -1;
        if (end < 0) return;
        const line = this.#take(end + 1).toString("utf8").trimEnd();
        const [, id, type, size] = line.match(/^([0-9a-f]{40,64}) (\w+) (\d+)$/) ?? [];
        if (!id) {
          this.waiting.shift().resolve(null);
          continue;
        }
        this.head = { id, type, size: Number(size) };
        if (this.mode === "--batch-check") {
          this.waiting.shift().resolve(this.head);
          this.head = null;
          continue;
        }
      }
      if (this.length < this.head.size + 1) return;
      const body = this.#take(this.head.size + 1).subarray(0, this.head.size);
      this.waiting.shift().resolve({ ...this.head, body });
      this.head = null;
    }
  }

  #joined() {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0];
  }

  #take(count) {
    const all = this.#joined();
    this.chunks = all.length > count ? [all.subarray(count)] : [];
    this.length -= count;
    return all.subarray(0, count);
  }

  async close() {
    this.closed = true;
    this.child?.stdin.end();
    await this.ended;
  }
}

function readTree(bytes) {
  const entries = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const end = bytes.indexOf(0, space);
    const mode = bytes.toString("utf8", at, space).padStart(6, "0");
    const type = { "040000": "tree", 160000: "commit" }[mode] ?? "blob";
    entries.push({
      name: bytes.toString("utf8", space + 1, end),
      mode,
      type,
      id: bytes.toString("hex", end + 1, end + 21),
    });
    at = end + 21;
  }
  return entries;
}

function readCommit(id, body) {
  const text = body.toString("utf8");
  const end = text.indexOf("\n\n");
  const fields = text.slice(0, end).split("\n");
  const all = (name) => fields.filter((f) => f.startsWith(`${name} `)).map((f) => f.slice(name.length + 1));
  const message = text.slice(end + 2).replace(/\n+$/, "");
  return {
    id,
    tree: all("tree")[0],
    parents: all("parent"),
    author: readPerson(all("author")[0]),
    committer: readPerson(all("committer")[0]),
    message,
    subject: message.split("\n")[0],
  };
}

function readPerson(text) {
  const [, name, email, seconds, zone] = text.match(/^(.*?) ?<([^>]*)> (-?\d+) ([+-]\d{4})$/s);
  const time = new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z");
  return { name, email, time, zone };
}

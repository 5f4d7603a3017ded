// How fast the page is and how much it asks for, beside what it is to reach. `cargo xtask bench-page`
// builds what it takes and runs it; the figures are in docs/performance.md.
//
//     node bench.mjs                      // everything
//     node bench.mjs sizes cold release   // only those: see PARTS
//
// The hosts are the emulated ones and a real Gitea, 20 ms away. What the page asks for and when a thing is
// on the screen is noted in the page itself, so that neither Node.js nor the debugger's protocol is
// measured. Preflights are not counted: no host counts them.

import { readdir, readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { faults } from "../githost/faults.mjs";
import { git } from "../githost/git.mjs";
import { gitea } from "../githost/gitea.mjs";
import { github } from "../githost/github.mjs";
import { gitlab } from "../githost/gitlab.mjs";
import { LARGE, SMALL, big, longLog, touch } from "./big.mjs";
import { browser, required } from "./open.mjs";

const LATENCY = 20;
const ORIGIN_KEY = (origin) => `ocuroot-token ${origin}`;

// What says that a screen is drawn.
const OVERVIEW = "main .board table tbody a";
const RELEASE = "main .flow a.node";
// There is nothing to do in a store that nobody has touched by hand.
const PLAN = "main .state.ok, main .list.plan li";
const CUSTOM = "@/custom/touched";
const LOG = "main .logs ol.log > *";
const FOUND = ".finder [data-row]";

// ---------------------------------------------------------------- the table

const rows = [];
function row(what, figure, limit, unit, { requests, most, note } = {}) {
  rows.push({ what, figure, limit, unit, requests, most, note });
  const over = (value, limit) => (limit !== undefined && value !== undefined && value > limit ? " OVER" : "");
  const round = (value) => (value === undefined ? "" : value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1));
  const ratio = limit ? `${(figure / limit).toFixed(2)} ×${over(figure, limit)}` : "";
  const asked = requests === undefined ? "" : `${requests}${most === undefined ? "" : ` of ${most}`}${over(requests, most)}`;
  console.log(`| ${what} | ${round(figure)} ${unit} | ${limit === undefined ? "" : `${limit} ${unit}`} | ${ratio} | ${asked} | ${note ?? ""} |`);
}

// ---------------------------------------------------------------- hosts

// A host with a store: { name, entry, hosts, storage, requests: text => boolean }.
async function onGitHub(store, { token = true } = {}) {
  const host = await github({ repos: { "acme/releases": store.bare }, latencyMs: LATENCY });
  return {
    name: token ? "GitHub" : "GitHub, anonymous",
    entry: { source: "github:acme/releases", api: host.api, raw: host.raw },
    hosts: [host.api, host.raw],
    counted: [host.api],
    storage: token ? { session: { [ORIGIN_KEY(host.origin)]: "ghp_test" } } : {},
    refill: () => host.refill(),
    refresh: () => {},
    close: () => host.close(),
  };
}

async function onGitLab(store, { small = false } = {}) {
  const limits = small ? { graphqlPaths: 20, graphqlPage: 20 } : {};
  const host = await gitlab({ repos: { "acme/releases": store.bare }, latencyMs: LATENCY, limits });
  return {
    name: small ? "GitLab, 20 files" : "GitLab",
    entry: { source: `gitlab:${new URL(host.origin).host}/acme/releases` },
    hosts: [host.origin],
    counted: [host.origin],
    storage: { session: { [ORIGIN_KEY(host.origin)]: "glpat-test" } },
    refill: () => host.refill(),
    refresh: () => {},
    close: () => host.close(),
  };
}

async function onGitea(store) {
  const host = await gitea({ repos: { "acme/releases": store.bare } });
  if (!host) return null;
  // It takes a moment after a push to know its branches.
  while (!(await host.ask("GET", "/repos/acme/releases/branches/state").catch(() => null))) await new Promise((resolve) => setTimeout(resolve, 100));
  const proxy = await faults(host.origin, { latencyMs: LATENCY });
  return {
    name: "Gitea",
    entry: { source: `gitea:${new URL(proxy.origin).host}/acme/releases` },
    hosts: [proxy.origin],
    counted: [proxy.origin],
    storage: { session: { [ORIGIN_KEY(proxy.origin)]: host.token } },
    refill: () => {},
    refresh: () => host.push("acme/releases"),
    async close() {
      await proxy.close();
      await host.close();
    },
  };
}

// ---------------------------------------------------------------- the page

// Runs in the page before anything of its own.
function observe() {
  // Also of a page that is left: its longest tasks are told when the next one begins.
  const noted = { asked: [], long: JSON.parse(sessionStorage.getItem("__long") ?? "[]"), keys: [], marks: {} };
  window.__bench = noted;
  addEventListener("pagehide", () => sessionStorage.setItem("__long", JSON.stringify(noted.long)));
  const fetch = window.fetch;
  window.fetch = function (...args) {
    const url = args[0]?.url ?? String(args[0]);
    const one = { at: performance.now(), url, body: typeof args[1]?.body === "string" ? args[1].body.slice(0, 300) : undefined };
    noted.asked.push(one);
    const answer = fetch.apply(this, args);
    answer.then(() => (one.took = performance.now() - one.at), () => (one.took = -1));
    return answer;
  };
  new PerformanceObserver((list) => {
    for (const { duration, startTime } of list.getEntries()) noted.long.push({ at: startTime, took: duration });
  }).observe({ type: "longtask", buffered: true });
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const made = await original.apply(WebAssembly, args);
      // The first is the one that the others share the memory of.
      noted.memory ??= (made.instance ?? made).exports.memory;
      noted.started ??= performance.now();
      return made;
    };
  }
  // When something matches, and the frame with it is out: { at, asked: so many requests until it was put in }.
  // With `not`, only once the heading is another.
  noted.drawn = (selector, not) =>
    new Promise((resolve) => {
      const is = () => document.querySelector(selector) && (!not || document.querySelector("main h1")?.textContent !== not);
      const look = () => {
        if (!is()) return;
        watch.disconnect();
        const asked = noted.asked.length;
        const channel = new MessageChannel();
        channel.port1.onmessage = () => resolve({ at: performance.now(), asked });
        requestAnimationFrame(() => channel.port2.postMessage(0));
      };
      const watch = new MutationObserver(look);
      watch.observe(document, { childList: true, subtree: true });
      look();
    });
  // From a key to the first and to the last change that it brings to the page, each with its frame.
  noted.watchKeys = () => {
    let open = null;
    addEventListener("keydown", (event) => {
      open = { key: event.key, at: event.timeStamp, first: 0, last: 0, changes: 0 };
      noted.keys.push(open);
    }, true);
    new MutationObserver(() => {
      const mine = open;
      if (!mine) return;
      mine.changes++;
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        mine.last = performance.now() - mine.at;
        mine.first ||= mine.last;
      };
      requestAnimationFrame(() => channel.port2.postMessage(0));
    }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
  };
}

class Bench {
  constructor(world, index) {
    Object.assign(this, { world, index, longest: [] });
  }

  // Opens the page on a host; `look` gets a page whose `drawn(selector)` waits and tells.
  async open(host, query, look, { local = {}, before } = {}) {
    const entry = { name: "acme/releases", state: "state", intent: "intent", ...host.entry };
    const index = this.index.replace("connect-src 'self'", `connect-src 'self' ${host.hosts.join(" ")}`);
    host.refill();
    await this.world.open({
      query,
      stores: [entry],
      files: { "index.html": index },
      hosts: host.hosts,
      storage: { session: host.storage.session, local },
      before: async (page, context) => {
        page.setDefaultTimeout(180_000);
        await context.addInitScript(observe);
        const counted = (asked) => asked.filter(({ url }) => host.counted.includes(new URL(url, "http://x").origin)).length;
        page.drawn = async (selector, not) => {
          const { at, asked } = await page.evaluate(([s, n]) => window.__bench.drawn(s, n), [selector, not]);
          const all = await page.evaluate(() => window.__bench.asked);
          return { at, requests: counted(all.slice(0, asked)), all: all.slice(0, asked) };
        };
        // Nothing has been asked for a while.
        page.quiet = async (milliseconds = 700) => {
          const count = () => page.evaluate(() => [window.__bench.asked.length, window.__bench.asked.filter((a) => a.took === undefined).length]);
          for (let last = -1; ; ) {
            const [all, open] = await count();
            if (all === last && open === 0) return counted(await page.evaluate(() => window.__bench.asked));
            last = all;
            await new Promise((resolve) => setTimeout(resolve, milliseconds));
          }
        };
        page.now = () => page.evaluate(() => performance.now());
        page.counted = async () => counted(await page.evaluate(() => window.__bench.asked));
        await before?.(page, context);
      },
    }, async (page, problems) => {
      await look(page, problems);
      const long = await page.evaluate(() => window.__bench.long);
      for (const { at, took } of long) this.longest.push({ took, at, where: `${host.name}: ${JSON.stringify(query)}` });
      // A folder that is not there is nothing wrong here.
      problems.length = 0;
    });
  }
}

// What was asked, with times, for those who want to know why: BENCH_TRACE=1.
function trace(title, all) {
  if (!process.env.BENCH_TRACE) return;
  console.log(`--- ${title}`);
  for (const { at, took, url, body } of all) console.log(`    ${at.toFixed(0).padStart(6)} +${(took ?? 0).toFixed(0).padEnd(5)} ${url}${body ? ` ${body.slice(0, 160)}` : ""}`);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// ---------------------------------------------------------------- what is measured

const PARTS = {
  async sizes() {
    const bundle = required("OCUROOT_BUNDLE");
    const sums = { wasm: 0, later: 0, js: 0, css: 0 };
    for (const name of await readdir(bundle)) {
      const kind = name.endsWith(".wasm") && !name.startsWith("app-") ? "later" : name.split(".").pop();
      if (!(kind in sums)) continue;
      const bytes = await readFile(join(bundle, name));
      sums[kind] += brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
    }
    row("wasm that the Overview needs, brotli", sums.wasm / 1000, 450, "KB");
    row("wasm that is loaded later, brotli", sums.later / 1000, undefined, "KB");
    row("js, brotli", sums.js / 1000, 15, "KB");
    row("css, brotli", sums.css / 1000, 6, "KB");
  },

  async frame(bench) {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    const before = (page) => page.route("**/*.wasm", (route) => held.then(() => route.continue()));
    const host = await onGitHub(await stores.small());
    await bench.open(host, {}, async (page) => {
      await page.getByText("Loading the dashboard").waitFor();
      const paint = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
      row("first paint of the frame, wasm not there", await paint.jsonValue(), undefined, "ms");
      release();
      await page.drawn(OVERVIEW);
    }, { before });
    await host.close();
  },

  // 1,000 documents: cold, and warm with nothing changed.
  async small(bench) {
    for (const make of [onGitHub, anonymous, onGitLab, onGitea]) {
      await using(make, await stores.small(), (host) => bench.open(host, {}, async (page) => {
        const cold = await page.drawn(OVERVIEW);
        trace(`1,000 documents, cold, ${host.name}`, cold.all);
        row(`Overview of 1,000 documents, cold, ${host.name}`, cold.at, 1000, "ms", { requests: cold.requests, most: 8 });
        await page.quiet();
        await page.reload({ waitUntil: "commit" });
        const warm = await page.drawn(OVERVIEW);
        trace(`1,000 documents, warm, ${host.name}`, warm.all);
        const started = await page.evaluate(() => window.__bench.started);
        row(`Overview of 1,000 documents, warm, ${host.name}`, warm.at, 300, "ms", { requests: warm.requests, most: 2, note: `code runs after ${started.toFixed(0)} ms` });
      }));
    }
  },

  // 100,000 documents: cold, and one release screen from there.
  async large(bench) {
    for (const make of [onGitHub, anonymous, onGitLab, smallGitLab, onGitea]) {
      await using(make, await stores.large(), (host) => bench.open(host, {}, async (page) => {
        const cold = await page.drawn(OVERVIEW);
        trace(`100,000 documents, cold, ${host.name}`, cold.all);
        const whole = await page.quiet();
        row(`Overview of 100,000 documents, cold, ${host.name}`, cold.at, 1500, "ms", { requests: cold.requests, most: 10, note: `${whole} until everything is there` });
        // Of the newest release the Overview has read the document already, of the one before it has not.
        const click = (selector) =>
          page.evaluate((selector) => {
            window.__bench.asked.length = 0;
            const start = performance.now();
            document.querySelector(selector).click();
            return start;
          }, selector);
        await click(".rail [aria-labelledby=h-new] a");
        await page.drawn(RELEASE);
        await page.quiet();
        const before = await page.locator("main h1").textContent();
        const start = await click("main .head a:has(.bk)");
        const there = await page.drawn(RELEASE, before);
        trace(`release, ${host.name}`, there.all);
        row(`a release from there, ${host.name}`, there.at - start, 400, "ms", { requests: there.requests, most: 4, note: `${await page.quiet()} until everything is there` });
        await page.goto(page.start, { waitUntil: "commit" });
        const warm = await page.drawn(OVERVIEW);
        trace(`100,000 documents, warm, ${host.name}`, warm.all);
        row(`Overview of 100,000 documents, warm, ${host.name}`, warm.at, undefined, "ms", { requests: warm.requests });
      }));
    }
  },

  // The Plan of 100,000 documents: cold, and after one commit more.
  async plan(bench) {
    for (const make of [onGitHub, anonymous, onGitLab, onGitea]) {
      const store = await stores.planned();
      await using(make, store, (host) => bench.open(host, { view: "plan" }, async (page) => {
        await page.evaluate(() => {
          window.__said = new Set();
          setInterval(() => window.__said.add(document.querySelector("main [role=status]")?.textContent), 16);
        });
        const cold = await page.drawn(PLAN);
        trace(`plan, ${host.name}`, cold.all);
        const steps = await page.evaluate(() => [...window.__said].filter(Boolean).length);
        const most = { GitHub: 15, Gitea: 90 }[host.name];
        row(`Plan of 100,000 documents, cold, ${host.name}`, cold.at, undefined, "ms", { requests: cold.requests, most, note: `${steps} steps of progress` });
        await page.quiet();
        // Each is one commit on one branch.
        for (const [side, command] of [["intent", ["set", CUSTOM, String(Date.now())]], ["state", ["apply", CUSTOM]]]) {
          await store.ocuroot("state", ...command);
          await host.refresh();
          host.refill();
          await page.reload({ waitUntil: "commit" });
          const warm = await page.drawn(PLAN);
          trace(`plan after a commit, ${host.name}`, warm.all);
          row(`the same after one new commit of ${side}, ${host.name}`, warm.at, undefined, "ms", { requests: warm.requests, most: 5 });
          await page.quiet();
        }
      }));
    }
  },

  // 100,000 documents and no summaries: what is shown on the way counts, too.
  async bare(bench) {
    const store = await stores.bare();
    for (const make of [onGitHub, onGitLab, onGitea]) {
      await using(make, store, (host) => bench.open(host, {}, async (page) => {
        await page.evaluate(() => {
          window.__said = new Set();
          setInterval(() => window.__said.add(document.querySelector("main [role=status]")?.textContent), 16);
        });
        const cold = await page.drawn(OVERVIEW);
        trace(`no summaries, ${host.name}`, cold.all);
        const steps = await page.evaluate(() => [...window.__said].filter(Boolean));
        row(`Overview of 100,000 documents without summaries, ${host.name}`, cold.at, 6000, "ms", { requests: cold.requests, note: `${steps.length} steps of progress` });
        if (process.env.BENCH_TRACE) console.log(steps.slice(0, 8), steps.slice(-3));
      }));
    }
  },

  // From a key to the result on the screen.
  async keys(bench) {
    const type = async (page, field, words) => {
      await page.locator(field).click();
      await page.evaluate(() => window.__bench.watchKeys());
      for (const word of words) {
        for (const key of word) {
          await page.keyboard.press(key);
          await new Promise((resolve) => setTimeout(resolve, 400));
        }
        await page.locator(field).fill("");
        await new Promise((resolve) => setTimeout(resolve, 600));
      }
      const keys = (await page.evaluate(() => window.__bench.keys)).filter(({ changes }) => changes > 0);
      const of = (values) => ({ worst: Math.max(...values), usual: median(values) });
      return { first: of(keys.map(({ first }) => first)), last: of(keys.map(({ last }) => last)), keys };
    };
    await using(onGitHub, await stores.large(), async (host) => {
      await bench.open(host, {}, async (page) => {
        await page.drawn(OVERVIEW);
        await page.quiet();
        const { last, keys } = await type(page, "input[data-search]", ["p12", "env0", "zzz"]);
        if (process.env.BENCH_TRACE) console.log(keys);
        row("a key in the Overview's filter, worst", last.worst, 50, "ms", { note: `median ${last.usual.toFixed(0)} ms of ${keys.length}` });
      });
      await bench.open(host, { view: "explorer", q: "**" }, async (page) => {
        await page.drawn(FOUND);
        await page.quiet(1500);
        const status = await page.locator(".finder [role=status]").first().textContent();
        const { first, last, keys } = await type(page, ".finder input[data-search]", ["**/@r1?/deploy/*", "**/status/failed", "p07"]);
        if (process.env.BENCH_TRACE) console.log(status, keys);
        row("a key in the Explorer's glob, first result, worst", first.worst, 50, "ms", { note: `median ${first.usual.toFixed(0)} ms of ${keys.length}` });
        row("a key in the Explorer's glob, whole result, worst", last.worst, undefined, "ms", { note: `median ${last.usual.toFixed(0)} ms; all refs: ${status}` });
      });
    });
  },

  async log(bench) {
    const store = await stores.log();
    await using(onGitHub, store, async (host) => {
      const release = "github.com/acme/shop/-/a.ocu.star/@r1";
      await bench.open(host, { view: "release", ref: release }, async (page) => {
        await page.drawn(RELEASE);
        await page.quiet();
        const start = await page.evaluate(() => {
          const start = performance.now();
          document.querySelector("main .flow a.node").click();
          return start;
        });
        const there = await page.drawn(LOG);
        row("a log of 100,000 lines opens", there.at - start, 500, "ms", { requests: undefined });
        const frames = await page.evaluate(async () => {
          const line = document.querySelector(".logs ol.log > *");
          let pane = line.parentElement;
          while (pane && pane.scrollHeight <= pane.clientHeight + 1) pane = pane.parentElement;
          pane ??= document.scrollingElement;
          const frames = [];
          let last = 0;
          for (let i = 0; i < 240; i++) {
            const now = await new Promise(requestAnimationFrame);
            if (last) frames.push(now - last);
            last = now;
            pane.scrollTop += i < 120 ? 90 : 9000;
          }
          return frames;
        });
        const slow = frames.filter((frame) => frame > 1000 / 60 + 4).length;
        row("a log of 100,000 lines scrolls, frame", median(frames), 17, "ms", { note: `${slow} of ${frames.length} frames late, worst ${Math.max(...frames).toFixed(0)} ms` });
      });
    });
  },

  // An hour of polls, 30 s apart by the page's clock, with a new commit at each tenth.
  async hour(bench) {
    const store = await stores.fresh();
    await using(onGitHub, store, (host) => bench.open(host, {}, async (page) => {
      const session = await page.context().newCDPSession(page);
      await session.send("HeapProfiler.enable");
      let asked = 0;
      const used = async () => {
        // What is noted here of each request would grow, too.
        asked += await page.counted();
        await page.evaluate(() => window.__bench.asked.splice(0));
        for (let i = 0; i < 3; i++) await session.send("HeapProfiler.collectGarbage");
        const { usedSize } = await session.send("Runtime.getHeapUsage");
        return { js: usedSize, wasm: await page.evaluate(() => window.__bench.memory.buffer.byteLength), nodes: (await session.send("Memory.getDOMCounters")).nodes };
      };
      await page.drawn(OVERVIEW);
      await page.quiet(300);
      const at = new Map();
      const polls = 120;
      for (let poll = 0; poll < polls; poll++) {
        if (poll % 10 === 5) await touch(store, poll);
        const before = await page.counted();
        for (let tries = 0; (await page.counted()) === before && tries < 40; tries++) {
          await page.clock.fastForward(5000);
          await new Promise((resolve) => setTimeout(resolve, 15));
        }
        if (poll % 10 === 5) await page.quiet(100);
        host.refill();
        if (poll === 30 || poll === 75) at.set(poll, await used());
      }
      await page.quiet(200);
      const [first, middle, last] = [at.get(30), at.get(75), await used()];
      const kb = (bytes) => bytes / 1000;
      row("memory after an hour of polling, JS, beyond that after a quarter", kb(last.js - first.js), undefined, "KB", { requests: asked, note: `${[first, middle, last].map(({ js }) => kb(js).toFixed(0)).join(", ")} KB; ${first.nodes}, then ${last.nodes} nodes` });
      row("memory after an hour of polling, wasm, beyond that after a quarter", kb(last.wasm - first.wasm), undefined, "KB", { note: `${[first, middle, last].map(({ wasm }) => kb(wasm).toFixed(0)).join(", ")} KB` });
    }, { local: { "ocuroot-follow": "1" }, before: (page) => page.clock.install() }));
  },
};

const anonymous = (store) => onGitHub(store, { token: false });
const smallGitLab = (store) => onGitLab(store, { small: true });

async function using(make, store, use) {
  const host = await make(store);
  if (!host) return console.log("Gitea is not built, so it is left out.");
  try {
    await use(host);
  } catch (error) {
    // One figure that cannot be had is no reason to print none.
    failed.push(`${host.name}: ${error.stack}`);
    console.log(`| (${host.name}: ${String(error.message).split("\n")[0]}) |`);
  } finally {
    await host.close();
  }
}

const failed = [];
const made = {};
const once = (name, make) => () => (made[name] ??= make());
const stores = {
  small: once("small", () => big(SMALL)),
  large: once("large", () => big(LARGE)),
  fresh: once("fresh", () => big(SMALL)),
  log: once("log", () => longLog()),
  planned: once("planned", async () => {
    const store = await big(LARGE);
    // The first command on a store writes more than it was asked to.
    await touch(store, "before");
    return store;
  }),
  bare: once("bare", async () => {
    const store = await big(LARGE);
    const tree = (await git(store.bare, ["ls-tree", "state"])).split("\n").filter((line) => line && !line.endsWith("\t.ocuroot"));
    const id = (await git(store.bare, ["mktree"], Buffer.from(`${tree.join("\n")}\n`))).trim();
    const commit = (await git(store.bare, ["-c", "user.name=o", "-c", "user.email=o@example.org", "commit-tree", id, "-m", "no summaries"])).trim();
    await git(store.bare, ["update-ref", "refs/heads/state", commit]);
    return store;
  }),
};

const chosen = process.argv.slice(2);
const bundle = required("OCUROOT_BUNDLE");
const world = await browser();
try {
  console.log(`${cpus().length} × ${cpus()[0].model}, ${await world.chrome.version()}, hosts ${LATENCY} ms away\n`);
  console.log("| what | measured | to reach | ratio | requests | |\n| --- | --- | --- | --- | --- | --- |");
  const bench = new Bench(world, await readFile(join(bundle, "index.html"), "utf8"));
  for (const [name, part] of Object.entries(PARTS)) {
    if (chosen.length && !chosen.includes(name)) continue;
    await part(bench).catch((error) => {
      failed.push(`${name}: ${error.stack}`);
      console.log(`| (${name}: ${String(error.message).split("\n")[0]}) |`);
    });
  }
  const longest = bench.longest.sort((a, b) => b.took - a.took);
  if (longest.length) row("longest task of all pages", longest[0].took, 100, "ms", { note: `${longest.filter(({ took }) => took > 100).length} over 100 ms` });
  for (const { took, at, where } of longest.slice(0, 8)) console.log(`    ${took.toFixed(0)} ms, ${at.toFixed(0)} ms after the start, ${where}`);
  for (const text of failed) console.error(text);
} finally {
  await world.close();
  for (const store of Object.values(made)) await (await store).close();
}

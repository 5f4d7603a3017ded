// The bundle in a real browser, and everything that may not happen there.
//
//     const world = await browser();                        // in before()
//     await world.open({ query: { source: "github:acme/releases" }, hosts: [host.api, host.raw] }, async (page) => {
//       await page.getByRole("heading", { name: "Overview" }).waitFor();
//       await page.checkAccessibility();
//       await page.screenshotAs("overview");
//     });
//     await world.close();                                  // in after()
//
// When the function returns, `open` fails if there was an error or a warning on the console, an
// exception, a violation of the Content-Security-Policy, an answer of 400 or more, or a request to an
// origin that is not in `hosts`. A test that wants such a thing names it in `expect`.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SCREENSHOTS = new URL("../../docs/screenshots/", import.meta.url);

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
export const NARROW = { width: 360, height: 640 };

// How long a test waits for what should be there. Long enough for a busy machine.
const TIMEOUT = Number(process.env.OCUROOT_BROWSER_TIMEOUT ?? 20_000);

// What Chromium says of answers with an error status and of none, of which there is a line of ours besides.
const ECHO = /^Failed to load resource: (the server responded with a status of|net::ERR_)/;

// To be expected where a page may not read an answer, for want of CORS headers, and where none comes.
export const UNREADABLE = [/^console: .*CORS policy/, /^no answer: /];
export const NO_ANSWER = [/^no answer: /];

export async function browser({ bundle = required("OCUROOT_BUNDLE"), args = [] } = {}) {
  const chrome = await chromium.launch({
    executablePath: required("OCUROOT_CHROMIUM"),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
  const axe = await readFile(AXE, "utf8");
  const bundles = new Map();

  // A static host with the bundle; one for each set of extra files.
  const site = async (files = {}, headers = {}) => {
    const key = JSON.stringify([files, headers]);
    if (!bundles.has(key)) bundles.set(key, serve(bundle, { files, headers }));
    return bundles.get(key);
  };

  // Options, all optional:
  //   query      { source, state, intent, at, view, ref, …, hash }: where to go
  //   path       instead: what comes after the page's own address, e.g. "?store=shop#x"
  //   url        an address that serves the page already, e.g. `state view`'s
  //   stores     what stores.json says, as a list
  //   hosts      origins that may be asked; the page's own always may
  //   expect     [RegExp, …]: problems that this test is about; each must come at least once
  //   colorScheme, viewport, reducedMotion, …   for Playwright's context
  //   storage    { local: {…}, session: {…} } to begin with
  //   before     async (page, context) => …, before the page is opened
  async function open(options, look) {
    const {
      query = {}, path, url, stores, files = {}, headers, hosts = [], expect = [], storage, before,
      colorScheme = "light", viewport = DESKTOP, ...context_options
    } = options;
    const extra = stores ? { ...files, "stores.json": JSON.stringify({ stores }) } : files;
    const start = url ?? (await site(extra, headers)).url;
    const context = await chrome.newContext({ colorScheme, viewport, ...context_options });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(TIMEOUT);
      const problems = [];
      const requests = [];
      const allowed = new Set([new URL(start).origin, ...hosts.map((host) => new URL(host).origin)]);
      // Violations are also reported as events, those of style attributes for instance.
      await context.exposeFunction("__violation", (text) => problems.push(`CSP: ${text}`));
      await context.addInitScript(() => {
        document.addEventListener("securitypolicyviolation", (event) => {
          window.__violation(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
        });
      });
      page.on("console", (message) => {
        const wrong = ["error", "warning"].includes(message.type()) && !ECHO.test(message.text());
        if (wrong) problems.push(`console: ${message.text()}`);
      });
      page.on("pageerror", (error) => problems.push(`exception: ${error}`));
      page.on("dialog", (dialog) => {
        problems.push(`dialog: ${dialog.message()}`);
        dialog.dismiss();
      });
      context.on("page", (other) => other !== page && problems.push(`opened: ${other.url()}`));
      page.on("request", (request) => {
        const url = new URL(request.url());
        requests.push({ method: request.method(), url: request.url(), origin: url.origin });
        if (url.protocol === "data:" || url.protocol === "blob:" || allowed.has(url.origin)) return;
        problems.push(`foreign request: ${request.url()}`);
      });
      page.on("requestfailed", (request) => {
        const why = request.failure()?.errorText;
        // A page that is left, or that has changed its mind, aborts what is under way.
        if (why !== "net::ERR_ABORTED") problems.push(`no answer: ${request.url()}: ${why}`);
      });
      page.on("response", (response) => {
        // A site need not have a list of stores.
        const asked_for_list = !extra["stores.json"] && response.url() === new URL("stores.json", start).href;
        if (response.status() >= 400 && !asked_for_list) problems.push(`${response.status()}: ${response.url()}`);
      });
      if (storage) await context.addInitScript(fill, storage);
      Object.assign(page, helpers(page, { axe, colorScheme, viewport, problems, requests, start }));
      await before?.(page, context);
      await page.goto(start + (path ?? address(query)), { waitUntil: "commit" });
      try {
        await look(page, problems);
      } catch (error) {
        // What went wrong before is often why.
        if (problems.length) error.message += `\nproblems in the browser:\n  ${problems.join("\n  ")}`;
        throw error;
      }
      // What the page has queued is told before this is answered.
      await page.evaluate(() => new Promise((resolve) => setTimeout(resolve))).catch(() => {});
      judge(problems, expect);
    } finally {
      await context.close();
    }
  }

  return {
    chrome,
    open,
    site,
    async close() {
      await chrome.close();
      for (const site of bundles.values()) await (await site).close();
    },
  };
}

// A fragment goes into `hash`.
function address({ hash = "", ...query }) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined)).toString();
  return `${text && `?${text}`}${hash && `#${hash}`}`;
}

function judge(problems, expected) {
  const missing = expected.filter((pattern) => !problems.some((text) => pattern.test(text)));
  const unexpected = problems.filter((text) => !expected.some((pattern) => pattern.test(text)));
  assert.deepEqual(unexpected, [], "problems in the browser");
  assert.deepEqual(missing, [], "expected in the browser, and did not come");
}

function fill({ local = {}, session = {} }) {
  // Only once: the page may change it before it is loaded again.
  if (sessionStorage.getItem("__filled")) return;
  sessionStorage.setItem("__filled", "1");
  for (const [name, value] of Object.entries(local)) localStorage.setItem(name, value);
  for (const [name, value] of Object.entries(session)) sessionStorage.setItem(name, value);
}

// What a page can do besides what Playwright's can.
function helpers(page, { axe, colorScheme, viewport, problems, requests, start }) {
  return {
    problems,
    requests,
    start,

    // Goes to another view by its address, as a link from elsewhere does.
    visit: (query) => page.goto(start + address(query), { waitUntil: "commit" }),

    // All rules of axe for WCAG 2.2 AA and good practice, targets of at least 24 px included. It comes by
    // the debugger's protocol, so the page's policy stays as it is.
    async checkAccessibility({ within, disable = [] } = {}) {
      const session = await page.context().newCDPSession(page);
      try {
        const { exceptionDetails } = await session.send("Runtime.evaluate", { expression: axe });
        assert.equal(exceptionDetails, undefined);
        const rules = { "target-size": { enabled: true } };
        for (const name of disable) rules[name] = { enabled: false };
        const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];
        const options = { runOnly: { type: "tag", values: tags }, rules, resultTypes: ["violations"] };
        const expression = `axe.run(${JSON.stringify(within ?? null)} ?? document, ${JSON.stringify(options)}).then(({ violations }) => JSON.stringify(violations))`;
        const { result, exceptionDetails: failed } = await session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
        assert.equal(failed, undefined, JSON.stringify(failed));
        const found = JSON.parse(result.value).map(({ id, help, nodes }) => {
          const where = nodes.slice(0, 5).map(({ target, html, failureSummary }) => `\n    ${target.join(" ")}: ${html}\n      ${failureSummary.replaceAll("\n", "\n      ")}`);
          return `${id}: ${help}${where.join("")}`;
        });
        assert.equal(found.join("\n"), "", `axe, ${colorScheme}, ${viewport.width} px, ${page.url()}`);
      } finally {
        await session.detach();
      }
    },

    // The page is as wide as the window: nothing scrolls sideways but what says so itself.
    async checkWidth() {
      // A phone zooms out where something is too wide, and its window is as wide then.
      const window_width = page.viewportSize().width;
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= window_width, `the page is ${width} px wide, the window ${window_width} px: ${page.url()}`);
    },

    // docs/screenshots/<name>-<light|dark>-<desktop|phone>.webp, if OCUROOT_SCREENSHOTS says so; else it
    // is only taken, so that it works when it is wanted.
    async screenshotAs(name, { fullPage = false, quality = 74 } = {}) {
      const session = await page.context().newCDPSession(page);
      try {
        await page.evaluate(() => document.fonts.ready);
        const { data } = await session.send("Page.captureScreenshot", {
          format: "webp", quality, captureBeyondViewport: fullPage,
          ...(fullPage ? { clip: await page.evaluate(() => ({ x: 0, y: 0, scale: 1, width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight })) } : {}),
        });
        if (!process.env.OCUROOT_SCREENSHOTS) return;
        const size = viewport.width < 600 ? "phone" : "desktop";
        const file = new URL(`${name}-${colorScheme}-${size}.webp`, SCREENSHOTS);
        await mkdir(SCREENSHOTS, { recursive: true });
        await writeFile(file, Buffer.from(data, "base64"));
      } finally {
        await session.detach();
      }
    },

    // How much has been asked of an origin since `mark`.
    mark: () => (requests.length = 0),
    asked: (origin) => requests.filter((request) => request.origin === new URL(origin).origin),
  };
}

// Light and dark, desktop and phone:
// for (const { name, options } of LOOKS) test(name, () => world.open({ ...options, query }, …));
export const LOOKS = ["light", "dark"].flatMap((colorScheme) =>
  [["desktop", DESKTOP], ["phone", PHONE]].map(([size, viewport]) => ({
    name: `${colorScheme}, ${size}`,
    options: { colorScheme, viewport, ...(size === "phone" ? { hasTouch: true, isMobile: true } : {}) },
  })),
);

// Time that a test turns: `page.clock.runFor(60_000)`, as Playwright has it. In `before`.
export async function turnClock(page) {
  await page.clock.install();
  // Its timers have numbers beyond 32 bits, and programs in wasm keep them as such: what would be
  // cleared is found by what is left of it.
  await page.addInitScript(() => {
    const real = new Map();
    for (const kind of ["Timeout", "Interval"]) {
      const [set, clear] = [window[`set${kind}`], window[`clear${kind}`]];
      window[`set${kind}`] = (...all) => {
        const id = set.apply(window, all);
        real.set(id | 0, id);
        return id;
      };
      window[`clear${kind}`] = (id) => clear.call(window, real.get(id | 0) ?? id);
    }
  });
}

export function required(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set; run \`cargo xtask test\``);
  return value;
}

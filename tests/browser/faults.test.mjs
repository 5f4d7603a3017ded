// Whatever a host does wrong, the page says what is the matter and what to do, hangs nowhere, and is right
// again as soon as the host is.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EVERY_FAULT, fault } from "../githost/faults.mjs";
import { exported, onGitea, onGithub, onGitlab, until } from "./kinds.mjs";
import { NO_ANSWER, UNREADABLE, browser, turnClock } from "./open.mjs";
import { follow, see } from "./screens.mjs";
import { version2 } from "./old.mjs";

let world, store;

before(async () => {
  [world, store] = await Promise.all([browser(), version2()]);
});
after(async () => {
  await world?.close();
  await store?.close();
});

// Nothing is remembered on this device, so that everything is asked for; and time is the test's to turn.
async function forgetful(page) {
  await page.addInitScript(() => Object.defineProperty(window, "indexedDB", { value: undefined }));
  await turnClock(page);
}

// The store under two names: to go from one to the other is to begin anew.
async function twice(place) {
  const entry = (name) => ({ ...place.entry, name });
  return { files: await exported([entry("one"), entry("two")]), before: forgetful };
}

// Opens the store of this name, from a screen that needs nothing of it.
async function begin(page, store) {
  await follow(page, { store, view: "draft" });
  await page.getByRole("heading", { name: "Nothing is drafted" }).waitFor();
  await follow(page, { store });
}

const matrix = (page) => page.getByRole("grid", { name: "Packages and environments" });
const alert = (page) => page.getByRole("alert");

// What these hosts say of a folder or a document that is not there, so a page cannot know better.
const EMPTY = new Set(["GitLab, folder: 404", "GitLab, folder: an empty list", "Gitea, folder: 404", "Gitea, documents: 404"]);
const nothing = (page) => page.getByRole("heading", { name: "Nothing has been released yet" });

// What every fault may look like to the harness. Which ones come, the fault decides.
const ANY = /^\d{3}: |^no answer: |^console: .*(CORS policy|Failed to fetch)/;

// What a person is told of the faults that name one cause.
const TOLD = {
  401: ["The token is not taken any more", "link", "Sign in"],
  403: ["This store may not be read", "link", "Sign in"],
  "403 with retry-after": ["The host wants a rest", "button", "Try now"],
  "403 with x-ratelimit-reset": ["The host wants a rest", "button", "Try now"],
  "403 that names no time": ["The host wants a rest", "button", "Try now"],
  404: ["This store cannot be read", "link", "Choose a source"],
  "429 with retry-after": ["The host wants a rest", "button", "Try now"],
  500: ["The host has trouble", "button", "Try again"],
  503: ["The host has trouble", "button", "Try again"],
  "HTML with status 200": ["The host's answer makes no sense", "button", "Try again"],
  "invalid JSON": ["The host's answer makes no sense", "button", "Try again"],
};

const HOSTS = {
  GitHub: [onGithub, { head: /\/branches\//, folder: /\/git\/trees\//, documents: /POST \/graphql/, proposals: /\/pulls/ }],
  GitLab: [onGitlab, { head: /\/branches\//, folder: /\/repository\/tree/, documents: /POST \/api\/graphql/, proposals: /merge_requests/ }],
  Gitea: [onGitea, { head: /\/branches\//, folder: /\/git\/trees\//, documents: /file-contents|git\/blobs|\/raw\/|\/contents/, proposals: /\/pulls/ }],
};

for (const [kind, [start, requests]] of Object.entries(HOSTS)) {
  test(`every fault of ${kind}`, async (context) => {
    const place = await start(store, { proxied: true });
    if (!place) return context.skip("no gitea on PATH");
    try {
      const options = place.at({ store: "one" }, { ...(await twice(place)), expect: [ANY] });
      await world.open(options, async (page) => {
        await until(page, matrix(page));
        let other = "two";
        const again = async () => {
          await begin(page, other);
          other = other === "one" ? "two" : "one";
        };
        for (const [what, pattern] of Object.entries(requests)) {
          for (const [name, make] of EVERY_FAULT) {
            await context.test(`${what}: ${name}`, async () => {
              const hits = place.proxy.on(pattern, make);
              await again();
              // What the host refuses may be had in another way, or not be needed.
              await until(page, alert(page), matrix(page), ...(EMPTY.has(`${kind}, ${what}: ${name}`) ? [nothing(page)] : []));
              assert.ok(hits.length > 0 || what === "proposals", "was not asked");
              assert.ok(hits.length < 40, `asked ${hits.length} times`);
              if (what === "head") await see(page, [["alert", ""]]);
              if (what === "proposals") await until(page, matrix(page));
              const told = what === "head" && TOLD[name];
              if (told) await see(page, [["heading", told[0]], [told[1], told[2]]]);
              if (await alert(page).count()) {
                assert.match(await alert(page).first().innerText(), /\w.*\.$/s);
                assert.doesNotMatch(await page.getByRole("main").innerText(), /undefined|\[object|NaN|Log in to the network/);
                place.proxy.clear();
                const retry = page.getByRole("main").getByRole("button", { name: /^(Try again|Try now)$/ }).first();
                if (await retry.count()) await retry.click();
                else await again();
              }
              place.proxy.clear();
              await until(page, matrix(page), nothing(page));
              if (await nothing(page).count()) await again();
              await until(page, matrix(page));
              assert.equal(await alert(page).count(), 0);
            });
          }
        }
      });
    } finally {
      await place.close();
    }
  });
}

test("proposals that are refused are said to be, once", async () => {
  const place = await onGithub(store, { proxied: true });
  try {
    place.proxy.on(/\/pulls/, fault.status(403));
    await world.open(place.at({}, { expect: [/^403: /] }), async (page) => {
      await see(page, [["text", "Proposals could not be read"]]);
      await matrix(page).waitFor();
      assert.equal(await page.getByText("could not be read").count(), 1);
    });
  } finally {
    await place.close();
  }
});

test("what stops a whole screen is said once", async () => {
  const place = await onGithub(store, { proxied: true });
  try {
    place.proxy.on(/branches/, fault.status(403));
    for (const route of [{ view: "plan" }, { view: "environment", name: "prod-eu" }]) {
      await world.open(place.at(route, { before: forgetful, expect: [/^403: /] }), async (page) => {
        await see(page, [["heading", "This store may not be read"], ["text", "for the same reason"]]);
        assert.equal(await alert(page).count(), 1);
      });
    }
  } finally {
    await place.close();
  }
});

test("after a rate limit the page goes on by itself, and counts down till then", async () => {
  const place = await onGithub(store, { proxied: true });
  try {
    const hits = place.proxy.on(/branches/, fault.rateLimited({ retryAfter: 90 }));
    await world.open(place.at({}, { before: forgetful, expect: [/^403: /] }), async (page) => {
      await until(page, alert(page));
      await see(page, [["heading", "The host wants a rest"], ["text", /Again in 1:\d\d/]]);
      await page.checkAccessibility();
      const asked = hits.length;
      await page.clock.runFor(60_000);
      await see(page, [["text", /Again in 0:[123]\d/]]);
      assert.equal(hits.length, asked, "it did not wait");
      place.proxy.clear();
      await page.clock.runFor(40_000);
      await matrix(page).waitFor();
    });
  } finally {
    await place.close();
  }
});

test("an anonymous reader who has used up the hour is told to sign in, or when to come back", async () => {
  const place = await onGithub(store, { token: null, limits: { anonymousRate: 1 } });
  try {
    await world.open(place.at({}, { before: forgetful, expect: [/^403: /] }), async (page) => {
      await until(page, alert(page));
      await see(page, [["heading", "The host wants a rest"]]);
      assert.match(await alert(page).innerText(), /[Ss]ign in|token/);
    });
  } finally {
    await place.close();
  }
});

test("what is slow says what it is doing, and can be left", async () => {
  const place = await onGithub(store, { proxied: true });
  try {
    const gate = fault.held();
    place.proxy.on(/git\/trees/, gate);
    await world.open(place.at({}, { before: (page) => page.addInitScript(() => Object.defineProperty(window, "indexedDB", { value: undefined })) }), async (page) => {
      await gate.waiting;
      await see(page, [["status", ""], ["text", /Listing folders/]]);
      await page.checkAccessibility();
      await follow(page, { view: "draft" });
      await see(page, [["heading", "Nothing is drafted"]]);
      gate.release();
      await follow(page, {});
      await matrix(page).waitFor();
    });
  } finally {
    await place.close();
  }
});

test("a host that does not answer, and then does", async () => {
  const place = await onGithub(store, { proxied: true });
  try {
    await place.proxy.down();
    await world.open(place.at({}, { before: forgetful, expect: NO_ANSWER }), async (page) => {
      await until(page, alert(page));
      await see(page, [["heading", "The host does not answer"]]);
      await place.proxy.up();
      await page.getByRole("button", { name: "Try again" }).click();
      await until(page, matrix(page));
    });
  } finally {
    await place.close();
  }
});

test("a Gitea that lets no page read it: the settings to change", async (context) => {
  const place = await onGitea(store, { cors: false });
  if (!place) return context.skip("no gitea on PATH");
  try {
    await world.open(place.at({}, { before: forgetful, expect: UNREADABLE }), async (page) => {
      await until(page, alert(page));
      await see(page, [["heading", "The host does not answer this page"], ["listitem", "[cors]"], ["listitem", "ENABLED = true"], ["listitem", new URL(page.start).origin]]);
      await page.checkAccessibility();
    });
  } finally {
    await place.close();
  }
});

test("a tree that is cut off is read in parts", async () => {
  const place = await onGithub(store, { limits: { treeEntries: 4 } });
  try {
    await world.open(place.at({}, { before: forgetful }), async (page) => {
      await until(page, matrix(page));
      await page.getByRole("row", { name: /^a / }).waitFor();
      await follow(page, { view: "explorer", q: "**" });
      await page.getByRole("link", { name: /task\/f/ }).first().waitFor();
    });
  } finally {
    await place.close();
  }
});

// Every screen of the shop of shop.mjs, and what must be seen on it, wherever it is read from.
//
//     for (const screen of SCREENS) {
//       await follow(page, screen.query);      // as a click on a link does
//       await sees(page, screen);
//     }
//
// `sees` are [role, name] of what assistive technology is told, or ["text", pattern] of what stands
// there; on a wide window and on a phone alike. `wide` is what only a wide window has room for. `local` is
// what there is instead on the page of `state view`.

import assert from "node:assert/strict";

export const REPO = "github.com/acme/shop/-/";
export const pkg = (name) => `${REPO}${name}/release.ocu.star`;
const release = (name, number) => ({ view: "release", ref: `${pkg(name)}/@r${number}` });

export const SCREENS = [
  {
    name: "overview",
    query: {},
    title: /^Overview · Ocuroot$/,
    sees: [
      ["heading", /^Overview: 1 failed, 4 need approval, 2 stale, 1 differs/],
      ["heading", "Needs a person 4"],
      ["heading", "Failed or stale 3"],
      ["link", "backend r4"],
      ["grid", "Packages and environments"],
      ["columnheader", /^prod-eu/],
    ],
    wide: [
      ["text", /attempt 2, see the run/],
      ["link", /^r3 \+1 newer \d+d approve$/],
      ["link", /^r1 \+1 newer \d+d failed$/],
      ["columnheader", /^prod-us/],
      ["row", /^network r1/],
      ["text", /waits only for approve/],
    ],
  },
  {
    name: "package",
    query: { view: "package", ref: pkg("backend") },
    title: /^backend · Ocuroot$/,
    sees: [
      ["heading", "backend"],
      ["text", /r4 needs an approval before prod-ap since \d+\s+d/],
      ["link", "Approve r4"],
      ["heading", "Releases 4"],
      ["row", /^r4 needs approval .*Faster search over orders <b>& more<\/b>/],
      ["row", /^r1 complete .*Set the shop up/],
      ["listitem", /prod-us.*r3/],
    ],
    wide: [
      ["row", /^r3 complete 4 of 4 Retry payments that timed out \w{7} Linus Ek prod-ap, prod-eu, prod-us 1\.2\.0 \d+ d ago/],
      ["text", "github.com/acme/shop/-/backend/release.ocu.star"],
    ],
  },
  {
    name: "release",
    query: release("backend", 4),
    title: /^backend r4 · Ocuroot$/,
    sees: [
      ["heading", "r4 needs approval"],
      ["text", /prod-ap and 2 others wait for an approval\. custom\/approve is not set/],
      ["link", /^prod-ap needs approval/],
      ["link", "Previous release, r3"],
    ],
    wide: [
      ["region", "Phase 1, build"],
      ["link", /^build complete (\d+m )?\d+s/],
      ["heading", "prod-ap needs approval"],
      ["heading", "Waits for 1 of 6 is missing"],
      ["text", /It waits for approve, custom state that somebody must set/],
      ["row", /^gateway "gw\.prod-ap\.example\.com" network\/release\.ocu\.star\/@\/deploy\/prod-ap#output\/gateway r1/],
      ["text", "ocuroot state set github.com/acme/shop/-/backend/release.ocu.star/@r4/custom/approve yes"],
    ],
  },
  {
    name: "release-failed",
    query: { ...release("frontend", 2), hash: "deploy/prod-eu/2" },
    title: /^frontend r2 · Ocuroot$/,
    sees: [
      ["heading", "prod-eu failed"],
      ["heading", "Why it failed"],
      ["row", /^1 retried/],
      ["row", /^bundle "frontend\.tar" @r2\/task\/build#output\/bundle this release/],
      ["option", /certificate has expired$/],
      ["text", "ocuroot release retry github.com/acme/shop/-/frontend/release.ocu.star/@r2"],
    ],
    wide: [["heading", "r2 failed"]],
  },
  {
    name: "log",
    query: { ...release("backend", 4), hash: "task/build/1:L3" },
    sees: [
      ["heading", "build complete"],
      ["heading", /^Log task\/build\/1, 5 lines/],
      ["option", /^3 .*warn unused variable `port`$/, { selected: true }],
      ["row", /^image "registry\.example\.com\/backend:1\.3\.0-rc\.1" used by browser, prod-ap/],
    ],
    wide: [],
  },
  {
    name: "compare",
    query: { ...release("backend", 4), with: `${pkg("backend")}/@r3` },
    sees: [
      ["heading", "Compared with"],
      ["columnheader", "r3"],
      ["row", /output[./]image "?registry\.example\.com\/backend:1\.3\.0-rc\.1"? "?registry\.example\.com\/backend:1\.2\.0"?/],
      ["row", /^deploy\/prod-ap needs approval complete/],
      ["link", "The commits between them"],
    ],
    wide: [],
  },
  {
    name: "environments",
    query: { view: "environments" },
    title: /^Environments · Ocuroot$/,
    sees: [
      ["heading", "Environments"],
      ["row", /^prod-us .*3 of 5/],
      ["row", /^qa .*stale/],
      ["row", /^prod-ap change not applied yet/],
    ],
    wide: [["row", /frozen: audit, until the accountants are gone/]],
  },
  {
    name: "environment",
    query: { view: "environment", name: "prod-us", with: "prod-eu" },
    title: /^prod-us · Ocuroot$/,
    sees: [
      ["heading", "prod-us"],
      ["text", /audit, until the accountants are gone/],
      ["heading", "Deployments 3"],
      ["row", /^frontend r2 .*1 ahead/],
      ["row", /^catalogue never .*not here/],
      ["heading", "Held by the freeze 1"],
      ["definition", /^us-2\s+there:\s+eu-1$/],
      ["link", /^network r1/],
    ],
    wide: [["row", /Retry payments that timed out/]],
  },
  {
    name: "custom",
    query: { view: "custom" },
    title: /^Custom state · Ocuroot$/,
    sees: [
      ["heading", "Custom state and environments"],
      ["heading", "Waits for a person 2"],
      ["row", /^banner .*Sale from Friday.*not applied yet/],
      ["row", /^approve of backend r3 Grace yes/],
      ["text", "ocuroot state set github.com/acme/shop/-/payments/release.ocu.star/@r1/custom/canary-staging yes"],
    ],
    wide: [],
  },
  {
    name: "plan",
    query: { view: "plan" },
    title: /^Plan: 3 items · Ocuroot$/,
    sees: [
      ["heading", "Plan: 3 items"],
      ["heading", "Because intent changed 3"],
      ["listitem", /Deploy\s+frontend r1 to prod-us, after r2/],
      ["listitem", /attributes\.region changed from ap-1 to ap-2/],
      ["heading", "Held by a freeze 1"],
      ["heading", "Waits for a person 4 runs"],
    ],
    wide: [],
  },
  {
    name: "diff",
    query: { view: "diff" },
    title: /^Intent and state · Ocuroot$/,
    sees: [
      ["heading", /^Intent and state differ 7 documents, 3 not explained by a run/],
      ["row", /^attributes\.region ap-1 ap-2/],
      ["link", "its run: failed"],
    ],
    wide: [],
  },
  {
    name: "explorer",
    query: { view: "explorer", q: "**/backend/release.ocu.star/@r4/deploy/*" },
    title: /^Explorer · Ocuroot$/,
    sees: [
      ["text", /^2 refs, /],
      ["link", /@r4\/deploy\/qa/],
      ["link", /@r4\/deploy\/staging/],
    ],
    wide: [["heading", "A document is shown here"]],
  },
  {
    name: "document",
    query: { view: "explorer", q: "@/environment/*", ref: "@/environment/qa" },
    title: /^@\/environment\/qa · Ocuroot$/,
    sees: [
      ["heading", "qa"],
      ["listitem", /"region": "eu-1", "team": "quality", "type": "test"/],
      ["link", "In intent"],
      ["region", "History"],
    ],
    wide: [["link", /prod-ap/]],
  },
  {
    name: "history",
    query: { view: "history" },
    title: /^Time travel · Ocuroot$/,
    sees: [["heading", "Time travel"], ["row", /^\w{7} .*set \S*banner|^\w{7} .*ocuroot|^\w{7} /]],
    wide: [],
  },
  {
    name: "draft",
    query: { view: "draft" },
    title: /^Draft · Ocuroot$/,
    sees: [["heading", "Nothing is drafted"], ["link", "What waits for somebody"]],
    wide: [],
  },
  {
    name: "signin",
    query: { view: "signin" },
    title: /^Open a source · Ocuroot$/,
    sees: [["heading", "Open a source"], ["heading", "1. Source"], ["heading", "What each may do"]],
    wide: [],
    // There is nothing to choose, and nobody to be.
    local: {
      title: /^Source · Ocuroot$/,
      sees: [["heading", "Source"], ["text", /nobody signs in, and the page asks no other host/], ["link", "Open"]],
      wide: [],
    },
  },
];

export const screen = (name) => SCREENS.find((screen) => screen.name === name);

// Goes there as a click on a link in the page does: the page is not loaded again.
export const follow = (page, query) =>
  page.evaluate(({ hash, ...query }) => {
    // The store that is looked at stays the same.
    const now = new URLSearchParams(location.search);
    for (const name of ["store", "source", "state", "intent", "api", "raw"]) if (now.has(name)) query[name] ??= now.get(name);
    const link = document.createElement("a");
    link.href = `?${new URLSearchParams(query)}${hash ? `#${hash}` : ""}`;
    link.setAttribute("href", link.getAttribute("href"));
    document.body.append(link);
    link.click();
    link.remove();
  }, query);

// Waits for each of these, and fails saying which has not come, and what is there instead.
export async function see(page, wanted) {
  for (const [role, name, options] of wanted) {
    const found = locate(page, role, name, options);
    try {
      await found.first().waitFor({ state: "attached" });
    } catch {
      const there = await page.locator("body").ariaSnapshot();
      assert.fail(`no ${role} ${name} at ${page.url()}\n${there}`);
    }
  }
}

// What has no name of its own is known by its text.
function locate(page, role, name, options) {
  if (role === "text") return page.getByText(name);
  if (["listitem", "definition", "paragraph"].includes(role)) return page.getByRole(role).filter({ hasText: name });
  return page.getByRole(role, { name, ...options });
}

export async function sees(page, { title, sees, wide }, { phone = false } = {}) {
  await see(page, phone ? sees : [...sees, ...wide]);
  if (title) assert.match(await page.title(), title);
}

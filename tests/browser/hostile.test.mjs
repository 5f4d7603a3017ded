// A store full of texts that would run, navigate, load or break a layout: on no screen does any of them do
// so, under the policy that is shipped.

import { after, before, test } from "node:test";
import { FOLDERS, HOSTILE_REPO, NAMES, assertHarmless, hostile } from "./hostile.mjs";
import { onGithub, onLocal, settled } from "./kinds.mjs";
import { LOOKS, NARROW, browser } from "./open.mjs";
import { follow } from "./screens.mjs";

let world, store;

before(async () => {
  [world, store] = await Promise.all([browser(), hostile()]);
});
after(async () => {
  await world?.close();
  await store?.close();
});

const MAIN = "github.com/acme/shop/-/release.ocu.star";
const ODD = "github.com/acme/shop/-/odd.ocu.star";

const SCREENS = {
  overview: {},
  "overview, filtered": { q: `"><script>window.__ran=1</script>`, show: `<img src=x onerror=alert(1)>` },
  package: { view: "package", ref: MAIN },
  "package of an odd name": { view: "package", ref: `${HOSTILE_REPO}/-/${FOLDERS[1]}/release.ocu.star` },
  "package that is none": { view: "package", ref: ODD },
  release: { view: "release", ref: `${MAIN}/@r1` },
  ...Object.fromEntries(NAMES.slice(0, 5).map((name, i) => [`run ${i}`, { view: "release", ref: `${MAIN}/@r1`, hash: `task/${name}/1` }])),
  "run of a deploy": { view: "release", ref: `${MAIN}/@r1`, hash: "deploy/prod/1:L3" },
  "run that is not there": { view: "release", ref: `${MAIN}/@r1`, hash: `task/<img src=x onerror=alert(1)>/1` },
  "release of an odd name": { view: "release", ref: `${HOSTILE_REPO}/-/${FOLDERS[2]}/release.ocu.star/@r1`, hash: "deploy/prod/1" },
  ...Object.fromEntries([1, 2, 3, 4].map((n) => [`broken release ${n}`, { view: "release", ref: `${ODD}/@r${n}` }])),
  compare: { view: "release", ref: `${MAIN}/@r1`, with: `${MAIN}/@r1` },
  environments: { view: "environments" },
  environment: { view: "environment", name: "prod", with: "qa" },
  "environment of an odd name": { view: "environment", name: `<img src=x onerror=alert(1)>` },
  custom: { view: "custom" },
  plan: { view: "plan" },
  diff: { view: "diff" },
  history: { view: "history" },
  explorer: { view: "explorer", q: "**" },
  "explorer, odd pattern": { view: "explorer", q: `"><img src=x onerror=alert(1)>*` },
  tree: { view: "explorer" },
  ...Object.fromEntries(NAMES.slice(0, 6).map((name, i) => [`document ${i}`, { view: "explorer", ref: `@/custom/${name}` }])),
  ...Object.fromEntries(["@/environment/prod", "@/custom/surrogate", "@/custom/huge", "@/environment/none", `${ODD}/@r1`, `${ODD}/@/deploy/prod`, `${MAIN}/@r1/deploy/prod/1/logs`, `${MAIN}/@r1/deploy/prod#output/__proto__`].map((ref) => [`document ${ref}`, { view: "explorer", ref }])),
  draft: { view: "draft", approve: `javascript:alert(1)` },
  signin: { view: "signin" },
};

for (const [source, start, look] of [
  ["GitHub", onGithub, {}],
  ["state view", onLocal, {}],
  ["GitHub, on a phone", onGithub, { ...LOOKS[1].options, viewport: NARROW }],
]) {
  test(`nothing of it runs: ${source}`, async (context) => {
    const place = await start(store);
    try {
      await world.open(place.at({}, look), async (page) => {
        for (const [name, query] of Object.entries(SCREENS)) {
          await context.test(name, async () => {
            await follow(page, query);
            await settled(page);
            await assertHarmless(page);
            await page.checkWidth();
          });
        }
      });
    } finally {
      await place.close();
    }
  });
}

import { onGithub, onGitlab, onLocal, settled } from "./kinds.mjs";
import { browser } from "./open.mjs";
import { git } from "../githost/git.mjs";
import { SCREENS, pkg } from "./screens.mjs";
import { shop } from "./shop.mjs";
const [world, store] = await Promise.all([browser(), shop()]);
const all = (await git(store.bare, ["log", "--format=%H", "state"])).trim().split("\n");
const early = all[Math.floor(all.length * 0.75)], late = all[3];
const releases = ["backend/@r1","backend/@r4","payments/@r1","frontend/@r1","frontend/@r2","network/@r1","search/@r1"].map((t) => { const [n, r] = t.split("/"); return { name: t, query: { view: "release", ref: `${pkg(n)}/${r}` } }; });
const only = process.argv[2];
for (const [kind, make] of [["anon", () => onGithub(store, { token: null })], ["github", () => onGithub(store)], ["gitlab", () => onGitlab(store)], ["local", () => onLocal(store)]]) {
  if (only && only !== kind) continue;
  const place = await make();
  for (const at of [null, late, early]) {
    for (const screen of [...SCREENS, ...releases]) {
      const query = { ...screen.query, ...(at ? { at } : {}) };
      await world.open(place.at(query, { expect: [/^404: /] }), async (page, problems) => {
        await settled(page).catch(() => {});
        await page.waitForTimeout(700);
        const bad = problems.filter((p) => /^\d+:/.test(p));
        for (const p of new Set(bad)) console.log(kind, at?.slice(0,7) ?? "now", screen.name, p.replace(/http:\/\/[^/]*/, ""));
      }).catch((e) => console.log(kind, at?.slice(0,7), screen.name, "ERR", e.message.slice(0, 200)));
    }
  }
  await place.close();
}
console.log("end");
await world.close(); await store.close(); process.exit(0);

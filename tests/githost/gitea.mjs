// A real Gitea, with repos copied into it. It is started by the same code as for the tests of CI
// (tests/src/githost), in a folder of its own, and ends with the test.
//
//     const host = await gitea({ repos: { "acme/releases": "/path/to/bare.git" }, redirects: [page] });
//     host.origin, host.api, host.token, host.user, host.password, host.clientId
//     await host.push("acme/releases");                     // what has changed since in the bare repo
//     await host.ask("POST", "/repos/acme/releases/pulls", { … });
//     await host.close();
//
// `settings` are sections of app.ini: { api: { DEFAULT_PAGING_NUM: 5 } }; `cors: false` leaves [cors] as
// it is by default, off. It counts no requests: put a proxy of faults.mjs before it, which does.
// `null` where Gitea has not been built: skip the test then. $OCUROOT_TEST_CI=required makes that a failure.

import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { git } from "./git.mjs";

export async function gitea({ repos = {}, private: hidden = [], settings = {}, cors = true, redirects } = {}) {
  if (!(await built())) {
    if (process.env.OCUROOT_TEST_CI === "required") throw new Error("no gitea on PATH; run `cargo xtask setup`");
    return null;
  }
  const allowed = cors ? { cors: { ENABLED: true, ALLOW_DOMAIN: "*", METHODS: "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS", HEADERS: "Content-Type,If-None-Match" } } : {};
  const lines = Object.entries({ ...allowed, ...settings }).flatMap(([section, values]) => [
    `[${section}]`,
    ...Object.entries(values).map(([name, value]) => `${name} = ${value}`),
  ]);
  const binary = process.env.OCUROOT_BIN;
  if (!binary) throw new Error("OCUROOT_BIN is not set; run `cargo xtask test`");
  const child = spawn(join(dirname(binary), "examples", "gitea"), lines, { stdio: ["pipe", "pipe", "pipe"] });
  const about = await firstLine(child);
  const host = { ...about, api: `${about.origin}/api/v1` };
  const ended = new Promise((resolve) => child.on("close", resolve));
  const authorization = `token ${host.token}`;

  host.ask = async (method, path, body) => {
    const headers = { authorization, "content-type": "application/json" };
    const answer = await fetch(host.api + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  host.push = (name) =>
    git(repos[name], ["-c", `http.${host.origin}/.extraheader=Authorization: ${authorization}`, "push", "-q", "--force", "--prune", `${host.origin}/${name}.git`, "refs/heads/*:refs/heads/*"]);
  host.tokenWith = async (scopes, name = scopes.join(" ")) => {
    const basic = Buffer.from(`${host.user}:${host.password}`).toString("base64");
    const headers = { authorization: `Basic ${basic}`, "content-type": "application/json" };
    const answer = await fetch(`${host.api}/users/${host.user}/tokens`, { method: "POST", headers, body: JSON.stringify({ name, scopes }) });
    return (await answer.json()).sha1;
  };
  host.close = () => {
    child.stdin.end();
    return ended;
  };

  try {
    for (const owner of new Set(Object.keys(repos).map((name) => name.split("/")[0]))) {
      await host.ask("POST", "/orgs", { username: owner, visibility: "public" });
    }
    for (const [name, path] of Object.entries(repos)) {
      const [owner, repo] = name.split("/");
      const branch = (await git(path, ["symbolic-ref", "--short", "HEAD"])).trim();
      await host.ask("POST", `/orgs/${owner}/repos`, { name: repo, private: hidden.includes(name), default_branch: branch });
      await host.push(name);
    }
    if (redirects) {
      const app = await host.ask("POST", "/user/applications/oauth2", { name: "dashboard", redirect_uris: redirects, confidential_client: false });
      host.clientId = app.client_id;
    }
  } catch (error) {
    await host.close();
    throw error;
  }
  return host;
}

async function built() {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (await access(join(folder, "gitea")).then(() => true, () => false)) return true;
  }
  return false;
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    let out = "";
    let err = "";
    child.stderr.on("data", (chunk) => (err += chunk));
    child.stdout.on("data", (chunk) => {
      out += chunk;
      if (out.includes("\n")) resolve(JSON.parse(out));
    });
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(`gitea: exit ${code}\n${err}`)));
  });
}

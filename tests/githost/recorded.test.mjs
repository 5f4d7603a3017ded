// The answers that core's tests of hosts play (core/tests/recorded) have the shapes that the hosts publish.

import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { buildSchema, parse, validate } from "graphql";
import { giteaAnswers, githubAnswers, githubGraphql } from "./published.mjs";

const root = new URL("../../core/tests/recorded/", import.meta.url);

async function recorded(host) {
  const names = (await readdir(new URL(`${host}/`, root))).sort();
  return Promise.all(
    names.map(async (name) => ({ name, ...JSON.parse(await readFile(new URL(`${host}/${name}`, root))) })),
  );
}

// The path of the description that a path is one of; the hosts name some parameters differently.
const described = (commit, file) => [
  [/^\/user$/, "/user"],
  [/^\/version$/, "/version"],
  [/^\/settings\/api$/, "/settings/api"],
  [/^\/repos\/[^/]+\/[^/]+$/, "/repos/{owner}/{repo}"],
  [/\/branches\/.+$/, "/repos/{owner}/{repo}/branches/{branch}"],
  [/\/git\/commits\/[^/]+$/, `/repos/{owner}/{repo}/git/commits/{${commit}}`],
  [/\/git\/trees\/[^/]+$/, `/repos/{owner}/{repo}/git/trees/{${commit === "sha" ? "sha" : "tree_sha"}}`],
  [/\/git\/blobs\/[^/]+$/, `/repos/{owner}/{repo}/git/blobs/{${file}}`],
  [/\/compare\/.+$/, "/repos/{owner}/{repo}/compare/{basehead}"],
  [/\/contents\/.+$/, "/repos/{owner}/{repo}/contents/{path}"],
  [/\/commits$/, "/repos/{owner}/{repo}/commits"],
  [/\/pulls$/, "/repos/{owner}/{repo}/pulls"],
  [/\/file-contents$/, "/repos/{owner}/{repo}/file-contents"],
];

async function compare(host, check, paths, undescribed) {
  let checked = 0;
  for (const { name, request, status, body } of await recorded(host)) {
    const [path] = request.path.split("?");
    if (status !== 200 || undescribed.some((pattern) => pattern.test(path))) continue;
    const found = paths.find(([pattern]) => pattern.test(path));
    if (!found) throw new Error(`${host}/${name}: no description is named for ${path}`);
    try {
      check(found[1], 200, body, request.method.toLowerCase());
    } catch (error) {
      throw new Error(`${host}/${name}: ${error.message}`);
    }
    checked += 1;
  }
  if (checked < 10) throw new Error(`only ${checked} answers were checked`);
}

test("GitHub's REST answers", async () => {
  await compare("github", await githubAnswers(), described("commit_sha", "file_sha"), [/^\/graphql$/]);
});

// Gitea's description is a template in what `cargo xtask setup` builds it from.
test("Gitea's answers", async (t) => {
  const tools = new URL("../../target/tools/", import.meta.url);
  const gitea = (await readdir(tools).catch(() => [])).find((name) => /^gitea-\d/.test(name));
  if (!gitea) return t.skip("there is no Gitea; `cargo xtask setup` builds it");
  const template = await readFile(new URL(`${gitea}/share/templates/swagger/v1_json.tmpl`, tools), "utf8");
  const check = giteaAnswers(JSON.parse(template.replaceAll(/\{\{.*?\}\}/g, "")));
  // Forgejo's, and what is null where there is no file, which the description does not say.
  await compare("gitea", check, described("sha", "sha"), [/\/git\/blobs$/, /\/file-contents$/]);
});

// As core/src/hosts/github.rs writes it.
test("GitHub's GraphQL knows the query for files", () => {
  const query = `query($o:String!,$n:String!,$v0:GitObjectID!,$v1:String!){repository(owner:$o,name:$n){
    f0:object(oid:$v0){...b}f1:object(expression:$v1){...b}}}fragment b on Blob{oid text isTruncated}`;
  const errors = validate(buildSchema(githubGraphql(), { assumeValid: true, assumeValidSDL: true }), parse(query));
  if (errors.length) throw errors[0];
});

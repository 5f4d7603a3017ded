// The hosts' published descriptions of their APIs, to check answers with.
//
//     const check = await githubAnswers();
//     check("/repos/{owner}/{repo}/git/trees/{tree_sha}", 200, body);   // throws what is wrong
//
// GitHub's come from npm (`@octokit/openapi`, `@octokit/graphql-schema`), Gitea's is what a running
// Gitea serves at /swagger.v1.json.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { schema as github } from "@octokit/graphql-schema";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";

const require = createRequire(import.meta.url);

export async function githubAnswers() {
  const path = require.resolve("@octokit/openapi/generated/api.github.com.json");
  return answers(JSON.parse(await readFile(path, "utf8")), (response) => response.content?.["application/json"]?.schema);
}

// The text of GitHub's GraphQL schema.
export function githubGraphql() {
  return github.idl;
}

// For Swagger 2, as Gitea has it. It does not tell that what is empty is null (a user has no address for
// those who may not see it, a file is no link), so that is allowed everywhere.
export function giteaAnswers(description) {
  const definitions = Object.entries(description.definitions).map(([name, { properties, ...schema }]) => {
    const members = Object.entries(properties ?? {}).map(([name, { format: _, ...member }]) => [name, { ...member, nullable: true }]);
    return [name, properties ? { ...schema, properties: Object.fromEntries(members) } : schema];
  });
  return answers({ ...description, definitions: Object.fromEntries(definitions) }, (response) => response.schema);
}

// Checks a value against a schema of one's own.
export function checker(schema) {
  const validate = ajv().compile(schema);
  return (value, what) => {
    if (!validate(value)) throw new Error(`${what}: ${explain(validate.errors)}`);
  };
}

function answers(description, schemaOf) {
  const all = ajv();
  all.addSchema(nullable(description), "api");
  const compiled = new Map();
  return (path, status, body, method = "get") => {
    const key = `${method} ${path} ${status}`;
    if (!compiled.has(key)) compiled.set(key, compile(key));
    const validate = compiled.get(key);
    if (!validate(body)) throw new Error(`${key}: ${explain(validate.errors)}`);
  };

  function compile(key) {
    const [method, path, status] = key.split(" ");
    let pointer = ["paths", path, method, "responses", status];
    let response = pointer.reduce((value, name) => value?.[name], description);
    if (response?.$ref) {
      pointer = response.$ref.slice(2).split("/");
      response = pointer.reduce((value, name) => value?.[name], description);
    }
    const schema = response && schemaOf(response);
    if (!schema) throw new Error(`no such answer is described: ${key}`);
    pointer.push(...(response.content ? ["content", "application/json", "schema"] : ["schema"]));
    const ref = pointer.map((name) => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/");
    return all.compile({ $ref: `api#/${ref}` });
  }
}

function ajv() {
  const made = new Ajv({ strict: false, allErrors: true, validateSchema: false, logger: false });
  addFormats(made);
  return made;
}

// OpenAPI 3.0 says `nullable`; JSON Schema has a type for it.
function nullable(value) {
  if (Array.isArray(value)) return value.map(nullable);
  if (!value || typeof value !== "object") return value;
  const copy = {};
  for (const [name, member] of Object.entries(value)) copy[name] = nullable(member);
  if (copy.nullable !== true) return copy;
  const { nullable: _, ...rest } = copy;
  return { anyOf: [rest, { type: "null" }] };
}

function explain(errors) {
  return errors
    .slice(0, 8)
    .map(({ instancePath, message, params }) => `${instancePath || "/"} ${message} ${JSON.stringify(params)}`)
    .join("\n  ");
}

// What the emulated hosts have in common: a server on loopback, routes, a latency, a count of what
// was asked, and answers whose headers a page of another origin may read.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

// `routes`: [["GET /repos/:owner/:repo/git/trees/:sha", "tree", handler], …], where `*name` at the
// end takes the rest of the path. A handler gets { params, query, headers, body, url } and returns
// `answer(…)`. The second word is the kind under which requests are counted.
export async function listen({ port = 0, latencyMs = 0, routes, around, cors, missing, requests = [] }) {
  const compiled = routes.map(([pattern, kind, handle]) => ({ ...compile(pattern), kind, handle }));
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    if (url.pathname === "/_emulator/requests") return control(request, response, requests);
    const seen = { kind: "preflight", method: request.method, url: request.url, status: 0 };
    seen.authorized = Boolean(request.headers.authorization ?? request.headers["private-token"]);
    requests.push(seen);
    host.mostAtOnce = Math.max(host.mostAtOnce, ++host.atOnce);
    let result;
    try {
      const body = await read(request);
      const { latency = latencyMs } = host;
      if (latency) await new Promise((resolve) => setTimeout(resolve, latency));
      result = cors.preflight(request);
      if (!result) {
        const found = route(compiled, request.method, url.pathname);
        seen.kind = found?.kind ?? "unknown";
        const ask = {
          ...(found?.ask ?? {}),
          kind: seen.kind,
          method: request.method,
          query: url.searchParams,
          headers: request.headers,
          url,
          body,
        };
        result = await around(ask, () => (found ? found.handle(ask) : missing(ask)));
        seen.kind = ask.kind;
        result.headers = { ...result.headers, ...cors.headers(request, ask) };
      }
    } catch (error) {
      result = answer(500, { message: `the emulator failed: ${error.stack}` });
    }
    host.atOnce--;
    seen.status = result.status;
    response.writeHead(result.status, { "content-length": result.body.length, ...result.headers });
    response.end(request.method === "HEAD" ? undefined : result.body);
  });
  const host = {
    server,
    requests,
    latency: latencyMs,
    atOnce: 0,
    // The most requests that have been under way at the same time.
    mostAtOnce: 0,
    // How often each kind was asked since the last `reset`.
    counts() {
      const counts = {};
      for (const { kind } of requests) counts[kind] = (counts[kind] ?? 0) + 1;
      return counts;
    },
    reset() {
      requests.length = 0;
      host.mostAtOnce = host.atOnce;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  host.origin = `http://127.0.0.1:${server.address().port}`;
  return host;
}

// An object becomes JSON, `null` no body at all.
export function answer(status, body, headers = {}) {
  if (body === null || body === undefined) return { status, headers, body: Buffer.alloc(0) };
  if (typeof body === "string" || Buffer.isBuffer(body)) return { status, headers, body: Buffer.from(body) };
  const type = { "content-type": "application/json; charset=utf-8" };
  return { status, headers: { ...type, ...headers }, body: Buffer.from(JSON.stringify(body)) };
}

// Adds an ETag to what was found, and says 304 to those who have it.
export function conditional(ask, result, salt = "") {
  if (ask.method !== "GET" || result.status !== 200) return result;
  const etag = `W/"${createHash("sha256").update(salt).update(result.body).digest("hex")}"`;
  result.headers = { ...result.headers, etag };
  const asked = ask.headers["if-none-match"]?.split(/, */) ?? [];
  if (!asked.some((tag) => tag.replace(/^W\//, "") === etag.slice(2))) return result;
  const { "content-type": _, ...headers } = result.headers;
  return answer(304, null, headers);
}

// `<url>; rel="next", …` for what is there of { next, prev, first, last }.
export function links(pages) {
  const parts = Object.entries(pages).filter(([, url]) => url);
  return parts.length ? { link: parts.map(([rel, url]) => `<${url}>; rel="${rel}"`).join(", ") } : {};
}

// The URL that was asked for, with other values in the query.
export function withQuery(url, values) {
  const changed = new URL(url);
  for (const [name, value] of Object.entries(values)) changed.searchParams.set(name, value);
  return changed.href;
}

function compile(pattern) {
  const [method, path] = pattern.split(" ");
  const source = path
    .replace(/[.+?^$()|[\]]/g, "\\$&")
    .replace(/\/\*(\w+)/g, "(?:/(?<$1>.*))?")
    .replace(/:(\w+)/g, "(?<$1>[^/]+)");
  return { method, pattern: new RegExp(`^${source}$`) };
}

function route(routes, method, path) {
  const asked = method === "HEAD" ? "GET" : method;
  for (const { pattern, kind, handle, method: wanted } of routes) {
    const match = asked === wanted && path.match(pattern);
    if (!match) continue;
    const params = {};
    try {
      for (const [name, value] of Object.entries(match.groups ?? {})) params[name] = decodeURIComponent(value ?? "");
    } catch {
      return undefined;
    }
    return { kind, handle, ask: { params } };
  }
  return undefined;
}

function control(request, response, requests) {
  if (request.method === "DELETE") requests.length = 0;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(requests));
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

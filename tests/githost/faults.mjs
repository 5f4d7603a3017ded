// A proxy before a git host, emulated or real, that makes go wrong what a test says:
//
//     const proxy = await faults(host.origin);
//     proxy.on(/git\/trees/, fault.status(502), { nth: 2 });   // the second request for a tree
//     proxy.on("graphql", fault.rateLimited({ retryAfter: 30 }), { times: 1 });
//     const gate = fault.held();
//     proxy.on(/branches/, gate);       // … look at the page while it waits …
//     gate.release();
//     proxy.clear();                    // all is well again
//     await proxy.down();               // connection refused, until `up()`
//
// `proxy.origin` stands for the host's, `proxy.requests` is what came, as `METHOD /path?query`. A pattern is a RegExp or a piece of `METHOD /path?query`, and
// the last rule that fits counts. Preflights pass, unless a pattern names OPTIONS. What is refused
// keeps the host's CORS headers, as the hosts do it; `{ cors: false }` is how gateways before them do.

import { createServer, request as ask } from "node:http";

export async function faults(target, { latencyMs = 0 } = {}) {
  const upstream = new URL(target);
  const rules = [];
  const requests = [];
  const sockets = new Set();
  const seen = { origin: "", latency: latencyMs };

  const serve = async (request, response) => {
    const name = `${request.method} ${request.url}`;
    requests.push(name);
    const rule = rules.findLast((rule) => rule.fits(name));
    const body = await read(request);
    if (seen.latency) await new Promise((resolve) => setTimeout(resolve, seen.latency));
    const pass = () => forward(upstream, request, body, seen.origin);
    const write = ({ status, headers, body }) => {
      response.writeHead(status, { ...headers, "content-length": body.length });
      response.end(body);
    };
    try {
      if (rule) {
        rule.hits.push(name);
        await rule.fault({ request, response, pass, write });
      } else write(await pass());
    } catch (error) {
      if (!response.headersSent) write({ status: 502, headers: {}, body: Buffer.from(`no host: ${error.message}`) });
    }
  };

  let server;
  let port = 0;
  const up = async () => {
    server = createServer(serve);
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise((resolve, reject) => {
      server.on("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    port = server.address().port;
  };
  const down = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  await up();
  seen.origin = `http://127.0.0.1:${port}`;

  return {
    origin: seen.origin,
    requests,
    setLatency: (ms) => (seen.latency = ms),
    // `nth`: only the nth request that fits, from 1 on. `times`: only the first ones. Returns the
    // requests that it hits.
    on(pattern, fault, { nth, times = Infinity } = {}) {
      let count = 0;
      const matches = (name) => (pattern instanceof RegExp ? pattern.test(name) : name.includes(pattern));
      const explicit = String(pattern).includes("OPTIONS");
      const fits = (name) => {
        if ((name.startsWith("OPTIONS") && !explicit) || !matches(name)) return false;
        count++;
        return nth === undefined ? count <= times : count === nth;
      };
      const rule = { fits, fault, hits: [] };
      rules.push(rule);
      return rule.hits;
    },
    clear: () => (rules.length = 0),
    down,
    up,
    close: down,
  };
}

// Words of the hosts for a status.
const MESSAGES = {
  401: "Bad credentials",
  403: "Resource not accessible by personal access token",
  404: "Not Found",
  409: "Git Repository is empty.",
  422: "Validation Failed",
  429: "Too Many Requests",
  500: "Server Error",
  502: "Server Error",
  503: "Service Unavailable",
};

export const fault = {
  // Another status than what would have come, with the host's kind of body.
  status(status, { message = MESSAGES[status] ?? "Error", headers = {}, cors = true } = {}) {
    return instead(() => ({ status, headers, body: JSON.stringify({ message, status: String(status) }) }), cors);
  },

  // 403 or 429: `retryAfter` in seconds, or `reset` as the time when there is more, in seconds.
  // Neither: the secondary limit, which says no time.
  rateLimited({ status = 403, retryAfter, reset, cors = true } = {}) {
    const headers = {};
    if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
    if (reset !== undefined) {
      Object.assign(headers, { "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) });
    }
    const message = reset === undefined ? "You have exceeded a secondary rate limit. Please wait a few minutes before you try again." : "API rate limit exceeded for 127.0.0.1.";
    return fault.status(status, { message, headers, cors });
  },

  // Waits, however long it takes, until the test calls `release()`. `waiting` resolves when the first
  // request has come.
  held() {
    let release;
    let arrived;
    const released = new Promise((resolve) => (release = resolve));
    const waiting = new Promise((resolve) => (arrived = resolve));
    const held = async ({ pass, write }) => {
      arrived();
      await released;
      write(await pass());
    };
    return Object.assign(held, { release, waiting });
  },

  // Ends the connection after some of the body.
  cut({ bytes } = {}) {
    return async ({ pass, response }) => {
      const { status, headers, body } = await pass();
      const some = Math.min(bytes ?? Math.floor(body.length / 2), Math.max(0, body.length - 1));
      response.writeHead(status, { ...headers, "content-length": body.length });
      response.write(body.subarray(0, some), () => response.destroy());
    };
  },

  // Ends the connection without a word.
  reset: () => async ({ response }) => response.destroy(),

  // A tree of which a part is missing, as for one that is too large.
  truncated({ entries = 1 } = {}) {
    return changed((value) => (Array.isArray(value?.tree) ? { ...value, tree: value.tree.slice(0, entries), truncated: true } : value));
  },

  // Status 200, and yet no answer: a login page of a proxy in between.
  html: ({ cors = true } = {}) =>
    instead(() => ({ status: 200, headers: { "content-type": "text/html" }, body: "<!doctype html><title>Log in</title><script>window.ran = true</script><p>Log in to the network." }), cors),

  invalidJson: () => instead(() => ({ status: 200, headers: { "content-type": "application/json" }, body: '{"tree": [{"path": ' })),

  // Valid JSON of another shape.
  shape: (value) => instead(() => ({ status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) })),

  // The host's own answer, with its JSON changed by a function.
  changed,
};

// Every way to fail that has no parameters, with its name, for tests that go through all of them.
export const EVERY_FAULT = [
  ["401", fault.status(401)],
  ["403", fault.status(403)],
  ["403 with retry-after", fault.rateLimited({ retryAfter: 30 })],
  ["403 with x-ratelimit-reset", fault.rateLimited({ reset: 4_000_000_000 })],
  ["403 that names no time", fault.rateLimited()],
  ["404", fault.status(404)],
  ["409", fault.status(409)],
  ["422", fault.status(422)],
  ["429 with retry-after", fault.rateLimited({ status: 429, retryAfter: 30 })],
  ["429 of a gateway, without CORS", fault.rateLimited({ status: 429, retryAfter: 30, cors: false })],
  ["500", fault.status(500)],
  ["502 of a gateway, without CORS", fault.status(502, { cors: false })],
  ["503", fault.status(503)],
  ["cut off", fault.cut()],
  ["connection reset", fault.reset()],
  ["HTML with status 200", fault.html()],
  ["invalid JSON", fault.invalidJson()],
  ["an empty object", fault.shape({})],
  ["an empty list", fault.shape([])],
  ["null", fault.shape(null)],
  ["a list of wrong things", fault.shape([{ path: 5, type: "soup", sha: null }, null, "x"])],
  ["an object of wrong things", fault.shape({ tree: "x", sha: 5, commit: [], data: { repository: 1 }, object: null, content: {} })],
];

function instead(make, cors = true) {
  return async ({ pass, write }) => {
    const { headers: theirs } = await pass();
    const kept = Object.entries(theirs).filter(([name]) => cors && name.startsWith("access-control-"));
    const { status, headers, body } = make();
    const type = { "content-type": "application/json; charset=utf-8" };
    write({ status, headers: { ...type, ...Object.fromEntries(kept), ...headers }, body: Buffer.from(body) });
  };
}

function changed(change) {
  return async ({ pass, write }) => {
    const { status, headers, body } = await pass();
    const { etag: _, ...rest } = headers;
    write({ status, headers: rest, body: Buffer.from(JSON.stringify(change(JSON.parse(body.toString("utf8"))))) });
  };
}

// Asks the host itself. It sees the name that the client used; where it writes its own into Link or
// Location all the same, the proxy's takes its place, so that a client stays on this way.
function forward(upstream, request, body, origin) {
  return new Promise((resolve, reject) => {
    const { connection: _, ...headers } = request.headers;
    const options = { host: upstream.hostname, port: upstream.port, method: request.method, path: request.url, headers };
    const call = ask(options, async (answer) => {
      const { connection: _, "keep-alive": __, "transfer-encoding": ___, "content-length": ____, ...theirs } = answer.headers;
      for (const name of ["link", "location"]) {
        if (theirs[name]) theirs[name] = theirs[name].replaceAll(upstream.origin, origin);
      }
      resolve({ status: answer.statusCode, headers: theirs, body: await read(answer) });
    });
    call.on("error", reject);
    call.end(body);
  });
}

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// Serves a folder of static files on loopback, as any static host would: below some path. `files` are
// more files, or other ones: { "stores.json": "…" }; `headers` go with every answer.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const types = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export async function serve(folder, { base = "/some/folder/", files = {}, headers = {} } = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const name = pathname.slice(base.length) || "index.html";
    try {
      if (!pathname.startsWith(base) || name.includes("..")) throw new Error("not ours");
      const body = files[name] ?? (await readFile(join(folder, name)));
      response.writeHead(200, { "content-type": types[extname(name)] ?? "application/octet-stream", ...headers });
      response.end(body);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    url: origin + base,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

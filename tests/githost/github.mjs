// GitHub, as far as the dashboard asks it: the REST API, GraphQL, and the server of raw files.
//
//     const host = await github({
//       repos: { "acme/releases": "/path/to/bare.git", "acme/secret": { path: "…", private: true } },
//       tokens: { "ghp_ada": { login: "ada" } },   // `repos: ["acme/releases"]` narrows what it sees
//       latencyMs: 20,
//     });
//     host.api, host.raw, host.origin, host.requests, host.counts(), host.reset(), host.close()
//
// `api` answers REST at its root and at /api/v3, as an Enterprise server does, and GraphQL at
// /graphql and /api/graphql. Shapes are checked against GitHub's description of its API
// (github.test.mjs); limits, headers and refusals are as its documentation has them.

import { createHash } from "node:crypto";
import { Repo } from "./git.mjs";
import { GraphqlError, execute } from "./graphql.mjs";
import { answer, conditional, links, listen, withQuery } from "./server.mjs";

const DOCS = "https://docs.github.com/rest";

// https://docs.github.com/rest/using-the-rest-api/using-cors-and-jsonp-to-make-cross-origin-requests
const EXPOSED =
  "ETag, Link, Location, Retry-After, X-GitHub-OTP, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Used, X-RateLimit-Resource, X-RateLimit-Reset, X-OAuth-Scopes, X-Accepted-OAuth-Scopes, X-Poll-Interval, X-GitHub-Media-Type, X-GitHub-SSO, X-GitHub-Request-Id, Deprecation, Sunset";
const ACCEPTED =
  "Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since, Accept-Encoding, X-GitHub-OTP, X-Requested-With, User-Agent, GraphQL-Features, X-GitHub-Api-Version";

export const LIMITS = {
  // Requests an hour, by https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
  anonymousRate: 60,
  tokenRate: 5000,
  // A recursive listing: https://docs.github.com/rest/git/trees
  treeEntries: 100_000,
  treeBytes: 7_000_000,
  // A folder at /contents, and the size of a file that it answers with its content.
  contentsEntries: 1000,
  contentsBytes: 1_000_000,
  // What GraphQL gives of a text, and the size from which it gives nothing.
  textBytes: 512_000,
  blobBytes: 10_000_000,
};

export async function github({ repos, tokens = { ghp_test: { login: "ada" } }, port, rawPort, latencyMs, limits }) {
  const world = new World(repos, tokens, { ...LIMITS, ...limits });
  const api = await listen({ port, latencyMs, routes: routes(world), around: around(world), missing, cors });
  const raw = await listen({
    port: rawPort,
    latencyMs,
    routes: rawRoutes(world),
    around: (_, run) => run(),
    missing: noFile,
    cors: rawCors,
    requests: api.requests,
  });
  return {
    origin: api.origin,
    api: api.origin,
    raw: raw.origin,
    // Of both servers, in the order in which they came: [{ kind, method, url, status, authorized }].
    requests: api.requests,
    counts: api.counts,
    reset: api.reset,
    mostAtOnce: () => api.mostAtOnce,
    setLatency(ms) {
      api.latency = ms;
      raw.latency = ms;
    },
    // A full hour's requests again, for everybody.
    refill: () => world.used.clear(),
    limits: world.limits,
    // `repo("acme/releases").pulls.push({ head, base, title, … })`: see `pull` for what it may have.
    repo: (name) => world.repos.get(name.toLowerCase()),
    async close() {
      await Promise.all([api.close(), raw.close()]);
      await Promise.all([...world.repos.values()].map(({ git }) => git.close()));
    },
  };
}

class World {
  constructor(repos, tokens, limits) {
    this.tokens = new Map(Object.entries(tokens));
    this.limits = limits;
    this.used = new Map();
    this.repos = new Map();
    let id = 1000;
    for (const [name, given] of Object.entries(repos)) {
      const { path, ...more } = typeof given === "string" ? { path: given } : given;
      const [owner, repo] = name.split("/");
      const entry = { owner, name: repo, fullName: name, id: id++, private: false, pulls: [], ...more };
      this.repos.set(name.toLowerCase(), { ...entry, git: new Repo(path) });
    }
  }

  // The repo as far as the viewer may know of it.
  repo(owner, name, viewer) {
    const repo = this.repos.get(`${owner}/${name}`.toLowerCase());
    if (!repo) return null;
    if (!repo.private) return repo;
    return viewer && (viewer.repos?.includes(repo.fullName) ?? true) ? repo : null;
  }

  // Counts a request and says what its sender has left.
  spend(viewer, amount = 1) {
    const who = viewer?.login ?? "";
    const now = Math.floor(Date.now() / 1000);
    let hour = this.used.get(who);
    if (!hour || hour.reset <= now) this.used.set(who, (hour = { used: 0, reset: now + 3600 }));
    const limit = viewer ? this.limits.tokenRate : this.limits.anonymousRate;
    const allowed = hour.used + amount <= limit;
    if (allowed) hour.used += amount;
    return { allowed, limit, ...hour };
  }
}

function around(world) {
  return async (ask, run) => {
    const given = ask.headers.authorization;
    let viewer = null;
    if (given) {
      viewer = world.tokens.get(given.replace(/^(Bearer|token) +/i, "")) ?? null;
      if (!viewer) return refusal(401, "Bad credentials");
    }
    ask.viewer = viewer;
    ask.base = ask.url.pathname.startsWith("/api/v3/") ? `${ask.url.origin}/api/v3` : ask.url.origin;
    let rate = world.spend(viewer);
    const headers = () => ({
      "x-ratelimit-limit": String(rate.limit),
      "x-ratelimit-remaining": String(rate.limit - rate.used),
      "x-ratelimit-used": String(rate.used),
      "x-ratelimit-reset": String(rate.reset),
      "x-ratelimit-resource": ask.kind === "graphql" ? "graphql" : "core",
      "x-github-media-type": "github.v3; format=json",
      "x-content-type-options": "nosniff",
    });
    if (!rate.allowed) {
      const who = viewer ? `user ID ${userId(viewer.login)}` : "127.0.0.1";
      const more = viewer
        ? "If you reach out to GitHub Support for help, please include the request ID."
        : "(But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)";
      const result = refusal(403, `API rate limit exceeded for ${who}. ${more}`);
      return { ...result, headers: { ...result.headers, ...headers() } };
    }
    let result = await run();
    if (ask.kind !== "graphql") {
      const control = viewer ? "private, max-age=60, s-maxage=60" : "public, max-age=60, s-maxage=60";
      const vary = "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With";
      result.headers = { ...result.headers, "cache-control": control, vary };
      // An ETag belongs to a token.
      result = conditional(ask, result, given ?? "");
      // What has not changed costs those nothing who say who they are.
      if (result.status === 304 && viewer) rate = world.spend(viewer, -1);
    }
    return { ...result, headers: { ...result.headers, ...headers() } };
  };
}

function routes(world) {
  const list = [];
  const add = (path, kind, handle) => {
    list.push([`GET ${path}`, kind, handle], [`GET /api/v3${path}`, kind, handle]);
  };
  const of = (path, kind, handle) => {
    add(`/repos/:owner/:repo${path}`, kind, (ask) => {
      const repo = world.repo(ask.params.owner, ask.params.repo, ask.viewer);
      return repo ? handle(ask, repo, shapes(ask.base, repo)) : missing();
    });
  };

  add("/user", "user", ({ viewer, base }) => {
    if (!viewer) return refusal(401, "Requires authentication");
    return answer(200, publicUser(base, viewer.login));
  });
  add("/rate_limit", "rate_limit", ({ viewer }) => {
    const { limit, used, reset } = world.spend(viewer, -1);
    const core = { limit, used, remaining: limit - used, reset };
    return answer(200, { resources: { core, search: core, graphql: core }, rate: core });
  });

  of("", "repo", async (ask, repo, shape) => answer(200, await shape.repo(ask.viewer)));
  of("/branches", "branches", async (ask, repo) => {
    const names = await repo.git.branches();
    const { items, headers } = page(ask, names);
    const branches = items.map(async (name) => {
      const { id } = await repo.git.resolve(`refs/heads/${name}`);
      const url = `${ask.base}/repos/${repo.fullName}/commits/${id}`;
      return { name, commit: { sha: id, url }, protected: false };
    });
    return answer(200, await Promise.all(branches), headers);
  });
  of("/branches/*branch", "head", async (ask, repo, shape) => {
    const { branch } = ask.params;
    const commit = await repo.git.commit(`refs/heads/${branch}`);
    if (!commit) return refusal(404, "Branch not found");
    const url = `${ask.base}/repos/${repo.fullName}/branches/${branch}`;
    return answer(200, {
      name: branch,
      commit: shape.commit(commit),
      _links: { self: url, html: `https://github.com/${repo.fullName}/tree/${branch}` },
      protected: false,
      protection: { enabled: false, required_status_checks: { enforcement_level: "off", contexts: [], checks: [] } },
      protection_url: `${url}/protection`,
    });
  });
  of("/git/ref/*ref", "head", async (ask, repo, shape) => {
    const found = await repo.git.resolve(`refs/${ask.params.ref}`);
    if (!found) return missing();
    const object = { sha: found.id, type: found.type, url: `${shape.url}/git/${found.type}s/${found.id}` };
    const ref = `refs/${ask.params.ref}`;
    return answer(200, { ref, node_id: node("Ref", ref), url: `${shape.url}/git/${ref}`, object });
  });
  of("/git/trees/*sha", "tree", async (ask, repo, shape) => {
    const { sha } = ask.params;
    const tree = await repo.git.resolve(`${sha}^{tree}`);
    if (!tree) return missing();
    const asked = ask.query.get("recursive");
    const recursive = asked !== null;
    if (recursive) ask.kind = "recursive tree";
    const entries = await repo.git.listing(tree.id, { recursive });
    const list = [];
    let bytes = 0;
    for (const { path, mode, type, id, size } of entries) {
      const entry = { path, mode, type, sha: id };
      if (size !== undefined) entry.size = size;
      if (type !== "commit") entry.url = `${shape.url}/git/${type}s/${id}`;
      bytes += JSON.stringify(entry).length + 1;
      if (list.length >= world.limits.treeEntries || bytes > world.limits.treeBytes) break;
      list.push(entry);
    }
    const truncated = list.length < entries.length;
    return answer(200, { sha: tree.id, url: `${shape.url}/git/trees/${tree.id}`, tree: list, truncated });
  });
  of("/git/blobs/:sha", "blob", async (ask, repo, shape) => {
    const { sha } = ask.params;
    const body = /^[0-9a-f]{40}$/.test(sha) ? await repo.git.blob(sha) : null;
    if (!body) return missing();
    if (/\braw\b/.test(ask.headers.accept ?? "")) {
      return answer(200, body, { "content-type": "application/vnd.github.raw+json; charset=utf-8" });
    }
    const content = wrapped(body);
    const size = body.length;
    return answer(200, { sha, node_id: node("Blob", sha), size, url: `${shape.url}/git/blobs/${sha}`, content, encoding: "base64" });
  });
  of("/git/commits/:sha", "commit", async (ask, repo, shape) => {
    const { sha } = ask.params;
    if (!/^[0-9a-f]{40}$/.test(sha)) return refusal(422, "The SHA parameter must be exactly 40 characters and contain only [0-9a-f].");
    const commit = await repo.git.commit(sha);
    return commit ? answer(200, shape.gitCommit(commit)) : missing();
  });
  of("/commits", "commits", async (ask, repo, shape) => {
    const from = ask.query.get("sha") || (await repo.git.defaultBranch());
    const found = (await repo.git.commit(`refs/heads/${from}`)) ?? (await repo.git.commit(from));
    if (!found) return missing();
    const { number, size } = paging(ask);
    const path = ask.query.get("path") ?? undefined;
    const commits = await repo.git.log(found.id, { path, skip: (number - 1) * size, count: size + 1 });
    const more = commits.length > size;
    const total = more ? await repo.git.count(found.id, path) : 0;
    const last = Math.ceil(total / size);
    return answer(200, commits.slice(0, size).map((commit) => shape.commit(commit)), pageLinks(ask, number, more && last));
  });
  of("/commits/:sha/status", "status", async (ask, repo, shape) => {
    const commit = await named(repo, ask.params.sha);
    return commit ? answer(200, await shape.status(commit)) : missing();
  });
  of("/commits/:sha/check-runs", "checks", async (ask, repo, shape) => {
    const commit = await named(repo, ask.params.sha);
    return commit ? answer(200, shape.checks(commit)) : missing();
  });
  of("/commits/*sha", "commit", async (ask, repo, shape) => {
    const commit = await named(repo, ask.params.sha);
    if (!commit) return refusal(422, `No commit found for SHA: ${ask.params.sha}`);
    return answer(200, await shape.commitWithFiles(commit));
  });
  // What one has that the other had not, from where their histories part.
  of("/compare/*basehead", "compare", async (ask, repo, shape) => {
    const [base, head] = await Promise.all(ask.params.basehead.split("...").map((name) => named(repo, name)));
    return base && head ? answer(200, await shape.comparison(base, head)) : missing();
  });
  of("/contents/*path", "contents", async (ask, repo, shape) => {
    const ref = ask.query.get("ref") || (await repo.git.defaultBranch());
    const commit = await named(repo, ref);
    if (!commit) return refusal(404, `No commit found for the ref ${ref}`);
    const { path } = ask.params;
    const found = await repo.git.at(commit.id, path);
    if (!found) return missing();
    const clean = path.replace(/^\/+|\/+$/g, "");
    if (found.type === "tree") {
      const entries = (await repo.git.listing(found.id)).slice(0, world.limits.contentsEntries);
      const at = (name) => (clean ? `${clean}/${name}` : name);
      return answer(200, entries.map((entry) => shape.content(ref, at(entry.path), entry)));
    }
    if (/\braw\b/.test(ask.headers.accept ?? "")) {
      const type = "application/vnd.github.raw+json; charset=utf-8";
      return answer(200, await repo.git.blob(found.id), { "content-type": type });
    }
    const entry = shape.content(ref, clean, { ...found, type: "blob" });
    const small = found.size <= world.limits.contentsBytes;
    const content = small ? wrapped(await repo.git.blob(found.id)) : "";
    return answer(200, { ...entry, content, encoding: small ? "base64" : "none" });
  });
  of("/pulls", "pulls", async (ask, repo, shape) => {
    const state = ask.query.get("state") ?? "open";
    const base = ask.query.get("base");
    const wanted = repo.pulls.map((pull, i) => ({ number: i + 1, ...pull })).filter((pull) => {
      return (state === "all" || (pull.state ?? "open") === state) && (!base || pull.base === base);
    });
    const { items, headers } = page(ask, wanted.reverse());
    return answer(200, await Promise.all(items.map((pull) => shape.pull(pull))), headers);
  });
  const ofPull = (path, kind, handle) => {
    of(`/pulls/:number${path}`, kind, (ask, repo, shape) => {
      const number = Number(ask.params.number);
      const pull = repo.pulls[number - 1];
      return pull ? handle(ask, { number, ...pull }, shape, repo) : missing();
    });
  };
  ofPull("", "pull", async (ask, pull, shape) => answer(200, await shape.fullPull(pull)));
  ofPull("/files", "pull files", async (ask, pull, shape) => {
    const { items, headers } = page(ask, await shape.pullFiles(pull));
    return answer(200, items, headers);
  });
  ofPull("/reviews", "reviews", async (ask, pull, shape) => {
    const { items, headers } = page(ask, pull.reviews ?? []);
    return answer(200, await Promise.all(items.map((review, i) => shape.review(pull, review, i))), headers);
  });

  for (const path of ["/graphql", "/api/graphql"]) {
    list.push([`POST ${path}`, "graphql", (ask) => graphql(world, ask)]);
  }
  return list;
}

// A commit by branch, tag, or id; branches first, as GitHub does.
async function named(repo, name) {
  return (await repo.git.commit(`refs/heads/${name}`)) ?? (await repo.git.commit(name));
}

function rawRoutes(world) {
  const file = async ({ params: { owner, repo: name, rest } }) => {
    const repo = world.repo(owner, name, null);
    const parts = rest.replace(/^refs\/heads\//, "").split("/");
    // A branch's name may have slashes: the shortest that is one.
    for (let n = 1; repo && n < parts.length; n++) {
      const commit = await named(repo, parts.slice(0, n).join("/"));
      const found = commit && (await repo.git.at(commit.id, parts.slice(n).join("/")));
      if (found?.type !== "blob") continue;
      const body = await repo.git.blob(found.id);
      return answer(200, body, {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "max-age=300",
        etag: `"${createHash("sha256").update(body).digest("hex")}"`,
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      });
    }
    return noFile();
  };
  return [["GET /:owner/:repo/*rest", "raw", file]];
}

const noFile = () => answer(404, "404: Not Found", { "content-type": "text/plain; charset=utf-8" });

const missing = () => refusal(404, "Not Found");

function refusal(status, message) {
  return answer(status, { message, documentation_url: DOCS, status: String(status) });
}

const cors = {
  preflight({ method }) {
    if (method !== "OPTIONS") return null;
    return answer(204, null, {
      "access-control-allow-origin": "*",
      "access-control-allow-headers": ACCEPTED,
      "access-control-allow-methods": "GET, POST, PATCH, PUT, DELETE",
      "access-control-max-age": "86400",
      "access-control-expose-headers": EXPOSED,
    });
  },
  headers: () => ({ "access-control-allow-origin": "*", "access-control-expose-headers": EXPOSED }),
};

// Files are for anybody, but only for plain requests: what needs a preflight gets none.
const rawCors = {
  preflight: ({ method }) => (method === "OPTIONS" ? answer(403, null) : null),
  headers: () => ({ "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" }),
};

function paging(ask) {
  const number = Math.max(1, Number(ask.query.get("page")) || 1);
  const size = Math.min(100, Math.max(1, Number(ask.query.get("per_page")) || 30));
  return { number, size };
}

function pageLinks(ask, number, last) {
  const to = (page) => withQuery(ask.url, { page });
  const next = last && number < last;
  return links({
    prev: number > 1 && to(number - 1),
    next: next && to(number + 1),
    last: next && to(last),
    first: number > 1 && to(1),
  });
}

function page(ask, all) {
  const { number, size } = paging(ask);
  const items = all.slice((number - 1) * size, number * size);
  return { items, headers: pageLinks(ask, number, Math.ceil(all.length / size)) };
}

function wrapped(body) {
  return body.toString("base64").replace(/.{60}/g, "$&\n").replace(/\n?$/, "\n");
}

function node(kind, id) {
  return Buffer.from(`${kind}:${id}`).toString("base64");
}

function userId(login) {
  return createHash("sha256").update(login).digest().readUInt16BE();
}

function user(base, login) {
  const url = `${base}/users/${encodeURIComponent(login)}`;
  return {
    login,
    id: userId(login),
    node_id: node("User", login),
    avatar_url: `https://avatars.githubusercontent.com/u/${userId(login)}?v=4`,
    gravatar_id: "",
    url,
    html_url: `https://github.com/${encodeURIComponent(login)}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: "User",
    user_view_type: "public",
    site_admin: false,
  };
}

function publicUser(base, login) {
  const nothing = { company: null, location: null, hireable: null, bio: null, twitter_username: null };
  const counts = { public_repos: 1, public_gists: 0, followers: 0, following: 0 };
  const times = { created_at: "2020-01-01T00:00:00Z", updated_at: "2020-01-01T00:00:00Z" };
  return { ...user(base, login), name: login, blog: "", email: null, notification_email: null, ...nothing, ...counts, ...times };
}

// The shapes of what a repo has.
function shapes(base, repo) {
  const url = `${base}/repos/${repo.fullName}`;
  const html = `https://github.com/${repo.fullName}`;
  const person = ({ name, email, time }) => ({ name, email, date: time });
  const verification = { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null };
  const self = {
    url,

    gitCommit: (commit) => ({
      sha: commit.id,
      node_id: node("Commit", commit.id),
      url: `${url}/git/commits/${commit.id}`,
      html_url: `${html}/commit/${commit.id}`,
      author: person(commit.author),
      committer: person(commit.committer),
      tree: { sha: commit.tree, url: `${url}/git/trees/${commit.tree}` },
      message: commit.message,
      parents: commit.parents.map((sha) => ({ sha, url: `${url}/git/commits/${sha}`, html_url: `${html}/commit/${sha}` })),
      verification,
    }),

    commit: (commit) => ({
      sha: commit.id,
      node_id: node("Commit", commit.id),
      commit: {
        author: person(commit.author),
        committer: person(commit.committer),
        message: commit.message,
        tree: { sha: commit.tree, url: `${url}/git/trees/${commit.tree}` },
        url: `${url}/git/commits/${commit.id}`,
        comment_count: 0,
        verification,
      },
      url: `${url}/commits/${commit.id}`,
      html_url: `${html}/commit/${commit.id}`,
      comments_url: `${url}/commits/${commit.id}/comments`,
      author: null,
      committer: null,
      parents: commit.parents.map((sha) => ({ sha, url: `${url}/commits/${sha}`, html_url: `${html}/commit/${sha}` })),
    }),

    async commitWithFiles(commit) {
      const empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
      const changes = await repo.git.changes(commit.parents[0] ?? empty, commit.id);
      const files = await self.files(commit, changes);
      const total = files.length;
      return { ...self.commit(commit), stats: { total, additions: total, deletions: 0 }, files };
    },

    async comparison(base, head) {
      const start = await repo.git.commit(await repo.git.mergeBase(base.id, head.id));
      const [ahead, behind] = await Promise.all([[base, head], [head, base]].map(([a, b]) => repo.git.count(`${a.id}..${b.id}`)));
      const status = ahead && behind ? "diverged" : ahead ? "ahead" : behind ? "behind" : "identical";
      const between = ahead ? await repo.git.log(`${base.id}..${head.id}`, { count: 250 }) : [];
      const at = `${html}/compare/${base.id}...${head.id}`;
      return {
        url: `${url}/compare/${base.id}...${head.id}`,
        html_url: at,
        permalink_url: at,
        diff_url: `${at}.diff`,
        patch_url: `${at}.patch`,
        base_commit: self.commit(base),
        merge_base_commit: self.commit(start),
        status,
        ahead_by: ahead,
        behind_by: behind,
        total_commits: ahead,
        commits: between.reverse().map((commit) => self.commit(commit)),
        files: await self.files(head, await repo.git.changes(start.id, head.id)),
      };
    },

    files: (commit, changes) =>
      Promise.all(
        changes.slice(0, 300).map(async ({ status, path }) => {
          const found = status === "D" ? null : await repo.git.at(commit.id, path);
          const word = { A: "added", D: "removed", M: "modified" }[status] ?? "changed";
          const encoded = encodePath(path);
          return {
            sha: found?.id ?? null,
            filename: path,
            status: word,
            additions: 1,
            deletions: 0,
            changes: 1,
            blob_url: `${html}/blob/${commit.id}/${encoded}`,
            raw_url: `${html}/raw/${commit.id}/${encoded}`,
            contents_url: `${url}/contents/${encoded}?ref=${commit.id}`,
          };
        }),
      ),

    content(ref, path, { type, id, size }) {
      const word = { tree: "dir", blob: "file", commit: "submodule" }[type];
      const encoded = encodePath(path);
      const self = `${url}/contents/${encoded}?ref=${encodeURIComponent(ref)}`;
      const git = type === "commit" ? null : `${url}/git/${type}s/${id}`;
      const seen = `${html}/${type}/${ref}/${encoded}`;
      const download = type === "blob" ? `https://raw.githubusercontent.com/${repo.fullName}/${ref}/${encoded}` : null;
      return {
        name: path.split("/").at(-1),
        path,
        sha: id,
        size: type === "blob" ? size : 0,
        url: self,
        html_url: seen,
        git_url: git,
        download_url: download,
        type: word,
        _links: { self, git, html: seen },
      };
    },

    async pull(pull) {
      const number = pull.number;
      const here = `${url}/pulls/${number}`;
      const issue = `${url}/issues/${number}`;
      const head = await repo.git.resolve(`refs/heads/${pull.head}`);
      const baseHead = await repo.git.resolve(`refs/heads/${pull.base}`);
      const owner = user(base, repo.owner);
      const end = async (ref, id) => ({
        label: `${repo.owner}:${ref}`,
        ref,
        sha: id ?? "0".repeat(40),
        user: owner,
        repo: await self.repo(null),
      });
      const state = pull.state ?? "open";
      const created = pull.created ?? "2026-01-05T10:00:00Z";
      const closed = state === "open" ? null : (pull.closed ?? created);
      const link = (href) => ({ href });
      return {
        url: here,
        id: 5000 + number,
        node_id: node("PullRequest", number),
        html_url: `${html}/pull/${number}`,
        diff_url: `${html}/pull/${number}.diff`,
        patch_url: `${html}/pull/${number}.patch`,
        issue_url: issue,
        number,
        state,
        locked: false,
        title: pull.title ?? "",
        user: user(base, pull.author ?? "ada"),
        body: pull.body ?? null,
        created_at: created,
        updated_at: pull.updated ?? created,
        closed_at: closed,
        merged_at: pull.merged ?? null,
        merge_commit_sha: head?.id ?? null,
        assignee: null,
        assignees: [],
        requested_reviewers: (pull.requested ?? []).map((login) => user(base, login)),
        requested_teams: [],
        labels: [],
        milestone: null,
        draft: pull.draft ?? false,
        commits_url: `${here}/commits`,
        review_comments_url: `${here}/comments`,
        review_comment_url: `${url}/pulls/comments{/number}`,
        comments_url: `${issue}/comments`,
        statuses_url: `${url}/statuses/${head?.id}`,
        head: await end(pull.head, head?.id),
        base: await end(pull.base, baseHead?.id),
        _links: {
          self: link(here),
          html: link(`${html}/pull/${number}`),
          issue: link(issue),
          comments: link(`${issue}/comments`),
          review_comments: link(`${here}/comments`),
          review_comment: link(`${url}/pulls/comments{/number}`),
          commits: link(`${here}/commits`),
          statuses: link(`${url}/statuses/${head?.id}`),
        },
        author_association: "MEMBER",
        auto_merge: null,
        active_lock_reason: null,
      };
    },

    async fullPull(pull) {
      const files = await self.pullFiles(pull);
      const counts = { comments: 0, review_comments: 0, commits: 1, additions: files.length, deletions: 0 };
      const merge = { merged: Boolean(pull.merged), mergeable: true, rebaseable: true, mergeable_state: "clean", merged_by: null };
      return { ...(await self.pull(pull)), ...merge, ...counts, changed_files: files.length, maintainer_can_modify: false };
    },

    async pullFiles(pull) {
      const head = await repo.git.commit(`refs/heads/${pull.head}`);
      const start = await repo.git.mergeBase(`refs/heads/${pull.base}`, `refs/heads/${pull.head}`);
      return self.files(head, await repo.git.changes(start, head.id));
    },

    async review(pull, review, i) {
      const head = await repo.git.resolve(`refs/heads/${pull.head}`);
      const here = `${url}/pulls/${pull.number}`;
      return {
        id: pull.number * 100 + i,
        node_id: node("PullRequestReview", i),
        user: user(base, review.author),
        body: review.body ?? "",
        state: review.state,
        html_url: `${html}/pull/${pull.number}#pullrequestreview-${i}`,
        pull_request_url: here,
        author_association: "MEMBER",
        _links: { html: { href: `${html}/pull/${pull.number}` }, pull_request: { href: here } },
        submitted_at: review.time ?? "2026-01-05T11:00:00Z",
        commit_id: head?.id ?? null,
      };
    },

    checksOf: (commit) => repo.checks?.[commit.id] ?? [],

    async status(commit) {
      const state = { success: "success", failure: "failure", null: "pending" };
      const statuses = self.checksOf(commit).filter(({ kind }) => kind === "status").map((check, i) => ({
        url: `${url}/statuses/${commit.id}`,
        avatar_url: null,
        id: 9000 + i,
        node_id: node("Status", i),
        state: state[check.conclusion ?? null] ?? "error",
        description: check.description ?? null,
        target_url: check.url ?? null,
        context: check.name,
        created_at: commit.committer.time,
        updated_at: commit.committer.time,
      }));
      const worst = ["failure", "error", "pending"].find((word) => statuses.some(({ state }) => state === word));
      return {
        state: worst ?? (statuses.length ? "success" : "pending"),
        statuses,
        sha: commit.id,
        total_count: statuses.length,
        repository: self.minimalRepo(),
        commit_url: `${url}/commits/${commit.id}`,
        url: `${url}/commits/${commit.id}/status`,
      };
    },

    checks(commit) {
      const runs = self.checksOf(commit).filter(({ kind }) => kind !== "status").map((check, i) => ({
        id: 7000 + i,
        node_id: node("CheckRun", i),
        head_sha: commit.id,
        external_id: "",
        url: `${url}/check-runs/${7000 + i}`,
        html_url: check.url ?? `${html}/runs/${7000 + i}`,
        details_url: check.url ?? null,
        status: check.conclusion ? "completed" : "in_progress",
        conclusion: check.conclusion ?? null,
        started_at: commit.committer.time,
        completed_at: check.conclusion ? commit.committer.time : null,
        output: { title: null, summary: null, text: null, annotations_count: 0, annotations_url: `${url}/check-runs/${7000 + i}/annotations` },
        name: check.name,
        check_suite: { id: 1 },
        app: null,
        pull_requests: [],
      }));
      return { total_count: runs.length, check_runs: runs };
    },

    minimalRepo() {
      const rest = (words) => Object.fromEntries(words.map(([name, path]) => [`${name}_url`, `${url}/${path}`]));
      return {
        id: repo.id,
        node_id: node("Repository", repo.id),
        name: repo.name,
        full_name: repo.fullName,
        owner: user(base, repo.owner),
        private: repo.private,
        html_url: html,
        description: null,
        fork: false,
        url,
        ...rest([
          ["archive", "{archive_format}{/ref}"], ["assignees", "assignees{/user}"], ["blobs", "git/blobs{/sha}"],
          ["branches", "branches{/branch}"], ["collaborators", "collaborators{/collaborator}"],
          ["comments", "comments{/number}"], ["commits", "commits{/sha}"], ["compare", "compare/{base}...{head}"],
          ["contents", "contents/{+path}"], ["contributors", "contributors"], ["deployments", "deployments"],
          ["downloads", "downloads"], ["events", "events"], ["forks", "forks"], ["git_commits", "git/commits{/sha}"],
          ["git_refs", "git/refs{/sha}"], ["git_tags", "git/tags{/sha}"], ["hooks", "hooks"],
          ["issue_comment", "issues/comments{/number}"], ["issue_events", "issues/events{/number}"],
          ["issues", "issues{/number}"], ["keys", "keys{/key_id}"], ["labels", "labels{/name}"],
          ["languages", "languages"], ["merges", "merges"], ["milestones", "milestones{/number}"],
          ["notifications", "notifications{?since,all,participating}"], ["pulls", "pulls{/number}"],
          ["releases", "releases{/id}"], ["stargazers", "stargazers"], ["statuses", "statuses/{sha}"],
          ["subscribers", "subscribers"], ["subscription", "subscription"], ["tags", "tags"], ["teams", "teams"],
          ["trees", "git/trees{/sha}"],
        ]),
      };
    },

    async repo(viewer) {
      const time = "2025-01-01T00:00:00Z";
      const counts = ["forks", "forks_count", "open_issues", "open_issues_count", "stargazers_count", "watchers", "watchers_count", "network_count", "subscribers_count"];
      const may = Boolean(viewer) && (viewer.push ?? true);
      return {
        ...self.minimalRepo(),
        clone_url: `${html}.git`,
        git_url: `git://github.com/${repo.fullName}.git`,
        ssh_url: `git@github.com:${repo.fullName}.git`,
        svn_url: html,
        mirror_url: null,
        homepage: null,
        language: null,
        default_branch: await repo.git.defaultBranch(),
        size: 1,
        ...Object.fromEntries(counts.map((name) => [name, 0])),
        has_issues: true,
        has_projects: true,
        has_wiki: true,
        has_pages: false,
        has_downloads: true,
        has_discussions: false,
        archived: false,
        disabled: false,
        visibility: repo.private ? "private" : "public",
        license: null,
        pushed_at: time,
        created_at: time,
        updated_at: time,
        allow_forking: true,
        is_template: false,
        web_commit_signoff_required: false,
        topics: [],
        ...(viewer ? { permissions: { admin: false, maintain: false, push: may, triage: may, pull: true } } : {}),
      };
    },
  };
  return self;
}

function encodePath(path) {
  return path.split("/").map(encodeURIComponent).join("/");
}

// https://docs.github.com/graphql
async function graphql(world, ask) {
  if (!ask.viewer) return refusal(401, "This endpoint requires you to be authenticated.");
  let asked;
  try {
    asked = JSON.parse(ask.body.toString("utf8"));
  } catch {
    return refusal(400, "Problems parsing JSON");
  }
  return answer(200, await execute(schema(world, ask.viewer), asked));
}

// A part of GitHub's schema; github.test.mjs compares it with what GitHub publishes.
export function schema(world, viewer) {
  const object = async (repo, found) => {
    if (!found) return null;
    const __typename = { blob: "Blob", tree: "Tree", commit: "Commit", tag: "Tag" }[found.type];
    return { __typename, repo, oid: found.id, type: found.type, byteSize: found.size };
  };
  const commit = (value) => (value.commit ??= value.repo.git.commit(value.oid));
  const body = (value) => (value.body ??= value.repo.git.blob(value.oid));
  const person = ({ name, email, time }) => ({ name, email, date: time });
  const list = (nodes, first, after) => {
    const start = after ? Number(Buffer.from(after, "base64").toString()) : 0;
    const end = Math.min(nodes.length, start + (first ?? 100));
    const endCursor = end > start ? Buffer.from(String(end)).toString("base64") : null;
    return { nodes: nodes.slice(start, end), totalCount: nodes.length, pageInfo: { hasNextPage: end < nodes.length, endCursor } };
  };
  const pulls = async (repo, { states, baseRefName, first, after }) => {
    const all = repo.pulls.map((pull, i) => ({ ...pull, number: i + 1, repo }));
    const state = (pull) => (pull.merged ? "MERGED" : (pull.state ?? "open").toUpperCase());
    const wanted = all.filter((pull) => (!states || [states].flat().includes(state(pull))) && (!baseRefName || pull.base === baseRefName));
    return list(wanted.map((pull) => ({ ...pull, stateWord: state(pull) })), first, after);
  };
  const gitObject = {
    oid: {},
    abbreviatedOid: { resolve: ({ oid }) => oid.slice(0, 7) },
    id: { resolve: ({ type, oid }) => node(type, oid) },
  };
  return {
    Query: {
      viewer: { type: "User", resolve: () => viewer },
      rateLimit: { type: "RateLimit", resolve: () => {
        const { limit, used, reset } = world.spend(viewer, 0);
        return { cost: 1, limit, used, remaining: limit - used, resetAt: new Date(reset * 1000).toISOString() };
      } },
      repository: {
        type: "Repository",
        resolve(_, { owner, name }) {
          const repo = world.repo(owner, name, viewer);
          if (repo) return repo;
          const message = `Could not resolve to a Repository with the name '${owner}/${name}'.`;
          throw new GraphqlError(message, { type: "NOT_FOUND" });
        },
      },
    },
    User: { login: {}, id: { resolve: ({ login }) => node("User", login) }, name: { resolve: ({ login }) => login } },
    RateLimit: { cost: {}, limit: {}, used: {}, remaining: {}, resetAt: {} },
    Repository: {
      id: { resolve: ({ id }) => node("Repository", id) },
      name: {},
      nameWithOwner: { resolve: ({ fullName }) => fullName },
      isPrivate: { resolve: (repo) => repo.private },
      viewerPermission: { resolve: () => ((viewer.push ?? true) ? "WRITE" : "READ") },
      defaultBranchRef: { type: "Ref", async resolve(repo) {
        return { repo, qualifiedName: `refs/heads/${await repo.git.defaultBranch()}` };
      } },
      ref: { type: "Ref", async resolve(repo, { qualifiedName }) {
        const full = qualifiedName.startsWith("refs/") ? qualifiedName : `refs/heads/${qualifiedName}`;
        return (await repo.git.resolve(full)) ? { repo, qualifiedName: full } : null;
      } },
      object: { type: "GitObject", async resolve(repo, { oid, expression }) {
        if (oid !== undefined && oid !== null) {
          if (!/^[0-9a-f]{40}$/.test(oid)) {
            throw new GraphqlError(`Could not coerce value ${JSON.stringify(oid)} to GitObjectID`);
          }
          return object(repo, await repo.git.resolve(oid));
        }
        if (typeof expression !== "string") return null;
        const named = expression.startsWith("refs/") ? null : await repo.git.resolve(`refs/heads/${expression}`);
        return object(repo, named ?? (await repo.git.resolve(expression)));
      } },
      pullRequests: { type: "PullRequestConnection", resolve: pulls },
    },
    Ref: {
      name: { resolve: ({ qualifiedName }) => qualifiedName.replace(/^refs\/(heads|tags)\//, "") },
      prefix: { resolve: ({ qualifiedName }) => qualifiedName.match(/^refs\/(heads|tags)\//)[0] },
      target: { type: "GitObject", async resolve({ repo, qualifiedName }) {
        return object(repo, await repo.git.resolve(qualifiedName));
      } },
    },
    GitObject: { __possible: ["Blob", "Tree", "Commit", "Tag"], ...gitObject },
    Blob: {
      ...gitObject,
      byteSize: {},
      isBinary: { resolve: async (blob) => (await body(blob)).includes(0) },
      isTruncated: { resolve: ({ byteSize }) => byteSize > world.limits.textBytes },
      text: { async resolve(blob) {
        if (blob.byteSize > world.limits.blobBytes) throw new GraphqlError("Something went wrong while executing your query.");
        const bytes = await body(blob);
        return bytes.includes(0) ? null : bytes.subarray(0, world.limits.textBytes).toString("utf8");
      } },
    },
    Tree: {
      ...gitObject,
      entries: { type: "TreeEntry", async resolve({ repo, oid }) {
        const entries = await repo.git.listing(oid);
        return entries.map((entry) => ({ ...entry, repo }));
      } },
    },
    TreeEntry: {
      name: { resolve: ({ path }) => path },
      path: {},
      oid: { resolve: ({ id }) => id },
      type: {},
      mode: { resolve: ({ mode }) => parseInt(mode, 8) },
      size: { resolve: ({ size }) => size ?? 0 },
      object: { type: "GitObject", resolve: ({ repo, id }) => repo.git.resolve(id).then((found) => object(repo, found)) },
    },
    Tag: gitObject,
    Commit: {
      ...gitObject,
      message: { resolve: async (value) => (await commit(value)).message },
      messageHeadline: { resolve: async (value) => (await commit(value)).subject },
      committedDate: { resolve: async (value) => (await commit(value)).committer.time },
      authoredDate: { resolve: async (value) => (await commit(value)).author.time },
      author: { type: "GitActor", resolve: async (value) => person((await commit(value)).author) },
      committer: { type: "GitActor", resolve: async (value) => person((await commit(value)).committer) },
      tree: { type: "Tree", async resolve(value) {
        return object(value.repo, { id: (await commit(value)).tree, type: "tree" });
      } },
      history: { type: "CommitHistoryConnection", async resolve({ repo, oid }, { path, first = 30, after }) {
        const skip = after ? Number(after.split(" ")[1]) : 0;
        const commits = await repo.git.log(oid, { path, skip, count: first + 1 });
        const nodes = await Promise.all(commits.slice(0, first).map(({ id }) => object(repo, { id, type: "commit" })));
        const endCursor = nodes.length ? `${oid} ${skip + nodes.length}` : null;
        return { nodes, pageInfo: { hasNextPage: commits.length > first, endCursor } };
      } },
    },
    CommitHistoryConnection: { nodes: { type: "Commit" }, pageInfo: { type: "PageInfo" } },
    PageInfo: { hasNextPage: {}, endCursor: {} },
    GitActor: { name: {}, email: {}, date: {} },
    PullRequestConnection: { nodes: { type: "PullRequest" }, totalCount: {}, pageInfo: { type: "PageInfo" } },
    PullRequest: {
      number: {},
      title: { resolve: ({ title }) => title ?? "" },
      body: { resolve: ({ body: text }) => text ?? "" },
      state: { resolve: ({ stateWord }) => stateWord },
      isDraft: { resolve: ({ draft }) => draft ?? false },
      url: { resolve: ({ repo, number }) => `https://github.com/${repo.fullName}/pull/${number}` },
      createdAt: { resolve: ({ created }) => created ?? "2026-01-05T10:00:00Z" },
      headRefName: { resolve: ({ head }) => head },
      baseRefName: { resolve: ({ base }) => base },
      headRefOid: { resolve: async ({ repo, head }) => (await repo.git.resolve(`refs/heads/${head}`)).id },
      author: { type: "User", resolve: ({ author }) => ({ login: author ?? "ada" }) },
      reviewDecision: { resolve: ({ reviews = [] }) => {
        if (reviews.some(({ state }) => state === "CHANGES_REQUESTED")) return "CHANGES_REQUESTED";
        return reviews.some(({ state }) => state === "APPROVED") ? "APPROVED" : "REVIEW_REQUIRED";
      } },
      files: { type: "PullRequestChangedFileConnection", async resolve({ repo, head, base }, { first, after }) {
        const start = await repo.git.mergeBase(`refs/heads/${base}`, `refs/heads/${head}`);
        return list(await repo.git.changes(start, `refs/heads/${head}`), first, after);
      } },
    },
    PullRequestChangedFileConnection: { nodes: { type: "PullRequestChangedFile" }, totalCount: {}, pageInfo: { type: "PageInfo" } },
    PullRequestChangedFile: { path: {}, changeType: { resolve: ({ status }) => ({ A: "ADDED", D: "DELETED" })[status] ?? "MODIFIED" } },
  };
}

// GitLab, as far as the dashboard asks it: REST, GraphQL, and signing in.
//
//     const host = await gitlab({
//       repos: { "acme/shop/releases": "/path/to/bare.git", "acme/secret": { path: "…", private: true } },
//       tokens: { "glpat-ada": { username: "ada" } },
//       clients: { "page": { redirects: ["http://127.0.0.1:8080/"] } },  // OAuth applications
//     });
//     host.origin, host.api, host.requests, host.counts(), host.reset(), host.close()
//     host.expire()     // every access token that OAuth gave
//
// Documented at https://docs.gitlab.com/api/; GitLab publishes no machine-readable description of
// these answers that a registry carries, so gitlab.test.mjs has schemas made from the documented
// fields.

import { createHash, randomBytes } from "node:crypto";
import { Repo } from "./git.mjs";
import { GraphqlError, execute } from "./graphql.mjs";
import { answer, conditional, links, listen, withQuery } from "./server.mjs";

// What config/application.rb of GitLab gives to rack-cors. Retry-After and RateLimit-* are not there.
const EXPOSED =
  "ETag, Link, X-Total, X-Total-Pages, X-Per-Page, X-Page, X-Next-Page, X-Prev-Page, X-Gitlab-Blob-Id, X-Gitlab-Commit-Id, X-Gitlab-Content-Sha256, X-Gitlab-Encoding, X-Gitlab-File-Name, X-Gitlab-File-Path, X-Gitlab-Last-Commit-Id, X-Gitlab-Ref, X-Gitlab-Size, X-Request-Id, ETag";

export const LIMITS = {
  // Requests a minute of one who is signed in and of one who is not; both settings of an instance.
  anonymousRate: 500,
  tokenRate: 2000,
  // Nodes of a page of a GraphQL connection, so also how many of the paths asked for are answered.
  graphqlPage: 100,
  // More paths than this are refused.
  graphqlPaths: 100,
  // Files of a comparison: https://docs.gitlab.com/administration/diff_limits/
  comparedFiles: 1000,
  perPage: 100,
};

export async function gitlab({ repos, tokens = { "glpat-test": { username: "ada" } }, clients = {}, approve = "at once", port, latencyMs, limits }) {
  const world = new World(repos, tokens, clients, approve, { ...LIMITS, ...limits });
  const host = await listen({ port, latencyMs, routes: routes(world), around: around(world), missing, cors });
  return {
    origin: host.origin,
    api: `${host.origin}/api/v4`,
    requests: host.requests,
    counts: host.counts,
    reset: host.reset,
    mostAtOnce: () => host.mostAtOnce,
    setLatency: (ms) => (host.latency = ms),
    refill: () => world.used.clear(),
    limits: world.limits,
    // `repo("acme/releases").proposals.push({ source, target, title, … })`
    repo: (name) => world.repos.get(name.toLowerCase()),
    expire() {
      for (const token of world.tokens.values()) token.expired ||= Boolean(token.refresh);
    },
    async close() {
      await host.close();
      await Promise.all([...world.repos.values()].map(({ git }) => git.close()));
    },
  };
}

class World {
  constructor(repos, tokens, clients, approve, limits) {
    this.tokens = new Map(Object.entries(tokens).map(([token, who]) => [token, { ...who }]));
    this.clients = clients;
    this.approve = approve;
    this.limits = limits;
    this.codes = new Map();
    this.refreshes = new Map();
    this.used = new Map();
    this.repos = new Map();
    let id = 1;
    for (const [path, given] of Object.entries(repos)) {
      const { path: folder, ...more } = typeof given === "string" ? { path: given } : given;
      const repo = { fullPath: path, id: id++, private: false, proposals: [], ...more, git: new Repo(folder) };
      this.repos.set(path.toLowerCase(), repo);
    }
  }

  repo(name, viewer) {
    const byId = [...this.repos.values()].find(({ id }) => String(id) === name);
    const repo = byId ?? this.repos.get(name.toLowerCase());
    if (!repo) return null;
    if (!repo.private) return repo;
    return viewer && (viewer.repos?.includes(repo.fullPath) ?? true) ? repo : null;
  }

  spend(viewer) {
    const who = viewer?.username ?? "";
    const now = Math.floor(Date.now() / 1000);
    let minute = this.used.get(who);
    if (!minute || minute.reset <= now) this.used.set(who, (minute = { used: 0, reset: now + 60 }));
    const limit = viewer ? this.limits.tokenRate : this.limits.anonymousRate;
    const allowed = minute.used < limit;
    if (allowed) minute.used++;
    return { allowed, limit, ...minute, wait: minute.reset - now };
  }
}

function around(world) {
  return async (ask, run) => {
    if (ask.url.pathname.startsWith("/oauth/")) return run();
    const bearer = ask.headers.authorization?.match(/^Bearer +(.*)$/i)?.[1];
    const given = ask.headers["private-token"] ?? bearer;
    ask.viewer = null;
    if (given !== undefined) {
      const token = world.tokens.get(given);
      if (!token) return answer(401, { message: "401 Unauthorized" });
      if (token.expired) {
        const error = "Token is expired. You can either do re-authorization or token refresh.";
        return answer(401, { error: "invalid_token", error_description: error }, {
          "www-authenticate": `Bearer realm="Protected by OAuth 2.0", error="invalid_token", error_description="${error}"`,
        });
      }
      ask.viewer = token;
    }
    const rate = world.spend(ask.viewer);
    const headers = {
      "ratelimit-limit": String(rate.limit),
      "ratelimit-observed": String(rate.used),
      "ratelimit-remaining": String(rate.limit - rate.used),
      "ratelimit-reset": String(rate.reset),
      "x-content-type-options": "nosniff",
    };
    if (!rate.allowed) {
      return answer(429, "Retry later\n", { ...headers, "content-type": "text/plain", "retry-after": String(rate.wait) });
    }
    let result = await run();
    if (ask.kind !== "graphql") {
      result.headers = { "cache-control": "max-age=0, private, must-revalidate", vary: "Origin", ...result.headers };
      result = conditional(ask, result, given ?? "");
    }
    return { ...result, headers: { ...result.headers, ...headers } };
  };
}

const missing = () => answer(404, { error: "404 Not Found" });
const noSuch = (what) => answer(404, { message: `404 ${what} Not Found` });

function routes(world) {
  const list = [];
  const of = (path, kind, handle) => {
    list.push([`GET /api/v4/projects/:id${path}`, kind, (ask) => {
      const repo = world.repo(ask.params.id, ask.viewer);
      return repo ? handle(ask, repo, shapes(ask.url.origin, repo)) : noSuch("Project");
    }]);
  };

  list.push(["GET /api/v4/user", "user", ({ viewer, url }) => {
    if (!viewer) return answer(401, { message: "401 Unauthorized" });
    const who = person(url.origin, viewer.username);
    return answer(200, { ...who, created_at: "2020-01-01T00:00:00.000Z", bio: "", public_email: null, email: `${viewer.username}@example.org`, can_create_project: true, two_factor_enabled: true, external: false });
  }]);
  of("", "project", async (ask, repo, shape) => answer(200, await shape.project(ask.viewer)));
  of("/repository/branches", "branches", async (ask, repo, shape) => {
    const { items, headers } = page(world, ask, await repo.git.branches());
    return answer(200, await Promise.all(items.map((name) => shape.branch(name, ask.viewer))), headers);
  });
  of("/repository/branches/:branch", "head", async (ask, repo, shape) => {
    const branch = await shape.branch(ask.params.branch, ask.viewer);
    return branch ? answer(200, branch) : noSuch("Branch");
  });
  of("/repository/tree", "tree", async (ask, repo) => {
    const commit = await named(repo, ask.query.get("ref") || (await repo.git.defaultBranch()));
    const path = (ask.query.get("path") ?? "").replace(/^\/+|\/+$/g, "");
    const tree = commit && (await repo.git.at(commit.id, path));
    if (tree?.type !== "tree") return noSuch(commit ? "invalid revision or path" : "Tree");
    const recursive = ask.query.get("recursive") === "true";
    if (recursive) ask.kind = "recursive tree";
    const below = path ? `${path}/` : "";
    const all = await treesFirst(repo, tree.id, recursive);
    const entry = ({ id, path, type, mode }) => ({ id, name: path.split("/").at(-1), type, path: below + path, mode });
    if (ask.query.get("pagination") !== "keyset") {
      const { items, headers } = page(world, ask, all);
      return answer(200, items.map(entry), headers);
    }
    const size = pageSize(world, ask);
    const token = ask.query.get("page_token");
    const start = token ? after(all, token) : 0;
    if (start === null) return answer(400, { message: "400 Bad request - invalid page token" });
    const items = all.slice(start, start + size);
    const more = start + size < all.length;
    const next = more && withQuery(ask.url, { page_token: pageToken(items.at(-1)) });
    return answer(200, items.map(entry), { "x-per-page": String(size), "x-next-page": "", "x-page": "1", ...links({ next }) });
  });
  of("/repository/blobs/:sha", "blob", async (ask, repo) => {
    const body = await blob(repo, ask.params.sha);
    if (!body) return noSuch("Blob");
    return answer(200, { size: body.length, encoding: "base64", content: body.toString("base64"), sha: ask.params.sha });
  });
  of("/repository/blobs/:sha/raw", "blob", async (ask, repo) => {
    const body = await blob(repo, ask.params.sha);
    if (!body) return noSuch("Blob");
    return answer(200, body, { "content-type": "text/plain", "content-disposition": "inline" });
  });
  const file = async (ask, repo, then) => {
    const ref = ask.query.get("ref") || "HEAD";
    const commit = await named(repo, ref);
    if (!commit) return noSuch("Commit");
    const found = await repo.git.at(commit.id, ask.params.path);
    if (found?.type !== "blob") return noSuch("File");
    const body = await repo.git.blob(found.id);
    const [last] = await repo.git.log(commit.id, { path: ask.params.path, count: 1 });
    return then({
      file_name: ask.params.path.split("/").at(-1),
      file_path: ask.params.path,
      size: body.length,
      encoding: "base64",
      content_sha256: createHash("sha256").update(body).digest("hex"),
      ref,
      blob_id: found.id,
      commit_id: commit.id,
      last_commit_id: last.id,
      execute_filemode: false,
    }, body);
  };
  of("/repository/files/:path", "file", (ask, repo) =>
    file(ask, repo, (about, body) => answer(200, { ...about, content: body.toString("base64") })));
  of("/repository/files/:path/raw", "file", (ask, repo) =>
    file(ask, repo, (about, body) => {
      const headers = Object.entries(about).map(([name, value]) => [`x-gitlab-${name.replaceAll("_", "-")}`, String(value)]);
      const ascii = headers.filter(([, value]) => /^[\x20-\x7e]*$/.test(value));
      return answer(200, body, { "content-type": "text/plain", "content-disposition": "inline", ...Object.fromEntries(ascii) });
    }));
  of("/repository/commits", "commits", async (ask, repo, shape) => {
    const from = await named(repo, ask.query.get("ref_name") || (await repo.git.defaultBranch()));
    if (!from) return noSuch("Commit");
    const path = ask.query.get("path") || undefined;
    const size = pageSize(world, ask);
    const number = pageNumber(ask);
    const commits = await repo.git.log(from.id, { path, skip: (number - 1) * size, count: size + 1 });
    const more = commits.length > size;
    // GitLab does not count commits: no x-total here.
    const headers = {
      "x-page": String(number),
      "x-per-page": String(size),
      "x-next-page": more ? String(number + 1) : "",
      "x-prev-page": number > 1 ? String(number - 1) : "",
      ...links({
        prev: number > 1 && withQuery(ask.url, { page: number - 1, per_page: size }),
        next: more && withQuery(ask.url, { page: number + 1, per_page: size }),
        first: withQuery(ask.url, { page: 1, per_page: size }),
      }),
    };
    return answer(200, commits.slice(0, size).map((commit) => shape.commit(commit)), headers);
  });
  of("/repository/commits/:sha", "commit", async (ask, repo, shape) => {
    const commit = await named(repo, ask.params.sha);
    if (!commit) return noSuch("Commit");
    const stats = { additions: 1, deletions: 0, total: 1 };
    return answer(200, { ...shape.commit(commit), stats, status: null, project_id: repo.id, last_pipeline: null });
  });
  of("/repository/compare", "compare", async (ask, repo, shape) => {
    const [from, to] = await Promise.all(["from", "to"].map((name) => named(repo, ask.query.get(name) ?? "")));
    if (!from || !to) return noSuch("Ref");
    const commits = await repo.git.log(`${from.id}..${to.id}`, { count: 1000 });
    const straight = ask.query.get("straight") === "true";
    const changes = await repo.git.changes(straight ? from.id : await repo.git.mergeBase(from.id, to.id), to.id);
    const diffs = changes.slice(0, world.limits.comparedFiles).map((change) => shape.diff(change));
    return answer(200, {
      commit: commits.length ? shape.commit(to) : null,
      commits: commits.reverse().map((commit) => shape.commit(commit)),
      diffs,
      compare_timeout: false,
      compare_same_ref: from.id === to.id,
      web_url: `${ask.url.origin}/${repo.path}/-/compare/${from.id}...${to.id}`,
    });
  });
  of("/merge_requests", "proposals", async (ask, repo, shape) => {
    const state = ask.query.get("state") ?? "all";
    const target = ask.query.get("target_branch");
    const wanted = repo.proposals.map((one, i) => ({ ...one, number: i + 1 })).filter((one) => {
      return (state === "all" || (one.state ?? "opened") === state) && (!target || one.target === target);
    });
    const { items, headers } = page(world, ask, wanted.reverse(), 20);
    return answer(200, await Promise.all(items.map((one) => shape.proposal(one))), headers);
  });
  const ofProposal = (path, kind, handle) =>
    of(`/merge_requests/:number${path}`, kind, async (ask, repo, shape) => {
      const number = Number(ask.params.number);
      const one = repo.proposals[number - 1];
      return one ? handle(ask, { ...one, number }, shape, repo) : noSuch("Not found");
    });
  ofProposal("", "proposal", async (ask, one, shape) => answer(200, await shape.proposal(one)));
  ofProposal("/diffs", "proposal files", async (ask, one, shape, repo) => {
    const start = await repo.git.mergeBase(`refs/heads/${one.target}`, `refs/heads/${one.source}`);
    const changes = await repo.git.changes(start, `refs/heads/${one.source}`);
    const { items, headers } = page(world, ask, changes, 20);
    return answer(200, items.map(shape.diff), headers);
  });
  ofProposal("/approvals", "approvals", (ask, one) => {
    const approved_by = (one.approvals ?? []).map((name) => ({ user: person(ask.url.origin, name) }));
    return answer(200, { user_has_approved: false, user_can_approve: true, approved: approved_by.length > 0, approved_by });
  });
  ofProposal("/pipelines", "pipelines", async (ask, one, shape, repo) => {
    const head = await repo.git.resolve(`refs/heads/${one.source}`);
    return answer(200, (one.pipelines ?? []).map(({ status }, i) => ({
      id: one.number * 100 + i, iid: i + 1, project_id: repo.id, sha: head.id, ref: one.source, status,
      source: "merge_request_event", created_at: "2026-01-05T10:00:00.000Z", updated_at: "2026-01-05T10:00:00.000Z",
      web_url: `${ask.url.origin}/${repo.fullPath}/-/pipelines/${one.number * 100 + i}`,
    })));
  });

  list.push(["POST /api/graphql", "graphql", (ask) => graphql(world, ask)]);
  list.push(["GET /oauth/authorize", "authorize", (ask) => authorize(world, ask)]);
  list.push(["POST /oauth/authorize", "authorize", (ask) => decide(world, ask)]);
  list.push(["POST /oauth/token", "token", (ask) => token(world, ask)]);
  return list;
}

async function named(repo, name) {
  return (await repo.git.commit(`refs/heads/${name}`)) ?? (await repo.git.commit(name));
}

async function blob(repo, id) {
  return /^[0-9a-f]{40}$/.test(id) ? repo.git.blob(id) : null;
}

// Gitaly lists folders before files, below all folders too when it lists recursively. A listing is the
// same value each time, so what is made of it is kept with it.
const sorted = new WeakMap();
async function treesFirst(repo, tree, recursive) {
  const entries = await repo.git.listing(tree, { recursive });
  if (!sorted.has(entries)) {
    const of = (wanted) => entries.filter(({ type }) => type === wanted);
    sorted.set(entries, [...of("tree"), ...of("blob"), ...of("commit")]);
  }
  return sorted.get(entries);
}

// A page token is where the page before ended. To clients it is a word without a meaning.
function pageToken({ path }) {
  return Buffer.from(JSON.stringify({ file_name: path })).toString("base64");
}

const places = new WeakMap();
function after(entries, token) {
  if (!places.has(entries)) places.set(entries, new Map(entries.map(({ path }, i) => [path, i])));
  try {
    const { file_name } = JSON.parse(Buffer.from(token, "base64").toString());
    const place = places.get(entries).get(file_name);
    return place === undefined ? null : place + 1;
  } catch {
    return null;
  }
}

function pageSize(world, ask, usual = 20) {
  return Math.min(world.limits.perPage, Math.max(1, Number(ask.query.get("per_page")) || usual));
}

function pageNumber(ask) {
  return Math.max(1, Number(ask.query.get("page")) || 1);
}

function page(world, ask, all, usual) {
  const size = pageSize(world, ask, usual);
  const number = pageNumber(ask);
  const last = Math.max(1, Math.ceil(all.length / size));
  const to = (page) => withQuery(ask.url, { page, per_page: size });
  return {
    items: all.slice((number - 1) * size, number * size),
    headers: {
      "x-total": String(all.length),
      "x-total-pages": String(last),
      "x-page": String(number),
      "x-per-page": String(size),
      "x-next-page": number < last ? String(number + 1) : "",
      "x-prev-page": number > 1 ? String(number - 1) : "",
      ...links({ prev: number > 1 && to(number - 1), next: number < last && to(number + 1), first: to(1), last: to(last) }),
    },
  };
}

function person(origin, username) {
  const id = createHash("sha256").update(username).digest().readUInt16BE();
  return { id, username, name: username, state: "active", locked: false, avatar_url: null, web_url: `${origin}/${username}` };
}

function shapes(origin, repo) {
  const html = `${origin}/${repo.fullPath}`;
  const time = (text) => text.replace("Z", ".000+00:00");
  const self = {
    commit: (commit) => ({
      id: commit.id,
      short_id: commit.id.slice(0, 8),
      created_at: time(commit.committer.time),
      parent_ids: commit.parents,
      title: commit.subject,
      message: `${commit.message}\n`,
      author_name: commit.author.name,
      author_email: commit.author.email,
      authored_date: time(commit.author.time),
      committer_name: commit.committer.name,
      committer_email: commit.committer.email,
      committed_date: time(commit.committer.time),
      trailers: {},
      extended_trailers: {},
      web_url: `${html}/-/commit/${commit.id}`,
    }),

    async branch(name, viewer) {
      const commit = await repo.git.commit(`refs/heads/${name}`);
      if (!commit) return null;
      const may = Boolean(viewer) && (viewer.push ?? true);
      return {
        name,
        commit: self.commit(commit),
        merged: false,
        protected: false,
        developers_can_push: false,
        developers_can_merge: false,
        can_push: may,
        default: name === (await repo.git.defaultBranch()),
        web_url: `${html}/-/tree/${encodeURIComponent(name)}`,
      };
    },

    async project(viewer) {
      const parts = repo.fullPath.split("/");
      const name = parts.at(-1);
      const above = parts.slice(0, -1).join("/");
      const api = `${origin}/api/v4/projects/${repo.id}`;
      const level = (viewer?.push ?? true) ? 30 : 20;
      return {
        id: repo.id,
        description: null,
        name,
        name_with_namespace: parts.join(" / "),
        path: name,
        path_with_namespace: repo.fullPath,
        created_at: "2025-01-01T00:00:00.000Z",
        default_branch: await repo.git.defaultBranch(),
        tag_list: [],
        topics: [],
        ssh_url_to_repo: `git@gitlab.example.org:${repo.fullPath}.git`,
        http_url_to_repo: `${html}.git`,
        web_url: html,
        readme_url: null,
        forks_count: 0,
        avatar_url: null,
        star_count: 0,
        last_activity_at: "2025-01-01T00:00:00.000Z",
        visibility: repo.private ? "private" : "public",
        namespace: { id: 1, name: above, path: above, kind: "group", full_path: above, parent_id: null, avatar_url: null, web_url: `${origin}/groups/${above}` },
        _links: { self: api, merge_requests: `${api}/merge_requests`, repo_branches: `${api}/repository/branches`, members: `${api}/members` },
        empty_repo: false,
        archived: false,
        merge_requests_enabled: true,
        ...(viewer ? { permissions: { project_access: { access_level: level, notification_level: 3 }, group_access: null } } : {}),
      };
    },

    async proposal(one) {
      const head = await repo.git.resolve(`refs/heads/${one.source}`);
      const start = await repo.git.mergeBase(`refs/heads/${one.target}`, `refs/heads/${one.source}`);
      const base = await repo.git.resolve(`refs/heads/${one.target}`);
      const created = one.created ?? "2026-01-05T10:00:00.000Z";
      return {
        id: 5000 + one.number,
        iid: one.number,
        project_id: repo.id,
        title: one.title ?? "",
        description: one.body ?? "",
        state: one.state ?? "opened",
        created_at: created,
        updated_at: created,
        merged_by: null,
        merged_at: one.merged ?? null,
        closed_by: null,
        closed_at: null,
        target_branch: one.target,
        source_branch: one.source,
        user_notes_count: 0,
        upvotes: 0,
        downvotes: 0,
        author: person(origin, one.author ?? "ada"),
        assignees: [],
        assignee: null,
        reviewers: (one.requested ?? []).map((name) => person(origin, name)),
        source_project_id: repo.id,
        target_project_id: repo.id,
        labels: [],
        draft: one.draft ?? false,
        work_in_progress: one.draft ?? false,
        milestone: null,
        merge_when_pipeline_succeeds: false,
        merge_status: "can_be_merged",
        detailed_merge_status: one.mergeStatus ?? "mergeable",
        sha: head?.id ?? null,
        merge_commit_sha: null,
        squash_commit_sha: null,
        should_remove_source_branch: null,
        force_remove_source_branch: true,
        reference: `!${one.number}`,
        references: { short: `!${one.number}`, relative: `!${one.number}`, full: `${repo.fullPath}!${one.number}` },
        web_url: `${html}/-/merge_requests/${one.number}`,
        squash: false,
        has_conflicts: false,
        blocking_discussions_resolved: true,
        diff_refs: { base_sha: start, head_sha: head?.id, start_sha: base?.id },
      };
    },

    diff: ({ status, path }) => ({
      old_path: path,
      new_path: path,
      a_mode: status === "A" ? "0" : "100644",
      b_mode: status === "D" ? "0" : "100644",
      diff: "",
      new_file: status === "A",
      renamed_file: false,
      deleted_file: status === "D",
      generated_file: false,
      collapsed: false,
      too_large: false,
    }),
  };
  return self;
}

// https://docs.gitlab.com/api/graphql/reference/
async function graphql(world, ask) {
  let asked;
  try {
    asked = JSON.parse(ask.body.toString("utf8"));
  } catch {
    return answer(400, { errors: [{ message: "Unexpected end of document" }] });
  }
  const result = await execute(schema(world, ask.viewer), asked);
  return answer(200, result);
}

export function schema(world, viewer) {
  const list = (all, { first, after }) => {
    const start = after ? Number(Buffer.from(after, "base64").toString()) : 0;
    const end = Math.min(all.length, start + Math.min(first ?? world.limits.graphqlPage, world.limits.graphqlPage));
    const cursor = (n) => Buffer.from(String(n)).toString("base64");
    const pageInfo = { hasNextPage: end < all.length, hasPreviousPage: start > 0, startCursor: cursor(start), endCursor: cursor(end) };
    return { nodes: all.slice(start, end), pageInfo };
  };
  const at = async (repo, ref, path = "") => {
    const commit = await named(repo, ref ?? "HEAD");
    return commit && { commit, found: await repo.git.at(commit.id, path) };
  };
  const text = async ({ repo, id }) => {
    const bytes = await repo.git.blob(id);
    return bytes.includes(0) ? null : bytes.toString("utf8");
  };
  const entry = { id: { resolve: ({ id }) => `gid://gitlab/Gitlab::Git::Tree/${id}` }, sha: { resolve: ({ id }) => id }, name: { resolve: ({ path }) => path.split("/").at(-1) }, path: {}, flatPath: { resolve: ({ path }) => path }, type: {} };
  const entries = async (repo, { path = "", ref, recursive = false }) => {
    const place = await at(repo, ref, path);
    if (place?.found?.type !== "tree") return null;
    const below = path ? `${path.replace(/\/+$/, "")}/` : "";
    const found = await treesFirst(repo, place.found.id, recursive);
    return { commit: place.commit, all: found.map((one) => ({ ...one, path: below + one.path, repo })) };
  };
  const only = (type) => (value, args) => list(value.all.filter((one) => one.type === type), args);
  return {
    Query: {
      currentUser: { type: "CurrentUser", resolve: () => viewer },
      project: { type: "Project", resolve: (_, { fullPath }) => world.repo(fullPath, viewer) },
    },
    CurrentUser: { username: {}, name: { resolve: ({ username }) => username } },
    Project: {
      id: { resolve: ({ id }) => `gid://gitlab/Project/${id}` },
      fullPath: {},
      name: { resolve: ({ fullPath }) => fullPath.split("/").at(-1) },
      visibility: { resolve: (repo) => (repo.private ? "private" : "public") },
      repository: { type: "Repository", resolve: (repo) => ({ repo }) },
    },
    Repository: {
      empty: { resolve: () => false },
      exists: { resolve: () => true },
      rootRef: { resolve: ({ repo }) => repo.git.defaultBranch() },
      blobs: { type: "RepositoryBlobConnection", async resolve({ repo }, { paths, ref, ...args }) {
        if (!Array.isArray(paths)) throw new GraphqlError("Field 'blobs' is missing required arguments: paths");
        if (paths.length > world.limits.graphqlPaths) {
          throw new GraphqlError(`Too many paths: ${paths.length} of at most ${world.limits.graphqlPaths}`);
        }
        const commit = await named(repo, ref ?? "HEAD");
        if (!commit) return list([], args);
        const found = await Promise.all(paths.map((path) => repo.git.at(commit.id, path)));
        const blobs = found.map((one, i) => ({ ...one, repo, path: paths[i] }));
        return list(blobs.filter(({ type }) => type === "blob"), args);
      } },
      tree: { type: "Tree", resolve: ({ repo }, args) => entries(repo, args) },
      paginatedTree: { type: "TreeConnection", async resolve({ repo }, args) {
        const tree = await entries(repo, args);
        if (!tree) return null;
        const { nodes, pageInfo } = list(tree.all, args);
        return { nodes: [{ commit: tree.commit, all: nodes }], pageInfo };
      } },
    },
    RepositoryBlobConnection: { nodes: { type: "RepositoryBlob" }, pageInfo: { type: "PageInfo" } },
    RepositoryBlob: {
      id: { resolve: ({ id }) => `gid://gitlab/Gitlab::Git::Blob/${id}` },
      oid: { resolve: ({ id }) => id },
      path: {},
      name: { resolve: ({ path }) => path.split("/").at(-1) },
      mode: { resolve: () => "100644" },
      // A BigInt, which GitLab writes as a string.
      size: { resolve: ({ size }) => String(size) },
      rawSize: { resolve: ({ size }) => size },
      rawTextBlob: { resolve: text },
      rawBlob: { resolve: text },
      base64EncodedBlob: { resolve: async ({ repo, id }) => (await repo.git.blob(id)).toString("base64") },
    },
    Tree: {
      trees: { type: "TreeEntryConnection", resolve: only("tree") },
      blobs: { type: "BlobConnection", resolve: only("blob") },
      lastCommit: { type: "Commit", resolve: ({ commit }) => commit },
    },
    TreeConnection: { nodes: { type: "Tree" }, pageInfo: { type: "PageInfo" } },
    TreeEntryConnection: { nodes: { type: "TreeEntry" }, pageInfo: { type: "PageInfo" } },
    TreeEntry: entry,
    BlobConnection: { nodes: { type: "Blob" }, pageInfo: { type: "PageInfo" } },
    Blob: { ...entry, mode: {} },
    Commit: { sha: { resolve: ({ id }) => id }, title: { resolve: ({ subject }) => subject }, message: {}, authoredDate: { resolve: ({ author }) => author.time } },
    PageInfo: { hasNextPage: {}, hasPreviousPage: {}, startCursor: {}, endCursor: {} },
  };
}

// OAuth 2 with PKCE, https://docs.gitlab.com/api/oauth2/. Whoever opens the page is "ada".

function authorize(world, ask) {
  const asked = Object.fromEntries(ask.query);
  const client = world.clients[asked.client_id];
  const wrong = (why) => answer(400, `<!doctype html><title>Error</title><p>${why}</p>`, { "content-type": "text/html" });
  if (!client) return wrong("Client authentication failed due to unknown client");
  if (!client.redirects.includes(asked.redirect_uri)) return wrong("The redirect URI included is not valid.");
  const back = (values) => redirect(asked, values);
  if (asked.response_type !== "code") return back({ error: "unsupported_response_type" });
  if (!asked.code_challenge) return back({ error: "invalid_request", error_description: "PKCE code challenge is required" });
  if (asked.code_challenge_method !== "S256") return back({ error: "invalid_code_challenge_method" });
  if (!["api", "read_api"].includes(asked.scope)) return back({ error: "invalid_scope" });
  if (world.approve === "at once") return grant(world, asked);
  // `approve: "by hand"`: a page with the two buttons.
  const fields = Object.entries(asked)
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${value.replace(/[&<"]/g, (c) => `&#${c.charCodeAt(0)};`)}">`)
    .join("");
  const page = `<!doctype html><title>Authorize</title><form method="post">${fields}<button name="allow" value="yes">Authorize</button><button name="allow" value="no">Deny</button></form>`;
  return answer(200, page, { "content-type": "text/html" });
}

function decide(world, ask) {
  const { allow, ...asked } = Object.fromEntries(new URLSearchParams(ask.body.toString()));
  if (!world.clients[asked.client_id]?.redirects.includes(asked.redirect_uri)) return answer(400, "not asked");
  const denied = { error: "access_denied", error_description: "The resource owner or authorization server denied the request." };
  return allow === "yes" ? grant(world, asked) : redirect(asked, denied);
}

function grant(world, asked) {
  const code = randomBytes(16).toString("hex");
  world.codes.set(code, asked);
  return redirect(asked, { code });
}

function redirect({ redirect_uri, state }, values) {
  const to = new URL(redirect_uri);
  for (const [name, value] of Object.entries({ ...values, ...(state ? { state } : {}) })) to.searchParams.set(name, value);
  return answer(302, null, { location: to.href });
}

function token(world, ask) {
  const wrong = (error, description) => answer(error === "invalid_client" ? 401 : 400, { error, error_description: description });
  if (!/^application\/x-www-form-urlencoded\b/.test(ask.headers["content-type"] ?? "")) return wrong("invalid_request", "not a form");
  const asked = Object.fromEntries(new URLSearchParams(ask.body.toString()));
  if (!world.clients[asked.client_id]) return wrong("invalid_client", "Client authentication failed due to unknown client");
  const invalid = () => wrong("invalid_grant", "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.");
  if (asked.grant_type === "authorization_code") {
    const given = world.codes.get(asked.code);
    world.codes.delete(asked.code);
    if (!given || given.client_id !== asked.client_id || given.redirect_uri !== asked.redirect_uri) return invalid();
    const hash = createHash("sha256").update(asked.code_verifier ?? "").digest("base64url");
    if (hash !== given.code_challenge) return invalid();
    return issue(world, given.client_id, given.scope);
  }
  if (asked.grant_type === "refresh_token") {
    const given = world.refreshes.get(asked.refresh_token);
    if (!given || given.client !== asked.client_id) return invalid();
    // A refresh token is for once, and what it replaces is worth nothing any more.
    world.refreshes.delete(asked.refresh_token);
    world.tokens.delete(given.access);
    return issue(world, given.client, given.scope);
  }
  return wrong("unsupported_grant_type", "The authorization grant type is not supported by the authorization server.");
}

function issue(world, client, scope) {
  const [access, refresh] = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")];
  world.tokens.set(access, { username: "ada", refresh });
  world.refreshes.set(refresh, { access, client, scope });
  return answer(200, {
    access_token: access,
    token_type: "Bearer",
    expires_in: 7200,
    refresh_token: refresh,
    scope,
    created_at: Math.floor(Date.now() / 1000),
  }, { "cache-control": "no-store" });
}

const cors = {
  preflight(request) {
    if (request.method !== "OPTIONS" || !request.headers["access-control-request-method"]) return null;
    const token = /^\/oauth\/(token|revoke)/.test(request.url);
    if (!token && !request.url.startsWith("/api/")) return answer(404, null);
    return answer(200, null, {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": token ? "POST" : "GET, POST, PUT, DELETE, OPTIONS, PATCH, HEAD",
      "access-control-allow-headers": token ? "authorization" : (request.headers["access-control-request-headers"] ?? ""),
      "access-control-expose-headers": token ? "" : EXPOSED,
      "access-control-max-age": "7200",
    });
  },
  headers(request, { url }) {
    if (!request.headers.origin) return {};
    if (/^\/oauth\/(token|revoke)$/.test(url.pathname)) return { "access-control-allow-origin": "*" };
    if (!url.pathname.startsWith("/api/")) return {};
    return { "access-control-allow-origin": "*", "access-control-expose-headers": EXPOSED };
  },
};

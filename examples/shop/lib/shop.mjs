// The shop's stand-in for a cloud: ports, artefacts, and servers that are processes on this machine.
//
//   build SERVICE                                     put SERVICE's code into a folder of its own
//   reserve ENVIRONMENT SERVICE…                      a free port for each; the same ones if asked again
//   free ENVIRONMENT                                  give them back
//   start SERVICE ENVIRONMENT PORT ARTEFACT [K=V…]    start the server, replacing one that runs
//   stop SERVICE ENVIRONMENT                          end it
//   stop-all                                          end every server
//
// Each prints its answer as JSON on stdout. Everything is kept in one folder: $SHOP_RUN, else .run
// beside the repo's .git, so that a release from another worktree finds the same servers.
// While a file fail-ENVIRONMENT is in it, nothing can be started in ENVIRONMENT.
// With $SHOP_OWNER set to a process id, servers end by themselves soon after that process.

import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, open, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = fileURLToPath(import.meta.url);
const repo = dirname(dirname(here));
const git = (...words) => execFileSync("git", ["-C", repo, ...words], { encoding: "utf8" }).trim();
const run = process.env.SHOP_RUN
  ? resolve(process.env.SHOP_RUN)
  : join(dirname(resolve(repo, git("rev-parse", "--git-common-dir"))), ".run");

const commands = {
  async build(service) {
    const number = (await readFile(join(repo, service, "VERSION"), "utf8")).trim();
    const version = `${number}-${git("rev-parse", "--short", "HEAD")}`;
    const artefact = join(run, "artefacts", `${service}-${version}`);
    await mkdir(artefact, { recursive: true });
    await cp(join(repo, service, "server.mjs"), join(artefact, "server.mjs"));
    await writeFile(join(artefact, "VERSION"), version);
    return { version, artefact };
  },

  async reserve(environment, ...services) {
    const file = join(run, `network-${environment}.json`);
    if (existsSync(file)) return JSON.parse(await readFile(file, "utf8"));
    const ports = {};
    for (const service of services) ports[service] = await reservePort(`${service} ${environment}`);
    await writeFile(file, JSON.stringify(ports));
    return ports;
  },

  async free(environment) {
    const file = join(run, `network-${environment}.json`);
    if (!existsSync(file)) return {};
    const ports = JSON.parse(await readFile(file, "utf8"));
    for (const port of Object.values(ports)) await rm(join(run, "ports", `${port}`), { force: true });
    await rm(file);
    return ports;
  },

  async start(service, environment, port, artefact, ...settings) {
    const refusal = join(run, `fail-${environment}`);
    if (existsSync(refusal)) throw new Error(`${environment} takes no servers while ${refusal} exists`);
    await commands.stop(service, environment);

    const log = await open(join(run, `${service}-${environment}.log`), "a");
    const words = [here, "serve", service, environment, port, artefact, ...settings];
    const child = spawn(process.execPath, words, {
      cwd: run,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    const url = `http://127.0.0.1:${port}/`;
    for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
      const answering = await whoAnswers(url);
      if (answering === child.pid) {
        await writeFile(join(run, `${service}-${environment}.json`), JSON.stringify({ pid: child.pid, url }));
        child.unref();
        return { url };
      }
      if (answering !== undefined) break;
      await sleep(100);
    }
    child.kill("SIGKILL");
    throw new Error(`${service} does not answer at ${url}; see ${join(run, `${service}-${environment}.log`)}`);
  },

  async stop(service, environment) {
    const file = join(run, `${service}-${environment}.json`);
    if (!existsSync(file)) return { stopped: false };
    const { pid, url } = JSON.parse(await readFile(file, "utf8"));
    // A process id may have been given to somebody else since: only what answers as ours is ended.
    const ours = (await whoAnswers(url)) === pid;
    if (ours) await end(pid);
    await rm(file);
    return { stopped: ours };
  },

  async "stop-all"() {
    const stopped = [];
    for (const file of await readdir(run)) {
      const [, service, environment] = /^(backend|frontend)-(.+)\.json$/.exec(file) ?? [];
      if (service && (await commands.stop(service, environment)).stopped) stopped.push(`${service} in ${environment}`);
    }
    return { stopped };
  },

  // What `start` starts: the server itself.
  async serve(service, environment, port, artefact, ...settings) {
    const { default: answer } = await import(pathToFileURL(join(artefact, "server.mjs")));
    const version = await readFile(join(artefact, "VERSION"), "utf8");
    const about = { version, environment, settings: Object.fromEntries(settings.map(split)) };
    createServer(async (request, response) => {
      response.setHeader("x-shop-pid", process.pid);
      if (request.method === "HEAD") return response.end();
      try {
        response.end(`${await answer(about)}\n`);
      } catch (error) {
        response.statusCode = 502;
        response.end(`${service} ${version} in ${environment}: ${error.message}\n`);
      }
    }).listen(Number(port), "127.0.0.1");

    const owner = Number(process.env.SHOP_OWNER);
    if (owner) setInterval(() => alive(owner) || process.exit(), 500);
    return new Promise(() => {});
  },
};

function split(setting) {
  const at = setting.indexOf("=");
  return [setting.slice(0, at), setting.slice(at + 1)];
}

// A port that nobody listens on and that no other environment has: its file is made by one only.
async function reservePort(whose) {
  const ports = join(run, "ports");
  await mkdir(ports, { recursive: true });
  for (let tries = 0; tries < 100; tries++) {
    const port = 20000 + Math.floor(Math.random() * 10000);
    const file = join(ports, `${port}`);
    if (!(await isFree(port))) continue;
    try {
      await writeFile(file, whose, { flag: "wx" });
      return port;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
  }
  throw new Error("no free port between 20000 and 30000 in 100 tries");
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

// The process that answers at an address, 0 if it is none of ours, undefined if nobody does.
async function whoAnswers(url) {
  try {
    const response = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(2000) });
    return Number(response.headers.get("x-shop-pid") ?? 0);
  } catch {
    return undefined;
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

async function end(pid) {
  process.kill(pid, "SIGTERM");
  for (let tries = 0; tries < 50 && alive(pid); tries++) await sleep(100);
  if (alive(pid)) process.kill(pid, "SIGKILL");
}

const [name, ...words] = process.argv.slice(2);
if (!Object.hasOwn(commands, name ?? "")) {
  console.error(`no command ${name}; there are: ${Object.keys(commands).join(", ")}`);
  process.exit(2);
}
try {
  await mkdir(run, { recursive: true });
  console.log(JSON.stringify(await commands[name](...words)));
  process.exit();
} catch (error) {
  console.error(`${name}: ${error.message}`);
  process.exit(1);
}

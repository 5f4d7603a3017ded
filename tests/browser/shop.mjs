// A small shop at work: five packages in five environments, in every state that a run can be in.
//
//     const store = await shop();     // a Workshop: store.bare, store.ocuroot(…), store.close()
//
// | package  | what is there |
// | -------- | ------------- |
// | network  | one release, live everywhere; the others take its outputs |
// | backend  | r1 to r4 with tags; r3 is live in production, r4 waits for its approval there; logs in colour |
// | frontend | r2 failed in prod-eu at the second attempt; prod-us is rolled back in intent only |
// | search   | r2 runs in qa, in a process that is gone; r3 was cancelled |
// | payments | waits for custom state that nobody set, and a canary is paused; prod-us is frozen |
//
// Times are spread over the last three weeks, so that ages look like those of a real store.

import { execFileSync } from "node:child_process";
import { open, rm } from "node:fs/promises";
import { aged } from "./aged.mjs";
import { cached, workshop } from "./workshop.mjs";

export const ENVIRONMENTS = ["staging", "qa", "prod-eu", "prod-us", "prod-ap"];

const FILES = {
  "environments.ocu.star": `ocuroot("0.3.0")
register_environment(environment("staging", {"type": "test", "region": "eu-1"}))
register_environment(environment("qa", {"type": "test", "region": "eu-1", "team": "quality"}))
register_environment(environment("prod-eu", {"type": "production", "region": "eu-1"}))
register_environment(environment("prod-us", {"type": "production", "region": "us-2"}))
register_environment(environment("prod-ap", {"type": "production", "region": "ap-1"}))
`,
  "lib/shop.star": `ocuroot("0.3.0")
def test_environments():
    return [e for e in environments() if e.attributes.get("type") == "test"]
def production_environments():
    return [e for e in environments() if e.attributes.get("type") == "production"]
`,
  "network/release.ocu.star": `ocuroot("0.3.0")
def up(environment):
    print("reserving addresses in", environment["attributes"]["region"])
    return done(outputs = {"gateway": "gw." + environment["name"] + ".example.com", "ports": {"backend": 8080, "frontend": 8443}})
def down(environment):
    pass
phase("network", tasks = [deploy(e, up = up, down = down) for e in environments()])
`,
  "backend/VERSION": "1.0.0\n",
  "backend/release.ocu.star": `ocuroot("0.3.0")
load("//lib/shop.star", "test_environments", "production_environments")
def build():
    version = read("VERSION").strip()
    shell("""printf '\\\\033[1mcompiling\\\\033[0m backend\\\\n\\\\033[32m   ok\\\\033[0m core (1.2 s)\\\\n\\\\033[33m warn\\\\033[0m unused variable \\\\033[36m\`port\`\\\\033[0m\\\\n\\\\033[1;31merror\\\\033[0m only in the log\\\\n\\\\033[38;5;208m256 colours\\\\033[0m \\\\033[48;2;20;90;160mand true ones\\\\033[0m\\\\n'""")
    return done(outputs = {"version": version, "image": "registry.example.com/backend:" + version}, tags = [version])
def test(image):
    shell("for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo \\"test $n of 12: ok\\"; done")
    return done(outputs = {"passed": 12})
def up(environment, image, gateway, **more):
    print("deploying", image, "behind", gateway)
    return done(outputs = {"url": "https://backend." + environment["name"] + ".example.com", "replicas": 3})
def down(ctx):
    pass
def backend(e, more = {}):
    return deploy(e, up = up, down = down, inputs = dict({
        "image": input(ref = "./task/build#output/image"),
        "gateway": input(ref = "./-/network/release.ocu.star/@/deploy/" + e.name + "#output/gateway"),
    }, **more))
phase("build", tasks = [task(build, name = "build")])
phase("check", tasks = [task(test, name = "unit", inputs = {"image": input(ref = "./task/build#output/image")}), task(test, name = "browser", inputs = {"image": input(ref = "./task/build#output/image")})])
phase("test", tasks = [backend(e) for e in test_environments()])
phase("production", tasks = [backend(e, {"approved": input(ref = "./custom/approve")}) for e in production_environments()])
`,
  "frontend/flaky": "",
  "frontend/release.ocu.star": `ocuroot("0.3.0")
load("//lib/shop.star", "test_environments", "production_environments")
def build():
    return done(outputs = {"bundle": "frontend.tar"})
def up(environment, bundle, backend):
    print("uploading", bundle, "for", backend)
    if environment["name"] == read("flaky").strip():
        shell("echo 'connecting to edge-1.example.com'; echo 'edge-1.example.com: certificate has expired' >&2; exit 3")
    return done(outputs = {"url": "https://" + environment["name"] + ".example.com"})
def down(environment, bundle, backend):
    pass
def frontend(e):
    return deploy(e, up = up, down = down, inputs = {
        "bundle": input(ref = "./task/build#output/bundle"),
        "backend": input(ref = "./-/backend/release.ocu.star/@/deploy/" + e.name + "#output/url"),
    })
phase("build", tasks = [task(build, name = "build")])
phase("test", tasks = [frontend(e) for e in test_environments()])
phase("production", tasks = [frontend(e) for e in production_environments()])
`,
  "search/hold": "",
  "search/release.ocu.star": `ocuroot("0.3.0")
load("//lib/shop.star", "test_environments")
def index():
    return done(outputs = {"documents": 120345})
def up(environment, documents):
    if environment["name"] == read("hold").strip():
        shell("echo 'copying the index'; cat \\"$HOLD\\"")
    return done()
def down(environment, documents):
    pass
phase("index", tasks = [task(index, name = "index")])
phase("test", tasks = [deploy(e, up = up, down = down, inputs = {"documents": input(ref = "./task/index#output/documents")}) for e in test_environments()])
`,
  "payments/release.ocu.star": `ocuroot("0.3.0")
load("//lib/shop.star", "test_environments", "production_environments")
def key(provider):
    return done(outputs = {"provider": provider})
def canary(environment, image):
    print("one of four in", environment["name"])
    return next(full, inputs = {"verdict": input(ref = "./custom/canary-" + environment["name"]), "image": image})
def full(verdict, image):
    return done(outputs = {"image": image})
def down(environment, image):
    pass
def keyed(environment, provider):
    return done()
phase("canary", tasks = [deploy(e, up = canary, down = down, inputs = {"image": "payments:7"}) for e in environments() if e.name == "staging"])
phase("keys", tasks = [task(key, name = "key", inputs = {"provider": input(ref = "./-/payments/release.ocu.star/@/custom/provider")})])
phase("production", tasks = [deploy(e, up = keyed, down = keyed, inputs = {"provider": input(ref = "./task/key#output/provider")}) for e in production_environments()])
`,
  "catalogue/release.ocu.star": `ocuroot("0.3.0")
load("//lib/shop.star", "production_environments")
def up(environment):
    return done()
phase("production", tasks = [deploy(e, up = up, down = up) for e in production_environments()])
`,
};

const GRACE = "Grace Hopper <grace@example.org>";
const LINUS = "Linus Ek <linus@example.org>";

export function shop() {
  return cached("shop", [import.meta.url, new URL("./aged.mjs", import.meta.url).href], make);
}

async function make() {
  const it = await workshop({ files: FILES });
  const release = (name) => it.ocurootMay([0, 1], "release", "new", `${name}/release.ocu.star`, "--force");
  const approve = async (n) => {
    await it.ocuroot("state", "set", `./-/backend/release.ocu.star/@r${n}/custom/approve`, "Grace");
    await it.ocurootMay([0, 1], "work", "any");
  };
  await it.ocuroot("release", "new", "environments.ocu.star");
  await release("network");
  await release("backend");
  await approve(1);
  await release("frontend");
  await release("search");

  await it.commit({ "backend/VERSION": "1.1.0\n" }, "Orders keep their currency (#41)\n\nThe column was there, and nobody read it.", GRACE);
  await release("backend");
  await approve(2);
  await it.commit({ "backend/VERSION": "1.2.0\n" }, "Retry payments that timed out", LINUS);
  await release("backend");
  await approve(3);
  await it.commit({ "backend/VERSION": "1.3.0-rc.1\n" }, "Faster search over orders <b>& more</b>");
  await release("backend");

  await it.commit({ "frontend/flaky": "prod-eu\n" }, "New checkout page", GRACE);
  await release("frontend");
  await it.ocurootMay([0, 1], "release", "retry", "./frontend/release.ocu.star/@r2");

  await it.commit({ "search/hold": "qa\n" }, "Search learns synonyms");
  await abandon(it, "search/release.ocu.star");
  await it.commit({ "search/hold": "" }, "Synonyms for shoes", LINUS);
  await it.ocuroot("state", "set", "@/custom/freeze", '{"reason": "stocktaking"}', "--format", "json");
  await it.ocuroot("state", "apply", "@/custom/freeze");
  await it.ocurootMay([0, 1], "release", "new", "search/release.ocu.star");
  await it.ocuroot("release", "cancel", "./search/release.ocu.star/@r3");
  await it.ocuroot("state", "delete", "@/custom/freeze");
  await it.ocuroot("state", "apply", "@/custom/freeze");

  await release("payments");
  await it.ocuroot("state", "set", "@/custom/freeze/prod-us", '{"reason": "audit, until the accountants are gone"}', "--format", "json");
  await it.ocuroot("state", "apply", "@/custom/freeze/prod-us");
  await release("catalogue");
  await it.ocuroot("state", "set", "./frontend/release.ocu.star/@/deploy/prod-us", `{"release": "github.com/acme/shop/-/frontend/release.ocu.star/@r1"}`, "--format", "json").catch(() => {});
  await it.ocuroot("state", "set", "@/environment/prod-ap", '{"name": "prod-ap", "attributes": {"type": "production", "region": "ap-2", "note": "moves next week"}}', "--format", "json");
  await it.ocuroot("state", "set", "@/custom/banner", '{"text": "Sale from Friday", "colour": "#c00"}', "--format", "json");
  await aged(it, { days: 21 });
  return it;
}

// Starts a release whose function waits, and ends the process in the middle of it, as a lost CI job.
export async function abandon(it, file) {
  const running = await hold(it, file);
  await running.kill();
}

// Starts a release that stays in the middle of a function that runs `cat "$HOLD"`, until `finish()`.
// Resolves when it is there. Then the CLI keeps its heartbeat up, as a live release does.
export async function hold(it, file, ...more) {
  const pipe = `${it.folder}/hold-${Math.random().toString(36).slice(2)}`;
  execFileSync("mkfifo", [pipe]);
  const running = it.start(["release", "new", file, "--force", ...more], { HOLD: pipe });
  // Opening for writing waits for the reader, which is the function; or the command ends before.
  const writer = await Promise.race([open(pipe, "w"), running.ended]);
  await rm(pipe);
  if (writer.output !== undefined) throw new Error(`it did not come to hold: ${writer.output}`);
  return {
    ...running,
    async kill() {
      const ended = await running.kill();
      await writer.close();
      return ended;
    },
    async finish() {
      await writer.close();
      return running.ended;
    },
  };
}

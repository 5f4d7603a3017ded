// What the tests deploy: a server that answers with one text.
//
//   start FILE TEXT    start it, on a free port, and print {"url": …}
//   stop FILE          end it
//
// FILE says which process is the one. A server whose file is gone, or names another, ends by itself;
// so does one whose owner has ended: the process that $CI_OWNER names.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const [command, file, text] = process.argv.slice(2);

if (command === "start") {
  const words = [fileURLToPath(import.meta.url), "serve", file, text];
  const child = spawn(process.execPath, words, {
    cwd: "/",
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  child.once("exit", (code) => {
    console.error(`the server ended with ${code}`);
    process.exit(1);
  });
  child.once("message", (about) => {
    console.log(JSON.stringify(about));
    process.exit();
  });
} else if (command === "stop") {
  rmSync(file, { force: true });
} else if (command === "serve") {
  const server = createServer((_, response) => response.end(`${text}\n`));
  server.listen(0, "127.0.0.1", () => {
    const url = `http://127.0.0.1:${server.address().port}/`;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, JSON.stringify({ pid: process.pid, url }));
    renameSync(`${file}.${process.pid}`, file);
    process.send({ url });
    process.disconnect();
    setInterval(() => isTheOne() || process.exit(), 200);
  });
} else {
  console.error(`no command ${command}`);
  process.exit(2);
}

function isTheOne() {
  try {
    process.kill(Number(process.env.CI_OWNER), 0);
    return JSON.parse(readFileSync(file, "utf8")).pid === process.pid;
  } catch {
    return false;
  }
}

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROBE_SCRIPT } from "../../src/lib/cluster/probe-pod-object.ts";
import { shellAvailable } from "../support/shells.ts";

const run = promisify(execFile);
const hasBusybox = shellAvailable("busybox");

/** An nc that knows -z, as that of other builds of busybox does. */
const NC_WITH_Z = `#!${process.execPath}
const [first, ...rest] = process.argv.slice(2);
if (first === "--help") process.stdout.write("nc [OPTIONS] HOST PORT\\n\\t-z\\tZero-I/O mode (scanning)\\n");
else {
  const [, seconds, host, port] = rest;
  if (first !== "-z") process.exit(2);
  const socket = require("node:net").connect({ host, port: Number(port) }, () => process.exit(0));
  socket.on("error", () => process.exit(1));
  setTimeout(() => process.exit(1), Number(seconds) * 1000);
}
`;

let folder: string;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-probe-"));
});
afterAll(async () => {
  for (const close of closing) await close();
  await rm(folder, { recursive: true });
});

/** Takes connections and never says anything, nor ends when the other side does. */
async function openPort(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    closing.push(() => socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Neither refuses nor takes connections: nobody takes those that fill its queue. */
async function silentPort(): Promise<number> {
  const serve = `require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 },
    function () { console.log(this.address().port); });`;
  const child = spawn(process.execPath, ["-e", serve], { stdio: ["ignore", "pipe", "ignore"] });
  closing.push(() => child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  child.kill("SIGSTOP");
  for (let isTaken = true; isTaken;) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    closing.push(() => socket.destroy());
    const { promise, resolve } = Promise.withResolvers<boolean>();
    socket.once("connect", () => resolve(true));
    setTimeout(() => resolve(false), 300);
    isTaken = await promise;
  }
  return port;
}

interface Place {
  readonly shell: string;
  readonly args: readonly string[];
  readonly path: string;
}

/** Busybox alone, as in its image. */
async function inBusybox(): Promise<Place> {
  const path = await mkdtemp(join(folder, "busybox-"));
  const busybox = (await run("sh", ["-c", "command -v busybox"])).stdout.trim();
  for (const name of ["sh", "nc", "timeout", "grep", "sleep", "true"]) await symlink(busybox, join(path, name));
  return { shell: busybox, args: ["sh"], path };
}

async function withZ(): Promise<Place> {
  const path = await mkdtemp(join(folder, "with-z-"));
  await writeFile(join(path, "nc"), NC_WITH_Z);
  await chmod(join(path, "nc"), 0o755);
  return { shell: "/bin/sh", args: [], path: `${path}:${process.env["PATH"]}` };
}

/** The lines that it leaves. */
async function probe(place: Place, control: number, targets: readonly (string | number)[]): Promise<readonly string[]> {
  const left = join(await mkdtemp(join(folder, "left-")), "termination-log");
  await writeFile(left, "");
  const args = [...place.args, "-c", PROBE_SCRIPT, "probe", left, "1", "0", ...targets.map(String)];
  const env = { PATH: place.path, KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(control) };
  const { stdout, stderr } = await run(place.shell, args, { env });
  expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
  const lines = (await readFile(left, "utf8")).split("\n");
  expect([lines.at(-2), lines.at(-1)]).toEqual(["end", ""]);
  return lines.slice(0, -2).toSorted();
}

const PLACES: readonly (readonly [string, () => Promise<Place>])[] = [
  ...(hasBusybox ? ([["busybox", inBusybox]] as const) : []),
  ["a shell whose nc knows -z", withZ],
];

describe.each(PLACES)("in %s, the script of the pod", (_name, makePlace) => {
  it("tells what takes connections from what refuses them and what drops them", async () => {
    const [place, open, closed, silent] = [await makePlace(), await openPort(), await closedPort(), await silentPort()];
    const targets = ["127.0.0.1", closed, "127.0.0.1", open, "127.0.0.1", silent, "no.such.host.invalid", 80];
    expect(await probe(place, open, targets)).toEqual(["1", "control"]);
    expect(await probe(place, closed, ["127.0.0.1", closed])).toEqual([]);
  }, 60_000);

  it("tries more than fifty, and leaves each once", async () => {
    const [place, open] = [await makePlace(), await openPort()];
    const targets = Array.from({ length: 60 }, (_, index) => ["127.0.0.1", index === 7 ? 1 : open]).flat();
    const all = Array.from({ length: 60 }, (_, index) => String(index)).filter((line) => line !== "7");
    expect(await probe(place, open, targets)).toEqual([...all, "control"].toSorted());
  }, 60_000);

  it("takes what a cluster says for no more than an address", async () => {
    const [place, open] = [await makePlace(), await openPort()];
    const evil = join(folder, "evil");
    await probe(place, open, [`$(touch ${evil})`, "80", `127.0.0.1; touch ${evil}`, `80 -e touch ${evil}`]);
    await expect(readFile(evil)).rejects.toThrow("ENOENT");
  }, 60_000);

  it("finds what opens only after a while", async () => {
    const [place, port] = [await makePlace(), await closedPort()];
    const server = createServer((socket) => socket.on("error", () => undefined));
    closing.push(() => server.close());
    // A silent address makes each round take a second.
    const silent = await silentPort();
    setTimeout(() => server.listen(port, "127.0.0.1"), 700);
    expect(await probe(place, port, ["127.0.0.1", port, "127.0.0.1", silent])).toEqual(["0", "control"]);
  }, 60_000);
});

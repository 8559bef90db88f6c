import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { parse } from "yaml";
import manifest from "../package.json" with { type: "json" };
import { LAUNCHER, LaunchedProject } from "./support/launcher.ts";

let project: LaunchedProject;

beforeEach(async () => {
  project = await LaunchedProject.create();
});

afterEach(async () => {
  await project.remove();
});

describe("the launcher", () => {
  it("prints the version", async () => {
    expect(await project.mcpctl("--version")).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
  });

  it("passes the exit code of an answer on", async () => {
    expect(await project.mcpctl("can", "dev-readonly", "eks-rw")).toMatchObject({ code: 1 });
    expect(await project.mcpctl("can", "dev-readonly", "eks-ro")).toMatchObject({ code: 0 });
  });

  it.each([
    ["keys", "list"],
    ["roles", "check"],
    ["can", "dev-readonly", "eks-ro"],
    // The key's own end is sooner than the end of such a grace period, so that both forms say the same at any time.
    ["keys", "rotate", "--user", "alice", "--grace", "365d", "--dry-run"],
    ["keys", "revoke", "--user", "alice", "--dry-run"],
  ])("prints %s %s in every form of the bundle", async (...command) => {
    expect(
      await project.mcpctl("keys", "create", "--role", "dev-readonly", "--user", "alice", "-o", "yaml"),
    ).toMatchObject({ code: 0 });
    const json = await project.mcpctl(...command, "-o", "json");
    const yaml = await project.mcpctl(...command, "-o", "yaml");
    expect([json.code, yaml.code]).toEqual([0, 0]);
    expect(parse(yaml.out)).toEqual(JSON.parse(json.out));
  });

  it("tells the whole story, and leaves nothing behind", async () => {
    const { code, out, err } = await project.mcpctl("demo");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/\nAll \d+ checks came out as told; nothing was left behind\.\n/);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(await readdir(project.path("tmp"))).toEqual([]);
  });
});

describe("the launcher in a folder that was removed", () => {
  it("says what it cannot find, and is no bug", async () => {
    const inRemoved = (...args: readonly string[]) => {
      const script = `mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"`;
      return project.run("bash", ["-c", script, process.execPath, LAUNCHER, ...args]);
    };
    expect(await inRemoved("--version")).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
    const { code, out, err } = await inRemoved("roles", "check");
    expect({ code, out, stack: /\n +at |bug/.test(err) }).toEqual({ code: 3, out: "", stack: false });
    expect(err).toMatch(/^error: .*roles\.yaml does not exist\n/);
  });
});

/** Processes that stand in a folder of the demo, removed or not; Linux tells. */
async function processesIn(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    const cwd = /^\d+$/.test(pid) ? await readlink(`/proc/${pid}/cwd`).catch(() => "") : "";
    if (cwd.startsWith(folder)) found.push(pid);
  }
  return found;
}

describe.skipIf(process.platform !== "linux")("a demo that is cut short", () => {
  /** Starts the demo and waits until its gateway serves. */
  const startDemo = async () => {
    const child = spawn(process.execPath, [LAUNCHER, "demo"], {
      cwd: project.folder,
      env: { PATH: process.env["PATH"], HOME: project.folder, TMPDIR: project.path("tmp") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const closed = once(child, "close");
    await new Promise<void>((serving, failed) => {
      let shown = "";
      child.stdout.on("data", (chunk: Buffer) => {
        shown += chunk.toString();
        if (shown.includes("serving")) serving();
      });
      child.once("close", () => failed(new Error(`the demo ended: ${text}`)));
    });
    expect((await processesIn(project.path("tmp"))).length).toBeGreaterThanOrEqual(4);
    return { child, closed, err: () => text };
  };

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("by %s ends with 130 and leaves nothing", async (signal) => {
    const { child, closed, err } = await startDemo();
    child.kill(signal);
    expect(await closed).toEqual([130, null]);
    expect(err()).toBe("error: interrupted; everything the demo made was removed\n");
    expect(await readdir(project.path("tmp"))).toEqual([]);
    expect(await processesIn(project.path("tmp"))).toEqual([]);
  });

  it("by SIGKILL leaves no process", async () => {
    const { child, closed } = await startDemo();
    child.kill("SIGKILL");
    expect((await closed)[1]).toBe("SIGKILL");
    const deadline = Date.now() + 20_000;
    while ((await processesIn(project.path("tmp"))).length > 0 && Date.now() < deadline) await delay(50);
    expect(await processesIn(project.path("tmp"))).toEqual([]);
  });

  it("by a reader that goes away does not succeed, and leaves nothing", async () => {
    const script = `"$0" "$1" demo 2> err | head -1 > out; echo "\${PIPESTATUS[0]}"`;
    const { out } = await project.run("bash", ["-c", script, process.execPath, LAUNCHER]);
    expect(out).toBe("5\n");
    expect(await readFile(project.path("out"), "utf8")).toMatch(/^mcpctl demo: .*\n$/);
    expect(await readFile(project.path("err"), "utf8")).toMatch(
      /^error: standard output was closed by the program that read it\n/,
    );
    expect(await readdir(project.path("tmp"))).toEqual([]);
    expect(await processesIn(project.path("tmp"))).toEqual([]);
  });
});

describe("standard output that nobody reads", () => {
  it.each([["> /dev/null"], [">&-"]])("as with %s makes no key: exit 2", async (redirection) => {
    const script = `exec "$0" "$@" ${redirection}`;
    const argv = [LAUNCHER, "keys", "create", "--role", "dev-readonly", "--user", "alice"];
    const make = (...more: readonly string[]) =>
      project.run("bash", ["-c", script, process.execPath, ...argv, ...more]);
    const { code, err } = await make("-o", "token");
    expect({ code, err }).toEqual({
      code: 2,
      err: "error: standard output is closed or the null device; the token would be lost\n  Add --out FILE.\n",
    });
    expect(await readdir(project.folder)).not.toContain(".mcpctl");
    expect((await make("--out", "token")).code).toBe(0);
  });
});

describe("a disk that is full", () => {
  const limited = (kilobytes: number, ...args: readonly string[]) => {
    const script = `trap '' XFSZ; ulimit -f ${kilobytes}; exec "$0" "$@"`;
    return project.run("bash", ["-c", script, process.execPath, LAUNCHER, ...args]);
  };
  const CREATE = ["keys", "create", "--role", "dev-readonly", "--user", "alice", "-o", "token"] as const;

  it("makes no key when nothing can be written", async () => {
    const { code, out, err } = await limited(0, ...CREATE);
    expect({ code, out }).toEqual({ code: 5, out: "" });
    expect(err).toMatch(/\.mcpctl\/undelivered\/[\w-]+\.lock cannot be used/);
    expect(await readdir(project.path(".mcpctl"))).not.toContain("keys.json");
  });

  it("leaves the store as it was when it cannot grow", async () => {
    for (let made = 0; made < 8; made += 1) expect((await project.mcpctl(...CREATE)).code).toBe(0);
    const before = await readFile(project.path(".mcpctl/keys.json"), "utf8");
    expect(before.length).toBeGreaterThan(1024);
    // The admin log would grow beyond the limit first, so it starts anew.
    await project.run("truncate", ["-s", "0", project.path(".mcpctl/admin.jsonl")]);
    const { code, out } = await limited(1, ...CREATE);
    expect({ code, out }).toEqual({ code: 5, out: "" });
    expect(await readFile(project.path(".mcpctl/keys.json"), "utf8")).toBe(before);
    expect(await readdir(project.path(".mcpctl"))).not.toContain("keys.json.tmp");
    expect((await project.mcpctl(...CREATE)).code).toBe(0);
  });

  it("revokes the key whose token standard output would not take", async () => {
    const script = `exec "$0" "$@" > /dev/full`;
    const { code, err } = await project.run("bash", ["-c", script, process.execPath, LAUNCHER, ...CREATE]);
    expect(code).toBe(5);
    expect(err).toMatch(/disk is full; k_[0-9a-f]{12} was not delivered, and it was revoked/);
    const { out } = await project.mcpctl("keys", "list", "-o", "json");
    expect((JSON.parse(out) as { state: string }[]).map(({ state }) => state)).toEqual(["revoked"]);
  });
});

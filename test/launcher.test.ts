import { readdir, readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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

  it("tells the whole story, and leaves nothing behind", async () => {
    const { code, out, err } = await project.mcpctl("demo");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/\nAll \d+ steps came out as told; nothing was left behind\.\n/);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(await readdir(project.path("tmp"))).toEqual([]);
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
    expect(err).toContain(".mcpctl/keys.json.lock cannot be used");
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

import { readFile, rm, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EMPTY_DENYLIST } from "../../../src/lib/policy/edit-denylist.ts";
import { makeGatewayProject, type GatewayProject } from "../../support/gateway-project.ts";

let desk: GatewayProject;
beforeEach(async () => {
  desk = await makeGatewayProject();
});
afterEach(() => desk.close());

const AT = "2026-11-20T09:00:00Z";
const lock = (id: string, more: object = {}) => ({
  id,
  match: { user: "agent-01" },
  reason: "why",
  tell: false,
  by: "alice",
  at: AT,
  until: null,
  ...more,
});
const put = (...locks: readonly object[]) =>
  writeFile(desk.denylist, JSON.stringify({ locks, removed: [{ id: "lock_gone", by: "bob", at: AT }] }));

describe("lock list", () => {
  it("shows every lock in force, and none that ended or was removed", async () => {
    await put(
      lock("lock_a"),
      lock("lock_b", { match: { key: "k_0123456789ab" }, revokes: true, tell: true }),
      lock("lock_c", { match: { all: true }, until: "2026-11-20T10:00:01Z" }),
      lock("lock_ended", { until: "2026-11-20T10:00:00Z" }),
      lock("lock_gone"),
    );
    expect(await desk.run(["lock", "list"])).toEqual({
      code: 0,
      out: [
        `lock_a\tuser agent-01\t${AT}\tremoved\talice\twhy\n`,
        `lock_b\tkey k_0123456789ab\t${AT}\trevocation is proven\talice\twhy\n`,
        `lock_c\teverything\t${AT}\t2026-11-20T10:00:01Z\talice\twhy\n`,
      ].join(""),
      err: "",
    });
    expect((await desk.run(["lock", "list", "-o", "name"])).out).toBe("lock_a\nlock_b\nlock_c\n");
    const data = { target: "user", value: "agent-01", reason: "why", tell: false, by: "alice", at: AT, until: null };
    expect(JSON.parse((await desk.run(["lock", "list", "-o", "json"])).out)).toEqual([
      { id: "lock_a", ...data, break_glass: false },
      { id: "lock_b", ...data, target: "key", value: "k_0123456789ab", tell: true, break_glass: true },
      { id: "lock_c", ...data, target: "all", value: null, until: "2026-11-20T10:00:01Z", break_glass: false },
    ]);
  });

  it("says that there is none, with exit code 0", async () => {
    expect(await desk.run(["lock", "list", "-o", "json"])).toEqual({
      code: 0,
      out: "[]\n",
      err: "No locks in file FOLDER/denylist.json.\n",
    });
  });

  it("shows what others wrote without its escapes", async () => {
    await put(lock("lock_a", { reason: "\u001b]0;x\u0007\u202e", by: "\u009bm" }));
    const { out } = await desk.run(["lock", "list"]);
    expect(out).toBe(`lock_a\tuser agent-01\t${AT}\tremoved\t\\u009bm\t\\u001b]0;x\\u0007\\u202e\n`);
  });

  it("does not guess at a denylist that is not understood, or not there", async () => {
    await writeFile(desk.denylist, '{"locks":[],"note":1}');
    expect(await desk.run(["lock", "list"])).toMatchObject({
      code: 3,
      out: "",
      err: expect.stringContaining("is not wholly understood"),
    });
    await rm(desk.denylist);
    expect(await desk.run(["lock", "list"])).toMatchObject({
      code: 3,
      out: "",
      err: expect.stringContaining("Make it with `mcpctl lock init`"),
    });
  });
});

describe("lock init", () => {
  it("makes an empty denylist where there is none, and leaves one alone that is there", async () => {
    await rm(desk.denylist);
    expect(await desk.run(["lock", "init"])).toEqual({
      code: 0,
      out: "Made file FOLDER/denylist.json, empty.\n",
      err: "",
    });
    expect(await readFile(desk.denylist, "utf8")).toBe(EMPTY_DENYLIST);
    await put(lock("lock_a"));
    expect(await desk.run(["lock", "init", "-o", "json"])).toEqual({
      code: 0,
      out: '{\n  "denylist": "file FOLDER/denylist.json",\n  "created": false\n}\n',
      err: "",
    });
    expect((await desk.locks()).locks).toEqual([lock("lock_a")]);
  });

  it("leaves one alone that is not understood", async () => {
    await writeFile(desk.denylist, "mine");
    expect(await desk.run(["lock", "init"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("is there already; nothing was changed"),
    });
    expect(await readFile(desk.denylist, "utf8")).toBe("mine");
  });
});

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { startAdminListener, type AdminListener } from "../../support/admin-listener.ts";
import { startFakeKubernetes } from "../../support/fake-kubernetes.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeProject, type Project, type RunOptions } from "../../support/run-cli.ts";

const HASH = "a".repeat(64);
const KEY = "k_aaaaaaaaaaaa";

let project: Project;
let gateway: AdminListener;
let isInForce = true;
beforeEach(async () => {
  project = await makeProject();
  isInForce = true;
  gateway = await startAdminListener(() => isInForce);
  await writeFile(
    join(project.cwd, "mcpctl.yaml"),
    JSON.stringify({
      contexts: [
        {
          name: "one",
          store: { type: "file", path: ".mcpctl/keys.json" },
          gateway: { url: gateway.url, admin: [gateway.url] },
        },
      ],
    }),
  );
  await project.run(["lock", "init"]);
});
afterEach(async () => {
  await gateway.close();
  await project.remove();
});

const run = (argv: readonly string[], options: RunOptions = {}) =>
  project.run(argv, { ...options, ports: { recordReceipt: async () => "admin.jsonl", ...options.ports } });
const add = (...target: readonly string[]) => run(["lock", "add", ...target, "--reason", "stolen"]);
const ids = async (): Promise<readonly string[]> =>
  (await run(["lock", "list", "-o", "name"])).out.split("\n").filter(Boolean);
const breakGlass = (argv: readonly string[], options: RunOptions = {}) =>
  run(["keys", "revoke", ...argv, "--break-glass", "--yes", "--timeout", "1s"], options);

describe("lock remove", () => {
  it("calls a lock ended where the gateway has ended it", async () => {
    await add("--user", "bob");
    const [id = ""] = await ids();
    isInForce = false;
    expect(await run(["lock", "remove", id, "--yes"])).toMatchObject({ code: 0, out: `${gateway.url}\tended\t-\n` });
  });

  it("does not where the gateway still refuses by it", async () => {
    await add("--user", "bob");
    const [id = ""] = await ids();
    expect(await run(["lock", "remove", id, "--yes", "--timeout", "1s"])).toMatchObject({
      code: 6,
      out: `${gateway.url}\tNOT PROVEN\tstill refuses by it\n`,
    });
  });

  it("says what answers its question off a terminal, and it is an option that there is", async () => {
    await add("--user", "bob");
    const [id = ""] = await ids();
    expect(await run(["lock", "remove", id])).toEqual({
      code: 2,
      out: "",
      err: "error: this must be confirmed, and there is no terminal to ask on\n  Add --yes, once you are sure of what it does.\n",
    });
  });
});

describe("locks of a context with a cluster", () => {
  it.each([[["list"]], [["remove", "lock_1", "--yes"]]])("are not those of another cluster: lock %s", async (argv) => {
    const fake = await startFakeKubernetes();
    try {
      fake.put("namespaces", "kube-system", { metadata: { uid: "11111111-1111-4111-8111-111111111111" } }, "");
      fake.put("configmaps", "denylist", { data: { "denylist.json": '{"locks":[],"removed":[]}' } }, "gw");
      await writeFile(
        join(project.cwd, "mcpctl.yaml"),
        JSON.stringify({
          contexts: [
            {
              name: "one",
              store: { type: "file", path: ".mcpctl/keys.json" },
              kubernetes: {
                context: "test",
                cluster: "00000000-0000-4000-8000-000000000000",
                namespace: "gw",
                denylist: "denylist",
              },
            },
          ],
        }),
      );
      const result = await run(["lock", ...argv], { ports: { kube: async () => fake.api() } });
      expect(result).toMatchObject({ code: 3, out: "", err: expect.stringContaining("is pinned to 00000000-") });
    } finally {
      await fake.close();
    }
  });
});

describe("keys revoke --break-glass", () => {
  it("counts no time for a lock that stood before", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${HASH}`, "dev/bob");
    const replicas = async () => {
      const { out } = await breakGlass(["--user", "bob", "-o", "json"], { store });
      return (JSON.parse(out) as { replicas: readonly { refused_after_ms: number | null; problem: null }[] }).replicas;
    };
    expect(await replicas()).toMatchObject([{ refused_after_ms: expect.any(Number), problem: null }]);
    expect(await replicas()).toMatchObject([{ refused_after_ms: null, problem: null }]);
    expect((await breakGlass(["--user", "bob"], { store })).out).toMatch(/^\S+\talready\t/);
  });

  it("does not say of a store that is away that it has no such key", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${HASH}`, "dev/bob");
    store.list = async () => {
      throw new AppError("unavailable", "store_away", "the store is away");
    };
    const { code, err } = await breakGlass([KEY], { store });
    expect(code).toBe(6);
    expect(err).toContain("the store is away");
    expect(err).not.toContain("Nothing was revoked");
  });

  it.each([
    [[KEY], `has no ${KEY}.`],
    [["--user", "bob"], "has no key of user bob."],
  ])("says of a store without such a key that it has none: %o", async (argv, told) => {
    const { code, err } = await breakGlass(argv, { store: new MemoryStore() });
    expect({ code, err }).toEqual({ code: 6, err: expect.stringContaining(told) });
  });

  it("prints the ids of what it revoked with -o name", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${HASH}`, "dev/bob");
    expect((await breakGlass(["--user", "bob", "-o", "name"], { store })).out).toBe(`${KEY}\n`);
  });

  it("says what a key id is, and no option that there is not", async () => {
    expect(await breakGlass(["k_zz"])).toMatchObject({
      code: 3,
      out: "",
      err: expect.stringContaining("error: that is not a key id\n"),
    });
  });
});

describe("status", () => {
  it("shows nothing of a gateway that was not looked at", async () => {
    await gateway.close();
    const { code, out } = await run(["status"]);
    expect(code).toBe(5);
    expect(out).toContain(`gateway   ${gateway.url}: not looked at\n`);
  });
});

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, Option } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { registerComplete } from "../../../src/commands/complete/complete.ts";
import type { Result } from "../../../src/commands/result.ts";
import { AppError } from "../../../src/lib/errors.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeProject, type Project, type RunOptions } from "../../support/run-cli.ts";

const hash = (digit: string): string => digit.repeat(64);

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  store = new MemoryStore();
  store.plant(`dev-readonly/${hash("1")}`, "dev-readonly/alice@example.com");
  store.plant(`dev-readonly/${hash("2")}`, "dev-readonly/bob");
  store.plant(`dev-readonly/${hash("2")}.ends`, "exp=2026-11-21T00:00:00Z&next=k_111111111111");
  store.plant(`devops-full/${hash("3")}`, "devops-full/bob");
  store.plant(`devops-full/${hash("3")}.revoked`, "at=2026-11-01T00:00:00Z");
});
afterEach(() => project.remove());

const put = async (path: string, content: string): Promise<void> => {
  await mkdir(join(project.cwd, path, ".."), { recursive: true });
  await writeFile(join(project.cwd, path), content);
};
const run = (words: readonly string[], options: RunOptions = {}) =>
  project.run(["__complete", "--", ...words], { store, answers: [], ...options });
const lines = async (...words: readonly string[]): Promise<readonly string[]> =>
  (await run(words)).out.split("\n").filter(Boolean);
const values = async (...words: readonly string[]): Promise<readonly string[]> =>
  (await lines(...words)).map((line) => line.replace(/\t.*/, ""));
const NOTHING = { code: 0, out: "", err: "" };

describe("a line that is being typed", () => {
  it.each([
    [["ro"], ["roles\tthe role file as code"]],
    [["keys", "sh"], ["show\tshow one key and its history"]],
    [["help", "ga"], ["gateway\tthe bundled gateway"]],
    [["keys", "list", "--sta"], ["--state\tonly keys in this state"]],
    [["keys", "list", "--conte"], ["--context\tthe context to act in (MCPCTL_CONTEXT)"]],
    [["keys", "list", "--state", "ac"], ["active\t"]],
    [["keys", "list", "--state=un"], ["--state=unusable\t"]],
    [["keys", "list", "-o", "js"], ["json\t"]],
    [
      ["completion", ""],
      ["bash\t", "zsh\t", "fish\t"],
    ],
    [["keys", "create", "--role", "dev-"], ["dev-readonly\t11 backends"]],
    [["keys", "create", "--role=dev-"], ["--role=dev-readonly\t11 backends"]],
    [["can", "dev-"], ["dev-readonly\t11 backends"]],
    [["can", "dev-readonly", "eks-ro-"], ["eks-ro-prod\tprod, ro"]],
    [
      ["keys", "list", "--user", ""],
      ["alice@example.com\t1 key", "bob\t2 keys"],
    ],
    [["keys", "list", "--role", "devops-full", "--user", ""], ["bob\t1 key"]],
    [["context", "use", ""], ["default\tfile .mcpctl/keys.json"]],
  ])("%o: %o", async (words, expected) => {
    expect(await lines(...words)).toEqual(expected);
  });

  it("lock remove: the locks in force", async () => {
    expect(await lines("lock", "remove", "")).toEqual([]);
    const lock = { reason: "ticket", tell: false, by: "alice", at: "2026-11-20T03:12:45Z", until: null };
    const locks = [
      { ...lock, id: "lock_1", match: { user: "bob" } },
      { ...lock, id: "lock_2", match: { all: true }, until: "2026-11-20T04:00:00Z" },
    ];
    await put(".mcpctl/denylist.json", JSON.stringify({ locks }));
    expect(await lines("lock", "remove", "")).toEqual(["lock_1\tuser bob: ticket"]);
  });

  it.each([
    ["show", ["k_111111111111", "k_222222222222", "k_333333333333"]],
    ["revoke", ["k_111111111111", "k_222222222222"]],
    ["rotate", ["k_111111111111"]],
  ])("keys %s: the ids of keys that can be meant", async (verb, ids) => {
    expect(await values("keys", verb, "")).toEqual(ids);
    expect(await values("keys", verb, "--debug", "k_1")).toEqual(["k_111111111111"]);
    expect(await values("keys", verb, "--context", "default", "k_1")).toEqual(["k_111111111111"]);
    expect(await values("keys", verb, "--", "k_1")).toEqual(["k_111111111111"]);
    expect(await values("keys", verb, "k_111111111111", "")).toEqual([]);
  });

  it("offers the keys of the user and the role that stand on the line", async () => {
    expect(await values("keys", "revoke", "--user", "bob", "")).toEqual(["k_222222222222"]);
    expect(await values("keys", "revoke", "--role", "devops-full", "")).toEqual([]);
  });

  it("offers no flags behind --", async () => {
    expect(await values("keys", "show", "--", "-")).toEqual([]);
    expect(await values("keys", "show", "-")).toContain("--output");
  });

  it("tells whose key it is", async () => {
    expect(await lines("keys", "rotate", "--user=alice@example.com", "k_")).toEqual([
      "k_111111111111\talice@example.com in dev-readonly, active",
    ]);
  });

  it("offers the locks that stand, and what they refuse", async () => {
    await project.run(["lock", "init"]);
    await project.run(["lock", "add", "--user", "bob", "--reason", "stolen", "--no-wait"], {
      ports: { recordReceipt: async () => "admin.jsonl" },
    });
    expect(await lines("lock", "remove", "lock_")).toEqual([expect.stringMatching(/^lock_\S+\tuser bob: stolen$/)]);
  });

  it("leaves out a flag that was given, with its value or without", async () => {
    const all = await values("keys", "revoke", "--");
    expect(await values("keys", "revoke", "--user", "bob", "--role=x", "-ojson", "--")).toEqual(
      all.filter((flag) => !["--user", "--role", "--output"].includes(flag)),
    );
  });

  it.each([
    [["roles", "check", ""]],
    [["roles", "check", "--backends", "ba"]],
    [["--config=ex"]],
    [["keys", "create", "--out", ""]],
    [["init", "--dir", ""]],
  ])("leaves the names of files to the shell: %o", async (words) => {
    expect(await lines(...words)).toEqual([":files"]);
  });

  it.each([
    [["keys", "create", "--ttl", ""]],
    [["keys", "nope", ""]],
    [["nope", "x", ""]],
    [["--nope=x"]],
    [["demo", ""]],
    [["lock", "remove", ""]],
    [["gateway", "start", "--kube-context", ""]],
  ])("has nothing to offer for %o", async (words) => {
    expect(await run(words)).toEqual(NOTHING);
  });

  it("that is empty begins with every noun, and not with the command that shells call", async () => {
    const nouns = await values("");
    expect(nouns).toContain("keys");
    expect(nouns).not.toContain("__complete");
    expect((await project.run(["--help"])).out).not.toContain("__complete");
  });
});

describe("the context of the line", () => {
  const defining = (...names: readonly string[]): string =>
    `contexts:\n${names.map((name) => `  - { name: "${name}", store: { type: file, path: ${name.replace(":", "-")}/keys.json } }\n`).join("")}`;

  it("is the one that it names, in the file that it names", async () => {
    await put("mcpctl.yaml", `currentContext: one\n${defining("one", "two")}`);
    await put("other.yaml", defining("arn:three"));
    await put("one/keys.json", JSON.stringify({ [`dev.${hash("a")}`]: "dev/ann" }));
    await put("two/keys.json", JSON.stringify({ [`dev.${hash("b")}`]: "dev/ben" }));
    await put("arn-three/keys.json", JSON.stringify({ [`dev.${hash("c")}`]: "dev/cem" }));
    const users = async (...flags: readonly string[]) =>
      (await project.run(["__complete", "--", ...flags, "keys", "list", "--user", ""])).out;
    expect(await users()).toBe("ann\t1 key\n");
    expect(await users("--context", "two")).toBe("ben\t1 key\n");
    expect(await users("--config=other.yaml")).toBe("cem\t1 key\n");
    expect(await users("--context", "nope")).toBe("");
    expect(await values("--context", "")).toEqual(["one", "two"]);
    expect(await values("--config", "other.yaml", "--context", "arn:")).toEqual(["arn:three"]);
  });
});

describe("whatever goes wrong", () => {
  const forbidden = new AppError("forbidden", "aws_access_denied", "denied");

  it.each([
    ["a store that refuses", forbidden],
    ["a bug", new TypeError("x is not a function")],
  ])("nothing is offered, told or asked: %s", async (_what, error) => {
    store.failNext("list", error);
    expect(await run(["keys", "show", ""])).toEqual(NOTHING);
  });

  it.each([
    ["roles.yaml", "roleMapping: [\n", ["can", ""]],
    ["backends.yaml", "backends: {}\nx: 1\n", ["can", "dev-readonly", ""]],
    ["mcpctl.yaml", "surprise: 1\n", ["keys", "create", "--role", ""]],
  ])("nothing is offered, told or asked: a broken %s", async (name, content, words) => {
    await put(name, content);
    expect(await run(words)).toEqual(NOTHING);
  });

  it("nothing is told of a call that is wrong itself", async () => {
    expect(await project.run(["__complete", "--config"])).toEqual({ code: 2, out: "", err: "" });
  });

  it("a store that does not answer is not waited for beyond two seconds", { timeout: 10_000 }, async () => {
    const started = performance.now();
    expect(await run(["keys", "show", ""], { ports: { store: () => new Promise(() => undefined) } })).toEqual(NOTHING);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("what strangers may plant", () => {
  it("offers 500 of ten thousand keys, and what was typed chooses which", async () => {
    for (let index = 0; index < 10_000; index += 1) {
      const planted = index.toString(16).padStart(4, "0").padEnd(64, "0");
      store.plant(`dev-readonly/${planted}`, `dev-readonly/user-${index}`);
    }
    expect(await lines("keys", "show", "")).toHaveLength(500);
    expect(await lines("keys", "list", "--user", "user-9999")).toEqual(["user-9999\t1 key"]);
  });

  it("offers nothing that is no name", async () => {
    store = new MemoryStore();
    store.plant("$(touch x)", "x");
    store.plant(`dev-readonly/${hash("4")}`, "dev-readonly/$(touch x)");
    store.plant(`dev-readonly/${hash("5")}`, "dev-readonly/a;b\tc\nd");
    expect(await lines("keys", "list", "--user", "")).toEqual([]);
    expect(await lines("keys", "show", "")).toEqual([
      "k_444444444444\t- in dev-readonly, unusable",
      "k_555555555555\t- in dev-readonly, unusable",
    ]);
  });

  it("lets no letter through that a shell could take for its own, wherever it comes from", async () => {
    const bad = [
      "$(x)",
      "`x`",
      "a b",
      "a;b",
      "a|b",
      "a&b",
      "a>b",
      "a\nb",
      "a'b",
      'a"b',
      "a\\b",
      "*",
      "~",
      "!x",
      "{a,b}",
      "=x",
      "a\u0000",
      "é",
    ];
    const program = new Command("mcpctl").addOption(
      new Option("--x <x>", "tab\there \u001b[2J").choices([...bad, "good"]),
    );
    const shown: Result[] = [];
    registerComplete(program, {
      ports: { signal: new AbortController().signal },
      show: async (result: Result) => void shown.push(result),
    } as unknown as Cli);
    for (const words of [["--x", ""], ["--"]]) {
      await program.parseAsync(["__complete", "--", ...words], { from: "user" });
    }
    expect(shown.map(({ view }) => view?.text?.(undefined as never))).toEqual([
      "good\t",
      "--x\ttab here  [2J\n--help\tdisplay help for command",
    ]);
  });
});

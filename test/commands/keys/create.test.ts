import { access, chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CreateOptions, registerCreate } from "../../../src/commands/keys/create.ts";
import type { Cli } from "../../../src/commands/cli.ts";
import { AppError } from "../../../src/lib/errors.ts";
import { systemError } from "../../support/memory-io.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { EMPTY_DENYLIST } from "../../../src/lib/policy/edit-denylist.ts";
import { filesBelow } from "../../support/files-below.ts";
import { historyOf } from "../../support/history-of.ts";
import { makeProject, mintedKeys, NOW, type Project } from "../../support/run-cli.ts";

const CREATE = ["keys", "create", "--role", "dev-readonly", "--user", "incident-agent-01"];
const [KEY] = mintedKeys(1);
const { id, hash } = KEY!;
const token = KEY!.token.reveal();
const EXPIRY = "expires 2027-02-18T10:00:00Z";
const notes = (
  place: string,
  expiry = EXPIRY,
  gateway = "http://127.0.0.1:8080",
  where = "Context default: file .mcpctl/keys.json.",
): string =>
  `Created ${id} for incident-agent-01 in role dev-readonly; it ${expiry}.
${where}
Its token went to ${place} and is stored nowhere else.
Next: call ${gateway}/mcp/<backend>/mcp with the header "Authorization: Bearer <token>".
To see it: mcpctl keys show ${id}. To end it: mcpctl keys revoke ${id}.
`;

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const stored = async (): Promise<unknown> => JSON.parse(await readFile(join(project.cwd, ".mcpctl/keys.json"), "utf8"));
const untouched = async (): Promise<void> =>
  expect(await filesBelow(project.cwd)).toEqual(["backends.yaml", "roles.yaml"]);

describe("argv", () => {
  it.each([
    [[], { timeout: "2m", wait: true }],
    [
      ["--role", "dev", "--user", "a", "--ttl", "1h", "--reason", "x y", "-o", "claude", "--out", "f", "--no-wait"],
      { role: "dev", user: "a", ttl: "1h", reason: "x y", output: "claude", out: "f", timeout: "2m", wait: false },
    ],
    [["--role=dev", "--output=json"], { role: "dev", output: "json", timeout: "2m", wait: true }],
  ])("%o becomes %o", async (argv, expected) => {
    const seen: CreateOptions[] = [];
    const cli = { show: async () => undefined } as unknown as Cli;
    const keys = new Command();
    registerCreate(keys, cli, async (options) => {
      seen.push({ ...options });
      return {};
    });
    await keys.parseAsync(["create", ...argv], { from: "user" });
    expect(seen).toEqual([expected]);
  });
});

const server = (path: string) => ({
  type: "http",
  url: `https://mcp.example.com/mcp/${path}`,
  headers: { Authorization: `Bearer ${token}` },
});

describe("a key that is made", () => {
  it("is shown once on a terminal, and stands in the store", async () => {
    expect(await project.run(CREATE, { outIsTerminal: true })).toEqual({
      code: 0,
      out: `${token}\n`,
      err: notes("standard output"),
    });
    expect(await stored()).toEqual({
      [`dev-readonly.${hash}`]: "dev-readonly/incident-agent-01?exp=2027-02-18T10:00:00Z",
    });
    expect(await filesBelow(join(project.cwd, ".mcpctl"))).toEqual([
      "admin.jsonl",
      "denylist.json",
      "keys.json",
      "keys.json.lock",
    ]);
    expect(await readFile(join(project.cwd, ".mcpctl/denylist.json"), "utf8")).toBe(EMPTY_DENYLIST);
  });

  it.each([
    ["token", `${token}\n`],
    [
      "json",
      `{"id":"${id}","role":"dev-readonly","user":"incident-agent-01","expires_at":"2027-02-18T10:00:00Z","token":"${token}"}\n`,
    ],
    [
      "yaml",
      `id: "${id}"\nrole: "dev-readonly"\nuser: "incident-agent-01"\nexpires_at: "2027-02-18T10:00:00Z"\ntoken: "${token}"\n`,
    ],
    ["env", `MCP_GATEWAY_URL='http://127.0.0.1:8080'\nMCP_GATEWAY_TOKEN='${token}'\n`],
  ])("goes to a pipe as %s when that is asked for", async (form, out) => {
    expect(await project.run([...CREATE, "-o", form])).toEqual({ code: 0, out, err: notes("standard output") });
  });

  it.each([
    ["claude", "mcpServers"],
    ["vscode", "servers"],
  ])("goes out as a whole configuration for %s", async (form, member) => {
    await writeFile(join(project.cwd, "roles.yaml"), "roleMapping:\n  dev-readonly: [eks-ro, costs]\n");
    await writeFile(
      join(project.cwd, "backends.yaml"),
      "backends:\n" +
        "  costs: {service: s, environment: e, access: ro, owner: o, url: 'http://c', path: v1/mcp}\n" +
        "  eks-ro: {service: s, environment: e, access: ro, owner: o, url: 'http://e'}\n",
    );
    await writeFile(
      join(project.cwd, "mcpctl.yaml"),
      "contexts:\n  - {name: local, store: {type: file, path: k/keys.json}, gateway: {url: 'https://mcp.example.com/'}}\n",
    );
    const { code, out, err } = await project.run([...CREATE, "-o", form]);
    const expected = { [member]: { "eks-ro": server("eks-ro/mcp"), costs: server("costs/v1/mcp") } };
    expect({ code, out, err }).toEqual({
      code: 0,
      out: `${JSON.stringify(expected, null, 2)}\n`,
      err: notes("standard output", EXPIRY, "https://mcp.example.com", "Context local: file k/keys.json."),
    });
  });

  it("goes to a new file that only its owner can read, and nowhere else", async () => {
    expect(await project.run([...CREATE, "--out", "agent.token"])).toEqual({
      code: 0,
      out: "",
      err: notes("agent.token"),
    });
    const path = join(project.cwd, "agent.token");
    expect(await readFile(path, "utf8")).toBe(`${token}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    for (const name of await filesBelow(join(project.cwd, ".mcpctl"))) {
      expect(await readFile(join(project.cwd, ".mcpctl", name), "latin1")).not.toContain(token.slice(0, 40));
    }
  });

  it.each([
    ["1h", "expires 2026-11-20T11:00:00Z", "?exp=2026-11-20T11:00:00Z"],
    ["365d", "expires 2027-11-20T10:00:00Z", "?exp=2027-11-20T10:00:00Z"],
    ["1s", "expires 2026-11-20T10:00:01Z", "?exp=2026-11-20T10:00:01Z"],
  ])("lives for %s", async (ttl, expiry, attribute) => {
    expect(await project.run([...CREATE, "-o", "token", "--ttl", ttl], { now: () => NOW + 999 })).toMatchObject({
      code: 0,
      err: notes("standard output", expiry),
    });
    expect(await stored()).toEqual({ [`dev-readonly.${hash}`]: `dev-readonly/incident-agent-01${attribute}` });
  });

  it("lives for ever where the configuration lets it", async () => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), "keys: {maxTtl: never, defaultTtl: 30d}\n");
    expect((await project.run([...CREATE, "-o", "token", "--ttl", "never"])).err).toBe(
      notes("standard output", "never expires"),
    );
    expect(await stored()).toEqual({ [`dev-readonly.${hash}`]: "dev-readonly/incident-agent-01" });
  });

  it("leaves who, when and why in the record of the store", async () => {
    const store = new MemoryStore();
    await project.run([...CREATE, "-o", "token", "--reason", "incident 42"], { store });
    const [history] = await historyOf(store, hash);
    expect(history?.note).toEqual({
      action: "create",
      at: "2026-11-20T10:00:00Z",
      author: "tester",
      reason: "incident 42",
    });
    expect(store.asked.slice(0, 2)).toEqual(["verify", `create dev-readonly/${hash}`]);
  });
});

describe("what can fail before there is a key", () => {
  it.each([
    [
      "off a terminal without a place for the token",
      [],
      2,
      "standard output is not a terminal, and no place for the token was named\n  Add --out FILE, or -o token to print it here.",
    ],
    [
      "a ttl that is no duration",
      ["-o", "token", "--ttl", "1y"],
      2,
      '--ttl "1y" is not a duration\n  Write an integer and s, m, h or d: 30m, 24h, 90d; at most 36500d.',
    ],
    [
      "a ttl of nothing",
      ["-o", "token", "--ttl", "0d"],
      2,
      '--ttl "0d" is not a duration\n  Write an integer and s, m, h or d: 30m, 24h, 90d; at most 36500d.',
    ],
    [
      "a ttl over the maximum",
      ["-o", "token", "--ttl", "366d"],
      3,
      "--ttl 366d is longer than the maximum of 365d\n  Ask for at most 365d, or raise keys.maxTtl in mcpctl.yaml.",
    ],
    [
      "a ttl over the maximum by a second",
      ["-o", "token", "--ttl", "31536001s"],
      3,
      "--ttl 31536001s is longer than the maximum of 365d\n  Ask for at most 365d, or raise keys.maxTtl in mcpctl.yaml.",
    ],
    [
      "a life without end",
      ["-o", "token", "--ttl", "never"],
      3,
      "--ttl never is longer than the maximum of 365d\n  Ask for at most 365d, or raise keys.maxTtl in mcpctl.yaml.",
    ],
    [
      "an unknown role",
      ["-o", "token", "--role", "dev-redonly"],
      3,
      'there is no role "dev-redonly" in roles.yaml\n  Did you mean dev-readonly?',
    ],
    [
      "a role like no other",
      ["-o", "token", "--role", "qa"],
      3,
      'there is no role "qa" in roles.yaml\n  It has: devops-full, dev-readonly.',
    ],
    [
      "a role that is no name",
      ["-o", "token", "--role", "../x"],
      3,
      "--role is not a role name\n  A role is 1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit.",
    ],
    [
      "a user that is no name",
      ["-o", "token", "--user", "Alice"],
      3,
      "--user is not a user name\n  A user is 1 to 63 of a-z 0-9 . _ @ -, beginning with a letter or digit.",
    ],
    [
      "an --out that exists",
      ["--out", "roles.yaml"],
      3,
      "roles.yaml exists already\n  Name a new file; an existing one is never overwritten.",
    ],
    ...["", "-"].map((out): [string, string[], number, string] => [
      `an --out that is ${JSON.stringify(out)}`,
      ["--out", out],
      2,
      "--out must name a new file\n  To print the token, leave --out away and add -o token.",
    ]),
    [
      "an --out below a file",
      ["--out", "roles.yaml/t"],
      3,
      "roles.yaml/t lies below something that is not a folder\n  Check the path.",
    ],
  ])("%s", async (_what, more, code, message) => {
    expect(await project.run([...CREATE, ...more])).toEqual({ code, out: "", err: `error: ${message}\n` });
    await untouched();
  });

  it("an --out in a folder that is not there", async () => {
    const { code, out, err } = await project.run([...CREATE, "--out", "no/agent.token"]);
    expect({ code, out, told: err.startsWith("error: the folder of no/agent.token does not exist\n") }).toEqual({
      code: 3,
      out: "",
      told: true,
    });
    await untouched();
  });

  it.skipIf(process.getuid?.() === 0)("an --out that may not be written", async () => {
    await mkdir(join(project.cwd, "sealed"), { mode: 0o500 });
    expect(await project.run([...CREATE, "--out", "sealed/t"])).toMatchObject({ code: 5, out: "" });
    await chmod(join(project.cwd, "sealed"), 0o700);
  });

  it.each([
    [["keys", "create"], "--role and --user must be given"],
    [["keys", "create", "--role", "dev-readonly"], "--user must be given"],
    [["keys", "create", "--user", "a"], "--role must be given"],
  ])("%o lacks an option", async (argv, message) => {
    const hint = "For example: mcpctl keys create --role dev-readonly --user incident-agent-01";
    expect(await project.run(argv)).toEqual({ code: 2, out: "", err: `error: ${message}\n  ${hint}\n` });
    await untouched();
  });

  it.each([
    [
      "a role file with an error",
      "roleMapping:\n  dev-readonly: eks-ro\n",
      'roles.yaml:2:17: "dev-readonly" must be a list, and is the text "eks-ro"\n  See them all with `mcpctl roles check`.',
    ],
    ["a role file that is empty", "", "roles.yaml:1:1: the file is empty\n  Start it with `roleMapping:`."],
  ])("%s", async (_what, content, message) => {
    await writeFile(join(project.cwd, "roles.yaml"), content);
    expect(await project.run([...CREATE, "-o", "token"])).toEqual({ code: 3, out: "", err: `error: ${message}\n` });
    await untouched();
  });

  it("a client configuration that would be empty", async () => {
    await writeFile(join(project.cwd, "roles.yaml"), "roleMapping:\n  dev-readonly: []\n");
    const message =
      "role dev-readonly is granted no backend that the registry knows\n  A client configuration would be empty; grant a backend first, or use -o token.";
    expect(await project.run([...CREATE, "-o", "claude"])).toEqual({ code: 3, out: "", err: `error: ${message}\n` });
    await untouched();
  });

  it("a store that is not the pinned one: the opened file is taken back", async () => {
    const store = new MemoryStore();
    store.failNext("verify", new AppError("invalid", "account_mismatch", "another account"));
    expect(await project.run([...CREATE, "--out", "t"], { store })).toEqual({
      code: 3,
      out: "",
      err: "error: another account\n",
    });
    expect(store.asked).toEqual(["verify"]);
    await untouched();
  });

  it.each([
    [
      "a folder in the place of keys.json",
      async (path: string) => void (await mkdir(path, { recursive: true })),
      "is a folder",
    ],
    [
      "a keys.json that is not JSON",
      (path: string) => writeFile(path, "oops"),
      ".mcpctl/keys.json is not a keys.json: not JSON",
    ],
    [
      "a keys.json with a name twice",
      (path: string) => writeFile(path, '{"a":"1","a":"2"}'),
      '.mcpctl/keys.json is not a keys.json: the name "a" stands twice',
    ],
  ])("%s", async (_what, spoil, message) => {
    await mkdir(join(project.cwd, ".mcpctl"));
    await spoil(join(project.cwd, ".mcpctl/keys.json"));
    const { code, out, err } = await project.run([...CREATE, "--out", "t"]);
    expect({ code, out, told: err.includes(message) }).toEqual({ code: 3, out: "", told: true });
    expect(await readdir(join(project.cwd, ".mcpctl"))).toEqual(["keys.json"]);
    await expect(access(join(project.cwd, "t"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a token that cannot be delivered", () => {
  it.each([
    ["a full disk", "ENOSPC", "cannot be written, the disk is full"],
    ["a closed pipe", "EPIPE", "was closed by the program that read it"],
    ["an input/output error", "EIO", "could not be written (EIO)"],
  ])("for %s: the key is revoked, and that is told", async (_what, code, text) => {
    const result = await project.run([...CREATE, "-o", "token"], { outFails: systemError(code) });
    const [first] = result.err.split("\n");
    expect({ ...result, err: first }).toEqual({
      code: 5,
      out: "",
      err: `error: standard output ${text}; ${id} was not delivered, and it was revoked`,
    });
    expect(await stored()).toEqual({
      [`dev-readonly.${hash}`]: "dev-readonly/incident-agent-01?exp=2027-02-18T10:00:00Z",
      [`dev-readonly.${hash}.revoked`]: "at=2026-11-20T10:00:00Z",
    });
  });

  it("for Ctrl-C between minting and delivery: revoked, exit 130, the file taken back", async () => {
    const abort = new AbortController();
    const store = new MemoryStore();
    const randomBytes = (length: number): Uint8Array => {
      abort.abort();
      return new Uint8Array(length);
    };
    const { code, err } = await project.run([...CREATE, "--out", "t"], { store, signal: abort.signal, randomBytes });
    expect({ code, err }).toEqual({
      code: 130,
      err: "error: interrupted before the token was delivered; k_d9b6b1321c0b was not delivered, and it was revoked\n",
    });
    expect((await store.list()).map(({ value }) => value)).toEqual([
      "dev-readonly/incident-agent-01?exp=2027-02-18T10:00:00Z",
      "at=2026-11-20T10:00:00Z",
    ]);
    await untouched();
  });

  it("because the store does not show the record: withdrawn, exit 5, no token printed", async () => {
    const store = new MemoryStore();
    store.unproveNext();
    const { code, out, err } = await project.run([...CREATE, "-o", "json"], { store });
    expect({ code, out, error: JSON.parse(err) as unknown }).toEqual({
      code: 5,
      out: "",
      error: {
        error: {
          kind: "unavailable",
          code: "write_unproven",
          message: `${id} was accepted by the store and cannot be read back; ${id} was not delivered, and it was revoked`,
          hint: "Repeat the command; it makes a new key.",
        },
      },
    });
  });

  it("is in no error, not even in the causes that --debug tells", async () => {
    const { err } = await project.run([...CREATE, "-o", "token", "--debug"], { outFails: systemError("EIO") });
    expect(err).toContain("  caused by: Error: EIO: made up by a test\n");
    expect(err).not.toContain(token.slice(0, 20));
  });
});

describe("a context whose Secret fills up", () => {
  const MOST = Math.floor(0.8 * 1024 * 1024);
  /** What is counted beside the value that `fill` makes: braces, the new key, and its own name in quotes. */
  const BESIDE = 2 + 480 + `"dev.${"a".repeat(64)}":"",`.length;
  const useSecret = (secret: string): Promise<void> =>
    writeFile(
      join(project.cwd, "mcpctl.yaml"),
      `contexts:
  - name: prod
    store: {type: file, path: k/keys.json}
    kubernetes: {context: c, cluster: 3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f, namespace: mcp${secret}}
`,
    );
  const fill = (bytes: number): MemoryStore => {
    const store = new MemoryStore();
    store.plant(`dev/${"a".repeat(64)}`, "x".repeat(bytes - BESIDE));
    return store;
  };
  const create = async (store: MemoryStore) => project.run([...CREATE, "--out", "t", "--no-wait"], { store });

  it.each([
    ["one Secret", ", secret: keys", MOST],
    ["two Secrets", ", secret: [keys-a, keys-b]", 2 * MOST],
  ])("takes keys up to 80 %% of 1 MiB in %s, and not a byte more", async (_what, secret, most) => {
    await useSecret(secret);
    const full = fill(most + 1);
    expect(await create(full)).toEqual({
      code: 3,
      out: "",
      err: `error: ${most + 1} bytes of keys do not fit into 80 % of the context's Secret\n  Use one ExternalSecret per role folder, and name them all under kubernetes.externalSecret and kubernetes.secret.\n`,
    });
    expect(full.asked.filter((call) => call.startsWith("create"))).toEqual([]);
    expect((await readdir(project.cwd)).toSorted()).toEqual(["backends.yaml", "mcpctl.yaml", "roles.yaml"]);
    expect(await create(fill(most))).toMatchObject({ code: 0 });
  });

  it("calls it secret_full, and counts a character as its bytes", async () => {
    await useSecret(", secret: keys");
    const store = new MemoryStore();
    store.plant(`dev/${"a".repeat(64)}`, "ü".repeat(MOST / 2));
    const { code, err } = await project.run([...CREATE, "-o", "json"], { store });
    expect([code, (JSON.parse(err) as { error: { code: string } }).error.code]).toEqual([3, "secret_full"]);
  });

  it("knows no limit where no Secret is named", async () => {
    await useSecret("");
    expect(await create(fill(2 * MOST + 1))).toMatchObject({ code: 0 });
  });

  it("refuses a rotation as well, and lets keys be revoked", async () => {
    await useSecret(", secret: keys");
    const store = fill(MOST);
    store.plant(`dev-readonly/${"b".repeat(64)}`, "dev-readonly/bob");
    const before = (await store.list()).length;
    const rotated = await project.run(["keys", "rotate", "--user", "bob", "--yes", "-o", "token"], { store });
    expect([rotated.code, rotated.out, (await store.list()).length]).toEqual([3, "", before]);
    expect(rotated.err).toMatch(/^error: \d{6} bytes of keys do not fit into 80 % of the context's Secret\n/);
    const revoked = await project.run(["keys", "revoke", "--user", "bob", "--yes", "--no-wait"], { store });
    expect(revoked.code).toBe(0);
    const small = new MemoryStore();
    small.plant(`dev-readonly/${"b".repeat(64)}`, "dev-readonly/bob");
    const argv = ["keys", "rotate", "--user", "bob", "--yes", "--no-wait", "-o", "token"];
    expect((await project.run(argv, { store: small })).code).toBe(0);
  });
});

describe("a context with a cluster", () => {
  const CONTEXT = `contexts:
  - name: prod
    store: {type: file, path: k/keys.json}
    kubernetes: {context: c, cluster: 3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f, namespace: mcp}
`;
  const told = `Not proven: the kubeconfig has no context "c". KUBECONFIG, or ~/.kube/config, holds none at all.
The store has it; \`mcpctl sync\` tries again.
`;

  const made = notes(
    "standard output",
    EXPIRY,
    "http://127.0.0.1:8080",
    "Context prod: file k/keys.json, cluster 3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f.",
  );

  it.each([
    [[], 6, `${made}${told}`],
    [["--no-wait"], 0, made],
  ])("with %o ends with %i", async (more, code, err) => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), CONTEXT);
    expect(await project.run([...CREATE, "-o", "token", ...more])).toEqual({ code, out: `${token}\n`, err });
  });
});

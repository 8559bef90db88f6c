import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Parameter } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildKeyring } from "../../src/lib/keys/followed-keyring.ts";
import { hashKey, keyId } from "../../src/lib/keys/key.ts";
import { acceptKey, type KeyEntry } from "../../src/lib/keys/keyring.ts";
import { parseEntryName } from "../../src/lib/keys/record.ts";
import { runWorker, storm, type ChaosLine, type ChaosTask, type Seen } from "../support/chaos.ts";
import { startFaultProxy, type FaultProxy, type Guard } from "../support/fault-proxy.ts";
import { filesBelow } from "../support/files-below.ts";
import { MOTO_ACCOUNT, motoAvailable, startMoto, type MotoServer } from "../support/moto.ts";
import { parametersBelow } from "../support/parameters-below.ts";
import { seededNumbers } from "../support/seeded.ts";

const SEED = Number(process.env["MCPCTL_CHAOS_SEED"] ?? 20261128);
/** Each with a path of its own, three processes at once and 180 command lines. */
const ROUNDS = Number(process.env["MCPCTL_CHAOS_ROUNDS"] ?? 2);
const WORKERS = 3;
const LINES = 60;
const DAY_MS = 86_400_000;
const ROLES = ["dev-readonly", "devops-full"] as const;
const USERS = ["ann", "bob", "cem", "dee"] as const;

interface Issued {
  readonly hash: string;
  readonly role: string;
  readonly user: string;
  /** The key id that it succeeds. */
  readonly replaces: string | null;
  /** Whether the command that delivered it came to a good end. */
  readonly isAcknowledged: boolean;
}

describe.skipIf(!motoAvailable())("keys on an account that fails, in processes that are killed", () => {
  let moto: MotoServer;
  let proxy: FaultProxy;
  let weather: Guard = () => null;
  let folder: string;

  beforeAll(async () => {
    moto = await startMoto();
    proxy = await startFaultProxy(moto.url, (call, forward) => weather(call, forward));
    folder = await mkdtemp(join(tmpdir(), "mcpctl-chaos-"));
  });
  afterAll(async () => {
    await proxy.close();
    await moto.stop();
    await rm(folder, { recursive: true });
  });

  it.each(Array.from({ length: ROUNDS }, (_, round) => SEED + round))(
    "end as a model says (MCPCTL_CHAOS_SEED=%i)",
    { timeout: 600_000 },
    async (seed) => {
      const numbers = seededNumbers(seed);
      const path = `/chaos-${seed}/keys`;
      // Two of the three share a machine: a folder, and what is kept between commands.
      const machines = [await machine(path, seed, 0), await machine(path, seed, 1)] as const;
      const killers = new Map<string, () => void>();
      weather = storm(numbers, killers);
      const seen = await Promise.all(
        Array.from({ length: WORKERS }, async (_, worker) => {
          const { cwd, state } = machines[worker % 2] as (typeof machines)[number];
          const name = `WORKER${worker}`;
          const all: Seen[] = [];
          let lines = Array.from({ length: LINES }, (_line, at) => randomLine(numbers, `${worker}-${at}`));
          while (lines.length > 0) {
            const task: ChaosTask = { name, path, account: MOTO_ACCOUNT, endpoint: proxy.url, cwd, state, lines };
            const done = await runWorker(task, (kill) => killers.set(name, kill));
            all.push(...done);
            lines = lines.slice(Math.max(1, done.length));
          }
          return all;
        }),
      );
      weather = () => null;
      const after = await Promise.all(machines.map((at, index) => recover(path, at, `AFTER${index}`)));
      const events = [...seen.flat(), ...after.flat()];
      const parameters = await parametersBelow(moto, path);
      expect(
        await findings(
          parameters,
          events,
          machines.map(({ cwd }) => cwd),
        ),
      ).toEqual([]);
      expect(events.filter(({ code }) => code === null).length).toBeGreaterThan(0);
      expect(events.filter(({ code }) => code === 0).length).toBeGreaterThan(LINES);
    },
  );

  async function machine(path: string, seed: number, index: number) {
    const cwd = join(folder, `${seed}-${index}`);
    await mkdir(cwd);
    for (const name of ["roles.yaml", "backends.yaml"]) await copyFile(join("examples", name), join(cwd, name));
    const store = `{ type: ssm, path: ${path}, region: eu-central-1, account: "${MOTO_ACCOUNT}" }`;
    await writeFile(join(cwd, "mcpctl.yaml"), `currentContext: c\ncontexts:\n  - { name: c, store: ${store} }\n`);
    return { cwd, state: join(cwd, "state") };
  }

  /** What a person does next: each machine makes a key, which mends what was left, and rotates what is owed. */
  async function recover(path: string, at: { cwd: string; state: string }, name: string): Promise<readonly Seen[]> {
    const create = ["keys", "create", "--role", "dev-readonly", "--user", `after-${name.toLowerCase()}`, "-o", "json"];
    const task = { name, path, account: MOTO_ACCOUNT, endpoint: proxy.url, ...at };
    const first = await runWorker({ ...task, lines: [{ argv: create }] }, () => undefined);
    const owed = [...(first[0]?.err ?? "").matchAll(/run `mcpctl (keys rotate k_\w+)`/g)].map(([, line]) => line ?? "");
    const lines = [...new Set(owed)].map((line) => ({ argv: [...line.split(" "), "--yes", "-o", "json"] }));
    const second = await runWorker({ ...task, lines }, () => undefined);
    const undelivered = (await filesBelow(at.state)).filter((file) => file.endsWith(".jsonl"));
    if (undelivered.length > 0) throw new Error(`still undelivered: ${undelivered.join(", ")}\n${second[0]?.err}`);
    return [...first, ...second];
  }
});

function randomLine(numbers: (below: number) => number, id: string): ChaosLine {
  const role = ROLES[numbers(ROLES.length)] as string;
  const user = USERS[numbers(USERS.length)] as string;
  const dice = numbers(100);
  if (dice < 45) return { argv: ["keys", "create", "--role", role, "--user", user, "-o", "json"] };
  if (dice < 53)
    return { argv: ["keys", "create", "--role", role, "--user", user, "-o", "json", "--out", `token-${id}.json`] };
  if (dice < 70) return { argv: ["keys", "rotate", "--user", user, "--role", role, "--yes", "-o", "json"] };
  if (dice < 76) return { argv: ["keys", "rotate", "--user", user, "--role", role, "--yes", "--out", "tokens"] };
  if (dice < 88) return { argv: ["keys", "revoke", "--user", user, "--role", role, "--yes", "-o", "json"] };
  if (dice < 94) return { argv: ["keys", "list", "-o", "json"] };
  const stdin = [1, 2, 3].map((part) => `${hashKey(Buffer.from(`${id}-${part}`))}:${role}/${user}`).join("\n");
  return { argv: ["keys", "import", "-", "--ttl", "30d", "--yes", "-o", "json"], stdin };
}

/** Everything in which the store differs from what people were told; empty when all is well. */
async function findings(
  parameters: readonly Parameter[],
  events: readonly Seen[],
  folders: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  const now = Date.now();
  const entries = parameters.map(({ Name = "", Value = "", Version = null }) => ({
    label: Name,
    name: parseEntryName(Name.split("/").slice(3).join("/"), "/"),
    value: Value,
    version: Version,
    changedAt: null,
  }));
  for (const { label, version } of entries) if (version !== 1) found.push(`${label} was overwritten`);
  const keyring = buildKeyring(entries);
  if (keyring.foreign.length > 0) found.push(`foreign: ${keyring.foreign.map(({ label }) => label).join(", ")}`);
  const keys = [...keyring.keys.values()];
  const issued = [...events.flatMap(issuedBy), ...(await issuedInto(folders))];
  const holders = new Map<string, Issued>();
  for (const key of issued) if (holders.get(key.hash)?.isAcknowledged !== true) holders.set(key.hash, key);
  const imported = new Set(
    events.flatMap(({ argv, out }) => (argv[1] === "import" ? [...out.matchAll(/k_[0-9a-f]{12}/g)].map(String) : [])),
  );
  const revokes = events.filter(({ argv }) => argv[1] === "revoke").map(({ argv }) => argv);
  const isPerhapsRevoked = ({ role, user }: Pick<Issued, "role" | "user">): boolean =>
    revokes.some((argv) => argv.includes(role) && argv.includes(user));

  for (const key of holders.values()) {
    const entry = keyring.keys.get(key.hash);
    const acceptance = acceptKey(keyring, key.hash, now);
    if (!key.isAcknowledged) continue;
    if (entry === undefined || entry.roles.length === 0) found.push(`${keyId(key.hash)} was acknowledged and is lost`);
    else if (entry.claims[0]?.role !== key.role || entry.claims[0]?.user !== key.user)
      found.push(`${entry.keyId} stands for somebody else`);
    else if (!acceptance.accepted && !isPerhapsRevoked(key))
      found.push(`${entry.keyId} was acknowledged, nobody revoked it, and it is refused: ${acceptance.reason}`);
  }
  for (const key of keys) {
    if (key.roles.length === 0 || key.isRevoked) continue;
    if (key.claims[0]?.user.startsWith("after-") === true) continue;
    const isHeld = holders.has(key.hash) || imported.has(key.keyId) || isImported(key, events);
    if (!isHeld) found.push(`${key.keyId} is alive, and nobody ever received it`);
  }
  for (const { argv, out, code } of events) {
    if (argv[1] !== "revoke" || code !== 0) continue;
    for (const { id } of JSON.parse(out) as { id: string }[])
      if (keys.some((key) => key.keyId === id && !key.isRevoked)) found.push(`${id} was revoked and lives`);
  }
  const successors = new Map<string, string[]>();
  for (const { hash, replaces } of holders.values()) {
    if (replaces === null || keyring.keys.get(hash)?.isRevoked !== false) continue;
    successors.set(replaces, [...(successors.get(replaces) ?? []), keyId(hash)]);
  }
  for (const [old, ids] of successors)
    if (ids.length > 1) found.push(`${old} has several live successors: ${ids.join(", ")}`);
  for (const key of keys.filter(({ isSuperseded }) => isSuperseded)) {
    const next = keys.find(({ keyId: id }) => id === key.next);
    if (next === undefined || next.roles.length === 0) found.push(`${key.keyId} is succeeded by nothing`);
    found.push(...endsAsTold(key, events));
  }
  return found;
}

/** Every line of tokens that this command printed, acknowledged when it ended well or another line followed. */
function issuedBy({ argv, out, code }: Seen): readonly Issued[] {
  if (argv[1] !== "create" && argv[1] !== "rotate") return [];
  const lines = out.split("\n").filter((line) => line.includes('"token"'));
  return lines.map((line, index) => readIssued(line, code === 0 || index < lines.length - 1));
}

/** Tokens in files: the next command on that machine leaves only what was delivered, or says that it was revoked. */
async function issuedInto(folders: readonly string[]): Promise<readonly Issued[]> {
  const issued: Issued[] = [];
  for (const folder of folders)
    for (const file of await filesBelow(folder)) {
      if (!/^token-.*\.json$|^tokens\/.*\.jsonl$/.test(file)) continue;
      for (const line of (await readFile(join(folder, file), "utf8")).split("\n"))
        if (line.includes('"token"')) issued.push(readIssued(line, true));
    }
  return issued;
}

function readIssued(line: string, isAcknowledged: boolean): Issued {
  const { token, role, user, replaces } = JSON.parse(line) as {
    token: string;
    role: string;
    user: string;
    replaces?: { id: string };
  };
  return { hash: hashKey(Buffer.from(token, "base64")), role, user, replaces: replaces?.id ?? null, isAcknowledged };
}

function isImported({ hash }: KeyEntry, events: readonly Seen[]): boolean {
  const lines = events.filter(({ argv }) => argv[1] === "import").length;
  for (let worker = 0; worker < WORKERS; worker += 1)
    for (let at = 0; at < LINES; at += 1)
      for (const part of [1, 2, 3])
        if (lines > 0 && hashKey(Buffer.from(`${worker}-${at}-${part}`)) === hash) return true;
  return false;
}

/** The end of a rotated key is a day after some rotation, or its own end: never later, and never at once. */
function endsAsTold(key: KeyEntry, events: readonly Seen[]): readonly string[] {
  const own = key.expiresAt ?? Infinity;
  if (key.endsAt === own) return [];
  const isOfARotation = events.some(
    ({ argv, startedAt, endedAt }) =>
      argv[1] === "rotate" &&
      key.endsAt >= startedAt + DAY_MS - 2000 &&
      key.endsAt <= Math.min(endedAt, Date.now()) + DAY_MS,
  );
  return isOfARotation ? [] : [`${key.keyId} ends at another time`];
}

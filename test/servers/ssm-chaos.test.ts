import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashKey } from "../../src/lib/keys/key.ts";
import { runWorker, storm, type ChaosKey, type ChaosLine, type ChaosTask, type Seen } from "../support/chaos.ts";
import { findings } from "../support/chaos-model.ts";
import { startFaultProxy, type FaultProxy, type Guard } from "../support/fault-proxy.ts";
import { filesBelow } from "../support/files-below.ts";
import { LaunchedProject } from "../support/launcher.ts";
import { MOTO_ACCOUNT, motoAvailable, startMoto, TEST_CREDENTIALS, type MotoServer } from "../support/moto.ts";
import { parametersBelow } from "../support/parameters-below.ts";
import { seededNumbers } from "../support/seeded.ts";

const SEED = Number(process.env["MCPCTL_CHAOS_SEED"] ?? 20261128);
/** Each with a path of its own, three processes at once and 180 command lines. */
const ROUNDS = Number(process.env["MCPCTL_CHAOS_ROUNDS"] ?? 2);
const WORKERS = 3;
const LINES = 60;
/** A clock by which revoked and superseded keys are over, and no others. */
const PRUNE_AHEAD_MS = 45 * 86_400_000;
/** Where a process keeps what it must not forget, below its home. */
const STATE = ".local/state";
const ROLES = ["dev-readonly", "devops-full"] as const;
const USERS = ["ann", "bob", "cem", "dee"] as const;
const IMPORT_GROUPS = 12;

describe.skipIf(!motoAvailable())("keys on an account that fails, in processes that are killed", () => {
  let moto: MotoServer;
  let proxy: FaultProxy;
  let weather: Guard = () => null;
  const projects: LaunchedProject[] = [];

  beforeAll(async () => {
    moto = await startMoto();
    proxy = await startFaultProxy(moto.url, (call, forward) => weather(call, forward));
  });
  afterAll(async () => {
    await proxy.close();
    await moto.stop();
    for (const project of projects) await project.remove();
  });

  it.each(Array.from({ length: ROUNDS }, (_, round) => SEED + round))(
    "end as a model says (MCPCTL_CHAOS_SEED=%i)",
    { timeout: 600_000 },
    async (seed) => {
      const numbers = seededNumbers(seed);
      const path = `/chaos-${seed}/keys`;
      // Two of the three share a machine: a folder, and what is kept between commands.
      const machines = [await machine(path), await machine(path)] as const;
      const killers = new Map<string, () => void>();
      weather = storm(seed, killers);
      const events: Seen[] = [];
      await Promise.all(
        Array.from({ length: WORKERS }, async (_, worker) => {
          const { folder } = machines[worker % 2] as LaunchedProject;
          const name = `WORKER${worker}`;
          const place = { path, account: MOTO_ACCOUNT, endpoint: proxy.url, cwd: folder, state: join(folder, STATE) };
          const own: Seen[] = [];
          let lines = Array.from({ length: LINES }, (_line, at) => randomLine(numbers, `${worker}-${at}`));
          while (lines.length > 0) {
            const task: ChaosTask = { name, ...place, lines, known: own.flatMap(printedKeys) };
            const done = await runWorker(task, (kill) => killers.set(name, kill));
            own.push(...done);
            lines = lines.slice(Math.max(1, done.length));
          }
          events.push(...own);
        }),
      );
      weather = () => null;
      for (const project of machines) events.push(...(await recover(project)));
      expect(
        await findings({
          path,
          parameters: await parametersBelow(moto, path),
          pruned: await parametersBelow(moto, `${path}.pruned`),
          events,
          folders: machines.map(({ folder }) => folder),
          imported: IMPORTED,
        }),
      ).toEqual([]);
      expect(events.filter(({ code }) => code === null).length).toBeGreaterThan(0);
      expect(events.filter(({ code }) => code === 0).length).toBeGreaterThan(LINES);
      expect(events.filter(({ code }) => code === 70)).toEqual([]);
    },
  );

  async function machine(path: string): Promise<LaunchedProject> {
    const project = await LaunchedProject.create({
      AWS_ENDPOINT_URL: proxy.url,
      AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
    });
    const store = `{ type: ssm, path: ${path}, region: eu-central-1, account: "${MOTO_ACCOUNT}" }`;
    await writeFile(project.path("mcpctl.yaml"), `currentContext: c\ncontexts:\n  - { name: c, store: ${store} }\n`);
    projects.push(project);
    return project;
  }

  /** What a person does next: makes a key, which mends what was left, and rotates as that tells. */
  async function recover(project: LaunchedProject): Promise<readonly Seen[]> {
    const launch = async (argv: readonly string[]): Promise<Seen> => {
      const startedAt = Date.now();
      return { argv, about: null, startedAt, ...(await project.mcpctl(...argv)), endedAt: Date.now() };
    };
    const created = await launch(["keys", "create", "--role", "dev-readonly", "--user", "after", "-o", "json"]);
    const rotated: Seen[] = [];
    for (const [, line = ""] of created.err.matchAll(/run `mcpctl (keys rotate k_\w+)`/g))
      rotated.push(await launch([...line.split(" "), "--yes", "-o", "json"]));
    const left = (await filesBelow(project.folder)).filter((file) => /undelivered.*\.jsonl$/.test(file));
    const failed = [created, ...rotated].filter(({ code }) => code !== 0);
    expect({ left, failed }).toEqual({ left: [], failed: [] });
    return [created, ...rotated];
  }
});

function printedKeys({ out }: Seen): readonly ChaosKey[] {
  return out.split("\n").flatMap((line) => (line.includes('"token"') ? [JSON.parse(line) as ChaosKey] : []));
}

const IMPORTED = new Set(
  Array.from({ length: IMPORT_GROUPS }, (_, group) => [1, 2, 3].map((part) => importedHash(group, part))).flat(),
);

type Numbers = (below: number) => number;

function randomLine(numbers: Numbers, id: string): ChaosLine {
  const role = ROLES[numbers(ROLES.length)] as string;
  const user = USERS[numbers(USERS.length)] as string;
  const of = ["--role", role, "--user", user];
  const create = ["keys", "create", ...of, "-o", "json"];
  const rotate = ["keys", "rotate", ...of, "--yes"];
  const revoke = ["keys", "revoke", "--yes", "-o", "json"];
  const which = numbers(1000);
  const diesDelivered = numbers(20) === 0;
  return choose(numbers(100), [
    [38, { argv: create, diesDelivered }],
    [8, { argv: [...create, "--out", `token-${id}.json`], diesDelivered }],
    [8, { argv: ["keys", "rotate", "@id", "--yes", "-o", "json"], which, diesDelivered }],
    [7, { argv: [...rotate, "-o", "json"], diesDelivered }],
    [6, { argv: [...rotate, "--out", "tokens"], diesDelivered }],
    [2, { argv: ["keys", "rotate", "--role", role, "--expiring", "60d", "--yes", "--out", "tokens"], diesDelivered }],
    [5, { argv: [...revoke, ...of] }],
    [6, { argv: [...revoke, "@id"], which }],
    [3, { argv: [...revoke, "--token", "-"], stdin: "@token", which }],
    [8, { argv: ["keys", "import", "-", "--ttl", "30d", "--yes", "-o", "json"], stdin: importText(numbers) }],
    [3, { argv: ["keys", "prune", "--yes", "-o", "json"], aheadMs: PRUNE_AHEAD_MS }],
    [6, { argv: ["keys", "list", "-o", "json"] }],
  ]);
}

function choose<T>(dice: number, from: readonly (readonly [weight: number, of: T])[]): T {
  let left = dice;
  for (const [weight, of] of from) {
    if (left < weight) return of;
    left -= weight;
  }
  throw new Error("the weights are fewer than the faces of the dice");
}

/** Three hashes of one of a few groups, so that the same are imported again and again, in either form. */
function importText(numbers: Numbers): string {
  const group = numbers(IMPORT_GROUPS);
  const [role, user] = [ROLES[group % ROLES.length] ?? "", USERS[group % USERS.length] ?? ""];
  const hashes = [1, 2, 3].map((part) => importedHash(group, part));
  if (numbers(2) === 0) return hashes.map((hash) => `${hash}:${role}/${user}\n`).join("");
  return JSON.stringify(Object.fromEntries(hashes.map((hash) => [`${role}.${hash}`, `${role}/${user}`])));
}

function importedHash(group: number, part: number): string {
  return hashKey(Buffer.from(`imported-${group}-${part}`));
}

import { randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { Ports } from "../commands/ports.ts";
import type { Result } from "../commands/result.ts";
import type { AuditRecord } from "../lib/audit/record.ts";
import { AppError } from "../lib/errors.ts";
import { mintKey } from "../lib/keys/key.ts";
import { Agent, probe } from "./agent.ts";
import { AuditTail } from "./audit-tail.ts";
import { Narrator } from "./narrator.ts";
import { freePort, Stage } from "./stage.ts";
import { ALERT, FORBIDDEN, INVESTIGATION, REPORT, SAMPLE_SERVERS } from "./story.ts";

const ROLE = "dev-readonly";
const USER = "incident-agent-01";

/** Runs the main job on this machine with real processes; the answer is yes only if every step came out as told. */
export async function demo(ports: Pick<Ports, "print" | "paint" | "signal">): Promise<Result> {
  const narrator = new Narrator(ports);
  narrator.say("mcpctl demo: an incident, an agent with a read-only key, and a revocation.");
  narrator.say("All of it runs on this machine; the MCP servers answer with sample data.");
  const stage = await Stage.set();
  try {
    await Promise.race([tellStory(stage, narrator), untilAborted(ports.signal)]);
    await narrator.finish();
  } catch (error) {
    narrator.hush();
    // Ctrl-C reaches the demo's processes too, so that anything may fail after it.
    if (!ports.signal.aborted) throw error;
    throw new AppError("interrupted", "interrupted", "interrupted; everything the demo made was removed", {
      cause: error,
    });
  } finally {
    await stage.clear();
  }
  return narrator.conclude();
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_done, fail) =>
    signal.addEventListener("abort", () => fail(signal.reason as Error), { once: true }),
  );
}

async function tellStory(stage: Stage, narrator: Narrator): Promise<void> {
  const addresses = await setUp(stage, narrator);
  const key = await issueKey(stage, narrator);
  const gateway = await startGateway(stage, narrator, addresses);
  const tail = new AuditTail(stage.path("audit.jsonl"));
  const agent = new Agent(gateway, key.token);
  try {
    await investigate(agent, tail, narrator);
    await tryForbidden(agent, tail, narrator);
    await tryWrongKey(gateway, tail, narrator);
    await revoke(stage, key, gateway, tail, narrator);
    await showAudit(tail, narrator);
  } finally {
    await agent.close();
  }
}

/** Gives the addresses that the gateway will listen on. */
async function setUp(stage: Stage, narrator: Narrator): Promise<readonly string[]> {
  narrator.scene("Set up");
  const [port, adminPort] = [await freePort(), await freePort()];
  await stage.writeProject(await stage.startServers(), `http://127.0.0.1:${port}`);
  narrator.field("project", stage.folder);
  narrator.field("servers", `${Object.keys(SAMPLE_SERVERS).join(", ")} (sample data)`);
  await command(stage, narrator, ["roles", "check"], 0);
  return ["--listen", `127.0.0.1:${port}`, "--admin", `127.0.0.1:${adminPort}`];
}

interface DemoKey {
  readonly id: string;
  readonly token: string;
}

async function issueKey(stage: Stage, narrator: Narrator): Promise<DemoKey> {
  narrator.scene("A key for the agent");
  const told = await command(stage, narrator, ["keys", "create", "--role", ROLE, "--user", USER, "--out", "token"], 0);
  return { id: /k_[0-9a-f]{12}/.exec(told)?.[0] ?? "", token: (await readFile(stage.path("token"), "utf8")).trim() };
}

async function startGateway(stage: Stage, narrator: Narrator, addresses: readonly string[]): Promise<string> {
  narrator.scene("The gateway");
  const args = ["gateway", "start", ...addresses, "--audit", "audit.jsonl"];
  narrator.command(["mcpctl", ...args].join(" "));
  const gateway = await stage.startGateway(args);
  narrator.field("serving", `${gateway}/mcp/<backend>/mcp`);
  return gateway;
}

async function investigate(agent: Agent, tail: AuditTail, narrator: Narrator): Promise<void> {
  narrator.scene("The incident");
  narrator.alert(ALERT);
  for (const call of INVESTIGATION) {
    const answer = await agent.call(call);
    const record = await tail.next(({ tool_name: tool, backend }) => tool === call.tool && backend === call.backend);
    narrator.call(record, answer);
    narrator.expect(
      record.decision === "allow" && answer.includes(call.mustSay),
      `${call.tool} is allowed and tells of "${call.mustSay}"`,
    );
  }
  narrator.report(REPORT);
}

async function tryForbidden(agent: Agent, tail: AuditTail, narrator: Narrator): Promise<void> {
  narrator.scene("What this key cannot do");
  const refused = await agent.call(FORBIDDEN).then(
    () => false,
    () => true,
  );
  const record = await tail.next(({ backend }) => backend === FORBIDDEN.backend);
  narrator.call(record, `the agent wanted ${FORBIDDEN.tool}; the role is not granted ${FORBIDDEN.backend}`);
  narrator.expect(
    refused && record.http_status === 403 && record.reason === "backend_not_granted",
    "eks-rw is refused with 403",
  );
}

async function tryWrongKey(gateway: string, tail: AuditTail, narrator: Narrator): Promise<void> {
  const status = await probe(gateway, "eks-ro-prod", mintKey(randomBytes).token.reveal());
  const record = await tail.next(({ reason }) => reason === "key_unknown");
  narrator.call(record, "somebody tried a key that was never issued");
  narrator.expect(status === 401 && record.decision === "deny", "a wrong key is refused with 401");
}

/** Ends the key while calls go on, and measures from the store's change to the first refusal. */
async function revoke(stage: Stage, key: DemoKey, gateway: string, tail: AuditTail, narrator: Narrator): Promise<void> {
  narrator.scene("Revocation");
  narrator.expect((await probe(gateway, "eks-ro-prod", key.token)) === 200, "the key works until it is revoked");
  const refused = firstRefusal(gateway, key.token);
  await command(stage, narrator, ["keys", "revoke", key.id, "--yes", "--reason", "incident closed"], 0);
  const { at, status, calls } = await refused;
  const changed = await stat(stage.path(".mcpctl/keys.json"));
  const elapsed = Math.max(at - changed.mtimeMs, 0);
  narrator.field("first 401", `${elapsed.toFixed(0)} ms after the store changed, at call ${calls} of a steady stream`);
  narrator.expect(status === 401 && elapsed < 5_000, "the revoked key is refused with 401");
  narrator.expect((await probe(gateway, "eks-ro-prod", key.token)) === 401, "it stays refused");
  await tail.next(({ reason }) => reason === "key_revoked");
}

async function firstRefusal(
  gateway: string,
  token: string,
): Promise<{ readonly at: number; readonly status: number; readonly calls: number }> {
  const deadline = performance.now() + 30_000;
  for (let calls = 1; ; calls += 1) {
    const status = await probe(gateway, "eks-ro-prod", token);
    if (status !== 200 || performance.now() > deadline) return { at: Date.now(), status, calls };
  }
}

async function showAudit(tail: AuditTail, narrator: Narrator): Promise<void> {
  narrator.scene("The audit log");
  const records = await tail.all();
  const told = records.filter(
    ({ method, reason }) => method === "tools/call" || reason === "backend_not_granted" || reason === "key_unknown",
  );
  const lastCall: AuditRecord | undefined = records.findLast(({ reason }) => reason === "key_revoked");
  narrator.auditTable([...told, ...(lastCall === undefined ? [] : [lastCall])], records.length);
  const [first] = told;
  if (first !== undefined) narrator.json(first);
  const gapless = records.every((record, index) => record.seq === index + 1);
  narrator.expect(lastCall !== undefined && gapless, "every step is in the audit log");
}

/** Runs mcpctl, shows it as typed with what it says, and expects its exit code. */
async function command(stage: Stage, narrator: Narrator, args: readonly string[], exit: number): Promise<string> {
  const { code, out, err } = await stage.mcpctl(args);
  const said = (out + err).trim();
  narrator.command(["mcpctl", ...args.map((arg) => (/[^\w./:=-]/.test(arg) ? `"${arg}"` : arg))].join(" "));
  narrator.quote(said);
  narrator.expect(code === exit, `mcpctl ${args.slice(0, 2).join(" ")} ends with ${exit}`);
  return said;
}

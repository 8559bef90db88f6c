import { writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { keyId, readToken } from "../../src/lib/keys/key.ts";
import { parseEntryName } from "../../src/lib/keys/record.ts";
import { startFaultProxy, type FaultProxy, type Guard } from "../support/fault-proxy.ts";
import { filesBelow } from "../support/files-below.ts";
import { LaunchedProject, type Finished, type Launched } from "../support/launcher.ts";
import { MOTO_ACCOUNT, motoAvailable, startMoto, TEST_CREDENTIALS, type MotoServer } from "../support/moto.ts";
import { parametersBelow } from "../support/parameters-below.ts";

const CREATE = ["keys", "create", "--role", "dev-readonly", "--user", "alice", "-o", "token"] as const;
/** The calls of one `keys create`, in their order. */
const CALLS = ["GetCallerIdentity", "PutParameter", "GetParameters"] as const;
const STEPS = CALLS.flatMap((action) => [
  { action, isCarriedOut: false, isWritten: action === "GetParameters", when: `before ${action} is carried out` },
  { action, isCarriedOut: true, isWritten: action !== "GetCallerIdentity", when: `after ${action} was carried out` },
]);
const cutOff = (id: string): string =>
  `${id} was made by a command that was cut off before its token was delivered; it is revoked.\n`;

describe.skipIf(!motoAvailable())("keys create on SSM that a signal ends", () => {
  let moto: MotoServer;
  let proxy: FaultProxy;
  let project: LaunchedProject;
  let guard: Guard;
  let path = "";
  let paths = 0;

  beforeAll(async () => {
    moto = await startMoto();
    proxy = await startFaultProxy(moto.url, (call, forward) => guard(call, forward));
  });
  afterAll(async () => {
    await proxy.close();
    await moto.stop();
  });
  beforeEach(async () => {
    guard = () => null;
    path = `/recovery-${(paths += 1)}/keys`;
    project = await LaunchedProject.create({
      AWS_ENDPOINT_URL: proxy.url,
      AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
    });
    const store = `{ type: ssm, path: ${path}, region: eu-central-1, account: "${MOTO_ACCOUNT}" }`;
    await writeFile(project.path("mcpctl.yaml"), `currentContext: c\ncontexts:\n  - { name: c, store: ${store} }\n`);
  });
  afterEach(() => project.remove());

  /** Sends the signal at this step; the call is never answered, so that nothing but the signal can end it. */
  const interruptAt = async (
    { action, isCarriedOut }: (typeof STEPS)[number],
    signal: NodeJS.Signals,
  ): Promise<Finished> => {
    let isMet = false;
    const started: { launched?: Launched } = {};
    guard = async (call, forward) => {
      if (isMet || call.action !== action) return null;
      isMet = true;
      if (isCarriedOut) await forward();
      started.launched?.kill(signal);
      return "hang";
    };
    started.launched = project.launch(...CREATE);
    const finished = await started.launched.finished;
    guard = () => null;
    expect(isMet).toBe(true);
    return finished;
  };

  /** Makes another key: gives its id, and what was told before it was made. */
  const createNext = async (): Promise<{ readonly id: string; readonly told: string }> => {
    const { code, out, err } = await project.mcpctl(...CREATE);
    const [, told = "", id = ""] = /^([^]*?)Created (k_[0-9a-f]{12}) for alice/.exec(err) ?? [];
    const reading = readToken(out.trim());
    expect({ code, id }).toEqual({ code: 0, id: reading.ok ? keyId(reading.hash) : out });
    return { id, told };
  };

  it.each(STEPS)("SIGKILL $when: the next one says what became of the key, and nobody's lives", async (step) => {
    expect(await interruptAt(step, "SIGKILL")).toEqual({ code: null, out: "", err: "" });
    const before = await standing();
    const next = await createNext();
    const { [next.id]: made, ...lost } = await standing();
    expect(made).toEqual(["record"]);
    const [id = ""] = Object.keys(lost);
    expect({ before, lost, told: next.told }).toEqual(
      step.action === "GetCallerIdentity"
        ? { before: {}, lost: {}, told: "" }
        : step.isWritten
          ? { before: { [id]: ["record"] }, lost: { [id]: ["record", "revoked"] }, told: cutOff(id) }
          : { before: {}, lost: { [id]: ["revoked"] }, told: cutOff(id) },
    );
    expect(await journals()).toEqual([]);
  });

  it.each(STEPS)("SIGINT $when: it says itself what became of the key", async (step) => {
    const { code, out, err } = await interruptAt(step, "SIGINT");
    const lost = await standing();
    const [id = ""] = Object.keys(lost);
    expect({ code, out, lost }).toEqual({
      code: 130,
      out: "",
      lost: step.action === "GetCallerIdentity" ? {} : { [id]: step.isWritten ? ["record", "revoked"] : ["revoked"] },
    });
    expect(err).toMatch(
      step.action === "GetCallerIdentity"
        ? /^error: Interrupted during sts:GetCallerIdentity on the credentials in use\.\n$/
        : new RegExp(
            `^error: Interrupted during ssm:${step.action} on \\S+[0-9a-f]; ${id} was not delivered, and it was revoked\n$`,
          ),
    );
    expect(await journals()).toEqual([]);
    expect(await createNext()).toMatchObject({ told: "" });
  });

  it("a second SIGINT, while it takes the key back, leaves that to the next one", async () => {
    const launched: { child?: Launched } = {};
    guard = (call) => {
      if (call.action !== "PutParameter") return null;
      launched.child?.kill("SIGINT");
      return "hang";
    };
    launched.child = project.launch(...CREATE);
    expect(await launched.child.finished).toEqual({ code: 130, out: "", err: "" });
    guard = () => null;
    const { id, told } = await createNext();
    const { [id]: made, ...lost } = await standing();
    expect({ made, lost, told }).toEqual({
      made: ["record"],
      lost: { [Object.keys(lost)[0] ?? ""]: ["revoked"] },
      told: cutOff(Object.keys(lost)[0] ?? ""),
    });
  });

  it("a record that arrives after the next one has revoked it is born revoked", async () => {
    const late = Promise.withResolvers<() => Promise<unknown>>();
    guard = (call, forward) => {
      if (call.action !== "PutParameter") return null;
      late.resolve(forward);
      return "hang";
    };
    const launched = project.launch(...CREATE);
    const arrive = await late.promise;
    launched.kill("SIGKILL");
    await launched.finished;
    guard = () => null;
    const { id, told } = await createNext();
    await arrive();
    const { [id]: made, ...lost } = await standing();
    const [lostId = ""] = Object.keys(lost);
    expect({ made, lost, told }).toEqual({
      made: ["record"],
      lost: { [lostId]: ["record", "revoked"] },
      told: cutOff(lostId),
    });
    expect(await project.mcpctl("keys", "list", "--state", "active", "-o", "name")).toMatchObject({ out: `${id}\n` });
  });

  /** What stands of each key, by its id. */
  async function standing(): Promise<Readonly<Record<string, readonly string[]>>> {
    const parts: Record<string, string[]> = {};
    for (const { Name = "" } of await parametersBelow(moto, path)) {
      const name = parseEntryName(Name.slice(path.length + 1), "/");
      if (name === null) throw new Error(`${Name} is no entry`);
      (parts[keyId(name.hash)] ??= []).push(name.part);
    }
    for (const names of Object.values(parts)) names.sort();
    return parts;
  }

  async function journals(): Promise<readonly string[]> {
    return (await filesBelow(project.folder)).filter((file) => file.includes("/undelivered/"));
  }
});

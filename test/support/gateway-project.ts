import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MintedKey } from "../../src/lib/keys/key.ts";
import { startTestGateway, type TestGateway } from "./gateway.ts";
import { makeProject, NOW, type Project, type RunOptions, type RunResult } from "./run-cli.ts";

/** The admin listener of a gateway that nobody has started. */
export const NOBODY = "http://127.0.0.1:9";

/** A project whose context `desk` keeps keys and denylist where a real gateway in this process follows them. */
export interface GatewayProject {
  readonly project: Project;
  readonly gateway: TestGateway;
  readonly denylist: string;
  /** Which gateways the context names; the one that runs unless told otherwise. */
  name(admin: readonly string[] | null): Promise<void>;
  /** Runs a command line, and tells the context's URLs and paths by words. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** What the denylist holds. */
  locks(): Promise<{ readonly locks: readonly WrittenLock[]; readonly removed: readonly { readonly id: string }[] }>;
  /** Every receipt of this user, in order. */
  receipts(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** With which status does the gateway answer this key? */
  status(key?: MintedKey): Promise<number>;
  close(): Promise<void>;
}

export interface WrittenLock {
  readonly id: string;
  readonly match: object;
  readonly reason: string;
  readonly tell: boolean;
  readonly by: string;
  readonly at: string;
  readonly until: string | null;
  readonly revokes?: boolean;
}

export async function makeGatewayProject(files: Parameters<typeof startTestGateway>[1] = {}): Promise<GatewayProject> {
  const project = await makeProject();
  const clock = { now: () => NOW, monotonic: () => performance.now() };
  const gateway = await startTestGateway({ "eks-ro": NOBODY }, files, { clock });
  const denylist = join(gateway.folder, "denylist.json");
  const name = async (admin: readonly string[] | null): Promise<void> => {
    const store = { type: "file", path: join(gateway.folder, "keys.json"), denylist };
    const context = { name: "desk", store, gateway: { url: gateway.url, admin: admin ?? [gateway.adminUrl] } };
    await writeFile(join(project.cwd, "mcpctl.yaml"), JSON.stringify({ contexts: [context], currentContext: "desk" }));
  };
  await name(null);
  const plain = (text: string): string =>
    text.replaceAll(gateway.adminUrl, "ADMIN").replaceAll(gateway.folder, "FOLDER").replaceAll(project.cwd, "PROJECT");
  return {
    project,
    gateway,
    denylist,
    name,
    run: async (argv, options = {}) => {
      const { code, out, err } = await project.run(argv, options);
      return { code, out: plain(out), err: plain(err) };
    },
    locks: async () => JSON.parse(await readFile(denylist, "utf8")),
    receipts: async () => {
      const text = await readFile(join(project.cwd, ".local/state/mcpctl/admin.jsonl"), "utf8");
      return text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(plain(line)) as Readonly<Record<string, unknown>>)
        .filter(({ phase }) => phase === "done");
    },
    status: async (key = gateway.key) => {
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      const headers = {
        authorization: `Bearer ${key.token.reveal()}`,
        "content-type": "application/json",
        accept: ACCEPT,
      };
      return (await fetch(`${gateway.url}/mcp/eks-ro/mcp`, { method: "POST", headers, body })).status;
    },
    close: async () => {
      await gateway.close();
      await project.remove();
    },
  };
}

const ACCEPT = "application/json, text/event-stream";

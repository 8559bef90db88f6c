import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { PACKAGE_ROOT } from "../package-root.ts";
import { Processes, type Finished } from "./processes.ts";
import { SAMPLE_SERVERS } from "./story.ts";

const LAUNCHER = join(PACKAGE_ROOT, "bin", "mcpctl.js");
const SAMPLE_SERVER = join(PACKAGE_ROOT, "dist", "demo-server.js");

const configOf = (gatewayUrl: string): string => `contexts:
  - name: demo
    store: { type: file, path: .mcpctl/keys.json }
    gateway: { url: "${gatewayUrl}" }
`;

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A project in a temporary folder, and every process of the demo; both are gone after `clear`. */
export class Stage {
  readonly folder: string;
  readonly #processes: Processes;

  private constructor(folder: string) {
    this.folder = folder;
    const { PATH, HOME } = process.env;
    // Nothing of the person's own configuration may change the story.
    this.#processes = new Processes({
      ...(PATH && { PATH }),
      ...(HOME && { HOME }),
      XDG_CONFIG_HOME: folder,
      NO_COLOR: "1",
    });
  }

  static async set(): Promise<Stage> {
    return new Stage(await mkdtemp(join(tmpdir(), "mcpctl-demo-")));
  }

  /** Writes the example project with the addresses of the sample servers and of the gateway to come. */
  async writeProject(ports: ReadonlyMap<string, number>, gatewayUrl: string): Promise<void> {
    const backends = parseDocument(await readFile(join(PACKAGE_ROOT, "examples", "backends.yaml"), "utf8"));
    for (const [name, port] of ports) backends.setIn(["backends", name, "url"], `http://127.0.0.1:${port}`);
    await writeFile(this.path("backends.yaml"), String(backends));
    await writeFile(this.path("roles.yaml"), await readFile(join(PACKAGE_ROOT, "examples", "roles.yaml")));
    await writeFile(this.path("mcpctl.yaml"), configOf(gatewayUrl));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Runs mcpctl as a person would, in the project. */
  mcpctl(args: readonly string[]): Promise<Finished> {
    return this.#processes.run(LAUNCHER, args, this.folder);
  }

  async startServers(): Promise<ReadonlyMap<string, number>> {
    const names = Object.keys(SAMPLE_SERVERS);
    const ports = await Promise.all(
      names.map(async (name) =>
        Number((await this.#processes.startServer(SAMPLE_SERVER, [name], this.folder, "stdout", /^(\d+)\n/))[1]),
      ),
    );
    return new Map(names.map((name, index) => [name, ports[index] as number]));
  }

  /** Starts the gateway with these arguments and gives its URL. */
  async startGateway(args: readonly string[]): Promise<string> {
    const ready = await this.#processes.startServer(
      LAUNCHER,
      args,
      this.folder,
      "stderr",
      /Serving (http:\/\/[^/]+)\/mcp/,
    );
    return ready[1] as string;
  }

  async clear(): Promise<void> {
    await this.#processes.stopAll();
    await rm(this.folder, { recursive: true, force: true });
  }
}

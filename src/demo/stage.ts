import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { PACKAGE_ROOT } from "../package-root.ts";
import { Processes, type Finished } from "./processes.ts";
import { SAMPLE_SERVERS } from "./story.ts";

const LAUNCHER = join(PACKAGE_ROOT, "bin", "mcpctl.js");
const SAMPLE_SERVER = join(PACKAGE_ROOT, "dist", "demo-server.js");

const CONFIG = `contexts:
  - name: demo
    store: { type: file, path: .mcpctl/keys.json }
`;

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

  /** Writes the example project with the sample servers' addresses. */
  async writeProject(ports: ReadonlyMap<string, number>): Promise<void> {
    const backends = parseDocument(await readFile(join(PACKAGE_ROOT, "examples", "backends.yaml"), "utf8"));
    for (const [name, port] of ports) backends.setIn(["backends", name, "url"], `http://127.0.0.1:${port}`);
    await writeFile(this.path("backends.yaml"), String(backends));
    await writeFile(this.path("roles.yaml"), await readFile(join(PACKAGE_ROOT, "examples", "roles.yaml")));
    await writeFile(this.path("mcpctl.yaml"), CONFIG);
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

  /** Starts the gateway on free ports and gives its URL. */
  async startGateway(): Promise<string> {
    const args = [
      "gateway",
      "start",
      "--listen",
      "127.0.0.1:0",
      "--admin",
      "127.0.0.1:0",
      "--audit",
      this.path("audit.jsonl"),
    ];
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

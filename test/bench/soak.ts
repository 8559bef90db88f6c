import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { mintKey } from "../../src/lib/keys/key.ts";
import { auditedRequests } from "./audited.ts";
import type { Kind, Mix, Target } from "./calls.ts";
import { Load } from "./load.ts";
import { replaceKeys, writeProject, type Project } from "./project.ts";
import { BenchServers, type StartedGateway } from "./servers.ts";
import { SoakSamples } from "./soak-samples.ts";
import { OpenStream } from "./stream-client.ts";

const KEYS = 10_000;
const PER_SECOND = 500;
const CONNECTIONS = 64;
const MAX_STREAMS = 100;
const RELOAD_MS = 5_000;
const SAMPLE_MS = 10_000;
const WARM_UP_MINUTES = 2;
/** Granted calls answered plain and by events, every kind of refusal. */
const KINDS: readonly Kind[] = [
  "call",
  "stream",
  "call",
  "backend-denied",
  "call",
  "tool-denied",
  "stream",
  "call",
  "unauthenticated",
  "call",
];

/** Does the gateway grow, leak descriptors or lose records under a steady load of everything? */
export async function soak(minutes: number): Promise<void> {
  const servers = await BenchServers.create();
  try {
    const backend = await servers.startScript("backend.ts");
    const project = await writeProject(join(servers.folder, "project"), KEYS, backend.origin);
    const gateway = await servers.startGateway(project);
    const samples = new SoakSamples(gateway);
    const work = new Work(gateway, project, samples);
    const end = performance.now() + minutes * 60_000;
    await Promise.all([
      work.calls(end),
      work.streams(end),
      work.reloads(end),
      every(SAMPLE_MS, end, () => samples.take()),
    ]);
    samples.report(minutes > 2 * WARM_UP_MINUTES ? WARM_UP_MINUTES : minutes / 2);
    const { records, unsampled } = await auditedRequests(gateway);
    process.stdout.write(
      `  ${records} audit records and ${unsampled} unsampled refusals for ${work.requests} requests; ${work.reloaded} reloads of ${KEYS} keys, each in force; ${work.streamsOpened} streams\n`,
    );
    if (records + unsampled !== work.requests) throw new Error("requests and audit records differ");
  } finally {
    await servers.stop();
  }
}

/** Everything that goes on at once; whatever goes wrong in it ends the soak. */
class Work {
  readonly #gateway: StartedGateway;
  readonly #project: Project;
  readonly #samples: SoakSamples;
  readonly #load: Load;
  #proofs = 0;
  streamsOpened = 0;
  reloaded = 0;

  constructor(gateway: StartedGateway, project: Project, samples: SoakSamples) {
    this.#gateway = gateway;
    this.#project = project;
    this.#samples = samples;
    this.#load = new Load(targetOf(gateway), { kinds: KINDS, bytes: 1024, tokens: project.tokens }, CONNECTIONS);
  }

  get requests(): number {
    return this.#load.made + this.#proofs + 2 * this.streamsOpened;
  }

  async calls(end: number): Promise<void> {
    const start = performance.now();
    const underWay = new Set<Promise<void>>();
    const failure = Promise.withResolvers<never>();
    const one = async (): Promise<void> => this.#samples.time(await this.#load.call());
    while (performance.now() < end) {
      const due = Math.floor(((performance.now() - start) * PER_SECOND) / 1000);
      while (this.#load.made < due) {
        const made = one()
          .catch(failure.reject)
          .finally(() => underWay.delete(made));
        underWay.add(made);
      }
      await Promise.race([delay(5), failure.promise]);
    }
    await Promise.race([Promise.all(underWay), failure.promise]);
    await this.#load.close();
  }

  /** One opens twice a second; beyond the most there may be, the oldest is closed. */
  async streams(end: number): Promise<void> {
    const open: OpenStream[] = [];
    await every(500, end, async () => {
      const token = this.#project.tokens[this.streamsOpened % this.#project.tokens.length] as string;
      this.streamsOpened += 1;
      open.push(await OpenStream.open(this.#gateway.origin, token));
      if (open.some(({ isOpen }) => !isOpen)) throw new Error("a stream ended by itself");
      if (open.length > MAX_STREAMS) await open.shift()?.close();
    });
    await Promise.all(open.map((stream) => stream.close()));
  }

  /** A new key each time; before the next one comes it must open, so that every reload is proven to be in force. */
  async reloads(end: number): Promise<void> {
    await every(RELOAD_MS, end - RELOAD_MS, async () => {
      const fresh = mintKey(randomBytes);
      await replaceKeys({ ...this.#project, keys: [...this.#project.keys, fresh] });
      await delay(RELOAD_MS * 0.8);
      await this.#prove({ kinds: ["call"], bytes: 1024, tokens: [fresh.token.reveal()] });
      this.reloaded += 1;
    });
  }

  async #prove(mix: Mix): Promise<void> {
    const load = new Load(targetOf(this.#gateway), mix, 1);
    this.#proofs += 1;
    await load.call();
    await load.close();
  }
}

function targetOf({ origin }: StartedGateway): Target {
  return { name: "gateway", origin, prefix: "/mcp", refuses: ["backend-denied", "tool-denied", "unauthenticated"] };
}

/** Does this at every multiple of the interval until the end, never twice at once. */
async function every(ms: number, end: number, step: () => Promise<void>): Promise<void> {
  for (let next = performance.now(); next < end; next += ms) {
    await delay(Math.max(0, next - performance.now()));
    await step();
  }
}

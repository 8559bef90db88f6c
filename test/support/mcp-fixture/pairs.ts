import type { Agent, Endpoint } from "./agent.ts";
import type { Fixture } from "./fixture-server.ts";
import type { Abilities } from "./scenario.ts";
import { connectV1 } from "./v1-agent.ts";
import { startV1Fixture } from "./v1-fixture.ts";
import { connectV2 } from "./v2-agent.ts";
import { startV2Fixture } from "./v2-fixture.ts";

/** An official client, speaking one revision if it can. */
export interface ClientKind {
  readonly client: string;
  readonly connect: (endpoint: Endpoint) => Promise<Agent>;
  /** The revision it speaks with a server that knows all of them. */
  readonly best: string;
}

/** One build of the fixture. */
export interface ServerKind {
  readonly server: string;
  readonly start: () => Promise<Fixture>;
  readonly knowsModern: boolean;
  readonly hasSessions: boolean;
}

export type Pair = ClientKind & ServerKind;

const LATEST_LEGACY = "2025-11-25";
const MODERN = "2026-07-28";

const CLIENTS: readonly ClientKind[] = [
  { client: "v1", connect: connectV1, best: LATEST_LEGACY },
  { client: "v2 legacy", connect: (at) => connectV2(at, { mode: "legacy" }), best: LATEST_LEGACY },
  ...["2025-06-18", "2025-03-26", "2024-11-05"].map((version) => ({
    client: `v2 at ${version}`,
    connect: (at: Endpoint) => connectV2(at, { mode: "legacy", versions: [version] }),
    best: version,
  })),
  { client: "v2 auto", connect: (at) => connectV2(at, { mode: "auto" }), best: MODERN },
  { client: "v2 pinned", connect: (at) => connectV2(at, { mode: { pin: MODERN } }), best: MODERN },
];

const SERVERS: readonly ServerKind[] = [
  { server: "v1", start: () => startV1Fixture({ isJson: false }), knowsModern: false, hasSessions: true },
  { server: "v1 JSON", start: () => startV1Fixture({ isJson: true }), knowsModern: false, hasSessions: true },
  { server: "v2", start: () => startV2Fixture({ hasSessions: true }), knowsModern: true, hasSessions: true },
  {
    server: "v2 stateless",
    start: () => startV2Fixture({ hasSessions: false }),
    knowsModern: true,
    hasSessions: false,
  },
];

/** Every client with every server, but for the pinned client, which has nothing to say to a v1 server. */
export const PAIRS: readonly Pair[] = CLIENTS.flatMap((client) =>
  SERVERS.map((server) => ({ ...client, ...server })),
).filter(({ client, knowsModern }) => knowsModern || client !== "v2 pinned");

/** The revision the two agree on. */
export function revisionOf({ best, knowsModern }: Pair): string {
  return best === MODERN && !knowsModern ? LATEST_LEGACY : best;
}

export function abilitiesOf(pair: Pair): Abilities {
  const isModern = revisionOf(pair) === MODERN;
  return { isModern, hasGetStream: pair.hasSessions && !isModern };
}

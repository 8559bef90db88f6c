import { afterEach, describe, expect, it } from "vitest";
import { startTestGateway, until } from "../../support/gateway.ts";
import type { Agent } from "../../support/mcp-fixture/agent.ts";
import { MISSED, type Fixture } from "../../support/mcp-fixture/fixture-server.ts";
import { abilitiesOf, PAIRS, type Pair } from "../../support/mcp-fixture/pairs.ts";
import { streamAnswered } from "../../support/mcp-fixture/scenario.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const WAYS = [
  { way: "the server ends", drop: (fixture: Fixture) => fixture.endStreamsAndTell() },
  { way: "breaks", drop: (fixture: Fixture) => fixture.breakStreamsAndTell() },
];
const CASES = PAIRS.filter((pair) => abilitiesOf(pair).hasGetStream).flatMap((pair) =>
  WAYS.map((way) => ({ ...pair, ...way })),
);
type Case = (typeof CASES)[number];

interface Resumed {
  readonly told: readonly unknown[];
  /** The Last-Event-ID of each GET that the server accepted. */
  readonly accepted: readonly (string | null)[];
}

async function resumed(agent: Agent, fixture: Fixture, drop: Case["drop"]): Promise<Resumed> {
  const { client, told, exchanges } = agent;
  await streamAnswered(agent);
  await client.subscribeResource({ uri: "fixture://plain" });
  // Four changes: after these the client knows the id of an event to come back to.
  await agent.call("change");
  await toldOf(told, 4);
  await drop(fixture);
  await toldOf(told, 4 + MISSED.length);
  // The stream that was taken up again is alive.
  await agent.call("change");
  await toldOf(told, 8 + MISSED.length);
  await client.close();
  const accepted = exchanges.filter(({ method, answer }) => method === "GET" && answer?.status === 200);
  return { told, accepted: accepted.map(({ lastEventId }) => lastEventId) };
}

async function toldOf(told: readonly unknown[], count: number): Promise<void> {
  await until(
    () => told.length,
    (length) => length >= count,
  );
}

async function resumedDirectly(pair: Pair & Case): Promise<Resumed> {
  const fixture = await pair.start();
  closing.push(() => fixture.close());
  return resumed(await pair.connect({ url: `${fixture.url}/mcp`, token: null }), fixture, pair.drop);
}

async function resumedThroughGateway(pair: Pair & Case): Promise<Resumed> {
  const fixture = await pair.start();
  closing.push(() => fixture.close());
  const gateway = await startTestGateway({ "eks-ro": fixture.url });
  closing.push(() => gateway.close());
  const url = `${gateway.url}/mcp/eks-ro/mcp`;
  return resumed(await pair.connect({ url, token: gateway.key.token.reveal() }), fixture, pair.drop);
}

describe("a client whose GET stream is gone", () => {
  it.each(CASES)("misses nothing that was told meanwhile: $client client, $server server, $way", async (pair) => {
    const direct = await resumedDirectly(pair);
    const updated = (uri: string): unknown => ({ method: "notifications/resources/updated", params: { uri } });
    expect(direct.told.slice(4, 6)).toMatchObject(MISSED.map(updated));
    expect(direct.accepted).toEqual([null, expect.stringMatching(/^e-\d+$/)]);
    expect(await resumedThroughGateway(pair)).toEqual(direct);
  });
});

import { afterEach, describe, expect, it } from "vitest";
import { startTestGateway } from "../../support/gateway.ts";
import { abilitiesOf, PAIRS, revisionOf, type Pair } from "../../support/mcp-fixture/pairs.ts";
import { visit, type Seen } from "../../support/mcp-fixture/scenario.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function seenDirectly(pair: Pair): Promise<Seen> {
  const fixture = await pair.start();
  closing.push(() => fixture.close());
  const agent = await pair.connect({ url: `${fixture.url}/mcp`, token: null });
  return visit(agent, fixture, abilitiesOf(pair));
}

async function seenThroughGateway(pair: Pair): Promise<Seen> {
  const fixture = await pair.start();
  closing.push(() => fixture.close());
  const gateway = await startTestGateway({ "eks-ro": fixture.url });
  closing.push(() => gateway.close());
  const agent = await pair.connect({ url: `${gateway.url}/mcp/eks-ro/mcp`, token: gateway.key.token.reveal() });
  return visit(agent, fixture, abilitiesOf(pair));
}

describe("a client of a server behind the gateway", () => {
  it.each(PAIRS)("sees what it sees without the gateway: $client client, $server server", async (pair) => {
    const direct = await seenDirectly(pair);
    expect(direct).toMatchObject(whatMustBeSeen(pair));
    expect(await seenThroughGateway(pair)).toEqual(direct);
  });
});

/** Two equal failures would be equal too: this much must really have happened. */
function whatMustBeSeen(pair: Pair): object {
  const { isModern, hasGetStream } = abilitiesOf(pair);
  const told = [
    { method: "notifications/tools/list_changed" },
    { method: "notifications/resources/list_changed" },
    { method: "notifications/prompts/list_changed" },
    { method: "notifications/resources/updated", params: { uri: "fixture://plain" } },
  ];
  return {
    steps: {
      connect: { result: { protocolVersion: revisionOf(pair), instructions: 'Say "hello" first.\nThen nothing.' } },
      "read bytes": { result: { contents: [{ blob: "AP+ACg==" }] } },
      "read what is not there": { error: { code: -32602 } },
      complete: { result: { completion: { values: ["Ja", "J\u00e4"] } } },
      echo: { result: { structuredContent: { said: "h\u00e4 \u2028" } } },
      "a tool that is not there": { error: { code: -32602 } },
      "a tool that fails": { result: { isError: true } },
      cancel: { result: { error: { message: expect.stringContaining("no longer needed") as unknown } } },
      ...(hasGetStream || isModern ? { sample: answeredWith("4 \u00e4"), elicit: answeredWith('{"sure":true}') } : {}),
      ...(isModern ? { listen: { told, result: { closed: "local" } } } : {}),
      ...(hasGetStream
        ? { change: { told }, "come back for the rest": { result: { result: { content: [{ text: "after" }] } } } }
        : {}),
    },
    journal: ["wait began", "wait was cancelled"],
    heads: expect.arrayContaining([
      expect.stringContaining(
        isModern ? "\nmcp-param-text: =?base64?" : "\naccept: application/json, text/event-stream",
      ),
    ]) as unknown,
  };
}

function answeredWith(text: string): unknown {
  return { told: [{}], result: { content: [{ text: expect.stringContaining(text) as unknown }] } };
}

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  CLIENT_CAPABILITIES,
  CLIENT_INFO,
  ELICITED,
  headersOf,
  LOG_META,
  RECONNECTION,
  SAMPLED,
  type Agent,
  type Endpoint,
} from "./agent.ts";
import { watchedFetch, type Exchange } from "./watched-fetch.ts";

/** The official v1 client, connected. */
export async function connectV1(endpoint: Endpoint): Promise<Agent> {
  const told: unknown[] = [];
  const exchanges: Exchange[] = [];
  const client = new Client(CLIENT_INFO, { capabilities: CLIENT_CAPABILITIES });
  client.fallbackNotificationHandler = async (notification) => void told.push(notification);
  client.setRequestHandler(CreateMessageRequestSchema, ({ method, params }) => {
    told.push({ method, params });
    return SAMPLED;
  });
  client.setRequestHandler(ElicitRequestSchema, ({ method, params }) => {
    told.push({ method, params });
    return ELICITED;
  });
  const transport = new StreamableHTTPClientTransport(new URL(endpoint.url), {
    requestInit: { headers: headersOf(endpoint) },
    fetch: watchedFetch(exchanges),
    reconnectionOptions: RECONNECTION,
  });
  await client.connect(transport);
  return {
    client,
    protocolVersion: transport.protocolVersion,
    told,
    exchanges,
    call: (name, args = {}, options = {}) =>
      client.callTool({ name, arguments: args, _meta: LOG_META }, undefined, options),
    listen: null,
    discover: null,
    terminate: () => transport.terminateSession(),
  };
}

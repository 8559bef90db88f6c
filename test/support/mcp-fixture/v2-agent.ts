import { Client, StreamableHTTPClientTransport, type VersionNegotiationMode } from "@modelcontextprotocol/client";
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

export interface V2Options {
  readonly mode: VersionNegotiationMode;
  /** The only revisions to speak; all that the SDK knows unless given. */
  readonly versions?: string[];
}

/** The official v2 client, connected. */
export async function connectV2(endpoint: Endpoint, { mode, versions }: V2Options): Promise<Agent> {
  const told: unknown[] = [];
  const exchanges: Exchange[] = [];
  const client = new Client(CLIENT_INFO, {
    capabilities: CLIENT_CAPABILITIES,
    versionNegotiation: { mode },
    ...(versions === undefined ? {} : { supportedProtocolVersions: versions }),
  });
  client.fallbackNotificationHandler = async (notification) => void told.push(notification);
  client.setRequestHandler("sampling/createMessage", ({ method, params }) => {
    told.push({ method, params });
    return SAMPLED;
  });
  client.setRequestHandler("elicitation/create", ({ method, params }) => {
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
    protocolVersion: client.getNegotiatedProtocolVersion(),
    told,
    exchanges,
    call: (name, args = {}, options = {}) => client.callTool({ name, arguments: args, _meta: LOG_META }, options),
    listen: (filter) => client.listen(filter),
    discover: () => client.discover(),
    terminate: () => transport.terminateSession(),
  };
}

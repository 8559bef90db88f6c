import type { IncomingMessage } from "node:http";
import { RESOURCES, type Resource, type Verb } from "../../src/lib/cluster/resources.ts";

/** A request in the words of the API, as RequestInfo of the API server reads it. */
export interface FakeCall {
  readonly verb: Verb;
  readonly resource: Resource;
  readonly namespace: string | null;
  /** Of a list or watch, what its field selector names. */
  readonly name: string | null;
  readonly isMetadataOnly: boolean;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly contentType?: string;
  /** What to ask of a pod: path and query. */
  readonly proxied?: string;
}

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/(?<version>[^/]+)(?:\/namespaces\/(?<namespace>[^/]+)(?=\/[^/]+))?\/(?<resource>[a-z]+)(?:\/(?<name>[^/]+)(?:\/proxy\/(?<proxied>.*))?)?$/;

const DISCOVERY = /^\/(?:api\/[^/]+|apis(?:\/[^/]+\/[^/]+)?)$/;

/** `name` is the path. */
function discovery(path: string): FakeCall {
  const common = { namespace: null, isMetadataOnly: false, query: {}, body: null };
  return { ...common, verb: "get", resource: "apiresources", name: path };
}

/** Null for what is not served. */
export function readCall(request: IncomingMessage, body: string, unserved: readonly Resource[]): FakeCall | null {
  const url = new URL(request.url ?? "", "http://fake");
  if (DISCOVERY.test(url.pathname)) return discovery(url.pathname);
  const groups = PATH.exec(url.pathname)?.groups;
  const resource = groups?.["resource"] as Resource | undefined;
  if (groups === undefined || resource === undefined || unserved.includes(resource)) return null;
  const served = Object.hasOwn(RESOURCES, resource) ? RESOURCES[resource] : null;
  if (served?.group !== (groups["group"] ?? "") || served.version !== groups["version"]) return null;
  const query = Object.fromEntries(url.searchParams);
  const [, selected] = /^metadata\.name=(.+)$/.exec(query["fieldSelector"] ?? "") ?? [];
  const { namespace = null, name = selected ?? null, proxied } = groups;
  return {
    verb: verbOf(request.method, groups["name"] !== undefined, query["watch"] === "1"),
    resource,
    namespace: namespace === null ? null : decodeURIComponent(namespace),
    name: name === null ? null : decodeURIComponent(name),
    isMetadataOnly: request.headers.accept?.includes("as=PartialObjectMetadata") === true,
    query,
    body: body === "" ? null : (JSON.parse(body) as unknown),
    contentType: request.headers["content-type"] ?? "",
    ...(proxied === undefined ? {} : { proxied: `/${proxied}${url.search}` }),
  };
}

const WRITES: Readonly<Record<string, Verb>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };

function verbOf(method: string | undefined, isNamed: boolean, isWatch: boolean): Verb {
  const write = WRITES[method ?? ""];
  if (write !== undefined) return write;
  if (isNamed) return "get";
  return isWatch ? "watch" : "list";
}

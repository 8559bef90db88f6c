import { isIPv6 } from "node:net";
import { isBackendName } from "../../lib/names.ts";
import { Refusal } from "../refusal.ts";
import type { Heads } from "./heads.ts";

export type HttpMethod = "POST" | "GET" | "DELETE";

/** Where a request wants to go; whether that exists is told after the key was checked, and to nobody else. */
export interface Route {
  readonly method: HttpMethod;
  readonly backend: string;
  readonly path: string;
}

/** Which names this gateway answers to, in lower case, addresses of IPv6 in brackets as the Host header has them. */
export interface Surface {
  readonly hosts: ReadonlySet<string>;
  readonly origins: ReadonlySet<string>;
}

/** The plain characters of registry paths: nothing here can be decoded, climbed or cut in another way elsewhere. */
const PATH = /^\/mcp\/([a-z0-9-]{1,63})\/([A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*)$/;

/** Which backend is asked for, by whom it may be asked at all? The URL is compared raw. @throws Refusal */
export function findRoute(method: string | undefined, url: string | undefined, heads: Heads, surface: Surface): Route {
  if (heads.host === null || !isHostAllowed(heads.host, surface)) throw new Refusal("host_not_allowed");
  if (heads.origin !== null && !surface.origins.has(heads.origin.toLowerCase()))
    throw new Refusal("origin_not_allowed");
  const match = PATH.exec(url ?? "");
  const [, backend, path] = match ?? [];
  if (backend === undefined || path === undefined || !isBackendName(backend) || hasDotSegment(path))
    throw new Refusal("path_unknown", PLAIN);
  if (method !== "POST" && method !== "GET" && method !== "DELETE") throw new Refusal("http_method_not_allowed");
  if (method === "GET" && heads.sessionId === null) throw new Refusal("get_without_session");
  return { method, backend, path };
}

/** The answer of a URL that is no MCP endpoint at all is plain JSON, and the end of any discovery. */
const PLAIN = { code: null };

function hasDotSegment(path: string): boolean {
  return path.split("/").some((segment) => segment === "." || segment === "..");
}

/** The host names that are this machine itself; pages of other origins reach them only by DNS rebinding under another name. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** May this Host header be served? The port is ignored, the name is not. */
export function isHostAllowed(host: string, surface: Pick<Surface, "hosts">): boolean {
  const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
  return LOOPBACK.test(name) || surface.hosts.has(name);
}

/** These names as Host headers spell them: an address to listen on has no brackets, a Host header has. */
export function hostNames(names: readonly string[]): ReadonlySet<string> {
  return new Set(
    names.map((name) => {
      const bare = name.toLowerCase().replace(/^\[(.*)\]$/, "$1");
      return isIPv6(bare) ? `[${bare}]` : bare;
    }),
  );
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { faultText } from "../fault.ts";
import { isHostAllowed, type Surface } from "../http/route.ts";
import type { Report } from "./report.ts";

export interface AdminPorts {
  readonly report: Report;
  readonly surface: Pick<Surface, "hosts">;
  readonly log: (line: string) => void;
}

/** The listener for operators and the cluster: health, metrics and state, read-only, never an agent's. */
export function createAdminServer({ report, surface, log }: AdminPorts): Server {
  return createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) => {
    try {
      answer(request, response, report, surface);
    } catch (error) {
      log(`admin: ${faultText(error)}`);
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: "internal error" });
    }
  });
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  report: Report,
  surface: Pick<Surface, "hosts">,
): void {
  request.resume();
  // A page in someone's browser must not read this by resolving its own name to our address.
  // An address cannot be resolved anew, and the kubelet's probes name the pod by it.
  const host = request.headers.host ?? "";
  if (!isAddress(host) && !isHostAllowed(host, surface)) return sendJson(response, 403, { error: "host not allowed" });
  if (request.headers.origin !== undefined) return sendJson(response, 403, { error: "origin not allowed" });
  // Compared raw: `new URL` throws on paths like `//`.
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  const page = PAGES[path];
  if (page === undefined) return sendJson(response, 404, { error: "not found" });
  if (request.method !== "GET" && request.method !== "HEAD")
    return sendJson(response, 405, { error: "method not allowed" });
  page(response, report, new URLSearchParams(query));
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/:\d{1,5}$/, "").replace(/^\[(.*)\]$/, "$1")) !== 0;
}

type Page = (response: ServerResponse, report: Report, query: URLSearchParams) => void;

const PAGES: Readonly<Record<string, Page>> = Object.assign(Object.create(null) as Record<string, Page>, {
  "/healthz": (response) => sendJson(response, 200, { status: "ok" }),
  "/readyz": (response, report) => {
    const reasons = report.unreadiness();
    const ready = reasons.length === 0;
    sendJson(response, ready ? 200 : 503, { ready, reasons, problems: report.problems() });
  },
  "/metrics": (response, report) => send(response, 200, "text/plain; version=0.0.4; charset=utf-8", report.metrics()),
  "/state": (response, report, query) => {
    const asked = { key: query.get("key"), user: query.get("user"), role: query.get("role") };
    const hasKeyQuery = Object.values(asked).some((value) => value !== null);
    sendJson(response, 200, report.state(hasKeyQuery ? asked : null, query.get("lock")));
  },
} satisfies Record<string, Page>);

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, "application/json", `${JSON.stringify(value)}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
  });
  response.end(body);
}

import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { KubeApi } from "../../../src/lib/cluster/kube-api.ts";
import { namedReplicas, serviceReplicas, type Replica } from "../../../src/lib/cluster/replicas.ts";

const STATE = { version: "1", instance: "gw-1", ready: [], sources: [], counts: {} };
const LOCK = { id: "lock_1", in_force: true, since: null, refused_calls: 0, first_refused_at: null, cut_calls: 0 };
const SOURCE = {
  what: "keys",
  path: "k",
  usable: true,
  sha256: null,
  resource_version: null,
  age_seconds: 0.5,
  problem: null,
};
const ANSWER = { ...STATE, sources: [SOURCE], keys: { accepted: 0, refused: [] }, lock: LOCK };
const POD = { kind: "Pod", name: "gw-1" };

let server: Server | null = null;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((done) => (server === null ? done() : server.close(() => done())));
  server = null;
});

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

async function serve(answer: (path: string, headers: IncomingHttpHeaders) => Reply): Promise<number> {
  server = createServer((request, response) => {
    const { status, body } = answer(request.url ?? "", request.headers);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((done) => server?.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}

/** Pods behind an API server that is asked as `localhost`. */
async function pods(
  endpoints: readonly object[],
  answer: (path: string, headers: IncomingHttpHeaders) => Reply,
): Promise<readonly Replica[]> {
  const port = await serve((path, headers) =>
    path.includes("/endpointslices")
      ? { status: 200, body: { items: [{ endpoints }, { endpoints: null }] } }
      : answer(path, headers),
  );
  const connection = { server: new URL(`http://localhost:${port}`), secured: async () => ({}), close: () => undefined };
  return serviceReplicas(new KubeApi(connection), { namespace: "gw", service: "gateway", adminPort: 8081 })();
}

it("finds each pod once, those that end included, and says what is no pod", async () => {
  const endpoints = [
    { addresses: ["10.0.0.1"], targetRef: POD },
    { addresses: ["fd00::1"], targetRef: POD },
    { addresses: ["10.0.0.2"], targetRef: { ...POD, name: "gw-2" }, conditions: { terminating: true } },
    { addresses: ["10.0.0.3"] },
  ];
  const found = await pods(endpoints, () => ({ status: 200, body: STATE }));
  expect(found.map(({ name, isTerminating }) => [name, isTerminating])).toEqual([
    ["gw-1", false],
    ["gw-2", true],
    ["10.0.0.3", false],
  ]);
  await expect(found[2]?.ask({})).rejects.toMatchObject({ code: "replica_unknown" });
});

it("asks again by an address where the gateway does not know the API server's name, and remembers that", async () => {
  const hosts: (string | undefined)[] = [];
  const endpoints = [{ targetRef: POD }, { targetRef: { ...POD, name: "gw-2" } }];
  const [one, two] = await pods(endpoints, (_path, { host }) => {
    hosts.push(host);
    return host === "127.0.0.1:8081"
      ? { status: 200, body: ANSWER }
      : { status: 403, body: { error: "host not allowed" } };
  });
  expect(await one?.ask({ user: "a b", lock: "lock_1" })).toEqual(ANSWER);
  expect(await two?.ask({})).toEqual(ANSWER);
  expect(hosts).toEqual([expect.stringMatching(/^localhost:/), "127.0.0.1:8081", "127.0.0.1:8081"]);
});

it.each([
  [
    "a right that is missing",
    { status: 403, body: { kind: "Status", message: "no" } },
    /^get pods\/proxy "gw-1:8081" in namespace gw was refused/,
  ],
  [
    "a pod that is gone",
    { status: 404, body: { kind: "Status", message: 'pods "gw-1" not found' } },
    /^pod gw-1 does not answer \(pods "gw-1" not found\)/,
  ],
  [
    "a pod that does not listen",
    { status: 503, body: "connect: connection refused" },
    /^pod gw-1 does not answer \(status 503\)/,
  ],
  ["another server", { status: 200, body: { hello: 1 } }, /does not answer as a gateway of mcpctl does/],
  ["no JSON", { status: 200, body: "<html>" }, /does not answer as a gateway of mcpctl does/],
  [
    "a pod that speaks as the API server, and no text",
    { status: 403, body: { kind: "Status", message: 5 } },
    /^pod gw-1 does not answer \(status 403\)/,
  ],
  ["null", { status: 200, body: "null" }, /does not answer as a gateway of mcpctl does/],
])("tells %s", async (_, reply, message) => {
  const [replica] = await pods([{ targetRef: POD }], () => reply);
  await expect(replica?.ask({})).rejects.toThrow(message);
});

it("asks gateways at the URLs that a context names", async () => {
  const port = await serve((path) => ({ status: path.startsWith("/state?key=k_1") ? 200 : 500, body: ANSWER }));
  const [replica] = await namedReplicas([`http://127.0.0.1:${port}/`])();
  expect(await replica?.ask({ key: "k_1" })).toEqual(ANSWER);
  await expect(replica?.ask({})).rejects.toMatchObject({ code: "replica_silent" });
});

it("leaves a state that never ends", async () => {
  const port = await serve(() => ({ status: 200, body: `"${"x".repeat(17 * 1024 * 1024)}"` }));
  const [replica] = await namedReplicas([`http://127.0.0.1:${port}`])();
  await expect(replica?.ask({})).rejects.toThrow("does not answer (more than 16777216 bytes)");
});

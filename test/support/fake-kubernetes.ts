import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect } from "../../src/lib/cluster/connection.ts";
import { KubeApi, type KubeApiOptions } from "../../src/lib/cluster/kube-api.ts";
import type { Resource, Verb } from "../../src/lib/cluster/resources.ts";
import { answerCall, failure, KINDS, versionOf, type Answer } from "./fake-kubernetes-answers.ts";
import { readCall, type FakeCall } from "./fake-kubernetes-call.ts";
import { until } from "./gateway.ts";
import { FakeObjects, type Change, type Place, type StoredObject } from "./fake-objects.ts";

/** Writes a watch as it likes; `follow` hears every event from the version asked for on, and those to come. */
export type Streaming = (response: ServerResponse, follow: (hear: (event: string) => void) => void) => unknown;

/** What happens to one call: an answer, text that is no answer of the API, a connection cut, silence, or a watch. */
export type Outcome = Answer | { readonly status: number; readonly text: string | Buffer } | "hang" | "cut" | Streaming;
export type Fault = (call: FakeCall, forward: () => Answer) => Outcome;

/** The calls that it is about; what is left out is not looked at. */
export type Match = Partial<Pick<FakeCall, "verb" | "resource" | "namespace" | "name" | "isMetadataOnly">>;

/** An API server of this process, for faults that a real one does not show when asked. It lets everybody do everything. */
export interface FakeKubernetes {
  readonly url: string;
  /** A kubeconfig file whose context `test` is this server. */
  readonly kubeconfig: string;
  readonly objects: FakeObjects;
  /** Every call since the start or the last `settle`, in order; of a watch, its beginning. */
  readonly calls: readonly FakeCall[];
  /** A client; closed with the server. */
  api(options?: KubeApiOptions): KubeApi;
  /** Writes a Secret, ConfigMap or whatever else without a request. */
  put(resource: Resource, name: string, body: Readonly<Record<string, unknown>>, namespace?: string): StoredObject;
  remove(resource: Resource, name: string, namespace?: string): void;
  /** What it answers now, to be told later by a fault. */
  look(verb: "get" | "list", resource: Resource, name: string, namespace?: string): Answer;
  /** Requests to this port of a pod go to `url`, and not to the pod's own address. */
  serve(pod: string, port: number, url: string): void;
  /** The next `times` calls that match meet this fault, or all until the function it returns is called. */
  inject(match: Match, fault: Fault, times?: number): () => void;
  /** What /readyz says. */
  beReady(isSo: boolean): void;
  /** How many such calls were there since the start or the last `settle`? */
  count(verb: Verb, resource: Resource, name?: string): number;
  /** Resolves once such a call is answered after this is called. */
  called(verb: Verb, resource: Resource, name?: string): Promise<void>;
  /** Sends this line to whoever watches such objects, true or not. */
  say(resource: Resource, line: string): void;
  /** A bookmark of now to every watch that asked for some. */
  bookmark(): void;
  /** How many watches are open? */
  readonly watches: number;
  /** Ends every watch: in order, or by cutting its connection. */
  endWatches(how: "end" | "cut"): void;
  /** Forgets the calls; throws when a fault met no call, for then it was not tested. */
  settle(): void;
  close(): Promise<void>;
}

interface Watch {
  readonly call: FakeCall;
  readonly response: ServerResponse;
}

interface Cluster {
  readonly objects: FakeObjects;
  /** Where requests to `name:port` go instead. */
  readonly pods: ReadonlyMap<string, string>;
}

interface Plan {
  readonly match: Match;
  readonly fault: Fault;
  left: number;
  isMet: boolean;
}

export async function startFakeKubernetes(unserved: readonly Resource[] = []): Promise<FakeKubernetes> {
  const objects = new FakeObjects();
  const [calls, pods, clients] = [[] as FakeCall[], new Map<string, string>(), [] as KubeApi[]];
  const watches = new Set<Watch>();
  let plans: Plan[] = [];
  for (const name of ["default", "kube-system"])
    objects.put(placeOf("namespaces", name, ""), objectOf("namespaces", {}));

  const stream = (call: FakeCall, response: ServerResponse, streaming: Streaming): void => {
    const watch = { call, response };
    watches.add(watch);
    response.on("close", () => watches.delete(watch));
    streaming(response, (hear) => {
      const tell = (change: Change): void => {
        if (!response.writableEnded && isAbout(call, change.place)) hear(eventOf(change.type, change.object));
      };
      for (const change of objects.since(versionOf(call)) ?? []) tell(change);
      response.on("close", objects.onChange(tell));
    });
  };
  let isReady = true;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === "/readyz") return void response.writeHead(isReady ? 200 : 500).end();
    const call = readCall(request, await text(request), unserved);
    if (call === null) return void response.writeHead(404).end("404 page not found\n");
    calls.push(call);
    const plan = plans.find(({ match, left }) => left > 0 && isMatched(match, call));
    const forward = (): Answer => answerCall(call, objects);
    const outcome = plan === undefined ? await ordinary(call, forward, { objects, pods }) : meet(plan, call, forward);
    if (outcome === "hang") return;
    if (outcome === "cut") return void response.destroy();
    if (typeof outcome === "function") return stream(call, response, outcome);
    const isOurs = "body" in outcome;
    response.writeHead(outcome.status, { "content-type": isOurs ? "application/json" : "text/plain" });
    response.end(isOurs ? JSON.stringify(outcome.body) : outcome.text);
  };

  const count = (verb: Verb, resource: Resource, name?: string): number =>
    calls.filter((call) => isMatched({ verb, resource, ...(name === undefined ? {} : { name }) }, call)).length;
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-fake-kubernetes-"));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, JSON.stringify(configOf(url)), { mode: 0o600 });
  return {
    url,
    kubeconfig,
    objects,
    calls,
    api: (options = {}) => {
      const api = new KubeApi(connect({ context: "test", env: { KUBECONFIG: kubeconfig }, home: folder }), options);
      clients.push(api);
      return api;
    },
    put: (resource, name, body, namespace = "mcp") => {
      const space = placeOf("namespaces", namespace, "");
      if (namespace !== "" && objects.get(space) === null) objects.put(space, objectOf("namespaces", {}));
      return objects.put(placeOf(resource, name, namespace), objectOf(resource, body));
    },
    remove: (resource, name, namespace = "mcp") => void objects.remove(placeOf(resource, name, namespace)),
    look: (verb, resource, name, namespace = "mcp") =>
      answerCall({ verb, resource, namespace, name, isMetadataOnly: false, query: {}, body: null }, objects),
    serve: (pod, port, target) => void pods.set(`${pod}:${port}`, target),
    inject: (match, fault, times = 1) => {
      const plan = { match, fault, left: times, isMet: false };
      plans.push(plan);
      return () => void (plan.left = 0);
    },
    beReady: (isSo) => void (isReady = isSo),
    count,
    called: async (verb, resource, name) => {
      const before = count(verb, resource, name);
      await until(
        () => count(verb, resource, name),
        (found) => found > before,
      );
    },
    say: (resource, line) => {
      for (const { call, response } of watches) if (call.resource === resource) response.write(`${line}\n`);
    },
    bookmark: () => {
      for (const { call, response } of watches)
        if (call.query["allowWatchBookmarks"] === "true") response.write(bookmarkOf(call, objects.version));
    },
    get watches() {
      return watches.size;
    },
    endWatches: (how) => {
      for (const { response } of watches)
        if (how === "end") response.end();
        else response.destroy();
    },
    settle: () => {
      const unmet = plans.filter(({ isMet }) => !isMet).map(({ match }) => JSON.stringify(match));
      plans = [];
      calls.length = 0;
      if (unmet.length > 0) throw new Error(`no call met the faults planned for ${unmet.join(", ")}`);
    },
    close: async () => {
      for (const client of clients) client.close();
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
      await rm(folder, { recursive: true });
    },
  };
}

function meet(plan: Plan, call: FakeCall, forward: () => Answer): Outcome {
  plan.left -= 1;
  plan.isMet = true;
  return plan.fault(call, forward);
}

/** What a healthy API server does. */
async function ordinary(call: FakeCall, forward: () => Answer, cluster: Cluster): Promise<Outcome> {
  if (call.proxied !== undefined) return passOn(call, cluster);
  const answer = forward();
  if (call.verb !== "watch" || answer.status !== 200) return answer;
  return (response, follow) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    follow((event) => response.write(event));
    const seconds = Number(call.query["timeoutSeconds"] ?? 3_600);
    const over = setTimeout(() => response.end(), seconds * 1_000);
    response.on("close", () => clearTimeout(over));
  };
}

/** Through the proxy of a pod. */
async function passOn({ namespace, name, proxied = "" }: FakeCall, { objects, pods }: Cluster): Promise<Outcome> {
  const [pod = "", port = ""] = (name ?? "").split(":");
  const asked = { verb: "get", resource: "pods", namespace, name: pod, isMetadataOnly: false } as const;
  const found = answerCall({ ...asked, query: {}, body: null }, objects);
  if (found.status !== 200) return found;
  const { podIP } = (found.body as { readonly status?: { readonly podIP?: string } }).status ?? {};
  try {
    const answer = await fetch(new URL(proxied, pods.get(name ?? "") ?? `http://${podIP}:${port}`));
    return { status: answer.status, text: await answer.text() };
  } catch {
    return failure(503, "ServiceUnavailable", "error trying to reach service");
  }
}

function isMatched(match: Match, call: FakeCall): boolean {
  return Object.entries(match).every(([field, value]) => call[field as keyof Match] === value);
}

function isAbout({ resource, namespace, name }: FakeCall, place: Place): boolean {
  if (place.resource !== resource || (namespace !== null && place.namespace !== namespace)) return false;
  return name === null || place.name === name;
}

/** One line of a watch. */
export function eventOf(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function bookmarkOf({ resource }: FakeCall, version: number): string {
  return eventOf("BOOKMARK", objectOf(resource, { metadata: { resourceVersion: String(version) } }));
}

function placeOf(resource: Resource, name: string, namespace: string): Place {
  return { resource, namespace, name };
}

function objectOf(resource: Resource, body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { ...KINDS[resource], ...body };
}

function configOf(server: string): unknown {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "test", user: { token: "token-of-test" } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  };
}

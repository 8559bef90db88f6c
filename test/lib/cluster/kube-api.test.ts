import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { KubeApi, type KubeApiOptions, type WatchEvent } from "../../../src/lib/cluster/kube-api.ts";
import type { KubeCall } from "../../../src/lib/cluster/resources.ts";
import { eventOf, startFakeKubernetes, type FakeKubernetes, type Fault } from "../../support/fake-kubernetes.ts";
import { secret } from "../../support/followed.ts";
import { until } from "../../support/gateway.ts";
import {
  beDeaf,
  cutAfterWrite,
  cutConnection,
  neverAnswer,
  refuse,
  refuseAfterWrite,
  say,
  sayInParts,
  SERVER_TEXT,
} from "../../support/kube-faults.ts";

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await startFakeKubernetes();
  fake.put("secrets", "keys", secret("1"));
  fake.put("configmaps", "locks", { data: {} });
});
afterEach(() => fake.close());

const GET: KubeCall = { verb: "get", resource: "secrets", namespace: "mcp", name: "keys" };
const CREATE: KubeCall = {
  verb: "create",
  resource: "secrets",
  namespace: "mcp",
  name: null,
  body: { metadata: { name: "agent" }, ...secret("hush-hush") },
};

const failure = async (call: KubeCall, options: KubeApiOptions = { timeoutMs: 200 }): Promise<AppError> => {
  const error: unknown = await fake
    .api(options)
    .send(call)
    .catch((error: unknown) => error);
  if (error instanceof AppError) return error;
  throw new Error(`no AppError: ${inspect(error)}`);
};

interface Row {
  readonly what: string;
  readonly fault: Fault;
  readonly code: string;
  readonly kind: string;
}

describe("a request that fails", () => {
  it.each<Row>([
    { what: "401", fault: refuse(401), code: "kube_credentials_refused", kind: "unauthenticated" },
    { what: "403", fault: refuse(403), code: "kube_forbidden", kind: "forbidden" },
    { what: "404 of a kind", fault: say("404 page not found\n", 404), code: "kube_not_served", kind: "not-found" },
    { what: "409", fault: refuse(409), code: "kube_conflict", kind: "conflict" },
    { what: "410", fault: refuse(410), code: "kube_gone", kind: "unavailable" },
    { what: "422", fault: refuse(422), code: "kube_invalid", kind: "invalid" },
    { what: "429", fault: refuse(429), code: "kube_throttled", kind: "unavailable" },
    { what: "500", fault: refuse(500), code: "kube_failing", kind: "unavailable" },
    { what: "503", fault: refuse(503), code: "kube_failing", kind: "unavailable" },
    { what: "a redirection", fault: say("", 302), code: "kube_answer_unreadable", kind: "unavailable" },
    { what: "no JSON", fault: say("<html>"), code: "kube_answer_unreadable", kind: "unavailable" },
    { what: "a cut connection", fault: cutConnection(), code: "kube_unreachable", kind: "unavailable" },
    { what: "silence", fault: neverAnswer(), code: "kube_timeout", kind: "unavailable" },
  ])("says so in words of its own ($what), and quotes neither token nor server", async ({ fault, code, kind }) => {
    fake.inject({}, fault);
    const error = await failure(GET);
    expect({ code: error.code, kind: error.kind, hasHint: error.hint !== undefined }).toEqual({
      code,
      kind,
      hasHint: true,
    });
    expect(error.message).toMatch(/^get secrets "keys" in namespace mcp /);
    expect(inspect(error, { depth: 10 })).not.toMatch(new RegExp(`token-of-test|${SERVER_TEXT}`));
    fake.settle();
  });

  it.each([403, 422])("quotes what the server says of what is no Secret (%s)", async (status) => {
    fake.inject({}, refuse(status));
    const { message } = await failure({ ...GET, resource: "configmaps", name: "locks" });
    expect(message).toContain(`(it says: ${SERVER_TEXT})`);
  });

  it("tells nothing of what it was to write", async () => {
    fake.inject({}, cutConnection());
    expect(inspect(await failure(CREATE), { depth: 10 })).not.toContain(
      Buffer.from("hush-hush").toString("base64").slice(0, 8),
    );
  });

  it("reads an answer of 64 MiB, and no more", async () => {
    const fitting = JSON.stringify({ padding: "x".repeat(60_000_000) });
    fake.inject({}, say(fitting));
    expect(await fake.api().send(GET)).toMatchObject({ padding: /^x+$/ });
    fake.inject({}, say(Buffer.alloc(100_000_000, " ")));
    expect(await failure(GET, {})).toMatchObject({ code: "kube_answer_unreadable" });
  });
});

describe("patience", () => {
  it.each([
    ["429", refuse(429)],
    ["500", refuse(500)],
    ["a cut connection", cutConnection()],
    ["silence", neverAnswer()],
  ])("repeats a request that met %s, and tells so", async (_what, fault) => {
    fake.inject({}, fault, 2);
    const told: string[] = [];
    const api = fake.api({ timeoutMs: 100, patienceMs: 5_000, tell: (line) => told.push(line) });
    expect(await api.send(GET)).toMatchObject(secret("1"));
    expect([api.calls, fake.calls.length, told.length]).toEqual([3, 3, 1]);
    expect(told[0]).toMatch(/^The API server .*; repeating get secrets "keys" in namespace mcp for 5 s\.$/);
    fake.settle();
  });

  it.each([401, 403, 404, 409, 410, 422])("repeats nothing that repeating cannot mend (%s)", async (status) => {
    fake.inject({}, refuse(status));
    await failure(GET, { patienceMs: 5_000 });
    expect(fake.calls.length).toBe(1);
  });

  it("repeats what a server refused that had not read its roles yet", async () => {
    fake.beReady(false);
    fake.inject({}, refuse(403), 2);
    expect(await fake.api({ patienceMs: 5_000 }).send(GET)).toMatchObject(secret("1"));
    expect(fake.count("get", "secrets")).toBe(3);
    fake.settle();
  });

  it("ends, and tells what was last", async () => {
    fake.inject({}, refuse(500), Infinity);
    const begun = performance.now();
    expect(await failure(GET, { patienceMs: 500 })).toMatchObject({ code: "kube_failing" });
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(fake.calls.length).toBeLessThanOrEqual(4);
  });

  it("leaves what a pod answers to whoever asked it", async () => {
    fake.inject({}, say("busy", 503));
    const call = { ...GET, resource: "pods", name: "gateway-1:8081", subresource: "proxy/state" } as const;
    expect(await fake.api({ patienceMs: 5_000 }).reply(call)).toEqual({ status: 503, text: "busy" });
  });

  it.each([
    ["answered by a failure", refuseAfterWrite(500)],
    ["cut before its answer", cutAfterWrite()],
  ])("finds what a write that was %s left behind", async (_what, fault) => {
    fake.inject({ verb: "create" }, fault);
    expect(await failure(CREATE, { patienceMs: 5_000 })).toMatchObject({ kind: "conflict", code: "kube_conflict" });
    expect(await fake.api().send({ ...GET, name: "agent" })).toMatchObject(secret("hush-hush"));
    fake.settle();
  });
});

describe("an interruption", () => {
  it.each([
    ["under way", neverAnswer()],
    ["waited for to be repeated", refuse(500)],
  ])("ends a request that is %s", async (_what, fault) => {
    fake.inject({}, fault, Infinity);
    const controller = new AbortController();
    const failed = failure(GET, { signal: controller.signal, timeoutMs: 60_000, patienceMs: 60_000 });
    await until(
      () => fake.calls.length,
      (count) => count > 0,
    );
    controller.abort();
    expect(await failed).toMatchObject({ kind: "interrupted", code: "interrupted" });
  });

  it("of a client that is closed ends what is under way, and lets nothing more begin", async () => {
    fake.inject({}, neverAnswer(), 2);
    const api = fake.api({ timeoutMs: 60_000, patienceMs: 60_000 });
    const answers = [api.send(GET), api.watch({ ...GET, verb: "watch", name: null }, 60_000, () => undefined, NEVER)];
    await until(
      () => fake.calls.length,
      (count) => count === 2,
    );
    api.close();
    const interrupted = { status: "rejected", reason: { kind: "interrupted" } };
    expect(await Promise.allSettled([...answers, api.send(GET)])).toMatchObject([
      interrupted,
      interrupted,
      interrupted,
    ]);
    expect(fake.calls.length).toBe(2);
  });
});

const NEVER = new AbortController().signal;
const WATCH: KubeCall = { ...GET, verb: "watch", name: null, query: { watch: "1", resourceVersion: "1" } };

describe("a watch", () => {
  it.each([
    ["says nothing", beDeaf()],
    ["was not even answered", neverAnswer()],
  ])("that %s ends when its time is over", async (_what, fault) => {
    fake.inject({}, fault);
    const begun = performance.now();
    expect(await fake.api().watch(WATCH, 100, () => undefined, NEVER)).toBeUndefined();
    expect(performance.now() - begun).toBeGreaterThan(90);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it("that goes on saying something does not", async () => {
    let heard = 0;
    const ended = new AbortController();
    const watch = fake.api().watch(WATCH, 200, () => (heard += 1) === 8 && ended.abort(), ended.signal);
    const timer = setInterval(() => fake.say("secrets", '{"type":"BOOKMARK","object":{}}'), 60);
    await watch;
    clearInterval(timer);
    expect(heard).toBe(8);
    expect(fake.calls.length).toBe(1);
  });

  it("tells nothing after its signal, not even what came in one part", async () => {
    const events = ["1", "2"].map((resourceVersion) => eventOf("MODIFIED", { metadata: { resourceVersion } }));
    fake.inject({}, sayInParts([events.join("")], "open"));
    const [heard, ended] = [[] as unknown[], new AbortController()];
    const hear = ({ object }: WatchEvent): void => {
      heard.push(object);
      ended.abort();
    };
    await fake.api().watch(WATCH, 5_000, hear, ended.signal);
    expect(heard).toEqual([{ metadata: { resourceVersion: "1" } }]);
  });

  it("that is refused tells the status", async () => {
    fake.inject({}, refuse(403));
    await expect(fake.api().watch(WATCH, 1_000, () => undefined, NEVER)).rejects.toMatchObject({
      kind: "forbidden",
      code: "kube_forbidden",
    });
  });

  it("that is cut tells that the server was not reached", async () => {
    const watch = fake.api().watch(WATCH, 5_000, () => undefined, NEVER);
    await until(
      () => fake.watches,
      (count) => count === 1,
    );
    fake.endWatches("cut");
    await expect(watch).rejects.toMatchObject({ code: "kube_unreachable" });
  });
});

describe("a program that gives credentials and does not end", () => {
  const hanging = (options: KubeApiOptions): KubeApi =>
    new KubeApi(
      { server: new URL("http://127.0.0.1:9"), secured: () => new Promise(() => undefined), close: () => undefined },
      options,
    );

  it("is waited for no longer than it may take", async () => {
    await expect(hanging({ loginMs: 20, patienceMs: 5_000 }).send(GET)).rejects.toMatchObject({
      kind: "unauthenticated",
      code: "kube_login_silent",
    });
  });

  it("keeps nobody from interrupting", async () => {
    const person = new AbortController();
    const sent = hanging({ signal: person.signal }).send(GET);
    person.abort();
    await expect(sent).rejects.toMatchObject({ kind: "interrupted" });
  });
});

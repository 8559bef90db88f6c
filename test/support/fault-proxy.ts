import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** One attempt as it came over the wire; a call that the SDK retries is recorded once per attempt. */
export interface RecordedCall {
  /** `PutParameter`, `GetCallerIdentity`, ... */
  readonly action: string;
  /** The region and service the request was signed for. */
  readonly region: string;
  readonly service: string;
  /** Whose access key signed it. */
  readonly accessKeyId: string;
  /** The time it was signed with, milliseconds since 1970. */
  readonly signedAt: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What happens to one call: an answer, a connection cut, or silence until the proxy closes. */
export type Outcome = Answer | "cut" | "hang";
export type Fault = (call: RecordedCall, forward: () => Promise<Answer>) => Promise<Outcome> | Outcome;

export interface FaultProxy {
  readonly url: string;
  /** Every attempt since the start or the last `settle`, in order. */
  readonly calls: readonly RecordedCall[];
  /** The bodies sent for one action, in order. */
  sent(action: string): readonly RecordedCall["body"][];
  /** The next `times` calls of `action` meet this fault; faults of one action queue up. */
  inject(action: string, fault: Fault, times?: number): void;
  /** Resolves once `action` was called `count` times. */
  reached(action: string, count?: number): Promise<void>;
  /** Forgets the calls, for the next test; throws when a fault met no call, for then it was not tested. */
  settle(): void;
  /** Ends the faults that last for as long as a test wants. */
  heal(): void;
  close(): Promise<void>;
}

/** Looks at every call; what it answers is the answer, and with null the call goes on. */
export type Guard = (call: RecordedCall, forward: () => Promise<Answer>) => Promise<Outcome | null> | Outcome | null;

/** An HTTP server that stands in front of `upstream` (or of nothing, when every call meets a fault). */
export async function startFaultProxy(upstream?: string, guard: Guard = () => null): Promise<FaultProxy> {
  const calls: RecordedCall[] = [];
  const faults: { readonly action: string; readonly fault: Fault }[] = [];
  let waiting: { readonly met: () => boolean; readonly resume: () => void }[] = [];

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const bytes = await buffer(incoming);
    const call = readCall(incoming, bytes.toString());
    calls.push(call);
    waiting = waiting.filter(({ met, resume }) => !met() || resume());
    const index = faults.findIndex(({ action }) => action === call.action);
    const [planned] = index < 0 ? [] : faults.splice(index, 1);
    const forward = (): Promise<Answer> => passOn(upstream, incoming, bytes);
    const outcome = (await guard(call, forward)) ?? (await (planned ? planned.fault(call, forward) : forward()));
    if (outcome === "hang") return;
    if (outcome === "cut") incoming.socket.destroy();
    else
      response.writeHead(outcome.status, { "content-type": outcome.contentType, ...outcome.headers }).end(outcome.body);
  };

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const count = (action: string): number => calls.filter((call) => call.action === action).length;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    sent: (action) => calls.filter((call) => call.action === action).map(({ body }) => body),
    inject: (action, fault, times = 1) => {
      for (let index = 0; index < times; index += 1) faults.push({ action, fault });
    },
    reached: (action, times = 1) =>
      new Promise((resume) => {
        if (count(action) >= times) resume();
        else waiting.push({ met: () => count(action) >= times, resume });
      }),
    settle: () => {
      const unmet = faults.splice(0).map(({ action }) => action);
      calls.length = 0;
      if (unmet.length > 0) throw new Error(`no call met the faults planned for ${unmet.join(", ")}`);
    },
    heal: () => {
      faults.length = 0;
    },
    close: async () => {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** SSM speaks JSON with the action in a header, STS forms with the action as a field. */
function readCall(incoming: IncomingMessage, body: string): RecordedCall {
  const target = incoming.headers["x-amz-target"];
  const scope = /Credential=([^/]+)\/\d{8}\/([^/]+)\/([^/]+)\//.exec(incoming.headers.authorization ?? "");
  const date = String(incoming.headers["x-amz-date"]).replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5");
  const [, accessKeyId = "", region = "", service = ""] = scope ?? [];
  const signed = { accessKeyId, region, service, signedAt: Date.parse(date) };
  if (typeof target === "string") {
    const fields = JSON.parse(body) as Record<string, unknown>;
    return { action: target.replace(/^.*\./, ""), ...signed, body: fields };
  }
  const fields: Record<string, unknown> = Object.fromEntries(new URLSearchParams(body));
  return { action: String(fields["Action"]), ...signed, body: fields };
}

async function passOn(upstream: string | undefined, incoming: IncomingMessage, bytes: Buffer): Promise<Answer> {
  if (upstream === undefined) throw new Error("the proxy has nothing behind it, and no fault was planned");
  const response = await new Promise<IncomingMessage>((answered, failed) => {
    const options = { method: "POST", headers: incoming.headers, agent: false };
    request(new URL(incoming.url ?? "/", upstream), options, answered)
      .on("error", failed)
      .end(bytes);
  });
  const body = (await buffer(response)).toString();
  return { status: response.statusCode ?? 0, contentType: response.headers["content-type"] ?? "", body };
}

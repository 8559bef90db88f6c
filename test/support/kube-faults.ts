import type { ServerResponse } from "node:http";
import { expired, failure, type Answer } from "./fake-kubernetes-answers.ts";
import { eventOf, type Fault } from "./fake-kubernetes.ts";

/** Stands in every made-up refusal; an error message that holds it quotes the server. */
export const SERVER_TEXT = "said-by-the-server";

/** Refused before anything is done. */
export function refuse(status: number, reason = "Refused"): Fault {
  return () => failure(status, reason, SERVER_TEXT);
}

/** The call is carried out, and answered as if it had failed. */
export function refuseAfterWrite(status: number): Fault {
  return (call, forward) => {
    forward();
    return refuse(status)(call, forward);
  };
}

export const neverAnswer = (): Fault => () => "hang";
export const cutConnection = (): Fault => () => "cut";

/** The call is carried out, and the connection cut before its answer. */
export function cutAfterWrite(): Fault {
  return (_call, forward) => {
    forward();
    return "cut";
  };
}

/** What the server said a while ago. */
export const sayAgain =
  (answer: Answer): Fault =>
  () =>
    answer;

/** An answer that is not the API's. */
export const say =
  (text: string | Buffer, status = 200): Fault =>
  () => ({ status, text });

/** A watch that ends as soon as it began. */
export const endAtOnce = (): Fault => () => (response) => void begin(response).end();

/** A watch in good health that tells nothing. */
export const beDeaf = (): Fault => () => (response) => void begin(response);

/** A watch that tells that its version is gone, or whatever this Status says. */
export const endWith =
  (status: unknown = expired().body): Fault =>
  () =>
  (response) =>
    void begin(response).end(eventOf("ERROR", status));

/** A watch that tells only these bytes, each part by itself, and is then cut, ended or left open. */
export function sayInParts(parts: readonly (string | Buffer)[], then: "cut" | "end" | "open"): Fault {
  return () => async (response) => {
    begin(response);
    for (const part of parts) {
      await new Promise((sent) => response.write(part, sent));
      // Or several would travel as one.
      await new Promise((over) => setTimeout(over, 20));
    }
    if (then === "cut") response.destroy();
    if (then === "end") response.end();
  };
}

/** A watch whose events are held back until `release` is called, and not in between. */
export function holdEvents(): { readonly fault: Fault; readonly release: () => void } {
  const held: (() => void)[] = [];
  return {
    fault: () => (response, follow) => {
      begin(response);
      follow((event) => held.push(() => response.write(event)));
    },
    release: () => {
      for (const send of held.splice(0)) send();
    },
  };
}

function begin(response: ServerResponse): ServerResponse {
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  return response;
}

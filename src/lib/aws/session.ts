import { setTimeout } from "node:timers/promises";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { AppError } from "../errors.ts";
import type { AwsClientOptions, AwsClients, MakeClients } from "./clients.ts";
import { CREDENTIALS_INVALID, CREDENTIALS_MISSING } from "./error-table.ts";
import { checkRegionPin, type Environment, regionMismatch, regionMissing } from "./region.ts";
import { withPatience } from "./throttling.ts";
import { type AwsCall, interrupted, toAppError } from "./to-app-error.ts";

/** What a context says its AWS store is; what is absent is not checked. */
export interface AwsPin {
  readonly region?: string;
  /** Twelve digits. */
  readonly account?: string;
}

export interface AwsSessionDeps {
  /** Where the region's variables are read; `process.env` outside tests. */
  readonly env?: Environment;
  /** Ends calls and waits; they then reject with AppError interrupted. */
  readonly signal?: AbortSignal;
  readonly client?: AwsClientOptions;
  /** Waits between attempts, for a read to catch up or a throttle to pass; a timer outside tests. */
  readonly pause?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Tells a person why it takes long. */
  readonly tell?: (line: string) => void;
}

/** One identity in one region, and the client of one service. Every method throws AppError only. */
export interface AwsSession<Service> {
  /** Is this the pinned account and region, by AWS's own word? A yes is remembered. */
  verify(): Promise<void>;
  /** The region and account: as pinned, or else as far as they have been learnt. */
  known(): AwsPin;
  /** How many requests were sent, the attempts that failed included. */
  calls(): number;
  /** AWS's clock minus this machine's, in milliseconds and whole seconds, as its last answer told; 0 when they agree within 30 s. */
  clockOffsetMs(): number;
  /** Runs one call of the SDK; its failures become AppErrors that name `call`. */
  run<T>(call: AwsCall, work: (service: Service, signal: AbortSignal | undefined) => Promise<T>): Promise<T>;
  /** Waits before `call` is made again. @throws AppError interrupted, naming it */
  pause(call: AwsCall, ms: number): Promise<void>;
}

const IDENTITY: AwsCall = { action: "sts:GetCallerIdentity", resource: "the credentials in use" };

export function openAwsSession<Service>(
  pin: AwsPin,
  deps: AwsSessionDeps,
  makeClients: MakeClients<Service>,
): AwsSession<Service> {
  const env = deps.env ?? process.env;
  const clients = makeClients(pin.region, deps.client ?? {});
  const pause = deps.pause ?? ((ms, signal) => setTimeout(ms, undefined, { ...(signal && { signal }) }));
  let known: AwsPin = pin;
  let verified: Promise<void> | null = null;

  const run: AwsSession<Service>["run"] = async (call, work) => {
    checkRegionPin(pin.region, env);
    return abortable(call, deps.signal, async () => {
      const region = await resolveRegion(clients, env);
      await loadCredentials(clients, call);
      if (pin.region === undefined) known = { ...known, region };
      else if (region !== pin.region) throw regionMismatch(`The AWS SDK uses ${region}`, pin.region, "Check the pin");
      return withPatience(() => work(clients.service, deps.signal), {
        call,
        pause: (ms) => pause(ms, deps.signal),
        tell: deps.tell ?? (() => undefined),
      });
    });
  };

  const verifyOnce = async (): Promise<void> => {
    const account = await run(IDENTITY, async (_service, signal) => {
      const answer = await clients.sts.send(new GetCallerIdentityCommand({}), {
        ...(signal && { abortSignal: signal }),
      });
      return answer.Account;
    });
    if (!account) throw accountUntold();
    if (pin.account !== undefined && account !== pin.account) throw accountMismatch(account, pin.account);
    known = { ...known, account };
  };

  return {
    run,
    pause: (call, ms) => run(call, (_service, signal) => pause(ms, signal)),
    known: () => known,
    calls: () => clients.traffic.calls,
    clockOffsetMs: () => clients.traffic.clockOffsetMs,
    verify: () => {
      verified ??= verifyOnce().catch((error: unknown) => {
        verified = null;
        throw error;
      });
      return verified;
    },
  };
}

async function resolveRegion<Service>(clients: AwsClients<Service>, env: Environment): Promise<string> {
  try {
    return await clients.region();
  } catch (error) {
    throw regionMissing(env, error);
  }
}

/** Apart from the call itself, so that a role that may not be assumed is not told as a right missing for the call. */
async function loadCredentials<Service>(clients: AwsClients<Service>, call: AwsCall): Promise<void> {
  try {
    await clients.loadCredentials();
  } catch (error) {
    const found = toAppError(error, call);
    if (found.kind === "unauthenticated" || found.kind === "interrupted") throw found;
    if (found.kind === "unavailable" && found.code !== "aws_answer_unreadable") throw found;
    const failure = found.kind === "forbidden" ? CREDENTIALS_INVALID : CREDENTIALS_MISSING;
    throw new AppError(failure.kind, failure.code, `${call.action} on ${call.resource} ${failure.says}.`, {
      hint: failure.hint,
      cause: error,
    });
  }
}

/** Whatever fails after the signal fired is the interruption, and nothing outlasts the signal. */
async function abortable<T>(call: AwsCall, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal?.aborted) throw interrupted(call, signal.reason);
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work(), aborted.promise]);
  } catch (error) {
    throw signal?.aborted ? interrupted(call, error) : toAppError(error, call);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function accountUntold(): AppError {
  return new AppError("unavailable", "aws_answer_unreadable", "AWS did not say whose credentials these are.", {
    hint: "Check the endpoint in use, and what stands between this machine and AWS.",
  });
}

function accountMismatch(found: string, pinned: string): AppError {
  return new AppError(
    "invalid",
    "account_mismatch",
    `The AWS credentials in use are of account ${found}, but this context is pinned to account ${pinned}.`,
    { hint: "Choose the profile of that account (AWS_PROFILE), or another context." },
  );
}

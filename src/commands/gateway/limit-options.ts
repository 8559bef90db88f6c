import { Option, type Command } from "commander";
import { DEFAULT_LIMITS, type GatewayLimits } from "../../lib/gateway-limits.ts";
import { AppError } from "../../lib/errors.ts";
import { readDuration } from "../duration.ts";

/** What is typed behind a limit: a number, bytes like 4MiB, or a duration like 30s. */
type Unit = "count" | "bytes" | "duration";

interface LimitOption {
  readonly flag: string;
  readonly limit: keyof GatewayLimits;
  readonly unit: Unit;
  readonly what: string;
  /** The least that makes sense, in the limit's own unit; 0 where nothing is said. */
  readonly least?: number;
}

const LIMITS: readonly LimitOption[] = [
  {
    flag: "max-rate",
    limit: "maxCallsPerSecond",
    unit: "count",
    what: "requests per second of one key, twice as many at once; 0 for no limit",
  },
  {
    flag: "max-calls-per-key",
    limit: "maxCallsPerKey",
    unit: "count",
    what: "calls of one key at once; 0 for no limit",
  },
  {
    flag: "max-streams-per-key",
    limit: "maxStreamsPerKey",
    unit: "count",
    what: "open streams of one key; 0 for no limit",
  },
  { flag: "max-calls", limit: "maxCalls", unit: "count", what: "calls of all keys at once; 0 for no limit" },
  { flag: "max-streams", limit: "maxStreams", unit: "count", what: "open streams of all keys; 0 for no limit" },
  { flag: "max-header-size", limit: "maxHeaderBytes", unit: "bytes", what: "the headers of a request", least: 2048 },
  { flag: "max-body-size", limit: "maxBodyBytes", unit: "bytes", what: "the body of a request" },
  {
    flag: "max-bodies-size",
    limit: "maxTotalBodyBytes",
    unit: "bytes",
    what: "the bodies of all calls together; one key may hold a quarter",
  },
  {
    flag: "max-audit-backlog",
    limit: "maxAuditBytes",
    unit: "bytes",
    what: "audit records that wait to be written",
    least: 1024 * 1024,
  },
  { flag: "max-json-depth", limit: "maxJsonDepth", unit: "count", what: "how deep a body may be nested", least: 8 },
  { flag: "header-timeout", limit: "headersTimeoutMs", unit: "duration", what: "for the headers of a request" },
  { flag: "body-timeout", limit: "bodyTimeoutMs", unit: "duration", what: "for a whole request with its body" },
  { flag: "connect-timeout", limit: "connectTimeoutMs", unit: "duration", what: "for a connection to a backend" },
  {
    flag: "answer-timeout",
    limit: "answerTimeoutMs",
    unit: "duration",
    what: "until a backend's answer begins, and between the events of a call's stream",
  },
  {
    flag: "idle-timeout",
    limit: "answerIdleTimeoutMs",
    unit: "duration",
    what: "between two parts of any other answer",
  },
  { flag: "drain-timeout", limit: "drainMs", unit: "duration", what: "for the calls in flight when the gateway stops" },
];

const VALUE = { count: "<n>", bytes: "<size>", duration: "<duration>" } as const;
const MIB = 1024 * 1024;

/** Declares a flag for each limit, with its default. */
export function addLimitOptions(command: Command): void {
  for (const { flag, limit, unit, what } of LIMITS) {
    const description = `${what} (default: ${written(DEFAULT_LIMITS[limit], unit)})`;
    command.addOption(new Option(`--${flag} ${VALUE[unit]}`, description).helpGroup("Limits:"));
  }
}

/** The limits that were typed. @throws AppError usage */
export function readLimits(options: Readonly<Record<string, unknown>>): Partial<GatewayLimits> {
  const typed = LIMITS.flatMap(({ flag, limit, unit, least = 0 }) => {
    const text = options[new Option(`--${flag} <value>`).attributeName()];
    if (typeof text !== "string") return [];
    const value = READERS[unit](`--${flag}`, text);
    if (value < least) throw invalid(`--${flag}`, text, "enough", `It must be at least ${written(least, unit)}.`);
    return [[limit, value] as const];
  });
  const limits: Partial<GatewayLimits> = Object.fromEntries(typed);
  const { maxBodyBytes, maxTotalBodyBytes } = { ...DEFAULT_LIMITS, ...limits };
  if (maxTotalBodyBytes < maxBodyBytes) {
    throw new AppError("usage", "limit_invalid", "--max-bodies-size is less than --max-body-size", {
      hint: "All bodies together must have room for one.",
    });
  }
  return limits;
}

const READERS: Readonly<Record<Unit, (option: string, text: string) => number>> = {
  count: (option, text) => {
    if (/^\d{1,7}$/.test(text)) return Number(text);
    throw invalid(option, text, "a number", "Write an integer from 0 to 9999999.");
  },
  bytes: (option, text) => {
    const match = /^([1-9]\d{0,6})(KiB|MiB)$/.exec(text);
    if (match !== null) return Number(match[1]) * (match[2] === "KiB" ? 1024 : MIB);
    throw invalid(option, text, "a size", "Write an integer and KiB or MiB: 16KiB, 4MiB.");
  },
  duration: (option, text) => {
    const seconds = readDuration(option, text, 1);
    if (seconds <= MAX_SECONDS) return seconds * 1000;
    throw invalid(option, text, "a duration of at most a day", "Timers hold no more.");
  },
};

const MAX_SECONDS = 24 * 60 * 60;

function invalid(option: string, text: string, what: string, hint: string): AppError {
  return new AppError("usage", "limit_invalid", `${option} "${text.slice(0, 40)}" is not ${what}`, { hint });
}

function written(value: number, unit: Unit): string {
  if (unit === "count") return String(value);
  if (unit === "duration") return `${value / 1000}s`;
  return value % MIB === 0 ? `${value / MIB}MiB` : `${value / 1024}KiB`;
}

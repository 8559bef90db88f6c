import { AppError } from "../errors.ts";

/**
 * What Parameter Store accepts, checked before anything is sent: AWS tells it late, and its stand-ins not at all.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-parameter-name-constraints.html
 */
const MAX_NAME_LENGTH = 1011;
const MAX_LEVELS = 15;
export const MAX_SSM_VALUE_BYTES = 4096;
/** The ARN before a name counts; this is more than `arn:aws-us-gov:ssm:us-gov-west-1:111122223333:parameter`. */
const ARN_ROOM = 64;
/** `/<role>/<hash>.revoked`, with the longest role. */
const ENTRY_ROOM = 1 + 63 + 1 + 64 + ".revoked".length;
const MAX_PATH_LENGTH = MAX_NAME_LENGTH - ARN_ROOM - ENTRY_ROOM;
const MAX_PATH_LEVELS = MAX_LEVELS - 2;

/**
 * Can every entry below this path be a parameter?
 * @throws AppError invalid, ssm_path_invalid
 */
export function checkSsmPath(path: string): void {
  const problem = pathProblem(path);
  if (problem === null) return;
  throw new AppError(
    "invalid",
    "ssm_path_invalid",
    `The store's path ${JSON.stringify(path.slice(0, 200))} ${problem}.`,
    {
      hint: "Use a path like /mcp-gateway/keys.",
    },
  );
}

function pathProblem(path: string): string | null {
  if (!path.startsWith("/")) return "must begin with /";
  const levels = path.slice(1).split("/");
  if (levels.includes("")) return "must not end with / or hold an empty level";
  if (!/^[a-zA-Z0-9_./-]+$/.test(path)) return "may hold only a-z A-Z 0-9 . _ - and /";
  if (/^\/(?:aws|ssm)/i.test(path)) return "must not begin with aws or ssm, which AWS reserves";
  if (levels.length > MAX_PATH_LEVELS) return `has more than ${MAX_PATH_LEVELS} levels`;
  return path.length > MAX_PATH_LENGTH ? `is longer than ${MAX_PATH_LENGTH} characters` : null;
}

/**
 * Can this be a parameter's value? The message never quotes it.
 * @throws AppError invalid: ssm_value_empty, ssm_value_too_long, ssm_value_braces
 */
export function checkSsmValue(value: string): void {
  const bytes = Buffer.byteLength(value);
  if (bytes === 0) throw new AppError("invalid", "ssm_value_empty", "A parameter's value must not be empty.");
  if (bytes > MAX_SSM_VALUE_BYTES) {
    const message = `A parameter's value holds at most ${MAX_SSM_VALUE_BYTES} bytes, this one has ${bytes}.`;
    throw new AppError("invalid", "ssm_value_too_long", message);
  }
  if (value.includes("{{") || value.includes("}}")) {
    throw new AppError("invalid", "ssm_value_braces", "A parameter's value must not hold {{ or }}.");
  }
}

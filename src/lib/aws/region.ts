import { AppError } from "../errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const REGION = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const VARIABLES = ["AWS_REGION", "AWS_DEFAULT_REGION"] as const;

/**
 * Does the environment ask for the pinned region, or for none? A profile's region merely loses to the pin,
 * but a variable was set on purpose, so a contradiction is left to a person.
 * @throws AppError invalid: region_mismatch, or region_invalid for a pin that is no region's name
 */
export function checkRegionPin(pin: string | undefined, env: Environment): void {
  if (pin === undefined) return;
  if (!REGION.test(pin)) {
    throw new AppError("invalid", "region_invalid", `${JSON.stringify(pin)} is not the name of an AWS region.`, {
      hint: "Set the store's region in the configuration, for example eu-central-1.",
    });
  }
  for (const name of VARIABLES) {
    const value = env[name];
    if (value && value !== pin) throw regionMismatch(`${name} is ${JSON.stringify(value)}`, pin, `Unset ${name}`);
  }
}

export function regionMismatch(found: string, pin: string, remedy: string): AppError {
  return new AppError("invalid", "region_mismatch", `${found}, but this context is pinned to region ${pin}.`, {
    hint: `${remedy}, or use the context of that region.`,
  });
}

export function regionMissing(env: Environment, cause: unknown): AppError {
  const unread = env["AWS_DEFAULT_REGION"] ? " AWS_DEFAULT_REGION is not read by the AWS SDK for JavaScript." : "";
  return new AppError("invalid", "region_missing", "No AWS region is configured.", {
    hint: `Set the store's region in the configuration, AWS_REGION, or the profile's region.${unread}`,
    cause,
  });
}

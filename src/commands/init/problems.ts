import { isIP } from "node:net";
import { kmsKeyFor } from "../../lib/aws/kms-key.ts";
import { AppError } from "../../lib/errors.ts";
import { checkSsmPath } from "../../lib/stores/ssm-limits.ts";

type ProblemOf = (value: string) => string | null;

function unless(pattern: RegExp, problem: string): ProblemOf {
  return (value) => (pattern.test(value) ? null : problem);
}

/** Room is left for what is put behind it: a Service's name has at most 63 characters. */
export const nameProblem = unless(
  /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/,
  "is not 1 to 40 of a-z 0-9 -, beginning with a letter",
);
export const namespaceProblem = unless(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "is not the name of a namespace");
export const regionProblem = unless(/^[a-z]{2}(-[a-z]+)+-\d{1,2}$/, "is not the name of an AWS region");
export const accountProblem = unless(/^\d{12}$/, "is not the 12 digits of an AWS account");
export const roleArnProblem = unless(
  /^arn:aws[a-z-]*:iam::\d{12}:role\/[A-Za-z0-9+=,.@_/-]{1,512}$/,
  "is not the ARN of an IAM role",
);
export const imageProblem = unless(/^[a-z0-9][A-Za-z0-9._:/@-]{0,511}$/, "is not the name of an image");
export const uidProblem = unless(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "is not the UID of a namespace");
export const contextProblem = unless(/^[\x21-\x7e]{1,253}$/, "is not the name of a kubeconfig context");
export const urlProblem = unless(
  /^https?:\/\/[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(:[0-9]{1,5})?(\/[A-Za-z0-9._~/-]{0,500})?$/,
  "is not an http or https URL",
);
export const storeProblem = unless(/^(ssm|file)$/, "is neither ssm nor file");
export const storeFileProblem = unless(
  /^(?!.*\.\.)[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)+$/,
  "is not a file in a folder of its own below the project",
);

/** `system:authenticated` is everybody. */
export const groupProblem = unless(/^(?!system:)[\x21-\x7e]{1,253}$/, "is not a group of people");

export function pathProblem(value: string): string | null {
  return said(() => checkSsmPath(value), "is not a path of parameters");
}

/** Empty is AWS's own key. */
export function kmsKeyProblem(where: { readonly region: string; readonly account: string }): ProblemOf {
  return (value) => (value === "" ? null : said(() => void kmsKeyFor(value, where), "is not a KMS key of this region"));
}

/** Ranges of addresses, with spaces or commas between; all addresses together are none to be named. */
export function rangesProblem(value: string): string | null {
  const ranges = splitRanges(value);
  return ranges.length > 0 && ranges.length <= 50 && ranges.every(isRange)
    ? null
    : "is not a range of addresses like 10.0.0.0/16";
}

export function splitRanges(value: string): readonly string[] {
  return value.split(/[\s,]+/).filter(Boolean);
}

function isRange(text: string): boolean {
  const [address = "", length = "", ...rest] = text.split("/");
  const version = isIP(address);
  const isLength = /^[1-9]\d{0,2}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128);
  return version !== 0 && !address.includes("%") && isLength && rest.length === 0;
}

function said(check: () => void, problem: string): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof AppError) return problem;
    throw error;
  }
}

interface Address {
  readonly bits: bigint;
  readonly width: 32 | 128;
}

/**
 * Is this address in that range (`10.0.0.0/8`, `2001:db8::/32`, or one address)? Null where either cannot be read.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IPAddress
 */
export function isInRange(address: string, range: string): boolean | null {
  const [base = "", lengthText, ...others] = range.split("/");
  const [found, start] = [parseAddress(address), parseAddress(base)];
  if (found === null || start === null || others.length > 0) return null;
  if (lengthText !== undefined && !/^\d{1,3}$/.test(lengthText)) return null;
  const length = lengthText === undefined ? start.width : Number(lengthText);
  if (length > start.width) return null;
  const shift = BigInt(start.width - length);
  return found.width === start.width && found.bits >> shift === start.bits >> shift;
}

function parseAddress(text: string): Address | null {
  if (!text.includes(":")) return parseV4(text);
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":"))) as [string[], string[] | undefined];
  const gap = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? gap !== 0 : gap < 1) return null;
  const groups = [...head, ...Array.from({ length: gap }, () => "0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return { bits: groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n), width: 128 };
}

function parseV4(text: string): Address | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return null;
  return { bits: parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n), width: 32 };
}

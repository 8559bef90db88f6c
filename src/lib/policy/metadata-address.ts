type Prefix = readonly [address: string, bits: number];

/** Where clouds and link-local services listen in IPv4, and the addresses that stand for this machine. */
const V4_FORBIDDEN: readonly Prefix[] = [
  ["0.0.0.0", 8], // "this network" (RFC 6890): connecting to it reaches this machine
  ["169.254.0.0", 16], // link-local (RFC 3927): AWS, Google, Azure, ECS and EKS credentials
  ["100.100.100.200", 32], // Alibaba Cloud
  ["168.63.129.16", 32], // Azure's WireServer
  ["192.0.0.192", 32], // Oracle Cloud
];

/** The same in IPv6. */
const V6_FORBIDDEN: readonly Prefix[] = [
  ["fe80::", 10], // link-local (RFC 4291)
  ["fd00:ec2::", 32], // AWS: 254 is the metadata service, 23 gives pods their credentials
  ["fd20:ce::254", 128], // Google Cloud
];

interface Carrier {
  readonly prefix: Prefix;
  /** The IPv4 address within these 16-bit words. */
  readonly read: (words: readonly number[]) => number;
  /** Only one of several ways to read this prefix, so that zeros in it are no address. */
  readonly isGuess?: true;
}

const lastWords = (words: readonly number[]): number => joined(at(words, 6), at(words, 7));

/** The forms in which an IPv6 address carries an IPv4 one that a gateway on the way may call. */
const CARRIERS: readonly Carrier[] = [
  { prefix: ["::", 96], read: lastWords }, // IPv4-compatible (RFC 4291); `::` is 0.0.0.0
  { prefix: ["::ffff:0:0", 96], read: lastWords }, // IPv4-mapped (RFC 4291)
  { prefix: ["::ffff:0:0:0", 96], read: lastWords }, // IPv4-translated (RFC 2765)
  { prefix: ["64:ff9b::", 96], read: lastWords }, // NAT64 (RFC 6052)
  // NAT64 of a site (RFC 8215): any prefix within; RFC 6052, section 2.2 says where the address lies, around bits 64-71.
  { prefix: ["64:ff9b:1::", 48], read: lastWords, isGuess: true },
  { prefix: ["64:ff9b:1::", 48], read: (words) => aroundOctet8(words, 48), isGuess: true },
  { prefix: ["64:ff9b:1::", 48], read: (words) => aroundOctet8(words, 56), isGuess: true },
  { prefix: ["64:ff9b:1::", 48], read: (words) => aroundOctet8(words, 64), isGuess: true },
  { prefix: ["2002::", 16], read: (words) => joined(at(words, 1), at(words, 2)) }, // 6to4 (RFC 3056)
  { prefix: ["2001::", 32], read: (words) => ~lastWords(words) >>> 0 }, // Teredo's client, inverted (RFC 4380)
];

/** Names that clouds resolve to their metadata service: Google's two, and Amazon's old ones. */
const NAMES: ReadonlySet<string> = new Set([
  "metadata",
  "metadata.google.internal",
  "instance-data",
  "instance-data.ec2.internal",
]);

/**
 * Is this host a cloud's metadata service, link-local, or unspecified? A gateway must never be made to call one.
 * Takes a name or an address as `URL.hostname` and name services write them (decimal and hexadecimal IPv4 are
 * resolved there already), with or without brackets, final dot or zone. Other names are for who resolves them.
 */
export function isMetadataAddress(host: string): boolean {
  const text = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  const bare = text.replace(/\.$/, "");
  if (NAMES.has(bare)) return true;
  const v4 = parseV4(bare);
  if (v4 !== null) return isForbiddenV4(v4);
  const v6 = parseV6(text.replace(/%.*$/s, ""));
  return v6 !== null && isForbiddenV6(v6);
}

function isForbiddenV4(address: number): boolean {
  return V4_RANGES.some(({ base, bits }) => shifted(address, bits) === shifted(base, bits));
}

function isForbiddenV6(words: readonly number[]): boolean {
  if (V6_RANGES.some((range) => isWithin(words, range))) return true;
  if (isWithin(words, LOOPBACK)) return false;
  return CARRIER_RANGES.some(({ range, read, isGuess }) => {
    if (!isWithin(words, range)) return false;
    const address = read(words);
    return isForbiddenV4(address) && !(isGuess === true && address >>> 24 === 0);
  });
}

/** Four octets in decimal, as they are written after `new URL`; null for anything else. */
function parseV4(text: string): number | null {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (octets === undefined || octets.some((octet) => octet > 255)) return null;
  return octets.reduce((address, octet) => address * 256 + octet, 0);
}

/** Eight words of 16 bits; null for what is no IPv6 address. */
function parseV6(text: string): readonly number[] | null {
  if (!text.includes(":")) return null;
  const tail = /[^:]*$/.exec(text)?.[0] ?? "";
  const v4 = tail.includes(".") ? parseV4(tail) : null;
  if (tail.includes(".") && v4 === null) return null;
  const plain =
    v4 === null
      ? text
      : `${text.slice(0, text.length - tail.length)}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`;
  const [head = "", rest, ...more] = plain.split("::");
  if (more.length > 0) return null;
  const left = wordsOf(head);
  const right = rest === undefined ? [] : wordsOf(rest);
  if (left === null || right === null) return null;
  const missing = 8 - left.length - right.length;
  if (rest === undefined ? missing !== 0 : missing < 1) return null;
  return [...left, ...Array.from({ length: missing }, () => 0), ...right];
}

function wordsOf(text: string): readonly number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  return parts.every((part) => /^[0-9a-f]{1,4}$/.test(part)) ? parts.map((part) => Number.parseInt(part, 16)) : null;
}

interface V6Range {
  readonly words: readonly number[];
  readonly bits: number;
}

function isWithin(words: readonly number[], range: V6Range): boolean {
  for (let index = 0; index * 16 < range.bits; index += 1) {
    const drop = Math.max(0, 16 - (range.bits - index * 16));
    if (at(words, index) >>> drop !== at(range.words, index) >>> drop) return false;
  }
  return true;
}

/** The four octets that begin at `firstBit`, octet 8 left out. */
function aroundOctet8(words: readonly number[], firstBit: number): number {
  const octets = words.flatMap((word) => [word >>> 8, word & 0xff]);
  octets.splice(8, 1);
  const first = firstBit / 8;
  return octets.slice(first, first + 4).reduce((address, octet) => address * 256 + octet, 0);
}

function joined(high: number, low: number): number {
  return high * 0x1_0000 + low;
}

function shifted(address: number, bits: number): number {
  return address >>> (32 - bits);
}

function at(words: readonly number[], index: number): number {
  return words[index] ?? 0;
}

function rangeV6([address, bits]: Prefix): V6Range {
  return { words: parseV6(address) ?? [], bits };
}

const V4_RANGES = V4_FORBIDDEN.map(([address, bits]) => ({ base: parseV4(address) ?? 0, bits }));
const V6_RANGES = V6_FORBIDDEN.map(rangeV6);
const CARRIER_RANGES = CARRIERS.map((carrier) => ({ ...carrier, range: rangeV6(carrier.prefix) }));
const LOOPBACK = rangeV6(["::1", 128]);

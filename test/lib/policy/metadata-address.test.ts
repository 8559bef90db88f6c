import { describe, expect, it } from "vitest";
import { isMetadataAddress } from "../../../src/lib/policy/metadata-address.ts";

const FORBIDDEN_V4 = [
  "169.254.0.0",
  "169.254.169.254",
  "169.254.170.23",
  "169.254.255.255",
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "0.0.0.0",
  "0.255.255.255",
];

const ORDINARY_V4 = [
  "127.0.0.1",
  "127.255.255.254",
  "10.0.0.1",
  "1.0.0.0",
  "169.253.255.255",
  "169.255.0.0",
  "100.100.100.199",
  "100.100.100.201",
  "168.63.129.15",
  "168.63.129.17",
  "192.0.0.191",
  "192.0.0.193",
  "254.169.254.169",
  "255.255.255.255",
];

const hex = (value: number): string => value.toString(16).padStart(2, "0");
const octetsOf = (v4: string): number[] => v4.split(".").map(Number);
/** Two words of IPv6, every octet changed by `mask`. */
const words = (v4: string, mask = 0): string => {
  const [a = 0, b = 0, c = 0, d = 0] = octetsOf(v4).map((octet) => octet ^ mask);
  return `${hex(a)}${hex(b)}:${hex(c)}${hex(d)}`;
};

/** How IPv6 carries an IPv4 address, each form written from its RFC and not from the code. */
const CARRIERS: readonly [name: string, carry: (v4: string) => string][] = [
  ["IPv4-mapped", (v4) => `::ffff:${v4}`],
  ["IPv4-mapped, in words", (v4) => `0:0:0:0:0:ffff:${words(v4)}`],
  ["IPv4-translated", (v4) => `::ffff:0:${words(v4)}`],
  ["6to4", (v4) => `2002:${words(v4)}::1`],
  ["NAT64", (v4) => `64:ff9b::${v4}`],
  ["NAT64, in words", (v4) => `64:ff9b:0:0:0:0:${words(v4)}`],
  ["Teredo", (v4) => `2001:0:4136:e378:8000:63bf:${words(v4, 0xff)}`],
];

/** RFC 6052, section 2.2, in the prefix of RFC 8215; which of these a site uses cannot be seen from an address. */
const SITE_NAT64: readonly [name: string, carry: (octets: readonly number[]) => string][] = [
  ["/96", ([a = 0, b = 0, c = 0, d = 0]) => `64:ff9b:1::${hex(a)}${hex(b)}:${hex(c)}${hex(d)}`],
  ["/48", ([a = 0, b = 0, c = 0, d = 0]) => `64:ff9b:1:${hex(a)}${hex(b)}:${hex(c)}:${hex(d)}00:0:0`],
  ["/56", ([a = 0, b = 0, c = 0, d = 0]) => `64:ff9b:1:77${hex(a)}:${hex(b)}:${hex(c)}${hex(d)}:0:0`],
  ["/64", ([a = 0, b = 0, c = 0, d = 0]) => `64:ff9b:1:7777:${hex(a)}:${hex(b)}${hex(c)}:${hex(d)}00:0`],
];

const carried = (addresses: readonly string[]): readonly (readonly [string, string])[] =>
  CARRIERS.flatMap(([name, carry]) => addresses.map((v4) => [name, carry(v4)] as const));

describe("isMetadataAddress", () => {
  it.each(FORBIDDEN_V4)("knows %s", (address) => {
    expect(isMetadataAddress(address)).toBe(true);
  });

  it.each(ORDINARY_V4)("lets %s be", (address) => {
    expect(isMetadataAddress(address)).toBe(false);
  });

  it.each(carried(FORBIDDEN_V4))("knows it inside IPv6, %s: %s", (_name, address) => {
    expect(isMetadataAddress(address)).toBe(true);
    expect(isMetadataAddress(new URL(`http://[${address}]/`).hostname)).toBe(true);
  });

  it.each(carried(ORDINARY_V4))("lets the others be inside IPv6, %s: %s", (_name, address) => {
    expect(isMetadataAddress(address)).toBe(false);
    expect(isMetadataAddress(new URL(`http://[${address}]/`).hostname)).toBe(false);
  });

  it.each(SITE_NAT64)("knows it behind a site's own translation, %s", (_name, carry) => {
    expect(
      FORBIDDEN_V4.filter((v4) => !v4.startsWith("0.")).map((v4) => isMetadataAddress(carry(octetsOf(v4)))),
    ).toEqual([true, true, true, true, true, true, true]);
    expect(["10.0.0.1", "127.0.0.1", "192.168.7.9"].map((v4) => isMetadataAddress(carry(octetsOf(v4))))).toEqual([
      false,
      false,
      false,
    ]);
  });

  it.each([
    "::",
    "0:0:0:0:0:0:0:0",
    "::169.254.169.254",
    "::a9fe:a9fe",
    "fe80::",
    "fe80::1",
    "FE80::1%eth0",
    "febf:ffff::1",
    "fd00:ec2::254",
    "fd00:0ec2:0:0:0:0:0:0254",
    "fd00:ec2::23",
    "fd20:ce::254",
  ])("knows %s", (address) => {
    expect([isMetadataAddress(address), isMetadataAddress(`[${address}]`)]).toEqual([true, true]);
  });

  it.each([
    "::1",
    "[::1]",
    "fe7f::1",
    "fec0::1",
    "fd00:ec1::254",
    "fd00:ec3::254",
    "fd20:ce::253",
    "2001:db8::a9fe:a9fe",
    "2001:1::5601:5601",
    "2003:a9fe:a9fe::1",
    "64:ff9b:2::a9fe:a9fe",
    "fd12:3456::a9fe:a9fe",
  ])("lets %s be", (address) => {
    expect(isMetadataAddress(address)).toBe(false);
  });

  it.each([
    "metadata",
    "metadata.google.internal",
    "METADATA.Google.Internal.",
    "instance-data",
    "instance-data.",
    "instance-data.ec2.internal",
  ])("knows the name %s", (name) => {
    expect(isMetadataAddress(name)).toBe(true);
  });

  it.each([
    "localhost",
    "metadata.example.com",
    "metadata.google.internal.example.com",
    "169.254.169.254.example.com",
    "instance-data.example.com",
    "mcp-eks-ro.mcp-servers.svc",
    "",
    ".",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "fe80::1::2",
    "fe80:2:3:4:5:6:7",
    "fe80:2:3:4:5:6:7:8:9",
    "fe80:2:3:4::5:6:7:8",
    "::1.2.3",
    "::256.1.1.1",
    "300.254.169.254",
  ])("lets %j be, which is no such name and no address", (name) => {
    expect(isMetadataAddress(name)).toBe(false);
  });

  it.each([
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.16689662/",
    "http://169.254.169.254./",
    "http://①⑥⑨.254.169.254/",
    "http://[::ffff:169.254.169.254]/",
    "http://0/",
    "http://0x0/",
  ])("knows what %s becomes", (url) => {
    expect(isMetadataAddress(new URL(url).hostname)).toBe(true);
  });
});

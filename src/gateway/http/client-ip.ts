import { BlockList, isIP, isIPv6 } from "node:net";
import { AppError } from "../../lib/errors.ts";

/** Proxies whose X-Forwarded-For is believed. @throws AppError usage */
export function trustedProxies(cidrs: readonly string[]): BlockList | null {
  if (cidrs.length === 0) return null;
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", bits, ...rest] = cidr.split("/");
    const most = isIPv6(address) ? 128 : 32;
    const isRange = isIP(address) !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits ?? "0");
    if (!isRange || Number(bits ?? most) > most)
      throw new AppError(
        "usage",
        "proxy_invalid",
        `--trusted-proxy "${cidr.slice(0, 80)}" is not a range of addresses`,
        {
          hint: "Write an address or a range of them: 10.0.0.7, 10.0.0.0/8, fd00::/8.",
        },
      );
    list.addSubnet(address, Number(bits ?? most), familyOf(address));
  }
  return list;
}

/**
 * Who called, for the record alone? The address that the connection comes from; behind trusted proxies the last one in
 * X-Forwarded-For that is not theirs, for everything before it was written by the caller.
 */
export function clientIp(
  peer: string | null,
  forwardedFor: string | string[] | undefined,
  trusted: BlockList,
): string | null {
  if (peer === null || forwardedFor === undefined) return peer;
  let client = peer;
  const hops = String(forwardedFor)
    .split(",")
    .map((hop) => hop.trim());
  while (trusted.check(client, familyOf(client))) {
    const hop = hops.pop();
    // A zone may be of any length, and is nobody's outside its own machine.
    if (hop === undefined || isIP(hop) === 0 || hop.includes("%")) break;
    client = hop;
  }
  return client;
}

/** An address of IPv4 is told as one, also where a socket of IPv6 took the connection. */
export function plainAddress(address: string | undefined): string | null {
  return address?.replace(/^::ffff:(?=\d+\.)/, "") ?? null;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}

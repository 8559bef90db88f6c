import { describe, expect, it } from "vitest";
import { clientIp, plainAddress, trustedProxies } from "../../src/gateway/http/client-ip.ts";

describe("the client's address", () => {
  it.each([
    { peer: "192.0.2.7", header: "198.51.100.1", client: "192.0.2.7" },
    { peer: "10.1.2.3", header: undefined, client: "10.1.2.3" },
    { peer: "10.1.2.3", header: "198.51.100.1", client: "198.51.100.1" },
    { peer: "10.1.2.3", header: "203.0.113.9, 198.51.100.1, 10.9.9.9", client: "198.51.100.1" },
    { peer: "10.1.2.3", header: "203.0.113.9, junk", client: "10.1.2.3" },
    { peer: "10.1.2.3", header: "junk, 10.0.0.1", client: "10.0.0.1" },
    { peer: "10.1.2.3", header: `fe80::1%${"a".repeat(14_000)}`, client: "10.1.2.3" },
    { peer: "fd00::1", header: "2001:db8::5", client: "2001:db8::5" },
    { peer: null, header: "198.51.100.1", client: null },
  ])("of $peer saying $header is $client", ({ peer, header, client }) => {
    const trusted = trustedProxies(["10.0.0.0/8", "fd00::1"]);
    expect(trusted === null ? "untrusted" : clientIp(peer, header, trusted)).toBe(client);
  });

  it.each([
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::1", "::1"],
    [undefined, null],
  ])("%s is told as %s", (address, told) => {
    expect(plainAddress(address)).toBe(told);
  });

  it.each(["10.0.0.0/33", "example.com", "10.0.0.0/8/8", "10.0.0.0/", "10.0.0.0/-1", ""])(
    "cannot come through a proxy at %j",
    (range) => {
      expect(() => trustedProxies([range])).toThrow(expect.objectContaining({ code: "proxy_invalid" }) as Error);
    },
  );

  it("is never taken from a header when no proxy is trusted", () => {
    expect(trustedProxies([])).toBeNull();
  });
});

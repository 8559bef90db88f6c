import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startGateway, type GatewayOptions } from "../../src/gateway/start-gateway.ts";
import { makeCertificate, type Certificate } from "../support/certificate.ts";
import { callHeaders, send, startTestGateway, toolCall, until, type TestGateway } from "../support/gateway.ts";
import { sendJson, startRawBackend } from "../support/mcp-backend.ts";

const one = makeCertificate({ commonName: "one" });
const two = makeCertificate({ commonName: "two" });
const TRUSTED = [one.cert, two.cert];
const closing: (() => unknown)[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-tls-"));
});

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await rm(folder, { recursive: true });
});

async function putPair({ cert, key }: Certificate): Promise<void> {
  for (const [name, text] of Object.entries({ "tls.crt": cert, "tls.key": key })) {
    await writeFile(join(folder, `${name}.new`), text);
    await rename(join(folder, `${name}.new`), join(folder, name));
  }
}

async function start(pair: Certificate, options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  await putPair(pair);
  const backend = await startRawBackend((_got, response) =>
    sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
  );
  closing.push(backend.close);
  const tls = { cert: join(folder, "tls.crt"), key: join(folder, "tls.key") };
  const gateway = await startTestGateway({ "eks-ro": backend.url }, {}, { tls, ...options });
  closing.push(gateway.close);
  return gateway;
}

/** The status of a call over HTTPS. */
async function call(gateway: TestGateway, agent: Agent | false = false): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const url = new URL(gateway.url);
  const body = toolCall("t");
  const asking = request({
    host: url.hostname,
    port: url.port,
    method: "POST",
    path: "/mcp/eks-ro/mcp",
    ca: TRUSTED,
    agent,
    headers: [...callHeaders(gateway.key), "host", url.host, "content-length", String(body.length)],
  });
  asking.on("error", reject).on("response", (response) => {
    response.resume().on("end", () => resolve(response.statusCode));
  });
  asking.end(body);
  return promise;
}

const portOf = (gateway: TestGateway): number => Number(new URL(gateway.url).port);

/** A connection of its own, its handshake done. */
async function shake(gateway: TestGateway, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ port: portOf(gateway), host: "127.0.0.1", ca: TRUSTED, ...options }, resolve);
  socket.on("error", reject);
  await promise;
  return socket;
}

async function certificateOf(gateway: TestGateway): Promise<string> {
  const socket = await shake(gateway);
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

const readiness = async ({ adminUrl }: TestGateway): Promise<unknown> => {
  const { status, body } = await send(adminUrl, { method: "GET", path: "/readyz" });
  const { ready, problems } = JSON.parse(body) as { ready: boolean; problems: readonly string[] };
  return [status, ready, ...problems];
};

/** What people were told but that the other files are in force. */
const linesOf = ({ logged }: TestGateway): readonly string[] =>
  logged.filter((line) => !line.endsWith(" is read and in force"));

describe("the gateway behind a certificate", () => {
  it("serves calls over HTTPS, and records them as any other", async () => {
    const gateway = await start(one);
    expect([new URL(gateway.url).protocol, await call(gateway)]).toEqual(["https:", 200]);
    expect(await gateway.waitForRecords(1)).toMatchObject([
      { type: "mcp_tool_call", reason: "granted", client_ip: "127.0.0.1", key_id: gateway.key.id },
    ]);
    expect(await readiness(gateway)).toEqual([200, true]);
  });

  it("shows a new certificate to those who connect, and keeps who is connected", async () => {
    const gateway = await start(one);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    closing.push(() => agent.destroy());
    expect([await call(gateway, agent), await certificateOf(gateway)]).toEqual([200, "one"]);
    const sockets = Object.values(agent.freeSockets).flat();
    await putPair(two);
    await until(
      () => certificateOf(gateway),
      (name) => name === "two",
    );
    expect([await call(gateway, agent), await call(gateway)]).toEqual([200, 200]);
    expect(Object.values(agent.freeSockets).flat()).toEqual(sockets);
  });

  it("takes no TLS older than 1.2", async () => {
    const gateway = await start(one);
    // Without this the client itself would have no such version to offer.
    const willing = { ciphers: "DEFAULT@SECLEVEL=0", minVersion: "TLSv1" } as const;
    await expect(shake(gateway, { ...willing, maxVersion: "TLSv1.1" })).rejects.toMatchObject({
      code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
    });
    (await shake(gateway, { ...willing, maxVersion: "TLSv1.2" })).destroy();
    expect(await call(gateway)).toBe(200);
  });

  it.each([
    { what: "plain HTTP", bytes: Buffer.from("GET /mcp/eks-ro/mcp HTTP/1.1\r\nhost: localhost\r\n\r\n") },
    { what: "a handshake of garbage", bytes: Buffer.from("1603010005ffffffffff", "hex") },
    { what: "a record that claims to be long", bytes: Buffer.from("160301ffff01", "hex") },
    { what: "nothing but zeros", bytes: Buffer.alloc(65_536) },
  ])("survives $what, and records nothing of it", async ({ bytes }) => {
    const gateway = await start(one);
    for (let made = 0; made < 20; made += 1) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const socket = connectPlain(portOf(gateway), "127.0.0.1");
      socket.on("error", () => undefined).on("close", () => resolve());
      socket.resume().write(bytes);
      await promise;
    }
    expect(await call(gateway)).toBe(200);
    expect((await gateway.waitForRecords(1)).map(({ seq, reason }) => [seq, reason])).toEqual([[1, "granted"]]);
    expect(linesOf(gateway)).toEqual([expect.stringMatching(/^the certificate .* is in force until /)]);
  });

  it("ends a handshake that is not finished in time, and records nothing of it", async () => {
    const gateway = await start(one, { limits: { headersTimeoutMs: 50 } });
    const { promise, resolve } = Promise.withResolvers<void>();
    connectPlain(portOf(gateway), "127.0.0.1")
      .on("error", () => undefined)
      .on("close", () => resolve())
      .resume();
    await promise;
    const { body } = await send(gateway.adminUrl, { method: "GET", path: "/metrics" });
    expect([await gateway.records(), body.includes("mcpctl_requests_total{")]).toEqual([[], false]);
  });

  it("records what is not HTTP behind a good handshake, with the client's address", async () => {
    const gateway = await start(one);
    const socket = await shake(gateway);
    socket.end("not HTTP at all\r\n\r\n");
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(await gateway.waitForRecords(1)).toMatchObject([
      { type: "mcp_refusal", reason: "http_malformed", http_status: 400, client_ip: "127.0.0.1" },
    ]);
  });
});

describe("a certificate that is of no use", () => {
  it("because it has expired is served, and told by readyz", async () => {
    const endsAt = Date.parse("2026-01-01T00:00:00Z");
    const gateway = await start(makeCertificate({ commonName: "old", startsAt: endsAt - 3_600_000, endsAt }));
    const told = `the certificate ${join(folder, "tls.crt")} expired at 2026-01-01T00:00:00Z`;
    expect([await readiness(gateway), linesOf(gateway)]).toEqual([[200, true, told], [told]]);
    await putPair(one);
    await until(
      () => readiness(gateway),
      (answer) => JSON.stringify(answer) === JSON.stringify([200, true]),
    );
    expect(await call(gateway)).toBe(200);
  });

  it("because it expires while the gateway runs is told from then on", async () => {
    const time = { ms: Date.now() };
    const endsAt = Math.ceil(time.ms / 1000) * 1000 + 60_000;
    const pair = makeCertificate({ commonName: "short", endsAt });
    const clock = { now: () => time.ms, monotonic: () => performance.now() };
    const gateway = await start(pair, { clock });
    expect(await readiness(gateway)).toEqual([200, true]);
    time.ms = endsAt + 1;
    expect(await readiness(gateway)).toEqual([
      200,
      true,
      expect.stringMatching(/^the certificate .*tls\.crt expired at /) as string,
    ]);
  });

  it("because its key is another's leaves the last good pair in force, and is told", async () => {
    const gateway = await start(one);
    await writeFile(join(folder, "tls.key"), two.key);
    const told = `${join(folder, "tls.key")} is not the key of the certificate ${join(folder, "tls.crt")}`;
    await until(
      () => readiness(gateway),
      (answer) => JSON.stringify(answer) === JSON.stringify([200, true, told]),
    );
    expect([await certificateOf(gateway), await call(gateway)]).toEqual(["one", 200]);
  });

  it("at the start stops the gateway from starting", async () => {
    await putPair({ cert: one.cert, key: two.key });
    const path = join(folder, "none");
    const starting = startGateway({
      keys: [{ path, role: null }],
      locks: path,
      roles: path,
      backends: path,
      sessionSecret: null,
      instance: "x",
      version: "0",
      listen: {
        host: "127.0.0.1",
        port: 0,
      },
      admin: {
        host: "127.0.0.1",
        port: 0,
      },
      startRecords: "rw" as const,
      auditFile: join(folder, "audit.jsonl"),
      redactedNames: [],
      trustedProxies: [],
      allowedHosts: [],
      allowsBareHashes: false,
      allowedOrigins: [],
      maxAgeSeconds: 900,
      log: () => undefined,
      tls: {
        cert: join(folder, "tls.crt"),
        key: join(folder, "tls.key"),
      },
    });
    await expect(starting).rejects.toMatchObject({ kind: "invalid", code: "tls_pair_mismatch" });
  });
});

import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rename, rm, symlink, unlink, writeFile, mkdir } from "node:fs/promises";
import { Agent, createServer, request, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TlsFiles } from "../../src/gateway/tls.ts";
import { secureOptions, type TlsPair } from "../../src/gateway/tls-pair.ts";
import { followFiles } from "../../src/lib/files/follow-file.ts";
import { makeCertificate, type Certificate } from "../support/certificate.ts";
import { until } from "../support/gateway.ts";

const one = makeCertificate({ commonName: "one" });
const two = makeCertificate({ commonName: "two" });
const BOTH_TRUSTED = [one.cert, two.cert];

let folder: string;
let logged: string[];
let now: number;
const closers: (() => void | Promise<void>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-tls-"));
  logged = [];
  now = Date.now();
});

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  await rm(folder, { recursive: true, force: true });
});

const put = async (name: string, text: string): Promise<void> => {
  await writeFile(join(folder, `${name}.new`), text);
  await rename(join(folder, `${name}.new`), join(folder, name));
};
const putPair = async ({ cert, key }: Certificate): Promise<void> => {
  await put("tls.crt", cert);
  await put("tls.key", key);
};

function follow(where = folder): TlsFiles {
  const files = new TlsFiles(join(where, "tls.crt"), join(where, "tls.key"), {
    log: (line) => logged.push(line),
    pollMs: 60_000,
    clock: { now: () => now },
  });
  closers.push(() => files.close());
  return files;
}

/** A server of these files, as the gateway makes its own; it answers with the path asked for. */
async function serve(files: TlsFiles): Promise<number> {
  // The library by itself would refuse old versions for want of ciphers; here it is the version that decides.
  const ciphers = "DEFAULT@SECLEVEL=0";
  const options = { ...secureOptions(files.current as TlsPair), ciphers, keepAliveTimeout: 60_000 };
  const server: Server = createServer(options, (asked, response) => void response.end(asked.url));
  files.onChange((pair) => server.setSecureContext({ ...secureOptions(pair), ciphers }));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    const closed = new Promise((resolve) => void server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}

/** The name on the certificate that a connection was made with. */
const nameOf = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN);

/** Which certificate does a new connection see? */
async function greeting(port: number, version: "TLSv1.1" | "TLSv1.2" | "TLSv1.3" = "TLSv1.3"): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({
    host: "127.0.0.1",
    port,
    ca: BOTH_TRUSTED,
    minVersion: version,
    maxVersion: version,
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  socket.once("secureConnect", () => resolve(nameOf(socket)));
  socket.once("error", (error: Error & { code?: string }) => resolve(error.code ?? error.message));
  const answer = await promise;
  socket.destroy();
  return answer;
}

/** One request on the agent's connection: its answer, and the certificate of the connection. */
async function ask(agent: Agent, port: number, path: string): Promise<readonly [string, string]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly [string, string]>();
  const asked = request({ agent, host: "127.0.0.1", port, path }, (response) => {
    const name = nameOf(response.socket as TLSSocket);
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => resolve([Buffer.concat(chunks).toString(), name]));
  });
  asked.on("error", reject);
  asked.end();
  return promise;
}

const told = (text: string): Promise<unknown> =>
  until(
    () => logged,
    (lines) => lines.some((line) => line.includes(text)),
  );

/**
 * A second pair of eyes, on a file that is written after the others: when it saw that one, the first pair saw the
 * others, as a rule. Should it not have, a test of what is not told passes without having tested it.
 */
async function witness(): Promise<() => Promise<void>> {
  let seen = "";
  let count = 0;
  const follower = followFiles({
    paths: () => Promise.resolve([join(folder, "tls.crt"), join(folder, "tls.key"), join(folder, "mark")]),
    what: "the file",
    maxBytes: 10_000,
    pollMs: 60_000,
    onReadings: (readings) => {
      const mark = readings.at(-1);
      seen = mark?.ok === true ? Buffer.from(mark.bytes).toString() : "";
    },
    onFault: () => undefined,
  });
  closers.push(() => follower.close());
  await follower.ready;
  return async () => {
    const mark = `mark ${(count += 1)}`;
    await put("mark", mark);
    await until(
      () => seen,
      (text) => text === mark,
    );
  };
}

/** No line of the key's text, however it is broken. */
const leaks = ({ key }: Certificate): boolean => {
  const secret = key.replace(/-----[^-]*-----|\n/g, "");
  return key
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("-"))
    .concat(secret)
    .some((part) => logged.join("\n").includes(part));
};

describe("TLS files", () => {
  it("are served, and served anew once both were replaced", async () => {
    await putPair(one);
    const files = follow();
    await files.ready;
    const port = await serve(files);
    const before = await greeting(port);
    await putPair(two);
    await until(
      () => greeting(port),
      (name) => name === "two",
    );
    expect([before, files.problem, files.current?.cert, files.current?.key.reveal()]).toEqual([
      "one",
      null,
      two.cert,
      two.key,
    ]);
  });

  it("are replaced without a word to those who are connected", async () => {
    await putPair(one);
    const files = follow();
    await files.ready;
    const port = await serve(files);
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: BOTH_TRUSTED });
    closers.push(() => agent.destroy());
    const before = await ask(agent, port, "/a");
    await putPair(two);
    await until(
      () => files.current?.cert,
      (cert) => cert === two.cert,
    );
    expect([before, await ask(agent, port, "/b"), await greeting(port)]).toEqual([["/a", "one"], ["/b", "one"], "two"]);
  });

  it("are followed through the link that a mounted Secret is swapped by", async () => {
    for (const [name, pair] of [
      ["..1", one],
      ["..2", two],
    ] as const) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "tls.crt"), pair.cert);
      await writeFile(join(folder, name, "tls.key"), pair.key);
    }
    await symlink("..1", join(folder, "..data"));
    await symlink("..data/tls.crt", join(folder, "tls.crt"));
    await symlink("..data/tls.key", join(folder, "tls.key"));
    const files = follow();
    await files.ready;
    const before = files.current?.cert;
    await symlink("..2", join(folder, "..data_tmp"));
    await rename(join(folder, "..data_tmp"), join(folder, "..data"));
    await until(
      () => files.current?.cert,
      (cert) => cert === two.cert,
    );
    expect([before, files.current?.key.reveal()]).toEqual([one.cert, two.key]);
  });

  it("that are not good keep the last good pair in force, tell it without the key, and recover", async () => {
    await putPair(one);
    const files = follow();
    await files.ready;
    const port = await serve(files);
    const path = (name: string): string => join(folder, name);
    const kept = "; the last good certificate and key stay in force";
    const inForce = (pair: TlsPair | null): string =>
      `the certificate ${path("tls.crt")} is in force until ${new Date(pair?.endsAt ?? 0).toISOString().slice(0, 19)}Z`;
    const first = inForce(files.current);
    const mismatch = `${path("tls.key")} is not the key of the certificate ${path("tls.crt")}`;
    await put("tls.crt", two.cert);
    await told(mismatch);
    const held = [files.problem, files.current?.cert, await greeting(port)];
    await put("tls.crt", "no certificate");
    await told("is no certificate");
    await put("tls.key", "no key");
    await put("tls.crt", two.cert);
    await told("is no private key");
    await unlink(path("tls.crt"));
    await told("does not exist");
    const stillHeld = [files.problem, await greeting(port)];
    await put("tls.key", two.key);
    await put("tls.crt", two.cert);
    await until(
      () => files.problem,
      (problem) => problem === null,
    );
    expect([held, stillHeld, await greeting(port)]).toEqual([
      [mismatch, one.cert, "one"],
      [`the TLS file ${path("tls.crt")} does not exist`, "one"],
      "two",
    ]);
    expect(logged).toEqual([
      first,
      `${mismatch}${kept}`,
      `${path("tls.crt")} is no certificate${kept}`,
      `${path("tls.key")} is no private key that can be read${kept}`,
      `the TLS file ${path("tls.crt")} does not exist${kept}`,
      inForce(files.current),
    ]);
    expect([leaks(one), leaks(two), JSON.stringify(files.current).includes("PRIVATE KEY")]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("are told of once, however often the same is found", async () => {
    await putPair(one);
    const files = follow();
    await files.ready;
    const looked = await witness();
    await putPair(one);
    await looked();
    await put("tls.crt", "no certificate");
    await looked();
    await put("tls.key", "no key");
    await looked();
    await put("tls.key", two.key);
    await put("tls.crt", two.cert);
    await until(
      () => files.current?.cert,
      (cert) => cert === two.cert,
    );
    const crt = join(folder, "tls.crt");
    expect(logged.map((line) => line.replace(/ until .*/, ""))).toEqual([
      `the certificate ${crt} is in force`,
      `${crt} is no certificate; the last good certificate and key stay in force`,
      `the certificate ${crt} is in force`,
    ]);
  });

  it.each(["before", "after"])("are never served to TLS 1.1, %s a change", async (when) => {
    await putPair(one);
    const files = follow();
    await files.ready;
    const port = await serve(files);
    if (when === "after") {
      await putPair(two);
      await until(
        () => greeting(port),
        (name) => name === "two",
      );
    }
    const name = when === "after" ? "two" : "one";
    expect([await greeting(port, "TLSv1.1"), await greeting(port, "TLSv1.2"), await greeting(port)]).toEqual([
      "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
      name,
      name,
    ]);
  });

  const expired = makeCertificate({ commonName: "old", startsAt: Date.UTC(2020, 0, 1), endsAt: Date.UTC(2021, 0, 1) });
  const early = makeCertificate({ commonName: "new", startsAt: Date.UTC(2048, 0, 1), endsAt: Date.UTC(2049, 0, 1) });

  it.each([
    ["expired", expired, "expired at 2021-01-01T00:00:00Z"],
    ["is not yet valid", early, "is not valid before 2048-01-01T00:00:00Z"],
  ])("of which the certificate %s are served, and it is told", async (_what, pair, words) => {
    await putPair(pair);
    const files = follow();
    await files.ready;
    const problem = `the certificate ${join(folder, "tls.crt")} ${words}`;
    expect([files.current?.cert, files.problem, logged]).toEqual([pair.cert, problem, [problem]]);
  });

  it("that expire while nothing changes tell it when asked", async () => {
    await putPair(one);
    const files = follow();
    await files.ready;
    const before = files.problem;
    now = (files.current?.endsAt ?? 0) + 1;
    expect([before, files.problem]).toEqual([null, expect.stringMatching(/ expired at /)]);
  });
});

describe("TLS files that cannot be used at the start", () => {
  const encrypted = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" },
  });

  it.each([
    ["no certificate", { cert: "x", key: one.key }, "tls_cert_invalid", "tls.crt is no certificate"],
    ["a key for a certificate", { cert: one.key, key: one.key }, "tls_cert_invalid", "tls.crt is no certificate"],
    ["no key", { cert: one.cert, key: "x" }, "tls_key_invalid", "tls.key is no private key that can be read"],
    [
      "an encrypted key",
      { cert: one.cert, key: encrypted.privateKey },
      "tls_key_invalid",
      "tls.key is no private key that can be read",
    ],
    [
      "another's key",
      { cert: one.cert, key: two.key },
      "tls_pair_mismatch",
      "tls.key is not the key of the certificate ",
    ],
    [
      "a chain that is cut",
      { cert: `${one.cert}${two.cert.slice(0, 200)}`, key: one.key },
      "tls_pair_unusable",
      "TLS cannot be served with ",
    ],
  ])("are told: %s", async (_what, pair, code, words) => {
    await putPair(pair);
    const files = follow();
    await expect(files.ready).rejects.toMatchObject({
      kind: "invalid",
      code,
      message: expect.stringContaining(words) as unknown,
    });
    expect([files.current, logged]).toEqual([null, []]);
  });

  it("are told: none", async () => {
    await put("tls.crt", one.cert);
    await expect(follow().ready).rejects.toMatchObject({
      kind: "not-found",
      code: "file_not_found",
      message: `the TLS file ${join(folder, "tls.key")} does not exist`,
    });
  });

  it("have a twin that can be", async () => {
    await putPair(one);
    const files = follow();
    await files.ready;
    expect(files.current?.cert).toBe(one.cert);
  });
});

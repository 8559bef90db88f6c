import { DescribeParametersCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { beforeAll, describe, expect, it } from "vitest";
import { formatEntryName } from "../../src/lib/keys/record.ts";
import { openSsmStore } from "../../src/lib/stores/ssm-store.ts";
import { describeKeyStore } from "../support/key-store-contract.ts";
import { createEntry, readEntry } from "../../src/lib/keys/key-store.ts";
import { MOTO_ACCOUNT, motoAvailable, type MotoServer, startMoto, TEST_CREDENTIALS } from "../support/moto.ts";

const REGION = "eu-central-1";
const ENTRY = { role: "dev-readonly", hash: "ab".repeat(32), part: "record" } as const;
const NOTE = { action: "create", at: "2026-11-20T10:00:00Z" } as const;

describe.skipIf(!motoAvailable())("on moto", () => {
  let moto: MotoServer;
  let ssm: SSMClient;
  let paths = 0;

  beforeAll(async () => {
    moto = await startMoto();
    ssm = new SSMClient({ region: REGION, endpoint: moto.url, credentials: TEST_CREDENTIALS });
    return async () => {
      ssm.destroy();
      await moto.stop();
    };
  });

  const newPath = (): string => `/team-${(paths += 1)}/keys`;
  const open = (path: string) =>
    openSsmStore(
      { path, region: REGION, account: MOTO_ACCOUNT },
      { env: {}, client: { endpoint: moto.url, credentials: TEST_CREDENTIALS } },
    );

  describeKeyStore("the SSM store", async () => {
    const path = newPath();
    const put = async (name: string, value: string, overwrite: boolean): Promise<string> => {
      const Name = `${path}/${name}`;
      await ssm.send(new PutParameterCommand({ Name, Value: value, Type: "SecureString", Overwrite: overwrite }));
      return Name;
    };
    return {
      store: open(path),
      another: () => open(path),
      plant: (name, value) => put(name, value, false),
      overwrite: async (name, value) => void (await put(formatEntryName(name, "/"), value, true)),
      historyBy: "N/A",
      cleanup: async () => {},
    };
  });

  it("does not see a path that merely begins the same", async () => {
    const path = newPath();
    await createEntry(open(`${path}-old`), ENTRY, "dev-readonly/a", NOTE);
    expect(await open(path).list()).toEqual([]);
    expect(await open(path).history([ENTRY])).toEqual([]);
  });

  it("tells when an entry was written, by its list, its read and its history alike", async () => {
    const store = open(newPath());
    const earliest = Date.now() - 2000;
    await createEntry(store, ENTRY, "dev-readonly/a", NOTE);
    const read = await readEntry(store, ENTRY);
    const [history] = await store.history([ENTRY]);
    expect(read?.changedAt).toBeGreaterThan(earliest);
    expect(read?.changedAt).toBeLessThan(Date.now() + 2000);
    expect(Math.trunc((history?.at ?? 0) / 1000)).toBe(Math.trunc((read?.changedAt ?? 0) / 1000));
  });

  it("stores a SecureString under the given KMS key, its note as one line of JSON", async () => {
    const path = newPath();
    const store = openSsmStore(
      { path, region: REGION, kmsKeyId: "alias/mcp-gateway" },
      { env: {}, client: { endpoint: moto.url, credentials: TEST_CREDENTIALS } },
    );
    await createEntry(store, ENTRY, "dev-readonly/a", {
      ...NOTE,
      reason: "für {{die}}\nDemo \u{1f600}",
      author: "alice",
    });
    const filter = { Key: "Path", Option: "Recursive", Values: [path] };
    const { Parameters: found } = await ssm.send(new DescribeParametersCommand({ ParameterFilters: [filter] }));
    expect(found?.map(({ Name, Type, KeyId, Description }) => ({ Name, Type, KeyId, Description }))).toEqual([
      {
        Name: `${path}/dev-readonly/${ENTRY.hash}`,
        Type: "SecureString",
        KeyId: "alias/mcp-gateway",
        Description: String.raw`{"action":"create","at":"2026-11-20T10:00:00Z","author":"alice","reason":"f\u00fcr \u007b\u007bdie\u007d\u007d Demo \ud83d\ude00"}`,
      },
    ]);
    const [history] = await store.history([ENTRY]);
    expect(history?.note).toEqual({ ...NOTE, reason: "für {{die}} Demo \u{1f600}", author: "alice" });
  });
});

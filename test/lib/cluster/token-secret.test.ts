import { afterEach, beforeEach, expect, it } from "vitest";
import { openTokenSecret } from "../../../src/lib/cluster/token-secret.ts";
import { startFakeKubernetes, type FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { mintedKeys } from "../../support/run-cli.ts";

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await startFakeKubernetes();
});
afterEach(() => fake.close());

const REF = { resource: "secrets", namespace: "mcp", name: "agent" } as const;
const [first, second] = mintedKeys(2);
const tokenOf = (key: typeof first): string => key?.token.reveal() ?? "";
const put = (token: string, keyId: string) =>
  fake.put("secrets", REF.name, {
    metadata: {
      labels: { "app.kubernetes.io/managed-by": "mcpctl" },
      annotations: { "mcpctl/key-id": keyId },
    },
    data: { token: Buffer.from(token).toString("base64") },
  });

it("replaces the token of the key that lies there", async () => {
  put(tokenOf(first), first?.id ?? "");
  await (await openTokenSecret(fake.api(), REF, first?.hash ?? "")).put(tokenOf(second));
  const { data } = fake.objects.get({ resource: "secrets", namespace: "mcp", name: "agent" }) as unknown as {
    data: Record<string, string>;
  };
  expect(Buffer.from(data["token"] ?? "", "base64").toString()).toBe(tokenOf(second));
});

it("leaves the token of another key alone, though its id is the same", async () => {
  put(tokenOf(first), first?.id ?? "");
  const forged = `${first?.hash.slice(0, 12) ?? ""}${"0".repeat(52)}`;
  await expect(openTokenSecret(fake.api(), REF, forged)).rejects.toMatchObject({ code: "secret_holds_key" });
});

it("leaves a Secret alone that only says that it holds the key", async () => {
  put("something else", first?.id ?? "");
  await expect(openTokenSecret(fake.api(), REF, first?.hash ?? "")).rejects.toMatchObject({ code: "secret_holds_key" });
});

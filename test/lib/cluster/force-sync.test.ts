import { expect, it } from "vitest";
import { forceSync } from "../../../src/lib/cluster/force-sync.ts";
import { startFakeKubernetes } from "../../support/fake-kubernetes.ts";

it("Ctrl-C while the operator works is an interruption", async () => {
  await using cluster = { fake: await startFakeKubernetes(), [Symbol.asyncDispose]: () => cluster.fake.close() };
  cluster.fake.put("externalsecrets", "keys", { status: {} });
  const stop = new AbortController();
  const asked = cluster.fake.called("get", "externalsecrets").then(() => stop.abort());
  const options = { deadline: Infinity, signal: stop.signal, onNoEvents: () => undefined };
  const forced = forceSync(cluster.fake.api(), { namespace: "mcp", name: "keys" }, options);
  await expect(forced).rejects.toMatchObject({ kind: "interrupted" });
  await asked;
});

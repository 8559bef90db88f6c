import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mintKey } from "../../../src/lib/keys/key.ts";
import {
  base64,
  CLUSTER_ROLES,
  goAway,
  putBackends,
  putKeys,
  putRoles,
  startClusterGateway,
  type ClusterGateway,
} from "../../support/cluster-gateway.ts";
import type { StoredObject } from "../../support/fake-objects.ts";
import { sayAgain } from "../../support/kube-faults.ts";

const KEY = mintKey(randomBytes);

let cluster: ClusterGateway;
beforeEach(async () => {
  cluster = await startClusterGateway((fake) => putKeys(fake, { [`dev.${KEY.hash}`]: "dev/alice" }));
});
afterEach(() => cluster.close());

describe("roles and backends in ConfigMaps", () => {
  it("are followed: a lost grant cuts what is open", async () => {
    const { cut } = await cluster.stream(KEY);
    putRoles(cluster.fake, "roleMapping: { dev: [] }");
    expect(await cut).toBe(true);
    expect(await cluster.status(KEY)).toBe(403);
    putRoles(cluster.fake, CLUSTER_ROLES);
    await cluster.becomes(KEY, 200);
  });

  it.each([
    {
      what: "roles",
      data: { "roles.yaml": "roleMapping: { dev: [eks-ro, eks-ro] }" },
      problem: /is granted "eks-ro" here and in line 1/,
    },
    { what: "roles", data: { "roles.yaml": "" }, problem: /./ },
    { what: "roles", data: {}, problem: /has no roles\.yaml/ },
    { what: "backends", data: { "backends.yaml": "backends: [" }, problem: /./ },
    { what: "backends", data: { "roles.yaml": CLUSTER_ROLES }, problem: /has no backends\.yaml/ },
  ])("keep the last good ones in force when $what are broken: $data", async ({ what, data, problem }) => {
    const { fake, says, status } = cluster;
    const good = fake.objects.get({ resource: "configmaps", namespace: "mcp", name: what });
    fake.put("configmaps", what, { data });
    expect(await says(what, problem)).toMatchObject({ usable: true });
    expect(await status(KEY)).toBe(200);
    const comeBack = goAway(fake);
    await says(what, /did not reach/);
    comeBack();
    await says(what, problem);
    expect(await status(KEY)).toBe(200);
    fake.put("configmaps", what, { data: (good as StoredObject)["data"] });
    await says(what, null);
    expect(await status(KEY)).toBe(200);
  });

  it("are read from binaryData, too", async () => {
    cluster.fake.put("configmaps", "roles", { binaryData: { "roles.yaml": base64("roleMapping: { dev: [] }") } });
    await cluster.becomes(KEY, 403);
    expect((await cluster.says("roles", null)).usable).toBe(true);
  });

  it("give back no grant because a list tells an older state", async () => {
    const { fake, becomes, status, says } = cluster;
    const stale = fake.look("list", "configmaps", "roles");
    putRoles(fake, "roleMapping: { dev: [] }");
    await becomes(KEY, 403);
    fake.inject({ verb: "list", name: "roles" }, sayAgain(stale));
    const listed = fake.called("list", "configmaps", "roles");
    fake.endWatches("end");
    fake.put("configmaps", "roles", {
      data: { "roles.yaml": "roleMapping: { dev: [] }" },
      metadata: { labels: { a: "b" } },
    });
    const version = String(fake.objects.version);
    await listed;
    const seen: number[] = [];
    do seen.push(await status(KEY));
    while ((await says("roles", null)).resource_version !== version);
    expect(new Set(seen)).toEqual(new Set([403]));
    fake.settle();
  });

  it("of which one vanished stay in force until the age limit, and are ready again when it is back", async () => {
    const { fake, says, status, clock, gateway } = cluster;
    const { data } = fake.objects.get({ resource: "configmaps", namespace: "mcp", name: "backends" }) as StoredObject;
    fake.remove("configmaps", "backends");
    await says("backends", /does not exist/);
    expect(await status(KEY)).toBe(200);
    clock.leap(900);
    putKeys(fake, { [`dev.${KEY.hash}`]: "dev/alice" }, { synced: "2126-01-01T00:00:00Z" });
    await says("keys", null);
    expect(await status(KEY)).toBe(503);
    expect(gateway.unreadiness()).toEqual(["policy_unavailable"]);
    putBackends(fake, (data as Readonly<Record<string, string>>)["backends.yaml"] ?? "");
    await cluster.becomes(KEY, 200);
    expect(gateway.unreadiness()).toEqual([]);
  });
});

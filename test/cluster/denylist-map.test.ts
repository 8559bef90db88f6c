import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../src/lib/cluster/connection.ts";
import { denylistMap } from "../../src/lib/cluster/denylist-map.ts";
import { KubeApi } from "../../src/lib/cluster/kube-api.ts";
import type { ConfigMapObject } from "../../src/lib/cluster/objects.ts";
import type { KubeCall } from "../../src/lib/cluster/resources.ts";
import { EMPTY_DENYLIST } from "../../src/lib/policy/edit-denylist.ts";
import { describeDenylistStore } from "../support/denylist-store-contract.ts";
import { startKubernetes, type Kubernetes } from "./support/kubernetes.ts";

const NAMESPACE = "default";
const CHANGED = '{"locks":[],"removed":[{"id":"lock_x","by":"bob","at":"2026-11-20T10:00:00Z"}]}';
let kubernetes: Kubernetes;
let maps = 0;
let name: string;
beforeAll(async () => {
  kubernetes = await startKubernetes(["reader", "nobody"]);
  await kubernetes.kubectl(["create", "role", "reader", "--verb=get", "--resource=configmaps"]);
  await kubernetes.kubectl(["create", "rolebinding", "reader", "--role=reader", "--user=reader"]);
}, 60_000);
afterAll(() => kubernetes.stop());
beforeEach(() => {
  name = nextName();
});

const nextName = (): string => `denylist-${(maps += 1)}`;
const refOf = (map: string) => ({ resource: "configmaps", namespace: NAMESPACE, name: map }) as const;
const put = async (map: string, body: object): Promise<void> => {
  await kubernetes.kubectl(["delete", "configmap", map, "--ignore-not-found"]);
  await kubernetes.admin.send({
    ...refOf(map),
    verb: "create",
    name: null,
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: map }, ...body },
  });
};
const get = (map: string): Promise<ConfigMapObject> => kubernetes.admin.send({ ...refOf(map), verb: "get" });

describeDenylistStore("a ConfigMap", async () => {
  const map = nextName();
  return {
    store: denylistMap(kubernetes.admin, refOf(map)),
    another: () => denylistMap(kubernetes.admin, refOf(map)),
    put: async (text) => {
      if (text === null) await kubernetes.kubectl(["delete", "configmap", map]);
      else await put(map, { data: { "denylist.json": text } });
    },
    cleanup: async () => {
      await kubernetes.kubectl(["delete", "configmap", map, "--ignore-not-found"]);
    },
  };
});

/** The API server, where something happens just before the first patch arrives. */
const before = (happens: () => Promise<unknown>): Pick<KubeApi, "send"> => {
  let isDone = false;
  return {
    send: async <T>(call: KubeCall): Promise<T> => {
      if (call.verb === "patch" && !isDone) {
        isDone = true;
        await happens();
      }
      return kubernetes.admin.send<T>(call);
    },
  };
};

/** The API server as this user meets it. */
const as = async (user: string): Promise<KubeApi> =>
  new KubeApi(
    connect({ context: "test", env: { KUBECONFIG: await kubernetes.kubeconfig(user) }, home: kubernetes.folder }),
  );

describe("a change of the ConfigMap", () => {
  it("is made again on what another has written meanwhile", async () => {
    await put(name, { data: { "denylist.json": EMPTY_DENYLIST } });
    const seen: string[] = [];
    const meanwhile = before(() => denylistMap(kubernetes.admin, refOf(name)).change(() => CHANGED));
    await denylistMap(meanwhile, refOf(name)).change((text) => {
      seen.push(text);
      return text;
    });
    expect([seen, (await get(name)).data]).toEqual([[EMPTY_DENYLIST, CHANGED], { "denylist.json": CHANGED }]);
  });

  it("is made on the one that stands in its place, never on another of the same name unread", async () => {
    await put(name, { data: { "denylist.json": EMPTY_DENYLIST } });
    const seen: string[] = [];
    const meanwhile = before(() => put(name, { data: { "denylist.json": CHANGED } }));
    await denylistMap(meanwhile, refOf(name)).change((text) => {
      seen.push(text);
      return text;
    });
    expect(seen).toEqual([EMPTY_DENYLIST, CHANGED]);
  });

  it("says what makes it, where it was removed between", async () => {
    await put(name, { data: { "denylist.json": EMPTY_DENYLIST } });
    const meanwhile = before(() => kubernetes.kubectl(["delete", "configmap", name]));
    await expect(denylistMap(meanwhile, refOf(name)).change((text) => text)).rejects.toMatchObject({
      code: "denylist_missing",
      hint: expect.stringContaining("mcpctl lock init"),
    });
  });

  it("leaves whatever else is there as it is", async () => {
    const other = { data: { other: "text" }, binaryData: { bytes: "/w==" } };
    await put(name, {
      data: other.data,
      binaryData: { ...other.binaryData, "denylist.json": Buffer.from(EMPTY_DENYLIST).toString("base64") },
    });
    await denylistMap(kubernetes.admin, refOf(name)).change(() => CHANGED);
    const { data, binaryData } = await get(name);
    expect({ data, binaryData }).toEqual({ ...other, data: { ...other.data, "denylist.json": CHANGED } });
  });

  it("is refused where the ConfigMap has no denylist.json, and the mend is named", async () => {
    await put(name, { data: { "Denylist.json": EMPTY_DENYLIST } });
    const store = denylistMap(kubernetes.admin, refOf(name));
    const refused = { code: "denylist_unreadable", message: `ConfigMap ${NAMESPACE}/${name} has no denylist.json` };
    await expect(store.change((text) => text)).rejects.toMatchObject(refused);
    await expect(store.read()).rejects.toMatchObject(refused);
    expect(await store.create()).toBe(false);
  });

  it("is refused where the ConfigMap is immutable, which can still be read", async () => {
    await put(name, { data: { "denylist.json": EMPTY_DENYLIST }, immutable: true });
    const store = denylistMap(kubernetes.admin, refOf(name));
    expect(await store.read()).toBe(EMPTY_DENYLIST);
    await expect(store.change(() => CHANGED)).rejects.toMatchObject({
      kind: "invalid",
      code: "denylist_immutable",
      hint: expect.stringContaining("without `immutable`"),
    });
  });

  it("is refused where it would be more than the ConfigMap holds, which stays as it is", async () => {
    await put(name, { data: { "denylist.json": EMPTY_DENYLIST } });
    const store = denylistMap(kubernetes.admin, refOf(name));
    await expect(store.change(() => "x".repeat(1_100_000))).rejects.toMatchObject({
      name: "AppError",
      kind: "invalid",
    });
    expect(await store.read()).toBe(EMPTY_DENYLIST);
  });
});

it.each([
  ["nobody", "read", "get"],
  ["nobody", "create", "get"],
  ["reader", "change", "patch"],
  ["reader", "create", "create"],
] as const)("names the right that %s lacks to %s it: %s", async (user, method, verb) => {
  if (method === "change") await put(name, { data: { "denylist.json": EMPTY_DENYLIST } });
  const api = await as(user);
  const store = denylistMap(api, refOf(name));
  const refused = method === "change" ? store.change((text) => text) : store[method]();
  await expect(refused).rejects.toMatchObject({
    kind: "forbidden",
    code: "kube_forbidden",
    message: expect.stringMatching(new RegExp(`^${verb} configmaps.* in namespace ${NAMESPACE} was refused`)),
  });
  api.close();
});

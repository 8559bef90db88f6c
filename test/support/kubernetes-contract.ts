import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createLiveKubernetesLayer } from "../../src/lib/cluster/access-review.ts";
import type { KubeApi, WatchEvent } from "../../src/lib/cluster/kube-api.ts";
import type { KubeList, KubeObject, Metadata } from "../../src/lib/cluster/objects.ts";
import type { KubeCall, Resource } from "../../src/lib/cluster/resources.ts";
import { until } from "./gateway.ts";
import { requestOf } from "./rbac-facts.ts";

/** A cluster without External Secrets. */
export interface OpenedCluster {
  readonly api: KubeApi;
  /** A pod whose address is that of this machine's servers, in a namespace that is there. */
  readonly runPod: (namespace: string, name: string) => Promise<void>;
  /** Where a pod's servers listen. */
  readonly podAddress: string;
  readonly close: () => Promise<void>;
}

interface Stored extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Required<Pick<Metadata, "name" | "uid" | "resourceVersion">> & Metadata;
  readonly data?: Readonly<Record<string, string>>;
}

const NAME = "mcp-keys";
let rounds = 0;

/** What mcpctl relies on of an API server, the one of this process included. */
export function describeKubernetes(name: string, open: () => Promise<OpenedCluster>): void {
  describe(`${name} as mcpctl uses it`, () => {
    let cluster: OpenedCluster;
    let namespace: string;
    beforeAll(async () => {
      cluster = await open();
    });
    afterAll(() => cluster.close());
    beforeEach(async () => {
      namespace = `contract-${(rounds += 1)}`;
      await send({ verb: "create", resource: "namespaces", namespace: null, name: null, body: named(namespace) });
    });

    const send = <T = Stored>(call: KubeCall): Promise<T> => cluster.api.send<T>(call);
    const at = (resource: Resource = "secrets", name: string | null = NAME) => ({ resource, namespace, name });
    const get = (): Promise<Stored> => send({ ...at(), verb: "get" });
    const create = (data = { "keys.json": "e30=" }, name = NAME): Promise<Stored> =>
      send({ ...at("secrets", null), verb: "create", body: { ...named(name), data } });
    const patch = (body: unknown): Promise<Stored> => send({ ...at(), verb: "patch", body });
    const remove = (): Promise<unknown> => send({ ...at(), verb: "delete" });
    const list = (query?: Readonly<Record<string, string>>): Promise<KubeList<Stored>> =>
      send({ ...at("secrets", null), verb: "list", ...(query === undefined ? {} : { query }) });

    it("creates an object and tells it as it stands", async () => {
      const created = await create();
      expect(await get()).toEqual(created);
      const { apiVersion, kind, data, metadata } = created;
      expect({ apiVersion, kind, data, name: metadata.name, namespace: metadata.namespace }).toEqual({
        apiVersion: "v1",
        kind: "Secret",
        data: { "keys.json": "e30=" },
        name: NAME,
        namespace,
      });
      expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(Number(metadata.resourceVersion)).toBeGreaterThan(0);
    });

    it("knows its own kube-system by a uid that stays", async () => {
      const call = { verb: "get", resource: "namespaces", namespace: null, name: "kube-system" } as const;
      const { uid } = (await send(call)).metadata;
      expect((await send(call)).metadata.uid).toBe(uid);
      expect(uid).toMatch(/^[0-9a-f-]{36}$/);
    });

    it("refuses to create what is there", async () => {
      const created = await create();
      await expect(create({ "keys.json": "" })).rejects.toMatchObject({ kind: "conflict", code: "kube_conflict" });
      expect(await get()).toEqual(created);
    });

    it("does not create in a namespace that is not there", async () => {
      const call = { verb: "create", ...at("secrets", null), namespace: "nowhere", body: named(NAME) } as const;
      await expect(send(call)).rejects.toMatchObject({ kind: "not-found", code: "kube_not_found" });
    });

    it.each(["get", "patch", "delete"] as const)("tells an object that is not there (%s)", async (verb) => {
      const call = { ...at(), verb, ...(verb === "patch" ? { body: {} } : {}) };
      const { status, text } = await cluster.api.reply(call);
      const { kind, reason, code, details } = JSON.parse(text) as Record<string, unknown>;
      expect({ status, kind, reason, code, details }).toEqual({
        status: 404,
        kind: "Status",
        reason: "NotFound",
        code: 404,
        details: { name: NAME, kind: "secrets" },
      });
      await expect(send(call)).rejects.toMatchObject({ kind: "not-found", code: "kube_not_found" });
    });

    it("tells a kind that it does not serve", async () => {
      const call = { ...at("externalsecrets"), verb: "get" } as const;
      await expect(send(call)).rejects.toMatchObject({ kind: "not-found", code: "kube_not_served" });
    });

    it("merges a patch, and drops what is null", async () => {
      const before = await create();
      const after = await patch({ data: { "keys.json": null, synced: "eA==" }, metadata: { annotations: { a: "b" } } });
      expect({ data: after.data, annotations: after.metadata.annotations }).toEqual({
        data: { synced: "eA==" },
        annotations: { a: "b" },
      });
      expect(after.metadata.uid).toBe(before.metadata.uid);
      expect(Number(after.metadata.resourceVersion)).toBeGreaterThan(Number(before.metadata.resourceVersion));
    });

    it("gives what changes nothing no new version", async () => {
      const before = await create();
      expect((await patch({ data: before.data })).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    });

    it.each(["patch", "update"] as const)(
      "refuses to %s another version than the one that stands there",
      async (verb) => {
        const { metadata } = await create();
        const change = (data: unknown): Promise<Stored> =>
          send({ ...at(), verb, body: { ...named(NAME), data, metadata: { ...metadata } } });
        await change({ synced: "eA==" });
        await expect(change({ synced: "eQ==" })).rejects.toMatchObject({ kind: "conflict", code: "kube_conflict" });
        expect((await get()).data).toMatchObject({ synced: "eA==" });
      },
    );

    it.each([
      { what: "its uid", of: ({ uid }: Metadata) => ({ uid }), code: "kube_invalid" },
      {
        what: "its uid and version",
        of: ({ uid, resourceVersion }: Metadata) => ({ uid, resourceVersion }),
        code: "kube_conflict",
      },
    ])("refuses to patch another object of the same name, known by $what", async ({ of, code }) => {
      const { metadata } = await create();
      await remove();
      await create();
      await expect(patch({ metadata: of(metadata), data: { synced: "eA==" } })).rejects.toMatchObject({ code });
      expect((await get()).data).toEqual({ "keys.json": "e30=" });
    });

    it("deletes, and gives another uid to what is created again", async () => {
      const before = await create();
      await remove();
      await expect(get()).rejects.toMatchObject({ code: "kube_not_found" });
      const after = await create();
      expect(after.metadata.uid).not.toBe(before.metadata.uid);
      expect(Number(after.metadata.resourceVersion)).toBeGreaterThan(Number(before.metadata.resourceVersion));
    });

    it("tells the metadata alone when asked", async () => {
      const { metadata } = await create();
      expect(await send({ ...at(), verb: "get", isMetadataOnly: true })).toEqual({
        kind: "PartialObjectMetadata",
        apiVersion: "meta.k8s.io/v1",
        metadata,
      });
    });

    it("lists what a field selector names, with the version of the whole", async () => {
      const one = await create();
      await create({ "keys.json": "" }, "another");
      const { items = [], metadata } = await list({ fieldSelector: `metadata.name=${NAME}` });
      const { apiVersion: _version, kind: _kind, ...item } = one;
      expect(items).toEqual([item]);
      expect(Number(metadata?.resourceVersion)).toBeGreaterThan(Number(one.metadata.resourceVersion));
      expect((await list()).items?.map((object) => object.metadata.name).sort()).toEqual(["another", NAME]);
      expect((await list({ fieldSelector: "metadata.name=missing" })).items).toEqual([]);
    });

    /** The first `count` events after this version that are about an object. */
    const watch = async (resourceVersion: string, count: number, name = NAME): Promise<readonly WatchEvent[]> => {
      const [events, ended] = [[] as WatchEvent[], new AbortController()];
      const query = {
        watch: "1",
        resourceVersion,
        fieldSelector: `metadata.name=${name}`,
        allowWatchBookmarks: "true",
      };
      const call = { ...at("secrets", null), verb: "watch", query } as const;
      const hear = (event: WatchEvent): void => {
        if (event.type !== "BOOKMARK") events.push(event);
        if (events.length === count) ended.abort();
      };
      await cluster.api.watch(call, 10_000, hear, ended.signal).catch((error: unknown) => {
        if (!ended.signal.aborted) throw error;
      });
      return events;
    };

    it("tells a watch everything after its version, in order, deletions with a newer version", async () => {
      const { metadata } = await list();
      const created = await create();
      const changed = await patch({ data: { synced: "eA==" } });
      await create({ "keys.json": "" }, "another");
      await remove();
      const again = await create();
      const events = await watch(metadata?.resourceVersion ?? "", 4);
      const [, , deleted] = events.map(({ object }) => object as Stored);
      expect(events).toEqual([
        { type: "ADDED", object: created },
        { type: "MODIFIED", object: changed },
        { type: "DELETED", object: deleted },
        { type: "ADDED", object: again },
      ]);
      expect(deleted?.metadata.uid).toBe(created.metadata.uid);
      const versions = [changed, deleted, again].map((object) => Number(object?.metadata.resourceVersion));
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    });

    it("tells a watch what happens while it is open", async () => {
      const { metadata } = await create();
      const heard = watch(metadata.resourceVersion, 1);
      const changed = await patch({ data: { synced: "eA==" } });
      expect(await heard).toEqual([{ type: "MODIFIED", object: changed }]);
    });

    it("ends a watch in order when its time is over", async () => {
      const { metadata } = await list();
      const query = { watch: "1", resourceVersion: metadata?.resourceVersion ?? "", timeoutSeconds: "1" };
      const call = { ...at("secrets", null), verb: "watch", query } as const;
      expect(await cluster.api.watch(call, 10_000, () => undefined, new AbortController().signal)).toBeUndefined();
    });

    it("lists in pages, which together are the whole", async () => {
      for (const name of ["a", "b", "c", "d", "e"]) await create({ "keys.json": "" }, name);
      const names: unknown[] = [];
      let next: string | undefined;
      do {
        const query = { limit: "2", ...(next === undefined ? {} : { continue: next }) };
        const { items, metadata }: KubeList<Stored> = await list(query);
        names.push(items?.map((object) => object.metadata.name));
        next = metadata?.continue;
      } while (next !== undefined && next !== "");
      expect(names).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    });

    it("reviews what a ServiceAccount may do", async () => {
      const rules = [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }];
      const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: NAME };
      const subjects = [{ kind: "ServiceAccount", name: "agent", namespace }];
      await send({ ...at("roles", null), verb: "create", body: { ...named(NAME), rules } });
      await send({ ...at("rolebindings", null), verb: "create", body: { ...named(NAME), subjects, roleRef } });
      const requests = [`get - pods ${namespace} x`, `list - pods ${namespace}`, "get - pods elsewhere x"].map(
        requestOf,
      );
      // A real one learns of a binding a moment later.
      const verdicts = await until(
        () => createLiveKubernetesLayer(cluster.api).judge({ namespace, name: "agent" }, requests),
        ([first]) => first?.outcome === "allow",
      );
      expect(verdicts.map(({ outcome }) => outcome)).toEqual(["allow", "deny", "deny"]);
      expect(verdicts[0]?.text).toMatch(/^the API server allows it: RBAC: allowed by RoleBinding /);
    });

    it("passes a request on to a pod, and its answer back, whatever that is", async () => {
      const server = createServer(({ url }, response) => response.writeHead(418).end(`tea from ${url}`));
      await new Promise<void>((listening) => server.listen(0, cluster.podAddress, listening));
      const { port } = server.address() as AddressInfo;
      await cluster.runPod(namespace, "gateway-1");
      const call = {
        verb: "get",
        resource: "pods",
        namespace,
        name: `gateway-1:${port}`,
        subresource: "proxy/state",
      } as const;
      expect(await cluster.api.reply({ ...call, query: { key: "k_1" } })).toEqual({
        status: 418,
        text: "tea from /state?key=k_1",
      });
      await new Promise((closed) => server.close(closed).closeAllConnections());
      expect((await cluster.api.reply(call)).status).toBe(503);
      const missing = await cluster.api.reply({ ...call, name: `gateway-2:${port}` });
      expect({ ...missing, text: (JSON.parse(missing.text) as { details: unknown }).details }).toEqual({
        status: 404,
        text: { name: "gateway-2", kind: "pods" },
      });
    });
  });
}

function named(name: string): { readonly metadata: Metadata } {
  return { metadata: { name } };
}

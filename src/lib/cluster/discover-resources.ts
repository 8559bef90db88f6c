import { AppError } from "../errors.ts";
import type { KubeApi } from "./kube-api.ts";
import { discoveryCall } from "./resources.ts";

interface GroupList {
  readonly groups?: readonly { readonly versions?: readonly { readonly groupVersion?: string }[] }[];
}

interface ResourceList {
  readonly groupVersion?: string;
  readonly resources?: readonly {
    readonly name?: string;
    readonly kind?: string;
    readonly namespaced?: boolean;
    readonly verbs?: readonly string[];
  }[];
}

export interface Discovery {
  /** One APIResourceList for each group and version, in their order, of the resources and not their subresources. */
  readonly lists: readonly Readonly<Record<string, unknown>>[];
  /** Why some of it could not be read; null when all was. */
  readonly why: string | null;
}

/** A group's own server, like that of metrics, may be away for long. */
const PATIENCE_MS = 1_000;

/** Which kinds does the cluster serve, and as which resources? A group whose own server is away is left out. */
export async function discoverResources(api: Pick<KubeApi, "send">): Promise<Discovery> {
  const ask = <T>(path: string): Promise<T | string> =>
    readIfServed(api.send<T>(discoveryCall(path), { patienceMs: PATIENCE_MS }));
  const groups = await ask<GroupList>("/apis");
  const versions = ["v1", ...(typeof groups === "string" ? [] : versionsOf(groups))];
  const read = await Promise.all(versions.map((version) => ask<ResourceList>(pathOf(version))));
  return {
    lists: read.flatMap((list, index) => (typeof list === "string" ? [] : [listOf(versions[index] as string, list)])),
    why: [groups, ...read].find((one) => typeof one === "string") ?? null,
  };
}

function versionsOf({ groups = [] }: GroupList): readonly string[] {
  const found = groups.flatMap(({ versions = [] }) => versions.map(({ groupVersion }) => groupVersion ?? ""));
  return found.filter((version) => version !== "").toSorted((a, b) => (a < b ? -1 : 1));
}

function pathOf(version: string): string {
  return version.includes("/") ? `/apis/${version.split("/").map(encodeURIComponent).join("/")}` : `/api/${version}`;
}

function listOf(groupVersion: string, { resources = [] }: ResourceList): Readonly<Record<string, unknown>> {
  const kept = resources
    .filter(({ name }) => name?.includes("/") === false)
    .map(({ name = "", kind, namespaced, verbs }) => ({ name, kind, namespaced, verbs }));
  return {
    apiVersion: "v1",
    kind: "APIResourceList",
    groupVersion,
    resources: kept.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** What was sent, or why there is no answer to it. */
async function readIfServed<T>(sent: Promise<T>): Promise<T | string> {
  try {
    return await sent;
  } catch (error) {
    const isOnlyHere = error instanceof AppError && ["forbidden", "unavailable", "not-found"].includes(error.kind);
    if (!isOnlyHere) throw error;
    return error.message;
  }
}

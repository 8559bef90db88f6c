import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../errors.ts";
import { noDenylist, type DenylistStore } from "../policy/denylist-store.ts";
import { EMPTY_DENYLIST } from "../policy/edit-denylist.ts";
import { DENYLIST_KEY } from "../policy/locks.ts";
import type { KubeApi } from "./kube-api.ts";
import { ifFound, isConflict, isNotFound } from "./kube-error.ts";
import { dataOf, type ConfigMapObject } from "./objects.ts";
import { objectLabel, type ObjectRef } from "./object-ref.ts";

/** A hundred people at once are done long before. */
const MAX_ATTEMPTS = 50;

/** The denylist in a ConfigMap; each write holds only if the ConfigMap is still the one that was read. */
export function denylistMap(api: Pick<KubeApi, "send">, ref: ObjectRef): DenylistStore {
  const label = objectLabel(ref);
  const get = (): Promise<ConfigMapObject | null> => ifFound(api.send<ConfigMapObject>({ ...ref, verb: "get" }));
  const textOf = (map: ConfigMapObject): string => {
    const bytes = dataOf({ ...map, kind: "ConfigMap" }, DENYLIST_KEY);
    if (bytes !== null) return bytes.toString();
    throw new AppError("invalid", "denylist_unreadable", `${label} has no ${DENYLIST_KEY}`, {
      hint: "Every gateway refuses every call until it has; remove the ConfigMap and run `mcpctl lock init`.",
    });
  };
  const replace = (map: ConfigMapObject, text: string): Promise<unknown> =>
    api.send({
      ...ref,
      verb: "patch",
      body: {
        // Only this version of it: the API server answers 409 to anything else.
        metadata: { uid: map.metadata?.uid, resourceVersion: map.metadata?.resourceVersion },
        data: { [DENYLIST_KEY]: text },
        binaryData: { [DENYLIST_KEY]: null },
      },
    });
  return {
    label,
    read: async () => {
      const map = await get();
      return map === null ? null : textOf(map);
    },
    create: async () => {
      if ((await get()) !== null) return false;
      try {
        const body = {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: ref.name, namespace: ref.namespace },
          data: { [DENYLIST_KEY]: EMPTY_DENYLIST },
        };
        await api.send({ ...ref, verb: "create", name: null, body });
        return true;
      } catch (error) {
        if (isConflict(error)) return false;
        throw error;
      }
    },
    change: async (edit) => {
      for (let attempt = 1; ; attempt += 1) {
        const map = await get();
        if (map === null) throw noDenylist(label);
        if (map.immutable === true)
          throw new AppError("invalid", "denylist_immutable", `${label} is immutable, so that nothing can be locked`, {
            hint: `Make it anew with the same ${DENYLIST_KEY}, without \`immutable\`.`,
          });
        try {
          await replace(map, edit(textOf(map)));
          return;
        } catch (error) {
          // Removed, and perhaps made anew, since it was read.
          const isOther = isConflict(error) || isNotFound(error);
          if (!isOther || attempt === MAX_ATTEMPTS) throw error;
        }
        // Jitter, so that many writers do not come back in step.
        await delay(5 + Math.random() * 45);
      }
    },
  };
}

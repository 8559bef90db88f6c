import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What stands for a gateway's admin listener. */
export interface AdminListener {
  readonly url: string;
  close(): Promise<void>;
}

/** A gateway that has this lock, or has ended it, and accepts no key. */
export async function startAdminListener(isInForce: (lockId: string) => boolean): Promise<AdminListener> {
  const server = createServer((request, response) => {
    const id = new URL(request.url ?? "", "http://gateway").searchParams.get("lock");
    const lock =
      id === null
        ? null
        : { id, in_force: isInForce(id), since: null, refused_calls: 0, first_refused_at: null, cut_calls: 0 };
    const state = { version: "0", instance: "one", ready: [], sources: [], counts: {}, keys: null, lock };
    response.end(JSON.stringify(state));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

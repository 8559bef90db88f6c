import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeApi } from "../../src/lib/cluster/kube-api.ts";
import { pathOf, type Resource } from "../../src/lib/cluster/resources.ts";

/** What an API server has at one place: an object, or the status with which it refuses. */
export type Answer = object | 403 | 500;

/** An API server that only hands out objects, each named by its resource, namespace and name. */
export interface ObjectServer {
  readonly host: string;
  put(resource: Resource, namespace: string | null, name: string, answer: Answer): void;
  api(): KubeApi;
  stop(): Promise<void>;
}

export async function startObjectServer(): Promise<ObjectServer> {
  const answers = new Map<string, Answer>();
  const server = createServer((request, response) => {
    const answer = answers.get(request.url ?? "");
    const status = typeof answer === "number" ? answer : answer === undefined ? 404 : 200;
    const refusal = { kind: "Status", message: `status ${status}`, details: { name: request.url } };
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(status === 200 ? answer : refusal));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    host: url.host,
    put: (resource, namespace, name, answer) =>
      void answers.set(pathOf({ verb: "get", resource, namespace, name }), answer),
    api: () => new KubeApi({ server: url, secured: async () => ({}), close: () => undefined }),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

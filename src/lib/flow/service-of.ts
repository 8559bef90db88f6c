/** The Service that a backend's URL names, and its port. */
export interface ServiceTarget {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
}

const IN_CLUSTER = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?)\.([a-z0-9]([-a-z0-9]*[a-z0-9])?)\.svc(\.|$)/;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** `http://NAME.NAMESPACE.svc:8080`, with or without the cluster's domain; null for anything else. */
export function serviceOf(url: string): ServiceTarget | null {
  const { hostname, port, protocol } = new URL(url);
  const [, service, , namespace] = IN_CLUSTER.exec(hostname) ?? [];
  if (service === undefined || namespace === undefined) return null;
  return { service, namespace, port: port === "" ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port) };
}

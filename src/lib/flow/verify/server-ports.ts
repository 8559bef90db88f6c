import type { ClusterFacts } from "../rbac/cluster-facts.ts";
import { at, textAt } from "../../json/members.ts";
import { namespacedName } from "../rbac/fact-objects.ts";
import { serviceOf } from "../service-of.ts";
import type { Match } from "../template.ts";

/** The port of a server's pods: its number, or the name that their containers give it. */
export type ServerPorts = number | string;

/** Which port of its pods does a server's URL lead to, by its Service? Null when the facts do not say. */
export function serverPorts(cluster: ClusterFacts, url: string): ServerPorts | null {
  const target = serviceOf(url);
  if (target === null) return null;
  const named = `${target.namespace}/${target.service}`;
  const services = cluster.objectsOf("Service", "").filter((service) => namespacedName(service) === named);
  const [service] = services;
  if (service === undefined || services.length > 1) return null;
  const spec = at(service.value, "spec");
  // A Service without an address of its own is the pods' addresses alone.
  if (textAt(spec, "clusterIP") === "None") return target.port;
  const ports = at(spec, "ports");
  const port: unknown = (Array.isArray(ports) ? ports : []).find((each: unknown) => at(each, "port") === target.port);
  const leadsTo = at(port, "targetPort") ?? at(port, "port");
  return typeof leadsTo === "number" || typeof leadsTo === "string" ? leadsTo : null;
}

/**
 * Do the `ports` of an ingress rule let connections to this port through (NetworkPolicyPort)? Without any, all do; a name is
 * one that the containers give, and neither tells a number from it nor it from a number.
 */
export function opensPort(ports: unknown, server: ServerPorts | null): Match {
  if (ports === undefined || ports === null) return "yes";
  if (!Array.isArray(ports)) return "maybe";
  if (ports.length === 0) return "yes";
  const matches = ports.map((each: unknown) => opens(each, server));
  return matches.includes("yes") ? "yes" : matches.includes("maybe") ? "maybe" : "no";
}

function opens(rule: unknown, server: ServerPorts | null): Match {
  if ((at(rule, "protocol") ?? "TCP") !== "TCP") return "no";
  const port = at(rule, "port") ?? null;
  if (port === null) return "yes";
  if (server === null || typeof port !== typeof server) return "maybe";
  if (typeof port !== "number") return port === server ? "yes" : "maybe";
  const end = at(rule, "endPort");
  return port <= Number(server) && Number(server) <= (typeof end === "number" ? end : port) ? "yes" : "no";
}

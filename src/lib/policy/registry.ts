import { validate as isBackends } from "../../generated/backends.js";
import { aliasFindings } from "./hidden-text.ts";
import { isMetadataAddress } from "./metadata-address.ts";
import { schemaFindings } from "./schema-findings.ts";
import { decodeSource, type Finding, type Place, SourceText } from "./source.ts";
import { entryOf, parseYaml, plainValue, type TreeEntry } from "./yaml-source.ts";

/** Is this where customers are? `prod`, `production` or `live`, alone or before a `-`, as in `prod-eu`; never by the name. */
export function isProduction({ environment }: Pick<Backend, "environment">): boolean {
  return /^(?:prod|production|live)(?![a-z0-9])/i.test(environment);
}

/** What a tool needs of Kubernetes; braces name an argument of the call, e.g. `{namespace}`. */
export type KubernetesNeed = ResourceNeed | KindNeed | ManifestNeed;

export interface ResourceNeed {
  readonly verb: string;
  /** `resource` or `resource/subresource`. */
  readonly resource: string;
  /** API group; absent for the core group. */
  readonly group?: string;
  /** Absent for cluster scope, and for all namespaces. */
  readonly namespace?: string;
  readonly name?: string;
}

/** A resource that only discovery tells, by what a caller says: `kind: "{kind}"`. */
export interface KindNeed {
  readonly verb: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Whatever objects an argument holds: `manifest: "{resource}"`. */
export interface ManifestNeed {
  readonly verb: string;
  readonly manifest: string;
}

export interface AwsNeed {
  readonly action: string;
  readonly resource: string;
}

/** At most what a tool needs: these requests, of which some may never be made, or anything, and why. */
export type Bounds = { readonly kubernetes: readonly KubernetesNeed[] } | { readonly unbounded: string };

/** What a server says of one of its tools; what it does not say is not known. */
export interface Declared {
  readonly readOnly?: boolean;
  readonly destructive?: boolean;
  /** Of Kubernetes alone. */
  readonly bounds?: Bounds;
}

/** The same as it stands in the registry: `digest` tells whether a person changed it since. */
export interface ImportedDeclaration extends Declared {
  readonly digest: string;
}

/**
 * What a tool needs below the gateway. Where `kubernetes` or `aws` stands, the entry is exact, and the layer that it leaves
 * out needs nothing; else what is `declared` bounds it, and without that it is not known.
 */
export interface ToolNeeds {
  readonly kubernetes?: readonly KubernetesNeed[];
  readonly aws?: readonly AwsNeed[];
  /** Which further system decides, that nobody here can ask. */
  readonly beyond?: string;
  readonly declared?: ImportedDeclaration;
}

/** One MCP server: its own pod, environment and access level. Names are never parsed for meaning; these fields are. */
export interface Backend {
  readonly name: string;
  readonly service: string;
  readonly environment: string;
  readonly access: "ro" | "rw";
  readonly owner: string;
  /** Base of the MCP server, without a trailing slash; calls go to `<url>/<path>`. */
  readonly url: string;
  readonly path: string;
  /** `namespace/name`. */
  readonly serviceAccount?: string;
  readonly iamRole?: string;
  readonly tools?: Readonly<Record<string, ToolNeeds>>;
  readonly place: Place;
  /** Where the entry of each tool stands. */
  readonly toolPlaces?: ReadonlyMap<string, Place>;
}

export type Registry = ReadonlyMap<string, Backend>;

export interface RegistryReading {
  /** What could be read; only to be acted upon when no finding is an error. */
  readonly registry: Registry;
  readonly findings: readonly Finding[];
  /** The text it was read from; empty when it could not be decoded. */
  readonly source: SourceText;
}

const DEFAULT_PATH = "mcp";

/** What does this backends.yaml say? One document, `backends:` its only key. */
export function readRegistry(file: string, bytes: Uint8Array): RegistryReading {
  const reading = decodeSource(file, bytes);
  if (!reading.ok) return { registry: new Map(), findings: [reading.finding], source: new SourceText(file, "") };
  const { source } = reading;
  const { documents, findings, aliases } = parseYaml(source);
  if (findings.length > 0) return { registry: new Map(), findings, source };
  const [document] = documents;
  if (document === undefined || documents.length > 1) {
    const message = document === undefined ? "the file is empty" : "the file holds more than one document";
    const finding = source.finding("MC002", documents[1]?.at ?? 0, message, {
      isUnreadable: true,
      hint: "It must be one `backends:` mapping.",
    });
    return { registry: new Map(), findings: [finding], source };
  }
  const misfits = schemaFindings(source, document, isBackends);
  if (misfits.length > 0) return { registry: new Map(), findings: misfits, source };
  const mapping = entryOf(document, "backends")?.value;
  const read = readBackends(source, mapping?.kind === "map" ? mapping.entries : []);
  return { ...read, findings: [...aliasFindings(source, aliases), ...read.findings] };
}

/** The one address that calls to a backend go to. */
export function endpointOf(backend: Backend): string {
  return `${backend.url}/${backend.path}`;
}

/** The same for two spellings of one place: `host.` and `host`, `//` and `/`. */
function addressOf(url: string): string {
  const { protocol, hostname, port, pathname } = new URL(url);
  return JSON.stringify([protocol, hostname.replace(/\.$/, ""), port, pathname.replace(/\/{2,}/g, "/")]);
}

function readBackends(source: SourceText, entries: readonly TreeEntry[]): RegistryReading {
  const registry = new Map<string, Backend>();
  const findings: Finding[] = [];
  const byAddress = new Map<string, string>();
  for (const entry of entries) {
    const fields = plainValue(entry.value) as Omit<Backend, "name" | "place" | "path" | "toolPlaces"> & {
      path?: string;
    };
    const urlAt = entryOf(entry.value, "url")?.value.at ?? entry.at;
    const problem = urlProblem(fields.url);
    if (problem !== null) {
      findings.push(source.finding("MC002", urlAt, `the url of "${entry.name}" ${problem}`, { isUnreadable: true }));
      continue;
    }
    const url = new URL(fields.url).href.replace(/\/$/, "");
    const backend: Backend = {
      ...fields,
      name: entry.name,
      url,
      path: fields.path ?? DEFAULT_PATH,
      place: source.place(entry.at),
      ...toolPlaces(source, entry),
    };
    // One URL is one server, whatever the path; and a path can make two URLs one.
    const addresses = [addressOf(`${url}/`), addressOf(endpointOf(backend))];
    const twin = addresses.map((address) => byAddress.get(address)).find((name) => name !== undefined);
    if (twin !== undefined) {
      const message = `"${entry.name}" and "${twin}" have one URL, so a grant to one is a grant to the other`;
      findings.push(
        source.finding("MC002", urlAt, message, { hint: "Each backend is its own server; correct one of the two." }),
      );
    }
    for (const address of addresses) byAddress.set(address, entry.name);
    registry.set(entry.name, backend);
  }
  return { registry, findings, source };
}

function toolPlaces(source: SourceText, entry: TreeEntry): Pick<Backend, "toolPlaces"> {
  const tools = entryOf(entry.value, "tools")?.value;
  if (tools?.kind !== "map") return {};
  return { toolPlaces: new Map(tools.entries.map(({ name, at }) => [name, source.place(at)])) };
}

/** Why nobody may call an MCP server at this address; null where one may. */
export function urlProblem(text: string): string | null {
  if (!URL.canParse(text)) return "is not a URL";
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return "is neither http nor https";
  if (url.username !== "" || url.password !== "") return "holds credentials; a registry is not a place for secrets";
  if (/[?#]/.test(text)) return "has a query or a fragment";
  if (isMetadataAddress(url.hostname)) return "is a metadata, link-local or unspecified address";
  return null;
}

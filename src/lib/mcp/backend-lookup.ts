import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { isMetadataAddress } from "../policy/metadata-address.ts";

/** The backend's name leads to an address that is never called; no connection was tried. */
export class ForbiddenBackendError extends Error {
  override readonly name = "ForbiddenBackendError";
  readonly code = "BACKEND_FORBIDDEN";

  constructor(hostname: string) {
    super(`${hostname} is, or resolves to, a metadata, link-local or unspecified address`);
  }
}

/**
 * The same name lookup, failing for a name with any forbidden address among those it resolves to: one that changes its
 * mind after the registry was read (DNS rebinding) is caught whenever a connection is made, and the addresses that were
 * judged are those connected to. Addresses written out never get here; the registry refuses those.
 */
export function backendLookup(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found, family) => {
      if (error !== null) return callback(error, []);
      const addresses = listOf(found, family);
      const [first] = addresses;
      if (first === undefined) return callback(notFound(hostname), []);
      if (isMetadataAddress(hostname) || addresses.some(({ address }) => isMetadataAddress(address)))
        return callback(new ForbiddenBackendError(hostname), []);
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** Lookups other than node's may answer with one address although all were asked for. */
function listOf(found: string | readonly LookupAddress[], family: number | undefined): LookupAddress[] {
  return typeof found === "string" ? [{ address: found, family: family ?? 0 }] : [...found];
}

function notFound(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} has no address`), { code: "ENOTFOUND" });
}

import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { AppError } from "../lib/errors.ts";
import { Secret } from "../lib/secret.ts";

/** A certificate, its chain and its key, proven to be usable together. */
export interface TlsPair {
  /** PEM: the server's certificate first, then those that vouch for it. */
  readonly cert: string;
  /** PEM. */
  readonly key: Secret;
  /** From when to when the certificate is valid, in milliseconds since 1970. */
  readonly startsAt: number;
  readonly endsAt: number;
}

/** TLS 1.0 and 1.1 must not be used (RFC 8996). */
const MIN_VERSION = "TLSv1.2";

/** What a TLS server is made of, and what `setSecureContext` takes: all of it both times, or the rest would be lost. */
export function secureOptions({ cert, key }: TlsPair): SecureContextOptions {
  return { cert, key: key.reveal(), minVersion: MIN_VERSION };
}

/**
 * Can TLS be served with these? Their time of validity is told and not judged. Messages name the files alone.
 * @throws AppError invalid
 */
export function readTlsPair(cert: PemFile, key: PemFile): TlsPair {
  const certificate = readCertificate(cert);
  const privateKey = readKey(key);
  if (!certificate.checkPrivateKey(privateKey))
    throw new AppError("invalid", "tls_pair_mismatch", `${key.path} is not the key of the certificate ${cert.path}`, {
      hint: "Replace both files together.",
    });
  const pair: TlsPair = {
    cert: cert.text,
    key: new Secret(key.text),
    startsAt: Date.parse(certificate.validFrom),
    endsAt: Date.parse(certificate.validTo),
  };
  try {
    createSecureContext(secureOptions(pair));
  } catch (cause) {
    const message = `TLS cannot be served with ${cert.path} and ${key.path} (${codeOf(cause)})`;
    throw new AppError("invalid", "tls_pair_unusable", message, {
      hint: "Use a longer key, or mend the chain.",
      cause,
    });
  }
  return pair;
}

/** A file that was read. */
export interface PemFile {
  readonly path: string;
  readonly text: string;
}

function readCertificate({ path, text }: PemFile): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    const hint = "It must be PEM, the server's own certificate first.";
    throw new AppError("invalid", "tls_cert_invalid", `${path} is no certificate`, { hint, cause });
  }
}

function readKey({ path, text }: PemFile): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    const hint = "It must be PEM, and not encrypted.";
    throw new AppError("invalid", "tls_key_invalid", `${path} is no private key that can be read`, { hint, cause });
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "no code";
}

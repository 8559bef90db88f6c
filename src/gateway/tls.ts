import { createHash } from "node:crypto";
import { AppError } from "../lib/errors.ts";
import { followFiles, type FileFollower, type FileReading } from "../lib/files/follow-file.ts";
import { decodeUtf8 } from "../lib/files/read-file.ts";
import { formatTime } from "../lib/time.ts";
import { faultText } from "./fault.ts";
import type { Clock } from "./state/clock.ts";
import { readTlsPair, type PemFile, type TlsPair } from "./tls-pair.ts";

export interface TlsPorts {
  /** One line for people; nothing of the key is ever in it. */
  readonly log: (line: string) => void;
  /** How often the files are looked at where no change was announced. */
  readonly pollMs: number;
  readonly clock: Pick<Clock, "now">;
}

const MAX_PEM_BYTES = 1024 * 1024;

/**
 * Follows a certificate and its key, and keeps the last good pair in force: one that is broken, or half replaced, is
 * told and changes nothing. An expired one is used, for refusing it would help nobody, and told.
 */
export class TlsFiles {
  /** @throws AppError when there is no usable pair at the start; the files are followed all the same until `close` */
  readonly ready: Promise<void>;
  readonly #certPath: string;
  readonly #keyPath: string;
  readonly #ports: TlsPorts;
  readonly #follower: FileFollower;
  readonly #listeners: ((pair: TlsPair) => void)[] = [];
  #current: TlsPair | null = null;
  #error: AppError | null = null;
  /** A digest of what was judged last, so that the same bytes are not judged and told again. */
  #seen: string | null = null;

  constructor(certPath: string, keyPath: string, ports: TlsPorts) {
    this.#certPath = certPath;
    this.#keyPath = keyPath;
    this.#ports = ports;
    this.#follower = followFiles({
      paths: () => Promise.resolve([certPath, keyPath]),
      what: "the TLS file",
      maxBytes: MAX_PEM_BYTES,
      pollMs: ports.pollMs,
      onReadings: (readings) => this.#take(readings),
      onFault: (error) => ports.log(`TLS: ${faultText(error)}`),
    });
    this.ready = this.#start();
    // Whoever awaits it is told; who does not must not end the process.
    this.ready.catch(() => undefined);
  }

  /** The pair in force. */
  get current(): TlsPair | null {
    return this.#current;
  }

  /** What is wrong now, for people; null when nothing is. */
  get problem(): string | null {
    if (this.#error !== null) return this.#error.message;
    return this.#current === null ? null : this.#timeProblem(this.#current);
  }

  /** Called with every new pair, but not with the first. */
  onChange(listener: (pair: TlsPair) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#follower.close();
  }

  async #start(): Promise<void> {
    await this.#follower.ready;
    if (this.#current !== null) return;
    throw (
      this.#error ?? new AppError("unavailable", "file_failed", `${this.#certPath} could not be judged, see the log`)
    );
  }

  #take(readings: readonly FileReading[]): void {
    const seen = fingerprint(readings);
    if (seen === this.#seen) return;
    this.#seen = seen;
    try {
      this.#accept(this.#pairOf(readings));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#keep(error);
    }
  }

  /** @throws AppError */
  #pairOf([cert, key]: readonly FileReading[]): TlsPair {
    return readTlsPair(pemOf(cert, this.#certPath), pemOf(key, this.#keyPath));
  }

  #accept(pair: TlsPair): void {
    const isFirst = this.#current === null;
    this.#current = pair;
    this.#error = null;
    const { log } = this.#ports;
    log(this.#timeProblem(pair) ?? `the certificate ${this.#certPath} is in force until ${formatTime(pair.endsAt)}`);
    if (!isFirst) for (const listener of this.#listeners) listener(pair);
  }

  #keep(error: AppError): void {
    const before = this.#error?.message;
    this.#error = error;
    // The first time it is thrown instead.
    if (this.#current !== null && error.message !== before)
      this.#ports.log(`${error.message}; the last good certificate and key stay in force`);
  }

  #timeProblem({ startsAt, endsAt }: TlsPair): string | null {
    const now = this.#ports.clock.now();
    if (now < startsAt) return `the certificate ${this.#certPath} is not valid before ${formatTime(startsAt)}`;
    return now <= endsAt ? null : `the certificate ${this.#certPath} expired at ${formatTime(endsAt)}`;
  }
}

function pemOf(reading: FileReading | undefined, path: string): PemFile {
  if (reading === undefined) throw new AppError("not-found", "file_not_found", `the TLS file ${path} was not read`);
  if (!reading.ok) throw reading.error;
  return { path, text: decodeUtf8(reading.bytes, path) };
}

function fingerprint(readings: readonly FileReading[]): string {
  return JSON.stringify(
    readings.map((reading) =>
      reading.ok ? createHash("sha256").update(reading.bytes).digest("hex") : reading.error.message,
    ),
  );
}

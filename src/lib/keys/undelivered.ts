/** A key between its making and its delivery: while it stands here, nobody is known to have its token. */
export interface UndeliveredKey {
  readonly hash: string;
  readonly role: string;
  /** The hash of the key that it is to succeed; null for one that succeeds none. */
  readonly replaces: string | null;
  /** The id of the earlier successor that the old key's end names, and that nobody received; absent where there is none. */
  readonly insteadOf?: string;
  /** The file that its token was on the way to; null for standard output. */
  readonly sink: string | null;
}

/**
 * What a process that dies leaves behind for the next one: every key is written down before it is made, and crossed out
 * when its token is where it was asked for, or when it is revoked. Methods throw AppError unavailable.
 */
export interface DeliveryJournal {
  /** Ends when it is on the disk. */
  begin(key: UndeliveredKey): Promise<void>;
  settle(hash: string): Promise<void>;
}

/** A journal in use. */
export interface OpenJournal extends DeliveryJournal {
  /** What was begun and not settled. */
  readonly undelivered: readonly UndeliveredKey[];
  /** Ends its use: one in which nothing is left goes, one with keys stays for whoever comes next. */
  close(): Promise<void>;
}

/** The journals of one store on this machine. */
export interface DeliveryJournals {
  /** A new one, for this process. */
  own(): OpenJournal;
  /** Those with undelivered keys that dead processes left, taken over until they are closed. */
  abandoned(): Promise<readonly OpenJournal[]>;
}

/** A fault of the gateway itself, for the log. */
export function faultText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The same callback for node to call: what it throws is logged, where nobody would catch it and the process would end. */
export function guarded<A extends readonly unknown[]>(
  log: (line: string) => void,
  callback: (...args: A) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      callback(...args);
    } catch (error) {
      log(faultText(error));
    }
  };
}

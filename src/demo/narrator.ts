import type { Ports } from "../commands/ports.ts";
import type { Result } from "../commands/result.ts";
import type { AuditRecord } from "../lib/audit/record.ts";

const WIDTH = 80;
const INDENT = "   ";

/** Tells the demo on a terminal of 80 columns, and keeps count of what came out as told. */
export class Narrator {
  readonly #ports: Pick<Ports, "print" | "paint">;
  readonly #failures: string[] = [];
  #printed: Promise<void> = Promise.resolve();
  #isOver = false;
  #scenes = 0;
  #expectations = 0;

  constructor(ports: Pick<Ports, "print" | "paint">) {
    this.#ports = ports;
  }

  /** Says nothing more: the story is over, and what still runs ends in ways that mean nothing. */
  hush(): void {
    this.#isOver = true;
  }

  say(line: string): void {
    if (this.#isOver) return;
    this.#printed = this.#printed.then(() => this.#ports.print(line));
    // Told by finish(); until then nobody waits for it.
    this.#printed.catch(() => undefined);
  }

  /** Ends when everything was printed. @throws AppError when it could not be */
  finish(): Promise<void> {
    return this.#printed;
  }

  scene(title: string): void {
    this.#scenes += 1;
    this.say("");
    this.say(this.#ports.paint.bold(`${this.#scenes}  ${title}`));
  }

  field(name: string, value: string): void {
    this.#wrapped(`${name.padEnd(10)} ${value}`, " ".repeat(11));
  }

  command(text: string): void {
    for (const line of wrap(`$ ${text}`, WIDTH - INDENT.length, "    "))
      this.say(`${INDENT}${this.#ports.paint.cyan(line)}`);
  }

  quote(text: string): void {
    for (const line of text.split("\n").filter((each) => each !== "")) this.#wrapped(line, "  ");
  }

  alert(text: string): void {
    this.say(`${INDENT}${this.#ports.paint.yellow("ALERT")}  ${text}`);
    this.say("");
  }

  /** One call with the decision that the audit log holds, and what came back. */
  call(record: AuditRecord, answer: string): void {
    const { paint } = this.#ports;
    const word = record.decision === "allow" ? paint.green("allow") : paint.red("deny ");
    const what =
      record.decision === "allow"
        ? record.tool_name
        : `${record.method ?? "a request"}: ${record.http_status} ${record.reason}`;
    this.say(`${INDENT}${word}  ${(record.backend ?? "-").padEnd(16)} ${what}`);
    if (record.tool_args !== null) this.#quiet(JSON.stringify(record.tool_args));
    this.#quiet(answer);
  }

  report(lines: readonly string[]): void {
    this.say("");
    this.say(`${INDENT}The agent's report:`);
    for (const line of lines) this.say(`${INDENT}| ${line}`);
  }

  auditTable(records: readonly AuditRecord[], total: number): void {
    for (const record of records) {
      const cells = [
        record.ts.slice(11, 19),
        record.decision.padEnd(5),
        (record.backend ?? "-").padEnd(15),
        (record.tool_name ?? record.method ?? "-").padEnd(21),
        String(record.http_status ?? "-"),
        record.reason,
      ];
      this.say(`${INDENT}${cells.join(" ")}`.slice(0, WIDTH));
    }
    this.say(`${INDENT}(${total} records in all, with the stream of calls before the revocation)`);
  }

  json(record: AuditRecord): void {
    this.say("");
    this.say(`${INDENT}One of them in full:`);
    const text = JSON.stringify(record);
    for (let at = 0; at < text.length; at += WIDTH - INDENT.length)
      this.say(`${INDENT}${this.#ports.paint.dim(text.slice(at, at + WIDTH - INDENT.length))}`);
  }

  expect(cameOut: boolean, what: string): void {
    this.#expectations += 1;
    if (cameOut) return;
    this.#failures.push(what);
    this.say(`${INDENT}${this.#ports.paint.red("NOT AS TOLD")}  ${what}`);
  }

  async conclude(): Promise<Result> {
    this.say("");
    if (this.#failures.length > 0) {
      this.say(
        this.#ports.paint.red(`${this.#failures.length} of ${this.#expectations} checks did not come out as told.`),
      );
      await this.finish();
      return { exit: 1 };
    }
    this.say(this.#ports.paint.green(`All ${this.#expectations} checks came out as told; nothing was left behind.`));
    this.say("Next: copy examples/ to a project of your own, and read README from Quick start.");
    await this.finish();
    return {};
  }

  #wrapped(text: string, hanging: string): void {
    for (const line of wrap(text, WIDTH - INDENT.length, hanging)) this.say(`${INDENT}${line}`);
  }

  #quiet(text: string): void {
    for (const line of wrap(text, WIDTH - INDENT.length - 7, ""))
      this.say(`${INDENT}       ${this.#ports.paint.dim(line)}`);
  }
}

/** Breaks text at spaces so that no line is longer than `width`; lines after the first are indented by `hanging`. */
function wrap(text: string, width: number, hanging: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = hanging + word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

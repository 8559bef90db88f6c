import type { Ports } from "../commands/ports.ts";
import type { Result } from "../commands/result.ts";
export async function demo(_ports: Ports): Promise<Result> {
  return {};
}

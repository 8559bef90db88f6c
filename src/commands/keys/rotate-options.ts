import type { WaitOptions } from "./propagation.ts";
import type { TokenForm } from "./token-form.ts";

export interface RotateOptions extends WaitOptions {
  readonly id: string | null;
  readonly user?: string;
  readonly role?: string;
  readonly expiring?: string;
  readonly grace: string;
  readonly ttl?: string;
  readonly reason?: string;
  readonly output?: TokenForm;
  readonly out?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

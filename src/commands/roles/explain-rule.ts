import { join } from "node:path";
import { AppError } from "../../lib/errors.ts";
import { decodeUtf8, readFileBytesSync } from "../../lib/files/read-file.ts";
import { isRuleCode, RULES } from "../../lib/policy/rules/catalogue.ts";
import { nearest } from "../../lib/suggest.ts";
import { PACKAGE_ROOT } from "../../package-root.ts";
import type { Result } from "../result.ts";

const MAX_PAGE_BYTES = 1024 * 1024;

/** A rule's page. @throws AppError not-found for a rule that there is not */
export function explainRule(code: string): Result {
  if (!isRuleCode(code)) {
    const near = nearest(
      code.toUpperCase(),
      RULES.map((rule) => rule.code),
    );
    throw new AppError("not-found", "rule_not_found", `there is no rule "${code.slice(0, 80)}"`, {
      hint: near === null ? "docs/rules.md lists them." : `Did you mean ${near}?`,
    });
  }
  const page = rulePage(code);
  return { view: { data: { code, page }, text: () => page } };
}

/** The page of docs/rules/, which ships with the package. @throws AppError when the package is not whole */
export function rulePage(code: string): string {
  const path = join(PACKAGE_ROOT, "docs", "rules", `${code}.md`);
  return decodeUtf8(readFileBytesSync(path, "the rule's page", MAX_PAGE_BYTES), path);
}

import { isProduction, type Backend } from "../registry.ts";
import { TOXIC_PAIRS, type BackendPattern } from "./settings.ts";
import { namesOf, type RoleRule } from "./grants.ts";
import { isWrite, roleSpot, tell, type OpenGrant } from "./subject.ts";

/** MC306: does the role hold grants that are dangerous together? */
export const toxicCombination: RoleRule = ({ settings }, { file, role, open }) => {
  return [...TOXIC_PAIRS, ...settings.pairs].flatMap(({ why, first, second }) => {
    const [one, two] = [open.filter((each) => fits(each, first)), open.filter((each) => fits(each, second))];
    // One grant that fits both halves is no combination.
    if (one.length === 0 || two.length === 0 || new Set([...one, ...two]).size < 2) return [];
    const message = `"${role.name}" holds ${namesOf(one)} beside ${namesOf(two)}: ${why}`;
    return [tell("MC306", roleSpot(file, role), message, "Give them to two roles.")];
  });
};

function fits(open: OpenGrant, pattern: BackendPattern): boolean {
  const { backend } = open;
  return (
    isAmong(backend.service, pattern.service) &&
    isAmong(backend.environment, pattern.environment) &&
    isAmong(backend.name, pattern.backend) &&
    (pattern.access === undefined || (pattern.access === "rw" ? isWrite(open) : backend.access === "ro")) &&
    (pattern.production === undefined || pattern.production === isProduction(backend))
  );
}

function isAmong(text: Backend["service"], words: readonly string[] | undefined): boolean {
  return words === undefined || words.includes(text.toLowerCase());
}

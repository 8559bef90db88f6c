import { isProduction, type Backend } from "../registry.ts";
import { formatPlace, type Finding } from "../source.ts";
import { nameWords } from "./name-words.ts";
import { backendSpot, roleSpot, tell, type Spot, type Subject } from "./subject.ts";

/** MC201: is every backend called as the team agreed? */
export function nameConvention(subject: Subject): readonly Finding[] {
  const forms = subject.settings.nameForms ?? [];
  return [...subject.registry.values()].flatMap((backend) => {
    const names = forms.map((form) => fill(form, backend));
    if (names.includes(backend.name)) return [];
    const message = `"${backend.name}" is called otherwise than ${names.join(" or ")}`;
    return [tell("MC201", backendSpot(subject, backend), message, "Rename it, or correct its fields.")];
  });
}

function fill(form: string, backend: Backend): string {
  return form.replace(
    /\{(service|access|environment)\}/g,
    (_, field: "service" | "access" | "environment") => backend[field],
  );
}

/** MC202: does a backend's name promise something that its fields deny? */
export function nameContradictsRegistry(subject: Subject): readonly Finding[] {
  return [...subject.registry.values()].flatMap((backend) => {
    const { access, isProduction: says } = nameWords(backend.name);
    const wrong: string[] = [];
    if (access !== null && access !== backend.access) wrong.push(`access ${backend.access}`);
    if (says !== null && says !== isProduction(backend)) wrong.push(`environment ${backend.environment}`);
    if (wrong.length === 0) return [];
    const message = `"${backend.name}" is registered with ${wrong.join(" and ")}`;
    return [
      tell(
        "MC202",
        backendSpot(subject, backend),
        message,
        "Whoever grants it goes by the name: correct one of the two.",
      ),
    ];
  });
}

/** MC204: do two names of one kind look alike? */
export function confusableNames(subject: Subject): readonly Finding[] {
  const roles = subject.files.flatMap((file) => [...file.roles.values()].map((role) => roleSpot(file, role)));
  const backends = [...subject.registry.values()].map((backend) => backendSpot(subject, backend));
  return [...lookAlikes("role", roles), ...lookAlikes("backend", backends)];
}

function lookAlikes(kind: string, spots: readonly Spot[]): readonly Finding[] {
  const seen = new Map<string, Spot>();
  return spots.flatMap((spot) => {
    const shape = skeleton(spot.name);
    const first = seen.get(shape);
    if (first === undefined) seen.set(shape, spot);
    if (first === undefined || first.name === spot.name) return [];
    const message = `the ${kind} "${spot.name}" looks like "${first.name}" at ${formatPlace(first.place)}`;
    return [tell("MC204", spot, message, "Rename one of the two.")];
  });
}

/** Names that can be taken for one another have one skeleton (UTS 39, for the letters and digits that names have). */
function skeleton(name: string): string {
  return name.replaceAll("0", "o").replaceAll("1", "l").replaceAll("rn", "m").replaceAll("vv", "w");
}

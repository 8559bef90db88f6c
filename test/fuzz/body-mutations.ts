import { TOOLS } from "./world.ts";

export type Below = (below: number) => number;

export function pick<T>(below: Below, from: readonly T[]): T {
  return from[below(from.length)] as T;
}

/** A member as text: its name with the quotes, and its value or what the value is made of. */
export interface Member {
  readonly name: string;
  readonly value: string | readonly Member[];
}

export function render(members: readonly Member[]): string {
  const texts = members.map(({ name, value }) => `${name}:${typeof value === "string" ? value : render(value)}`);
  return `{${texts.join(",")}}`;
}

export function member(name: string, value: string | readonly Member[]): Member {
  return { name: JSON.stringify(name), value };
}

const METHODS = [
  "tools/call",
  "tools/list",
  "ping",
  "initialize",
  "resources/read",
  "prompts/get",
  "notifications/cancelled",
  "server/discover",
  "tools/call ",
  "Tools/Call",
  "__proto__",
  "",
] as const;
const NAMES = [...TOOLS, "eks_get_", " eks_get_pods", "EKS_GET_PODS", "eks_get_pods\0", "__proto__", "constructor", ""];
const WRONG = ["null", "true", "1", '"x"', "[]", "{}", "[1]", '{"a":1}', "1e999", "-0.0", "9".repeat(400), '"\\ud800"'];
const TAILS = ["\0", "}", "{}", ",", "//", "\ufeff", "\u2028", "\n\n", " "];

/** A message that is almost right: a call, with a few of its parts changed so that some reader may read another call. */
export function mutatedMessage(below: Below): string {
  let members: readonly Member[] = [
    member("jsonrpc", '"2.0"'),
    member("id", String(below(1000))),
    member("method", JSON.stringify(below(3) === 0 ? pick(below, METHODS) : "tools/call")),
    member("params", [member("name", JSON.stringify(pick(below, NAMES))), member("arguments", '{"namespace":"x"}')]),
  ];
  for (let times = below(3); times > 0; times -= 1) members = pick(below, MEMBER_MUTATIONS)(members, below);
  const text = render(members);
  return below(4) === 0 ? pick(below, TEXT_MUTATIONS)(text, below) : text;
}

type MemberMutation = (members: readonly Member[], below: Below) => readonly Member[];

/** The same change in the message, or in one of its objects. */
const somewhere =
  (mutation: MemberMutation): MemberMutation =>
  (members, below) => {
    const inner = members.findIndex(({ value }) => typeof value !== "string");
    const found = members[inner];
    if (found === undefined || typeof found.value === "string" || below(2) === 0) return mutation(members, below);
    return members.with(inner, { ...found, value: mutation(found.value, below) });
  };

const duplicated = somewhere((members, below) => {
  const twin = pick(below, members);
  return members.toSpliced(below(members.length + 1), 0, {
    ...twin,
    value: below(2) === 0 ? twin.value : pick(below, WRONG),
  });
});

const inAnotherCase = somewhere((members, below) => {
  const at = below(members.length);
  const { name, value } = members[at] as Member;
  const other = pick(below, [
    name.toUpperCase(),
    name.replace("s", "\u017f"),
    name.replace("k", "\u212a"),
    name.replace(/[a-z]/, (c) => c.toUpperCase()),
  ]);
  const twin = { name: other, value };
  return below(2) === 0 ? members.with(at, twin) : members.toSpliced(below(members.length + 1), 0, twin);
});

const escapedName = somewhere((members, below) => {
  const at = below(members.length);
  const { name, value } = members[at] as Member;
  const escaped = name.replace(/[a-z]/, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return below(2) === 0 ? members.with(at, { name: escaped, value }) : [...members, { name: escaped, value }];
});

const ofAnotherType = somewhere((members, below) => {
  const at = below(members.length);
  return members.with(at, { name: (members[at] as Member).name, value: pick(below, WRONG) });
});

const dropped = somewhere((members, below) => members.toSpliced(below(members.length), 1));
const reordered = somewhere((members, below) => {
  const [moved] = members.slice(below(members.length));
  return moved === undefined ? members : [moved, ...members.filter((each) => each !== moved)];
});
const inherited = somewhere((members, below) => [
  ...members,
  member(pick(below, ["__proto__", "constructor", "toString"]), [
    member("name", '"eks_get_pods"'),
    member("method", '"ping"'),
  ]),
]);
const nested: MemberMutation = (members, below) => {
  const depth = pick(below, [1, 50, 124, 130, 2_000]);
  return [...members, member("x", `${"[".repeat(depth)}${"]".repeat(depth)}`)];
};
const asResponse: MemberMutation = (members, below) => [
  ...members.filter(() => below(2) === 0),
  member(pick(below, ["result", "error"]), '{"code":1}'),
];
const withVersion: MemberMutation = (members) =>
  members.map((each) =>
    typeof each.value === "string"
      ? each
      : {
          ...each,
          value: [...each.value, member("_meta", '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}')],
        },
  );

const MEMBER_MUTATIONS: readonly MemberMutation[] = [
  duplicated,
  duplicated,
  inAnotherCase,
  inAnotherCase,
  escapedName,
  ofAnotherType,
  ofAnotherType,
  dropped,
  reordered,
  inherited,
  nested,
  asResponse,
  withVersion,
];

const TEXT_MUTATIONS: readonly ((text: string, below: Below) => string)[] = [
  (text) => `[${text}]`,
  (text) => `[${text},${text}]`,
  (text) => text + text,
  (text, below) => text + pick(below, TAILS),
  (text, below) => pick(below, TAILS) + text,
  (text) => text.replaceAll(/[a-z]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
  (text) => text.replaceAll("/", "\\/"),
  (text) => text.replaceAll(",", " ,\r\n\t"),
  (text) => text.replaceAll('"', "'"),
  () => "",
  () => "[]",
];

import { expect, it } from "vitest";
import { ownIdentities } from "../../../../src/lib/flow/verify/accounts.ts";
import { annotatedRoles } from "../../../../src/lib/flow/verify/annotated-roles.ts";
import { factsOf as iamFactsOf } from "../../../support/iam-facts.ts";
import { factsOf } from "../../../support/rbac-facts.ts";
import { subjectOf, told } from "../../../support/verify-subject.ts";

const roleOf = (name: string): string => `iamRole: "arn:aws:iam::111122223333:role/${name}"`;

it("each its own is as it should be", () => {
  const backends = {
    one: `access: ro, serviceAccount: mcp/one, ${roleOf("one")}`,
    two: `access: ro, serviceAccount: other/one, ${roleOf("two")}`,
    three: "access: rw, serviceAccount: mcp/three",
  };
  expect(told(ownIdentities(subjectOf(backends)))).toEqual([]);
});

it("what is shared is told of each but the first, and so is what nobody names", () => {
  const backends = {
    one: `access: ro, serviceAccount: mcp/one, ${roleOf("one")}`,
    two: `access: rw, serviceAccount: mcp/one, ${roleOf("one")}`,
    three: "access: ro",
    four: "access: ro, serviceAccount: mcp/default",
  };
  expect(told(ownIdentities(subjectOf(backends)))).toEqual([
    'MC603 "three" names no ServiceAccount, so nothing tells what its pod may do',
    'MC603 "four" has the ServiceAccount default, which every pod of its namespace has that names none',
    'MC603 "two" and "one" have one ServiceAccount, mcp/one',
    'MC604 "two" and "one" have one IAM role, arn:aws:iam::111122223333:role/one',
  ]);
});

it("a ServiceAccount that names another IAM role than the registry is told", () => {
  const arn = (name: string): string => `arn:aws:iam::111122223333:role/${name}`;
  const annotated = (name: string, namespace = "mcp"): string =>
    `{apiVersion: v1, kind: ServiceAccount, metadata: {name: one, namespace: ${namespace}, annotations: {eks.amazonaws.com/role-arn: "${arn(name)}"}}}`;
  const found = (backend: string, ...manifests: readonly string[]): readonly string[] =>
    told(annotatedRoles(subjectOf({ one: backend }, { cluster: factsOf(manifests.join("\n---\n"), true) })));
  const named = "access: ro, serviceAccount: mcp/one";
  expect(found(`${named}, ${roleOf("one")}`, annotated("one"), annotated("two", "other"))).toEqual([]);
  expect(found(named, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: one, namespace: mcp}}")).toEqual([]);
  expect(found(`${named}, ${roleOf("one")}`, annotated("two"))).toEqual([
    `MC604 ServiceAccount mcp/one of "one" names IAM role ${arn("two")}, and the registry ${arn("one")}`,
  ]);
  expect(found(named, annotated("two"))).toEqual([
    `MC604 ServiceAccount mcp/one of "one" names IAM role ${arn("two")}, and the registry none`,
  ]);
});

it("an association that gives another IAM role than the registry is told", () => {
  const arn = (name: string): string => `arn:aws:iam::111122223333:role/${name}`;
  const association = (roleArn: string, more: object = {}) => ({
    association: { clusterName: "c", namespace: "mcp", serviceAccount: "one", roleArn, ...more },
  });
  const found = (backend: string, ...values: readonly object[]): readonly string[] =>
    told(annotatedRoles(subjectOf({ one: `access: ro, serviceAccount: mcp/${backend}` }, { iam: iamFactsOf(values) })));
  const gives = (name: string, promised: string): string =>
    `MC604 an association gives ServiceAccount mcp/one of "one" IAM role ${arn(name)}, and the registry ${promised}`;
  expect(found("one", association(arn("x")))).toEqual([gives("x", "none")]);
  expect(found(`one, ${roleOf("one")}`, association(arn("x")))).toEqual([gives("x", arn("one"))]);
  expect(found(`one, ${roleOf("one")}`, association(arn("one")), association(arn("x")))).toEqual([]);
  expect(found(`one, ${roleOf("one")}`, association(arn("x"), { targetRoleArn: arn("one") }))).toEqual([]);
  expect(found("two", association(arn("x")))).toEqual([]);
});

it("a ServiceAccount that does not exist is told, where all are known", () => {
  const account = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: one, namespace: mcp}}";
  const found = (manifests: string, isComplete = true): readonly string[] =>
    told(
      ownIdentities(
        subjectOf(
          { one: "access: ro, serviceAccount: mcp/one", two: "access: ro, serviceAccount: mcp/two" },
          { cluster: factsOf(manifests, isComplete) },
        ),
      ),
    );
  const missing = 'MC603 "two" names ServiceAccount mcp/two, which does not exist';
  expect(found(account)).toEqual([missing]);
  expect(found(account, false)).toEqual([]);
  expect(found(`${account}\n---\n7`)).toEqual([]);
});

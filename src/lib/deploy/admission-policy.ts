import { FORCE_ANNOTATION } from "../cluster/force-sync.ts";
import { labelsOf, namesOf, type DeployOptions } from "./deployment.ts";
import type { Manifest } from "./manifest.ts";

const ADMISSION = "admissionregistration.k8s.io/v1";

/** Whoever may patch an ExternalSecret but not update it may force its sync, and change nothing else. */
export function admissionPolicyManifests({ name, namespace }: DeployOptions): readonly Manifest[] {
  const { forceSyncOnly } = namesOf({ name, namespace });
  const metadata = { name: forceSyncOnly, labels: labelsOf(name) };
  return [
    {
      about: `RBAC cannot limit a patch to one annotation, and whoever changes the template of the ExternalSecret renders keys.json
himself and forges any role. So whoever may \`patch\` it but not \`update\` it, as the on-call Role says, may change the
annotation ${FORCE_ANNOTATION} alone. Administrators and controllers have \`update\`, and it is not in their way. It takes a few
seconds to come into force.`,
      object: {
        apiVersion: ADMISSION,
        kind: "ValidatingAdmissionPolicy",
        metadata,
        spec: {
          failurePolicy: "Fail",
          matchConstraints: {
            resourceRules: [
              {
                apiGroups: ["external-secrets.io"],
                apiVersions: ["*"],
                operations: ["UPDATE"],
                resources: ["externalsecrets"],
              },
            ],
          },
          matchConditions: [{ name: "may-not-update", expression: MAY_NOT_UPDATE }],
          validations: [
            {
              expression: "object.spec == oldObject.spec",
              message: "only the force-sync annotation may be changed: spec is another",
            },
            ...["labels", "finalizers", "ownerReferences"].map(sameOrAbsent),
            {
              expression: SAME_ANNOTATIONS,
              message: "only the force-sync annotation may be changed: annotations are others",
            },
          ],
        },
      },
    },
    {
      object: {
        apiVersion: ADMISSION,
        kind: "ValidatingAdmissionPolicyBinding",
        metadata,
        spec: {
          policyName: forceSyncOnly,
          validationActions: ["Deny"],
          matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } },
        },
      },
    },
  ];
}

/** https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#authorizer */
const MAY_NOT_UPDATE = [
  "!authorizer.group('external-secrets.io').resource('externalsecrets')",
  ".namespace(oldObject.metadata.namespace).name(oldObject.metadata.name)",
  ".check('update').allowed()",
].join("");

function sameOrAbsent(field: string): object {
  const has = (side: string): string => `has(${side}.metadata.${field})`;
  return {
    expression: `${has("object")} == ${has("oldObject")} && (!${has("object")} || object.metadata.${field} == oldObject.metadata.${field})`,
    message: `only the force-sync annotation may be changed: ${field} are others`,
  };
}

/** Every annotation of either side stands on the other with the same value; absent annotations are none. */
const SAME_ANNOTATIONS = (
  [
    ["object", "oldObject"],
    ["oldObject", "object"],
  ] as const
)
  .map(([one, other]) => {
    const held = `has(${other}.metadata.annotations) && k in ${other}.metadata.annotations`;
    const same = `${one}.metadata.annotations[k] == ${other}.metadata.annotations[k]`;
    return `(!has(${one}.metadata.annotations) || ${one}.metadata.annotations.all(k, k == '${FORCE_ANNOTATION}' || (${held} && ${same})))`;
  })
  .join(" && ");

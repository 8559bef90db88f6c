import { namePattern } from "../cluster/preflight.ts";
import { labelsOf, namesOf, type DeployOptions } from "./deployment.ts";
import type { Manifest } from "./manifest.ts";

/** How do the key records get from SSM into the Secret that gateways follow? */
export function keysSecretManifests(options: DeployOptions): readonly Manifest[] {
  return [readerAccount(options), secretStore(options), externalSecret(options)];
}

function readerAccount({ name, namespace, iamRoleArn }: DeployOptions): Manifest {
  return {
    about: `The External Secrets Operator reads the key records as this ServiceAccount (IRSA). It needs no right in the
cluster, and no pod runs as it. The IAM role trusts it and has what \`mcpctl iam-policy external-secrets\` prints.`,
    object: {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: {
        name: namesOf({ name, namespace }).keysReader,
        namespace,
        labels: labelsOf(name),
        annotations: { "eks.amazonaws.com/role-arn": iamRoleArn },
      },
      automountServiceAccountToken: false,
    },
  };
}

function secretStore({ name, namespace, region }: DeployOptions): Manifest {
  const names = namesOf({ name, namespace });
  return {
    about: "A SecretStore of this namespace alone: what can be rendered here is what its role may read.",
    object: {
      apiVersion: "external-secrets.io/v1",
      kind: "SecretStore",
      metadata: { name: names.store, namespace, labels: labelsOf(name) },
      spec: {
        provider: {
          aws: { service: "ParameterStore", region, auth: { jwt: { serviceAccountRef: { name: names.keysReader } } } },
        },
      },
    },
  };
}

function externalSecret({ name, namespace, path }: DeployOptions): Manifest {
  const names = namesOf({ name, namespace });
  const data = {
    "keys.json": "{{ . | toJson }}",
    synced: '{{ dateInZone "2006-01-02T15:04:05Z" now "UTC" }}',
  };
  const find = { path, name: { regexp: namePattern(path) } };
  const rewrite = [
    { regexp: { source: `^${path.replaceAll(".", "\\.")}/`, target: "" } },
    { regexp: { source: "/", target: "." } },
  ];
  return {
    about: "Renders every key record into one Secret. `mcpctl sync` refuses what would let a revoked key live on.",
    object: {
      apiVersion: "external-secrets.io/v1",
      kind: "ExternalSecret",
      metadata: { name: names.keys, namespace, labels: labelsOf(name) },
      spec: {
        refreshPolicy: "Periodic",
        refreshInterval: "1m0s",
        secretStoreRef: { kind: "SecretStore", name: names.store },
        target: {
          name: names.keys,
          creationPolicy: "Owner",
          deletionPolicy: "Merge",
          template: { engineVersion: "v2", mergePolicy: "Replace", data },
        },
        dataFrom: [{ find, rewrite }],
      },
    },
    remarks: [
      [
        ["spec", "refreshInterval"],
        `0 would switch the forced sync off, too; above 5 minutes keys grow too old. Spelt as the operator rewrites it: with 1m the
next apply would meet a conflict.`,
      ],
      [
        ["spec", "target", "deletionPolicy"],
        "The default, Retain, would leave the last key in force when it is deleted from SSM.",
      ],
      [["spec", "target", "template", "data", "synced"], "By this a gateway knows how old its keys are."],
      [
        ["spec", "dataFrom", 0, "find", "name", "regexp"],
        "Anchored: one stray name that is no valid data key would stop every later sync, revocations included.",
      ],
      [
        ["spec", "dataFrom", 0, "rewrite"],
        "<path>/<role>/<hash> becomes <role>.<hash>, so that the role's folder counts.",
      ],
    ],
  };
}

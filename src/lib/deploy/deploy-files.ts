import { admissionPolicyManifests } from "./admission-policy.ts";
import { namesOf, type DeployOptions } from "./deployment.ts";
import { gatewayRightsManifests } from "./gateway-rights.ts";
import { gatewayWorkloadManifests } from "./gateway-workload.ts";
import { keysSecretManifests } from "./keys-secret.ts";
import { manifestYaml, type KubeManifest, type Manifest } from "./manifest.ts";
import { networkPolicyManifests } from "./network-policies.ts";
import { oncallRightsManifests } from "./oncall-rights.ts";

export interface ProjectFile {
  /** Relative to the project's folder, with `/`. */
  readonly path: string;
  readonly content: string;
}

export const KUSTOMIZATION = "kustomization.yaml";

/** In the order in which they matter to a reader. */
const FILES: Readonly<Record<string, (options: DeployOptions) => readonly Manifest[]>> = {
  "deploy/keys-secret.yaml": keysSecretManifests,
  "deploy/gateway-rights.yaml": gatewayRightsManifests,
  "deploy/gateway.yaml": gatewayWorkloadManifests,
  "deploy/oncall-rights.yaml": oncallRightsManifests,
  "deploy/admission-policy.yaml": admissionPolicyManifests,
  "deploy/network-policy.yaml": networkPolicyManifests,
};

/** Every object that stands in the files under deploy/. */
export function deployObjects(options: DeployOptions): readonly KubeManifest[] {
  return Object.values(FILES).flatMap((manifests) => manifests(options).map(({ object }) => object));
}

/** The files under deploy/, and the kustomization that applies them with the role file and the registry. */
export function deployFiles(options: DeployOptions): readonly ProjectFile[] {
  return [
    ...Object.entries(FILES).map(([path, manifests]) => ({ path, content: manifestYaml(manifests(options)) })),
    { path: KUSTOMIZATION, content: manifestYaml([kustomization(options)]) },
  ];
}

function kustomization(options: DeployOptions): Manifest<object> {
  const { namespace } = options;
  const names = namesOf(options);
  return {
    about: "Apply with: kubectl apply --server-side -k .",
    object: {
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: Object.keys(FILES),
      configMapGenerator: [
        { name: names.roles, namespace, files: ["roles.yaml"] },
        { name: names.backends, namespace, files: ["backends.yaml"] },
      ],
      generatorOptions: { disableNameSuffixHash: true },
    },
    remarks: [
      [
        ["configMapGenerator"],
        `The denylist is not among them: \`mcpctl lock init\` makes it, and a GitOps tool that rendered it would take locks away.`,
      ],
      [["generatorOptions", "disableNameSuffixHash"], "Gateways follow these ConfigMaps by name, without a restart."],
    ],
  };
}

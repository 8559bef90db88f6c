import { CIDR_PLACEHOLDER, defaultIamRole, PORTS } from "../../lib/deploy/deployment.ts";
import type { ClusterProject, FileProject } from "../../lib/deploy/project-files.ts";
import { AppError } from "../../lib/errors.ts";
import type { Ports } from "../ports.ts";
import * as problems from "./problems.ts";
import { settle, type Setting } from "./setting.ts";

/** What the flags of `init` say of a project. */
export interface ProjectFlags {
  readonly store?: string;
  readonly name?: string;
  readonly path?: string;
  readonly namespace?: string;
  readonly serversNamespace?: string;
  readonly region?: string;
  readonly account?: string;
  readonly kmsKey?: string;
  readonly kubeContext?: string;
  readonly cluster?: string;
  readonly iamRoleArn?: string;
  readonly image?: string;
  readonly url?: string;
  readonly oncallGroup?: string;
  readonly apiServerCidr?: readonly string[];
}

export type Project =
  | { readonly store: "file"; readonly project: FileProject }
  | { readonly store: "ssm"; readonly project: ClusterProject };

/** Asks on a terminal for what no flag says. @throws AppError usage */
export async function readProject(flags: ProjectFlags, ports: Pick<Ports, "ask">): Promise<Project> {
  const take = (setting: Setting): Promise<string> => settle(setting, ports.ask);
  const store = await take({
    flag: "--store",
    given: flags.store,
    question: "Where keys are kept: ssm (AWS, for gateways in a cluster) or file (this machine)",
    fallback: "ssm",
    problemOf: problems.storeProblem,
  });
  return store === "file"
    ? { store, project: await readFileProject(flags, take) }
    : { store: "ssm", project: await readClusterProject(flags, take) };
}

type Take = (setting: Setting) => Promise<string>;

async function readFileProject(flags: ProjectFlags, take: Take): Promise<FileProject> {
  const { store: _, name, path, ...others } = flags;
  const [stray] = Object.keys(others);
  if (stray !== undefined) {
    const flag = `--${stray.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new AppError("usage", "option_stray", `${flag} says nothing where keys are kept in a file`, {
      hint: "Leave it out, or choose --store ssm.",
    });
  }
  return {
    name: await take({
      flag: "--name",
      given: name,
      question: "Name of the context",
      fallback: "local",
      problemOf: problems.nameProblem,
    }),
    path: await take({
      flag: "--path",
      given: path,
      question: "File of the keys",
      fallback: ".mcpctl/keys.json",
      problemOf: problems.storeFileProblem,
    }),
  };
}

async function readClusterProject(flags: ProjectFlags, take: Take): Promise<ClusterProject> {
  const name = await take({
    flag: "--name",
    given: flags.name,
    question: "Name of the gateway",
    fallback: "mcp-gateway",
    problemOf: problems.nameProblem,
  });
  const namespace = await take({
    flag: "--namespace",
    given: flags.namespace,
    question: "Namespace of the gateway",
    fallback: "mcp-gateway",
    problemOf: problems.namespaceProblem,
  });
  const serversNamespace = await take({
    flag: "--servers-namespace",
    given: flags.serversNamespace,
    question: "Namespace of the MCP servers, and of nothing else",
    fallback: "mcp-servers",
    problemOf: (value) => (value === namespace ? "is the gateway's own" : problems.namespaceProblem(value)),
  });
  const aws = await readAws(flags, take);
  const others = await readCluster(flags, { name, namespace, ...aws }, take);
  const { cluster = null } = flags;
  if (cluster !== null) {
    const problemOf = problems.uidProblem;
    await take({
      flag: "--cluster",
      given: cluster,
      question: "UID of namespace kube-system",
      fallback: null,
      problemOf,
    });
  }
  return { name, namespace, serversNamespace, ...aws, ...others, cluster };
}

type Aws = Pick<ClusterProject, "region" | "account" | "path" | "kmsKey">;

async function readAws(flags: ProjectFlags, take: Take): Promise<Aws> {
  const region = await take({
    flag: "--region",
    given: flags.region,
    question: "AWS region of the parameters, like eu-central-1",
    fallback: null,
    problemOf: problems.regionProblem,
  });
  const account = await take({
    flag: "--account",
    given: flags.account,
    question: "AWS account of the parameters, 12 digits",
    fallback: null,
    problemOf: problems.accountProblem,
  });
  const path = await take({
    flag: "--path",
    given: flags.path,
    question: "Path of the parameters",
    fallback: "/mcp-gateway/keys",
    problemOf: problems.pathProblem,
  });
  const kmsKey = await take({
    flag: "--kms-key",
    given: flags.kmsKey,
    question: "KMS key of the parameters (empty: AWS's own)",
    fallback: "",
    problemOf: problems.kmsKeyProblem({ region, account }),
  });
  return { region, account, path, kmsKey: kmsKey === "" ? null : kmsKey };
}

type InCluster = Pick<
  ClusterProject,
  "kubeContext" | "iamRoleArn" | "image" | "url" | "oncallGroup" | "apiServerCidrs"
>;

async function readCluster(
  flags: ProjectFlags,
  { name, namespace, region, account }: Aws & { readonly name: string; readonly namespace: string },
  take: Take,
): Promise<InCluster> {
  const kubeContext = await take({
    flag: "--kube-context",
    given: flags.kubeContext,
    question: "Context of the kubeconfig that leads to the cluster",
    fallback: null,
    problemOf: problems.contextProblem,
  });
  const iamRoleArn = await take({
    flag: "--iam-role-arn",
    given: flags.iamRoleArn,
    question: "ARN of the IAM role that External Secrets reads the parameters with",
    fallback: defaultIamRole(region, account, name),
    problemOf: problems.roleArnProblem,
  });
  const image = await take({
    flag: "--image",
    given: flags.image,
    question: "Image with mcpctl in its PATH, best by digest",
    fallback: null,
    problemOf: problems.imageProblem,
  });
  const url = await take({
    flag: "--url",
    given: flags.url,
    question: "URL at which agents reach the gateway",
    fallback: `http://${name}.${namespace}.svc:${PORTS.mcp}`,
    problemOf: problems.urlProblem,
  });
  const oncallGroup = await take({
    flag: "--oncall-group",
    given: flags.oncallGroup,
    question: "Group of the cluster's users who sync and break glass",
    fallback: `${name}-oncall`,
    problemOf: problems.groupProblem,
  });
  const ranges = await take({
    flag: "--api-server-cidr",
    given: flags.apiServerCidr?.join(" "),
    question: "Addresses from which the API server connects to pods, like 10.0.0.0/16",
    fallback: CIDR_PLACEHOLDER,
    problemOf: problems.rangesProblem,
  });
  return { kubeContext, iamRoleArn, image, url, oncallGroup, apiServerCidrs: problems.splitRanges(ranges) };
}

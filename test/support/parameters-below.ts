import { GetParametersByPathCommand, SSMClient, type Parameter } from "@aws-sdk/client-ssm";
import { TEST_CREDENTIALS, type MotoServer } from "./moto.ts";

/** What stands in the account, asked by the SDK alone: no code of ours is between, nor any fault. */
export async function parametersBelow({ url }: MotoServer, path: string): Promise<readonly Parameter[]> {
  const ssm = new SSMClient({ region: "eu-central-1", endpoint: url, credentials: TEST_CREDENTIALS });
  const found: Parameter[] = [];
  let NextToken: string | undefined;
  do {
    const input = { Path: path, Recursive: true, WithDecryption: true, ...(NextToken ? { NextToken } : {}) };
    const answer = await ssm.send(new GetParametersByPathCommand(input));
    found.push(...(answer.Parameters ?? []));
    NextToken = answer.NextToken;
  } while (NextToken);
  ssm.destroy();
  return found;
}

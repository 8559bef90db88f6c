/** One call of SSM as anybody else would make it, past mcpctl. */
export async function ssmCall(url: string, action: string, body: object): Promise<unknown> {
  const scope = "AKIAIOSFODNN7EXAMPLE/20261120/eu-central-1/ssm/aws4_request";
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `AmazonSSM.${action}`,
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(body),
  });
  return response.json();
}

/** The names of all parameters below this path. */
export async function parameterNames(url: string, path: string): Promise<readonly string[]> {
  const names: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = (await ssmCall(url, "GetParametersByPath", { Path: path, Recursive: true, NextToken })) as {
      readonly Parameters: readonly { readonly Name: string }[];
      readonly NextToken?: string;
    };
    names.push(...page.Parameters.map(({ Name }) => Name));
    ({ NextToken } = page);
  } while (NextToken !== undefined);
  return names;
}

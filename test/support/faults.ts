import type { Answer, Fault } from "./fault-proxy.ts";

/** Stands in every made-up refusal; an error message that holds it quotes the service. */
export const SERVICE_TEXT = "said-by-the-service";

/** Refused before anything behind the proxy sees it, in the protocol of the service. */
export function refuse(code: string, status = 400): Fault {
  return (call) =>
    call.service === "sts" || call.service === "iam"
      ? queryError(call.service, code, status)
      : json({ __type: code, message: SERVICE_TEXT }, status);
}

export const throttle = (): Fault => refuse("ThrottlingException");
export const denyAccess = (): Fault => refuse("AccessDeniedException");
export const failBeforeWrite = (): Fault => refuse("InternalServerError", 500);

/** The call is carried out, and its answer replaced by a 500. */
export function failAfterWrite(): Fault {
  return async (call, forward) => {
    await forward();
    return refuse("InternalServerError", 500)(call, forward);
  };
}

export const cutConnection = (): Fault => () => "cut";

/** The call is carried out, and the connection cut before its answer. */
export function cutAfterWrite(): Fault {
  return async (_call, forward): Promise<"cut"> => {
    await forward();
    return "cut";
  };
}

/** Never answered: as slow as an answer can be. */
export const neverAnswer = (): Fault => () => "hang";

/** A read that does not see the parameters yet. */
export const staleRead = (): Fault => (call) => json({ Parameters: [], InvalidParameters: call.body["Names"] });

/** A list that does not see these parameters yet. */
export function olderList(unseen: ReadonlySet<string>): Fault {
  return async (_call, forward) => {
    const answer = JSON.parse((await forward()).body) as { Parameters: { Name: string }[] };
    return json({ ...answer, Parameters: answer.Parameters.filter(({ Name }) => !unseen.has(Name)) });
  };
}

/** No parameter, and the token of the page that was asked for: the next call gets what this one should have. */
export function emptyPage(): Fault {
  return (call) => json({ Parameters: [], NextToken: call.body["NextToken"] ?? "0" });
}

/** GetCallerIdentity of another account. */
export function account(id: string): Fault {
  const identity = `<Arn>arn:aws:iam::${id}:user/test</Arn><UserId>AIDATEST</UserId><Account>${id}</Account>`;
  const result = `<GetCallerIdentityResult>${identity}</GetCallerIdentityResult>`;
  return () => xml(`<GetCallerIdentityResponse xmlns="${STS_NAMESPACE}">${result}</GetCallerIdentityResponse>`, 200);
}

/** An answer of something that is not AWS, such as a captive portal. */
export function page(status: number): Fault {
  return () => ({ status, contentType: "text/html", body: `<html><body>${SERVICE_TEXT}</body></html>` });
}

export function json(body: unknown, status = 200): Answer {
  return { status, contentType: "application/x-amz-json-1.1", body: JSON.stringify(body) };
}

const STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/";

const IAM_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/";

/** An answer of IAM, whose result has these elements. */
export function iamAnswer(action: string, elements: string): Fault {
  const result = `<${action}Result>${elements}</${action}Result>`;
  return () => xml(`<${action}Response xmlns="${IAM_NAMESPACE}">${result}</${action}Response>`, 200);
}

function queryError(service: string, code: string, status: number): Answer {
  const namespace = service === "sts" ? STS_NAMESPACE : IAM_NAMESPACE;
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${SERVICE_TEXT}</Message></Error>`;
  return xml(`<ErrorResponse xmlns="${namespace}">${error}<RequestId>test</RequestId></ErrorResponse>`, status);
}

function xml(body: string, status: number): Answer {
  return { status, contentType: "text/xml", body };
}

import { PROBLEM_CONTENT_TYPE, problemJson } from '@flotilla/kernel';

export interface AdminReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export function ok(value: unknown): AdminReply {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

/** RFC 9457. */
export function problem(
  status: number,
  code: string,
  detail?: string,
  more: { readonly headers?: Readonly<Record<string, string>>; readonly problems?: readonly string[] } = {},
): AdminReply {
  const { headers, problems } = more;
  return {
    status,
    contentType: PROBLEM_CONTENT_TYPE,
    body: `${problemJson({ status, code, detail }, { problems })}
`,
    ...(headers && { headers }),
  };
}

export const NOT_FOUND: AdminReply = problem(404, 'not-found');
export const UNAUTHORIZED: AdminReply = problem(401, 'unauthorized', undefined, {
  headers: { 'www-authenticate': 'Bearer' },
});
